"""The questionnaires page: an office uploads, tries, publishes and reads; a cadre fills in; each sees what is his."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import select

from models import Case, Household, Post, QuestionnaireVersion, Submission, VersionState
from survey import db
from survey.access.permissions import Actor
from survey.questionnaires import library
from survey.ui import navigation
from survey.ui.form_widgets import key_of
from tests import authored, builders
from tests.authored import WATER
from tests.builders import TOWNSHIP, VILLAGE
from tests.pages.conftest import Opener, texts


@pytest.fixture
def office(open_page: Opener) -> Actor:
    """The township's mass-work office; the shipped questionnaires are published."""
    with db.session_scope() as session:
        library.publish_shipped(session, builders.an_operator())
        return builders.a_cadre(session, Post.MASS_WORK_DIRECTOR, TOWNSHIP)


def uploaded(open_page: Opener, office: Actor, source: str = WATER, name: str = "water.md") -> Any:
    """The page after a file was chosen and checked."""
    page = open_page(office, navigation.QUESTIONNAIRES, part="manage")
    page.file_uploader[0].set_value((name, source.encode(), "text/markdown")).run()
    page.button(key="mq_check").click().run()
    assert not page.exception
    return page


def address(page: Any, name: str) -> str:
    """What stands in the address of the page."""
    found = page.query_params[name]
    return found[0] if isinstance(found, list) else found


def the_version() -> QuestionnaireVersion:
    with db.reading() as session:
        return session.exec(
            select(QuestionnaireVersion).where(QuestionnaireVersion.area_code == TOWNSHIP)
        ).one()


def test_mistakes_are_listed_by_cell_with_the_remedy_and_nothing_is_kept(
    open_page: Opener, office: Actor
) -> None:
    page = uploaded(open_page, office, WATER.replace("select_one source", "select_one sources"))
    said = texts(page).replace("\\", "")
    assert "有 1 处错误" in said
    assert "工作表 survey · 第 2 行 · “type”列（A2）" in said
    assert "请检查 list_name 的拼写" in said
    with db.reading() as session:
        assert not session.exec(
            select(QuestionnaireVersion).where(QuestionnaireVersion.area_code == TOWNSHIP)
        ).all()


def test_a_file_that_is_none_is_told_without_a_traceback(open_page: Opener, office: Actor) -> None:
    page = uploaded(open_page, office, "PK\x03\x04", "form.xlsx")
    assert "文件已损坏" in texts(page)


def test_the_whole_cycle_upload_try_publish_fill_in_read(open_page: Opener, office: Actor) -> None:
    page = uploaded(open_page, office)
    version = the_version()
    assert version.state is VersionState.DRAFT
    assert address(page, "version") == str(version.id)
    assert "这是试填" in texts(page)

    next(pills for pills in page.pills if str(pills.key).endswith("data-source")).set_value("surface").run()
    assert not page.exception
    next(text for text in page.text_input if str(text.key).endswith("words")).set_value("试填").run()
    assert "没有缺漏，可以提交" in texts(page)
    assert "water\\_source = surface" in texts(page)
    with db.reading() as session:
        assert not session.exec(select(Submission)).all()

    page = open_page(office, navigation.QUESTIONNAIRES, version=str(version.id), show="publish")
    page.multiselect(key="mq_areas").set_value([VILLAGE])
    page.pills(key="mq_posts").set_value([Post.VILLAGE_HEAD])
    page.radio(key="mq_due").set_value("everybody")
    next(button for button in page.button if button.label == "发布").click().run()
    assert not page.exception
    assert the_version().state is VersionState.PUBLISHED

    with db.session_scope() as session:
        head = builders.a_cadre(session, Post.VILLAGE_HEAD, VILLAGE)
        household = builders.a_household(session, head="测试户甲")
    page = open_page(head, navigation.TODAY)
    assert "要填写的问卷" in texts(page)
    page = open_page(head, navigation.QUESTIONNAIRES, part="fill", form="water")
    page.button(key=f"mq_row_households_due_{household.id}").click().run()
    assert not page.exception
    # AppTest stays on the page it opened: the address that the tap led to is opened anew.
    page = open_page(head, navigation.VISIT, instance=address(page, "instance"))
    instance_id = address(page, "instance")
    page.pills(key=key_of(instance_id, "/data/source")).set_value("surface").run()
    page.text_input(key=key_of(instance_id, "/data/matter/words")).set_value("测试：水浑").run()
    page.button(key="mq_submit").click().run()
    assert not page.exception
    with db.reading() as session:
        assert session.exec(select(Submission.household_id)).one() == household.id
        assert session.get_one(Household, household.id).water_source == "surface"
        assert session.exec(select(Case.words)).one() == "测试：水浑"

    page = open_page(office, navigation.QUESTIONNAIRES, version=str(version.id))
    assert "应访 1 户，已访 **1** 户" in texts(page)
    page = open_page(office, navigation.QUESTIONNAIRES, version=str(version.id), show="results")
    assert "河塘水" in texts(page)
    assert "测试：水浑" in texts(page)
    page.button(key="mq_make_xlsx").click().run()
    assert not page.exception
    assert any("water-1.xlsx" in str(element.label) for element in page.get("download_button"))


def test_a_cadre_sees_nothing_of_the_office(open_page: Opener, office: Actor) -> None:
    with db.session_scope() as session:
        version = authored.published(session, office)
        stationed = builders.a_cadre(session, Post.STATIONED_CADRE, VILLAGE)
        builders.a_household(session)
    page = open_page(stationed, navigation.QUESTIONNAIRES)
    assert "目前没有需要逐户填写的问卷" in texts(page)
    assert not page.get("file_uploader")
    page = open_page(stationed, navigation.QUESTIONNAIRES, version=str(version.id))
    assert "饮水调查" not in texts(page)
    assert not page.exception


def test_the_household_offers_the_forms_that_are_for_the_cadre(open_page: Opener, office: Actor) -> None:
    with db.session_scope() as session:
        version = authored.published(session, office)
        head = builders.a_cadre(session, Post.VILLAGE_HEAD, VILLAGE)
        stationed = builders.a_cadre(session, Post.STATIONED_CADRE, VILLAGE)
        household = builders.a_household(session)
    key = f"mq_household_form_{version.id}"
    page = open_page(head, navigation.HOUSEHOLDS, household=household.id)
    assert page.button(key=key).label == "饮水调查"
    page = open_page(stationed, navigation.HOUSEHOLDS, household=household.id)
    assert key not in {button.key for button in page.button}


def test_two_versions_are_compared(open_page: Opener, office: Actor) -> None:
    second = (
        WATER.replace("| water | 1 |", "| water | 2 |")
        .replace("| | source | piped | 自来水 |\n", "")
        .replace("integer | people", "integer | persons")
    )
    with db.session_scope() as session:
        authored.published(session, office)
        draft = authored.uploaded(session, office, second)
    page = open_page(office, navigation.QUESTIONNAIRES, version=str(draft.id), show="compare")
    said = texts(page)
    assert not page.exception
    assert "新增 1 题，删除 1 题，修改 1 题" in said
    assert "选项: piped 自来水 → —" in said
    assert "部分可能不适用" in said


def test_a_publication_without_its_choices_is_told_what_is_missing(open_page: Opener, office: Actor) -> None:
    with db.session_scope() as session:
        draft = authored.uploaded(session, office)
    page = open_page(office, navigation.QUESTIONNAIRES, version=str(draft.id), show="publish")
    assert page.radio(key="mq_due").value is None
    next(button for button in page.button if button.label == "发布").click().run()
    assert "请填写开始日期" in texts(page)
    page.radio(key="mq_due").set_value("nobody")
    next(button for button in page.button if button.label == "发布").click().run()
    assert "没有选择适用的地区" in texts(page)
    assert the_version().state is VersionState.DRAFT


def test_a_published_version_is_withdrawn_after_asking(open_page: Opener, office: Actor) -> None:
    with db.session_scope() as session:
        version = authored.published(session, office)
    page = open_page(office, navigation.QUESTIONNAIRES, version=str(version.id), show="more")
    page.button(key=f"mq_ask_withdraw_{version.id}").click().run()
    page.button(key=f"mq_yes_withdraw_{version.id}").click().run()
    assert not page.exception
    assert the_version().state is VersionState.WITHDRAWN
