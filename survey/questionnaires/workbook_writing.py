"""Questionnaires as workbooks to work on: the starter template, and any version as .xlsx.

Owns how a sheet of a questionnaire looks to its author: headings that explain themselves in Chinese and English, types
to choose from, a sheet of help. Refuses to change a cell: what is read back is what was written.
"""

from __future__ import annotations

import io
from importlib.resources import files
from pathlib import PurePath
from typing import Final

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from survey.questionnaires import workbook_reading
from survey.questionnaires.sheets import Sheet, Sheets

STARTER: Final = "questionnaire-template.xlsx"
_HEADING: Final = PatternFill("solid", fgColor="DCE6F1")
_WIDEST: Final = 48
# What stands behind a heading, for who has never made a questionnaire.
_EXPLAINED: Final = {
    "type": ("题目类型，如 text 文字、integer 整数、date 日期、select_one 选项表名", "Kind of question, such as text, integer, date, select_one list"),
    "name": ("题目的名称：字母、数字、下划线，不重复；也是汇总表的列名", "Name of the question: letters, digits, underscores; the column's name in the results"),
    "label": ("干部看到的问题", "The question as it is read out"),
    "hint": ("问题下面的小字提示", "Small print under the question"),
    "required": ("必答写 yes", "yes where an answer is needed"),
    "relevant": ("什么情况下才问，如 ${has_problem} = 'yes'", "When it is asked, such as ${has_problem} = 'yes'"),
    "constraint": ("对答案的要求，用 . 代表答案，如 . >= 0 and . <= 20", "What an answer must fulfil; . is the answer"),
    "constraint_message": ("答案不合要求时的提示", "What is said if it does not"),
    "calculation": ("类型为 calculate 时的公式", "The formula of a calculate"),
    "appearance": ("样式，如 multiline 多行文字、minimal 下拉", "How it looks, such as multiline, minimal"),
    "default": ("预先填好的值；调查问题请留空", "A value filled in beforehand; leave it empty for questions"),
    "choice_filter": ("按前面的答案筛选选项", "Chooses choices by earlier answers"),
    "repeat_count": ("重复组的次数", "How often a repeat is asked"),
    "save_to": ("把答案写入系统：名单#项目，如 households#water_source、cases#words", "Writes the answer to the system: list#property"),
    "list_name": ("选项表名（choices）或名单名（entities）", "Name of the list"),
    "create_if": ("什么情况下新增一条", "When a new entry is made"),
    "update_if": ("什么情况下更新", "When it is updated"),
    "entity_id": ("更新哪一条：户写 ${household_id}", "Which entry is updated: ${household_id} for the household"),
    "form_title": ("问卷标题", "The form's title"),
    "form_id": ("问卷编号：同一问卷各版本保持不变", "Stays the same in all versions"),
    "version": ("版本：每次修改后换一个", "Another one after every change"),
    "default_language": ("默认语言", "The language shown first"),
}  # fmt: skip
_TYPES: Final = (
    "text", "integer", "decimal", "date", "time", "dateTime", "select_one yes_no", "select_multiple list", "note",
    "calculate", "geopoint", "image", "range", "acknowledge", "begin_group", "end_group", "begin_repeat", "end_repeat",
)  # fmt: skip


def starter() -> bytes:
    """The starter template: a small questionnaire that opens a case and updates a household, with help."""
    folder = files("survey.questionnaires").joinpath("templates")
    sheets = workbook_reading.read(folder.joinpath("starter.md").read_bytes(), "starter.md").sheets
    help_lines = folder.joinpath("help.tsv").read_text(encoding="utf-8").splitlines()
    return write(sheets, [line.split("\t") for line in help_lines])


def from_file(content: bytes, name: str) -> bytes:
    """A version's source as .xlsx: as it is where it is one, else written anew with the same cells."""
    if PurePath(name).suffix.lower() == ".xlsx" and content.startswith(b"PK\x03\x04"):
        return content
    return write(workbook_reading.read(content, name).sheets)


def write(sheets: Sheets, help_lines: list[list[str]] | None = None) -> bytes:
    """A workbook of these sheets."""
    book = Workbook()
    book.remove(book.worksheets[0])
    if help_lines:
        _fill_help(book.create_sheet("说明 help"), help_lines)
    for name, sheet in sheets.items():
        _fill(book.create_sheet(name), sheet)
    if help_lines:
        book.active = 1
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _fill(target: Worksheet, sheet: Sheet) -> None:
    for column, heading in enumerate(sheet.headings, 1):
        cell = target.cell(1, column, heading)
        cell.font, cell.fill = Font(bold=True), _HEADING
        explained = _EXPLAINED.get(heading.partition("::")[0])
        if explained:
            cell.comment = Comment("\n".join(explained), "Minqing", width=320, height=110)
        texts = [row.text(heading) for row in sheet.rows if heading]
        for number, text in zip((row.number for row in sheet.rows), texts, strict=False):
            _write_text(target, number, column, text)
        widest = max((_width(text) for text in [heading, *texts]), default=8)
        target.column_dimensions[get_column_letter(column)].width = min(widest + 3, _WIDEST)
    target.freeze_panes = "A2" if sheet.name != "survey" else "C2"
    if sheet.name == "survey" and "type" in sheet.headings:
        letter = get_column_letter(sheet.headings.index("type") + 1)
        offered = DataValidation(type="list", formula1=f'"{",".join(_TYPES)}"', allow_blank=True)
        # Other types are typed in: a list's name stands behind select_one.
        offered.showErrorMessage = False
        offered.add(f"{letter}2:{letter}500")
        target.add_data_validation(offered)


def _write_text(target: Worksheet, row: int, column: int, text: str) -> None:
    """A cell that holds its text, also where it begins like a formula."""
    if text:
        cell = target.cell(row, column)
        cell.value = text
        cell.data_type = "s"
        cell.alignment = Alignment(wrap_text=True, vertical="top")


def _fill_help(target: Worksheet, lines: list[list[str]]) -> None:
    for number, line in enumerate(lines, 1):
        for column, text in enumerate(line, 1):
            _write_text(target, number, column, text)
        if len(line) == 1 or number == 1:
            target.cell(number, 1).font = Font(bold=True)
    for letter, width in (("A", 30), ("B", 58), ("C", 58)):
        target.column_dimensions[letter].width = width


def _width(text: str) -> int:
    # A Chinese character is as wide as two digits.
    return sum(2 if ord(sign) > 0x2E80 else 1 for sign in text)
