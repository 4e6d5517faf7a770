"""Reading the audit trail: who did what, newest first.

Owns the list that administrators and discipline inspectors see. Entries about an area are seen by those whose area
covers it; entries about none (unknown user names, commands at the machine) by those in charge of a whole county. Refuses
everybody without `audit.read`. Nothing here can change an entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from models import AuditEntry, AuditResult, Cadre
from survey.access.permissions import Action, Actor, inside, service
from survey.i18n import TIMEZONE

_COUNTY_DIGITS = 6
# Counting further would read the whole trail for each page shown.
MOST_COUNTED = 2_000


@dataclass(frozen=True)
class EntryView:
    """One entry; `who` is the cadre's name, or how the trail names an operator or a visitor."""

    sequence: int
    at: datetime
    who: str
    action: str
    object_kind: str
    object_id: str
    area_code: str
    result: AuditResult
    details: Mapping[str, Any]


@dataclass(frozen=True)
class EntryPage:
    """Some entries and how many there are in all, counted up to `MOST_COUNTED`."""

    rows: tuple[EntryView, ...]
    total: int


@dataclass(frozen=True)
class EntryFilter:
    """Which entries: the subject of the action (`account`), days (both included), refusals only."""

    subject: str = ""
    since: date | None = None
    until: date | None = None
    refused_only: bool = False


@service(Action.AUDIT_READ)
def entries(
    session: Session, actor: Actor, chosen: EntryFilter | None = None, *, limit: int = 50, offset: int = 0
) -> EntryPage:
    """The entries of the actor's area, newest first."""
    where = _conditions(actor, chosen or EntryFilter())
    counted = sa.select(sa.literal(1)).select_from(AuditEntry).where(*where).limit(MOST_COUNTED).subquery()
    total = session.execute(sa.select(sa.func.count()).select_from(counted)).scalar_one()
    rows = session.execute(
        sa.select(AuditEntry, Cadre.name)  # type: ignore[call-overload]
        .outerjoin(Cadre, col(Cadre.id) == col(AuditEntry.cadre_id))
        .where(*where)
        .order_by(col(AuditEntry.sequence).desc())
        .limit(limit)
        .offset(offset)
    )
    return EntryPage(tuple(_view(entry, name) for entry, name in rows), total)


def _conditions(actor: Actor, chosen: EntryFilter) -> list[sa.ColumnElement[bool]]:
    seen = inside(actor, Action.AUDIT_READ, AuditEntry.area_code)
    if any(len(prefix) <= _COUNTY_DIGITS for prefix in actor.prefixes(Action.AUDIT_READ)):
        seen = sa.or_(seen, col(AuditEntry.area_code) == "")
    conditions = [seen]
    if chosen.subject:
        conditions.append(col(AuditEntry.action).startswith(chosen.subject, autoescape=True))
    if chosen.since:
        conditions.append(col(AuditEntry.at) >= _midnight(chosen.since))
    if chosen.until:
        conditions.append(col(AuditEntry.at) <= datetime.combine(chosen.until, time.max, TIMEZONE))
    if chosen.refused_only:
        conditions.append(col(AuditEntry.result) == AuditResult.REFUSED)
    return conditions


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, TIMEZONE)


def _view(entry: AuditEntry, name: str | None) -> EntryView:
    return EntryView(
        sequence=entry.sequence,
        at=entry.at,
        who=name or entry.actor,
        action=entry.action,
        object_kind=entry.object_kind,
        object_id=entry.object_id,
        area_code=entry.area_code,
        result=entry.result,
        details=dict(entry.details),
    )
