"""`minqing import KIND FILE`: lists coming in from the machine itself, first as a preview.

Owns the kinds and what is printed. The work is in the module of each kind. Refuses to write without `--commit`, and
a file that cannot be read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click
from sqlmodel import Session

from survey import db, i18n
from survey.access.permissions import Actor
from survey.areas import importing
from survey.commands import frame
from survey.i18n import gettext as _
from survey.problems import Problem

_SHOWN = 20


def _areas(
    session: Session, actor: Actor, content: bytes, file: str, commit: bool, allow_closing: bool
) -> None:
    report = importing.import_villages(
        session, actor, content, file=file, commit=commit, allow_closing=allow_closing
    )
    frame.say(_("{file} was read as {encoding}.", file=file, encoding=report.encoding))
    frame.say(_("List of {vintage}: {n} areas unchanged.", vintage=report.vintage, n=report.unchanged))
    _say_list(_("{n} areas new", n=len(report.added)), [f"{code} {name}" for code, name in report.added])
    _say_list(
        _("{n} areas with another name", n=len(report.renamed)),
        [f"{item.code} {item.before} → {item.after}" for item in report.renamed],
    )
    _say_list(
        _("{n} areas in use again", n=len(report.reopened)),
        [f"{code} {name}" for code, name in report.reopened],
    )
    _say_list(
        _("{n} areas that the list lacks, closed on its date", n=len(report.closed)),
        [f"{code} {name}" for code, name in report.closed],
    )
    _say_list(
        _("{n} villages to be closed have active households", n=len(report.inhabited)),
        [f"{code} {name}" for code, name in report.inhabited],
    )
    if report.too_many and not allow_closing:
        frame.say(_("The list closes many villages or inhabited ones: --commit also needs --allow-closing."))
    if report.closed:
        frame.say(_("The list does not say who succeeded them; enter it under administration."))


# Each kind reads one file whole, says what it changes, and writes only when told to.
KINDS: Mapping[str, Callable[[Session, Actor, bytes, str, bool, bool], None]] = {"areas": _areas}


@frame.command("import")
@click.argument("kind")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--commit", is_flag=True, help="Write it; without this only a preview is shown.")
@click.option(
    "--allow-closing", is_flag=True, help="Even if many villages or inhabited ones are closed by it."
)
def import_file(kind: str, file: Path, commit: bool, allow_closing: bool) -> None:
    """Take over a list, such as the villages of a county: import areas FILE.csv --commit."""
    if kind not in KINDS:
        raise Problem("imports.unknown_kind", kind=kind, kinds=i18n.listed(KINDS))
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Problem("imports.no_file", file=file) from error
    with frame.opened(create=commit), db.session_scope() as session:
        KINDS[kind](session, frame.operator(), content, file.name, commit, allow_closing)
    if commit:
        frame.say(_("Imported."))
    else:
        frame.say(_("This is a preview: nothing was written. Add --commit to import."))


def _say_list(title: str, lines: Sequence[str]) -> None:
    if not lines:
        return
    frame.say(title)
    for line in lines[:_SHOWN]:
        frame.say(f"  {line}")
    if len(lines) > _SHOWN:
        frame.say("  " + _("… and {n} more", n=len(lines) - _SHOWN))
