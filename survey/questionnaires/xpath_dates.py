"""Functions of dates and times.

Owns `now`, `today`, `date`, the decimal and the formatting functions; month and day names come from Babel in the
language in use. The clock and the zone are the environment's.
https://getodk.github.io/xforms-spec/#fn:Date-and-Time-Functions
"""

# ruff: noqa: ARG001 - every function takes scope and node, few need them
from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import get_day_names, get_month_names

from survey.questionnaires.tree import Node
from survey.questionnaires.xpath_registry import (
    ANY,
    FUNCTIONS,
    MOMENT,
    NUMBER,
    TEXT,
    Function,
    function,
)
from survey.questionnaires.xpath_values import (
    NAN,
    Moment,
    Scope,
    Value,
    milliseconds_of,
    parse_moment,
    to_moment,
    to_text,
)


@function("now", 0, 0, MOMENT, volatile=True)
def _now(scope: Scope, node: Node) -> Moment:
    return Moment(milliseconds_of(scope.environment.now()), scope.zone, exact=True)


@function("today", 0, 0, MOMENT, volatile=True)
def _today(scope: Scope, node: Node) -> Moment:
    local = scope.environment.now().astimezone(scope.zone)
    midnight = datetime(local.year, local.month, local.day, tzinfo=scope.zone)
    return Moment(milliseconds_of(midnight), scope.zone)


def _date(scope: Scope, node: Node, value: Value) -> Value:
    if not isinstance(value, (bool, float, Moment)) and to_text(value) == "":
        return ""
    return to_moment(scope, value)


FUNCTIONS["date"] = Function(1, 1, ANY, _date)


FUNCTIONS["date-time"] = Function(1, 1, ANY, _date)


@function("decimal-date-time", 1, 1, NUMBER)
def _decimal_date_time(scope: Scope, node: Node, value: Value) -> float:
    return to_moment(scope, value).days


_TIME = re.compile(r"(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?\Z", re.ASCII)


@function("decimal-time", 1, 1, NUMBER)
def _decimal_time(scope: Scope, node: Node, value: Value) -> float:
    text = to_text(value).strip()
    found = _TIME.match(text)
    if not found or int(found[1]) > 23 or int(found[2]) > 59 or int(found[3] or 0) > 59:
        return NAN
    ms = parse_moment(f"1970-01-01T{text}", scope.zone)
    local = None if ms is None else Moment(ms, scope.zone).local()
    if local is None:
        return NAN
    seconds = local.hour * 3600 + local.minute * 60 + local.second + local.microsecond / 1e6
    return seconds / 86_400


@lru_cache(maxsize=64)
def _short_names(language: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Short month names from January, short day names from Monday."""
    try:
        locale = Locale.parse(language.replace("-", "_") or "en")
    except (UnknownLocaleError, ValueError):
        locale = Locale("en")
    months = get_month_names("abbreviated", locale=locale)
    days = get_day_names("abbreviated", locale=locale)
    return tuple(months[m] for m in range(1, 13)), tuple(days[d] for d in range(7))


def _format(scope: Scope, value: Value, pattern: Value) -> str:
    moment = to_moment(scope, value)
    local = moment.local()
    if local is None:
        return ""

    def part(found: re.Match[str]) -> str:
        months, days = _short_names(scope.environment.language)
        texts = {
            "Y": f"{local.year:04d}",
            "y": f"{local.year % 100:02d}",
            "m": f"{local.month:02d}",
            "n": str(local.month),
            "b": months[local.month - 1],
            "d": f"{local.day:02d}",
            "e": str(local.day),
            "H": f"{local.hour:02d}",
            "h": str(local.hour),
            "M": f"{local.minute:02d}",
            "S": f"{local.second:02d}",
            "3": f"{local.microsecond // 1000:03d}",
            "a": days[local.weekday()],
            "%": "%",
        }
        return texts.get(found[1], found[0])

    return re.sub("%(.)", part, to_text(pattern))


@function("format-date", 2, 2, TEXT)
def _format_date(scope: Scope, node: Node, value: Value, pattern: Value) -> str:
    return _format(scope, value, pattern)


@function("format-date-time", 2, 2, TEXT)
def _format_date_time(scope: Scope, node: Node, value: Value, pattern: Value) -> str:
    return _format(scope, value, pattern)
