"""Fillings in progress: every answer is kept as it is given, on whatever device it was given.

Owns the `Draft` rows: start or continue, load, save, list, discard. A draft belongs to the cadre who started it
and is read by nobody else. Refuses a save on top of a newer revision, so that two devices do not overwrite each
other silently.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from models import (
    Attachment,
    Draft,
    Household,
    HouseholdStatus,
    Questionnaire,
    QuestionnaireVersion,
    Submission,
)
from survey import i18n
from survey.access.permissions import Action, Actor, service, within_any
from survey.problems import Problem
from survey.questionnaires import attachment_files, audiences, library, registry
from survey.questionnaires.engine import Context, Instance
from survey.questionnaires.xform import Form


@dataclass(frozen=True)
class DraftView:
    """A filling in progress; `payload` is its instance as XML."""

    instance_id: str
    version_id: int
    form_id: str
    title: str
    household_id: str | None
    head_name: str
    payload: str
    revision: int
    updated_at: datetime
    corrects_id: str | None = None
    """The submission it corrects, for a filling that was opened again."""


@service(Action.VISITS_RECORD)
def start(session: Session, actor: Actor, form_id: str, household_id: str, *, now: datetime) -> DraftView:
    """Begin a filling for a household, or continue the actor's own unfinished one of the same form.

    Problems `access.not_found`, `access.forbidden` where it would write what the actor may not, and
    `draft.household_left` where none is begun and the household left the register.
    """
    household = visitable_household(session, actor, household_id)
    open_draft = session.exec(
        select(Draft)
        .join(QuestionnaireVersion, col(QuestionnaireVersion.id) == col(Draft.version_id))
        .join(Questionnaire, col(Questionnaire.id) == col(QuestionnaireVersion.questionnaire_id))
        .where(
            Draft.cadre_id == actor.cadre_id,
            Draft.household_id == household_id,
            col(Draft.corrects_id).is_(None),
            Questionnaire.form_id == form_id,
        )
        .order_by(col(Draft.updated_at).desc())
    ).first()
    if open_draft is not None:
        return load(session, actor, open_draft.instance_id)
    if household.status is not HouseholdStatus.ACTIVE:
        raise Problem("draft.household_left")
    version = audiences.version_for(session, actor, form_id, household.area_code, i18n.local(now).date())
    form = library.form_of(session, version.id)
    instance = Instance.new(
        form,
        context_for(session, actor, form, household, now=now),
        prefill={"household_id": household.id},
    )
    # Told before anything is filled in, not when it is handed in.
    registry.require_rights(actor, household.area_code, instance.entities())
    draft = Draft(
        instance_id=instance.instance_id,
        version_id=version.id,
        cadre_id=owner(actor),
        household_id=household.id,
        area_code=household.area_code,
        payload=instance.to_xml(),
        created_at=now,
        updated_at=now,
    )
    session.add(draft)
    session.flush()
    return _view(draft, version.form_id, version.title, household.head_name)


@service(Action.VISITS_RECORD)
def load(session: Session, actor: Actor, instance_id: str) -> DraftView:
    """One's own draft; problem `draft.submitted` once it was handed in, `access.not_found` otherwise."""
    row = session.execute(_mine(actor).where(col(Draft.instance_id) == instance_id)).first()
    if row is None:
        if session.get(Submission, instance_id) is not None:
            raise Problem("draft.submitted")
        raise Problem("access.not_found")
    return _row_view(row)


@service(Action.VISITS_RECORD)
def save(
    session: Session, actor: Actor, instance_id: str, payload: str, *, revision: int, now: datetime
) -> int:
    """Keep the filling as it stands and return its new revision.

    `revision` is the one the caller began from; when another device has saved since, problem `draft.stale`.
    """
    changed = session.execute(
        sa.update(Draft)
        .where(
            col(Draft.instance_id) == instance_id,
            col(Draft.cadre_id) == actor.cadre_id,
            col(Draft.revision) == revision,
        )
        .values(payload=payload, revision=revision + 1, updated_at=now)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        load(session, actor, instance_id)
        raise Problem("draft.stale")
    return revision + 1


@service(Action.VISITS_RECORD)
def mine(session: Session, actor: Actor) -> tuple[DraftView, ...]:
    """One's own unfinished fillings, the latest first."""
    rows = session.execute(_mine(actor).order_by(col(Draft.updated_at).desc()))
    return tuple(_row_view(row) for row in rows)


@service(Action.VISITS_RECORD)
def discard(session: Session, actor: Actor, instance_id: str) -> None:
    """Throw away one's own draft with its photos."""
    load(session, actor, instance_id)
    attachment_files.let_go(session, col(Attachment.instance_id) == instance_id)
    session.execute(sa.delete(Draft).where(col(Draft.instance_id) == instance_id))


def visitable_household(
    session: Session, actor: Actor, household_id: str, *, lock: bool = False
) -> Household:
    """The household, when the actor may record a visit there; problem `access.not_found` otherwise.

    `lock`: as it stands now, and nobody else changes it before the transaction ends.
    """
    household = _visitable(session, actor, household_id, lock=lock)
    if household is None:
        raise Problem("access.not_found")
    return household


def _visitable(session: Session, actor: Actor, household_id: str, *, lock: bool = False) -> Household | None:
    statement = _household_within(actor.prefixes(Action.VISITS_RECORD), lock)
    household: Household | None = session.execute(statement, {"id": household_id}).scalar_one_or_none()
    return household


@lru_cache(maxsize=1024)
def _household_within(prefixes: tuple[str, ...], lock: bool) -> sa.Select[Any]:
    """The statement that reads a household in these areas, built once for all cadres of an area."""
    statement = sa.select(Household).where(
        col(Household.id) == sa.bindparam("id"), within_any(Household.area_code, prefixes)
    )
    return statement.with_for_update().execution_options(populate_existing=True) if lock else statement


def context_for(
    session: Session,
    actor: Actor,
    form: Form,
    household: Household | None,
    *,
    now: datetime,
    corrects: str | None = None,
) -> Context:
    """What a form may know while it is filled in: the clock, the user, and the lists it names.

    A filling that corrects a submission does not see what that one wrote.
    """
    subject = registry.Subject(household, i18n.local(now).date(), corrects)
    return Context(
        language=i18n.language(),
        now=lambda: now,
        timezone=i18n.TIMEZONE,
        username=actor.username,
        device_id=actor.device,
        lists=registry.lists_for(session, actor, tuple(form.externals), subject),
    )


@service(Action.VISITS_RECORD)
def open_instance(session: Session, actor: Actor, draft: DraftView) -> Instance:
    """The draft as a running form, in the language in force.

    Problem `draft.household_elsewhere` when its household no longer lies where the actor may record a visit.
    """
    form = library.form_of(session, draft.version_id)
    household = _visitable(session, actor, draft.household_id) if draft.household_id else None
    if household is None and draft.household_id:
        raise Problem("draft.household_elsewhere")
    context = context_for(session, actor, form, household, now=datetime.now(UTC), corrects=draft.corrects_id)
    return Instance.load(form, draft.payload, context)


def owner(actor: Actor) -> int:
    """The cadre whose filling it is; an operator of the machine fills in nothing."""
    if actor.cadre_id is None:
        raise Problem("access.forbidden")
    return actor.cadre_id


def _mine(actor: Actor) -> sa.Select[Any]:
    fillings: sa.Select[Any] = (
        sa.select(Draft, Questionnaire, Household.head_name)  # type: ignore[call-overload]
        .join(QuestionnaireVersion, col(QuestionnaireVersion.id) == col(Draft.version_id))
        .join(Questionnaire, col(Questionnaire.id) == col(QuestionnaireVersion.questionnaire_id))
        .outerjoin(Household, col(Household.id) == col(Draft.household_id))
        .where(col(Draft.cadre_id) == actor.cadre_id)
    )
    return fillings


def _row_view(row: Any) -> DraftView:
    draft, questionnaire, head_name = row
    english = i18n.language() == "en" and questionnaire.title_en
    title = questionnaire.title_en if english else questionnaire.title_zh
    return _view(draft, questionnaire.form_id, title, head_name or "")


def _view(draft: Draft, form_id: str, title: str, head_name: str) -> DraftView:
    return DraftView(
        draft.instance_id,
        draft.version_id,
        form_id,
        title,
        draft.household_id,
        head_name,
        draft.payload,
        draft.revision,
        draft.updated_at,
        draft.corrects_id,
    )
