"""The hardship page: due first, files, one file with contacts, its form, the spread of the work."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlmodel import col, select
from streamlit.testing.v1 import AppTest

from models import Assignment, HardshipContact, HardshipFile, Post
from survey import db, i18n
from survey.access.permissions import Actor
from survey.ui import navigation
from tests.builders import (
    OTHER_GROUP,
    TOWNSHIP,
    VILLAGE,
    a_cadre,
    a_hardship_file,
    a_household,
    a_submission,
    an_assignment,
)
from tests.pages.conftest import Opener, texts

PAGE = navigation.HARDSHIP


def today() -> date:
    return i18n.local(datetime.now(UTC)).date()


def a_signed_in(post: Post = Post.VILLAGE_HEAD, area: str = VILLAGE) -> Actor:
    with db.session_scope() as session:
        return a_cadre(session, post, area)


def a_file(
    head: str = "张三丰",
    *,
    days: int | None = None,
    area: str = "51192212520001",
    contact: Actor | None = None,
    **over: object,
) -> str:
    """A file whose next contact is due in so many days."""
    next_on = None if days is None else today() + timedelta(days=days)
    with db.session_scope() as session:
        family = a_household(session, area=area, head=head)
        values = {"category": "subsistence", "next_contact_on": next_on} | over
        file = a_hardship_file(session, family, **values)
        if contact:
            an_assignment(session, contact, family)
        return file.id


def row_titles(page: AppTest, part: str = "due") -> list[str]:
    return [b.label for b in page.button if (b.key or "").startswith(f"mq_row_hardship_{part}_")]


def press(page: AppTest, key: str) -> AppTest:
    page.button(key=key).click().run()
    assert not page.exception
    return page


def stored(file_id: str) -> HardshipFile:
    with db.reading() as session:
        return session.get_one(HardshipFile, file_id)


def test_due_shows_ones_own_first_and_others_when_asked(open_page: Opener) -> None:
    actor = a_signed_in()
    a_file("张我的", days=-3, contact=actor)
    a_file("李别人", days=0)
    a_file("王以后", days=30, contact=actor)
    page = open_page(actor, PAGE)
    assert not page.exception
    assert (
        len(row_titles(page)) == 1 and "张我的" in row_titles(page)[0] and "red-badge" in row_titles(page)[0]
    )
    page.toggle(key="mq_hardship_all").set_value(True).run()
    assert ["张我的" in row_titles(page)[0], "李别人" in row_titles(page)[1]] == [True, True]


def test_office_sees_the_due_of_its_whole_area(open_page: Opener) -> None:
    a_file("张近处", days=1)
    a_file("李邻村", days=2, area=OTHER_GROUP)
    page = open_page(a_signed_in(Post.MASS_WORK_MEMBER, TOWNSHIP), PAGE)
    assert len(row_titles(page)) == 2


def test_nothing_due_says_so(open_page: Opener) -> None:
    page = open_page(a_signed_in(), PAGE)
    assert not page.exception and "mq-empty" in texts(page)


def test_files_are_filtered_by_category_and_lateness(open_page: Opener) -> None:
    actor = a_signed_in()
    a_file("张残", category="disability", days=10)
    a_file("李灾", category="disaster", days=-10)
    page = open_page(actor, PAGE, part="files")
    assert len(row_titles(page, "files")) == 2
    page.selectbox(key="mq_hardship_category").set_value("disability").run()
    assert len(row_titles(page, "files")) == 1 and "张残" in row_titles(page, "files")[0]
    page.selectbox(key="mq_hardship_category").set_value("").run()
    page.toggle(key="mq_hardship_overdue").set_value(True).run()
    assert len(row_titles(page, "files")) == 1 and "李灾" in row_titles(page, "files")[0]
    page.selectbox(key="mq_hardship_category").set_value("disability").run()
    assert "mq-empty" in texts(page)


def test_file_shows_what_was_done(open_page: Opener) -> None:
    actor = a_signed_in()
    file_id = a_file(needs="轮椅一辆", measures=["medical"], contact=actor)
    with db.session_scope() as session:
        file = session.get_one(HardshipFile, file_id)
        session.add(
            HardshipContact(
                instance_id=a_submission(session, actor).instance_id,
                file_id=file_id,
                household_id=file.household_id,
                area_code=file.area_code,
                cadre_id=actor.cadre_id or 0,
                contacted_on=today(),
                help_given=["medical"],
                words="送医陪护",
            )
        )
    page = open_page(actor, PAGE, file=file_id)
    assert not page.exception
    for word in ("张三丰", "轮椅一辆", "送医陪护", actor.name):
        assert word in texts(page)
    assert page.button(key="mq_file_contact")


def test_file_outside_scope_is_one_sentence(open_page: Opener) -> None:
    file_id = a_file("李邻村", area=OTHER_GROUP)
    page = open_page(a_signed_in(), PAGE, file=file_id)
    assert len(page.error) == 1 and "李邻村" not in texts(page)


def test_leader_reads_and_gets_no_form(open_page: Opener) -> None:
    file_id = a_file()
    leader = a_signed_in(Post.TOWNSHIP_MAYOR, TOWNSHIP)
    page = open_page(leader, PAGE, file=file_id)
    keys = [button.key or "" for button in page.button]
    assert not {"mq_file_contact", "mq_file_edit", "mq_ask_file_close", "mq_file_assign"} & set(keys)
    with db.reading() as session:
        household_id = session.get_one(HardshipFile, file_id).household_id
    household = open_page(leader, navigation.HOUSEHOLDS, household=household_id)
    assert "mq_household_contact" not in [button.key for button in household.button]
    assert household.button(key="mq_household_visit")
    assert len(open_page(leader, PAGE, file=file_id, do="edit").error) == 1


def test_new_file_is_opened_from_a_household(open_page: Opener) -> None:
    actor = a_signed_in()
    with db.session_scope() as session:
        household_id = a_household(session, head="张三丰").id
    page = open_page(actor, PAGE, household=household_id, do="open")
    press(page, "mq_form_hardship_file_save")
    assert len(page.error) == 1
    page.selectbox(key="mq_form_hardship_file_category").set_value("subsistence")
    page.selectbox(key="mq_form_hardship_file_main_cause").set_value("illness")
    page.pills(key="mq_form_hardship_file_measures").set_value(["medical"])
    page.text_area(key="mq_form_hardship_file_needs").set_value("看病钱")
    press(page, "mq_form_hardship_file_save")
    with db.reading() as session:
        row = session.exec(select(HardshipFile)).one()
    assert (row.category, row.main_cause, row.causes, row.measures, row.needs) == (
        "subsistence",
        "illness",
        ["illness"],
        ["medical"],
        "看病钱",
    )
    assert row.next_contact_on == today() + timedelta(days=31)


def test_edit_saves_and_a_second_writer_is_told(open_page: Opener) -> None:
    actor = a_signed_in()
    file_id = a_file(needs="旧")
    page = open_page(actor, PAGE, file=file_id, do="edit")
    with db.session_scope() as session:
        row = session.get_one(HardshipFile, file_id)
        row.needs, row.version = "别人写的", 2
    page.text_area(key="mq_form_hardship_file_needs").set_value("我写的")
    press(page, "mq_form_hardship_file_save")
    assert len(page.error) == 1 and any("别人写的" in caption.value for caption in page.caption)
    assert stored(file_id).needs == "别人写的"
    press(page, "mq_form_hardship_file_save")
    assert (stored(file_id).needs, stored(file_id).causes) == ("我写的", ["illness"])


def test_close_is_asked_first(open_page: Opener) -> None:
    file_id = a_file()
    page = open_page(a_signed_in(), PAGE, file=file_id)
    press(page, "mq_ask_file_close")
    assert stored(file_id).closed_on is None
    press(page, "mq_yes_file_close")
    assert stored(file_id).closed_on == today()


def test_contact_cadre_is_chosen(open_page: Opener) -> None:
    head = a_signed_in()
    other = a_signed_in(Post.VILLAGE_COMMITTEE_MEMBER)
    file_id = a_file()
    page = open_page(head, PAGE, file=file_id)
    page.selectbox(key="mq_file_cadre").set_value(other.cadre_id).run()
    press(page, "mq_file_assign")
    with db.reading() as session:
        rows = session.exec(select(Assignment).order_by(col(Assignment.id))).all()
    assert [(row.cadre_id, row.household_id) for row in rows] == [
        (other.cadre_id, stored(file_id).household_id)
    ]


def test_cadres_outside_the_limits_are_named_first(open_page: Opener) -> None:
    head = a_signed_in()
    for number in range(3):
        a_file(f"张{'一二三'[number]}", contact=head)
    idle = a_signed_in(Post.VILLAGE_COMMITTEE_MEMBER)
    page = open_page(head, PAGE, part="work")
    assert not page.exception and len(page.warning) == 1
    shown = texts(page)
    assert shown.index(idle.name) < shown.rindex(head.name)
