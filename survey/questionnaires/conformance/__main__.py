"""The command `python -m survey.questionnaires.conformance`: one kind of cases, one file.

Owns the arguments. Exit status 0 when every case passed, 1 when one failed, 2 for a mistake in the arguments.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from survey.questionnaires.conformance import form_cases, scenario_cases, verdicts, xpath_cases

KINDS = {
    "xpath": xpath_cases.verdicts,
    "scenarios": scenario_cases.verdicts,
    "xlsforms": form_cases.verdicts,
}


@click.command("conformance")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="One line a case, to a file."
)
def main(kind: str, path: Path, json_path: Path | None) -> None:
    """Run the cases of PATH: expressions, scripts of whole forms (.jsonl), or a list of XLSForms (.csv)."""
    passed = verdicts.account(KINDS[kind](path), sys.stdout, json_path)
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main(prog_name="python -m survey.questionnaires.conformance")
