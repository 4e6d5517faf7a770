"""Two cadres at one household at the same moment: none overwrites what the other has just written."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from sqlmodel import Session

from models import HardshipFile, Household
from survey import db
from survey.fieldwork import hardship
from survey.questionnaires import library, submissions
from survey.questionnaires.submissions import Accepted, Delivery
from tests.builders import TODAY, a_cadre, a_hardship_file, a_household
from tests.fillings import a_delivery, no_problem

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
