"""Files as they come: renamed, damaged, hostile. Each is refused or read with a sentence, in bounded time and memory."""

from __future__ import annotations

import io
import struct
import zipfile

import openpyxl
import pytest

from survey.questionnaires import conversion, workbook_reading, workbook_writing
from survey.questionnaires.conversion import Authored
from survey.questionnaires.findings import Weight
from tests.authored import WATER, checked, found, known
from tests.builders import TODAY


def a_workbook(source: str = WATER) -> bytes:
    return workbook_writing.from_file(source.encode(), "water.md")


def rewritten(content: bytes, **changes: bytes) -> bytes:
    """The archive with parts (named with `__` for `/` and `_dot_` for `.`) replaced or added."""
    parts = {name.replace("__", "/").replace("_dot_", "."): value for name, value in changes.items()}
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, parts.pop(info.filename, None) or old.read(info))
        for name, value in parts.items():
            new.writestr(name, value)
    return file.getvalue()


def part(content: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(name)


def test_a_workbook_says_the_same_as_the_text_it_was_written_from() -> None:
    assert checked(a_workbook(), "water.xlsx").xform == checked(WATER).xform


def test_a_workbook_under_another_name_is_read_and_told() -> None:
    for name in ("water.xls", "water.xlsm", "water"):
        form = checked(a_workbook(), name)
        assert form.usable
        assert [finding.code for finding in form.findings] == ["authoring.named_wrong"]


def test_a_text_in_another_encoding_is_read_and_told() -> None:
    form = checked(WATER.encode("gb18030"))
    assert form.usable
    assert form.title == "饮水调查"
    assert form.findings[0].facts == {"encoding": "GB18030"}
    assert checked(WATER.encode("utf-16")).title == "饮水调查"


def test_macros_are_refused() -> None:
    assert "macros" in found(rewritten(a_workbook(), xl__vbaProject_dot_bin=b"\xd0\xcf"), "water.xlsm")


def test_strict_open_xml_is_refused_and_not_read_as_empty() -> None:
    book = part(a_workbook(), "xl/workbook.xml")
    strict = book.replace(
        b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        b"http://purl.oclc.org/ooxml/spreadsheetml/main",
    )
    assert "strict" in found(rewritten(a_workbook(), xl__workbook_dot_xml=strict), "water.xlsx")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entity_bombs_and_external_entities_are_refused_before_they_are_opened(encoding: str) -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c SYSTEM "file:///etc/passwd">]><sst>&b;&c;</sst>'
    content = rewritten(a_workbook(), xl__sharedStrings_dot_xml=bomb.encode(encoding))
    assert "declares_entities" in found(content, "water.xlsx")


def test_a_declaration_across_two_readings_is_seen() -> None:
    padding = b"<a>" + b" " * (2**20 - 8) + b"<!DOCTYPE x>"
    assert "declares_entities" in found(
        rewritten(a_workbook(), xl__sharedStrings_dot_xml=padding), "water.xlsx"
    )


def test_an_archive_that_grows_out_of_proportion_is_refused() -> None:
    content = rewritten(a_workbook(), xl__huge_dot_xml=b"<a/>" + b" " * workbook_reading.MOST_UNPACKED_BYTES)
    assert len(content) < 2**20
    assert "bomb" in found(content, "water.xlsx")


def test_an_archive_that_lies_about_its_size_is_counted_while_unpacking() -> None:
    content = rewritten(a_workbook(), xl__huge_dot_xml=b"<a/>" + b" " * workbook_reading.MOST_UNPACKED_BYTES)
    name = b"xl/huge.xml"
    at = content.rindex(name) - 46
    lying = content[: at + 24] + struct.pack("<I", 100) + content[at + 28 :]
    assert set(found(lying, "water.xlsx")) & {"bomb", "damaged"}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"\0" * 100, "empty_file"),
        (b"PK\x03\x04broken", "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "damaged"),
        (b"%PDF-1.7 ...", "wrong_file"),
        (b"<html><table><tr><td>survey</td></tr></table></html>", "wrong_file"),
        (b"<?xml version='1.0'?><Workbook xmlns='urn:schemas-microsoft-com:office:spreadsheet'/>", "wrong_file"),
        ("只是一些文字".encode(), "wrong_file"),
        (bytes(range(256)) * 4, "wrong_file"),
        (b"x" * (workbook_reading.MOST_BYTES + 1), "too_large"),
        ("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".encode("latin-1") + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
    ],
)  # fmt: skip
def test_what_is_no_questionnaire_is_refused_with_a_remedy(content: bytes, code: str) -> None:
    finding = found(content, "form.xlsx")[code]
    assert finding.weight is Weight.ERROR
    assert finding.problem.remedy("zh")


def test_a_document_is_told_by_its_kind() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<w/>")
    assert found(file.getvalue(), "form.docx")["wrong_file"].facts == {"found": ".docx"}


def test_a_workbook_without_the_sheet_is_told_which_it_has() -> None:
    book = openpyxl.Workbook()
    book.create_sheet("名单")
    file = io.BytesIO()
    book.save(file)
    assert found(file.getvalue(), "a.xlsx")["no_survey"].facts == {"sheets": "Sheet、名单"}


def test_a_formula_is_told_with_the_value_it_last_had() -> None:
    book = openpyxl.load_workbook(io.BytesIO(a_workbook()))
    book["survey"]["C3"] = "=1+1"
    file = io.BytesIO()
    book.save(file)
    told = found(file.getvalue(), "water.xlsx")["formula_without_value"]
    assert (told.cell, told.weight, told.facts["formula"]) == ("C3", Weight.ERROR, "=1+1")
    sheet = (
        part(file.getvalue(), "xl/worksheets/sheet1.xml")
        .replace(b"<f>1+1</f><v></v>", b"<f>1+1</f><v>2</v>")
        .replace(b"<f>1+1</f><v />", b"<f>1+1</f><v>2</v>")
        .replace(b"<f>1+1</f><v/>", b"<f>1+1</f><v>2</v>")
    )
    valued = found(rewritten(file.getvalue(), xl__worksheets__sheet1_dot_xml=sheet), "water.xlsx")["formula"]
    assert (valued.cell, valued.weight, valued.facts["value"]) == ("C3", Weight.WARNING, "2")


def test_a_wrong_dimension_hides_no_row() -> None:
    sheet = part(a_workbook(), "xl/worksheets/sheet1.xml")
    short = (
        sheet[: sheet.index(b"<dimension")] + b'<dimension ref="A1"/>' + sheet[sheet.index(b"<sheetViews") :]
    )
    content = rewritten(a_workbook(), xl__worksheets__sheet1_dot_xml=short)
    assert checked(content, "water.xlsx").xform == checked(WATER).xform


# -- the process -------------------------------------------------------------------------------------


def test_the_process_gives_what_the_checks_give() -> None:
    authored = Authored("water.xlsx", a_workbook())
    assert conversion.convert(authored, known(), on=TODAY) == checked(a_workbook(), "water.xlsx")


def many_choices() -> bytes:
    """A form of 15,000 choices."""
    rows = "".join(f"| | source | c{n} | 村{n} |\n" for n in range(15_000))
    return WATER.replace("| | source | piped", f"{rows}| | source | piped").encode()


def test_a_file_that_takes_too_long_is_stopped() -> None:
    told = conversion.convert(Authored("a.md", many_choices()), known(), on=TODAY, seconds=0.2)
    assert [finding.code for finding in told.findings] == ["authoring.too_slow"]


def test_a_process_that_runs_out_of_memory_is_told() -> None:
    told = conversion.convert(Authored("a.md", many_choices()), known(), on=TODAY, memory_bytes=64 * 2**20)
    assert [finding.code for finding in told.findings] == ["authoring.too_heavy"]
