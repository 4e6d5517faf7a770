#!/bin/sh
# Pin every dependency with hashes, for all platforms; no index address gets into the files.
# uv comes from PyPI into a folder of its own. What is pinned already stays unless UPGRADE=1.
set -eu
cd "$(dirname "$0")/.."

if [ ! -x .venv-lock/bin/uv ]; then
    python3 -m venv .venv-lock
    .venv-lock/bin/python -m pip install --quiet uv
fi

compile() {
    target=$1
    shift
    .venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
        ${UPGRADE:+--upgrade} --output-file "$target" "$@"
}

compile requirements.lock pyproject.toml scripts/build-requirements.txt
compile requirements-dev.lock pyproject.toml scripts/build-requirements.txt \
    --extra dev --extra lab --constraint requirements.lock
