"""The compiler's complaints, recast: each becomes a finding with a code of the catalogue and its cell.

Owns the table from the compiler's messages to our codes, and finding the row of a complaint that names a question and
no row. Refuses to lose one: what is not in the table stays as `authoring.compiler` with the compiler's own words.
Compiler: https://github.com/XLSForm/pyxform
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pyxform.errors import ErrorCode, PyXFormError

from survey.questionnaires.findings import Finding, Weight
from survey.questionnaires.sheets import Sheets

# The compiler's numbered messages: our code, and the column at fault where the message does not name it.
_CODES: Final[Mapping[str, tuple[str, str]]] = {
    "ENTITY_001": ("authoring.save_to_without_entities", "save_to"),
    "ENTITY_002": ("authoring.property_twice", "save_to"),
    "ENTITY_003": ("authoring.save_to_on_group", "save_to"),
    "ENTITY_004": ("authoring.save_to_unknown_list", "save_to"),
    "ENTITY_005": ("authoring.entity_without_label", "label"),
    "ENTITY_006": ("authoring.entity_without_update_if", "update_if"),
    "ENTITY_007": ("authoring.entity_without_id", "entity_id"),
    "ENTITY_008": ("authoring.save_to_without_list", "save_to"),
    "ENTITY_009": ("authoring.entity_place", "list_name"),
    "ENTITY_011": ("authoring.entity_place", "save_to"),
    "ENTITY_012": ("authoring.entity_place", "label"),
    "ENTITY_013": ("authoring.save_to_without_list", "save_to"),
    "HEADER_001": ("authoring.missing_column", ""),
    "HEADER_002": ("authoring.same_column", ""),
    "HEADER_003": ("authoring.missing_column", ""),
    "HEADER_004": ("authoring.bad_heading", ""),
    "HEADER_005": ("authoring.unknown_entities_column", ""),
    "LABEL_001": ("authoring.choice_without_label", "label"),
    "NAMES_001": ("authoring.name_twice", "name"),
    "NAMES_002": ("authoring.name_alike", "name"),
    "NAMES_003": ("authoring.reserved_name", "name"),
    "NAMES_004": ("authoring.name_twice", "name"),
    "NAMES_005": ("authoring.reserved_name", "name"),
    "NAMES_006": ("authoring.choice_without_name", "name"),
    "NAMES_007": ("authoring.choice_twice", "name"),
    "NAMES_008": ("authoring.bad_name", "name"),
    "NAMES_009": ("authoring.bad_name", "name"),
    "NAMES_010": ("authoring.bad_property", "save_to"),
    "NAMES_011": ("authoring.bad_property", "save_to"),
    "NAMES_012": ("authoring.bad_property", "save_to"),
    "NAMES_013": ("authoring.sheet_alike", ""),
    "NAMES_014": ("authoring.list_twice", "list_name"),
    "NAMES_015": ("authoring.entity_without_list", "list_name"),
    "PYREF_001": ("authoring.broken_reference", ""),
    "PYREF_002": ("authoring.broken_reference", ""),
    "PYREF_003": ("authoring.unknown_reference", ""),
    "PYREF_004": ("authoring.reference_to_two", ""),
    **{f"RANGE_{n:03d}": ("authoring.bad_parameter", "parameters") for n in range(1, 13)},
    "SURVEY_001": ("authoring.unmatched_end", "type"),
    "SURVEY_002": ("authoring.unmatched_begin", "type"),
    **{f"SURVEY_{n:03d}": ("authoring.bad_parameter", "parameters") for n in range(3, 10)},
}
# Its other messages: pattern, our code, column.
_SENTENCES: Final = tuple(
    (re.compile(pattern), code, column)
    for pattern, code, column in (
        (r"Missing calculation", "authoring.no_calculation", "calculation"),
        (r"Question or group with no name", "authoring.no_name", "name"),
        (r"Question with no type", "authoring.no_type", "type"),
        (r"Unknown question type '(?P<type>.*)'", "authoring.unknown_type", "type"),
        (r"The survey element named '(?P<name>.*?)' has no label", "authoring.no_label", "label"),
        (r"List name not in \w+(?: choices)? sheet: (?P<list>.*)", "authoring.unknown_choices", "type"),
        (r"There should be an? (?P<list>\w+) sheet", "authoring.unknown_choices", "type"),
        (r"Repeat loop without list name", "authoring.no_choices", "type"),
        (
            r"Choice names with spaces .* See \[(?P<name>.*?)\] in \[(?P<list>.*?)\]",
            "authoring.choice_with_space",
            "name",
        ),
        (r"There is no survey element named '(?P<q>.*?)'", "authoring.unknown_reference", ""),
        (r"There are multiple survey elements named '(?P<q>.*?)'", "authoring.reference_to_two", ""),
        (r"This section has not been included", "authoring.include", "type"),
        (r"Duplicate column header: (?P<header>.*)", "authoring.column_twice", ""),
        (r"You must have a sheet named 'survey'", "authoring.no_survey", ""),
        (r"(?i)or.other", "authoring.or_other", "type"),
        (
            r"(?i)parameter|max-pixels|Invalid value for|must be set to",
            "authoring.bad_parameter",
            "parameters",
        ),
    )
)
# What the compiler advises and nobody here need act on: photos are reduced, group labels are optional.
_ADVICE_NOT_PASSED_ON: Final = re.compile(
    r"max-pixels parameter|has no label: \{|Row without name, text, or label|no longer supported on most devices|"
    r"recommend that you|_version|instanceID"
)
_MISSING_TRANSLATION: Final = re.compile(
    r"Language '(?P<language>.*?)' is missing the (?P<sheet>\w+) (?P<columns>.*)"
)
_ROW: Final = re.compile(r"\[row\s*:\s*(\d+)\]\s*")
_SHEET: Final = re.compile(r"sheet:? ?'(\w+)'|the '(\w+)' sheet")


def recast(error: PyXFormError | str, sheets: Sheets) -> Finding:
    """The finding for an error of the compiler."""
    text = str(error)
    return _numbered(text, sheets, Weight.ERROR) or _sentence(text, sheets, Weight.ERROR)


def advice(texts: list[str], sheets: Sheets) -> list[Finding]:
    """The findings for its warnings: those that somebody can act on."""
    found = []
    for text in dict.fromkeys(texts):
        if _ADVICE_NOT_PASSED_ON.search(text):
            continue
        missing = _MISSING_TRANSLATION.search(text)
        if missing:
            facts = {"language": missing["language"], "columns": missing["columns"].rstrip(".")}
            found.append(
                Finding("authoring.no_translation", Weight.WARNING, missing["sheet"], 1, facts=facts)
            )
            continue
        found.append(_numbered(text, sheets, Weight.WARNING) or _sentence(text, sheets, Weight.WARNING))
    return found


def heading_of(sheets: Sheets, sheet: str, column: str) -> str:
    """The heading in a sheet for the compiler's name of a column: itself, with a language, or another spelling."""
    if sheet not in sheets or not column:
        return column
    others = {"calculation": "calculate", "relevant": "relevance", "list_name": "list name"}
    for wanted in (column, others.get(column, column), column.rpartition("::")[2]):
        for heading in sheets[sheet].headings:
            plain = heading.lower()
            if (
                plain == wanted.lower()
                or plain.startswith(f"{wanted.lower()}:")
                or plain.endswith(f"::{wanted.lower()}")
            ):
                return heading
    return column


def placed(
    code: str,
    sheets: Sheets,
    sheet: str,
    row: int | None,
    column: str = "",
    weight: Weight = Weight.ERROR,
    **facts: str,
) -> Finding:
    """A finding at a cell, by the compiler's name of the column."""
    heading = heading_of(sheets, sheet, column)
    cell = sheets[sheet].address(row, heading) if sheet in sheets and row and heading else ""
    return Finding(code, weight, sheet, row, heading, cell, facts)


def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    made = []
    for code in ErrorCode:
        if code.name not in _CODES:
            continue
        seen: set[str] = set()

        def group(found: re.Match[str], seen: set[str] = seen) -> str:
            name = found[1]
            if name in seen:
                return ".*?"
            seen.add(name)
            return f"(?P<{name}>.*?)"

        template = re.escape(code.value.msg.replace("{{", "{").replace("}}", "}"))
        made.append(
            (
                code.name,
                re.compile(re.sub(r"\\\{(\w+)\\\}", group, template) + r"\s*$", re.DOTALL | re.MULTILINE),
            )
        )
    return tuple(made)


_NUMBERED: Final = _patterns()


def _numbered(text: str, sheets: Sheets, weight: Weight) -> Finding | None:
    for name, pattern in _NUMBERED:
        found = pattern.search(text)
        if found is None:
            continue
        code, column = _CODES[name]
        facts = {key: value for key, value in found.groupdict().items() if value is not None}
        sheet = facts.pop("sheet", "") or facts.pop("sheet_name", "") or _sheet_in(text)
        row = facts.pop("row", "")
        column = facts.pop("column", "") or column
        facts = {key: value for key, value in facts.items() if value != "unknown"}
        return placed(
            code,
            sheets,
            sheet,
            int(row) if row.isdecimal() else 1 if name.startswith("HEADER") else None,
            column,
            weight,
            **_facts(code, facts, text),
        )
    return None


def _facts(code: str, facts: dict[str, str], text: str) -> dict[str, str]:
    """The facts a code's sentence names, from those of the message."""
    if code == "authoring.bad_parameter":
        return {"reason": " ".join(_ROW.sub("", text).split())}
    if code == "authoring.missing_column":
        return {"columns": facts.get("missing") or facts.get("header", "type").strip("'")}
    if code in ("authoring.name_twice", "authoring.reserved_name", "authoring.name_alike"):
        return {"name": facts.get("value", "meta")}
    if code == "authoring.bad_name":
        return {"name": facts.get("name", "")}
    return facts


def _sentence(text: str, sheets: Sheets, weight: Weight) -> Finding:
    row_match = _ROW.search(text)
    row = int(row_match[1]) if row_match else None
    reason = " ".join(_ROW.sub("", text, count=1).split())
    for pattern, code, column in _SENTENCES:
        found = pattern.search(text)
        if found is None:
            continue
        facts = {key: value for key, value in found.groupdict().items() if value is not None}
        sheet = _sheet_in(text) or "survey"
        if code == "authoring.choice_with_space":
            sheet = "choices"
        if row is None:
            row = _row_of(code, facts, sheets, sheet)
        if code in ("authoring.bad_parameter",):
            facts = {"reason": reason}
        return placed(code, sheets, sheet, row, column, weight, **facts)
    return placed(
        "authoring.compiler",
        sheets,
        _sheet_in(text) or ("survey" if row else ""),
        row,
        "",
        weight,
        reason=reason[:300],
    )


def _row_of(code: str, facts: Mapping[str, str], sheets: Sheets, sheet: str) -> int | None:
    """The row of a complaint that names what is at fault and not where."""
    wanted = {
        "authoring.unknown_type": ("type", facts.get("type", "")),
        "authoring.no_label": ("name", facts.get("name", "")),
        "authoring.choice_with_space": ("name", facts.get("name", "")),
        "authoring.include": ("type", "include"),
    }.get(code)
    if wanted is None or sheet not in sheets:
        return None
    heading, text = heading_of(sheets, sheet, wanted[0]), wanted[1]
    for row in sheets[sheet].rows:
        value = row.text(heading)
        if value == text or (code == "authoring.include" and value.split()[:1] == ["include"]):
            return row.number
    return None


def _sheet_in(text: str) -> str:
    found = _SHEET.search(text)
    return (found[1] or found[2]) if found else ""
