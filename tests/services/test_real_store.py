"""A real store, from empty to the first visit: nothing of the demo, nothing written past the services."""

from __future__ import annotations

from sqlmodel import Session, select

from models import Household, Post, Visit
from survey import composition
from survey.access import accounts
from survey.areas import register
from survey.fieldwork import households
from survey.questionnaires import submissions
from tests.builders import NOW, TODAY, VILLAGE, an_operator
from tests.fillings import a_delivery


def test_an_empty_store_comes_to_hold_groups_a_household_and_a_visit(session: Session) -> None:
    operator = an_operator()
    composition.prepare_store(session, operator)
    made = accounts.create_first_administrator(session, operator, on=TODAY)
    assert made is not None
    first = accounts.account_named(session, operator, made[0])
    admin = accounts.actor_for(session, first.cadre_id, on=TODAY)

    groups = register.add_groups(session, admin, VILLAGE, 5, on=TODAY)
    assert len(groups) == 5
    view, _ = accounts.create_account(
        session, admin, "wang", "测试王", Post.VILLAGE_HEAD, VILLAGE, starts_on=TODAY
    )
    head = accounts.actor_for(session, view.cadre_id, on=TODAY)
    assert [group.code for group in register.groups(session, head, VILLAGE, on=TODAY)] == [
        group.code for group in groups
    ]

    added = households.add_household(session, head, groups[2].code, {"name": "测试户主"}, {}, on=TODAY)
    household = session.get_one(Household, added.id)
    assert household.area_code == groups[2].code
    submissions.accept(session, head, a_delivery(session, head, household))
    visit = session.exec(select(Visit)).one()
    assert (visit.household_id, visit.cadre_id, visit.area_code) == (
        household.id,
        view.cadre_id,
        groups[2].code,
    )
    assert visit.entered_on == NOW.date()
