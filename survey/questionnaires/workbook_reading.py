"""An uploaded questionnaire file becomes sheets of text, whatever it really is.

Owns telling by content what a file is (its name may lie), the limits a workbook must keep before it is opened, and
what is said of formulas, other encodings and wrong names. Refuses by Problem `authoring.*`: workbooks with macros or a
password, Strict Open XML, entity declarations, archives that grow out of all proportion, and anything that is no
questionnaire. Runs in the process of `conversion.py` alone: readers crash on hostile files.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

import openpyxl
import xlrd

from survey.problems import Problem
from survey.questionnaires.findings import Finding, Weight
from survey.questionnaires.sheets import NAMES, Sheet, letters, sheet_of, text_of

TYPES: Final = (".xlsx", ".xls", ".md")
MOST_BYTES: Final = 10 * 2**20
MOST_UNPACKED_BYTES: Final = 150 * 2**20
MOST_PARTS: Final = 2_000
_OLE, _ZIP = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04"
_DECLARATION: Final = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_STRICT: Final = b"purl.oclc.org/ooxml"
_PASSWORD_STREAM: Final = "EncryptedPackage".encode("utf-16-le")
_CHUNK: Final = 2**20


@dataclass(frozen=True)
class Read:
    """What was read: the sheets a questionnaire can have, the names of all sheets, what is to be said of the file."""

    sheets: dict[str, Sheet]
    names: tuple[str, ...]
    findings: tuple[Finding, ...]


def read(content: bytes, name: str) -> Read:
    """Read a file by what it holds; `name` only helps to say when it lies."""
    if not content.strip(b"\0 \t\r\n"):
        raise Problem("authoring.empty_file")
    if len(content) > MOST_BYTES:
        raise Problem("authoring.too_large", limit=MOST_BYTES // 2**20)
    suffix = PurePath(name).suffix.lower()
    if content.startswith(_ZIP):
        return _read_zip(content, suffix)
    if content.startswith(_OLE) or content[:2] == b"\x09\x08" or content[:4] == b"\x09\x02\x06\x00":
        return _read_xls(content, suffix)
    return _read_text(content, suffix)


def _read_zip(content: bytes, suffix: str) -> Read:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = {info.filename: info for info in archive.infolist()}
            if "xl/workbook.xml" not in parts and "[Content_Types].xml" not in parts:
                raise Problem("authoring.wrong_file", found=_archive_kind(archive, parts))
            _check_archive(archive, parts)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, OSError, NotImplementedError) as error:
        raise Problem("authoring.damaged", reason=_reason(error)) from error
    except RuntimeError as error:
        raise Problem("authoring.encrypted") from error
    findings = [] if suffix == ".xlsx" else [_named_wrong(suffix, ".xlsx")]
    return _read_xlsx(content, findings)


def _archive_kind(archive: zipfile.ZipFile, parts: dict[str, zipfile.ZipInfo]) -> str:
    if "mimetype" in parts:
        with archive.open("mimetype") as stream:
            return stream.read(80).decode("ascii", "replace").strip()
    return "zip"


def _check_archive(archive: zipfile.ZipFile, parts: dict[str, zipfile.ZipInfo]) -> None:
    """Refuse before anything is opened; sizes are counted while unpacking, for a directory may state others."""
    if any(name.lower().endswith("vbaproject.bin") or "/macrosheets/" in name.lower() for name in parts):
        raise Problem("authoring.macros")
    if any(name.lower().endswith("workbook.bin") for name in parts):
        raise Problem("authoring.wrong_file", found=".xlsb")
    if len(parts) > MOST_PARTS or sum(info.file_size for info in parts.values()) > MOST_UNPACKED_BYTES:
        raise Problem("authoring.bomb", limit=MOST_UNPACKED_BYTES // 2**20)
    unpacked = 0
    for name, info in parts.items():
        if not name.lower().endswith((".xml", ".rels", ".vml")):
            continue
        tail = b""
        with archive.open(info) as stream:
            while chunk := stream.read(_CHUNK):
                unpacked += len(chunk)
                if unpacked > MOST_UNPACKED_BYTES:
                    raise Problem("authoring.bomb", limit=MOST_UNPACKED_BYTES // 2**20)
                # A part in UTF-16 has a NUL after each of these letters.
                if _DECLARATION.search((tail + chunk).replace(b"\0", b"")):
                    raise Problem("authoring.declares_entities")
                if name == "xl/workbook.xml" and _STRICT in tail + chunk:
                    raise Problem("authoring.strict")
                tail = chunk[-32:]
    if not any(re.fullmatch(r"xl/workbook\d*\.xml", name) for name in parts):
        raise Problem("authoring.wrong_file", found=_office_kind(parts))


def _office_kind(parts: dict[str, zipfile.ZipInfo]) -> str:
    folders = {name.partition("/")[0] for name in parts}
    return ".docx" if "word" in folders else ".pptx" if "ppt" in folders else "zip"


def _read_xlsx(content: bytes, findings: list[Finding]) -> Read:
    # A reader of untrusted files raises whatever it raises; this process holds nothing but the file.
    try:
        values = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        formulas = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=False)
        titles = [sheet.title for sheet in values.worksheets]
        wanted = _wanted(titles)
        sheets = {name: sheet_of(name, _xlsx_rows(values, title)) for name, title in wanted.items()}
        for name, title in wanted.items():
            findings += _formulas(sheets[name], _xlsx_cells(formulas, title))
    except Exception as error:
        raise Problem("authoring.damaged", reason=_reason(error)) from error
    return Read(sheets, tuple(titles), tuple(findings))


def _xlsx_rows(book: Any, title: str) -> Iterator[Sequence[Any]]:
    sheet = book[title]
    # What a file says of its own size may be wrong: read what is there.
    sheet.reset_dimensions()
    below = 0
    for number, row in enumerate(sheet.iter_rows(), 1):
        yield [cell.value for cell in row]
        below = 0 if any(cell.value is not None for cell in row) else below + 1
        if below > 100 or number > 200_000:
            return


def _xlsx_cells(book: Any, title: str) -> Iterator[tuple[int, int, str]]:
    """Row, column and text of every formula."""
    sheet = book[title]
    sheet.reset_dimensions()
    below = 0
    for number, row in enumerate(sheet.iter_rows(), 1):
        for column, cell in enumerate(row):
            if cell.data_type == "f":
                value = cell.value
                yield number, column, str(getattr(value, "text", None) or value or "=")
        below = 0 if any(cell.value is not None for cell in row) else below + 1
        if below > 100 or number > 200_000:
            return


def _formulas(sheet: Sheet, cells: Iterator[tuple[int, int, str]]) -> Iterator[Finding]:
    rows = {row.number: row for row in sheet.rows}
    for number, column, formula in cells:
        heading = sheet.headings[column] if column < len(sheet.headings) else ""
        if number == 1:
            continue
        if not heading or (number not in rows and column):
            continue
        value = rows[number].text(heading) if number in rows else ""
        yield Finding(
            "authoring.formula" if value else "authoring.formula_without_value",
            Weight.WARNING if value else Weight.ERROR,
            sheet.name,
            number,
            heading,
            f"{letters(column)}{number}",
            {"formula": formula[:80], "value": value[:80]},
        )


def _read_xls(content: bytes, suffix: str) -> Read:
    if _PASSWORD_STREAM in content:
        raise Problem("authoring.encrypted")
    if "WordDocument".encode("utf-16-le") in content:
        raise Problem("authoring.wrong_file", found=".doc")
    if "PowerPoint Document".encode("utf-16-le") in content:
        raise Problem("authoring.wrong_file", found=".ppt")
    if "_VBA_PROJECT".encode("utf-16-le") in content:
        raise Problem("authoring.macros")
    findings = [] if suffix == ".xls" else [_named_wrong(suffix, ".xls")]
    try:
        with xlrd.open_workbook(file_contents=content, on_demand=True, logfile=io.StringIO()) as book:
            wanted = _wanted(book.sheet_names())
            sheets = {
                name: sheet_of(name, _xls_rows(book, book.sheet_by_name(title)))
                for name, title in wanted.items()
            }
            names = tuple(book.sheet_names())
    except Exception as error:
        if "encrypted" in str(error):
            raise Problem("authoring.encrypted") from error
        raise Problem("authoring.damaged", reason=_reason(error)) from error
    return Read(sheets, names, tuple(findings))


def _xls_rows(book: Any, sheet: Any) -> Iterator[list[Any]]:
    for number in range(sheet.nrows):
        yield [_xls_value(book, cell) for cell in sheet.row(number)]


def _xls_value(book: Any, cell: Any) -> Any:
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return bool(cell.value)
    if cell.ctype == xlrd.XL_CELL_DATE:
        try:
            moment = xlrd.xldate_as_datetime(cell.value, book.datemode)
        except (xlrd.xldate.XLDateError, OverflowError, ValueError):
            return text_of(cell.value)
        return moment.time() if cell.value < 1 else moment
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return xlrd.error_text_from_code.get(cell.value, "#ERROR!")
    return cell.value


def _wanted(titles: Sequence[str]) -> dict[str, str]:
    """Questionnaire sheet → its title in the file; a file of one sheet has its questions there, whatever its title."""
    wanted = {title.strip().lower(): title for title in titles if title.strip().lower() in NAMES}
    return wanted or ({"survey": titles[0]} if len(titles) == 1 else {})


def _read_text(content: bytes, suffix: str) -> Read:
    text, encoding = _decoded(content)
    findings = []
    start = text.lstrip()[:200].lower()
    if start.startswith(("<?xml", "<!doctype", "<html", "<table", "<h:html", "{\\rtf", "%pdf")):
        raise Problem("authoring.wrong_file", found=_text_kind(start))
    if encoding:
        findings.append(Finding("authoring.encoding", Weight.NOTICE, facts={"encoding": encoding}))
    if suffix == ".csv":
        try:
            lines = list(csv.reader(io.StringIO(text)))
        except csv.Error as error:
            raise Problem("authoring.damaged", reason=_reason(error)) from error
        return _read_lines(lines, findings)
    lines = [_markdown_cells(line) for line in text.splitlines() if line.strip().startswith("|")]
    if not lines:
        raise Problem("authoring.wrong_file", found=suffix or "?")
    if suffix != ".md":
        findings.append(_named_wrong(suffix, ".md"))
    return _read_lines(lines, findings)


def _decoded(content: bytes) -> tuple[str, str]:
    """The text, and the encoding where it is not the expected one; a NUL or no encoding at all is no text."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _strictly(content, "utf-16"), "UTF-16"
    for encoding, said in (("utf-8-sig", ""), ("gb18030", "GB18030")):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, said
    raise Problem("authoring.wrong_file", found="?")


def _strictly(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise Problem("authoring.damaged", reason=_reason(error)) from error


def _text_kind(start: str) -> str:
    if start.startswith("%pdf"):
        return "PDF"
    return (
        "XForm" if "xforms" in start or "h:html" in start else "XML" if start.startswith("<?xml") else "HTML"
    )


def _markdown_cells(line: str) -> list[str]:
    """The cells of a line between its bars; `\\|` is a bar within a cell."""
    cells = re.split(r"(?<!\\)\|", line.strip().strip())
    return [cell.strip().replace("\\|", "|") for cell in cells[1:-1]]


def _read_lines(lines: list[list[str]], findings: list[Finding]) -> Read:
    """Sheets one under another: a line with its first cell filled begins a sheet, the others leave it blank."""
    blocks: dict[str, list[list[str]]] = {}
    names: list[str] = []
    current: list[list[str]] | None = None
    for line in lines:
        if all(not cell or set(cell) <= set(":-") for cell in line):
            continue
        if line and line[0]:
            names.append(line[0])
            current = blocks.setdefault(line[0].lower(), []) if line[0].lower() in NAMES else None
            line = ["", *line[1:]]
        if current is not None and any(line[1:]):
            current.append(line[1:])
    sheets = {name: sheet_of(name, rows) for name, rows in blocks.items()}
    return Read(sheets, tuple(names), tuple(findings))


def _named_wrong(suffix: str, really: str) -> Finding:
    return Finding("authoring.named_wrong", Weight.NOTICE, facts={"suffix": suffix or "?", "really": really})


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
