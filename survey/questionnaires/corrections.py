"""Correcting a filling that was handed in: opened again as a draft, and what its earlier version wrote.

Owns the draft of a correction, the conditions under which one is taken, and what acceptance needs to know of the
versions before. Only who filled it in corrects it: the answers are what he was told. Refuses a filling that is decided,
a version that another has already taken the place of, and another questionnaire or household.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import Session, col, select

from models import Attachment, Draft, Household, Submission
from survey import i18n
from survey.access import accounts
from survey.access.permissions import Action, Actor, service
from survey.problems import Problem
from survey.questionnaires import drafts, incoming, library, review_states, tree
from survey.questionnaires.engine import Instance
from survey.questionnaires.registry import Earlier
from survey.questionnaires.review_states import CORRECTABLE


@service(Action.VISITS_RECORD)
def start(session: Session, actor: Actor, instance_id: str, *, now: datetime) -> drafts.DraftView:
    """Open one's own handed-in filling again as a draft with its answers and photos, or go on with that draft.

    Problems `access.not_found`, `corrections.decided`, `corrections.not_newest`, `corrections.erased`.
    """
    begun = session.exec(
        select(Draft.instance_id).where(
            Draft.corrects_id == instance_id, col(Draft.cadre_id) == drafts.owner(actor)
        )
    ).first()
    if begun is not None:
        return drafts.load(session, actor, begun)
    submission = correctable(session, actor, instance_id)
    if submission.payload is None:
        raise Problem("corrections.erased")
    if submission.household_id:
        drafts.visitable_household(session, actor, submission.household_id)
    new_id = f"uuid:{uuid4()}"
    draft = Draft(
        instance_id=new_id,
        version_id=submission.version_id,
        cadre_id=submission.cadre_id,
        household_id=submission.household_id,
        area_code=submission.area_code,
        payload=_renamed(submission.payload, new_id),
        corrects_id=submission.instance_id,
        created_at=now,
        updated_at=now,
    )
    session.add(draft)
    _copy_photos(session, submission.instance_id, new_id)
    session.flush()
    return drafts.load(session, actor, new_id)


def correctable(session: Session, actor: Actor, instance_id: str) -> Submission:
    """The actor's own submission, if it may be corrected now; its filling is locked to the end of the transaction."""
    own = select(Submission).where(
        Submission.instance_id == instance_id, Submission.cadre_id == drafts.owner(actor)
    )
    submission = session.exec(own).one_or_none()
    if submission is None:
        raise Problem("access.not_found")
    review_states.lock(session, review_states.filling_id(submission))
    session.refresh(submission)
    newer = sa.select(col(Submission.instance_id)).where(col(Submission.corrects_id) == instance_id)
    if session.execute(newer).first() is not None:
        raise Problem("corrections.not_newest")
    _last, state = review_states.last(session, review_states.filling_id(submission))
    if state not in CORRECTABLE:
        raise Problem("corrections.decided")
    return submission


def earlier(session: Session, submission: Submission) -> Earlier:
    """What the versions up to this one were, and what this one wrote."""
    rows = opened(session, submission).entities() if submission.payload is not None else ()
    return Earlier(versions(session, submission), {(row.list_name, row.entity_id): row for row in rows})


def versions(session: Session, submission: Submission) -> tuple[str, ...]:
    """The instance ids of a filling's versions up to this one, the oldest first."""
    first = review_states.filling_id(submission)
    ids = session.scalars(
        sa.select(col(Submission.instance_id))
        .where(
            sa.or_(col(Submission.instance_id) == first, col(Submission.first_id) == first),
            col(Submission.received_at) <= submission.received_at,
        )
        .order_by(col(Submission.received_at), col(Submission.first_id).is_not(None))
    )
    return tuple(ids)


def opened(session: Session, submission: Submission) -> Instance:
    """A submission as the running form, as who filled it in would see it now, without what it wrote itself.

    Problem `corrections.erased`.
    """
    if submission.payload is None:
        raise Problem("corrections.erased")
    form = library.form_of(session, submission.version_id)
    household = session.get(Household, submission.household_id) if submission.household_id else None
    filler = accounts.actor_for(session, submission.cadre_id, on=i18n.local(submission.received_at).date())
    context = drafts.context_for(
        session,
        filler,
        form,
        household,
        now=submission.received_at,
        corrects=submission.instance_id,
    )
    return Instance.load(form, incoming.read(submission.payload).document, context)


def _renamed(payload: str, instance_id: str) -> str:
    """The same answers under another instance id."""
    root = incoming.read(payload).root
    meta = root.child("meta")
    element = meta.child("instanceID") if meta is not None else None
    assert element is not None, "every accepted filling has an instance id"
    element.set_text(instance_id)
    return tree.serialise(root)


def _copy_photos(session: Session, instance_id: str, new_id: str) -> None:
    for photo in session.exec(select(Attachment).where(Attachment.instance_id == instance_id)).all():
        values = photo.model_dump() | {
            "id": str(uuid4()),
            "instance_id": new_id,
            "stored_at": datetime.now(UTC),
        }
        session.add(Attachment(**values))
