"""The sheets of an authored questionnaire as rows of text, with the address of every cell.

Owns what a cell's text is (as the compiler reads it) and where it stands. Refuses nothing: what is wrong with the
content is for `form_checks.py` and the compiler to say. Format: https://xlsform.org/en/ref-table/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final

NAMES: Final = ("survey", "choices", "settings", "entities", "external_choices", "osm")
_BLANKS: Final = re.compile(r"( )+")
_MOST_BLANK_ROWS: Final = 60


@dataclass(frozen=True)
class Row:
    """One row: its number in the sheet (the heading is 1) and its filled cells by heading."""

    number: int
    cells: Mapping[str, str]

    def text(self, *headings: str) -> str:
        """The first filled one of these cells, or nothing."""
        return next((self.cells[name] for name in headings if self.cells.get(name)), "")


@dataclass(frozen=True)
class Sheet:
    """A sheet; `headings` are in the order of the columns, empty where a column has none."""

    name: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]

    def address(self, row: int, heading: str) -> str:
        """The address of a cell, such as `C5`; nothing where the sheet has no such column."""
        return f"{letters(self.headings.index(heading))}{row}" if heading in self.headings else ""


Sheets = Mapping[str, Sheet]


def letters(column: int) -> str:
    """The letters of a column counted from 0.

    >>> letters(0), letters(25), letters(26)
    ('A', 'Z', 'AA')
    """
    found = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        found = chr(65 + rest) + found
    return found


def text_of(value: Any) -> str:
    """What the compiler makes of a cell's value.

    >>> text_of(True), text_of(3.0), text_of(" a\u00a0b ")
    ('TRUE', '3', 'a b')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime) and value.time() == time():
        return str(value.date())
    if isinstance(value, int | float | date | time):
        return str(value)
    return str(value).replace("\u00a0", " ").strip()


def sheet_of(name: str, rows: Iterable[Sequence[Any]]) -> Sheet:
    """A sheet from its rows of values, the headings first; it ends where a run of blank rows begins."""
    lines = iter(rows)
    headings = [_BLANKS.sub(" ", text_of(value)) for value in next(lines, ())]
    while headings and not headings[-1]:
        headings.pop()
    found: list[Row] = []
    blank = 0
    for number, values in enumerate(lines, 2):
        cells = {
            heading: text
            for heading, value in zip(headings, values, strict=False)
            if heading and (text := text_of(value))
        }
        blank = 0 if cells else blank + 1
        if blank > _MOST_BLANK_ROWS:
            break
        found.append(Row(number, cells))
    while found and not found[-1].cells:
        found.pop()
    return Sheet(name, tuple(headings), tuple(found))


def for_compiler(sheets: Sheets, names: Sequence[str]) -> dict[str, Any]:
    """The sheets in the shape the compiler takes, with the names of all sheets of the file."""
    shaped: dict[str, Any] = {"sheet_names": list(names)}
    for name, sheet in sheets.items():
        shaped[name] = [dict(row.cells) for row in sheet.rows]
        headings = [heading for heading in sheet.headings if heading]
        shaped[f"{name}_header"] = [dict.fromkeys(headings)] if headings else []
    return shaped
