"""Answers as text and as what a widget holds, both ways."""

from __future__ import annotations

from datetime import date, datetime, time

import pytest

from survey.questionnaires.answers import is_value
from survey.ui import form_parts, form_texts
from tests.unit.drawn_forms import form_of, started


def reader_of(row: str) -> form_texts.ToText:
    (view,) = form_parts.questions(started(form_of(row)).items())
    return form_texts.reader(view)


@pytest.mark.parametrize(
    ("row", "held", "text"),
    [
        ("text | q | Q", "水", "水"),
        ("text | q | Q | numbers", "0123", "0123"),
        ("integer | q | Q", 7, "7"),
        ("integer | q | Q", None, ""),
        ("decimal | q | Q", 2.5, "2.5"),
        ("decimal | q | Q", 0.00001, "0.00001"),
        ("date | q | Q", date(2026, 5, 6), "2026-05-06"),
        ("date | q | Q | year", 1949, "1949-01-01"),
        ("date | q | Q | year", None, ""),
        ("time | q | Q", time(8, 30), "08:30:00.000+08:00"),
        ("dateTime | q | Q", datetime(2026, 5, 6, 8, 30), "2026-05-06T08:30:00.000+08:00"),
        ("select_one yn | q | Q", "yes", "yes"),
        ("select_one yn | q | Q", None, ""),
        ("select_multiple yn | q | Q", ["no", "yes"], "yes no"),
        ("select_multiple yn | q | Q", [], ""),
        ("acknowledge | q | Q", True, "OK"),
        ("acknowledge | q | Q", False, ""),
    ],
)
def test_what_a_widget_holds_becomes_the_engine_s_text(row: str, held: object, text: str) -> None:
    assert reader_of(row)(held) == text


@pytest.mark.parametrize("number", [0.1, 1e-7, 123456789.125, -2.5, 1e15, 0.0])
def test_a_decimal_survives_the_way_to_text_and_back(number: float) -> None:
    text = form_texts.number_text(number)
    assert is_value(text, "decimal")
    assert form_texts.decimal_in(text) == pytest.approx(number, rel=1e-12)


@pytest.mark.parametrize("text", ["", "abc", "nan", "inf", "1e400", "99999999999999999999"])
def test_what_no_widget_can_hold_is_shown_as_nothing(text: str) -> None:
    assert form_texts.decimal_in(text) is None
    assert form_texts.integer_in(text) is None


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "2026-02-30T10:00:00+08:00", "25:00", "🙂"])
def test_no_moment_is_shown_as_nothing(text: str) -> None:
    assert form_texts.instant_in(text) is None
    assert form_texts.date_in(text) is None
    assert form_texts.time_in(text) is None


@pytest.mark.parametrize("text", ["", "1", "a b", "91 0 0 0", "0 181 0 0", "nan nan 0 0", "31.2 inf 0 0"])
def test_no_place_is_shown_as_nothing(text: str) -> None:
    assert form_texts.point_in(text) == ()
