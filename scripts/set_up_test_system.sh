#!/bin/sh
# What the tests need beside Python: Chromium, Chinese glyphs, PostgreSQL. Installed where missing and allowed.
set -eu
cd "$(dirname "$0")/.."
. scripts/system.sh

missing=
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
if ! command -v fc-list >/dev/null 2>&1 || [ -z "$(fc-list :lang=zh-cn family)" ]; then
    missing="$missing fontconfig fonts-noto-cjk"
fi
if ! command -v initdb >/dev/null 2>&1 && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
    missing="$missing postgresql"
fi
# shellcheck disable=SC2086
[ -z "$missing" ] || install_packages $missing
touch .venv/.set-up-system
