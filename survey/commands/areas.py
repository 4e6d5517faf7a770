"""`minqing areas …`: the register of areas printed, the groups of a village added, a closed area put in use again.

Owns the options and what is printed. The work is in `survey.areas.register`. Refuses nothing of its own.
"""

from __future__ import annotations

from datetime import date, datetime

import click

from survey import db, i18n
from survey.areas import register
from survey.areas.register import AreaView
from survey.commands import frame
from survey.i18n import gettext as _
from survey.rules import codes


@frame.group("areas")
def areas() -> None:
    """The register of areas."""


@areas.command("list")
@click.option("--area", "prefix", default="", metavar="CODE", help="Only this area and those inside it.")
@click.option(
    "--on", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="As of that day (default: today)."
)
@click.option("--all", "closed_too", is_flag=True, help="Also areas no longer in use.")
def list_areas(prefix: str, on: datetime | None, closed_too: bool) -> None:
    """List areas: code, level, name, and for closed ones until when and who succeeded."""
    day = None if closed_too else _day(on)
    with frame.opened(), db.reading() as session:
        found = register.areas(session, frame.operator(), on=day, prefix=prefix)
    for area in found:
        frame.say(_line(area))
    if not found:
        frame.say(_("No areas here. Import a list first: minqing import areas FILE.csv --commit"))


_since = click.option(
    "--from", "starts", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="First day (default: today)."
)


@areas.command("add-group")
@click.argument("village")
@click.argument("number", type=int)
@click.option("--name", default="", metavar="NAME", help="What the group is called (default: by its number).")
@_since
def add_group(village: str, number: int, name: str, starts: datetime | None) -> None:
    """Add one group to a village: areas add-group 511922125200 3 --name 河边社."""
    with frame.opened(), db.session_scope() as session:
        added = register.add_group(session, frame.operator(), village, number, name=name, on=_day(starts))
    frame.say(_line(added))


@areas.command("add-groups")
@click.argument("village")
@click.argument("count", type=int)
@_since
def add_groups(village: str, count: int, starts: datetime | None) -> None:
    """Add the groups 1 to COUNT to a village; those that it has already stay as they are."""
    with frame.opened(), db.session_scope() as session:
        added = register.add_groups(session, frame.operator(), village, count, on=_day(starts))
    for area in added:
        frame.say(_line(area))
    frame.say(_("{n} groups added.", n=len(added)))


@areas.command("reopen")
@click.argument("code")
def reopen(code: str) -> None:
    """Put a closed area in use again; a village with the groups that were closed on its day."""
    with frame.opened(), db.session_scope() as session:
        area = register.reopen(session, frame.operator(), code)
    frame.say(_line(area))


def _day(on: datetime | None) -> date:
    return on.date() if on else i18n.today()


def _line(area: AreaView) -> str:
    line = f"{area.code:<14}  {codes.label('area_level', area.level)}  {area.short_name}"
    if area.valid_until is None:
        return line
    until = _("in use until {day}", day=area.valid_until)
    heir = (
        _("succeeded by {code}", code=area.successor_code)
        if area.successor_code
        else _("successor not known")
    )
    return f"{line}  ({until}, {heir})"
