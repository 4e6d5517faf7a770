"""Administration: accounts made and changed by clicks, areas, the trail, snapshots; who sees which part."""

from __future__ import annotations

import pytest
from sqlmodel import select
from streamlit.testing.v1 import AppTest

from models import AccountSession, Area, AuditEntry, Cadre, Post, Posting
from survey import db, i18n
from survey.access import audit, passwords
from survey.access.permissions import Actor
from tests.builders import COUNTY, FAR_VILLAGE, GROUP, OTHER_VILLAGE, TOWNSHIP, VILLAGE, a_cadre, a_household
from tests.pages.conftest import Opener, texts


@pytest.fixture
def admin(sqlite_store: db.Store) -> Actor:
    """The township's administrator; a village head `wang` and one elsewhere stand in the store too."""
    with db.session_scope() as session:
        actor = a_cadre(session, Post.ADMINISTRATOR, TOWNSHIP, username="guanli", name="测试管理员")
        a_cadre(session, username="wang", name="测试王")
        a_cadre(session, area=FAR_VILLAGE, username="yuan", name="测试远")
    return actor


def stored(username: str) -> Cadre:
    with db.reading() as session:
        return session.exec(select(Cadre).where(Cadre.username == username)).one()


def press(page: AppTest, label: str) -> AppTest:
    (button,) = [button for button in page.button if button.label == label]
    return button.click().run()


def agree(page: AppTest, label: str) -> AppTest:
    """Press a button that asks first, then agree."""
    return press(press(page, label), label)


def account_page(open_page: Opener, admin: Actor, username: str = "wang") -> AppTest:
    return open_page(admin, "administration", part="accounts", account=str(stored(username).id))


def test_the_list_shows_the_accounts_of_ones_area_only(open_page: Opener, admin: Actor) -> None:
    page = open_page(admin, "administration")
    assert not page.exception
    rows = [button.label for button in page.button if "·" in button.label]
    assert any("测试王" in row and "余家坪村" in row for row in rows)
    assert not any("测试远" in row for row in rows)


def test_searching_for_nobody_says_so(open_page: Opener, admin: Actor) -> None:
    page = open_page(admin, "administration")
    page.text_input(key="mq_account_query").set_value("nobody").run()
    assert "没有符合条件的账号" in texts(page)


def test_a_new_account_is_made_and_its_password_shown_once(open_page: Opener, admin: Actor) -> None:
    page = open_page(admin, "administration")
    page.selectbox(key="mq_new_post").set_value(Post.VILLAGE_SECRETARY).run()
    page.text_input(key="mq_new_username").set_value("li")
    page.text_input(key="mq_new_name").set_value("测试李")
    page.selectbox(key="mq_new_area").set_value(VILLAGE)
    press(page, "建立账号")
    (shown,) = page.code
    assert passwords.verify(stored("li").password_hash, shown.value)
    with db.reading() as session:
        posting = session.exec(select(Posting).where(Posting.cadre_id == stored("li").id)).one()
        assert (posting.post, posting.area_code) == (Post.VILLAGE_SECRETARY, VILLAGE)
    assert not page.run().code
    assert shown.value not in texts(page)


def test_only_areas_are_offered_in_which_the_post_can_be_held(open_page: Opener, admin: Actor) -> None:
    page = open_page(admin, "administration")
    offered = {}
    for post in (Post.TOWNSHIP_MAYOR, Post.VILLAGE_HEAD, Post.GROUP_INFORMANT):
        page.selectbox(key="mq_new_post").set_value(post).run()
        offered[post] = len(page.selectbox(key="mq_new_area").options)
    assert offered == {Post.TOWNSHIP_MAYOR: 1, Post.VILLAGE_HEAD: 2, Post.GROUP_INFORMANT: 2 + 3}


def test_a_bad_user_name_is_told_and_makes_nothing(open_page: Opener, admin: Actor) -> None:
    page = open_page(admin, "administration")
    page.selectbox(key="mq_new_post").set_value(Post.ANALYST).run()
    page.text_input(key="mq_new_username").set_value("李四")
    page.text_input(key="mq_new_name").set_value("测试李")
    page.selectbox(key="mq_new_area").set_value(TOWNSHIP)
    press(page, "建立账号")
    assert "不能使用" in page.error[0].value
    assert page.text_input(key="mq_new_name").value == "测试李", "what was typed stays"
    with db.reading() as session:
        assert len(session.exec(select(Cadre)).all()) == 3


def test_without_post_and_area_no_account_is_made(open_page: Opener, admin: Actor) -> None:
    page = press(open_page(admin, "administration"), "建立账号")
    assert "请先选择岗位和区划" in page.error[0].value
    with db.reading() as session:
        assert len(session.exec(select(Cadre)).all()) == 3


def test_locking_asks_first_then_signs_the_person_out(open_page: Opener, admin: Actor) -> None:
    with db.session_scope() as session:
        session.add(AccountSession(token_hash="0" * 64, cadre_id=stored("wang").id or 0))
    page = press(account_page(open_page, admin), "锁定")
    assert stored("wang").locked_at is None
    press(page, "锁定")
    assert stored("wang").locked_at is not None
    with db.reading() as session:
        assert session.get_one(AccountSession, "0" * 64).ended_at is not None
    agree(account_page(open_page, admin), "解锁")
    assert stored("wang").locked_at is None


def test_a_one_time_password_replaces_the_present_one(open_page: Opener, admin: Actor) -> None:
    page = agree(account_page(open_page, admin), "发一次性密码")
    (shown,) = page.code
    assert passwords.verify(stored("wang").password_hash, shown.value)
    assert stored("wang").must_change_password


def test_a_post_is_added_and_another_ends_today(open_page: Opener, admin: Actor) -> None:
    page = account_page(open_page, admin)
    page.selectbox(key="mq_post").set_value(Post.STATIONED_CADRE).run()
    page.selectbox(key="mq_post_area").set_value("511922125201")
    press(page, "增加")
    with db.reading() as session:
        held = session.exec(select(Posting).where(Posting.cadre_id == stored("wang").id)).all()
        assert {(p.post, p.area_code) for p in held} == {
            (Post.VILLAGE_HEAD, VILLAGE),
            (Post.STATIONED_CADRE, "511922125201"),
        }
        first = next(p.id for p in held if p.post == Post.VILLAGE_HEAD)
    page = account_page(open_page, admin)
    page.button(key=f"mq_ask_end_{first}").click().run()
    page.button(key=f"mq_yes_end_{first}").click().run()
    with db.reading() as session:
        assert session.get_one(Posting, first).ends_on == i18n.today()


def test_an_account_outside_ones_area_is_not_shown(open_page: Opener, admin: Actor) -> None:
    page = account_page(open_page, admin, "yuan")
    assert "没有找到这条记录" in page.error[0].value
    assert "测试远" not in texts(page)


def test_the_own_account_cannot_be_locked(open_page: Opener, admin: Actor) -> None:
    page = agree(account_page(open_page, admin, "guanli"), "锁定")
    assert "自己的账号" in page.error[0].value
    assert stored("guanli").locked_at is None


def test_the_tree_of_areas_leads_down_and_up(open_page: Opener, admin: Actor) -> None:
    page = open_page(admin, "administration", part="areas", area=TOWNSHIP)
    rows = [button.label for button in page.button if "511922125200" in button.label]
    assert len(rows) == 1
    assert "余家坪村" in rows[0]
    assert "下辖 2 个" in rows[0]
    top = open_page(admin, "administration", part="areas")
    assert [button.label for button in top.button if "兴马镇" in button.label]


def area_page(open_page: Opener, admin: Actor, code: str) -> AppTest:
    return open_page(admin, "administration", part="areas", area=code)


def submit(page: AppTest, form: str) -> AppTest:
    """Press the button of a form, known by the form's key."""
    (button,) = [button for button in page.button if button.proto.form_id == form]
    return button.click().run()


def test_a_group_is_added_to_a_village_with_the_next_number(open_page: Opener, admin: Actor) -> None:
    page = area_page(open_page, admin, VILLAGE)
    form = f"{VILLAGE}_3"
    page.text_input(key=f"mq_group_name_{form}").set_value("河边社")
    page = submit(page, f"mq_group_add_{form}")
    assert not page.exception
    with db.reading() as session:
        added = session.get_one(Area, f"{VILLAGE}03")
        assert (added.short_name, added.valid_from) == ("河边社", i18n.today())
    assert any("河边社" in button.label for button in page.button), "it stands in the list at once"
    assert page.number_input(key=f"mq_group_number_{VILLAGE}_4").value == 4


def test_a_group_number_taken_is_told_and_adds_nothing(open_page: Opener, admin: Actor) -> None:
    page = area_page(open_page, admin, VILLAGE)
    page.number_input(key=f"mq_group_number_{VILLAGE}_3").set_value(1)
    page = submit(page, f"mq_group_add_{VILLAGE}_3")
    assert "已有编号" in page.error[0].value
    with db.reading() as session:
        assert session.get(Area, f"{VILLAGE}03") is None


def test_all_groups_of_a_village_are_added_at_once(open_page: Opener, admin: Actor) -> None:
    page = submit(area_page(open_page, admin, OTHER_VILLAGE), f"mq_groups_add_{OTHER_VILLAGE}")
    assert page.error, "without a number nothing happens"
    page.number_input(key=f"mq_groups_count_{OTHER_VILLAGE}").set_value(4)
    submit(page, f"mq_groups_add_{OTHER_VILLAGE}")
    with db.reading() as session:
        rows = session.exec(select(Area.code).where(Area.parent_code == OTHER_VILLAGE)).all()
    assert sorted(rows) == [f"{OTHER_VILLAGE}0{number}" for number in range(1, 5)]


def test_a_group_is_renamed_and_closed(open_page: Opener, admin: Actor) -> None:
    page = area_page(open_page, admin, GROUP)
    page.text_input(key=f"mq_rename_{GROUP}").set_value("河边社")
    page = submit(page, f"mq_group_rename_{GROUP}")
    with db.reading() as session:
        assert session.get_one(Area, GROUP).short_name == "河边社"
    page.button(key=f"mq_ask_close_{GROUP}").click().run()
    page.button(key=f"mq_yes_close_{GROUP}").click().run()
    with db.reading() as session:
        assert session.get_one(Area, GROUP).valid_until == i18n.today()


def test_a_group_with_households_is_not_closed(open_page: Opener, admin: Actor) -> None:
    with db.session_scope() as session:
        a_household(session)
    page = area_page(open_page, admin, GROUP)
    page.button(key=f"mq_ask_close_{GROUP}").click().run()
    page = page.button(key=f"mq_yes_close_{GROUP}").click().run()
    assert "不能停用" in page.error[0].value
    with db.reading() as session:
        assert session.get_one(Area, GROUP).valid_until is None


def test_a_closed_village_gets_its_successor(open_page: Opener, admin: Actor) -> None:
    with db.session_scope() as session:
        session.get_one(Area, VILLAGE).valid_until = i18n.today()
    page = area_page(open_page, admin, VILLAGE)
    offered = page.selectbox(key=f"mq_successor_of_{VILLAGE}")
    assert len(offered.options) == 1
    offered.set_value(OTHER_VILLAGE)
    submit(page, f"mq_successor_{VILLAGE}")
    with db.reading() as session:
        assert session.get_one(Area, VILLAGE).successor_code == OTHER_VILLAGE


def test_a_closed_group_is_put_in_use_again(open_page: Opener, admin: Actor) -> None:
    with db.session_scope() as session:
        session.get_one(Area, GROUP).valid_until = i18n.today()
    page = area_page(open_page, admin, GROUP)
    page.button(key=f"mq_ask_reopen_{GROUP}").click().run()
    page.button(key=f"mq_yes_reopen_{GROUP}").click().run()
    with db.reading() as session:
        assert session.get_one(Area, GROUP).valid_until is None


def test_an_area_outside_ones_own_offers_nothing(open_page: Opener, admin: Actor) -> None:
    page = area_page(open_page, admin, FAR_VILLAGE)
    assert not page.exception
    assert not [button for button in page.button if button.proto.form_id]


def test_the_trail_shows_what_was_done_in_ones_area(open_page: Opener, sqlite_store: db.Store) -> None:
    with db.session_scope() as session:
        inspector = a_cadre(session, Post.DISCIPLINE_INSPECTOR, TOWNSHIP)
        near, far = a_cadre(session, name="测试近"), a_cadre(session, area=FAR_VILLAGE, name="测试远")
        audit.append(session, near, "household.update", kind="household", id="1", area_code=VILLAGE)
        audit.append(session, far, "household.update", kind="household", id="2", area_code=FAR_VILLAGE)
    page = open_page(inspector, "administration")
    assert "修改农户" in texts(page)
    assert "测试近" in texts(page)
    assert "测试远" not in texts(page)
    page.selectbox(key="mq_trail_kind").set_value("case").run()
    assert "没有符合条件的记录" in texts(page)


def test_an_analyst_gets_a_snapshot_and_the_trail_knows(open_page: Opener, sqlite_store: db.Store) -> None:
    with db.session_scope() as session:
        analyst = a_cadre(session, Post.ANALYST, COUNTY)
    page = open_page(analyst, "administration")
    press(page, "制作快照")
    assert not page.exception
    assert "张表" in page.success[0].value
    with db.reading() as session:
        assert [entry.action for entry in session.exec(select(AuditEntry))] == ["snapshot.make"]


def test_a_village_head_is_not_offered_the_page(
    open_page: Opener, sqlite_store: db.Store, admin: Actor
) -> None:
    with db.session_scope() as session:
        head = a_cadre(session)

    def offered(actor: Actor) -> bool:
        return "管理" in [link.label for link in open_page(actor).get("page_link")]

    assert (offered(admin), offered(head)) == (True, False)
