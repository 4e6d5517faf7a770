"""Conflicts of updates: what a filling wanted to write into a record that somebody had changed meanwhile.

Owns keeping both values, field by field, the list of those that wait, and the choice of a person. A soft conflict (the
record changed in other fields) was applied, a hard one (the same field) was not. Refuses to decide by itself, and a
choice made on a record that has changed since it was shown. Values are stored encrypted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from models import (
    Cadre,
    ConflictChoice,
    ConflictKind,
    HardshipFile,
    Household,
    Submission,
    UpdateConflict,
)
from survey import i18n
from survey.access import audit
from survey.access.permissions import Action, Actor, inside, service, within
from survey.areas import register
from survey.fieldwork import versions
from survey.fieldwork.household_checks import field_label
from survey.problems import Problem
from survey.questionnaires.registry import Filling
from survey.rules import codes

__all__ = [
    "ConflictChoice",
    "ConflictKind",
    "ConflictPage",
    "ConflictView",
    "note",
    "of_fillings",
    "resolve",
    "waiting",
]

PAGE_ROWS = 20
_RECORDS: Mapping[str, type[Household] | type[HardshipFile]] = {
    "household": Household,
    "hardship_file": HardshipFile,
}
_CODE_LISTS = {"housing": "housing", "water_source": "water_source", "medical_insurance": "medical_insurance"}


@dataclass(frozen=True)
class ConflictView:
    """One field with both values in words; `present` is what the record holds now, at `record_version`."""

    id: int
    kind: ConflictKind
    record_kind: str
    field: str
    household_id: str
    head_name: str
    area_name: str
    instance_id: str
    collector_name: str
    noted_at: datetime
    sent: str
    kept: str
    present: str
    record_version: int
    chosen: ConflictChoice | None
    resolved_by_name: str | None
    resolved_at: datetime | None


@dataclass(frozen=True)
class ConflictPage:
    """Some conflicts and how many wait in all."""

    rows: tuple[ConflictView, ...]
    total: int


def note(
    session: Session,
    filling: Filling,
    record_kind: str,
    record: versions.Versioned,
    applied: versions.Applied,
    sent: Mapping[str, object],
) -> None:
    """Keep the conflicts of an update: hard ones always, soft ones where the record had moved on."""
    soft = applied.changed if applied.is_stale else ()
    for kind, fields in ((ConflictKind.HARD, applied.conflicting), (ConflictKind.SOFT, soft)):
        for name in fields:
            session.add(
                UpdateConflict(
                    instance_id=filling.instance_id,
                    household_id=filling.household.id if filling.household else "",
                    area_code=record.area_code,
                    kind=kind,
                    record_kind=record_kind,
                    record_id=record.id,
                    field=name,
                    base_version=applied.base,
                    found_version=applied.found,
                    sent_value=json.dumps(sent[name], ensure_ascii=False),
                    kept_value=json.dumps(applied.before[name], ensure_ascii=False),
                    noted_at=filling.received_at,
                )
            )


@service(Action.SUBMISSIONS_REVIEW)
def waiting(
    session: Session, actor: Actor, *, village: str | None = None, limit: int = PAGE_ROWS, offset: int = 0
) -> ConflictPage:
    """The conflicts nobody has resolved, hard ones first, then the oldest."""
    condition = sa.and_(
        col(UpdateConflict.resolved_at).is_(None),
        inside(actor, Action.SUBMISSIONS_REVIEW, UpdateConflict.area_code),
        within(UpdateConflict.area_code, village or ""),
    )
    total = session.execute(
        sa.select(sa.func.count()).select_from(UpdateConflict).where(condition)
    ).scalar_one()
    hard_first = sa.case((col(UpdateConflict.kind) == ConflictKind.HARD, 0), else_=1)
    rows = _views(session, condition, (hard_first, col(UpdateConflict.id)), limit, offset)
    return ConflictPage(rows, total)


@service(Action.VISITS_READ)
def of_fillings(session: Session, actor: Actor, instance_ids: tuple[str, ...]) -> tuple[ConflictView, ...]:
    """The conflicts that versions of a filling met, resolved or not, the oldest first.

    Those in a hardship file only to whoever may read the file.
    """
    condition = sa.and_(
        col(UpdateConflict.instance_id).in_(instance_ids),
        inside(actor, Action.VISITS_READ, UpdateConflict.area_code),
        sa.or_(
            col(UpdateConflict.record_kind) != "hardship_file",
            inside(actor, Action.HARDSHIP_READ, UpdateConflict.area_code),
        ),
    )
    return _views(session, condition, (col(UpdateConflict.id),), len(instance_ids) * 20, 0)


@service(Action.SUBMISSIONS_REVIEW)
def resolve(
    session: Session,
    actor: Actor,
    conflict_id: int,
    choice: ConflictChoice,
    *,
    record_version: int,
    now: datetime,
) -> None:
    """Choose one of the two values; the record gets it, and the conflict is closed.

    `record_version` is the version that was on the screen: problem `conflicts.changed` when the record has changed
    since. Others: `access.not_found`, `conflicts.resolved`.
    """
    conflict = session.exec(
        select(UpdateConflict)
        .where(
            UpdateConflict.id == conflict_id,
            inside(actor, Action.SUBMISSIONS_REVIEW, UpdateConflict.area_code),
        )
        .with_for_update()
    ).one_or_none()
    if conflict is None:
        raise Problem("access.not_found")
    if conflict.resolved_at is not None:
        raise Problem("conflicts.resolved")
    table = _RECORDS[conflict.record_kind]
    record: Any = session.execute(
        sa.select(table)
        .where(col(table.id) == conflict.record_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()
    if record.version != record_version:
        raise Problem("conflicts.changed", field=field_label(conflict.field))
    value = json.loads(conflict.sent_value if choice is ConflictChoice.SENT else conflict.kept_value)
    if getattr(record, conflict.field) != value:
        setattr(record, conflict.field, value)
        versions.touch(record)
    conflict.chosen, conflict.resolved_at, conflict.resolved_by_id = choice, now, actor.cadre_id
    session.flush()
    audit.append(
        session,
        actor,
        "conflict.resolve",
        kind=conflict.record_kind,
        id=conflict.record_id,
        area_code=conflict.area_code,
        details={"field": conflict.field, "chosen": str(choice), "instance": conflict.instance_id},
    )


def _views(
    session: Session, condition: sa.ColumnElement[bool], order: tuple[Any, ...], limit: int, offset: int
) -> tuple[ConflictView, ...]:
    collector, resolver = aliased(Cadre), aliased(Cadre)
    columns: tuple[Any, ...] = (UpdateConflict, Household, HardshipFile, collector.name, resolver.name)
    rows = session.execute(
        sa.select(*columns)
        .join(Household, col(Household.id) == col(UpdateConflict.household_id))
        .outerjoin(HardshipFile, col(HardshipFile.id) == col(UpdateConflict.record_id))
        .join(Submission, col(Submission.instance_id) == col(UpdateConflict.instance_id))
        .join(collector, col(collector.id) == col(Submission.cadre_id))
        .outerjoin(resolver, col(resolver.id) == col(UpdateConflict.resolved_by_id))
        .where(condition)
        .order_by(*order)
        .limit(limit)
        .offset(offset)
    ).all()
    names = register.names(session, {row[0].area_code for row in rows})
    return tuple(_view(row, names) for row in rows)


def _view(row: Any, names: Mapping[str, str]) -> ConflictView:
    conflict, household, file, collector_name, resolver_name = row
    record = household if conflict.record_kind == "household" else file
    return ConflictView(
        id=conflict.id,
        kind=conflict.kind,
        record_kind=conflict.record_kind,
        field=conflict.field,
        household_id=household.id,
        head_name=household.head_name,
        area_name=names.get(conflict.area_code, conflict.area_code),
        instance_id=conflict.instance_id,
        collector_name=collector_name,
        noted_at=conflict.noted_at,
        sent=in_words(conflict.field, json.loads(conflict.sent_value)),
        kept=in_words(conflict.field, json.loads(conflict.kept_value)),
        present=in_words(conflict.field, getattr(record, conflict.field)),
        record_version=record.version,
        chosen=conflict.chosen,
        resolved_by_name=resolver_name,
        resolved_at=conflict.resolved_at,
    )


def in_words(field: str, value: object) -> str:
    """A field's value as people read it; empty for none."""
    if value is None or value == "":
        return ""
    if isinstance(value, list):
        return i18n.listed(codes.label("help_kind", str(key)) for key in value)
    return codes.label(_CODE_LISTS[field], str(value)) if field in _CODE_LISTS else str(value)
