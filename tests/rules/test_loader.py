"""Dated parameters: which value held on a day, what a repeal means, and what a file may not say."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from survey.rules import loader

GOOD = """
test.interval:
  label: {zh: 间隔, en: Interval}
  unit: calendar_day
  source: an instrument, article 1
  values:
    - {from: 2012-01-01, value: 31}
    - {from: 2020-07-01, value: 15}
    - {from: 2024-01-01, value: null}
    - {from: 2025-01-01, value: 20}
"""


def _interval() -> loader.Parameter:
    return loader.parse("test.yaml", GOOD)["test.interval"]


@pytest.mark.parametrize(
    ("on", "value"),
    [
        (date(2012, 1, 1), 31),
        (date(2020, 6, 30), 31),
        (date(2020, 7, 1), 15),
        (date(2023, 12, 31), 15),
        (date(2025, 1, 1), 20),
        (date(2099, 1, 1), 20),
    ],
)
def test_a_value_holds_from_its_date_until_the_next(on: date, value: int) -> None:
    assert _interval().at(on) == value


@pytest.mark.parametrize("on", [date(2011, 12, 31), date(2024, 1, 1), date(2024, 12, 31)])
def test_no_value_is_given_before_the_first_or_after_a_repeal(on: date) -> None:
    with pytest.raises(KeyError, match=f"test.interval has no value on {on}"):
        _interval().at(on)


@pytest.mark.parametrize(
    ("was", "becomes", "words"),
    [
        ("unit: calendar_day", "unit: fortnight", "unknown unit 'fortnight'"),
        ("  unit: calendar_day\n", "", "unknown unit None"),
        ("  source: an instrument, article 1\n", "", "a rule needs its source"),
        ("source: an instrument, article 1", "source: ''", "a rule needs its source"),
        ("from: 2020-07-01", "from: 2026-01-01", "dates must ascend, each once"),
        ("from: 2020-07-01", "from: 2012-01-01", "dates must ascend, each once"),
    ],
)
def test_what_is_out_of_order_is_refused_by_file_and_key(was: str, becomes: str, words: str) -> None:
    assert was in GOOD
    with pytest.raises(ValueError, match=f"test.yaml: test.interval: {words}"):
        loader.parse("test.yaml", GOOD.replace(was, becomes))


def test_a_parameter_without_a_value_is_refused() -> None:
    text = GOOD[: GOOD.index("  values:")] + "  values: []\n"
    with pytest.raises(ValueError, match=r"test\.yaml: test\.interval: dates must ascend"):
        loader.parse("test.yaml", text)


@pytest.mark.parametrize("text", [GOOD + GOOD, GOOD + "  unit: month\n"])
def test_a_key_given_twice_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duplicate keys"):
        loader.parse("test.yaml", text)


def test_an_empty_file_holds_nothing() -> None:
    assert loader.parse("test.yaml", "# nothing yet\n") == {}


@pytest.mark.parametrize("key", sorted(loader.parameters()))
def test_every_shipped_parameter_is_labelled_in_both_languages_and_begins_on_its_first_day(key: str) -> None:
    parameter = loader.parameter(key)
    assert set(parameter.label) == {"zh", "en"}
    assert all(parameter.label.values())
    first, value = parameter.values[0]
    assert parameter.at(first) == value
    with pytest.raises(KeyError):
        parameter.at(first - timedelta(days=1))


def test_an_unknown_parameter_is_an_error_and_no_default() -> None:
    with pytest.raises(KeyError):
        loader.parameter_at("accounts.no_such_rule", date(2026, 5, 6))
