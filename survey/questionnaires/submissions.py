"""Accepting a filling: the one way by which a visit enters the store.

Owns checking a received instance again with the engine that drew it, keeping it as received (immutable, once per
instance id) and having written what its questionnaire says it writes. Refuses invalid answers, other content under
a known instance id, and households outside the actor's area. Never commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from models import Draft, Household, Submission, SubmissionSource
from survey import crypto, i18n
from survey.access import audit
from survey.access.permissions import Action, Actor, service
from survey.problems import Problem
from survey.questionnaires import drafts, library, registry, tree
from survey.questionnaires.engine import Instance
from survey.questionnaires.registry import Filling, Written

_HASH_LABEL = "submission.payload"
# Run at every acceptance: built once.
_KNOWN = sa.select(Submission.payload_hash, Submission.cadre_id).where(  # type: ignore[call-overload]
    col(Submission.instance_id) == sa.bindparam("instance")
)
_END_DRAFT = sa.delete(Draft).where(col(Draft.instance_id) == sa.bindparam("instance"))
_TABLE = Submission.__table__  # type: ignore[attr-defined]
_INSERT = {
    "sqlite": sqlite.insert(_TABLE).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(_TABLE).on_conflict_do_nothing(),
}


@dataclass(frozen=True)
class Delivery:
    """A filling as it came in: its XML, by which way, from which device, when."""

    xml: str
    source: SubmissionSource
    now: datetime
    device: str = ""


@dataclass(frozen=True)
class Accepted:
    """What became of a delivery; `already` when it had been accepted before and nothing changed."""

    instance_id: str
    household_id: str | None
    already: bool
    written: tuple[Written, ...] = ()


@service(Action.VISITS_RECORD)
def submit_draft(session: Session, actor: Actor, instance_id: str, *, now: datetime) -> Accepted:
    """Hand in one's own draft. Handing it in twice changes nothing.

    Problem `submission.invalid` carries the engine's errors as the fact `errors`; the draft stays.
    """
    existing = session.get(Submission, instance_id)
    if existing is not None and existing.cadre_id == actor.cadre_id:
        return Accepted(instance_id, existing.household_id, already=True)
    draft = drafts.load(session, actor, instance_id)
    xml = drafts.open_instance(session, actor, draft).to_xml(final=True)
    return accept(session, actor, Delivery(xml, SubmissionSource.PAGE, now, actor.device))


@service(Action.VISITS_RECORD)
def accept(session: Session, actor: Actor, delivery: Delivery) -> Accepted:
    """Check, keep and write one filling within the caller's transaction; idempotent by instance id."""
    document = tree.parse(delivery.xml)
    root = document.elements()[0]
    version = library.version_named(session, root.get("id"), root.get("version"))
    form = library.form_of(session, version.id)
    household = _household(session, actor, root)
    context = drafts.context_for(session, actor, form, household, now=delivery.now)
    instance = Instance.load(form, document, context)
    payload_hash = crypto.current().look_up_hash(_HASH_LABEL, delivery.xml)
    if _accepted_before(session, actor, instance.instance_id, payload_hash):
        return Accepted(instance.instance_id, household.id, already=True)
    _require_valid(instance)
    submission = Submission(
        instance_id=instance.instance_id,
        version_id=version.id,
        cadre_id=drafts.owner(actor),
        household_id=household.id,
        area_code=household.area_code,
        source=delivery.source,
        device=delivery.device,
        started_at=_started_at(instance),
        received_at=delivery.now,
        payload=delivery.xml,
        payload_hash=payload_hash,
    )
    if not _insert(session, submission):
        # Another delivery of the same instance won the race: it is judged like any repeated one.
        _accepted_before(session, actor, instance.instance_id, payload_hash)
        return Accepted(instance.instance_id, household.id, already=True)
    filling = Filling(
        instance_id=instance.instance_id,
        form_id=version.form_id,
        household=household,
        area_code=household.area_code,
        received_at=delivery.now,
        on=i18n.local(delivery.now).date(),
        source=delivery.source,
    )
    written = registry.write_rows(session, actor, filling, instance.entities())
    session.execute(_END_DRAFT, {"instance": instance.instance_id})
    audit.append(
        session,
        actor,
        "submission.accept",
        kind="submission",
        id=instance.instance_id,
        area_code=household.area_code,
        details={"form": version.form_id, "source": str(delivery.source)},
    )
    return Accepted(instance.instance_id, household.id, already=False, written=written)


def accept_many(session: Session, deliveries: Iterable[tuple[Actor, Delivery]]) -> Iterator[Accepted]:
    """Accept many fillings, each by its own actor, with the same checks and writers; the caller commits."""
    for actor, delivery in deliveries:
        yield accept(session, actor, delivery)


def _household(session: Session, actor: Actor, root: tree.Node) -> Household:
    element = root.child("household_id")
    if element is None or not element.text():
        raise Problem("submission.no_household")
    return drafts.visitable_household(session, actor, element.text().strip(), lock=True)


def _accepted_before(session: Session, actor: Actor, instance_id: str, payload_hash: str) -> bool:
    known = session.execute(_KNOWN, {"instance": instance_id}).first()
    if known is None:
        return False
    if known.payload_hash != payload_hash or known.cadre_id != actor.cadre_id:
        raise Problem("submission.conflict")
    return True


def _insert(session: Session, submission: Submission) -> bool:
    """Insert unless the instance id is there already; whether it was inserted."""
    done = session.execute(_INSERT[session.get_bind().dialect.name], submission.model_dump())
    return bool(done.rowcount)  # type: ignore[attr-defined]


def _require_valid(instance: Instance) -> None:
    errors = instance.errors()
    if errors:
        first = f"{errors[0].label}:{errors[0].message}" if errors[0].label else errors[0].message
        raise Problem("submission.invalid", n=len(errors), first=first, errors=errors)


def _started_at(instance: Instance) -> datetime | None:
    """When the filling began, by its `start` metadata, where the form asks for it."""
    root = instance.form.root
    text = instance.value(f"/{root.local}/start") if "start" in root.by_name else ""
    return datetime.fromisoformat(text) if text else None
