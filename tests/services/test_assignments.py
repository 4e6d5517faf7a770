"""Assignments: one contact a household, dated, within posts and scope."""

from __future__ import annotations

from datetime import date

import pytest
from sqlmodel import Session, col, select

from models import Assignment, AssignmentKind, Post, Posting
from survey.fieldwork import assignments
from survey.problems import Problem
from tests.builders import (
    GROUP,
    OTHER_GROUP,
    OTHER_VILLAGE,
    TODAY,
    TOWNSHIP,
    VILLAGE,
    a_cadre,
    a_household,
    an_area_tree,
    an_assignment,
)


def test_new_contact_ends_the_former_on_the_day_before(session: Session) -> None:
    head, other = a_cadre(session), a_cadre(session, Post.VILLAGE_COMMITTEE_MEMBER)
    family = a_household(session)
    former = an_assignment(session, other, family)
    assert head.cadre_id is not None
    made = assignments.assign_household(session, head, head.cadre_id, family.id, on=TODAY)
    rows = session.exec(select(Assignment).order_by(col(Assignment.id))).all()
    assert [(row.cadre_id, row.ends_on) for row in rows] == [
        (other.cadre_id, date(2026, 5, 5)),
        (head.cadre_id, None),
    ]
    assert assignments.contact_of(session, head, family.id, on=TODAY) == made
    before = assignments.contact_of(session, head, family.id, on=date(2026, 5, 5))
    assert before is not None and before.id == former.id
    assert assignments.contacts_of(session, [family.id], TODAY) == {family.id: head.name}


def test_same_contact_twice_is_refused(session: Session) -> None:
    head = a_cadre(session)
    family = a_household(session)
    an_assignment(session, head, family)
    with pytest.raises(Problem) as caught:
        assignments.assign_household(session, head, head.cadre_id or 0, family.id, on=TODAY)
    assert caught.value.code == "assignments.already"
    assert len(session.exec(select(Assignment)).all()) == 1


@pytest.mark.parametrize(
    ("post", "area"),
    [
        (Post.VILLAGE_HEAD, OTHER_VILLAGE),
        (Post.ADMINISTRATOR, TOWNSHIP),
        (Post.ANALYST, TOWNSHIP),
    ],
)
def test_cadre_without_a_fitting_post_is_refused(session: Session, post: Post, area: str) -> None:
    head = a_cadre(session)
    stranger = a_cadre(session, post, area)
    family = a_household(session)
    with pytest.raises(Problem) as caught:
        assignments.assign_household(session, head, stranger.cadre_id or 0, family.id, on=TODAY)
    assert caught.value.code == "assignments.not_posted"
    assert session.exec(select(Assignment)).all() == []


def test_cadre_whose_post_ended_is_refused(session: Session) -> None:
    head, gone = a_cadre(session), a_cadre(session)
    session.exec(select(Posting).where(col(Posting.cadre_id) == gone.cadre_id)).one().ends_on = date(
        2026, 5, 5
    )
    session.flush()
    family = a_household(session)
    with pytest.raises(Problem) as caught:
        assignments.assign_household(session, head, gone.cadre_id or 0, family.id, on=TODAY)
    assert caught.value.code == "assignments.not_posted"


@pytest.mark.parametrize(
    ("post", "area"), [(Post.STATIONED_CADRE, TOWNSHIP), (Post.GROUP_INFORMANT, "51192212520002")]
)
def test_township_cadre_and_informant_of_the_village_may_be_contact(
    session: Session, post: Post, area: str
) -> None:
    head = a_cadre(session)
    cadre = a_cadre(session, post, area)
    family = a_household(session)
    made = assignments.assign_household(session, head, cadre.cadre_id or 0, family.id, on=TODAY)
    assert (made.kind, made.area_code, made.cadre_name) == (AssignmentKind.HOUSEHOLD, GROUP, cadre.name)


def test_village_committee_member_may_not_assign(session: Session) -> None:
    member = a_cadre(session, Post.VILLAGE_COMMITTEE_MEMBER)
    family = a_household(session)
    with pytest.raises(Problem) as caught:
        assignments.assign_household(session, member, member.cadre_id or 0, family.id, on=TODAY)
    assert caught.value.code == "access.forbidden"


def test_household_and_assignment_outside_scope_are_not_found(session: Session) -> None:
    head = a_cadre(session)
    far = a_household(session, area=OTHER_GROUP)
    neighbour = a_cadre(session, Post.VILLAGE_HEAD, OTHER_VILLAGE)
    row = an_assignment(session, neighbour, far)
    with pytest.raises(Problem) as caught:
        assignments.assign_household(session, head, head.cadre_id or 0, far.id, on=TODAY)
    assert caught.value.code == "access.not_found"
    with pytest.raises(Problem) as caught:
        assignments.end(session, head, row.id or 0, on=TODAY)
    assert caught.value.code == "access.not_found"
    assert assignments.contact_of(session, head, far.id, on=TODAY) is None
    assert assignments.of_cadre(session, head, neighbour.cadre_id or 0, on=TODAY) == ()


def test_village_may_have_several_contacts(session: Session) -> None:
    office = a_cadre(session, Post.MASS_WORK_MEMBER, TOWNSHIP)
    first, second = (
        a_cadre(session, Post.STATIONED_CADRE, TOWNSHIP),
        a_cadre(session, Post.TOWNSHIP_MAYOR, TOWNSHIP),
    )
    for cadre in (first, second):
        assignments.assign_village(session, office, cadre.cadre_id or 0, VILLAGE, on=TODAY)
    held = assignments.of_cadre(session, office, first.cadre_id or 0, on=TODAY)
    assert [(row.kind, row.area_code, row.household_id) for row in held] == [
        (AssignmentKind.VILLAGE, VILLAGE, None)
    ]
    assert len(session.exec(select(Assignment)).all()) == 2
    with pytest.raises(Problem) as caught:
        assignments.assign_village(session, office, first.cadre_id or 0, VILLAGE, on=TODAY)
    assert caught.value.code == "assignments.already"


def test_ended_assignment_holds_on_its_last_day_only(session: Session) -> None:
    head = a_cadre(session)
    family = a_household(session)
    row = an_assignment(session, head, family)
    assignments.end(session, head, row.id or 0, on=TODAY)
    assert assignments.contact_of(session, head, family.id, on=TODAY) is not None
    assert assignments.contact_of(session, head, family.id, on=date(2026, 5, 7)) is None
    with pytest.raises(Problem) as caught:
        assignments.end(session, head, row.id or 0, on=date(2025, 1, 1))
    assert caught.value.code == "assignments.ends_before_start"


def test_cadres_for_a_village_are_its_own_then_the_townships(session: Session) -> None:
    an_area_tree(session)
    stationed = a_cadre(session, Post.STATIONED_CADRE, TOWNSHIP)
    head = a_cadre(session)
    a_cadre(session, Post.ADMINISTRATOR, TOWNSHIP)
    a_cadre(session, Post.VILLAGE_HEAD, OTHER_VILLAGE)
    choices = assignments.cadres_for(session, head, VILLAGE, on=TODAY)
    assert [choice.id for choice in choices] == [head.cadre_id, stationed.cadre_id]
    with pytest.raises(Problem) as caught:
        assignments.cadres_for(session, head, OTHER_VILLAGE, on=TODAY)
    assert caught.value.code == "access.not_found"
