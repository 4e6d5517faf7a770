"""The page of cases: list, filters in the address, one case, recording a step."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlmodel import select
from streamlit.testing.v1 import AppTest

from models import Case, CaseState, CaseStep, Post, StepKind
from survey import db, i18n
from survey.access.permissions import Actor
from survey.cases import service
from tests.builders import OTHER_GROUP, TOWNSHIP, VILLAGE, a_cadre, a_case, a_household
from tests.pages.conftest import Opener, texts

WORDS = "测试：已联系水务站"


def a_village_with_cases(count: int = 1, **over: Any) -> tuple[Actor, list[str]]:
    """A village head and open cases of one household, given over to him."""
    with db.session_scope() as session:
        actor = a_cadre(session, name="测试村主任")
        household = a_household(session, head="测试赵户")
        values = {"owner_id": actor.cadre_id, "due_on": i18n.today() + timedelta(days=2)} | over
        return actor, [a_case(session, household, **values).id for _ in range(count)]


def button(page: AppTest, key: str) -> Any:
    return page.button(key=key)


def test_the_list_shows_what_waits(open_page: Opener) -> None:
    actor, ids = a_village_with_cases()
    page = open_page(actor, "cases")
    assert not page.exception
    label = button(page, f"mq_row_cases_{ids[0]}").label
    assert "饮水难" in label
    assert "测试赵户" in label


def test_an_empty_list_says_so(open_page: Opener) -> None:
    with db.session_scope() as session:
        actor = a_cadre(session)
    page = open_page(actor, "cases")
    assert not page.exception
    assert "mq-empty" in texts(page)


def test_filters_of_the_address_are_applied_and_unknown_ones_are_not(open_page: Opener) -> None:
    actor, (water,) = a_village_with_cases()
    with db.session_scope() as session:
        road = a_case(session, category="road", due_on=i18n.today() - timedelta(days=3)).id

    def listed(**query: str) -> set[str]:
        page = open_page(actor, "cases", **query)
        assert not page.exception
        return {case_id for case_id in (water, road) if _has(page, case_id)}

    assert listed() == {water, road}
    assert listed(category="road") == {road}
    assert listed(overdue="1") == {road}
    assert listed(mine="1") == {water}
    assert listed(village=VILLAGE) == {water, road}
    assert listed(category="no_such") == {water, road}


def _has(page: AppTest, case_id: str) -> bool:
    return any(str(element.key) == f"mq_row_cases_{case_id}" for element in page.button)


def test_choosing_a_filter_puts_it_into_the_address(open_page: Opener) -> None:
    actor, (water,) = a_village_with_cases()
    page = open_page(actor, "cases")
    page.selectbox(key="mq_filter_category").select("road").run()
    assert page.query_params["category"] in ("road", ["road"])
    assert not _has(page, water)
    page.selectbox(key="mq_filter_category").select("").run()
    assert "category" not in page.query_params
    assert _has(page, water)


def test_a_long_list_is_turned_page_by_page(open_page: Opener) -> None:
    actor, ids = a_village_with_cases(25)
    page = open_page(actor, "cases")
    first = {case_id for case_id in ids if _has(page, case_id)}
    button(page, "mq_after_cases").click().run()
    second = {case_id for case_id in ids if _has(page, case_id)}
    assert (len(first), len(second)) == (20, 5)
    assert first | second == set(ids)


def test_tapping_a_case_opens_it(open_page: Opener) -> None:
    actor, (case_id,) = a_village_with_cases()
    page = open_page(actor, "cases", category="water")
    button(page, f"mq_row_cases_{case_id}").click().run()
    assert not page.exception
    assert "测试：水管断了" in texts(page)
    button(page, "mq_case_back").click().run()
    assert _has(page, case_id)
    assert page.query_params["category"] in ("water", ["water"])


def test_a_deadline_in_a_year_without_known_holidays_says_how_it_was_counted(open_page: Opener) -> None:
    actor, (known,) = a_village_with_cases(rule_on=date(2026, 5, 6), due_on=date(2026, 5, 14))
    _other, (unknown,) = a_village_with_cases(rule_on=date(2099, 5, 6), due_on=date(2099, 5, 15))
    said = "2099年的法定节假日尚未公布"
    assert said not in texts(open_page(actor, "cases", case=known))
    assert said in texts(open_page(actor, "cases", case=unknown))


def test_recording_a_step_is_in_the_database_and_clears_the_words(open_page: Opener) -> None:
    actor, (case_id,) = a_village_with_cases()
    page = open_page(actor, "cases", case=case_id)
    page.text_area(key=f"mq_case_words_{case_id}").input(WORDS)
    page.get_by_key(f"mq_case_step_{case_id}_1").set_value(StepKind.RESOLVE)
    page.run()
    button(page, "mq_case_record").click().run()
    assert not page.exception
    with db.reading() as session:
        case = session.get_one(Case, case_id)
        steps = session.exec(select(CaseStep).where(CaseStep.case_id == case_id)).all()
    assert (case.state, case.version) == (CaseState.RESOLVED, 2)
    assert (steps[-1].words, steps[-1].cadre_id) == (WORDS, actor.cadre_id)
    assert page.text_area(key=f"mq_case_words_{case_id}").value == ""


def test_a_refused_step_keeps_what_was_typed(open_page: Opener) -> None:
    actor, (case_id,) = a_village_with_cases()
    with db.session_scope() as session:
        other = a_cadre(session, name="测试同事")
    page = open_page(actor, "cases", case=case_id)
    page.text_area(key=f"mq_case_words_{case_id}").input(WORDS).run()
    with db.session_scope() as session:
        service.record_step(
            session, other, case_id, StepKind.START, None, on=i18n.today(), expected_version=1
        )
    button(page, "mq_case_record").click().run()
    assert "测试同事" in page.error[0].value
    assert page.text_area(key=f"mq_case_words_{case_id}").value == WORDS
    with db.reading() as session:
        assert session.get_one(Case, case_id).version == 2


def test_a_step_without_its_words_is_refused_in_a_sentence(open_page: Opener) -> None:
    actor, (case_id,) = a_village_with_cases(state=CaseState.IN_PROGRESS)
    page = open_page(actor, "cases", case=case_id)
    button(page, "mq_case_record").click().run()
    assert "写明" in page.error[0].value
    with db.reading() as session:
        assert session.get_one(Case, case_id).state is CaseState.IN_PROGRESS


def test_giving_a_case_to_a_colleague(open_page: Opener) -> None:
    actor, (case_id,) = a_village_with_cases()
    with db.session_scope() as session:
        colleague = a_cadre(session, name="测试驻村", post=Post.STATIONED_CADRE)
    page = open_page(actor, "cases", case=case_id)
    page.selectbox(key=f"mq_case_owner_{case_id}_1").select(colleague.cadre_id).run()
    button(page, "mq_case_assign").click().run()
    with db.reading() as session:
        case = session.get_one(Case, case_id)
    assert (case.state, case.owner_id) == (CaseState.ASSIGNED, colleague.cadre_id)


def test_who_only_reads_is_offered_no_step(open_page: Opener) -> None:
    _actor, (case_id,) = a_village_with_cases()
    with db.session_scope() as session:
        leader = a_cadre(session, Post.TOWNSHIP_MAYOR, TOWNSHIP)
    page = open_page(leader, "cases", case=case_id)
    assert "测试：水管断了" in texts(page)
    assert not page.text_area
    assert not any(str(element.key) == "mq_case_record" for element in page.button)


def test_a_case_outside_the_area_is_not_found(open_page: Opener) -> None:
    with db.session_scope() as session:
        actor = a_cadre(session)
        elsewhere = a_case(session, a_household(session, OTHER_GROUP), words="测试：别村的事").id
    page = open_page(actor, "cases", case=elsewhere)
    assert "没有找到" in page.error[0].value
    assert "别村的事" not in texts(page)
