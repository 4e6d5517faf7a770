"""What a questionnaire's Entities lists mean: who writes a list's rows, who takes them back, who reads them.

Owns the registry that the composition root fills, so that an accepted submission can open a case without this
layer knowing cases. A corrected filling comes with what its earlier version wrote: rows under the same entity ids are
written anew, rows that it no longer has are taken back. Refuses lists without a writer, properties outside a writer's
white list, and entity ids that are none or belong to somebody else's filling.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from models import Household, SubmissionSource
from survey.access.permissions import Action, Actor, require
from survey.problems import Problem
from survey.questionnaires.engine import EntityRow, Items

_ENTITY_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_CREATE = "create"


@dataclass(frozen=True)
class Subject:
    """What a form is filled in about: a household, on a day; `corrects` is the submission that is corrected."""

    household: Household | None
    on: date
    corrects: str | None = None


@dataclass(frozen=True)
class Earlier:
    """The versions of a filling before this one, the oldest first, and what the last of them wrote.

    `rows` are by list and entity id. A filling that is restored has itself among `instance_ids`, and no rows.
    """

    instance_ids: tuple[str, ...]
    rows: Mapping[tuple[str, str], EntityRow] = field(default_factory=dict)


class WrittenVisit(Protocol):
    """What later writers need to know of the visit: a row, or the values it was inserted with."""

    @property
    def id(self) -> str: ...
    @property
    def household_id(self) -> str: ...
    @property
    def area_code(self) -> str: ...
    @property
    def visited_on(self) -> date: ...


@dataclass(frozen=True)
class Filling:
    """The accepted filling that rows come from.

    `cadre_id` is who filled it in; `on` the local date its first version was received.
    """

    instance_id: str
    household: Household | None
    area_code: str
    received_at: datetime
    on: date
    source: SubmissionSource
    cadre_id: int
    earlier: Earlier | None = None
    visits: list[WrittenVisit] = field(default_factory=list)
    """The visit that the filling has written, once it has; none for a contact by telephone."""

    def before(self, row: EntityRow) -> EntityRow | None:
        """The same row as the earlier version had it; none for a new row and for a first version."""
        return self.earlier.rows.get((row.list_name, row.entity_id)) if self.earlier else None


@dataclass(frozen=True)
class Written:
    """One thing a writer made or changed: its kind, id and what a person calls it."""

    kind: str
    id: str
    title: str = ""


Write = Callable[[Session, Actor, Filling, EntityRow], Sequence[Written]]
Withdraw = Callable[[Session, Actor, Filling, EntityRow, str], None]


@dataclass(frozen=True)
class EntityWriter:
    """Writes the rows of one Entities list; `properties` is its white list. It adds rows; flushing is not its work.

    `withdraw` takes back what a row wrote, for the reason given; a list without one only ever updates a register.
    `action` is what the actor must be allowed where the filling lies.
    """

    list_name: str
    properties: frozenset[str]
    write: Write
    withdraw: Withdraw | None = None
    action: Action = Action.VISITS_RECORD


EntityReader = Callable[[Session, Actor, Subject], Items]

_writers: list[EntityWriter] = []
_known: dict[str, set[str]] = {}
_readers: dict[str, EntityReader] = {}


def register_writer(writer: EntityWriter) -> None:
    """Let this writer have its list's rows; the order of registration is the order of writing."""
    if writer not in _writers:
        _writers.append(writer)
        _known.setdefault(writer.list_name, set()).update(writer.properties)


def register_reader(list_name: str, reader: EntityReader) -> None:
    """Let this reader give the items a form sees under `instance('list_name')`."""
    _readers[list_name] = reader


def writable() -> dict[str, frozenset[str]]:
    """Every list answers may write to, with its white list."""
    return {name: frozenset(properties) for name, properties in _known.items()}


def readable() -> frozenset[str]:
    """The lists a form may read."""
    return frozenset(_readers)


def require_rights(actor: Actor, area_code: str, rows: Sequence[EntityRow]) -> None:
    """Problem `access.forbidden` unless the actor may write every one of these rows in the area."""
    lists = {row.list_name for row in rows}
    for writer in _writers:
        if writer.list_name in lists:
            require(actor, writer.action, area_code)


def write_rows(
    session: Session, actor: Actor, filling: Filling, rows: Sequence[EntityRow], *, reason: str = ""
) -> tuple[Written, ...]:
    """Give each row to its list's writers, lists in the order their writers were registered.

    What an earlier version wrote and this one does not have is taken back first, for the reason given.
    """
    _check(rows)
    require_rights(actor, filling.area_code, rows)
    if filling.earlier is not None:
        kept = {(row.list_name, row.entity_id) for row in rows}
        gone = [row for key, row in filling.earlier.rows.items() if key not in kept]
        withdraw_rows(session, actor, filling, gone, reason)
    return _write(session, actor, filling, rows, _writers)


def withdraw_rows(
    session: Session, actor: Actor, filling: Filling, rows: Sequence[EntityRow], reason: str
) -> None:
    """Take back what rows wrote, lists in the opposite order of writing. A register keeps what was updated in it."""
    for writer in reversed(_writers):
        mine = [row for row in rows if row.list_name == writer.list_name]
        if writer.withdraw is None or not mine:
            continue
        for row in mine:
            writer.withdraw(session, actor, filling, row, reason)
        session.flush()


def restore_rows(session: Session, actor: Actor, filling: Filling, rows: Sequence[EntityRow]) -> None:
    """Write again what `withdraw_rows` took back; a register is not updated a second time."""
    _write(session, actor, filling, rows, [writer for writer in _writers if writer.withdraw is not None])


def _write(
    session: Session,
    actor: Actor,
    filling: Filling,
    rows: Sequence[EntityRow],
    writers: Sequence[EntityWriter],
) -> tuple[Written, ...]:
    by_list: dict[str, list[EntityRow]] = {}
    for row in rows:
        by_list.setdefault(row.list_name, []).append(row)
    written: list[Written] = []
    for writer in writers:
        mine = by_list.get(writer.list_name, ())
        if not mine:
            continue
        try:
            for row in mine:
                written += writer.write(session, actor, filling, row)
            # One statement a list, and what a later writer refers to is there.
            session.flush()
        except IntegrityError as error:
            raise Problem("submission.entity_known", list=writer.list_name) from error
    return tuple(written)


def _check(rows: Sequence[EntityRow]) -> None:
    seen: set[tuple[str, str]] = set()
    for row in rows:
        known = _known.get(row.list_name)
        if known is None:
            raise Problem("questionnaire.unknown_list", list=row.list_name)
        for name in row.properties:
            if name not in known:
                raise Problem("questionnaire.unknown_property", list=row.list_name, property=name)
        key = (row.list_name, row.entity_id)
        if (row.action == _CREATE and not _ENTITY_ID.match(row.entity_id)) or key in seen:
            raise Problem("submission.entity_id", question=row.ref, id=row.entity_id[:60])
        seen.add(key)


def lists_for(session: Session, actor: Actor, names: Sequence[str], subject: Subject) -> dict[str, Items]:
    """The items of each named list, for this household; an unknown list is empty."""
    return {name: _readers[name](session, actor, subject) if name in _readers else () for name in names}
