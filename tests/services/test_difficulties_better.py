"""A difficulty that is better is still there: it has its case, as it is counted among those that exist."""

from __future__ import annotations

from datetime import date

from sqlmodel import Session, select

from models import CaseStep, DifficultyState, Household, Observation, StepKind, Submission
from survey import composition
from survey.access.permissions import Actor
from survey.questionnaires import drafts, library, submissions
from tests.builders import NOW, a_cadre, a_case, a_household, a_visit, an_operator
from tests.fillings import a_delivery, answered, no_problem, with_difficulty

BEFORE = date(2026, 4, 1)
_STATE = "four_difficulties/difficulty[2]/state"
BETTER = with_difficulty("water", "测试：比上次好些") | {_STATE: "better"}


def known_difficulty(session: Session) -> tuple[Actor, Household]:
    """A household that had a water difficulty at its last visit."""
    actor, household = a_cadre(session), a_household(session)
    visit = a_visit(session, household, actor, visited_on=BEFORE)
    session.add(
        Observation(
            visit_id=visit.id,
            household_id=household.id,
            area_code=household.area_code,
            observed_on=BEFORE,
            difficulty="water",
            asked=True,
            state=DifficultyState.EXISTS,
            severity=2,
        )
    )
    session.flush()
    return actor, household


def observed_case(session: Session) -> str | None:
    return session.exec(select(Observation.case_id).where(Observation.state == DifficultyState.BETTER)).one()


def test_what_is_better_is_linked_to_the_open_case(session: Session) -> None:
    actor, household = known_difficulty(session)
    case = a_case(session, household, category="water", opened_on=BEFORE)
    submissions.accept(session, actor, a_delivery(session, actor, household, BETTER))
    assert observed_case(session) == case.id
    kinds = session.exec(select(CaseStep.kind).where(CaseStep.case_id == case.id)).all()
    assert sorted(kinds) == [StepKind.INTAKE, StepKind.LINK]


def test_what_is_better_opens_a_case_where_none_is(session: Session) -> None:
    actor, household = known_difficulty(session)
    accepted = submissions.accept(session, actor, a_delivery(session, actor, household, BETTER))
    (taken,) = (written for written in accepted.written if written.kind == "case")
    assert observed_case(session) == taken.id


def test_what_is_solved_opens_none(session: Session) -> None:
    actor, household = known_difficulty(session)
    sent = a_delivery(session, actor, household, no_problem() | {_STATE: "solved"})
    assert [w.kind for w in submissions.accept(session, actor, sent).written] == ["visit"]


def test_a_store_of_the_first_version_begins_with_the_newest_and_takes_what_was_begun_with_the_first(
    session: Session,
) -> None:
    composition.wire()
    shipped = dict(library.shipped())[library.VISIT_FORM]
    first = shipped.replace("| household_visit | 2 |", "| household_visit | 1 |")
    assert first != shipped
    published = library.publish(session, an_operator(), first, valid_from=date(2012, 1, 1))
    actor, household = a_cadre(session), a_household(session)
    begun = drafts.start(session, actor, library.VISIT_FORM, household.id, now=NOW)
    assert begun.version_id == published.id
    composition.prepare_store(session, an_operator())
    answered(session, actor, begun, no_problem())
    submissions.submit_draft(session, actor, begun.instance_id, now=NOW)
    assert session.get_one(Submission, begun.instance_id).version_id == published.id
    assert drafts.start(session, actor, library.VISIT_FORM, household.id, now=NOW).version_id != published.id
