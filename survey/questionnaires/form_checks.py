"""Our own checks of an authored questionnaire, over all rows at once: the compiler stops at the first mistake.

Owns what a row needs, names and lists that must exist, expressions cell by cell, what answers may write, and which
question types cannot be answered here. Pure: sheets and the names of lists in, findings out. Refuses nothing itself.
Format: https://xlsform.org/en/ref-table/; entities: https://getodk.github.io/xforms-spec/entities
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from pyxform.question_type_dictionary import QUESTION_TYPE_DICT
from pyxform.xls2json import RE_BEGIN_CONTROL, RE_END_CONTROL, RE_SELECT

from survey.questionnaires import drawn, media_names
from survey.questionnaires.compiler_words import heading_of, placed
from survey.questionnaires.findings import Finding, Weight
from survey.questionnaires.sheets import Row, Sheet, Sheets
from survey.questionnaires.xpath import XPathError, compile_xpath

HOUSEHOLD: Final = "household_id"
MOST_ROWS: Final = 20_000
MANY_CHOICES: Final = 500
_METADATA: Final = frozenset(
    {
        "start",
        "end",
        "today",
        "deviceid",
        "subscriberid",
        "simserial",
        "phonenumber",
        "username",
        "email",
        "audit",
    }
)
_WITHOUT_LABEL: Final = _METADATA | {
    "calculate", "hidden", "csv-external", "xml-external", "start-geopoint", "background-audio", "background-geopoint",
}  # fmt: skip
_OTHER_TYPES: Final = frozenset({"audit", "include", "table", "kobo_matrix", "cascading_select", "loop"})
_LOGIC: Final = (
    "relevant",
    "constraint",
    "calculation",
    "choice_filter",
    "required",
    "readonly",
    "repeat_count",
)
_SPELLINGS: Final = {
    "calculate": "calculation",
    "relevance": "relevant",
    "read_only": "readonly",
    "count": "repeat_count",
    "jr:count": "repeat_count",
}
_ENTITY_LOGIC: Final = ("create_if", "update_if", "entity_id")
_YES_NO: Final = frozenset({"yes", "no", "true", "false", "true()", "false()", "y", "n", "t", "f"})
_REFERENCE: Final = re.compile(r"\$\{\s*(last-saved#)?([^{}]*?)\s*\}")
_MEDIA: Final = frozenset({"image", "audio", "video", "big-image"})
_QUOTED: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_FULL_WIDTH: Final = re.compile(r"[（），＝＞＜＋－＊｛｝＄。；：“”‘’　]|[０-９]")
_FAILED_CELL: Final = re.compile(r"#(?:REF!|NAME\?|VALUE!|N/A|DIV/0!|NULL!|NUM!)$")
_NAME: Final = re.compile(r"[^\W\d][\w.\-]*(?::[^\W\d][\w.\-]*)?$")
_TRANSLATED: Final = (
    "label",
    "hint",
    "guidance_hint",
    "constraint_message",
    "required_message",
    "image",
    "audio",
    "video",
    "big-image",
    "media",
)
_SHOWN: Final = frozenset({"label", "caption", "hint", "image", "audio", "video", "big-image"})
# What older forms call a column.
_FORMER: Final = {"text": "label", "question": "label"}
_COLUMNS: Final = frozenset(
    (*_TRANSLATED, *_LOGIC, "type", "name", "appearance", "default", "parameters", "trigger", "save_to", "note",
     "read_only", "relevance", "calculate", "required", "command", "tag", "value", "caption", "count", "jr:count",
     "constraining_message", "requiredmsg", "no_app_error_string", "noapperrorstring", "rows", "autoplay", "disabled",
     "bind", "body", "control", "instance", "query", "intent", "compact_tag", "comment", "comments", "notes", "list_name")
)  # fmt: skip


@dataclass(frozen=True)
class Surroundings:
    """What a questionnaire may refer to: our lists with the properties answers may write, lists to read, its files."""

    writable: Mapping[str, frozenset[str]] = field(default_factory=dict)
    readable: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()


def check(sheets: Sheets, known: Surroundings) -> list[Finding]:
    """Everything that can be said of the sheets before they are compiled."""
    if "survey" not in sheets:
        return [Finding("authoring.no_survey")]
    found = [*_failed_cells(sheets), *_too_long(sheets)]
    headings = heading_of(sheets, "survey", "type"), heading_of(sheets, "survey", "name")
    if headings[0] not in sheets["survey"].headings:
        return [*found, Finding("authoring.missing_column", sheet="survey", row=1, facts={"columns": "type"})]
    found += [*_headings(sheets["survey"]), *_survey_rows(sheets, known)]
    found += [
        *_media(sheets, known),
        *_choice_rows(sheets),
        *_expressions(sheets),
        *_writes(sheets, known),
        *_languages(sheets),
    ]
    return found


def type_of(text: str) -> tuple[str, str]:
    """A row's type and the list or file it names.

    >>> type_of("select_one villages or_other"), type_of("begin repeat"), type_of("text")
    (('select_one', 'villages'), ('begin_repeat', ''), ('text', ''))
    """
    text = " ".join(text.split())
    begins, ends, selects = RE_BEGIN_CONTROL.match(text), RE_END_CONTROL.match(text), RE_SELECT.match(text)
    if begins:
        return f"begin_{begins['type'].split()[-1].replace('lgroup', 'repeat')}", begins["list_name"] or ""
    if ends:
        return f"end_{ends['type'].split()[-1].replace('lgroup', 'repeat')}", ""
    if selects:
        return selects["select_command"].replace(" ", "_"), selects["list_name"]
    return text, ""


def paths(sheet: Sheet) -> dict[str, int]:
    """Path of every question and group below the form's root → its row."""
    type_heading, name_heading = _heading(sheet, "type"), _heading(sheet, "name")
    stack: list[str] = []
    found: dict[str, int] = {}
    for row in sheet.rows:
        kind, _list = type_of(row.text(type_heading))
        if kind.startswith("end_"):
            if stack:
                stack.pop()
            continue
        name = row.text(name_heading) or kind
        found.setdefault("/".join([*stack, name]), row.number)
        if kind.startswith("begin_"):
            stack.append(name)
    return found


def _heading(sheet: Sheet, column: str) -> str:
    return heading_of({sheet.name: sheet}, sheet.name, column)


def _failed_cells(sheets: Sheets) -> Iterator[Finding]:
    for sheet in sheets.values():
        for row in sheet.rows:
            for heading, text in row.cells.items():
                if text.startswith("#") and _FAILED_CELL.match(text):
                    yield placed("authoring.failed_cell", sheets, sheet.name, row.number, heading, value=text)


def _too_long(sheets: Sheets) -> Iterator[Finding]:
    for sheet in sheets.values():
        if len(sheet.rows) > MOST_ROWS:
            facts = {"n": str(len(sheet.rows)), "limit": str(MOST_ROWS)}
            yield Finding("authoring.too_many_rows", sheet=sheet.name, row=MOST_ROWS, facts=facts)


def _headings(sheet: Sheet) -> Iterator[Finding]:
    for heading in filter(None, sheet.headings):
        plain = heading.lower().replace(" ", "_").partition(":")[0]
        if plain not in _COLUMNS and not heading.lower().startswith(
            ("jr:", "odk:", "orx:", "sms", "$", "hxl", "kobo", "_", "#", "or:")
        ):
            like = [_FORMER[plain]] if plain in _FORMER else get_close_matches(plain, _COLUMNS, 1, 0.8)
            if like:
                yield Finding(
                    "authoring.unknown_column", Weight.WARNING, sheet.name, 1, heading, sheet.address(1, heading),
                    {"heading": heading, "like": like[0]},
                )  # fmt: skip


# -- rows of questions -------------------------------------------------------------------------------


@dataclass
class _Open:
    """A group or repeat that is not ended yet."""

    kind: str
    row: Row
    names: dict[str, int]


def _survey_rows(sheets: Sheets, known: Surroundings) -> Iterator[Finding]:
    survey = sheets["survey"]
    columns = {
        name: _heading(survey, name)
        for name in ("type", "name", "label", "hint", "required", "appearance", "calculation")
    }
    lists = _lists(sheets)
    stack = [_Open("", Row(0, {}), {})]
    repeats: dict[str, int] = {}
    for row in survey.rows:
        text, name = " ".join(row.text(columns["type"]).split()), row.text(columns["name"])
        if not text:
            if name or _any_text(row, "label"):
                yield placed("authoring.no_type", sheets, "survey", row.number, "type")
            continue
        kind, of = type_of(text)
        if kind.startswith("end_"):
            if len(stack) == 1 or stack[-1].kind != kind.removeprefix("end_"):
                yield placed(
                    "authoring.unmatched_end",
                    sheets,
                    "survey",
                    row.number,
                    "type",
                    type=kind.removeprefix("end_"),
                    name=name,
                )
            if len(stack) > 1:
                stack.pop()
            continue
        yield from _type(sheets, row, kind, text)
        yield from _list_of(sheets, row, kind, of, lists, known)
        yield from _name(sheets, row, kind, name, stack[-1].names)
        if kind.startswith("begin_"):
            if kind == "begin_repeat" and name in repeats:
                yield placed("authoring.name_twice", sheets, "survey", row.number, "name", name=name)
            if kind == "begin_repeat":
                repeats[name] = row.number
            stack.append(_Open(kind.removeprefix("begin_"), row, {}))
            continue
        yield from _question(sheets, row, kind, columns)
    for left in stack[1:]:
        yield placed(
            "authoring.unmatched_begin",
            sheets,
            "survey",
            left.row.number,
            "type",
            type=left.kind,
            name=left.row.text(columns["name"]),
        )


def _type(sheets: Sheets, row: Row, kind: str, text: str) -> Iterator[Finding]:
    if (
        kind.startswith("begin_")
        or kind in QUESTION_TYPE_DICT
        or kind in _OTHER_TYPES
        or RE_SELECT.match(text)
    ):
        return
    if text.startswith(("select", "rank")) and len(text.split()) == 1:
        yield placed("authoring.no_choices", sheets, "survey", row.number, "type")
        return
    if text.split()[0] in _OTHER_TYPES or text.startswith(("begin", "osm")):
        return
    like = get_close_matches(
        text.split()[0],
        [
            *QUESTION_TYPE_DICT,
            "select_one",
            "select_multiple",
            "begin_group",
            "begin_repeat",
            "end_group",
            "end_repeat",
        ],
        1,
        0.75,
    )
    yield placed(
        "authoring.unknown_type_like" if like else "authoring.unknown_type",
        sheets,
        "survey",
        row.number,
        "type",
        type=text,
        like=like[0] if like else "",
    )


def _list_of(
    sheets: Sheets, row: Row, kind: str, of: str, lists: Mapping[str, int], known: Surroundings
) -> Iterator[Finding]:
    if kind in ("csv-external", "xml-external"):
        name = row.text(_heading(sheets["survey"], "name"))
        of, kind = f"{name}.{kind[:3]}", f"{kind}_from_file"
    if "from_file" in kind:
        stem, _dot, suffix = of.rpartition(".")
        if suffix not in ("csv", "xml", "geojson"):
            yield placed("authoring.choices_file_type", sheets, "survey", row.number, "type", file=of)
        elif stem not in known.readable and of not in known.files:
            yield placed("authoring.missing_file", sheets, "survey", row.number, "type", file=of)
    elif of and kind.startswith(("select", "rank")) and not of.startswith("${"):
        if of not in lists:
            like = get_close_matches(of, lists, 1, 0.75)
            yield placed(
                "authoring.unknown_choices",
                sheets,
                "survey",
                row.number,
                "type",
                list=of,
                like=like[0] if like else "",
            )
        elif lists[of] > MANY_CHOICES:
            yield placed(
                "authoring.many_choices",
                sheets,
                "survey",
                row.number,
                "type",
                Weight.NOTICE,
                list=of,
                n=str(lists[of]),
            )


def _name(sheets: Sheets, row: Row, kind: str, name: str, names: dict[str, int]) -> Iterator[Finding]:
    if not name:
        if (
            kind not in _METADATA
            and kind not in ("start-geopoint", "background-audio", "note")
            and not kind.startswith("table")
        ):
            yield placed("authoring.no_name", sheets, "survey", row.number, "name")
        return
    if not _NAME.match(name):
        yield placed("authoring.bad_name", sheets, "survey", row.number, "name", name=name)
    elif name in names:
        yield placed("authoring.name_twice", sheets, "survey", row.number, "name", name=name)
    names.setdefault(name, row.number)


def _question(sheets: Sheets, row: Row, kind: str, columns: Mapping[str, str]) -> Iterator[Finding]:
    survey = sheets["survey"]
    calculation = row.text(columns["calculation"], _heading(survey, "calculate"))
    given = {name.partition(":")[0].lower() for name in row.cells}
    if kind == "calculate" and not calculation and not given & {"bind", "default", "trigger"}:
        yield placed("authoring.no_calculation", sheets, "survey", row.number, "calculation")
    shown = any(_base(heading) in _SHOWN for heading in row.cells)
    if not (shown or calculation or kind in _WITHOUT_LABEL or kind in _OTHER_TYPES):
        name = row.text(columns["name"])
        yield placed("authoring.no_label", sheets, "survey", row.number, "label", Weight.WARNING, name=name)
    bare, appearance = kind.partition(" ")[0], row.text(columns["appearance"])
    # A choice from a sheet of its own is folded into the others before it is compiled.
    followed = bare == "select_one_external" or drawn.is_drawn(bare, appearance)
    if not followed:
        required = row.text(columns["required"]).lower() not in ("", "no", "false", "false()", "n", "f")
        yield placed(
            "authoring.not_drawn_required" if required else "authoring.not_drawn",
            sheets,
            "survey",
            row.number,
            "type",
            Weight.ERROR if required else Weight.WARNING,
            type=f"{kind} ({appearance})" if appearance else kind,
        )
    elif kind != "note" and appearance.startswith(drawn.DRAWN_PLAINLY):
        yield placed(
            "authoring.appearance_not_drawn",
            sheets,
            "survey",
            row.number,
            "appearance",
            Weight.WARNING,
            appearance=appearance,
        )


def _media(sheets: Sheets, known: Surroundings) -> Iterator[Finding]:
    """Pictures, sounds and films that a text names and that did not come with the questionnaire."""
    for name in ("survey", "choices"):
        for row in sheets[name].rows if name in sheets else ():
            for heading, text in row.cells.items():
                word = heading.lower().removeprefix("media::").partition(":")[0]
                file = media_names.file_name(text.strip())
                if word in _MEDIA and file and "${" not in text and file not in known.files:
                    yield placed(
                        "authoring.media_not_shown",
                        sheets,
                        name,
                        row.number,
                        heading,
                        Weight.WARNING,
                        file=file,
                    )


def _base(heading: str) -> str:
    """A heading without its language and the word for media."""
    return heading.lower().removeprefix("media").lstrip(":").partition(":")[0]


def _any_text(row: Row, column: str) -> bool:
    return any(heading.lower().partition(":")[0] == column for heading in row.cells)


# -- choices -----------------------------------------------------------------------------------------


def _lists(sheets: Sheets) -> dict[str, int]:
    """List of choices → how many it has."""
    found: dict[str, int] = {}
    for title in ("choices", "external_choices"):
        if title in sheets:
            heading = _heading(sheets[title], "list_name")
            for name in filter(None, (row.text(heading) for row in sheets[title].rows)):
                found[name] = found.get(name, 0) + 1
    return found


def _choice_rows(sheets: Sheets) -> Iterator[Finding]:
    if "choices" not in sheets:
        return
    sheet = sheets["choices"]
    list_heading, name_heading = _heading(sheet, "list_name"), _heading(sheet, "name")
    value_heading = _heading(sheet, "value")
    duplicates = "settings" in sheets and any(
        row.text("allow_choice_duplicates").lower() in ("yes", "true", "true()")
        for row in sheets["settings"].rows
    )
    seen: dict[tuple[str, str], int] = {}
    for row in sheet.rows:
        of, name = row.text(list_heading), row.text(name_heading, value_heading)
        if not of:
            continue
        if not name:
            yield placed("authoring.choice_without_name", sheets, "choices", row.number, "name")
        elif (of, name) in seen and not duplicates:
            yield placed(
                "authoring.choice_twice",
                sheets,
                "choices",
                row.number,
                "name",
                name=name,
                list=of,
                other=str(seen[of, name]),
            )
        seen.setdefault((of, name), row.number)


# -- expressions -------------------------------------------------------------------------------------


def _expressions(sheets: Sheets) -> Iterator[Finding]:
    survey = sheets["survey"]
    # Every questionnaire gets this one, whether its author wrote it or not.
    names: dict[str, int] = {HOUSEHOLD: 1}
    for path in paths(survey):
        name = path.rpartition("/")[2]
        names[name] = 1 if name == HOUSEHOLD else names.get(name, 0) + 1
    for sheet_name, columns in (("survey", _LOGIC), ("entities", _ENTITY_LOGIC)):
        if sheet_name not in sheets:
            continue
        sheet = sheets[sheet_name]
        for heading in filter(None, sheet.headings):
            column = heading.lower().removeprefix("bind").lstrip(":")
            if _SPELLINGS.get(column, column) not in columns:
                continue
            for row in sheet.rows:
                text = row.text(heading)
                if text and text.lower() not in _YES_NO:
                    yield from _expression(sheets, sheet_name, row.number, heading, text, names)


def _expression(
    sheets: Sheets, sheet: str, row: int, heading: str, text: str, names: Mapping[str, int]
) -> Iterator[Finding]:
    # Word processors turn straight quotes into curly ones; the compiler turns them back.
    straight = text.translate(str.maketrans("“”‘’", "\"\"''"))
    signs = dict.fromkeys(_FULL_WIDTH.findall(_QUOTED.sub("", straight)))
    if signs:
        yield placed("authoring.full_width", sheets, sheet, row, heading, signs="".join(signs))
        return
    for reference in _REFERENCE.finditer(straight):
        name = reference[2]
        if names.get(name, 0) == 0:
            like = get_close_matches(name, names, 1, 0.7)
            yield placed(
                "authoring.unknown_reference_like" if like else "authoring.unknown_reference",
                sheets,
                sheet,
                row,
                heading,
                q=name,
                like=like[0] if like else "",
            )
            return
    if "${" in _REFERENCE.sub("", straight):
        yield placed("authoring.broken_reference", sheets, sheet, row, heading)
        return
    try:
        expression = compile_xpath(_REFERENCE.sub("/data/x", straight))
    except XPathError as error:
        yield placed(
            "authoring.bad_expression", sheets, sheet, row, heading, expression=text[:80], reason=str(error)
        )
        return
    for function in sorted(expression.unknown):
        yield placed("authoring.unknown_function", sheets, sheet, row, heading, function=function)


# -- what answers write ------------------------------------------------------------------------------


def _writes(sheets: Sheets, known: Surroundings) -> Iterator[Finding]:
    if "entities" not in sheets or not known.writable:
        return
    sheet = sheets["entities"]
    heading = next((name for name in sheet.headings if name.lower() in ("list_name", "dataset")), "list_name")
    lists = [name for row in sheet.rows if (name := row.text(heading))]
    words = ", ".join(sorted(known.writable))
    for row in sheet.rows:
        name = row.text(heading)
        if name and name not in known.writable:
            yield placed(
                "authoring.unknown_list", sheets, "entities", row.number, heading, list=name, known=words
            )
    survey = sheets["survey"]
    column = _heading(survey, "save_to")
    for row in survey.rows:
        target = row.text(column)
        name, mark, property_ = target.rpartition("#")
        name = name if mark else (lists[0] if len(lists) == 1 else "")
        if target and name in known.writable and property_ not in known.writable[name]:
            allowed = ", ".join(sorted(known.writable[name]))
            yield placed(
                "authoring.unknown_property",
                sheets,
                "survey",
                row.number,
                "save_to",
                property=property_,
                list=name,
                known=allowed,
            )


# -- languages ---------------------------------------------------------------------------------------


def _languages(sheets: Sheets) -> Iterator[Finding]:
    headings = sheets["survey"].headings
    languages = {
        heading.partition("::")[2].strip() or heading.partition(":")[2].strip()
        for heading in headings
        if heading.lower().startswith("label:")
    }
    if languages and not any(
        "zh" in name.lower() or "中" in name or "汉" in name or "chinese" in name.lower()
        for name in languages
    ):
        yield Finding(
            "authoring.no_chinese",
            Weight.WARNING,
            "survey",
            1,
            facts={"languages": ", ".join(sorted(languages))},
        )
