"""The life of a filling in review: which decision is possible in which state, and the rows that record it.

Owns the table of transitions, reading a filling's state (that of its last row; received without any) and adding a
row. Rows are never changed. Refuses a decision the table does not name, with `reviews.not_possible`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from models import ReviewKind, ReviewState, Submission, SubmissionReview
from survey.access.permissions import Actor
from survey.problems import Problem

__all__ = [
    "CORRECTABLE",
    "DECISIONS",
    "ReviewKind",
    "ReviewState",
    "add",
    "filling_id",
    "last",
    "lock",
    "rejected",
    "require_decision",
    "state_of_filling",
]

_S = ReviewState

DECISIONS: Mapping[ReviewState, tuple[ReviewState, ...]] = {
    _S.RECEIVED: (_S.APPROVED, _S.HAS_ISSUES, _S.REJECTED),
    _S.EDITED: (_S.APPROVED, _S.HAS_ISSUES, _S.REJECTED),
    _S.HAS_ISSUES: (_S.APPROVED, _S.REJECTED),
    _S.APPROVED: (_S.HAS_ISSUES, _S.REJECTED),
    _S.REJECTED: (_S.APPROVED, _S.HAS_ISSUES),
}
"""State → the decisions that are possible in it. A corrected version leads to `EDITED` from every `CORRECTABLE`."""

CORRECTABLE = frozenset({_S.RECEIVED, _S.EDITED, _S.HAS_ISSUES})


def require_decision(state: ReviewState, decision: ReviewState) -> None:
    """Problem `reviews.not_possible` unless the decision may follow the state.

    >>> require_decision(ReviewState.RECEIVED, ReviewState.APPROVED)
    """
    if decision not in DECISIONS[state]:
        raise Problem("reviews.not_possible")


def filling_id(submission: Submission) -> str:
    """The instance id of the first version of the filling."""
    return submission.first_id or submission.instance_id


def lock(session: Session, filling: str) -> None:
    """Nobody else decides about or corrects this filling, at whichever version, before the transaction ends."""
    first = col(Submission.instance_id) == filling
    session.execute(sa.select(col(Submission.instance_id)).where(first).with_for_update())


def last(session: Session, filling: str) -> tuple[int, ReviewState]:
    """The id of a filling's last row (0 without any) and its state."""
    row = session.execute(
        sa.select(col(SubmissionReview.id), col(SubmissionReview.state))
        .where(col(SubmissionReview.filling_id) == filling)
        .order_by(col(SubmissionReview.id).desc())
        .limit(1)
    ).first()
    return (row.id, row.state) if row is not None else (0, ReviewState.RECEIVED)


def rejected() -> sa.ColumnElement[bool]:
    """The predicate that the filling of a selected submission is rejected."""
    found: sa.ColumnElement[bool] = state_of_filling() == ReviewState.REJECTED.value
    return found


def state_of_filling() -> Any:
    """The state of the filling a selected submission belongs to, as text."""
    review = aliased(SubmissionReview)
    last_state = (
        sa.select(sa.type_coerce(col(review.state), sa.String))
        .where(
            col(review.filling_id) == sa.func.coalesce(col(Submission.first_id), col(Submission.instance_id))
        )
        .order_by(col(review.id).desc())
        .limit(1)
        .correlate(Submission)
        .scalar_subquery()
    )
    return sa.func.coalesce(last_state, ReviewState.RECEIVED.value)


def add(
    session: Session,
    actor: Actor,
    submission: Submission,
    kind: ReviewKind,
    state: ReviewState,
    words: str | None,
    *,
    now: datetime,
) -> None:
    """Add a row to the filling's review, by whoever acts."""
    if actor.cadre_id is None:
        raise Problem("access.forbidden")
    session.add(
        SubmissionReview(
            filling_id=filling_id(submission),
            instance_id=submission.instance_id,
            collector_id=submission.cadre_id,
            area_code=submission.area_code,
            kind=kind,
            state=state,
            words=words,
            cadre_id=actor.cadre_id,
            at=now,
        )
    )
    session.flush()
