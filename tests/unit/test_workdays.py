"""Workdays by the notices of the State Council, and what is done for years that have none yet."""

from __future__ import annotations

from datetime import date

import pytest

from survey.cases import categories
from survey.rules import workdays


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 9, 20), True),  # a Sunday worked for the National Day holiday
        (date(2026, 9, 30), True),
        (date(2026, 10, 1), False),
        (date(2026, 10, 7), False),
        (date(2026, 10, 10), True),  # a Saturday worked for it
        (date(2026, 10, 11), False),
        (date(2025, 1, 28), False),  # the eve of the Spring Festival, a Tuesday
    ],
)
def test_public_holidays_and_shifted_workdays(day: date, expected: bool) -> None:
    assert workdays.is_known(day.year)
    assert workdays.is_workday(day) is expected


@pytest.mark.parametrize(("day", "expected"), [(date(2099, 1, 1), True), (date(2099, 1, 3), False)])
def test_in_a_year_without_a_notice_monday_to_friday_are_workdays(day: date, expected: bool) -> None:
    assert not workdays.is_known(day.year)
    assert workdays.is_workday(day) is expected


def test_a_deadline_in_workdays_leaves_out_the_holiday_and_counts_the_saturday_worked_for_it() -> None:
    assert categories.answer_due_on("policy_question", date(2026, 9, 30)) == date(2026, 10, 10)


@pytest.mark.parametrize(
    ("raised_on", "due_on", "years"),
    [
        (date(2026, 5, 6), date(2026, 5, 14), ()),
        (date(2098, 12, 30), date(2099, 1, 8), (2098, 2099)),
        (None, date(2099, 1, 8), ()),
        (date(2099, 1, 8), None, ()),
    ],
)
def test_a_deadline_knows_the_years_whose_holidays_it_did_not_know(
    raised_on: date | None, due_on: date | None, years: tuple[int, ...]
) -> None:
    assert categories.years_without_holidays("water", raised_on, due_on) == years
    assert categories.years_without_holidays("dropped", raised_on, due_on) == ()
