"""The households page: search, one household, forms, conflicts, duplicates, reveal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import pytest
from sqlmodel import Session, col, select
from streamlit.testing.v1 import AppTest

from models import AuditEntry, Household, HouseholdStatus, Member, Observation, Post, Residence
from survey import db
from survey.access.permissions import Actor
from survey.fieldwork import identity
from survey.questionnaires import attachments, submissions
from survey.ui import navigation
from tests.builders import (
    GROUP,
    NOW,
    OTHER_GROUP,
    SECOND_GROUP,
    TOWNSHIP,
    a_cadre,
    a_case,
    a_hardship_file,
    a_household,
    a_member,
    a_visit,
)
from tests.fillings import a_draft, answered, with_difficulty
from tests.pages.conftest import Opener, texts
from tests.services.permission_trials import a_photo

PAGE = navigation.HOUSEHOLDS


@contextmanager
def stored() -> Iterator[Session]:
    with db.reading() as session:
        yield session


def a_signed_in(post: Post = Post.VILLAGE_HEAD, area: str = "511922125200") -> Actor:
    with db.session_scope() as session:
        return a_cadre(session, post, area)


def a_family(**over: object) -> str:
    with db.session_scope() as session:
        return a_household(session, **over).id  # type: ignore[arg-type]


def row_titles(page: AppTest) -> list[str]:
    return [button.label for button in page.button if (button.key or "").startswith("mq_row_households_")]


def field(page: AppTest, kind: str, form: str, name: str):  # type: ignore[no-untyped-def]
    return getattr(page, kind)(key=f"mq_form_{form}_{name}")


def press(page: AppTest, key: str) -> AppTest:
    page.button(key=key).click().run()
    assert not page.exception
    return page


# --- list -----------------------------------------------------------------------------------------


def test_list_shows_households_of_the_scope_as_big_rows(open_page: Opener) -> None:
    actor = a_signed_in()
    a_family(head="张近处")
    a_family(head="李邻村", area=OTHER_GROUP)
    page = open_page(actor, PAGE)
    assert not page.exception
    assert len(row_titles(page)) == 1
    assert "张近处" in row_titles(page)[0] and "余家坪村1社" in row_titles(page)[0]


def test_empty_register_says_what_to_do(open_page: Opener) -> None:
    page = open_page(a_signed_in(), PAGE)
    assert "mq-empty" in texts(page)
    assert page.button(key="mq_household_add")


def test_search_by_initials_narrows_the_list_and_keeps_no_name_in_the_address(open_page: Opener) -> None:
    actor = a_signed_in()
    a_family(head="张三丰")
    a_family(head="李四")
    page = open_page(actor, PAGE)
    page.text_input(key="mq_households_query").set_value("zsf").run()
    assert len(row_titles(page)) == 1 and "张三丰" in row_titles(page)[0]
    page.text_input(key="mq_households_query").set_value("没有这人").run()
    assert row_titles(page) == [] and "mq-empty" in texts(page)
    assert dict(page.query_params) == {}


def test_group_filter(open_page: Opener) -> None:
    actor = a_signed_in()
    a_family(head="张一社")
    a_family(head="张二社", area=SECOND_GROUP)
    page = open_page(actor, PAGE)
    page.selectbox(key="mq_households_group").set_value(SECOND_GROUP).run()
    assert len(row_titles(page)) == 1 and "张二社" in row_titles(page)[0]


def test_leader_reads_and_gets_no_form(open_page: Opener) -> None:
    family = a_family(head="张三丰")
    leader = a_signed_in(Post.TOWNSHIP_MAYOR, TOWNSHIP)
    assert "张三丰" in texts(open_page(leader, PAGE, household=family))
    page = open_page(leader, PAGE, household=family, do="edit")
    assert len(page.error) == 1
    assert not [key for key in (b.key or "" for b in page.button) if key.startswith("mq_form_")]


# --- one household --------------------------------------------------------------------------------


def test_household_page_shows_people_matters_and_history(open_page: Opener) -> None:
    actor = a_signed_in()
    with db.session_scope() as session:
        family = a_household(session, head="张三丰", phone="13800001234", lat=32.2, lon=106.9)
        a_member(session, family, name="张小宝", health_note="哮喘")
        a_case(session, family)
        a_visit(session, family, actor, diary="今天去了他家")
        a_hardship_file(session, family)
        household_id = family.id
    page = open_page(actor, PAGE, household=household_id)
    assert not page.exception
    shown = texts(page) + " ".join(expander.label for expander in page.expander)
    for word in ("张三丰", "张小宝", "138****1234", "哮喘", "今天去了他家"):
        assert word in shown
    assert "13800001234" not in shown
    assert page.button(key="mq_household_visit")
    assert page.button(key="mq_household_file")
    assert [b for b in page.button if (b.key or "").startswith("mq_row_household_cases_")]


def test_informant_sees_no_health_note_and_no_way_to_edit(open_page: Opener) -> None:
    with db.session_scope() as session:
        family = a_household(session, head="张三丰", phone="13800001234")
        a_member(session, family, name="张小宝", health_note="哮喘")
        household_id = family.id
    page = open_page(a_signed_in(Post.GROUP_INFORMANT, GROUP), PAGE, household=household_id)
    assert not page.exception
    assert "哮喘" not in texts(page)
    keys = [button.key or "" for button in page.button]
    assert not [key for key in keys if key.startswith(("mq_edit_", "mq_ask_"))]


def test_household_outside_scope_is_one_sentence(open_page: Opener) -> None:
    family = a_family(head="李邻村", area=OTHER_GROUP)
    page = open_page(a_signed_in(), PAGE, household=family)
    assert not page.exception
    assert len(page.error) == 1 and "李邻村" not in texts(page)


def test_reveal_needs_a_reason_shows_once_and_is_recorded(open_page: Opener) -> None:
    actor = a_signed_in()
    family = a_family(head="张三丰", phone="13800001234")
    page = open_page(actor, PAGE, household=family)
    name = f"household_{family}_phone"
    press(page, f"mq_ask_{name}")
    page.button(key=f"mq_reveal_{name}").click().run()
    assert len(page.error) == 1
    with stored() as session:
        assert not session.exec(select(AuditEntry).where(AuditEntry.action == "identifier.reveal")).all()
    page.pills(key=f"mq_reason_{name}").set_value("call")
    page.button(key=f"mq_reveal_{name}").click().run()
    assert [code.value for code in page.code] == ["13800001234"]
    page.run()
    assert not page.code
    with stored() as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "identifier.reveal")).one()
    assert entry.details == {"field": "phone", "reason": "call"}


def test_everything_handed_in_at_a_visit_can_be_read_again(open_page: Opener) -> None:
    actor = a_signed_in()
    with db.session_scope() as session:
        family = a_household(session, head="张三丰")
        wife = a_member(session, family, name="李妻")
        answers = with_difficulty("water", "水管冻裂了", severity="3") | {
            "meeting/visited_on": (NOW - timedelta(days=9)).date().isoformat(),
            "meeting/respondent": wife.id,
            "four_difficulties/difficulty[1]/state": "not_asked",
            "voices/has_requests": "yes",
            "voices/request[1]/kind": "dispute",
            "voices/request[1]/matter": "与邻居争地界",
            "help/policies_explained": "pension farming",
            "help/help_given": "water",
            "help/help_words": "送水两桶",
            "closing/diary": "今天去了他家",
            "closing/place": "32.30000 106.97000 0 12",
            "closing/place_source": "gps",
        }
        draft = a_draft(session, actor, family)
        answered(session, actor, draft, answers)
        photo = attachments.store(
            session, actor, draft.instance_id, "/data/closing/photo[1]/image", "a.jpg", a_photo()
        )
        submissions.submit_draft(session, actor, draft.instance_id, now=NOW)
        observed = session.exec(select(Observation).where(col(Observation.difficulty) == "water")).one()
        observed.case_id = None
    shown = texts(open_page(actor, PAGE, household=family.id))
    for words in (
        "李妻",
        "有 · 重",
        "水管冻裂了",
        "未问到",
        "矛盾纠纷",
        "与邻居争地界",
        "养老保险、惠农补贴",
    ):
        assert words in shown
    for words in ("饮水", "送水两桶", "今天去了他家", "32.30000, 106.97000", "约 12 米", "迟 9 天录入"):
        assert words in shown
    assert f'src="/attachment/{photo.id}"' in shown
    assert "照片 1 张" in shown


# --- forms ----------------------------------------------------------------------------------------


def test_new_household_is_added_with_its_head(open_page: Opener) -> None:
    page = open_page(a_signed_in(), PAGE, do="new")
    page.selectbox(key="mq_new_group").set_value(GROUP).run()
    field(page, "text_input", "new_household", "name").set_value("单小红")
    field(page, "text_input", "new_household", "household_phone").set_value("138 0000 1234")
    press(page, "mq_form_new_household_save")
    with stored() as session:
        row = session.exec(select(Household)).one()
        head = session.exec(select(Member)).one()
    assert (row.head_name, row.head_pinyin, row.area_code, row.phone) == (
        "单小红",
        "sxh",
        GROUP,
        "13800001234",
    )
    assert head.relation == "02"
    assert (head.ethnic_group, head.residence, head.sex) == (None, Residence.NOT_STATED, "9")
    assert page.query_params["household"] in (row.id, [row.id])
    assert len(page.success) == 1


def test_no_group_of_several_is_chosen_beforehand(open_page: Opener) -> None:
    page = open_page(a_signed_in(), PAGE, do="new")
    assert page.selectbox(key="mq_new_group").value is None
    field(page, "text_input", "new_household", "name").set_value("单小红")
    press(page, "mq_form_new_household_save")
    assert "还没有选择社" in page.error[0].value
    page.selectbox(key="mq_new_group").set_value(GROUP).run()
    field(page, "text_input", "new_household", "name").set_value("")
    press(page, "mq_form_new_household_save")
    assert "还没有填写姓名" in page.error[0].value
    with stored() as session:
        assert session.exec(select(Household)).all() == []


def test_wrong_value_keeps_what_was_typed_and_adds_nothing(open_page: Opener) -> None:
    page = open_page(a_signed_in(), PAGE, do="new")
    field(page, "text_input", "new_household", "name").set_value("单小红")
    page.selectbox(key="mq_new_group").set_value(GROUP)
    field(page, "text_input", "new_household", "id_number").set_value("511922196001010013")
    press(page, "mq_form_new_household_save")
    assert len(page.error) == 1
    assert field(page, "text_input", "new_household", "name").value == "单小红"
    with stored() as session:
        assert session.exec(select(Household)).all() == []


def test_near_duplicate_is_shown_and_saved_only_when_confirmed(open_page: Opener) -> None:
    actor = a_signed_in()
    a_family(head="单小红")
    page = open_page(actor, PAGE, do="new")
    page.selectbox(key="mq_new_group").set_value(GROUP).run()
    field(page, "text_input", "new_household", "name").set_value("单小红")
    press(page, "mq_form_new_household_save")
    assert [b for b in page.button if (b.key or "").startswith("mq_row_duplicates_")]
    with stored() as session:
        assert len(session.exec(select(Household)).all()) == 1
    page.checkbox(key="mq_confirm_new_household").check()
    press(page, "mq_form_new_household_save")
    with stored() as session:
        assert len(session.exec(select(Household)).all()) == 2


def test_edit_saves_only_what_changed(open_page: Opener) -> None:
    actor = a_signed_in()
    family = a_family(head="张三丰", phone="13800001234", phone_hash="x" * 64, housing="safe")
    page = open_page(actor, PAGE, household=family, do="edit")
    field(page, "text_input", "household", "address").set_value("河边")
    press(page, "mq_form_household_save")
    with stored() as session:
        row = session.get_one(Household, family)
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "household.update")).one()
    assert (row.address, row.phone, row.housing, row.version) == ("河边", "13800001234", "safe", 2)
    assert entry.details == {"fields": ["address"]}
    assert "do" not in page.query_params


def test_number_is_removed_when_marked(open_page: Opener) -> None:
    actor = a_signed_in()
    family = a_family(phone="13800001234", phone_hash="x" * 64)
    page = open_page(actor, PAGE, household=family, do="edit")
    field(page, "checkbox", "household", "household_phone_removed").check()
    press(page, "mq_form_household_save")
    with stored() as session:
        row = session.get_one(Household, family)
    assert (row.phone, row.phone_hash) == (None, None)


def test_two_cadres_on_one_household_lose_nothing(open_page: Opener) -> None:
    first = a_signed_in()
    family = a_family(head="张三丰", address="旧址")
    page = open_page(first, PAGE, household=family, do="edit")
    with db.session_scope() as session:
        row = session.get_one(Household, family)
        row.address, row.version = "别人写的", 2
    field(page, "text_input", "household", "address").set_value("我写的")
    press(page, "mq_form_household_save")
    assert len(page.error) == 1
    assert field(page, "text_input", "household", "address").value == "我写的"
    assert any("别人写的" in caption.value for caption in page.caption)
    with stored() as session:
        assert session.get_one(Household, family).address == "别人写的"
    press(page, "mq_form_household_save")
    with stored() as session:
        assert session.get_one(Household, family).address == "我写的"


def test_member_is_added_with_birth_date_from_the_number(open_page: Opener) -> None:
    actor = a_signed_in()
    family = a_family(head="张三丰")
    page = open_page(actor, PAGE, household=family, do="member")
    field(page, "text_input", "member", "name").set_value("李妻")
    field(page, "selectbox", "member", "relation").set_value("12")
    field(page, "text_input", "member", "id_number").set_value(
        "990000 1970 0315 0024".replace(" ", "")[:17] + "0"
    )
    press(page, "mq_form_member_save")
    assert len(page.error) == 1
    number = identity.IdentityNumber("990000700315002", date(1970, 3, 15), "2").full
    field(page, "text_input", "member", "id_number").set_value(number)
    press(page, "mq_form_member_save")
    with stored() as session:
        member = session.exec(select(Member).where(col(Member.name) == "李妻")).one()
    assert (member.relation, member.birth_on, member.sex) == ("12", date(1970, 3, 15), "2")


def test_a_new_member_is_asked_for_the_relation_and_nothing_is_filled_in_for_him(open_page: Opener) -> None:
    page = open_page(a_signed_in(), PAGE, household=a_family(head="张三丰"), do="member")
    field(page, "text_input", "member", "name").set_value("李妻")
    press(page, "mq_form_member_save")
    assert [error.value for error in page.error] == [r"还没有填写与户主的关系。请选择与户主的关系后再保存。"]
    field(page, "selectbox", "member", "relation").set_value("12")
    press(page, "mq_form_member_save")
    with stored() as session:
        member = session.exec(select(Member).where(col(Member.name) == "李妻")).one()
    assert (member.relation, member.ethnic_group, member.residence) == ("12", None, Residence.NOT_STATED)


def test_saving_a_member_unchanged_writes_nothing(open_page: Opener) -> None:
    actor, family = a_signed_in(), a_family(head="张三丰")
    with db.session_scope() as session:
        member = a_member(session, session.get_one(Household, family), name="李四", sex="9")
    page = open_page(actor, PAGE, household=family, do="member", member=member.id)
    press(page, "mq_form_member_save")
    with stored() as session:
        assert not session.exec(select(AuditEntry).where(AuditEntry.action == "member.update")).all()


def test_member_is_edited(open_page: Opener) -> None:
    actor = a_signed_in()
    with db.session_scope() as session:
        family = a_household(session)
        member_id = a_member(session, family, name="张小宝").id
        household_id = family.id
    page = open_page(actor, PAGE, household=household_id, do="member", member=member_id)
    field(page, "text_area", "member", "health_note").set_value("哮喘")
    press(page, "mq_form_member_save")
    with stored() as session:
        member = session.get_one(Member, member_id)
    assert (member.health_note, member.sex, member.birth_on, member.version) == (
        "哮喘",
        "1",
        date(1980, 1, 1),
        2,
    )


def test_head_is_changed(open_page: Opener) -> None:
    actor = a_signed_in()
    with db.session_scope() as session:
        family = a_household(session, head="张三丰")
        member_id = a_member(session, family, name="张小宝").id
        household_id = family.id
    page = open_page(actor, PAGE, household=household_id, do="head")
    field(page, "selectbox", "head", "former_relation").set_value("51")
    field(page, "pills", "head", "new_head").set_value(member_id)
    press(page, "mq_form_head_save")
    with stored() as session:
        assert session.get_one(Household, household_id).head_name == "张小宝"
        assert session.get_one(Member, member_id).relation == "02"


@pytest.mark.parametrize("agreed", [True, False])
def test_moved_away_is_asked_first(open_page: Opener, agreed: bool) -> None:
    actor = a_signed_in()
    family = a_family(head="张三丰")
    page = open_page(actor, PAGE, household=family, do="edit")
    press(page, "mq_ask_status_moved_away")
    press(page, "mq_yes_status_moved_away" if agreed else "mq_no_status_moved_away")
    with stored() as session:
        status = session.get_one(Household, family).status
    assert status is (HouseholdStatus.MOVED_AWAY if agreed else HouseholdStatus.ACTIVE)


def test_cancel_leaves_the_form_and_saves_nothing(open_page: Opener) -> None:
    actor = a_signed_in()
    family = a_family(head="张三丰")
    page = open_page(actor, PAGE, household=family, do="edit")
    field(page, "text_input", "household", "address").set_value("河边")
    press(page, "mq_form_household_leave")
    assert "do" not in page.query_params
    with stored() as session:
        assert session.get_one(Household, family).address is None
