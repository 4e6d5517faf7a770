#!/bin/sh
# Runs every case file of a folder through the questionnaire engine; fails if a case of any of them failed.
set -eu
cases=${1:?which folder holds the case files}
status=0
run() {
    for file in "$cases"/$2; do
        [ -e "$file" ] || continue
        echo "$1 $file"
        .venv/bin/python -m survey.questionnaires.conformance "$1" "$file" || status=1
    done
}
run xpath 'xpath_cases*.jsonl'
run scenarios 'scenario_cases*.jsonl'
run xlsforms 'xlsforms*.csv'
exit $status
