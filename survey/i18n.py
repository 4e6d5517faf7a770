"""The interface's languages: English message ids, Chinese shown by default (gettext, Babel).

Owns the choice of language of the running request or page, and translation of messages. The Chinese
catalogue is `survey/locale/zh/LC_MESSAGES/minqing.po`, compiled in memory when first needed, so that no
compiled file can be stale. Refuses unknown languages by falling back to Chinese.
"""

from __future__ import annotations

import gettext as _gettext
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from io import BytesIO
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = {"zh": "中文", "en": "English"}
DEFAULT = "zh"
TIMEZONE = ZoneInfo("Asia/Shanghai")
_language: ContextVar[str] = ContextVar("language", default=DEFAULT)


@cache
def _translations(language: str) -> _gettext.NullTranslations:
    if language == "en":
        return _gettext.NullTranslations()
    source = files("survey").joinpath("locale", language, "LC_MESSAGES", "minqing.po").read_bytes()
    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(source), locale=language))
    compiled.seek(0)
    return _gettext.GNUTranslations(compiled)


def language() -> str:
    """The language in force: `zh` or `en`."""
    return _language.get()


def use(code: str) -> None:
    """Speak this language from here on in the current context."""
    _language.set(code if code in LANGUAGES else DEFAULT)


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Speak this language inside the block."""
    token = _language.set(code if code in LANGUAGES else DEFAULT)
    try:
        yield
    finally:
        _language.reset(token)


def gettext(message: str, **facts: object) -> str:
    """The message in the language in force, with `{named}` facts filled in."""
    text = _translations(language()).gettext(message)
    return text.format_map(facts) if facts else text


def listed(names: Iterable[str]) -> str:
    """Names one after the other, as the language lists them.

    >>> listed(["水", "路"])
    '水、路'
    """
    return ("、" if language() == "zh" else ", ").join(names)


def labelled(label: str, text: str) -> str:
    """A label before its text.

    >>> labelled("电话", "139")
    '电话：139'
    """
    return f"{label}：{text}" if language() == "zh" else f"{label}: {text}"


def bracketed(text: str, note: str) -> str:
    """A text with a note in the language's brackets.

    >>> bracketed("王五", "村主任")
    '王五（村主任）'
    """
    return f"{text}（{note}）" if language() == "zh" else f"{text} ({note})"


def day(value: date | None) -> str:
    """A date as people write it: 2026年5月6日, or May 6, 2026; nothing for none."""
    return "" if value is None else format_date(value, format="long", locale=language())


def local(value: datetime) -> datetime:
    """An instant on the township's clock (Asia/Shanghai)."""
    return value.astimezone(TIMEZONE)


def today() -> date:
    """The date on the township's clock."""
    return local(datetime.now(UTC)).date()


def moment(value: datetime | None) -> str:
    """An instant as local date and time, to the minute."""
    return "" if value is None else f"{day(local(value).date())} {local(value):%H:%M}"
