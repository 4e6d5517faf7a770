"""What lies under the points: nothing but a grid, or the base map the township configured.

Owns the base map's settings and the default view. Refuses addresses that are neither of this server nor http(s)
tile addresses, with `maps.basemap_address`, so that a map never asks another host unless somebody configured it.
Coordinates are WGS84; a base map in GCJ-02 (高德, 腾讯) would lie about 500 m off and must not be configured.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10

from survey.config import Settings
from survey.problems import Problem

MAX_ZOOM = 18
DEFAULT_VIEW = (32.24785, 106.97133)
"""Latitude and longitude where nothing else is known: the township's point (GeoNames 7020074, Xingma)."""


@dataclass(frozen=True)
class Basemap:
    """A tile address with `{z}`, `{x}`, `{y}`, and whom to name for it."""

    url: str
    attribution: str


def configured(settings: Settings) -> Basemap | None:
    """The base map of the settings, none by default; problem `maps.basemap_address`."""
    url = settings.basemap_url.strip()
    if not url:
        return None
    is_tiles = all(part in url for part in ("{z}", "{x}", "{y}"))
    if not is_tiles or not url.startswith(("https://", "http://", "/")):
        raise Problem("maps.basemap_address")
    return Basemap(url, settings.basemap_attribution)


@dataclass(frozen=True)
class Box:
    """A rectangle in WGS84 degrees."""

    south: float
    west: float
    north: float
    east: float

    def widened(self, degrees: float) -> Box:
        """The rectangle, larger by so many degrees on each side."""
        return Box(self.south - degrees, self.west - degrees, self.north + degrees, self.east + degrees)


def grid(box: Box, lines: int = 6, reach: float = 0.0) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Round latitudes and longitudes for a grid of at most so many lines over the rectangle's height.

    The grid goes on beyond the rectangle by `reach` times its height.

    >>> grid(Box(32.21, 106.91, 32.29, 107.03), 4)
    ((32.22, 32.24, 32.26, 32.28), (106.92, 106.94, 106.96, 106.98, 107.0, 107.02))
    """
    height = max(box.north - box.south, 1e-4)
    step = _round_step(height / lines)
    wide = box.widened(height * reach)
    return _multiples(wide.south, wide.north, step), _multiples(wide.west, wide.east, step)


def _round_step(wanted: float) -> float:
    power: float = 10 ** floor(log10(wanted))
    return float(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= wanted * 0.999))


def _multiples(low: float, high: float, step: float) -> tuple[float, ...]:
    return tuple(round(n * step, 6) for n in range(ceil(low / step), floor(high / step) + 1))
