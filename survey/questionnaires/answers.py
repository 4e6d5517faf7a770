"""Whether a text is a value of a data type.

Owns the lexical checks of the XForms data types as the engine and the server apply them to every answer. It
knows nothing of forms. https://getodk.github.io/xforms-spec/#data-types
"""

from __future__ import annotations

import re
from datetime import UTC, date
from typing import Final

from survey.questionnaires.xpath_geography import parse_points
from survey.questionnaires.xpath_values import parse_moment

_INTEGER: Final = re.compile(r"[+-]?\d{1,18}\Z", re.ASCII)
_DECIMAL: Final = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})\Z", re.ASCII)
_TIME: Final = re.compile(
    r"([01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-](?:0\d|1[0-4]):?[0-5]\d)?\Z", re.ASCII
)
_DATE_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?\Z", re.ASCII
)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)


def is_value(text: str, kind: str) -> bool:
    """Whether a non-empty text is a value of a bind type; an unknown type is text and takes anything.

    >>> is_value("12", "int"), is_value("abc", "int"), is_value("2026-02-30", "date")
    (True, False, False)
    """
    if kind == "int":
        return _INTEGER.match(text) is not None and -(2**31) <= int(text) < 2**31
    if kind == "decimal":
        return _DECIMAL.match(text) is not None
    if kind == "date":
        return _is_date(text)
    if kind == "time":
        return _TIME.match(text) is not None
    if kind == "dateTime":
        return _DATE_TIME.match(text) is not None and parse_moment(text, UTC) is not None
    if kind == "boolean":
        return text in ("true", "false", "1", "0")
    if kind in ("geopoint", "geotrace", "geoshape"):
        return _is_geometry(text, kind)
    if kind == "binary":
        return not any(character in text for character in "/\\\0") and text not in (".", "..")
    return True


def _is_date(text: str) -> bool:
    if not _DATE.match(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_geometry(text: str, kind: str) -> bool:
    points = parse_points(text)
    if points is None:
        return False
    if kind == "geopoint":
        return len(points) == 1 and ";" not in text
    if kind == "geotrace":
        return len(points) >= 2
    return len(points) >= 4 and points[0] == points[-1]
