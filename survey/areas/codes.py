"""Area codes: text of 6, 9, 12 or 14 digits, where a prefix means inside.

Owns the shape of a code, its level, its parent and the order of groups under a village. The first twelve
digits are the statistical area code (统计用区划代码: county 6, township 9, village 12); the two for a group
(社) are the project's own. Refuses anything but digits of these lengths. Pure.
"""

from __future__ import annotations

from models import AreaLevel
from survey.problems import Problem

LENGTHS = {
    AreaLevel.COUNTY: 6,
    AreaLevel.TOWNSHIP: 9,
    AreaLevel.VILLAGE: 12,
    AreaLevel.GROUP: 14,
}
_LEVELS = {length: level for level, length in LENGTHS.items()}
HIGHEST_GROUP = 99


def is_code(text: str) -> bool:
    """Whether the text has the shape of an area code."""
    return text.isascii() and text.isdigit() and len(text) in _LEVELS


def level_of(code: str) -> AreaLevel:
    """The level of a code; problem `areas.code_shape`.

    >>> level_of("511922125200").value
    'village'
    """
    if not is_code(code):
        raise Problem("areas.code_shape", area=code)
    return _LEVELS[len(code)]


def parent_of(code: str) -> str | None:
    """The code one level up; none above a county.

    >>> parent_of("51192212520001")
    '511922125200'
    """
    shorter = [length for length in _LEVELS if length < len(code)]
    level_of(code)
    return code[: max(shorter)] if shorter else None


def ancestors_of(code: str) -> tuple[str, ...]:
    """The codes above, county first.

    >>> ancestors_of("51192212520001")
    ('511922', '511922125', '511922125200')
    """
    level_of(code)
    return tuple(code[:length] for length in sorted(_LEVELS) if length < len(code))


def is_inside(code: str, prefix: str) -> bool:
    """Whether an area is the other one or lies in it; the empty prefix is everywhere.

    >>> is_inside("51192212520001", "511922125"), is_inside("511922126", "511922125")
    (True, False)
    """
    return code.startswith(prefix)


def village_of(code: str) -> str:
    """The village of a group or village code; problem `areas.code_shape` for codes above."""
    if level_of(code) not in (AreaLevel.VILLAGE, AreaLevel.GROUP):
        raise Problem("areas.code_shape", area=code)
    return code[: LENGTHS[AreaLevel.VILLAGE]]


def group_code(village_code: str, number: int) -> str:
    """The code of a village's group by its number, 1 to 99; problem `areas.group_number`.

    >>> group_code("511922125200", 3)
    '51192212520003'
    """
    if not 1 <= number <= HIGHEST_GROUP:
        raise Problem("areas.group_number", number=number, maximum=HIGHEST_GROUP)
    return f"{village_of(village_code)}{number:02d}"
