"""Reviewing what was handed in: the list, one filling with its versions, remarks and decisions, and what was returned.

Owns the office's decisions (approve, return for correction, reject), remarks, and reading a filling as one feed of
versions with their differences, remarks and decisions. Rejecting takes back what the filling wrote, and deciding
otherwise afterwards writes it again; cases and registers keep what they have. Refuses to let anybody review his own
filling, and a decision made on a state that has changed since it was shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from models import (
    Attachment,
    Cadre,
    Draft,
    Household,
    Questionnaire,
    QuestionnaireVersion,
    Submission,
    SubmissionReview,
    SubmissionSource,
)
from survey import i18n
from survey.access import audit
from survey.access.permissions import Action, Actor, inside, require, service, within
from survey.areas import register
from survey.i18n import gettext as _
from survey.problems import Problem
from survey.questionnaires import corrections, differences, registry, review_states, submissions
from survey.questionnaires.differences import Answer, Difference
from survey.questionnaires.registry import Earlier
from survey.questionnaires.review_states import CORRECTABLE, DECISIONS, ReviewKind, ReviewState

__all__ = ["ReviewKind", "ReviewState"]

PAGE_ROWS = 20
MOST_COUNTED = 2_000
WORDS_LIMIT = 1_000
_WITH_REASON = frozenset({ReviewState.HAS_ISSUES, ReviewState.REJECTED})
_UNDECIDED = frozenset({ReviewState.RECEIVED, ReviewState.EDITED})


@dataclass(frozen=True)
class Chosen:
    """Which fillings: of an area (code prefix), of a questionnaire, in a state, received since then.

    `waiting` are those not decided.
    """

    village: str | None = None
    since: datetime | None = None
    form_id: str | None = None
    state: ReviewState | None = None
    waiting: bool = False


@dataclass(frozen=True)
class SubmissionRow:
    """One line of the list: the newest version of a filling."""

    instance_id: str
    title: str
    head_name: str
    area_code: str
    area_name: str
    collector_name: str
    received_at: datetime
    state: ReviewState
    version: int


@dataclass(frozen=True)
class SubmissionPage:
    """Some rows and how many there are in all, counted up to `MOST_COUNTED`."""

    rows: tuple[SubmissionRow, ...]
    total: int


@dataclass(frozen=True)
class FeedEntry:
    """One thing that happened to a filling: a version came in, a remark was made, a decision was taken."""

    at: datetime
    name: str
    kind: ReviewKind | None
    state: ReviewState
    words: str | None
    version: int
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True)
class PhotoView:
    """A photo of the newest version; `id` is empty for one that is named but not there."""

    id: str
    label: str
    name: str


@dataclass(frozen=True)
class SubmissionView:
    """A filling in full: its newest version's answers, its feed, and what may be done.

    `seen` is to be named with the next decision. `is_erased`: the answers were lawfully erased.
    """

    row: SubmissionRow
    household_id: str | None
    source: SubmissionSource
    started_at: datetime | None
    instance_ids: tuple[str, ...]
    answers: tuple[Answer, ...]
    photos: tuple[PhotoView, ...]
    stray_photos: int
    feed: tuple[FeedEntry, ...]
    decisions: tuple[ReviewState, ...]
    may_comment: bool
    may_correct: bool
    is_erased: bool
    seen: int


@dataclass(frozen=True)
class Returned:
    """A filling of one's own that came back for correction, with the reason."""

    instance_id: str
    title: str
    head_name: str
    reason: str
    returned_at: datetime
    by_name: str


@service(Action.SUBMISSIONS_REVIEW)
def submissions_page(
    session: Session, actor: Actor, chosen: Chosen, *, limit: int = PAGE_ROWS, offset: int = 0
) -> SubmissionPage:
    """The newest versions of fillings in the actor's areas, the latest received first."""
    condition = _matching(actor, chosen)
    counted = sa.select(sa.literal(1)).select_from(_joined()).where(condition).limit(MOST_COUNTED).subquery()
    total = session.execute(sa.select(sa.func.count()).select_from(counted)).scalar_one()
    ids = session.scalars(
        sa.select(col(Submission.instance_id))
        .select_from(_joined())
        .where(condition)
        .order_by(col(Submission.received_at).desc(), col(Submission.instance_id))
        .limit(limit)
        .offset(offset)
    )
    return SubmissionPage(rows_of(session, list(ids)), total)


@service(Action.VISITS_READ)
def submission(session: Session, actor: Actor, instance_id: str) -> SubmissionView:
    """A filling by the instance id of any of its versions, to who filled it in and to who reviews there.

    Problem `access.not_found`.
    """
    newest = _newest(session, _found(session, instance_id, _open_to(actor)))
    last, state = review_states.last(session, review_states.filling_id(newest))
    versions = _versions(session, newest)
    reviews = actor.may(Action.SUBMISSIONS_REVIEW, newest.area_code) and newest.cadre_id != actor.cadre_id
    answers = differences.answers(corrections.opened(session, newest)) if newest.payload else ()
    photos, stray = _photos(session, newest.instance_id, answers)
    return SubmissionView(
        row=rows_of(session, [newest.instance_id])[0],
        household_id=newest.household_id,
        source=newest.source,
        started_at=newest.started_at,
        instance_ids=tuple(version.instance_id for version in versions),
        answers=answers,
        photos=photos,
        stray_photos=stray,
        feed=_feed(session, versions),
        decisions=DECISIONS[state] if reviews else (),
        may_comment=reviews or newest.cadre_id == actor.cadre_id,
        may_correct=newest.cadre_id == actor.cadre_id and state in CORRECTABLE and newest.payload is not None,
        is_erased=newest.payload is None,
        seen=last,
    )


@service(Action.VISITS_READ)
def comment(session: Session, actor: Actor, instance_id: str, words: str, *, now: datetime) -> None:
    """Add a remark to a filling; its state stays. Who filled it in may answer there too."""
    newest = _newest(session, _found(session, instance_id, _open_to(actor)))
    if newest.cadre_id != actor.cadre_id:
        require(actor, Action.SUBMISSIONS_REVIEW, newest.area_code)
    _last, state = review_states.last(session, review_states.filling_id(newest))
    text = _checked(words)
    if text is None:
        raise Problem("reviews.words_missing")
    review_states.add(session, actor, newest, ReviewKind.COMMENT, state, text, now=now)
    _audit(session, actor, newest, "submission.comment")


@service(Action.SUBMISSIONS_REVIEW)
def decide(
    session: Session,
    actor: Actor,
    instance_id: str,
    decision: ReviewState,
    words: str | None,
    *,
    seen: int,
    now: datetime,
) -> None:
    """Decide about a filling as it was shown (`seen`), with the reason where it is returned or rejected.

    Problems `access.not_found`, `reviews.own`, `reviews.changed`, `reviews.not_possible`, `reviews.words_missing`.
    """
    found = _found(session, instance_id, inside(actor, Action.SUBMISSIONS_REVIEW, Submission.area_code))
    filling = review_states.filling_id(found)
    review_states.lock(session, filling)
    newest = _newest(session, found)
    if newest.cadre_id == actor.cadre_id:
        raise Problem("reviews.own")
    last, state = review_states.last(session, filling)
    if last != seen or newest.instance_id != instance_id:
        raise Problem("reviews.changed")
    review_states.require_decision(state, decision)
    text = _checked(words)
    if text is None and decision in _WITH_REASON:
        raise Problem("reviews.words_missing")
    if decision is ReviewState.REJECTED:
        _withdraw(session, actor, newest, now, text or "")
    elif state is ReviewState.REJECTED:
        _restore(session, actor, newest, now)
    review_states.add(session, actor, newest, ReviewKind.DECISION, decision, text, now=now)
    _audit(session, actor, newest, "submission.review", before=str(state), after=str(decision))


@service(Action.VISITS_RECORD)
def returned(session: Session, actor: Actor, *, limit: int = 20) -> tuple[Returned, ...]:
    """One's own fillings that came back for correction and whose correction was not begun, the oldest first."""
    return _returned(session, actor, ~_begun(), limit)


@service(Action.VISITS_RECORD)
def reason_of(session: Session, actor: Actor, draft_id: str) -> Returned | None:
    """Why the filling that one's own draft corrects came back; none for any other draft."""
    being_corrected = (
        sa.select(col(Draft.corrects_id))
        .where(col(Draft.instance_id) == draft_id, col(Draft.cadre_id) == actor.cadre_id)
        .scalar_subquery()
    )
    found = _returned(session, actor, col(SubmissionReview.instance_id) == being_corrected, 1)
    return found[0] if found else None


def rows_of(session: Session, ids: Sequence[str]) -> tuple[SubmissionRow, ...]:
    """The lines of these submissions, in this order."""
    columns: tuple[Any, ...] = (
        Submission.instance_id,
        Submission.area_code,
        Submission.received_at,
        Questionnaire.title_zh,
        Questionnaire.title_en,
        Household.head_name,
        col(Cadre.name).label("collector_name"),
        review_states.state_of_filling().label("state"),
        _number().label("number"),
    )
    found = session.execute(
        sa.select(*columns)
        .select_from(_joined())
        .outerjoin(Household, col(Household.id) == col(Submission.household_id))
        .join(Cadre, col(Cadre.id) == col(Submission.cadre_id))
        .where(col(Submission.instance_id).in_(ids))
    ).all()
    names = register.names(session, {row.area_code for row in found if row.area_code})
    by_id = {row.instance_id: _row(row, names) for row in found}
    return tuple(by_id[instance_id] for instance_id in ids)


def undecided() -> sa.ColumnElement[bool]:
    """The SQL predicate of submissions that are the newest version of a filling nobody has decided about."""
    return sa.and_(_is_newest(), review_states.state_of_filling().in_([str(state) for state in _UNDECIDED]))


def _row(row: Any, names: Any) -> SubmissionRow:
    english = i18n.language() == "en" and row.title_en
    return SubmissionRow(
        instance_id=row.instance_id,
        title=row.title_en if english else row.title_zh,
        head_name=row.head_name or "",
        area_code=row.area_code or "",
        area_name=names.get(row.area_code, row.area_code or ""),
        collector_name=row.collector_name,
        received_at=row.received_at,
        state=ReviewState(row.state),
        version=row.number + 1,
    )


def _joined() -> Any:
    return sa.join(
        Submission,
        QuestionnaireVersion,
        col(QuestionnaireVersion.id) == col(Submission.version_id),
    ).join(Questionnaire, col(Questionnaire.id) == col(QuestionnaireVersion.questionnaire_id))


def _matching(actor: Actor, chosen: Chosen) -> sa.ColumnElement[bool]:
    # Wrapped, so that the list is read along the day of receipt and not sorted whole.
    area = sa.func.coalesce(col(Submission.area_code), "")
    conditions = [
        inside(actor, Action.SUBMISSIONS_REVIEW, area),
        within(area, chosen.village or ""),
        _is_newest(),
    ]
    if chosen.since:
        conditions.append(col(Submission.received_at) >= chosen.since)
    if chosen.form_id:
        conditions.append(col(Questionnaire.form_id) == chosen.form_id)
    if chosen.waiting:
        conditions.append(review_states.state_of_filling().in_([str(state) for state in _UNDECIDED]))
    if chosen.state is not None:
        conditions.append(review_states.state_of_filling() == str(chosen.state))
        if chosen.state is not ReviewState.RECEIVED:
            conditions.append(col(Submission.instance_id).in_(_reviewed_as(chosen.state)))
    return sa.and_(*conditions)


def _reviewed_as(state: ReviewState) -> Any:
    """Versions that were ever in this state: few, and found by an index."""
    return sa.select(col(SubmissionReview.instance_id)).where(col(SubmissionReview.state) == state)


def _is_newest() -> sa.ColumnElement[bool]:
    newer = aliased(Submission)
    return ~sa.exists().where(col(newer.corrects_id) == col(Submission.instance_id))


def _filling() -> Any:
    return sa.func.coalesce(col(Submission.first_id), col(Submission.instance_id))


def _number() -> Any:
    """How many versions of the filling were received before a submission."""
    other = aliased(Submission)
    return (
        sa.select(sa.func.count())
        .where(
            sa.or_(
                col(other.instance_id) == col(Submission.first_id),
                col(other.first_id) == col(Submission.first_id),
            ),
            col(other.received_at) < col(Submission.received_at),
        )
        .correlate(Submission)
        .scalar_subquery()
    )


def _open_to(actor: Actor) -> sa.ColumnElement[bool]:
    """What a filling says is for who filled it in and for who reviews: its form may ask what others may not read."""
    return sa.or_(
        inside(actor, Action.SUBMISSIONS_REVIEW, Submission.area_code),
        sa.and_(
            inside(actor, Action.VISITS_READ, Submission.area_code),
            col(Submission.cadre_id) == actor.cadre_id,
        ),
    )


def _found(session: Session, instance_id: str, condition: sa.ColumnElement[bool]) -> Submission:
    found = session.exec(
        select(Submission).where(Submission.instance_id == instance_id, condition)
    ).one_or_none()
    if found is None:
        raise Problem("access.not_found")
    return found


def _newest(session: Session, version: Submission) -> Submission:
    return _versions(session, version)[-1]


def _versions(session: Session, version: Submission) -> list[Submission]:
    """Every version of a filling, the oldest first."""
    first = review_states.filling_id(version)
    found = session.exec(
        select(Submission).where(
            sa.or_(col(Submission.instance_id) == first, col(Submission.first_id) == first)
        )
    ).all()
    following = {item.corrects_id: item for item in found}
    ordered = [following[None]]
    while ordered[-1].instance_id in following:
        ordered.append(following[ordered[-1].instance_id])
    return ordered


def _feed(session: Session, versions: Sequence[Submission]) -> tuple[FeedEntry, ...]:
    names = dict(
        session.execute(
            sa.select(col(Cadre.id), col(Cadre.name)).where(
                col(Cadre.id).in_({version.cadre_id for version in versions})
            )
        ).all()
    )
    entries = [
        FeedEntry(
            at=version.received_at,
            name=names[version.cadre_id],
            kind=ReviewKind.EDIT if before else None,
            state=ReviewState.EDITED if before else ReviewState.RECEIVED,
            words=None,
            version=number,
            differences=_differences(session, before, version) if before else (),
        )
        for number, (before, version) in enumerate(zip([None, *versions], versions, strict=False), 1)
    ]
    numbers = {version.instance_id: number for number, version in enumerate(versions, 1)}
    rows = session.execute(
        sa.select(SubmissionReview, col(Cadre.name))
        .join(Cadre, col(Cadre.id) == col(SubmissionReview.cadre_id))
        .where(
            col(SubmissionReview.filling_id) == versions[0].instance_id,
            col(SubmissionReview.kind) != ReviewKind.EDIT,
        )
        .order_by(col(SubmissionReview.id))
    )
    entries += [
        FeedEntry(row.at, name, row.kind, row.state, row.words, numbers[row.instance_id])
        for row, name in rows
    ]
    return tuple(sorted(entries, key=lambda entry: entry.at))


def _differences(session: Session, before: Submission, version: Submission) -> tuple[Difference, ...]:
    if before.payload is None or version.payload is None:
        return ()
    return differences.between(corrections.opened(session, before), corrections.opened(session, version))


def _photos(
    session: Session, instance_id: str, answers: Sequence[Answer]
) -> tuple[tuple[PhotoView, ...], int]:
    """The photos the answers name, there or missing, and how many are there that no answer names."""
    stored = dict(
        session.execute(
            sa.select(col(Attachment.name), col(Attachment.id)).where(
                col(Attachment.instance_id) == instance_id
            )
        ).all()
    )
    named = tuple(
        PhotoView(stored.get(answer.value, ""), answer.label, answer.value)
        for answer in answers
        if answer.is_photo
    )
    return named, len(stored.keys() - {photo.name for photo in named})


def _checked(words: str | None) -> str | None:
    text = (words or "").strip()
    if len(text) > WORDS_LIMIT:
        raise Problem("reviews.words_too_long", limit=WORDS_LIMIT)
    return text or None


def _withdraw(session: Session, actor: Actor, newest: Submission, now: datetime, reason: str) -> None:
    """Take back what a filling wrote. What was erased wrote nothing that could be found by its answers."""
    if newest.payload is None:
        raise Problem("corrections.erased")
    registry.withdraw_rows(
        session,
        actor,
        _filling_of(session, newest, now),
        corrections.opened(session, newest).entities(),
        _("The submission this came from was rejected: {reason}", reason=reason),
    )


def _restore(session: Session, actor: Actor, newest: Submission, now: datetime) -> None:
    if newest.payload is None:
        raise Problem("corrections.erased")
    registry.restore_rows(
        session, actor, _filling_of(session, newest, now), corrections.opened(session, newest).entities()
    )


def _filling_of(session: Session, newest: Submission, now: datetime) -> registry.Filling:
    household = session.get(Household, newest.household_id) if newest.household_id else None
    filling = submissions.filling_of(session, newest, household)
    earlier = Earlier(corrections.versions(session, newest))
    return replace(filling, received_at=now, earlier=earlier)


def _begun() -> sa.ColumnElement[bool]:
    return sa.exists().where(col(Draft.corrects_id) == col(SubmissionReview.instance_id))


def _returned(
    session: Session, actor: Actor, condition: sa.ColumnElement[bool], limit: int
) -> tuple[Returned, ...]:
    later, by = aliased(SubmissionReview), aliased(Cadre)
    is_decision = col(SubmissionReview.kind) == ReviewKind.DECISION
    decided_since = sa.exists().where(
        col(later.filling_id) == col(SubmissionReview.filling_id),
        col(later.id) > col(SubmissionReview.id),
        col(later.kind) != ReviewKind.COMMENT,
    )
    columns: tuple[Any, ...] = (SubmissionReview, Questionnaire, Household.head_name, by.name)
    rows = session.execute(
        sa.select(*columns)
        .join(Submission, col(Submission.instance_id) == col(SubmissionReview.instance_id))
        .join(QuestionnaireVersion, col(QuestionnaireVersion.id) == col(Submission.version_id))
        .join(Questionnaire, col(Questionnaire.id) == col(QuestionnaireVersion.questionnaire_id))
        .outerjoin(Household, col(Household.id) == col(Submission.household_id))
        .join(by, col(by.id) == col(SubmissionReview.cadre_id))
        .where(
            col(SubmissionReview.collector_id) == actor.cadre_id,
            col(SubmissionReview.state) == ReviewState.HAS_ISSUES,
            is_decision,
            ~decided_since,
            inside(actor, Action.VISITS_RECORD, Submission.area_code),
            condition,
        )
        .order_by(col(SubmissionReview.id))
        .limit(limit)
    )
    return tuple(_returned_view(*row) for row in rows)


def _returned_view(review: SubmissionReview, form: Questionnaire, head_name: str, by_name: str) -> Returned:
    english = i18n.language() == "en" and form.title_en
    return Returned(
        instance_id=review.instance_id,
        title=form.title_en if english else form.title_zh,
        head_name=head_name or "",
        reason=review.words or "",
        returned_at=review.at,
        by_name=by_name,
    )


def _audit(session: Session, actor: Actor, newest: Submission, action: str, **details: object) -> None:
    audit.append(
        session,
        actor,
        action,
        kind="submission",
        id=newest.instance_id,
        area_code=newest.area_code or "",
        details=details,
    )
