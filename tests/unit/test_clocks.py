"""Deadlines: dated situations and the last day they give."""

from __future__ import annotations

from datetime import date

import pytest

from survey.cases import categories
from survey.cases.clocks import Unit, days_left, due_on
from survey.problems import Problem

FRIDAY = date(2026, 11, 20)

DEADLINES = (
    (FRIDAY, 0, Unit.WORKDAY, FRIDAY),
    (FRIDAY, 1, Unit.WORKDAY, date(2026, 11, 23)),
    (FRIDAY, 5, Unit.WORKDAY, date(2026, 11, 27)),
    (FRIDAY, 7, Unit.WORKDAY, date(2026, 12, 1)),
    (date(2026, 11, 21), 3, Unit.WORKDAY, date(2026, 11, 25)),
    (FRIDAY, 15, Unit.CALENDAR_DAY, date(2026, 12, 5)),
    (date(2028, 2, 28), 1, Unit.CALENDAR_DAY, date(2028, 2, 29)),
    (date(2026, 12, 31), 60, Unit.CALENDAR_DAY, date(2027, 3, 1)),
    (date(2026, 12, 15), 1, Unit.MONTH, date(2027, 1, 15)),
    (date(2027, 1, 31), 1, Unit.MONTH, date(2027, 2, 28)),
)


@pytest.mark.parametrize(("start", "n", "unit", "expected"), DEADLINES)
def test_the_last_day(start: date, n: int, unit: Unit, expected: date) -> None:
    assert due_on(start, n, unit) == expected


def test_holidays_and_shifted_workdays_come_from_outside() -> None:
    national_days = {date(2026, 10, day) for day in range(1, 8)}
    shifted = {date(2026, 10, 10)}

    def is_workday(day: date) -> bool:
        return day in shifted or (day.weekday() < 5 and day not in national_days)

    assert due_on(date(2026, 9, 30), 3, Unit.WORKDAY, is_workday) == date(2026, 10, 10)


def test_a_negative_period_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        due_on(FRIDAY, -1, Unit.CALENDAR_DAY)


def test_days_left_is_negative_after_the_last_day() -> None:
    assert days_left(FRIDAY, FRIDAY) == 0
    assert days_left(FRIDAY, date(2026, 11, 23)) == -3


ANSWERS = (
    ("water", date(2026, 12, 1)),
    ("policy_question", date(2026, 11, 25)),
    ("environment", date(2026, 12, 1)),
    ("dispute", date(2026, 12, 1)),
    ("other", date(2026, 12, 1)),
)


@pytest.mark.parametrize(("category", "expected"), ANSWERS)
def test_each_category_has_its_day_of_answer(category: str, expected: date) -> None:
    assert categories.answer_due_on(category, FRIDAY) == expected


def test_every_category_has_a_rule_since_2012() -> None:
    for category in categories.every():
        assert categories.answer_due_on(category, date(2012, 6, 1)) > date(2012, 6, 1)


@pytest.mark.parametrize("category", ["accusation", "complaint_about_cadre", ""])
def test_an_accusation_is_no_category(category: str) -> None:
    with pytest.raises(Problem) as raised:
        categories.track_of(category)
    assert raised.value.code == "cases.unknown_category"
