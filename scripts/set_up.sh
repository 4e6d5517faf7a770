#!/bin/sh
# The virtual environment .venv with every package pinned: `set_up.sh run` to use the program,
# `set_up.sh dev` to test and to work in notebooks. Run again, it only adds what is missing.
set -eu
cd "$(dirname "$0")/.."
kind=$1
. scripts/system.sh

find_python() {
    for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
            command -v "$name"
            return
        fi
    done
    fail "Python 3.11 or newer is needed. Debian and Ubuntu: apt-get install python3"
}

if [ ! -x .venv/bin/python ]; then
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        install_packages python3-venv
    fi
    "$python" -m venv .venv
fi

case $kind in
    run) lock=requirements.lock ;;
    dev) lock=requirements-dev.lock ;;
    *) fail "set_up.sh run|dev" ;;
esac
echo "Setting up .venv from $lock (the first time takes some minutes) ..."
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
touch ".venv/.set-up-$kind"
