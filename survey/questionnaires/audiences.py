"""Who a published version is for: posts and areas, and what follows: which forms a cadre is offered, what is still due.

Owns the predicates in SQL, so that a form that is not for somebody is neither offered, begun nor accepted. Refuses by
Problem `authoring.not_for_you`. The last day and a withdrawal end the beginning of fillings; what was begun before is
still accepted, for answers given at a door are not thrown away.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from models import (
    HardshipFile,
    Household,
    HouseholdsDue,
    HouseholdStatus,
    Posting,
    Questionnaire,
    QuestionnaireArea,
    QuestionnairePost,
    QuestionnaireVersion,
    Submission,
    VersionState,
)
from survey import i18n
from survey.access.permissions import Action, Actor, inside, service
from survey.problems import Problem
from survey.questionnaires import library, review_states
from survey.questionnaires.library import VersionView


@dataclass(frozen=True)
class Offer:
    """A form that may be begun: until when, whether a household has to be asked, and whether this one has been."""

    version_id: int
    form_id: str
    title: str
    valid_until: date | None
    due: HouseholdsDue
    done: bool = False


@dataclass(frozen=True)
class Waiting:
    """A form with households still to be asked in the actor's area."""

    offer: Offer
    remaining: int


@dataclass(frozen=True)
class HouseholdDue:
    """A household still to be asked."""

    household_id: str
    head_name: str
    area_code: str


@service(Action.VISITS_RECORD)
def version_for(session: Session, actor: Actor, form_id: str, area_code: str, on: date) -> VersionView:
    """The version of a form that the actor begins in an area that day: the latest of those meant for him there.

    Problem `authoring.not_for_you` where the form is not for him there, `questionnaire.none_in_force` where there is
    none for anybody.
    """
    row = session.execute(
        _versions(on, col(Questionnaire.form_id) == form_id, _for(actor, sa.literal(area_code), on)).limit(1)
    ).first()
    if row is not None:
        return VersionView(row.id, row.form_id, row.version, _title(row))
    if session.execute(_versions(on, col(Questionnaire.form_id) == form_id).limit(1)).first() is None:
        raise Problem("questionnaire.none_in_force", form=form_id)
    raise Problem("authoring.not_for_you")


@service(Action.VISITS_RECORD)
def require(session: Session, actor: Actor, version_id: int, area_code: str, on: date) -> None:
    """Problem `authoring.not_for_you` unless a version is for the actor's posts and for that area."""
    if library.is_for_all(session, version_id):
        return
    mine = sa.exists().where(
        col(QuestionnaireVersion.id) == version_id, _for(actor, sa.literal(area_code), on)
    )
    if not session.execute(sa.select(mine)).scalar_one():
        raise Problem("authoring.not_for_you")


@service(Action.VISITS_RECORD)
def offered(session: Session, actor: Actor, household_id: str, on: date) -> tuple[Offer, ...]:
    """The forms the actor may begin at a household that day, the latest version of each."""
    household = session.execute(
        sa.select(Household.area_code).where(  # type: ignore[call-overload]
            col(Household.id) == household_id, inside(actor, Action.VISITS_RECORD, Household.area_code)
        )
    ).scalar_one_or_none()
    if household is None:
        raise Problem("access.not_found")
    done = sa.exists().where(
        col(Submission.version_id) == col(QuestionnaireVersion.id),
        col(Submission.household_id) == household_id,
        ~review_states.rejected(),
    )
    query = _versions(on, _for(actor, sa.literal(household), on)).add_columns(done.label("done"))
    return tuple(_latest(_offer(row, done=bool(row.done)) for row in session.execute(query)))


@service(Action.VISITS_RECORD)
def waiting(session: Session, actor: Actor, on: date) -> tuple[Waiting, ...]:
    """The forms for which households of the actor's area are still to be asked."""
    due = _versions(on, col(QuestionnaireVersion.due) != HouseholdsDue.NOBODY)
    found = []
    for offer in _latest(_offer(row) for row in session.execute(due)):
        count = sa.select(sa.func.count()).select_from(_remaining(actor, offer, on).subquery())
        remaining = session.execute(count).scalar_one()
        if remaining:
            found.append(Waiting(offer, remaining))
    return tuple(found)


@service(Action.VISITS_RECORD)
def remaining(
    session: Session, actor: Actor, form_id: str, on: date, *, limit: int, offset: int = 0
) -> tuple[HouseholdDue, ...]:
    """Households of the actor's area still to be asked with a form, by area and name."""
    due = col(QuestionnaireVersion.due) != HouseholdsDue.NOBODY
    offers = list(
        _latest(
            _offer(row) for row in session.execute(_versions(on, col(Questionnaire.form_id) == form_id, due))
        )
    )
    if not offers:
        return ()
    rows = session.execute(
        _remaining(actor, offers[0], on)
        .order_by(col(Household.area_code), col(Household.head_pinyin), col(Household.id))
        .limit(limit)
        .offset(offset)
    )
    return tuple(HouseholdDue(row.id, row.head_name, row.area_code) for row in rows)


def in_areas(version_id: Any, area_code: Any) -> sa.ColumnElement[bool]:
    """The predicate that an area lies in one of a version's, or that the version has none."""
    areas = col(QuestionnaireArea.version_id) == version_id
    holds = sa.func.substr(area_code, 1, sa.func.length(col(QuestionnaireArea.area_code))) == col(
        QuestionnaireArea.area_code
    )
    return sa.or_(~sa.exists().where(areas), sa.exists().where(areas, holds))


def asked(version_id: Any) -> sa.ColumnElement[bool]:
    """The predicate that a household has been asked with a version: a filling that was rejected does not count."""
    return sa.exists().where(
        col(Submission.version_id) == version_id,
        col(Submission.household_id) == col(Household.id),
        ~review_states.rejected(),
    )


def households_due(version_id: Any, due: HouseholdsDue) -> list[sa.ColumnElement[bool]]:
    """The predicates of the households a version is to be filled in for."""
    wanted = [
        col(Household.status) == HouseholdStatus.ACTIVE,
        in_areas(version_id, col(Household.area_code)),
    ]
    if due is HouseholdsDue.HARDSHIP:
        wanted.append(
            sa.exists().where(
                col(HardshipFile.household_id) == col(Household.id), col(HardshipFile.closed_on).is_(None)
            )
        )
    return wanted


def _for(actor: Actor, area_code: Any, on: date) -> sa.ColumnElement[bool]:
    """The predicate that a version is for one of the actor's posts in force over an area, and for that area."""
    version_id = col(QuestionnaireVersion.id)
    posts = col(QuestionnairePost.version_id) == version_id
    held = sa.exists().where(
        posts,
        col(Posting.post) == col(QuestionnairePost.post),
        col(Posting.cadre_id) == actor.cadre_id,
        col(Posting.starts_on) <= on,
        sa.or_(col(Posting.ends_on).is_(None), col(Posting.ends_on) >= on),
        sa.func.substr(area_code, 1, sa.func.length(col(Posting.area_code))) == col(Posting.area_code),
    )
    return sa.and_(sa.or_(~sa.exists().where(posts), held), in_areas(version_id, area_code))


def _versions(on: date, *wanted: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Published versions in force that day, without their text, the latest of each form first."""
    version = QuestionnaireVersion
    columns = (version.id, version.version, version.valid_until, version.due)
    query: sa.Select[Any] = (
        sa.select(*columns, Questionnaire.form_id, Questionnaire.title_zh, Questionnaire.title_en)  # type: ignore[call-overload]
        .join(Questionnaire, col(Questionnaire.id) == col(version.questionnaire_id))
        .where(
            col(version.state) == VersionState.PUBLISHED,
            col(version.valid_from) <= on,
            sa.or_(col(version.valid_until).is_(None), col(version.valid_until) >= on),
            *wanted,
        )
        .order_by(col(Questionnaire.form_id), col(version.valid_from).desc(), col(version.id).desc())
    )
    return query


def _remaining(actor: Actor, offer: Offer, on: date) -> sa.Select[Any]:
    households: sa.Select[Any] = (
        sa.select(Household.id, Household.head_name, Household.area_code)  # type: ignore[call-overload]
        .join(QuestionnaireVersion, col(QuestionnaireVersion.id) == offer.version_id)
        .where(
            inside(actor, Action.VISITS_RECORD, Household.area_code),
            *households_due(offer.version_id, offer.due),
            _for(actor, col(Household.area_code), on),
            ~asked(offer.version_id),
        )
    )
    return households


def _latest(offers: Any) -> list[Offer]:
    first: dict[str, Offer] = {}
    for offer in offers:
        first.setdefault(offer.form_id, offer)
    return list(first.values())


def _offer(row: Any, *, done: bool = False) -> Offer:
    return Offer(row.id, row.form_id, _title(row), row.valid_until, row.due, done)


def _title(row: Any) -> str:
    return str(row.title_en if i18n.language() == "en" and row.title_en else row.title_zh)
