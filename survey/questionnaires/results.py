"""The answers to a questionnaire as tables: one row a filling, one row an instance of each repeat.

Owns which columns there are (a question's path below the root: the same in every version and file), what is shown of
a cell, paging, and files to take away. Answers are personal: rows are those of the actor's area alone, and every file
leaves an entry in the audit trail. Refuses superseded fillings: a corrected one counts in its corrected form.
"""

from __future__ import annotations

import csv
import io
import math
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from models import Cadre, Household, Submission
from survey import i18n
from survey.access import audit
from survey.access.permissions import Action, Actor, inside, service, within
from survey.areas import register
from survey.i18n import gettext as _
from survey.questionnaires import authoring, form_words, library, review_states
from survey.questionnaires.definitions import Field, Form
from survey.questionnaires.tree import ELEMENT, Node, parse
from survey.rules import codes

MAIN: Final = ""
_SPREADSHEET: Final = ("=", "+", "-", "@", "\t", "\r")
_NO_ANSWER: Final = frozenset({"meta", "entity", "instanceID", "instanceName"})


@dataclass(frozen=True)
class Column:
    """A column: its stable id, what it is called, and the words of its codes where it has choices.

    `asked` is what people see: a calculation or a hidden value is in files only.
    """

    id: str
    label: str
    choices: Mapping[str, str]
    several: bool = False
    asked: bool = True

    def shown(self, value: str) -> str:
        """A value in words."""
        if not self.choices:
            return value
        parts = value.split() if self.several else [value]
        return i18n.listed(self.choices.get(part, part) for part in parts if part)


@dataclass(frozen=True)
class Table:
    """One table: the fillings themselves (`name` empty), or the instances of a repeat."""

    name: str
    label: str
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class Results:
    """The tables of one part of the fillings, and how many fillings there are in all."""

    title: str
    tables: tuple[Table, ...]
    total: int


@service(Action.QUESTIONNAIRES_PUBLISH, Action.VISITS_READ)
def page(
    session: Session, actor: Actor, version_id: int, *, area_code: str = "", limit: int, offset: int = 0
) -> Results:
    """A part of the fillings of a version in the actor's area, the latest first."""
    version = authoring.version(session, actor, version_id)
    total = session.execute(
        sa.select(sa.func.count()).select_from(_fillings(actor, version_id, area_code).subquery())
    ).scalar_one()
    rows = session.execute(_fillings(actor, version_id, area_code).limit(limit).offset(offset)).all()
    return _results(session, version.title, library.form_of(session, version_id), rows, total)


@dataclass(frozen=True)
class Taking:
    """Answers that are about to be taken away as a file, once that is recorded."""

    version_id: int
    file_type: str
    area_code: str


@service(Action.QUESTIONNAIRES_PUBLISH, Action.VISITS_READ)
def take(session: Session, actor: Actor, version_id: int, file_type: str, *, area_code: str = "") -> Taking:
    """Record that the fillings of a version in the actor's area are taken away; `file_type` is xlsx or csv.

    Apart from `export`, so that a file of many fillings is made while others write.
    """
    version = authoring.version(session, actor, version_id)
    counted = sa.select(sa.func.count()).select_from(_fillings(actor, version_id, area_code).subquery())
    rows = session.execute(counted).scalar_one()
    audit.append(
        session,
        actor,
        "questionnaire.export",
        kind="questionnaire_version",
        id=version_id,
        area_code=area_code,
        details={"form": version.form_id, "version": version.version, "rows": rows, "type": file_type},
    )
    return Taking(version_id, file_type, area_code)


@service(Action.QUESTIONNAIRES_PUBLISH, Action.VISITS_READ)
def export(session: Session, actor: Actor, taking: Taking) -> tuple[str, bytes]:
    """What `take` has recorded, as a file: its name and content; reads only.

    The first row holds the stable ids, the second the labels. A csv with repeats is an archive of one csv a table.
    """
    version = authoring.version(session, actor, taking.version_id)
    rows = session.execute(_fillings(actor, taking.version_id, taking.area_code)).all()
    found = _results(session, version.title, library.form_of(session, taking.version_id), rows, len(rows))
    stem = f"{version.form_id}-{version.version}"
    if taking.file_type == "xlsx":
        return f"{stem}.xlsx", _workbook(found)
    if len(found.tables) == 1:
        return f"{stem}.csv", _csv(found.tables[0])
    return f"{stem}.zip", _archive(found)


def tables_of(form: Form) -> dict[str, tuple[Column, ...]]:
    """The columns of a form by table: the form itself under an empty name, each repeat under its path."""
    tables: dict[str, list[Column]] = {MAIN: []}
    for definition in form.root.subtree():
        repeat = _repeat_of(definition)
        if definition.repeat is not None:
            tables.setdefault(_path(definition), [])
        answer = not definition.children and not definition.attribute
        if answer and not any(step in _NO_ANSWER for step in definition.path[1:]):
            tables.setdefault(repeat, []).append(_column(form, definition))
    return {name: tuple(columns) for name, columns in tables.items() if columns or name == MAIN}


def _path(definition: Field) -> str:
    return "/".join(definition.path[1:])


def _repeat_of(definition: Field) -> str:
    """The innermost repeat a question lies in."""
    for above in reversed(definition.lineage[:-1] if definition.lineage else ()):
        if above.repeat is not None:
            return _path(above)
    return MAIN


def _column(form: Form, definition: Field) -> Column:
    question = definition.question
    label = (
        form_words.label_of(form, question, form.language(i18n.language())) if question is not None else ""
    )
    choices = (
        form_words.choices_of(form, question, form.language(i18n.language())) if question is not None else {}
    )
    several = question is not None and question.control in ("select", "rank")
    asked = question is not None and question.type != "note"
    return Column(_path(definition), label or definition.local, choices, several, asked)


# -- rows --------------------------------------------------------------------------------------------


def _fillings(actor: Actor, version_id: int, area_code: str) -> sa.Select[Any]:
    later = aliased(Submission)
    query: sa.Select[Any] = (
        sa.select(  # type: ignore[call-overload]
            Submission.instance_id,
            Submission.received_at,
            Submission.payload,
            Submission.area_code,
            review_states.state_of_filling().label("review"),
            Cadre.name.label("cadre"),  # type: ignore[attr-defined]
            Household.code.label("household"),  # type: ignore[attr-defined]
            Household.head_name,
        )
        .join(Cadre, col(Cadre.id) == col(Submission.cadre_id))
        .outerjoin(Household, col(Household.id) == col(Submission.household_id))
        .where(
            col(Submission.version_id) == version_id,
            inside(actor, Action.VISITS_READ, Submission.area_code),
            within(Submission.area_code, area_code),
            ~sa.exists().where(col(later.corrects_id) == col(Submission.instance_id)),
        )
        .order_by(col(Submission.received_at).desc(), col(Submission.instance_id))
    )
    return query


def _results(session: Session, title: str, form: Form, rows: Sequence[Any], total: int) -> Results:
    columns = tables_of(form)
    places = register.names(session, {row.area_code for row in rows if row.area_code})
    found: dict[str, list[dict[str, str]]] = {name: [] for name in columns}
    for row in rows:
        about = {
            "instance_id": row.instance_id,
            "received_at": i18n.moment(row.received_at),
            "area_code": row.area_code or "",
            "area": places.get(row.area_code, ""),
            "household": row.household or "",
            "head_name": row.head_name or "",
            "cadre": row.cadre,
            "review": codes.label("review_state", row.review),
        }
        main = dict(about)
        if row.payload is not None:
            _read(parse(row.payload).elements()[0], form.root, main, found, row.instance_id, "")
        found[MAIN].append(main)
    titles = _about()
    below = tuple(Column(key, titles[key], {}) for key in ("instance_id", "position"))
    about_columns = tuple(Column(key, label, {}) for key, label in titles.items() if key != "position")
    return Results(
        title,
        tuple(
            Table(
                name,
                title if name == MAIN else _label_of(form, name),
                (about_columns if name == MAIN else below) + columns[name],
                tuple(found[name]),
            )
            for name in columns
        ),
        total,
    )


def _about() -> dict[str, str]:
    return {
        "instance_id": _("Filling"),
        "position": _("Entry"),
        "received_at": _("Received"),
        "area_code": _("Area code"),
        "area": _("Area"),
        "household": _("Household number"),
        "head_name": _("Head of household"),
        "cadre": _("Filled in by"),
        "review": _("Review state"),
    }


def _label_of(form: Form, name: str) -> str:
    repeat = form.fields[(form.root.local, *name.split("/"))].repeat
    label = repeat.label if repeat is not None else None
    parts = label.parts(form.language(i18n.language())) if label is not None else ()
    return "".join(part for part in parts if isinstance(part, str)) or name.rpartition("/")[2]


def _read(
    node: Node,
    definition: Field,
    row: dict[str, str],
    found: dict[str, list[dict[str, str]]],
    instance_id: str,
    place: str,
) -> None:
    """Put the answers below a node into its row, those of repeats into rows of their tables."""
    counts: dict[str, int] = {}
    for child in node.children:
        if child.kind != ELEMENT or child.local in _NO_ANSWER:
            continue
        field = definition.by_name.get(child.local)
        if field is None:
            continue
        if field.repeat is not None:
            counts[child.local] = counts.get(child.local, 0) + 1
            position = f"{place}{'.' if place else ''}{counts[child.local]}"
            own = {"instance_id": instance_id, "position": position}
            _read(child, field, own, found, instance_id, position)
            if _path(field) in found:
                found[_path(field)].append(own)
        elif field.children:
            _read(child, field, row, found, instance_id, place)
        else:
            row[_path(field)] = child.text()


# -- files -------------------------------------------------------------------------------------------


def _lines(table: Table) -> Iterator[list[str]]:
    """The ids, the labels, then the rows; beside a column of codes one with their words."""
    ids, labels = [], []
    for column in table.columns:
        ids.append(column.id)
        labels.append(column.label)
        if column.choices:
            ids.append(f"{column.id}.label")
            labels.append(_("{label} (words)", label=column.label))
    yield ids
    yield labels
    for row in table.rows:
        line = []
        for column in table.columns:
            value = row.get(column.id, "")
            line.append(value)
            if column.choices:
                line.append(column.shown(value))
        yield line


def _workbook(results: Results) -> bytes:
    book = Workbook(write_only=True)
    taken: set[str] = set()
    for table in results.tables:
        sheet = book.create_sheet(_sheet_title(table.label, taken))
        sheet.freeze_panes = "A3"
        for number, line in enumerate(_lines(table)):
            cells = []
            for text in line:
                cell = WriteOnlyCell(sheet, value=_number(text) if number > 1 else text)
                if isinstance(cell.value, str):
                    cell.data_type = "s"
                if number < 2:
                    cell.font = Font(bold=True)
                cells.append(cell)
            sheet.append(cells)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _number(text: str) -> str | int | float:
    """A number where the text is one and loses nothing by it: 007 and long numbers stay text."""
    if len(text) > 15:
        return text
    try:
        whole = int(text)
    except ValueError:
        pass
    else:
        return whole if str(whole) == text else text
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) and str(number) == text else text


def _sheet_title(label: str, taken: set[str]) -> str:
    plain = "".join(" " if sign in "[]:*?/\\" else sign for sign in label).strip()[:28] or "data"
    title, number = plain, 2
    while title.lower() in taken:
        title, number = f"{plain}{number}", number + 1
    taken.add(title.lower())
    return title


def _csv(table: Table) -> bytes:
    """Text with the mark by which a spreadsheet knows its encoding; what it would run as a formula is marked as text."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerows(_safe(line) for line in _lines(table))
    return file.getvalue().encode("utf-8-sig")


def _safe(line: Iterable[str]) -> list[str]:
    return [
        f"'{text}" if text.startswith(_SPREADSHEET) and isinstance(_number(text), str) else text
        for text in line
    ]


def _archive(results: Results) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for table in results.tables:
            name = (table.name or "main").replace("/", "-")
            archive.writestr(f"{name}.csv", _csv(table))
    return file.getvalue()
