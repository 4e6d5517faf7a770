"""What a questionnaire's Entities lists mean: who writes a list's rows and who reads them for prefilling.

Owns the registry that the composition root fills, so that an accepted submission can open a case without this
layer knowing cases. Refuses lists without a writer and properties outside a writer's white list.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlmodel import Session

from models import Household, SubmissionSource, Visit
from survey.access.permissions import Actor
from survey.problems import Problem
from survey.questionnaires.engine import EntityRow, Items


@dataclass(frozen=True)
class Filling:
    """The accepted filling that rows come from; `on` is the local date it was received."""

    instance_id: str
    form_id: str
    household: Household | None
    area_code: str
    received_at: datetime
    on: date
    source: SubmissionSource
    visits: list[Visit] = field(default_factory=list)
    """The visit that the filling has written, once it has; none for a contact by telephone."""


@dataclass(frozen=True)
class Written:
    """One thing a writer made or changed: its kind, id and what a person calls it."""

    kind: str
    id: str
    title: str = ""


@dataclass(frozen=True)
class EntityWriter:
    """Writes the rows of one Entities list; `properties` is its white list. It adds rows; flushing is not its work."""

    list_name: str
    properties: frozenset[str]
    write: Callable[[Session, Actor, Filling, EntityRow], Sequence[Written]]


EntityReader = Callable[[Session, Actor, Household | None, date], Items]

_writers: list[EntityWriter] = []
_readers: dict[str, EntityReader] = {}


def register_writer(writer: EntityWriter) -> None:
    """Let this writer have its list's rows; the order of registration is the order of writing."""
    if writer not in _writers:
        _writers.append(writer)


def register_reader(list_name: str, reader: EntityReader) -> None:
    """Let this reader give the items a form sees under `instance('list_name')`."""
    _readers[list_name] = reader


def write_rows(
    session: Session, actor: Actor, filling: Filling, rows: Sequence[EntityRow]
) -> tuple[Written, ...]:
    """Give each row to its list's writers, lists in the order their writers were registered."""
    known = {writer.list_name: set[str]() for writer in _writers}
    for writer in _writers:
        known[writer.list_name] |= writer.properties
    for row in rows:
        if row.list_name not in known:
            raise Problem("questionnaire.unknown_list", list=row.list_name)
        for name in row.properties:
            if name not in known[row.list_name]:
                raise Problem("questionnaire.unknown_property", list=row.list_name, property=name)
    written: list[Written] = []
    for writer in _writers:
        for row in rows:
            if row.list_name == writer.list_name:
                written += writer.write(session, actor, filling, row)
        # One statement a list, and what a later writer refers to is there.
        session.flush()
    return tuple(written)


def lists_for(
    session: Session, actor: Actor, names: Sequence[str], household: Household | None, on: date
) -> dict[str, Items]:
    """The items of each named list, for this household; an unknown list is empty."""
    return {name: _readers[name](session, actor, household, on) if name in _readers else () for name in names}
