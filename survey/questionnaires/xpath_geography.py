"""Functions of places: area, distance, geofence.

Owns the reading of geopoint, geotrace and geoshape texts and the measures on a sphere of the radius that the
reference engines use, given in whole hundredths as they give them. What is no place has no measure (NaN) and lies in no fence.
https://getodk.github.io/xforms-spec/#fn:Geographic-Functions
"""

# ruff: noqa: ARG001 - every function takes scope and node, few need them
from __future__ import annotations

import math
from itertools import pairwise
from typing import Final

from survey.questionnaires.tree import Node
from survey.questionnaires.xpath_registry import (
    BOOLEAN,
    FUNCTIONS,
    NUMBER,
    function,
    texts_of,
)
from survey.questionnaires.xpath_values import (
    NAN,
    Scope,
    Value,
    to_text,
)

EARTH_RADIUS_M: Final = 6_378_100
DECIMALS: Final = 2
"""Digits of an area or a distance: a centimetre is less than any position is known to."""


def parse_points(text: str) -> list[tuple[float, float]] | None:
    """Latitudes and longitudes of a geopoint, geotrace or geoshape; None if any point is not one.

    >>> parse_points("31.2 107.1 0 5;31.3 107.1")
    [(31.2, 107.1), (31.3, 107.1)]
    """
    points = []
    for part in text.strip().rstrip(";").split(";"):
        numbers = part.split()
        if not 2 <= len(numbers) <= 4:
            return None
        try:
            latitude, longitude, *_ = (float(n) for n in numbers)
        except ValueError:
            return None
        if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
            return None
        points.append((latitude, longitude))
    return points


def _points(values: tuple[Value, ...]) -> list[tuple[float, float]] | None:
    points: list[tuple[float, float]] = []
    for text in texts_of(values):
        if not text.strip():
            continue
        found = parse_points(text)
        if found is None:
            return None
        points.extend(found)
    return points


@function("area", 1, 1, NUMBER)
def _area(scope: Scope, node: Node, *values: Value) -> float:
    points = _points(values)
    if points is None:
        return NAN
    total = 0.0
    for (lat1, lon1), (lat2, lon2) in zip(points, points[1:] + points[:1], strict=True):
        total += math.radians(lon2 - lon1) * (2 + math.sin(math.radians(lat1)) + math.sin(math.radians(lat2)))
    return round(abs(total * EARTH_RADIUS_M**2 / 2), DECIMALS)


FUNCTIONS["enclosed-area"] = FUNCTIONS["area"]


@function("distance", 1, None, NUMBER)
def _distance(scope: Scope, node: Node, *values: Value) -> float:
    points = _points(values)
    if points is None:
        return NAN
    total = 0.0
    for (lat1, lon1), (lat2, lon2) in pairwise(points):
        a, b, step = math.radians(lat1), math.radians(lat2), math.radians(lon2 - lon1)
        h = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(step / 2) ** 2
        total += 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(h)))
    return round(total, DECIMALS)


@function("geofence", 2, 2, BOOLEAN)
def _geofence(scope: Scope, node: Node, point: Value, shape: Value) -> bool:
    inside = parse_points(to_text(point))
    ring = parse_points(to_text(shape))
    if not inside or not ring or len(ring) < 4 or ring[0] != ring[-1]:
        return False
    y, x = inside[0]
    odd = False
    for (y1, x1), (y2, x2) in pairwise(ring):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            odd = not odd
    return odd
