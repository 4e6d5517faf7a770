"""The values XPath computes with, and how one turns into another.

Owns the five types of the OpenRosa dialect (number, text, boolean, node-set, moment), the conversions between
them and the comparisons. A moment is a date or a date with time: as a number it counts days since 1970-01-01
UTC, as text it is `YYYY-MM-DD` at local midnight and a full date with time and offset otherwise. It refuses
nothing: what cannot be converted is NaN, empty or false, as the specification says.
https://getodk.github.io/xforms-spec/#xpath-functions, https://www.w3.org/TR/1999/REC-xpath-19991116/
"""

# ruff: noqa: ARG002 - the defaults of Environment look at nothing
from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from survey.questionnaires.tree import Node

NAN: Final = math.nan
DAY_MS: Final = 86_400_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


class XPathError(Exception):
    """An expression that cannot be read, or cannot be evaluated: unknown function, wrong arguments."""


class Moment:
    """A point in time: milliseconds since 1970-01-01 UTC (NaN if invalid) and the zone it is shown in.

    `exact` keeps the time of day in its text even at midnight: the result of `now()`.
    """

    __slots__ = ("exact", "ms", "zone")

    def __init__(self, ms: float, zone: tzinfo, *, exact: bool = False) -> None:
        self.ms = ms
        self.zone = zone
        self.exact = exact

    @property
    def days(self) -> float:
        """Days since 1970-01-01 UTC."""
        return self.ms / DAY_MS

    def local(self) -> datetime | None:
        """The wall clock in the zone; None if invalid or outside the years 1 to 9999."""
        if math.isnan(self.ms):
            return None
        try:
            return (_EPOCH + timedelta(milliseconds=self.ms)).astimezone(self.zone)
        except OverflowError:
            return None

    def text(self) -> str:
        """`YYYY-MM-DD` at local midnight, else ISO 8601 with milliseconds and offset."""
        local = self.local()
        if local is None:
            return "Invalid Date"
        if not self.exact and (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0):
            return f"{local.year:04d}-{local.month:02d}-{local.day:02d}"
        return local.isoformat(timespec="milliseconds")


class Days(float):
    """What `number()` makes of a date's text: days with their fraction as a number, whole days as text."""

    whole: int


Value = bool | float | str | Moment | list[Node]


class Environment:
    """What an expression may ask of the world. The engine gives its own; the defaults know nothing."""

    timezone: tzinfo = ZoneInfo("Asia/Shanghai")
    language: str = "en"

    def now(self) -> datetime:
        """The present moment, with offset."""
        return datetime.now(self.timezone)

    def instance(self, name: str) -> Node | None:
        """The `<instance>` node of this id, parent of its document element."""
        return None

    def itext(self, identifier: str) -> list[Node]:
        """The `<value>` nodes of a text in the language in use."""
        return []

    def choice_name(self, value: str, path: str, node: Node) -> str:
        """The label of a choice of the question at `path`, seen from `node`."""
        return ""


MAX_TEXT: Final = 1_000_000
"""Characters of one computed text."""
MAX_TEXTS: Final = 20_000_000
"""Characters of all texts put together in one recomputation."""
MAX_STEPS: Final = 5_000_000
"""Steps of all patterns matched in one recomputation."""


class Budget:
    """What the expressions of one recomputation may use up together; over it is an `XPathError`."""

    __slots__ = ("characters", "steps")

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Everything is to be had again."""
        self.characters = MAX_TEXTS
        self.steps = MAX_STEPS

    def take_text(self, length: int) -> None:
        """A text of this length is about to be put together."""
        self.characters -= length
        if length > MAX_TEXT:
            raise XPathError(f"the text is longer than {MAX_TEXT} characters")
        if self.characters < 0:
            raise XPathError(f"the texts together are longer than {MAX_TEXTS} characters")

    def take_steps(self, steps: int) -> None:
        """A pattern was matched in so many steps."""
        self.steps -= steps
        if self.steps < 0:
            raise XPathError("the patterns take too long")


class Scope:
    """Where an evaluation stands. One belongs to one thread."""

    __slots__ = ("budget", "current", "environment", "namespaces", "position", "root", "size", "zone")

    def __init__(
        self,
        root: Node,
        environment: Environment | None = None,
        *,
        namespaces: Mapping[str, str] | None = None,
    ) -> None:
        self.root = root
        self.budget = Budget()
        self.environment = environment or Environment()
        self.zone = self.environment.timezone
        self.namespaces = namespaces or {}
        self.current = root
        self.position = 1
        self.size = 1


_NUMBER = re.compile(r"[ \t\r\n]*-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[ \t\r\n]*\Z")
_DATE = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)\Z", re.ASCII)
_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:(Z)|([+-])(\d\d)(?::?(\d\d))?)?\Z",
    re.ASCII,
)


def milliseconds_of(moment: datetime) -> float:
    """Milliseconds since 1970-01-01 UTC, whole."""
    return float((moment - _EPOCH) // _MS)


@lru_cache(maxsize=8192)
def parse_moment(text: str, zone: tzinfo) -> float | None:
    """Milliseconds of a date or a date with time, local where it names no offset; None if it is neither.

    >>> parse_moment("1970-01-02", UTC)
    86400000.0
    """
    text = text.strip()
    found = _DATE.match(text)
    try:
        if found:
            year, month, day = map(int, found.groups())
            return milliseconds_of(datetime(year, month, day, tzinfo=zone))
        found = _DATE_TIME.match(text)
        if not found:
            return None
        year, month, day, hour, minute = map(int, found.groups()[:5])
        second = int(found[6] or 0)
        micro = int(((found[7] or "") + "000000")[:6])
        if found[8]:
            zone = UTC
        shift = timedelta()
        if found[9]:
            shift = timedelta(hours=int(found[10]), minutes=int(found[11] or 0))
            shift = -shift if found[9] == "-" else shift
            zone = UTC
        return milliseconds_of(datetime(year, month, day, hour, minute, second, micro, tzinfo=zone) - shift)
    except (ValueError, OverflowError):
        return None


def text_to_number(text: str, zone: tzinfo) -> float:
    """A decimal number, or the days of a date; NaN for all else."""
    if text.isdigit() and text.isascii():
        return float(text)
    if _NUMBER.match(text):
        return float(text)
    if len(text) >= 8 and "-" in text:
        found = parse_moment(text, zone)
        if found is not None:
            return found / DAY_MS
    return NAN


def text_to_days(text: str, zone: tzinfo) -> float:
    """`text_to_number`, but a date keeps in mind how many whole days it is: the calendar's, not the zone's."""
    number = text_to_number(text, zone)
    if number == number and not _NUMBER.match(text):
        days = Days(number)
        calendar = _DATE.match(text.strip())
        midnight = parse_moment(calendar[0], UTC) if calendar else None
        days.whole = math.floor(number if midnight is None else midnight / DAY_MS)
        return days
    return number


def to_number(scope: Scope, value: Value) -> float:
    """`number()`: in addition to XPath 1.0, dates count days since 1970-01-01 UTC."""
    if type(value) is float:
        return value
    if isinstance(value, str):
        return text_to_number(value, scope.zone)
    if isinstance(value, list):
        return text_to_number(value[0].text(), scope.zone) if value else NAN
    if isinstance(value, Moment):
        return value.days
    return float(value)


def number_to_text(number: float) -> str:
    """A number as XPath writes it: no exponent, no needless fraction.

    >>> number_to_text(1e21), number_to_text(-0.0), number_to_text(1.5e-7)
    ('1000000000000000000000', '0', '0.00000015')
    """
    if number == number // 1 and abs(number) < 1e15:
        return str(int(number))
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if number == int(number):
        return format(Decimal(repr(number)), "f").partition(".")[0]
    plain = repr(number)
    return format(Decimal(plain), "f") if "e" in plain else plain


def to_text(value: Value) -> str:
    """`string()`: a node-set gives its first node's text, a boolean `true` or `false`."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return value[0].text() if value else ""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, Moment):
        return value.text()
    return str(value.whole) if isinstance(value, Days) else number_to_text(value)


def to_boolean(value: Value) -> bool:
    """`boolean()`: an invalid moment is false."""
    if isinstance(value, bool):
        return value
    if isinstance(value, float):
        return not (value == 0 or value != value)
    if isinstance(value, Moment):
        return value.ms == value.ms
    return bool(value)


def to_moment(scope: Scope, value: Value) -> Moment:
    """What `date()` makes of a value; invalid where it makes nothing."""
    if isinstance(value, Moment):
        return value
    if isinstance(value, bool):
        return Moment(NAN, scope.zone)
    if isinstance(value, float):
        return _moment_of_days(value, scope.zone)
    text = to_text(value)
    found = parse_moment(text, scope.zone)
    if found is not None:
        return Moment(found, scope.zone)
    if _NUMBER.match(text):
        return _moment_of_days(float(text), scope.zone)
    return Moment(NAN, scope.zone)


def _moment_of_days(days: float, zone: tzinfo) -> Moment:
    if math.isnan(days) or abs(days) > 100_000_000:
        return Moment(NAN, zone)
    return Moment(float(round(days * DAY_MS)), zone)


def round_half_away(number: float, digits: int = 0) -> float:
    """Rounding by the decimal digits as written, halves away from zero.

    >>> round_half_away(-1.475, 2), round_half_away(2.5), round_half_away(12345.0, -1)
    (-1.48, 3.0, 12350.0)
    """
    if math.isnan(number) or math.isinf(number):
        return number
    if digits > 30:
        return number
    if digits < -400:
        return 0.0
    exact = Decimal(repr(number))
    unit = Decimal(1).scaleb(-digits)
    return float((exact / unit).to_integral_value(ROUND_HALF_UP) * unit) + 0.0


def equal(scope: Scope, left: Value, right: Value, *, differ: bool = False) -> bool:
    """`=`, or `!=` with `differ`. Node-sets compare by any pair; two texts as text, all else as XPath 1.0."""
    compare: Callable[[object, object], bool] = operator.ne if differ else operator.eq
    if isinstance(right, list):
        left, right = right, left
    if isinstance(left, list):
        if isinstance(right, bool):
            return compare(bool(left), right)
        if isinstance(right, list):
            if not differ:
                return not {n.text() for n in left}.isdisjoint(n.text() for n in right)
            texts = {n.text() for n in right}
            return any(len(texts) > 1 or n.text() not in texts for n in left) if texts else False
        if isinstance(right, str):
            return any(compare(n.text(), right) for n in left)
        number = to_number(scope, right)
        zone = scope.zone
        return any(compare(text_to_number(n.text(), zone), number) for n in left)
    if isinstance(left, bool) or isinstance(right, bool):
        return compare(to_boolean(left), to_boolean(right))
    if isinstance(left, str) and isinstance(right, str):
        return compare(left, right)
    return compare(to_number(scope, left), to_number(scope, right))


def ordered(scope: Scope, left: Value, right: Value, compare: Callable[[float, float], bool]) -> bool:
    """`<`, `<=`, `>`, `>=`: always by number; node-sets by any pair, dates by their days."""
    zone = scope.zone
    if isinstance(left, list):
        numbers = [text_to_number(n.text(), zone) for n in left]
        if isinstance(right, list):
            others = [text_to_number(n.text(), zone) for n in right]
            return any(compare(a, b) for a in numbers for b in others)
        number = to_number(scope, right)
        return any(compare(a, number) for a in numbers)
    number = to_number(scope, left)
    if isinstance(right, list):
        return any(compare(number, text_to_number(n.text(), zone)) for n in right)
    return compare(number, to_number(scope, right))
