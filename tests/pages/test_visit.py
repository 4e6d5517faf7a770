"""Filling in a visit: the draft behind every answer, what is never preselected, submit, and what can go wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from models import Area, Case, Draft, HardshipContact, Household, Observation, Post, Submission, Visit
from survey import db, i18n
from survey.access import sessions
from survey.access.permissions import Actor
from survey.fieldwork.visit_readers import SOMEBODY_ELSE
from survey.problems import Problem
from survey.questionnaires import drafts, library
from survey.ui import session as ui_session
from survey.ui.form_widgets import key_of
from tests.builders import FAR_VILLAGE, a_cadre, a_hardship_file, a_household, an_operator
from tests.pages.conftest import Opener, texts

DIFFICULTIES = [f"/data/four_difficulties/difficulty[{at}]/state" for at in range(1, 5)]


@pytest.fixture
def at_the_door(open_page: Opener) -> tuple[Actor, Household]:
    """A village head and a household of his village; the shipped questionnaires are published."""
    with db.session_scope() as session:
        actor = a_cadre(session)
        household = a_household(session, head="赵大明", housing="safe", water_source="spring")
        library.publish_shipped(session, an_operator())
    return actor, household


def the_draft(actor: Actor) -> Draft:
    with db.reading() as session:
        return session.exec(select(Draft).where(Draft.cadre_id == actor.cadre_id)).one()


def value(actor: Actor, ref: str) -> str:
    """What the stored draft holds for a question."""
    with db.reading() as session:
        (view,) = drafts.mine(session, actor)
        return drafts.open_instance(session, actor, view).value(ref)


def tap(page: Any, actor: Actor, ref: str, choice: str) -> None:
    page.pills(key=key_of(the_draft(actor).instance_id, ref)).set_value(choice).run()
    assert not page.exception


def test_opening_a_household_begins_one_draft_and_names_it_in_the_address(
    open_page: Opener, at_the_door: tuple[Actor, Household]
) -> None:
    actor, household = at_the_door
    page = open_page(actor, "visit", household=household.id)
    assert not page.exception
    draft = the_draft(actor)
    assert draft.household_id == household.id
    assert page.query_params["instance"] == draft.instance_id
    open_page(actor, "visit", household=household.id)
    assert the_draft(actor).instance_id == draft.instance_id


def test_nothing_is_preselected_but_what_is_known(
    open_page: Opener, at_the_door: tuple[Actor, Household]
) -> None:
    actor, household = at_the_door
    page = open_page(actor, "visit", household=household.id)
    tap(page, actor, "/data/meeting/disposition", "completed")
    instance_id = the_draft(actor).instance_id
    for ref in (*DIFFICULTIES, "/data/meeting/respondent", "/data/meeting/purpose"):
        assert page.pills(key=key_of(instance_id, ref)).value is None, ref
        assert value(actor, ref) == ""
    page.button(key="mq_part_button_1").click().run()
    assert page.pills(key=key_of(instance_id, "/data/living/water_source")).value == "spring"
    page.button(key="mq_part_button_2").click().run()
    assert page.pills(key=key_of(instance_id, "/data/closing/satisfaction")).value is None


def test_every_answer_is_in_the_draft_at_once(
    open_page: Opener, at_the_door: tuple[Actor, Household]
) -> None:
    actor, household = at_the_door
    page = open_page(actor, "visit", household=household.id)
    before = the_draft(actor).revision
    tap(page, actor, "/data/meeting/disposition", "completed")
    assert value(actor, "/data/meeting/disposition") == "completed"
    assert the_draft(actor).revision == before + 1
    tap(page, actor, DIFFICULTIES[1], "exists")
    words = key_of(the_draft(actor).instance_id, "/data/four_difficulties/difficulty[2]/words")
    page.text_area(key=words).set_value("水管冻裂了").run()
    assert value(actor, "/data/four_difficulties/difficulty[2]/words") == "水管冻裂了"
    continued = open_page(actor, "visit", instance=the_draft(actor).instance_id)
    assert continued.text_area(key=words).value == "水管冻裂了"


def test_a_wrong_answer_is_kept_with_its_message_under_the_question(
    open_page: Opener, at_the_door: tuple[Actor, Household]
) -> None:
    actor, household = at_the_door
    page = open_page(actor, "visit", household=household.id)
    tomorrow = datetime.now(UTC).date() + timedelta(days=3)
    page.date_input(key=key_of(the_draft(actor).instance_id, "/data/meeting/visited_on")).set_value(
        tomorrow
    ).run()
    assert "走访日期不能晚于今天" in texts(page)
    assert value(actor, "/data/meeting/visited_on") == tomorrow.isoformat()


def test_a_position_far_from_the_village_is_marked(
    open_page: Opener, at_the_door: tuple[Actor, Household]
) -> None:
    actor, household = at_the_door
    with db.session_scope() as session:
        village = session.get_one(Area, household.area_code[:12])
        village.lat, village.lon = 32.25, 106.97
    page = open_page(actor, "visit", household=household.id)
    tap(page, actor, "/data/meeting/disposition", "nobody_home")
    for at, marked in (("32.4 106.97 0 12", True), ("32.26 106.97 0 12", False)):
        with db.session_scope() as session:
            (view,) = drafts.mine(session, actor)
            instance = drafts.open_instance(session, actor, view)
            instance.answer("/data/closing/place", at)
            drafts.save(
                session,
                actor,
                view.instance_id,
                instance.to_xml(),
                revision=view.revision,
                now=datetime.now(UTC),
            )
        page.button(key="mq_part_button_2").click().run()
        assert ("离村 17 公里。" in texts(page).replace("\\", "")) is marked


def fill_in(page: Any, actor: Actor) -> None:
    tap(page, actor, "/data/meeting/disposition", "completed")
    tap(page, actor, "/data/meeting/respondent", SOMEBODY_ELSE)
    for ref in DIFFICULTIES:
        tap(page, actor, ref, "none")
    page.button(key="mq_part_button_2").click().run()
    tap(page, actor, "/data/closing/satisfaction", "satisfied")


def test_submitting_writes_the_visit_and_says_so(
    open_page: Opener, at_the_door: tuple[Actor, Household]
) -> None:
    actor, household = at_the_door
    page = open_page(actor, "visit", household=household.id)
    fill_in(page, actor)
    instance_id = the_draft(actor).instance_id
    page.button(key="mq_submit").click().run()
    assert not page.exception
    assert "已记入该户走访记录" in texts(page)
    with db.reading() as session:
        visit = session.exec(select(Visit)).one()
        assert (visit.instance_id, visit.household_id) == (instance_id, household.id)
        assert len(session.exec(select(Observation)).all()) == 4
        assert session.exec(select(Draft)).all() == []
        assert session.exec(select(Case)).all() == []
    reloaded = open_page(actor, "visit", instance=instance_id)
    assert "已记入该户走访记录" in texts(reloaded)
    with db.reading() as session:
        assert len(session.exec(select(Submission)).all()) == 1


def test_a_difficulty_and_a_hardship_contact_are_told_after_submitting(
    open_page: Opener, at_the_door: tuple[Actor, Household]
) -> None:
    actor, household = at_the_door
    with db.session_scope() as session:
        a_hardship_file(session, session.get_one(Household, household.id))
    page = open_page(actor, "visit", household=household.id)
    fill_in(page, actor)
    page.button(key="mq_part_button_0").click().run()
    tap(page, actor, DIFFICULTIES[1], "exists")
    tap(page, actor, "/data/four_difficulties/difficulty[2]/severity", "2")
    words = key_of(the_draft(actor).instance_id, "/data/four_difficulties/difficulty[2]/words")
    page.text_area(key=words).set_value("水管冻裂了").run()
    page.button(key="mq_part_button_2").click().run()
    page.button(key="mq_submit").click().run()
    with db.reading() as session:
        case = session.exec(select(Case)).one()
        assert (case.category, case.words) == ("water", "水管冻裂了")
        assert session.exec(select(HardshipContact)).one().household_id == household.id
    shown = texts(page).replace("\\", "")
    assert case.number in shown
    assert "困难户档案" in shown


def test_a_half_filled_form_is_not_taken_and_leads_to_what_is_missing(
    open_page: Opener, at_the_door: tuple[Actor, Household]
) -> None:
    actor, household = at_the_door
    page = open_page(actor, "visit", household=household.id)
    tap(page, actor, "/data/meeting/disposition", "completed")
    assert "此题必须填写。" not in texts(page)
    page.button(key="mq_part_button_2").click().run()
    page.button(key="mq_submit").click().run()
    assert "此题必须填写。" in texts(page)
    respondent = key_of(the_draft(actor).instance_id, "/data/meeting/respondent")
    assert page.pills(key=respondent).value is None
    with db.reading() as session:
        assert session.exec(select(Submission)).all() == []
        assert session.exec(select(Visit)).all() == []


def test_a_repeat_gains_and_loses_instances(open_page: Opener, at_the_door: tuple[Actor, Household]) -> None:
    actor, household = at_the_door
    page = open_page(actor, "visit", household=household.id)
    tap(page, actor, "/data/meeting/disposition", "completed")
    tap(page, actor, "/data/voices/has_requests", "yes")
    instance_id = the_draft(actor).instance_id
    page.button(key=f"{key_of(instance_id, '/data/voices/request')}_add").click().run()
    tap(page, actor, "/data/voices/request[2]/kind", "dispute")
    assert value(actor, "/data/voices/request[2]/kind") == "dispute"
    page.button(key=f"{key_of(instance_id, '/data/voices/request[1]')}_remove").click().run()
    assert value(actor, "/data/voices/request[1]/kind") == "dispute"
    assert page.pills(key=key_of(instance_id, "/data/voices/request[1]/kind")).value == "dispute"


def test_two_cadres_at_one_household_have_a_draft_each(
    open_page: Opener, at_the_door: tuple[Actor, Household]
) -> None:
    actor, household = at_the_door
    with db.session_scope() as session:
        other = a_cadre(session, post=Post.STATIONED_CADRE)
    first = open_page(actor, "visit", household=household.id)
    fill_in(first, actor)
    first.button(key="mq_submit").click().run()
    second = open_page(other, "visit", household=household.id)
    fill_in(second, other)
    second.button(key="mq_submit").click().run()
    with db.reading() as session:
        assert {visit.cadre_id for visit in session.exec(select(Visit))} == {actor.cadre_id, other.cadre_id}


def test_an_answer_from_another_device_is_shown_and_not_overwritten(
    open_page: Opener, at_the_door: tuple[Actor, Household]
) -> None:
    actor, household = at_the_door
    here = open_page(actor, "visit", household=household.id)
    tap(here, actor, "/data/meeting/disposition", "completed")
    there = open_page(actor, "visit", instance=the_draft(actor).instance_id)
    tap(there, actor, DIFFICULTIES[0], "none")
    tap(here, actor, DIFFICULTIES[2], "not_asked")
    assert value(actor, DIFFICULTIES[0]) == "none"
    assert here.pills(key=key_of(the_draft(actor).instance_id, DIFFICULTIES[0])).value == "none"


def test_a_household_outside_the_area_is_not_found(
    open_page: Opener, at_the_door: tuple[Actor, Household]
) -> None:
    actor, _household = at_the_door
    with db.session_scope() as session:
        far = a_household(session, area=FAR_VILLAGE)
    page = open_page(actor, "visit", household=far.id)
    assert "不在您负责的范围内" in texts(page)
    with db.reading() as session:
        assert session.exec(select(Draft)).all() == []


def test_a_full_disk_is_told_and_the_answer_is_saved_with_the_next_one(
    open_page: Opener, at_the_door: tuple[Actor, Household], monkeypatch: pytest.MonkeyPatch
) -> None:
    actor, household = at_the_door
    page = open_page(actor, "visit", household=household.id)

    def full(*_args: object, **_facts: object) -> int:
        raise Problem("store.disk_full")

    with monkeypatch.context() as broken:
        broken.setattr(drafts, "save", full)
        tap(page, actor, "/data/meeting/disposition", "completed")
    assert "磁盘已满" in texts(page)
    assert value(actor, "/data/meeting/disposition") == ""
    assert page.pills(key=key_of(the_draft(actor).instance_id, DIFFICULTIES[0])).value is None
    tap(page, actor, DIFFICULTIES[0], "none")
    assert value(actor, "/data/meeting/disposition") == "completed"
    assert value(actor, DIFFICULTIES[0]) == "none"


def test_an_expired_session_costs_no_answer(open_page: Opener, at_the_door: tuple[Actor, Household]) -> None:
    actor, household = at_the_door
    page = open_page(actor, "visit", household=household.id)
    tap(page, actor, "/data/meeting/disposition", "completed")
    with db.session_scope() as session:
        assert actor.cadre_id is not None
        sessions.close_all(session, actor.cadre_id, now=datetime.now(UTC))
    page.run()
    assert "/sign-in?next=" in texts(page)
    again = open_page(actor, "visit", instance=the_draft(actor).instance_id)
    key = key_of(the_draft(actor).instance_id, "/data/meeting/disposition")
    assert again.pills(key=key).value == "completed"


def lost() -> str:
    return i18n.gettext("What you chose last was not saved. Please choose it again after signing in.")


def test_a_choice_after_the_session_ended_is_told_as_not_saved_and_nothing_stays_in_view(
    open_page: Opener, at_the_door: tuple[Actor, Household]
) -> None:
    actor, household = at_the_door
    page = open_page(actor, "visit", household=household.id)
    instance_id = the_draft(actor).instance_id
    with db.session_scope() as session:
        assert actor.cadre_id is not None
        sessions.close_all(session, actor.cadre_id, now=datetime.now(UTC))
    tap(page, actor, "/data/meeting/disposition", "completed")
    assert lost() in texts(page)
    assert "赵大明" not in texts(page)
    assert not page.button
    assert value(actor, "/data/meeting/disposition") == ""
    again = open_page(actor, "visit", instance=instance_id)
    assert again.pills(key=key_of(instance_id, "/data/meeting/disposition")).value is None
    assert lost() not in texts(again)


def test_turning_a_part_after_the_session_ended_loses_nothing_and_says_nothing_of_it(
    open_page: Opener, at_the_door: tuple[Actor, Household]
) -> None:
    actor, household = at_the_door
    page = open_page(actor, "visit", household=household.id)
    tap(page, actor, "/data/meeting/disposition", "completed")
    with db.session_scope() as session:
        assert actor.cadre_id is not None
        sessions.close_all(session, actor.cadre_id, now=datetime.now(UTC))
    page.button(key="mq_next").click().run()
    assert "/sign-in?next=" in texts(page)
    assert lost() not in texts(page)


def test_a_choice_lost_in_a_moment_without_session_is_not_shown_as_saved(
    open_page: Opener, at_the_door: tuple[Actor, Household], monkeypatch: pytest.MonkeyPatch
) -> None:
    actor, household = at_the_door
    page = open_page(actor, "visit", household=household.id)
    live, asked = ui_session.cookie_token(), []

    def back_in_a_moment() -> str | None:
        asked.append(True)
        return None if len(asked) == 1 else live

    monkeypatch.setattr(ui_session, "cookie_token", back_in_a_moment)
    tap(page, actor, "/data/meeting/disposition", "completed")
    assert not page.pills
    page.run()
    assert lost() in texts(page)
    key = key_of(the_draft(actor).instance_id, "/data/meeting/disposition")
    assert page.pills(key=key).value is None
    assert value(actor, "/data/meeting/disposition") == ""


def test_unfinished_visits_can_be_continued_and_thrown_away(
    open_page: Opener, at_the_door: tuple[Actor, Household]
) -> None:
    actor, household = at_the_door
    open_page(actor, "visit", household=household.id)
    draft = the_draft(actor)
    page = open_page(actor, "visit")
    page.button(key=f"mq_row_drafts_{draft.instance_id}").click().run()
    assert page.query_params["instance"] == draft.instance_id
    name = f"discard_{draft.instance_id[-12:]}"
    page.button(key=f"mq_ask_{name}").click().run()
    page.button(key=f"mq_yes_{name}").click().run()
    with db.reading() as session:
        assert session.exec(select(Draft)).all() == []


def test_without_drafts_the_page_leads_to_the_register(
    open_page: Opener, at_the_door: tuple[Actor, Household]
) -> None:
    actor, _household = at_the_door
    page = open_page(actor, "visit")
    assert not page.exception
    assert "没有未完成的走访" in texts(page)


def test_a_hardship_contact_by_telephone_is_its_own_questionnaire(
    open_page: Opener, at_the_door: tuple[Actor, Household]
) -> None:
    actor, household = at_the_door
    with db.session_scope() as session:
        a_hardship_file(session, session.get_one(Household, household.id))
    page = open_page(actor, "visit", household=household.id, form=library.CONTACT_FORM)
    tap(page, actor, "/data/contact/mode", "phone")
    instance_id = the_draft(actor).instance_id
    page.text_area(key=key_of(instance_id, "/data/contact/words")).set_value("问了医药费报销").run()
    while not [button for button in page.button if button.key == "mq_submit"]:
        page.button(key="mq_next").click().run()
    page.button(key="mq_submit").click().run()
    assert not page.exception
    with db.reading() as session:
        contact = session.exec(select(HardshipContact)).one()
        assert (contact.words, contact.mode, contact.household_id) == (
            "问了医药费报销",
            "phone",
            household.id,
        )
        assert session.exec(select(Visit)).all() == []
    assert "困难户档案" in texts(page)
