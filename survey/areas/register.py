"""The register of areas: what stands, stood and succeeded, and the groups under villages.

Owns reading areas by scope and date, their names, and the acts of an administrator on groups and successors.
An area is valid from `valid_from` up to, not including, `valid_until`. Refuses to delete an area (old records
name it) and to close a group in which households live. Whole lists come in by `survey.areas.importing`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from models import Area, AreaLevel, Household, HouseholdStatus
from survey.access import audit
from survey.access.permissions import Action, Actor, found, inside, service, within
from survey.areas import codes
from survey.problems import Problem

__all__ = [
    "LONGEST_NAME",
    "AreaLevel",
    "AreaView",
    "add_group",
    "add_groups",
    "area",
    "areas",
    "close",
    "groups",
    "name_of",
    "names",
    "rename",
    "require_valid",
    "set_successor",
    "valid_on",
    "villages",
]

LONGEST_NAME = 60


@dataclass(frozen=True)
class AreaView:
    """An area as it stands in the register; `lat`, `lon` in WGS84 degrees where a place is known."""

    code: str
    level: AreaLevel
    name: str
    short_name: str
    parent_code: str | None
    valid_from: date
    valid_until: date | None
    successor_code: str | None
    lat: float | None
    lon: float | None

    def valid(self, on: date) -> bool:
        """Whether it stands that day."""
        return self.valid_from <= on and (self.valid_until is None or on < self.valid_until)


def valid_on(on: date) -> sa.ColumnElement[bool]:
    """The SQL predicate that an area stands that day."""
    return sa.and_(
        col(Area.valid_from) <= on,
        sa.or_(col(Area.valid_until).is_(None), col(Area.valid_until) > on),
    )


def view(row: Area) -> AreaView:
    """The read model of a row."""
    return AreaView(
        code=row.code,
        level=row.level,
        name=row.name,
        short_name=row.short_name,
        parent_code=row.parent_code,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        successor_code=row.successor_code,
        lat=row.lat,
        lon=row.lon,
    )


@service(Action.AREAS_READ)
def villages(session: Session, actor: Actor, /, *, on: date) -> tuple[AreaView, ...]:
    """The villages in the actor's scope that stand that day, by code.

    Whoever is posted to a group gets the village it lies in.
    """
    around = [prefix[:12] for prefix in actor.prefixes(Action.AREAS_READ) if len(prefix) > 12]
    rows = session.exec(
        select(Area)
        .where(
            col(Area.level) == AreaLevel.VILLAGE,
            sa.or_(inside(actor, Action.AREAS_READ, col(Area.code)), col(Area.code).in_(around)),
            valid_on(on),
        )
        .order_by(col(Area.code))
    )
    return tuple(view(row) for row in rows)


@service(Action.AREAS_READ)
def groups(session: Session, actor: Actor, /, village_code: str, *, on: date) -> tuple[AreaView, ...]:
    """The groups of a village in the actor's scope that stand that day, by code."""
    rows = session.exec(
        select(Area)
        .where(
            col(Area.parent_code) == village_code,
            inside(actor, Action.AREAS_READ, col(Area.code)),
            valid_on(on),
        )
        .order_by(col(Area.code))
    )
    return tuple(view(row) for row in rows)


@service(Action.AREAS_READ)
def areas(
    session: Session, actor: Actor, /, *, on: date | None = None, prefix: str = ""
) -> tuple[AreaView, ...]:
    """Every area in scope by code: those that stand that day, or all that ever stood without a day."""
    query = select(Area).where(
        inside(actor, Action.AREAS_READ, col(Area.code)), within(col(Area.code), prefix)
    )
    if on is not None:
        query = query.where(valid_on(on))
    return tuple(view(row) for row in session.exec(query.order_by(col(Area.code))))


@service(Action.AREAS_READ)
def area(session: Session, actor: Actor, /, code: str) -> AreaView:
    """One area in scope; problem `access.not_found`."""
    return view(_row(session, actor, Action.AREAS_READ, code))


def names(session: Session, area_codes: Iterable[str]) -> dict[str, str]:
    """Code → name as people say it; a group carries its village's name ("余家坪村1社").

    No service: a name is no record of a person, and whoever holds a code may show what it means. A code
    that the register lacks is its own name.
    """
    wanted = set(area_codes)
    needed = wanted | {codes.village_of(code) for code in wanted if len(code) == 14}
    rows = session.execute(
        sa.select(Area.code, Area.short_name).where(col(Area.code).in_(sorted(needed)))  # type: ignore[call-overload]
    )
    short = {row.code: row.short_name for row in rows}
    return {code: _spoken(code, short) for code in wanted}


def name_of(session: Session, code: str) -> str:
    """The spoken name of one area, see `names`."""
    return names(session, [code])[code]


def _spoken(code: str, short: dict[str, str]) -> str:
    own = short.get(code, code)
    return short.get(code[:12], "") + own if len(code) == 14 and code in short else own


def require_valid(session: Session, code: str, on: date) -> AreaView:
    """The area, where it stands that day; problems `access.not_found`, `areas.closed`."""
    row = session.get(Area, code)
    if row is None:
        raise Problem("access.not_found")
    standing = view(row)
    if not standing.valid(on):
        raise Problem("areas.closed", name=row.short_name, valid_until=row.valid_until or row.valid_from)
    return standing


@service(Action.AREAS_WRITE)
def add_group(
    session: Session, actor: Actor, /, village_code: str, number: int, *, name: str = "", on: date
) -> AreaView:
    """Add a group to a village, from that day on; without a name it is called by its number ("3社").

    Problems `areas.group_number`, `areas.group_exists`, `areas.name`, `areas.closed`. Audited.
    """
    village = _row(session, actor, Action.AREAS_WRITE, codes.village_of(village_code))
    require_valid(session, village.code, on)
    code = codes.group_code(village.code, number)
    present = session.get(Area, code)
    if present is not None:
        raise Problem(
            "areas.group_exists", village=village.short_name, number=number, name=present.short_name
        )
    name = _checked_name(name or f"{number}社")
    row = Area(
        code=code,
        level=AreaLevel.GROUP,
        name=name,
        short_name=name,
        parent_code=village.code,
        valid_from=on,
        source=f"entered by {actor.audit_name}",
    )
    session.add(row)
    audit.append(session, actor, "area.add", kind="area", id=code, area_code=code)
    return view(row)


@service(Action.AREAS_WRITE)
def add_groups(
    session: Session, actor: Actor, /, village_code: str, count: int, *, on: date
) -> tuple[AreaView, ...]:
    """Add the groups 1 to `count` of a village, called by their numbers; those it has or had stay as they are.

    Returns the added ones. Problems `areas.group_number`, `areas.closed`, `access.not_found`. Audited one by one.
    """
    village = _row(session, actor, Action.AREAS_WRITE, codes.village_of(village_code))
    require_valid(session, village.code, on)
    codes.group_code(village.code, count)
    known = set(session.exec(select(Area.code).where(col(Area.parent_code) == village.code)))
    numbers = [n for n in range(1, count + 1) if codes.group_code(village.code, n) not in known]
    return tuple(add_group(session, actor, village.code, number, on=on) for number in numbers)


@service(Action.AREAS_WRITE)
def rename(session: Session, actor: Actor, /, code: str, name: str) -> AreaView:
    """Call an area in use by another short name; the official name of a village stays. Audited."""
    row = _row(session, actor, Action.AREAS_WRITE, code)
    row.short_name = _checked_name(name)
    if row.level is AreaLevel.GROUP:
        row.name = row.short_name
    audit.append(session, actor, "area.rename", kind="area", id=code, area_code=code)
    return view(row)


@service(Action.AREAS_WRITE)
def close(session: Session, actor: Actor, /, code: str, *, on: date) -> AreaView:
    """Close an area from that day on. Problems `areas.households_left`, `areas.closed`. Audited."""
    row = _row(session, actor, Action.AREAS_WRITE, code)
    require_valid(session, code, on)
    left = session.exec(
        select(sa.func.count()).where(
            within(col(Household.area_code), code), col(Household.status) == HouseholdStatus.ACTIVE
        )
    ).one()
    if left:
        raise Problem("areas.households_left", name=row.short_name, n=left)
    row.valid_until = on
    audit.append(session, actor, "area.close", kind="area", id=code, area_code=code)
    return view(row)


@service(Action.AREAS_WRITE)
def reopen(session: Session, actor: Actor, /, code: str) -> AreaView:
    """Put a closed area in use again, a village with the groups that were closed on its day; it has no successor then.

    Problems `areas.in_use`, and `areas.closed` for the area it lies in. Audited.
    """
    row = _row(session, actor, Action.AREAS_WRITE, code)
    if row.valid_until is None:
        raise Problem("areas.in_use", name=row.short_name)
    above = session.get(Area, row.parent_code) if row.parent_code else None
    if above is not None and above.valid_until is not None:
        raise Problem("areas.closed", name=above.short_name, valid_until=above.valid_until)
    put_in_use(session, row)
    audit.append(session, actor, "area.reopen", kind="area", id=code, area_code=code)
    return view(row)


def put_in_use(session: Session, row: Area) -> None:
    """Undo the closing of an area, for a village with the groups that were closed on its day.

    No service: whoever changes areas has checked the area.
    """
    if row.level is AreaLevel.VILLAGE:
        session.execute(
            sa.update(Area)
            .where(col(Area.parent_code) == row.code, col(Area.valid_until) == row.valid_until)
            .values(valid_until=None, successor_code=None)
        )
    row.valid_until, row.successor_code = None, None
    session.flush()


@service(Action.AREAS_WRITE)
def set_successor(session: Session, actor: Actor, /, code: str, successor_code: str | None) -> AreaView:
    """Say into which area a closed one went, or that it is not known. Problem `areas.successor`. Audited."""
    row = _row(session, actor, Action.AREAS_WRITE, code)
    if successor_code is not None:
        successor = session.get(Area, successor_code)
        fits = successor is not None and successor.level is row.level and successor.valid_until is None
        if not fits or successor_code == code or row.valid_until is None:
            raise Problem("areas.successor", name=row.short_name, successor=successor_code)
    row.successor_code = successor_code
    audit.append(session, actor, "area.successor", kind="area", id=code, area_code=code)
    return view(row)


def _row(session: Session, actor: Actor, action: Action, code: str) -> Area:
    return found(session, actor, action, Area, code)


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Problem("areas.name", maximum=LONGEST_NAME)
    return name
