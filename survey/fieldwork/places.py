"""Where a visit took place, beside where its household's village lies.

Owns the village's point (its own, else the middle of its registered households) and the judgement that a position is
too far from it to be the house: a tablet that found no satellites, a visit entered at the township. Refuses to judge
where the village's place is not known.
"""

from __future__ import annotations

from datetime import date
from math import asin, cos, radians, sin, sqrt

import sqlalchemy as sa
from sqlmodel import Session, col

from models import Area, Household
from survey.access.permissions import Action, Actor, inside, service, within
from survey.rules.loader import parameter_at

_EARTH_RADIUS_KM = 6371.0
_FEWEST_PLACES = 3
_VILLAGE_DIGITS = 12


@service(Action.VISITS_RECORD)
def far_from_village(
    session: Session, actor: Actor, household_id: str, lat: float, lon: float, *, on: date
) -> float | None:
    """How many kilometres a position (WGS84) lies from a household's village, where that is too far to be the house."""
    area_code = session.execute(
        sa.select(col(Household.area_code)).where(
            col(Household.id) == household_id, inside(actor, Action.VISITS_RECORD, Household.area_code)
        )
    ).scalar_one_or_none()
    return None if area_code is None else far(session, area_code, lat, lon, on)


def far(session: Session, area_code: str, lat: float, lon: float, on: date) -> float | None:
    """As `far_from_village`, for what lies in an area; by `fieldwork.far_place_m` of that day."""
    centre = _village_point(session, area_code[:_VILLAGE_DIGITS])
    if centre is None:
        return None
    away_km = distance_km(*centre, lat, lon)
    return away_km if away_km * 1000 > parameter_at("fieldwork.far_place_m", on) else None


def distance_km(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """The way between two places in WGS84 degrees, on a sphere (haversine; a few parts in a thousand off).

    >>> round(distance_km(32.0, 106.9, 33.0, 106.9), 1)
    111.2
    """
    north, east = radians(other_lat - lat) / 2, radians(other_lon - lon) / 2
    chord = sin(north) ** 2 + cos(radians(lat)) * cos(radians(other_lat)) * sin(east) ** 2
    return 2 * _EARTH_RADIUS_KM * asin(sqrt(chord))


def _village_point(session: Session, village: str) -> tuple[float, float] | None:
    area = session.get(Area, village)
    if area is not None and area.lat is not None and area.lon is not None:
        return area.lat, area.lon
    found = session.execute(
        sa.select(sa.func.count(), sa.func.avg(col(Household.lat)), sa.func.avg(col(Household.lon))).where(
            within(Household.area_code, village), col(Household.lat).is_not(None)
        )
    ).one()
    return (found[1], found[2]) if found[0] >= _FEWEST_PLACES else None
