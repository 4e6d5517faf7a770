"""An authored questionnaire becomes the XForm that runs.

Owns the call of the compiler and the translation of its complaints: each refusal names the sheet and row and
says what is wrong. Refuses by Problem `questionnaire.*` whatever pyxform refuses or cannot read.
Authoring format: https://xlsform.org/en/ref-table/; compiler: https://github.com/XLSForm/pyxform
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from pyxform.errors import PyXFormError
from pyxform.xls2xform import convert

from survey.problems import Problem
from survey.questionnaires.tree import parse

FILE_TYPES: Final = (".md", ".csv", ".xls", ".xlsx", ".xlsm")


@dataclass(frozen=True)
class CompiledForm:
    """A compiled form; `warnings` are the compiler's, in its words."""

    form_id: str
    version: str
    title: str
    xform: str
    warnings: tuple[str, ...]


def compile_form(source: str | bytes, *, file_type: str = ".md") -> CompiledForm:
    """Compile markdown tables, a csv or a workbook.

    Raises Problem `questionnaire.not_compiled` with sheet, row and reason (`bad_sheet` or `not_compiled_at_all`
    where the mistake has no row), `questionnaire.unreadable_file` for a file that is not what its type says, `questionnaire.file_type` for a type that is not taken.
    """
    if file_type not in FILE_TYPES:
        raise Problem("questionnaire.file_type", file_type=file_type, known=", ".join(FILE_TYPES))
    warnings: list[str] = []
    try:
        result = convert(
            BytesIO(source) if isinstance(source, bytes) else source,
            file_type=file_type,
            warnings=warnings,
            validate=False,
            pretty_print=False,
        )
    except PyXFormError as error:
        raise _refusal(str(error)) from error
    except (
        zipfile.BadZipFile,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        OSError,
    ) as error:
        raise Problem(
            "questionnaire.unreadable_file", reason=_first_line(str(error)) or type(error).__name__
        ) from error
    return compiled_form(result.xform, [*warnings, *(result.warnings or ())])


def compile_sheets(sheets: Mapping[str, Any]) -> CompiledForm:
    """Compile sheets in the compiler's own shape; its `PyXFormError` is the caller's to tell."""
    warnings: list[str] = []
    result = convert(dict(sheets), warnings=warnings, validate=False, pretty_print=False)
    return compiled_form(result.xform, [*warnings, *(result.warnings or ())])


def compiled_form(xform: str, warnings: Sequence[str] = ()) -> CompiledForm:
    """What an XForm says of itself; problem `questionnaire.no_form` where it is none."""
    document = parse(xform)
    top = document.elements()[0]
    model = (head := top.child("head")) and head.child("model")
    primary = model.child("instance") if model else None
    if not head or not primary:
        raise Problem("questionnaire.no_form")
    data = primary.elements()[0]
    title = head.child("title")
    return CompiledForm(
        form_id=data.get("id"),
        version=data.get("version"),
        title=title.text() if title else data.get("id"),
        xform=xform,
        warnings=tuple(dict.fromkeys(warnings)),
    )


_ROW: Final = re.compile(r"\[row\s*:\s*(\d+)\]\s*")
_SHEET: Final = re.compile(r"(?:sheet: ?'(?=\w)|(?:[Oo]n|[Ii]n) the ')(\w+)'")


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def _refusal(text: str) -> Problem:
    """The compiler's complaint with its row and sheet taken out of the sentence."""
    row, sheet = _ROW.search(text), _SHEET.search(text)
    reason = " ".join(_ROW.sub("", text, count=1).split())
    if row is None and sheet is None:
        return Problem("questionnaire.not_compiled_at_all", reason=reason)
    if row is None:
        return Problem("questionnaire.bad_sheet", sheet=sheet[1] if sheet else "", reason=reason)
    return Problem(
        "questionnaire.not_compiled", sheet=sheet[1] if sheet else "survey", row=row[1], reason=reason
    )
