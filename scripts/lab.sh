#!/bin/sh
# Open the notebooks: copies in lab/ (yours to change), beside a new snapshot of the store.
set -eu
cd "$(dirname "$0")/.."
mkdir -p lab
for notebook in notebooks/*.ipynb; do
    [ -e "lab/$(basename "$notebook")" ] || cp "$notebook" lab/
done
rm -rf lab/snapshot
.venv/bin/minqing snapshot --out lab/snapshot
exec .venv/bin/jupyter lab --notebook-dir lab "$@"
