"""Two cadres at one household at the same moment: none overwrites what the other has just written."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlmodel import Session

from models import HardshipFile, Household, Post
from survey import db
from survey.fieldwork import hardship
from survey.questionnaires import corrections, drafts, library, review_states, reviews, submissions
from survey.questionnaires.reviews import ReviewState
from survey.questionnaires.submissions import Accepted, Delivery
from tests.builders import TODAY, TOWNSHIP, a_cadre, a_hardship_file, a_household
from tests.fillings import a_delivery, answered, no_problem
from tests.services.test_corrections import LATER, corrected, handed_in, refused

_BLOCKED_SECONDS = 1.0


def while_the_first_is_not_finished(
    first: Callable[[Session], object], second: Callable[[Session], Any]
) -> Any:
    """What the second act gives, begun while the first one is written and not yet committed."""
    outcome: list[Any] = []

    def follow() -> None:
        try:
            with db.session_scope() as session:
                outcome.append(second(session))
        except BaseException as error:
            outcome.append(error)

    follower = threading.Thread(target=follow)
    with db.session_scope() as session:
        first(session)
        follower.start()
        follower.join(_BLOCKED_SECONDS)
        assert follower.is_alive(), "the second has to wait for the first"
    follower.join()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def conflicts(accepted: Accepted) -> list[str]:
    return [written.title for written in accepted.written if written.kind == "conflict"]


def test_the_second_visit_sees_what_the_first_changed_and_keeps_it(store: db.Store) -> None:
    with db.session_scope() as session:
        one, other, household = a_cadre(session), a_cadre(session), a_household(session)
        sent: list[Delivery] = [
            a_delivery(session, cadre, household, no_problem() | {"living/housing": housing})
            for cadre, housing in ((one, "grade_c"), (other, "grade_d"))
        ]
    accepted = while_the_first_is_not_finished(
        lambda session: submissions.accept(session, one, sent[0]),
        lambda session: submissions.accept(session, other, sent[1]),
    )
    assert conflicts(accepted) == ["住房"]
    with db.reading() as session:
        assert session.get_one(Household, household.id).housing == "grade_c"


def test_a_contact_sees_what_was_just_changed_in_the_file(store: db.Store) -> None:
    with db.session_scope() as session:
        one, other, household = a_cadre(session), a_cadre(session), a_household(session)
        file = a_hardship_file(session, household)
        answers = {
            "contact/mode": "phone",
            "contact/words": "测试",
            "contact/next_contact_on": "2026-07-01",
            "file/needs": "测试：缺药",
        }
        sent = a_delivery(session, other, household, answers, library.CONTACT_FORM)
    accepted = while_the_first_is_not_finished(
        lambda session: hardship.update_file(
            session, one, file.id, {"needs": "测试：缺种子"}, seen_version=1, on=TODAY
        ),
        lambda session: submissions.accept(session, other, sent),
    )
    assert conflicts(accepted) == ["困难和需求"]
    with db.reading() as session:
        assert session.get_one(HardshipFile, file.id).needs == "测试：缺种子"


def test_the_second_correction_waits_for_a_decision_and_is_refused(store: db.Store) -> None:
    with db.session_scope() as session:
        cadre, household = a_cadre(session), a_household(session)
        office = a_cadre(session, Post.MASS_WORK_DIRECTOR, TOWNSHIP)
        first = handed_in(session, cadre, household, no_problem())
        second = corrected(session, cadre, first, {"closing/satisfaction": "dissatisfied"})
        draft = corrections.start(session, cadre, second, now=LATER)
        answered(session, cadre, draft, {"closing/satisfaction": "satisfied"}, now=LATER)
        seen = reviews.submission(session, office, second).seen
        draft_id = drafts.load(session, cadre, draft.instance_id).instance_id
    refused(
        "corrections.decided",
        lambda: while_the_first_is_not_finished(
            lambda session: reviews.decide(
                session, office, second, ReviewState.APPROVED, None, seen=seen, now=LATER
            ),
            lambda session: submissions.submit_draft(
                session, cadre, draft_id, now=LATER + timedelta(minutes=1)
            ),
        ),
    )
    with db.reading() as session:
        view = reviews.submission(session, office, second)
    assert (view.instance_ids, view.row.state) == ((first, second), ReviewState.APPROVED)


def test_a_version_is_not_corrected_while_its_filling_is_being_decided(store: db.Store) -> None:
    with db.session_scope() as session:
        cadre = a_cadre(session)
        first = handed_in(session, cadre, a_household(session), no_problem())
        second = corrected(session, cadre, first, {"closing/satisfaction": "dissatisfied"})
    while_the_first_is_not_finished(
        lambda session: review_states.lock(session, first),
        lambda session: corrections.correctable(session, cadre, second),
    )
