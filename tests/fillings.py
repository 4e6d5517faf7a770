"""Fillings for tests: a visit or a contact as a cadre would answer it, in few words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session

from models import Household, SubmissionSource
from survey import composition
from survey.access.permissions import Actor
from survey.questionnaires import drafts, library
from survey.questionnaires.drafts import DraftView
from survey.questionnaires.engine import Instance
from survey.questionnaires.submissions import Delivery
from tests.builders import NOW, an_operator

DIFFICULTIES = ("road", "water", "health", "school")


def published(session: Session) -> None:
    """The shipped questionnaires, published, and every writer and reader wired."""
    composition.wire()
    library.publish_shipped(session, an_operator())


def a_draft(
    session: Session, actor: Actor, household: Household, form_id: str = library.VISIT_FORM
) -> DraftView:
    """A draft just begun."""
    published(session)
    return drafts.start(session, actor, form_id, household.id, now=NOW)


def answered(
    session: Session, actor: Actor, draft: DraftView, answers: Mapping[str, str], now: datetime = NOW
) -> Instance:
    """The draft's instance with these answers (path below the root → value), saved back to the draft."""
    instance = drafts.open_instance(session, actor, draft)
    for path, value in answers.items():
        instance.answer(f"/data/{path}", value)
    drafts.save(session, actor, draft.instance_id, instance.to_xml(), revision=draft.revision, now=now)
    return instance


def no_problem(met: str = "somebody_else") -> dict[str, str]:
    """The answers of a visit that finds no difficulty."""
    return {
        "meeting/disposition": "completed",
        "meeting/respondent": met,
        **{f"four_difficulties/difficulty[{n}]/state": "none" for n in range(1, len(DIFFICULTIES) + 1)},
        "closing/satisfaction": "satisfied",
    }


def with_difficulty(key: str, words: str = "测试：下雨就断水", severity: str = "2") -> dict[str, str]:
    """The answers of a visit that finds one difficulty."""
    row = f"four_difficulties/difficulty[{DIFFICULTIES.index(key) + 1}]"
    return no_problem() | {f"{row}/state": "exists", f"{row}/severity": severity, f"{row}/words": words}


def a_delivery(
    session: Session,
    actor: Actor,
    household: Household,
    answers: Mapping[str, str] | None = None,
    form_id: str = library.VISIT_FORM,
    source: SubmissionSource = SubmissionSource.PAGE,
) -> Delivery:
    """A filled-in questionnaire on its way to the server."""
    draft = a_draft(session, actor, household, form_id)
    instance = answered(session, actor, draft, no_problem() if answers is None else answers)
    return Delivery(instance.to_xml(final=True), source, NOW)
