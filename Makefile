# Everything sets itself up: `make demo` and `make test` work in a fresh clone.

PYTHON := .venv/bin/python
CODE := app.py models.py pages survey tests benchmarks scripts
PARALLEL ?= 2

CASES ?= cases

.PHONY: help demo test lab bench conformance format lint types messages docs lock clean
.DEFAULT_GOAL := help

help: ## Show the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

demo: .venv/.set-up-run ## Build a synthetic township and serve it
	.venv/bin/minqing demo $(ARGS)

test: .venv/.set-up-dev .venv/.set-up-system lint types ## All checks: lint, types, tests on both databases and in the browser
	$(PYTHON) -m pytest -q -n $(PARALLEL) --dist worksteal --timeout 300 $(ARGS)

lab: .venv/.set-up-dev ## Open the notebooks
	scripts/lab.sh $(ARGS)

bench: .venv/.set-up-dev ## Measure speed and memory
	$(PYTHON) -m benchmarks $(ARGS)

conformance: .venv/.set-up-dev ## Compare the engine with the case files in CASES=DIR
	scripts/conformance.sh $(CASES)

format: .venv/.set-up-dev ## Format the code
	$(PYTHON) -m ruff check --fix --quiet $(CODE)
	$(PYTHON) -m ruff format $(CODE)

lint: .venv/.set-up-dev ## Check style and format
	$(PYTHON) -m ruff check $(CODE)
	$(PYTHON) -m ruff format --check --quiet $(CODE)

types: .venv/.set-up-dev ## Check types
	$(PYTHON) -m mypy

messages: .venv/.set-up-dev ## Show what is not translated; ARGS=FILE.tsv merges translations
	$(PYTHON) -m scripts.messages $(ARGS)

docs: .venv/.set-up-dev ## Write the generated pages of docs/
	$(PYTHON) -m scripts.generate_docs

lock: ## Pin the dependencies again (UPGRADE=1: to their newest versions)
	scripts/lock.sh

clean: ## Remove what set-up made; no data
	rm -rf .venv .venv-lock .mypy_cache .ruff_cache *.egg-info

.venv/.set-up-run: requirements.lock pyproject.toml scripts/set_up.sh
	scripts/set_up.sh run

.venv/.set-up-dev: requirements-dev.lock pyproject.toml scripts/set_up.sh
	scripts/set_up.sh dev

.venv/.set-up-system: scripts/set_up_test_system.sh | .venv/.set-up-dev
	scripts/set_up_test_system.sh
