"""Where the demo's villages, groups and houses lie: invented places around the township's true point.

Owns the lay-out: twelve villages within about seven kilometres of 106.97133° E, 32.24785° N (WGS84; GeoNames
7020074, Xingma), their groups on the slopes around, houses in clusters. Refuses to pass for a survey: only the
township's own point is true.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, radians, sin
from random import Random

TOWNSHIP_LAT, TOWNSHIP_LON = 32.24785, 106.97133
_KM_PER_DEGREE_LAT = 110.9
_KM_PER_DEGREE_LON = 111.32 * cos(radians(TOWNSHIP_LAT))


@dataclass(frozen=True)
class Point:
    """A place in WGS84 degrees."""

    lat: float
    lon: float

    def moved(self, east_km: float, north_km: float) -> Point:
        """The place so many kilometres away (plane enough for a township)."""
        return Point(
            round(self.lat + north_km / _KM_PER_DEGREE_LAT, 6),
            round(self.lon + east_km / _KM_PER_DEGREE_LON, 6),
        )


TOWNSHIP = Point(TOWNSHIP_LAT, TOWNSHIP_LON)


def village_centre(rng: Random, number: int, of: int) -> Point:
    """The centre of the n-th village: the first two at the market, the others in two rings around it."""
    if number < 2:
        return TOWNSHIP.moved(0.25 - 0.5 * number, 0.15 - 0.4 * number)
    ring = 3.2 if number % 2 else 6.2
    angle = 2 * pi * (number - 2) / max(of - 2, 1) + rng.uniform(-0.12, 0.12)
    distance = ring + rng.uniform(-0.5, 0.5)
    return TOWNSHIP.moved(distance * cos(angle), distance * sin(angle))


def group_centre(rng: Random, village: Point, number: int, of: int) -> Point:
    """The centre of a group, around its village."""
    angle = 2 * pi * number / of + rng.uniform(-0.3, 0.3)
    distance = rng.uniform(0.5, 1.1)
    return village.moved(distance * cos(angle), distance * sin(angle))


def house(rng: Random, group: Point) -> Point:
    """A house near its group's centre (standard deviation 140 m)."""
    return group.moved(rng.gauss(0, 0.14), rng.gauss(0, 0.14))


def at_the_door(rng: Random, house_at: Point) -> tuple[Point, float]:
    """Where a tablet says it is when it stands at the house, and the accuracy it claims, in metres."""
    accuracy_m = round(rng.uniform(4, 28), 1)
    return house_at.moved(rng.gauss(0, 0.006), rng.gauss(0, 0.006)), accuracy_m
