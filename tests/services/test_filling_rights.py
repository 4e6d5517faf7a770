"""What a filling may write by the post of whoever hands it in: each role × each list it would write."""

from __future__ import annotations

import pytest
from sqlmodel import Session, select

from models import HardshipContact, Household, Post
from survey.access.permissions import Role
from survey.problems import Problem
from survey.questionnaires import drafts, submissions
from tests.builders import NOW, TOWNSHIP, VILLAGE, a_cadre, a_hardship_file, a_household
from tests.fillings import a_draft, answered, no_problem, published
from tests.services.permission_trials import (
    CADRE,
    FIELD,
    HARDSHIP_READERS,
    HEAD,
    INFORMANT,
    LEADER,
    OFFICE,
    STATIONED,
)

POSTS = {
    INFORMANT: (Post.GROUP_INFORMANT, VILLAGE),
    CADRE: (Post.VILLAGE_COMMITTEE_MEMBER, VILLAGE),
    HEAD: (Post.VILLAGE_HEAD, VILLAGE),
    STATIONED: (Post.STATIONED_CADRE, VILLAGE),
    OFFICE: (Post.MASS_WORK_MEMBER, TOWNSHIP),
    LEADER: (Post.PARTY_COMMITTEE_MEMBER, TOWNSHIP),
}
ROLES = pytest.mark.parametrize("role", sorted(POSTS))


def code_of(problem: pytest.ExceptionInfo[Problem]) -> str:
    return problem.value.code


@ROLES
def test_whoever_records_a_visit_records_the_living_conditions(session: Session, role: Role) -> None:
    actor, household = a_cadre(session, *POSTS[role]), a_household(session, housing="safe")
    draft = a_draft(session, actor, household)
    answered(session, actor, draft, no_problem() | {"living/housing": "grade_c"})
    submissions.submit_draft(session, actor, draft.instance_id, now=NOW)
    assert session.get_one(Household, household.id).housing == "grade_c"


@ROLES
def test_a_visit_to_a_hardship_household_is_a_contact_for_those_who_read_its_file(
    session: Session, role: Role
) -> None:
    actor, household = a_cadre(session, *POSTS[role]), a_household(session)
    a_hardship_file(session, household)
    draft = a_draft(session, actor, household)
    answered(session, actor, draft, no_problem())
    submissions.submit_draft(session, actor, draft.instance_id, now=NOW)
    contacts = session.exec(select(HardshipContact)).all()
    assert len(contacts) == (role in HARDSHIP_READERS)


@ROLES
def test_the_hardship_file_is_changed_by_those_who_write_it_alone(session: Session, role: Role) -> None:
    actor, household = a_cadre(session, *POSTS[role]), a_household(session)
    file = a_hardship_file(session, household, needs="原来的需求")
    if role not in FIELD:
        with pytest.raises(Problem) as refused:
            a_draft(session, actor, household, "hardship_contact")
        assert code_of(refused) == "access.forbidden"
        assert drafts.mine(session, actor) == ()
        return
    draft = a_draft(session, actor, household, "hardship_contact")
    answers = {"contact/mode": "phone", "contact/words": "问候", "file/needs": "改写"}
    answered(session, actor, draft, answers)
    submissions.submit_draft(session, actor, draft.instance_id, now=NOW)
    session.refresh(file)
    assert file.needs == "改写"


def test_a_filling_that_writes_a_file_is_refused_however_it_arrives(session: Session) -> None:
    writer = a_cadre(session)
    leader = a_cadre(session, *POSTS[LEADER])
    household = a_household(session)
    file = a_hardship_file(session, household, needs="原来的需求")
    published(session)
    draft = a_draft(session, writer, household, "hardship_contact")
    answers = {"contact/mode": "phone", "contact/words": "问候", "file/needs": "改写"}
    instance = answered(session, writer, draft, answers)
    delivery = submissions.Delivery(instance.to_xml(final=True), submissions.SubmissionSource.PAGE, NOW)
    with pytest.raises(Problem) as refused:
        submissions.accept(session, leader, delivery)
    assert code_of(refused) == "access.forbidden"
    session.refresh(file)
    assert file.needs == "原来的需求"
