"""Tidy .xlsx files for people who work on in a spreadsheet.

Owns how a data frame becomes a sheet: one header row, one row an observation, numbers as numbers, shares shown
as percent, an explaining sheet beside. Refuses merged cells, colours that carry meaning, and text that a
spreadsheet would run as a formula.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

_WIDTH_LIMIT = 60
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write(
    file: str | Path,
    sheets: Mapping[str, pd.DataFrame],
    about: Sequence[tuple[str, str]],
    *,
    about_title: str,
    percent: Sequence[str] = (),
) -> Path:
    """Write the sheets in their order, after them `about` (term, explanation) as a sheet of its own.

    `percent` names the columns that hold shares from 0 to 1. An existing file is replaced. Returns the path.
    """
    book = Workbook()
    book.remove(book.active)  # type: ignore[arg-type]
    for title, frame in sheets.items():
        _fill(book.create_sheet(title), list(frame.columns), frame.itertuples(index=False), percent)
    _fill(book.create_sheet(about_title), None, about, ())
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
    return path


def _fill(sheet: Worksheet, header: Sequence[str] | None, rows: Any, percent: Sequence[str]) -> None:
    if header is not None:
        sheet.append(list(header))
        sheet.freeze_panes = "A2"
        for cell in sheet[1]:
            cell.font = Font(bold=True)
    for row in rows:
        sheet.append([_cell(value) for value in row])
    for number, column in enumerate(sheet.iter_cols(), start=1):
        if header is not None and header[number - 1] in percent:
            for cell in column[1:]:
                cell.number_format = "0.0%"
        width = max((_width(cell.value) for cell in column), default=0)
        sheet.column_dimensions[get_column_letter(number)].width = min(width + 2, _WIDTH_LIMIT)


def _cell(value: Any) -> Any:
    if value is None or value is pd.NA or (isinstance(value, float) and pd.isna(value)):
        return None
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
    return value.item() if hasattr(value, "item") else value


def _width(value: Any) -> int:
    # A Chinese character is as wide as two digits.
    text = "" if value is None else str(value)
    return sum(2 if ord(sign) > 0x2E80 else 1 for sign in text)
