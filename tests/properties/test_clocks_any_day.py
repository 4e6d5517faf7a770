"""Deadlines for any start and any length."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from survey.cases.clocks import Unit, days_left, due_on, is_weekday

DAYS = st.dates(date(2004, 1, 1), date(2040, 12, 31))
LENGTHS = st.integers(0, 120)


@given(DAYS, LENGTHS)
def test_a_workday_period_holds_exactly_n_workdays_after_its_start(start: date, n: int) -> None:
    due = due_on(start, n, Unit.WORKDAY)
    between = [start + timedelta(days=k) for k in range(1, (due - start).days + 1)]
    assert sum(map(is_weekday, between)) == n
    assert n == 0 or is_weekday(due)


@given(DAYS, LENGTHS, st.sampled_from(list(Unit)))
def test_a_longer_period_never_ends_earlier(start: date, n: int, unit: Unit) -> None:
    assert due_on(start, n, unit) <= due_on(start, n + 1, unit)


@given(DAYS, LENGTHS)
def test_on_its_last_day_nothing_is_overdue(start: date, n: int) -> None:
    due = due_on(start, n, Unit.CALENDAR_DAY)
    assert days_left(due, due) == 0
    assert days_left(due, due + timedelta(days=1)) == -1
