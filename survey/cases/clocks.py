"""Deadlines of cases: from a start date, a number and a unit to the last day. Pure.

Owns counting calendar days, workdays and months. The first day is not counted (民法典 201). A deadline that falls
on a holiday is not moved: the earlier day is the stricter reading. Which day is a workday is injected
(`survey.rules.workdays`); without it every Monday to Friday counts as one.
Refuses negative numbers.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import date, timedelta
from enum import StrEnum

_SATURDAY = 5


class Unit(StrEnum):
    """Units a clock counts in; plain 日 is a calendar day, only 工作日 is a workday."""

    CALENDAR_DAY = "calendar_day"
    WORKDAY = "workday"
    MONTH = "month"


def is_weekday(day: date) -> bool:
    """Whether a day is Monday to Friday: the stand-in where no holiday table is known."""
    return day.weekday() < _SATURDAY


def due_on(start: date, n: int, unit: Unit, is_workday: Callable[[date], bool] = is_weekday) -> date:
    """The last day of a period of `n` units after `start`; the start itself is not counted.

    A month ends on the same day of the month, or on its last day where that is missing (民法典 202).
    `ValueError` for a negative number.

    >>> due_on(date(2026, 11, 20), 3, Unit.WORKDAY)
    datetime.date(2026, 11, 25)
    >>> due_on(date(2028, 1, 31), 1, Unit.MONTH)
    datetime.date(2028, 2, 29)
    """
    if n < 0:
        raise ValueError("a period cannot be negative")
    if unit is Unit.CALENDAR_DAY:
        return start + timedelta(days=n)
    if unit is Unit.MONTH:
        return _months_later(start, n)
    day = start
    for _ in range(n):
        day += timedelta(days=1)
        while not is_workday(day):
            day += timedelta(days=1)
    return day


def days_left(due: date, on: date) -> int:
    """Calendar days until the deadline: 0 on its last day, negative when overdue.

    >>> days_left(date(2026, 11, 20), date(2026, 11, 22))
    -2
    """
    return (due - on).days


def _months_later(start: date, n: int) -> date:
    months = start.year * 12 + start.month - 1 + n
    year, month = divmod(months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(start.day, last))
