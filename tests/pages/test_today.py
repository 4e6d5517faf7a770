"""The first page: who is due, what was begun, which cases wait, and what the others see."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from models import Draft, Post
from survey import db, i18n
from tests.builders import (
    TOWNSHIP,
    a_cadre,
    a_case,
    a_hardship_file,
    a_household,
    a_questionnaire_version,
    a_visit,
    an_assignment,
)
from tests.pages.conftest import Opener, texts


def label_of(page: Any, key: str) -> str:
    return str(page.button(key=key).label)


def test_a_quiet_day_offers_the_way_to_a_household(open_page: Opener) -> None:
    with db.session_scope() as session:
        actor = a_cadre(session)
    page = open_page(actor)
    assert not page.exception
    assert "mq-empty" in texts(page)
    assert any(str(element.key).startswith("mq_empty_households") for element in page.button)


def test_due_contacts_promises_drafts_and_cases_wait(open_page: Opener) -> None:
    on = i18n.today()
    with db.session_scope() as session:
        actor = a_cadre(session)
        due, promised, begun = (a_household(session, head=f"测试{name}户") for name in "甲乙丙")
        an_assignment(session, actor, due)
        a_hardship_file(session, due, next_contact_on=on - timedelta(days=4))
        a_visit(session, promised, actor, visited_on=on - timedelta(days=9), follow_up_on=on)
        version = a_questionnaire_version(session, "household_visit")
        draft = Draft(
            instance_id="uuid:begun",
            version_id=version.id,
            cadre_id=actor.cadre_id,
            household_id=begun.id,
            area_code=begun.area_code,
            payload="<data/>",
        )
        session.add(draft)
        mine = a_case(session, promised, owner_id=actor.cadre_id, due_on=on - timedelta(days=1))
        keys = {
            f"mq_row_contacts_{due.id}": "测试甲户",
            f"mq_row_follow_ups_{promised.id}": "测试乙户",
            "mq_row_drafts_uuid:begun": "测试丙户",
            f"mq_row_today_cases_{mine.id}": "饮水难",
        }
    page = open_page(actor)
    assert not page.exception
    for key, word in keys.items():
        assert word in label_of(page, key)
    assert "**1**" in label_of(page, "mq_today_overdue")


def test_other_peoples_cases_and_contacts_do_not_fill_the_page(open_page: Opener) -> None:
    with db.session_scope() as session:
        actor, colleague = a_cadre(session), a_cadre(session)
        household = a_household(session)
        an_assignment(session, colleague, household)
        a_hardship_file(session, household)
        a_case(session, household, owner_id=colleague.cadre_id)
    page = open_page(actor)
    assert not [element for element in page.button if str(element.key).startswith("mq_row_")]
    assert "**1**" in label_of(page, "mq_today_all")


def test_the_office_sees_the_most_urgent_of_the_township(open_page: Opener) -> None:
    on = i18n.today()
    with db.session_scope() as session:
        office = a_cadre(session, Post.MASS_WORK_DIRECTOR, TOWNSHIP)
        cases = [a_case(session, due_on=on + timedelta(days=day)) for day in range(10)]
        ids = [case.id for case in cases]
    page = open_page(office)
    shown = [i for i in ids if any(str(b.key) == f"mq_row_today_cases_{i}" for b in page.button)]
    assert shown == ids[:8]
    assert "10" in label_of(page, "mq_today_rest_cases")


def test_a_tapped_case_opens(open_page: Opener) -> None:
    with db.session_scope() as session:
        actor = a_cadre(session)
        case = a_case(session, owner_id=actor.cadre_id)
        case_id = case.id
    page = open_page(actor)
    page.button(key=f"mq_row_today_cases_{case_id}").click().run()
    assert "测试：水管断了" in texts(page)


def test_overdue_leads_to_the_filtered_list(open_page: Opener) -> None:
    on = i18n.today()
    with db.session_scope() as session:
        actor = a_cadre(session)
        late = a_case(session, due_on=on - timedelta(days=1)).id
        later = a_case(session, due_on=on + timedelta(days=30)).id
    page = open_page(actor)
    page.button(key="mq_today_overdue").click().run()
    keys = {str(element.key) for element in page.button}
    assert f"mq_row_cases_{late}" in keys
    assert f"mq_row_cases_{later}" not in keys


@pytest.mark.parametrize("post", [Post.ANALYST, Post.ADMINISTRATOR, Post.DISCIPLINE_INSPECTOR])
def test_posts_without_field_work_are_told_where_their_work_is(open_page: Opener, post: Post) -> None:
    with db.session_scope() as session:
        actor = a_cadre(session, post, TOWNSHIP)
        a_case(session, words="测试：不该看到")
    page = open_page(actor)
    assert not page.exception
    assert not page.error
    assert "测试" not in texts(page).replace(actor.name, "")
    assert not [element for element in page.button if str(element.key).startswith("mq_row_")]
