"""The layers of the map: unresolved cases and hardship households as points, villages as labels.

Owns the points' queries: filters in SQL, the actor's areas only, at most `LIMIT` points, no personal names. A case
without a place of its own stands at its household's. Refuses the hardship layer to whoever may not read
hardship files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col

from models import Case, CaseState, HardshipFile, Household, HouseholdStatus
from survey.access.permissions import Action, Actor, inside, service, within
from survey.areas import register
from survey.cases import worklists
from survey.cases.worklists import CaseFilter
from survey.maps.basemaps import DEFAULT_VIEW, Box

LIMIT = 500
CASES, HARDSHIP = "cases", "hardship"
_MARGIN_DEGREES = 0.004


class Point(NamedTuple):
    """One point for the browser: WGS84 degrees, how it looks (a category), whether it is late, what it is."""

    lat: float
    lon: float
    look: str
    overdue: bool
    id: str


@dataclass(frozen=True)
class Layer:
    """Points of a layer and how many things it has under the filter, with a place or without."""

    points: tuple[Point, ...]
    total: int

    @property
    def shown(self) -> int:
        """How many have a place and are drawn."""
        return len(self.points)

    @property
    def is_cut(self) -> bool:
        """Whether there are more points than are drawn."""
        return self.shown >= LIMIT


class Label(NamedTuple):
    """A name on the map."""

    lat: float
    lon: float
    text: str


@service(Action.CASES_READ)
def cases(session: Session, actor: Actor, chosen: CaseFilter, on: date) -> Layer:
    """The cases not finished under the filter, the most urgent `LIMIT` of those that have a place."""
    condition = worklists.matching(actor, chosen, on)
    lat = sa.func.coalesce(col(Case.lat), col(Household.lat)).label("lat")
    lon = sa.func.coalesce(col(Case.lon), col(Household.lon)).label("lon")
    late = sa.and_(col(Case.state) != CaseState.REPLIED, col(Case.due_on) < on).label("late")
    placed = (
        sa.select(lat, lon, col(Case.category), late, col(Case.id))
        .join(Household, col(Household.id) == col(Case.household_id), isouter=True)
        .where(condition, lat.is_not(None), lon.is_not(None))
        .order_by(*worklists.most_urgent_first(), col(Case.id))
        .limit(LIMIT)
    )
    total = session.execute(sa.select(sa.func.count()).select_from(Case).where(condition)).scalar_one()
    return Layer(_points(session, placed), total)


@service(Action.HARDSHIP_READ)
def hardship(
    session: Session, actor: Actor, village: str | None, on: date, *, overdue: bool = False
) -> Layer:
    """The households with an open hardship file (of a village, late for their contact), at most `LIMIT`."""
    conditions = [
        col(HardshipFile.closed_on).is_(None),
        inside(actor, Action.HARDSHIP_READ, HardshipFile.area_code),
        within(HardshipFile.area_code, village or ""),
        col(Household.status) == HouseholdStatus.ACTIVE,
    ]
    late = col(HardshipFile.next_contact_on) < on
    if overdue:
        conditions.append(late)
    placed = (
        sa.select(
            col(Household.lat),
            col(Household.lon),
            sa.literal(HARDSHIP),
            sa.func.coalesce(late, sa.false()),
            col(Household.id),
        )
        .join(Household, col(Household.id) == col(HardshipFile.household_id))
        .where(*conditions, col(Household.lat).is_not(None), col(Household.lon).is_not(None))
        .order_by(col(HardshipFile.next_contact_on), col(HardshipFile.id))
        .limit(LIMIT)
    )
    counted = (
        sa.select(sa.func.count())
        .select_from(HardshipFile)
        .join(Household, col(Household.id) == col(HardshipFile.household_id))
        .where(*conditions)
    )
    return Layer(_points(session, placed), session.execute(counted).scalar_one())


@service(Action.AREAS_READ)
def labels(session: Session, actor: Actor, on: date) -> tuple[Label, ...]:
    """The names of the actor's villages that have a place."""
    return tuple(
        Label(area.lat, area.lon, area.short_name)
        for area in register.villages(session, actor, on=on)
        if area.lat is not None and area.lon is not None
    )


def extent(points: Iterable[Point | Label]) -> Box:
    """The rectangle around points, with a margin of about 400 m; around the default view for none.

    >>> extent([]).north > extent([]).south
    True
    """
    places = [(point.lat, point.lon) for point in points] or [DEFAULT_VIEW]
    lats, lons = zip(*places, strict=True)
    return Box(min(lats), min(lons), max(lats), max(lons)).widened(_MARGIN_DEGREES)


def _points(session: Session, query: sa.Executable) -> tuple[Point, ...]:
    return tuple(
        Point(round(lat, 6), round(lon, 6), look, bool(late), id)
        for lat, lon, look, late, id in session.execute(query)
    )
