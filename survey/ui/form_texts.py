"""What a widget holds as the text the engine keeps, and back.

Owns the translation both ways for each kind of question. Pure. Refuses to judge: what stands for no value of a widget
reads as nothing, and the engine's message says so beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from typing import Any, Final

from survey import i18n
from survey.questionnaires.views import Choice, QuestionView

ToText = Callable[[Any], str]
MOMENTS: Final = frozenset({"date", "time", "dateTime", "datetime"})
_MOST_INTEGER: Final = 2**53 - 1


def is_number(view: QuestionView) -> bool:
    """Whether a question is answered with a number."""
    return view.data_type in ("int", "integer", "decimal")


def is_year(view: QuestionView) -> bool:
    """Whether only the year of a date is asked for."""
    return view.type == "date" and "year" in view.appearance.split()


def is_month(view: QuestionView) -> bool:
    """Whether only the month and the year of a date are asked for."""
    return view.type == "date" and "month-year" in view.appearance.split()


def reader(view: QuestionView) -> ToText:
    """How what the question's widget holds becomes the text the engine keeps."""
    if view.control == "select":
        return in_order(view.choices)
    if view.control == "trigger":
        return lambda on: "OK" if on else ""
    if is_year(view):
        return lambda year: "" if year is None else f"{year:04d}-01-01"
    if view.type in MOMENTS:
        return moment_text
    if is_number(view) and view.control == "input":
        return number_text
    return lambda value: value or ""


def in_order(choices: Sequence[Choice]) -> ToText:
    """Several choices as text, in the form's order whatever the order of tapping."""

    def to_text(chosen: Sequence[str] | None) -> str:
        picked = set(chosen or ())
        return " ".join(choice.value for choice in choices if choice.value in picked)

    return to_text


def moment_text(value: date | time | datetime | None) -> str:
    """A date, a time or an instant as the engine keeps it; the township's clock is meant.

    >>> moment_text(date(2026, 5, 6)), moment_text(time(8, 30)), moment_text(None)
    ('2026-05-06', '08:30:00.000+08:00', '')
    """
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.replace(tzinfo=i18n.TIMEZONE).isoformat(timespec="milliseconds")
    if isinstance(value, time):
        return f"{value:%H:%M:%S}.000+08:00"
    return value.isoformat()


def number_text(value: float | None) -> str:
    """A number as the engine keeps it.

    >>> number_text(3), number_text(2.50), number_text(1234567.891), number_text(None)
    ('3', '2.5', '1234567.891', '')
    """
    if value is None:
        return ""
    if isinstance(value, int) or float(value).is_integer():
        return str(int(value))
    return f"{value:.15f}".rstrip("0") if abs(value) < 1e-4 else f"{value:.15g}"


def date_in(text: str) -> date | None:
    """The date a text holds."""
    found: date | None = _read(date.fromisoformat, text[:10])
    return found


def time_in(text: str) -> time | None:
    """The time of day a text holds, to the minute."""
    found: time | None = _read(time.fromisoformat, text[:5])
    return found


def instant_in(text: str) -> datetime | None:
    """The instant a text holds, on the township's clock and to the minute.

    >>> instant_in("2026-05-06T00:30:00.000+00:00")
    datetime.datetime(2026, 5, 6, 8, 30)
    """
    found: datetime | None = _read(datetime.fromisoformat, text)
    if found is None:
        return None
    local = found.astimezone(i18n.TIMEZONE) if found.tzinfo else found
    return local.replace(tzinfo=None, second=0, microsecond=0)


def integer_in(text: str) -> int | None:
    """The whole number a text holds, as far as a browser can hold it."""
    found: int | None = _read(int, text)
    return found if found is not None and abs(found) <= _MOST_INTEGER else None


def decimal_in(text: str) -> float | None:
    """The finite number a text holds."""
    found: float | None = _read(float, text)
    return found if found is not None and math.isfinite(found) and abs(found) <= _MOST_INTEGER else None


def point_in(text: str) -> tuple[float, ...]:
    """Latitude, longitude, altitude and accuracy as far as the text holds them; nothing where it holds no place.

    >>> point_in("31.2 107.5 400 5"), point_in("somewhere"), point_in("31.2")
    ((31.2, 107.5, 400.0, 5.0), (), ())
    """
    numbers: tuple[float, ...] | None = _read(lambda text: tuple(float(part) for part in text.split()), text)
    if numbers is None or len(numbers) < 2 or abs(numbers[0]) > 90 or abs(numbers[1]) > 180:
        return ()
    return numbers if all(map(math.isfinite, numbers)) else ()


def _read(convert: Callable[[str], Any], text: str) -> Any:
    try:
        return convert(text)
    except (ValueError, OverflowError):
        return None
