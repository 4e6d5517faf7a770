"""What has no documentation fails: commands, options, addresses, variables, parameters, problems, dependencies."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from scripts import generate_docs
from survey import serving

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
_VARIABLE = re.compile(r"^(MINQING_[A-Z_]+|DATABASE_URL)$")


@pytest.mark.parametrize("name", generate_docs.PAGES)
def test_a_generated_page_is_not_stale(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == generate_docs.text_of(name), "run `make docs`"


def _variables() -> set[str]:
    found = set()
    for path in [ROOT / "app.py", *(ROOT / "survey").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _VARIABLE.match(node.value):
                found.add(node.value)
    return found


def _first_cells(page: str) -> set[str]:
    return set(re.findall(r"^\| `?([^`|]+?)`? \|", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE))


def test_every_variable_is_documented_and_every_documented_one_exists() -> None:
    documented = {cell for cell in _first_cells("settings.md") if _VARIABLE.match(cell)}
    assert documented == _variables()


def test_every_flag_of_streamlit_is_documented_with_its_reason() -> None:
    flags = {flag for flag in serving.FLAGS if not flag.startswith("theme.")}
    documented = {cell for cell in _first_cells("settings.md") if "." in cell and cell != "theme.*"}
    assert documented == flags


def _declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        wanted += extra
    return {re.split(r"[\[<>=~! ]", line)[0] for line in wanted} - {"minqing"}


def test_every_dependency_has_its_reason() -> None:
    documented = _first_cells("dependencies.md") - {"package", "---"}
    assert documented == _declared()


def test_every_dependency_is_pinned_with_hashes_and_without_addresses() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "://" not in text
        requirements = re.split(r"\n(?=\S)", text.strip())
        assert len(requirements) > 40
        assert [line for line in requirements if "==" not in line or "--hash=sha256:" not in line] == []
    pinned = set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))
    assert _declared() - pinned == set()


def test_links_between_our_pages_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ]
    assert broken == []


def test_decisions_are_numbered_once() -> None:
    numbers = [path.name[:4] for path in (DOCS / "adr").glob("*.md")]
    assert all(number.isdigit() for number in numbers)
    assert len(numbers) == len(set(numbers))


def test_the_changelog_names_the_version_or_what_is_unreleased() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## Unreleased" in text or f"## {version}" in text
