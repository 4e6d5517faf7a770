"""A household that moves to another village takes its past along, and leaves its contact behind."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlmodel import Session, select

from models import Assignment, AuditEntry, CaseState, Household, Post
from survey.access.permissions import Actor
from survey.cases import worklists
from survey.fieldwork import assignments, households, visits
from survey.problems import Problem
from survey.questionnaires import attachments, drafts, submissions
from tests.builders import (
    GROUP,
    NOW,
    OTHER_GROUP,
    OTHER_VILLAGE,
    SECOND_GROUP,
    TODAY,
    TOWNSHIP,
    a_cadre,
    a_case,
    a_household,
    a_visit,
    an_assignment,
)
from tests.fillings import a_draft, answered, no_problem
from tests.services.permission_trials import a_photo

QUESTION = "/data/closing/photo[1]/image"


def move(session: Session, household: Household, group: str = OTHER_GROUP) -> None:
    office = a_cadre(session, Post.MASS_WORK_DIRECTOR, TOWNSHIP)
    seen = households.household(session, office, household.id, on=TODAY)
    households.save_household(session, office, household.id, {"area_code": group}, seen=seen, on=TODAY)


def contact(session: Session, household: Household, on: date = TODAY) -> str | None:
    office = a_cadre(session, Post.MASS_WORK_DIRECTOR, TOWNSHIP)
    found = assignments.contact_of(session, office, household.id, on=on)
    return found.cadre_name if found else None


def test_its_visits_and_photos_are_read_where_it_lives_now(session: Session) -> None:
    old, household = a_cadre(session), a_household(session)
    new = a_cadre(session, Post.VILLAGE_HEAD, OTHER_VILLAGE)
    draft = a_draft(session, old, household)
    photo = attachments.store(session, old, draft.instance_id, QUESTION, "1.jpg", a_photo())
    answered(session, old, draft, no_problem())
    submissions.submit_draft(session, old, draft.instance_id, now=NOW)
    move(session, household)
    (visit,) = visits.history(session, new, household.id)
    assert visits.of_filling(session, new, visit.instance_id) == visit
    assert attachments.read(session, new, photo.id)[1] == "image/jpeg"
    assert visits.history(session, old, household.id) == ()
    assert visits.of_filling(session, old, visit.instance_id) is None
    with pytest.raises(Problem) as caught:
        attachments.read(session, old, photo.id)
    assert caught.value.code == "access.not_found"


def test_its_finished_cases_are_read_in_both_villages(session: Session) -> None:
    old, new = a_cadre(session), a_cadre(session, Post.VILLAGE_HEAD, OTHER_VILLAGE)
    household = a_household(session)
    case = a_case(session, household, state=CaseState.CLOSED, closed_on=TODAY)
    move(session, household)
    for actor in (old, new):
        assert [row.id for row in worklists.of_household(session, actor, household.id, TODAY)] == [case.id]
        assert worklists.case(session, actor, case.id, TODAY).row.id == case.id
    assert worklists.case(session, new, case.id, TODAY).actions == ()


def test_its_contact_ends_where_he_has_no_post(session: Session) -> None:
    head, household = a_cadre(session), a_household(session)
    an_assignment(session, head, household)
    move(session, household)
    assert contact(session, household) is None
    assert contact(session, household, TODAY - timedelta(days=1)) == head.name
    entry = session.exec(select(AuditEntry).where(AuditEntry.action == "assignment.end")).one()
    assert entry.object_kind == "assignment"


@pytest.mark.parametrize(
    ("post", "area", "group"),
    [
        (Post.MASS_WORK_MEMBER, TOWNSHIP, OTHER_GROUP),
        (Post.VILLAGE_HEAD, GROUP[:12], SECOND_GROUP),
    ],
)
def test_its_contact_goes_on_where_he_has_a_post(session: Session, post: Post, area: str, group: str) -> None:
    cadre, household = a_cadre(session, post, area), a_household(session)
    an_assignment(session, cadre, household)
    move(session, household, group)
    assert contact(session, household) == cadre.name
    assert session.exec(select(Assignment)).one().area_code == group


def test_who_was_its_contact_before_stays_so_for_the_place_where_he_was(session: Session) -> None:
    before, household = a_cadre(session), a_household(session)
    past = an_assignment(session, before, household, ends_on=date(2026, 2, 1))
    move(session, household)
    session.refresh(past)
    assert (past.area_code, past.ends_on) == (GROUP, date(2026, 2, 1))


def _begun(session: Session) -> tuple[Actor, Household, drafts.DraftView]:
    old, household = a_cadre(session), a_household(session)
    draft = a_draft(session, old, household)
    return old, household, draft


def test_a_visit_begun_before_is_refused_with_the_reason_and_can_be_thrown_away(session: Session) -> None:
    old, household, draft = _begun(session)
    move(session, household)
    for attempt in (
        lambda: drafts.open_instance(session, old, drafts.load(session, old, draft.instance_id)),
        lambda: submissions.submit_draft(session, old, draft.instance_id, now=NOW),
    ):
        with pytest.raises(Problem) as caught:
            attempt()
        assert caught.value.code == "draft.household_elsewhere"
    drafts.discard(session, old, draft.instance_id)
    assert drafts.mine(session, old) == ()


def test_a_return_promised_before_is_not_due_for_who_cannot_go_there(session: Session) -> None:
    old, household = a_cadre(session), a_household(session)
    a_visit(session, household, old, visited_on=TODAY - timedelta(days=9), follow_up_on=TODAY)
    move(session, household)
    assert visits.follow_ups(session, old, TODAY) == ()


@pytest.mark.parametrize(
    "status", [households.HouseholdStatus.MOVED_AWAY, households.HouseholdStatus.DISSOLVED]
)
def test_nobody_is_asked_to_return_to_a_household_that_left_nor_begins_a_visit_there(
    session: Session, status: households.HouseholdStatus
) -> None:
    cadre, household = a_cadre(session), a_household(session)
    a_visit(session, household, cadre, visited_on=TODAY - timedelta(days=9), follow_up_on=TODAY)
    begun = a_draft(session, cadre, household)
    seen = households.household(session, cadre, household.id, on=TODAY)
    households.set_status(session, cadre, household.id, status, seen=seen, on=TODAY)
    assert visits.follow_ups(session, cadre, TODAY) == ()
    assert a_draft(session, cadre, household) == begun, "what was begun before can still be handed in"
    with pytest.raises(Problem) as caught:
        a_draft(session, a_cadre(session), household)
    assert caught.value.code == "draft.household_left"
