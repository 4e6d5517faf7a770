"""The command line `minqing`: the commands put together and the one place where their mistakes are told.

Owns the program's entry point. Refuses tracebacks for a person's mistake: a sentence on stderr, exit status 2;
status 1 is a command that worked and found something broken.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

from survey import composition, i18n
from survey.commands import areas, demo, frame, imports, serve, snapshots, store, users
from survey.problems import Problem

EXIT_PROBLEM = 2
EXIT_INTERRUPTED = 130


@frame.group("minqing")
def minqing() -> None:
    """Minqing (民情): household visits, hardship contacts and villagers' matters."""
    composition.wire()


for _command in (
    serve.serve,
    imports.import_file,
    areas.areas,
    store.check,
    store.backup,
    store.restore,
    users.user,
    snapshots.snapshot,
    demo.demo,
):
    minqing.add_command(_command)


def installed_version() -> str:
    """The version of the installed package."""
    try:
        return version("minqing")
    except PackageNotFoundError:
        return "0"


click.version_option(installed_version(), prog_name="minqing", message="%(prog)s %(version)s")(minqing)


def run(arguments: list[str] | None = None) -> int:
    """Run one command line; its exit status."""
    with i18n.speaking(frame.language_of()):
        return _run(arguments)


def _run(arguments: list[str] | None) -> int:
    try:
        outcome: Any = minqing.main(arguments, prog_name="minqing", standalone_mode=False)
    except Problem as problem:
        return _told(problem)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        return EXIT_PROBLEM
    except click.ClickException as error:
        return _told(frame.problem_of(error))
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    return outcome if isinstance(outcome, int) else 0


def _told(problem: Problem) -> int:
    click.echo(problem.text(i18n.language()), err=True)
    return EXIT_PROBLEM


def main() -> None:
    """Entry point of the installed command; what it makes is for the user's own eyes (umask 077)."""
    os.umask(0o077)
    sys.exit(run())


if __name__ == "__main__":
    main()
