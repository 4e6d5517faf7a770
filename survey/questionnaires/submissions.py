"""Accepting a filling: the one way by which a visit enters the store.

Owns checking a received instance again with the engine that drew it, keeping it as received (immutable, once per
instance id), as a first version or in the place of one that is corrected, and having written what its questionnaire
says it writes. Refuses invalid answers, other content under a known instance id, and households outside the actor's
area. Never commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from models import Draft, Household, ReviewKind, ReviewState, Submission
from models import SubmissionSource as SubmissionSource  # given on to those who deliver
from survey import crypto, i18n
from survey.access import audit
from survey.access.permissions import Action, Actor, service
from survey.i18n import gettext as _
from survey.problems import Problem
from survey.questionnaires import (
    audiences,
    corrections,
    differences,
    drafts,
    incoming,
    library,
    registry,
    review_states,
    tree,
)
from survey.questionnaires.definitions import Form
from survey.questionnaires.engine import Instance
from survey.questionnaires.incoming import Incoming
from survey.questionnaires.registry import Filling, Written

_HASH_LABEL = "submission.payload"
# Run at every acceptance: built once.
_KNOWN = sa.select(Submission.payload_hash, Submission.cadre_id).where(  # type: ignore[call-overload]
    col(Submission.instance_id) == sa.bindparam("instance")
)
# No draft is looked at again in the transaction that ends it: nothing in memory has to follow.
_END_DRAFT = sa.delete(Draft.__table__).where(col(Draft.instance_id) == sa.bindparam("instance"))  # type: ignore[attr-defined]
_TABLE = Submission.__table__  # type: ignore[attr-defined]
_INSERT = {
    "sqlite": sqlite.insert(_TABLE).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(_TABLE).on_conflict_do_nothing(),
}


@dataclass(frozen=True)
class Delivery:
    """A filling as it came in: its XML, by which way, from which device, when.

    `corrects` is the submission it takes the place of; a client may also name it in `meta/deprecatedID`.
    """

    xml: str
    source: SubmissionSource
    now: datetime
    device: str = ""
    corrects: str | None = None


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
    source = SubmissionSource.PAGE
    return accept(session, actor, Delivery(xml, source, now, actor.device, draft.corrects_id))


@service(Action.VISITS_RECORD)
def accept(session: Session, actor: Actor, delivery: Delivery) -> Accepted:
    """Check, keep and write one filling within the caller's transaction; idempotent by instance id."""
    received = incoming.read(delivery.xml)
    version = library.version_named(session, received.root.get("id"), received.root.get("version"))
    form = library.form_of(session, version.id)
    household = _household(session, actor, received.root)
    payload_hash = crypto.current().look_up_hash(_HASH_LABEL, delivery.xml)
    if _accepted_before(session, actor, received, form, payload_hash):
        return Accepted(received.instance_id, household.id, already=True)
    corrects = delivery.corrects or received.corrects
    before = _corrected(session, actor, corrects, version.id, household) if corrects else None
    if before is None:
        audiences.require(session, actor, version.id, household.area_code, i18n.local(delivery.now).date())
    context = drafts.context_for(session, actor, form, household, now=delivery.now, corrects=corrects)
    instance = Instance.load(form, received.document, context)
    _require_valid(instance)
    first_id = review_states.filling_id(before) if before else None
    area_code = before.area_code or "" if before else household.area_code
    # As values, not as a row of the session: this is run for every filling there is.
    values: dict[str, Any] = {
        "instance_id": received.instance_id,
        "version_id": version.id,
        "cadre_id": drafts.owner(actor),
        "household_id": household.id,
        "area_code": area_code,
        "source": delivery.source,
        "device": delivery.device,
        "started_at": _started_at(instance),
        "received_at": delivery.now,
        "payload": delivery.xml,
        "payload_hash": payload_hash,
        "corrects_id": corrects,
        "first_id": first_id,
    }
    if not _insert(session, values):
        # Another delivery of the same instance won the race: it is judged like any repeated one.
        if _accepted_before(session, actor, received, form, payload_hash):
            return Accepted(received.instance_id, household.id, already=True)
        raise Problem("corrections.not_newest")
    filling = Filling(
        instance_id=received.instance_id,
        household=household,
        area_code=area_code,
        received_at=delivery.now,
        on=_first_day(session, first_id, delivery.now),
        source=delivery.source,
        cadre_id=drafts.owner(actor),
        earlier=corrections.earlier(session, before) if before else None,
    )
    written = registry.write_rows(
        session, actor, filling, instance.entities(), reason=_("The submission was corrected.")
    )
    session.connection().execute(_END_DRAFT, {"instance": received.instance_id})
    details: dict[str, object] = {"form": version.form_id, "source": str(delivery.source)}
    if before is not None:
        newer = session.get_one(Submission, received.instance_id)
        review_states.add(session, actor, newer, ReviewKind.EDIT, ReviewState.EDITED, None, now=delivery.now)
        details["corrects"] = before.instance_id
    audit.append(
        session,
        actor,
        "submission.accept" if before is None else "submission.correct",
        kind="submission",
        id=received.instance_id,
        area_code=area_code,
        details=details,
    )
    return Accepted(received.instance_id, household.id, already=False, written=written)


def accept_many(session: Session, deliveries: Iterable[tuple[Actor, Delivery]]) -> Iterator[Accepted]:
    """Accept many fillings, each by its own actor, with the same checks and writers; the caller commits."""
    for actor, delivery in deliveries:
        yield accept(session, actor, delivery)


def filling_of(session: Session, submission: Submission, household: Household | None) -> Filling:
    """What writers are told of a submission that was accepted before."""
    return Filling(
        instance_id=submission.instance_id,
        household=household,
        area_code=submission.area_code or "",
        received_at=submission.received_at,
        on=_first_day(session, submission.first_id, submission.received_at),
        source=submission.source,
        cadre_id=submission.cadre_id,
    )


def _first_day(session: Session, first_id: str | None, received_at: datetime) -> date:
    """The local day on which the first version of a filling was received."""
    if first_id is not None:
        received_at = session.get_one(Submission, first_id).received_at
    return i18n.local(received_at).date()


def _corrected(
    session: Session, actor: Actor, corrects: str, version_id: int, household: Household
) -> Submission:
    before = corrections.correctable(session, actor, corrects)
    if before.version_id != version_id:
        raise Problem("corrections.other_questionnaire")
    if before.household_id != household.id:
        raise Problem("corrections.other_household")
    return before


def _household(session: Session, actor: Actor, root: tree.Node) -> Household:
    element = root.child("household_id")
    if element is None or not element.text():
        raise Problem("submission.no_household")
    return drafts.visitable_household(session, actor, element.text().strip(), lock=True)


def _accepted_before(
    session: Session, actor: Actor, received: Incoming, form: Form, payload_hash: str
) -> bool:
    known = session.connection().execute(_KNOWN, {"instance": received.instance_id}).first()
    if known is None:
        return False
    if known.cadre_id != actor.cadre_id:
        raise Problem("submission.conflict", question="—")
    if known.payload_hash != payload_hash:
        raise Problem("submission.conflict", question=_other_answer(session, received, form))
    return True


def _other_answer(session: Session, received: Incoming, form: Form) -> str:
    """The first question in which a delivery differs from what was accepted under its instance id."""
    kept = session.get_one(Submission, received.instance_id).payload
    if kept is None:
        return "—"
    name = differences.first_other(incoming.read(kept).root, received.root)
    return differences.title(form, name) if name else "—"


def _insert(session: Session, values: dict[str, Any]) -> bool:
    """Insert unless the instance id, or another correction of the same version, is there already."""
    connection = session.connection()
    return bool(connection.execute(_INSERT[connection.dialect.name], values).rowcount)


def _require_valid(instance: Instance) -> None:
    errors = instance.errors()
    if errors:
        first = i18n.labelled(errors[0].label, errors[0].message) if errors[0].label else errors[0].message
        raise Problem("submission.invalid", n=len(errors), first=first, errors=errors)


def _started_at(instance: Instance) -> datetime | None:
    """When the filling began, by its `start` metadata, where the form asks for it."""
    root = instance.form.root
    text = instance.value(f"/{root.local}/start") if "start" in root.by_name else ""
    return datetime.fromisoformat(text) if text else None
