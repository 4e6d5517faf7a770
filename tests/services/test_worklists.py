"""The list of cases not finished, one case, and what asks for attention, on both databases."""

from __future__ import annotations

from datetime import date

import pytest
from sqlmodel import Session

from models import CaseState, Post, StepKind
from survey.access.permissions import Actor
from survey.cases import service, worklists
from survey.cases.worklists import CaseFilter
from survey.problems import Problem
from tests.builders import (
    GROUP,
    OTHER_GROUP,
    OTHER_VILLAGE,
    SECOND_GROUP,
    TODAY,
    TOWNSHIP,
    VILLAGE,
    a_cadre,
    a_case,
    a_household,
)

LATE, SOON, LATER = date(2026, 5, 1), date(2026, 5, 8), date(2026, 6, 30)


def found(session: Session, actor: Actor, chosen: CaseFilter, limit: int = 30, offset: int = 0) -> list[str]:
    page = worklists.unresolved(session, actor, chosen, TODAY, limit=limit, offset=offset)
    return [row.id for row in page.rows]


def test_the_most_urgent_comes_first_and_what_is_replied_last(session: Session) -> None:
    cadre = a_cadre(session)
    later = a_case(session, due_on=LATER)
    none = a_case(session, due_on=None)
    replied = a_case(session, due_on=LATE, state=CaseState.REPLIED)
    overdue = a_case(session, due_on=LATE)
    soon = a_case(session, due_on=SOON)
    a_case(session, due_on=LATE, state=CaseState.CLOSED, closed_on=TODAY)
    page = worklists.unresolved(session, cadre, CaseFilter(), TODAY)
    assert [row.id for row in page.rows] == [case.id for case in (overdue, soon, later, none, replied)]
    assert page.total == 5
    assert [row.overdue for row in page.rows] == [True, False, False, False, False]
    assert [row.days_left for row in page.rows] == [-5, 2, 55, None, None]


def test_rows_name_place_head_and_owner(session: Session) -> None:
    cadre = a_cadre(session, name="测试承办")
    household = a_household(session, GROUP, head="测试甲户")
    a_case(session, household, owner_id=cadre.cadre_id)
    (row,) = worklists.unresolved(session, cadre, CaseFilter(), TODAY).rows
    assert (row.head_name, row.owner_name) == ("测试甲户", "测试承办")
    assert "余家坪村" in row.area_name


def test_filters(session: Session) -> None:
    office = a_cadre(session, Post.MASS_WORK_MEMBER, TOWNSHIP)
    here = a_case(session, due_on=LATE, category="road")
    there = a_case(session, a_household(session, OTHER_GROUP), due_on=LATER, owner_id=office.cadre_id)
    assert found(session, office, CaseFilter()) == [here.id, there.id]
    assert found(session, office, CaseFilter(village=VILLAGE)) == [here.id]
    assert found(session, office, CaseFilter(village=OTHER_VILLAGE)) == [there.id]
    assert found(session, office, CaseFilter(category="road")) == [here.id]
    assert found(session, office, CaseFilter(overdue=True)) == [here.id]
    assert found(session, office, CaseFilter(mine=True)) == [there.id]
    assert found(session, office, CaseFilter(village=VILLAGE, mine=True)) == []


def test_pages_of_a_list_do_not_overlap(session: Session) -> None:
    cadre = a_cadre(session)
    household = a_household(session)
    cases = [a_case(session, household, due_on=SOON).id for _ in range(7)]
    pages = [found(session, cadre, CaseFilter(), limit=3, offset=offset) for offset in (0, 3, 6)]
    assert [len(page) for page in pages] == [3, 3, 1]
    assert sorted(case_id for page in pages for case_id in page) == sorted(cases)


def test_only_the_own_area_is_seen(session: Session) -> None:
    elsewhere = a_case(session, a_household(session, OTHER_GROUP))
    here = a_case(session, a_household(session, SECOND_GROUP))
    head = a_cadre(session)
    informant = a_cadre(session, Post.GROUP_INFORMANT, GROUP)
    assert found(session, head, CaseFilter()) == [here.id]
    assert found(session, head, CaseFilter(village=OTHER_VILLAGE)) == []
    assert found(session, informant, CaseFilter()) == []
    with pytest.raises(Problem) as raised:
        worklists.case(session, head, elsewhere.id, TODAY)
    assert raised.value.code == "access.not_found"


@pytest.mark.parametrize("post", [Post.ANALYST, Post.DISCIPLINE_INSPECTOR, Post.ADMINISTRATOR])
def test_who_has_no_business_with_cases_sees_none(session: Session, post: Post) -> None:
    case = a_case(session)
    actor = a_cadre(session, post, TOWNSHIP)
    for call in (
        lambda: worklists.unresolved(session, actor, CaseFilter(), TODAY),
        lambda: worklists.case(session, actor, case.id, TODAY),
        lambda: worklists.attention(session, actor, TODAY),
        lambda: worklists.of_household(session, actor, case.household_id or "", TODAY),
        lambda: worklists.possible_owners(session, actor, case.id, TODAY),
    ):
        with pytest.raises(Problem) as raised:
            call()
        assert raised.value.code == "access.forbidden"


def test_a_case_is_shown_with_its_steps_and_what_may_be_done(session: Session) -> None:
    cadre = a_cadre(session, name="测试甲")
    case = a_case(session, first_handler_id=cadre.cadre_id, due_on=SOON)
    service.record_step(session, cadre, case.id, StepKind.RESOLVE, "测试：修好", on=TODAY, expected_version=1)
    view = worklists.case(session, cadre, case.id, TODAY)
    assert (view.words, view.first_handler_name, view.version) == ("测试：水管断了", "测试甲", 2)
    assert [(s.kind, s.words, s.name) for s in view.steps] == [
        (StepKind.INTAKE, None, None),
        (StepKind.RESOLVE, "测试：修好", "测试甲"),
    ]
    assert view.actions == (StepKind.NOTE, StepKind.REPLY, StepKind.REOPEN)
    assert view.row.days_left == 2


def test_who_only_reads_is_offered_no_step(session: Session) -> None:
    case = a_case(session)
    leader = a_cadre(session, Post.TOWNSHIP_MAYOR, TOWNSHIP)
    view = worklists.case(session, leader, case.id, TODAY)
    assert (view.actions, view.may_assign) == ((), False)


def test_cases_of_a_household_open_first_then_the_latest(session: Session) -> None:
    cadre, household = a_cadre(session), a_household(session)
    closed = a_case(session, household, state=CaseState.CLOSED, closed_on=TODAY, opened_on=date(2026, 5, 3))
    old = a_case(session, household, category="road", opened_on=date(2026, 2, 1))
    new = a_case(session, household, category="school", opened_on=date(2026, 4, 1))
    a_case(session)
    rows = worklists.of_household(session, cadre, household.id, TODAY)
    assert [row.id for row in rows] == [new.id, old.id, closed.id]
    assert rows[-1].days_left is None


def test_attention_counts(session: Session) -> None:
    cadre = a_cadre(session)
    a_case(session, due_on=LATE)
    a_case(session, due_on=SOON, state=CaseState.IN_PROGRESS, owner_id=cadre.cadre_id)
    a_case(session, due_on=TODAY)
    a_case(session, due_on=LATE, state=CaseState.REPLIED)
    a_case(session, due_on=LATE, state=CaseState.CLOSED, closed_on=TODAY)
    a_case(session, a_household(session, OTHER_GROUP), due_on=LATE)
    counts = worklists.attention(session, cadre, TODAY)
    assert counts == worklists.Attention(unresolved=4, overdue=1, due_soon=2, new=2, mine=1)


def test_an_empty_list_has_no_rows_and_no_counts(session: Session) -> None:
    cadre = a_cadre(session)
    assert worklists.unresolved(session, cadre, CaseFilter(), TODAY) == worklists.CasePage((), 0)
    assert worklists.attention(session, cadre, TODAY) == worklists.Attention(0, 0, 0, 0, 0)
