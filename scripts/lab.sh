#!/bin/sh
# Open the notebooks: copies in lab/ (yours to change, never overwritten), beside a new snapshot of the store.
# Where there is no store yet, a demo township is built first, so that the first notebook runs.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
data=${MINQING_DATA:-minqing-data}
if [ -z "${DATABASE_URL:-}" ] && [ ! -e "$data/minqing.db" ]; then
    minqing demo --no-serve
fi
mkdir -p lab
for notebook in notebooks/*.ipynb; do
    [ -e "lab/$(basename "$notebook")" ] || cp "$notebook" lab/
done
rm -rf lab/.new-snapshot
minqing snapshot --out lab/.new-snapshot
rm -rf lab/snapshot
mv lab/.new-snapshot lab/snapshot
root=""
[ "$(id -u)" -ne 0 ] || root="--allow-root"
cd lab
# No request leaves the machine: neither news, nor updates, nor the list of extensions.
exec jupyter lab $root \
    --LabApp.news_url=None \
    --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate \
    --LabApp.extension_manager=readonly \
    "$@" 01-four-difficulties-by-village.ipynb
