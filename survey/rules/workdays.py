"""Which days are workdays (工作日): Monday to Friday without public holidays, and the weekend days worked for them.

Owns the answer for one day, from the yearly notices of the State Council (国务院办公厅关于部分节假日安排的通知, under
全国年节及纪念日放假办法) as the package chinesecalendar holds them. Such a notice comes out in the last months of the year
before; for a year without one every Monday to Friday counts, and `is_known` says so, for the screen to tell.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import chinese_calendar

_SATURDAY = 5


@lru_cache(maxsize=4096)
def is_workday(day: date) -> bool:
    """Whether a day is a workday; Monday to Friday in a year whose holidays are not known.

    >>> is_workday(date(2026, 10, 1)), is_workday(date(2026, 10, 10))
    (False, True)
    """
    if not is_known(day.year):
        return day.weekday() < _SATURDAY
    return bool(chinese_calendar.is_workday(day))


@lru_cache(maxsize=256)
def is_known(year: int) -> bool:
    """Whether the public holidays of a year are known."""
    try:
        chinese_calendar.is_workday(date(year, 1, 1))
    except NotImplementedError:
        return False
    return True
