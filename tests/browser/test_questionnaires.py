"""A questionnaire from the office's Excel file to the answers, as people do it on a tablet held both ways."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlmodel import select

from models import Case, Household, Post, QuestionnaireVersion, Submission
from survey import db
from survey.questionnaires import workbook_writing
from tests import builders
from tests.authored import WATER
from tests.browser.conftest import LANDSCAPE, PORTRAIT, Hand, Tablet, Village, hashed
from tests.browser.test_screens import NO_WORDS, look_at

OFFICE = "qungongban"
# What an author writes himself: names of sheets, columns, lists and files, and the codes of a form.
OF_AUTHORS = {
    "survey", "select_one", "source", "sources", "type", "A2", "list_name", "choices", "water", "xlsx", "xls", "md",
    "csv", "geojson", "xml", "Excel", "CSV", "household_visit", "hardship_contact", "water_source", "surface", "households",
    "cases", "words", "category", "matter", "people", OFFICE, "kind", "piped", "child", "MB",
}  # fmt: skip


@pytest.fixture(params=[LANDSCAPE, PORTRAIT], ids=["landscape", "portrait"])
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    """A tablet held either way."""
    found: tuple[int, int] = request.param
    return found


@pytest.fixture
def office(village: Village) -> None:
    """A member of the township's mass-work office with an account."""
    with db.session_scope() as session:
        builders.a_cadre(
            session,
            Post.MASS_WORK_MEMBER,
            builders.TOWNSHIP,
            username=OFFICE,
            name="王干事",
            password_hash=hashed(),
        )


def chosen(hand: Tablet, path: Path) -> None:
    """Choose a file and have it checked."""
    hand.page.locator('[data-testid="stFileUploader"] input[type=file]').set_input_files(path)
    expect(hand.page.get_by_text(path.name)).to_be_visible()
    hand.tap(hand.page.locator(".st-key-mq_check button"))


def test_the_whole_cycle(
    tablet: Hand,
    village: Village,
    office: None,
    size: tuple[int, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.browser.test_screens.NO_WORDS", NO_WORDS | OF_AUTHORS)
    flaws: list[str] = []
    wrong, right = tmp_path / "water-1.xlsx", tmp_path / "water.xlsx"
    wrong.write_bytes(
        workbook_writing.from_file(WATER.replace("select_one source", "select_one sources").encode(), "a.md")
    )
    right.write_bytes(workbook_writing.from_file(WATER.encode(), "a.md"))

    hand = tablet(size)
    hand.sign_in(OFFICE)
    hand.open("/questionnaires?part=manage")
    flaws += look_at(hand, "questionnaires", size)
    chosen(hand, wrong)
    expect(hand.page.get_by_text("有 1 处错误")).to_be_visible()
    expect(hand.page.get_by_text("（A2）")).to_be_visible()
    flaws += look_at(hand, "questionnaires-mistakes", size)

    hand.open("/questionnaires?part=manage")
    chosen(hand, right)
    expect(hand.page.get_by_text("这是试填")).to_be_visible()
    hand.tap(hand.choice("饮水来源 *", "河塘水").or_(hand.page.get_by_text("河塘水", exact=True)))
    expect(hand.page.get_by_text("需要解决的事")).to_be_visible()
    flaws += look_at(hand, "questionnaires-trial", size)

    hand.tap(hand.page.get_by_text("发布", exact=True).first)
    hand.page.locator(".st-key-mq_areas input").fill("余家坪")
    hand.page.keyboard.press("Enter")
    hand.tap(
        hand.page.locator(".st-key-mq_posts")
        .get_by_text("村主任")
        .or_(hand.page.locator(".st-key-mq_posts").get_by_text("村委会主任"))
        .first
    )
    hand.tap(hand.page.get_by_text("这些地区的每一户，各一次"))
    flaws += look_at(hand, "questionnaires-publish", size)
    hand.tap(hand.page.locator('[data-testid="stFormSubmitButton"] button'))
    expect(hand.page.get_by_text("应访 2 户")).to_be_visible()

    cadre = tablet(size)
    cadre.sign_in(village.username)
    expect(cadre.page.get_by_text("要填写的问卷")).to_be_visible()
    cadre.tap(cadre.row("饮水调查"))
    flaws += look_at(cadre, "questionnaires-due", size)
    cadre.tap(cadre.row("钱小芳"))
    cadre.tap(cadre.page.get_by_text("河塘水", exact=True))
    words = cadre.words("情况 *").or_(cadre.page.locator('[class*="matter-words"] input')).first
    words.fill("测试：水浑")
    cadre.tap(cadre.button("提交"))
    expect(cadre.page.get_by_text("已提交")).to_be_visible()
    with db.reading() as session:
        assert session.exec(select(Submission.household_id)).all().count(village.plain.id) >= 1
        assert session.get_one(Household, village.plain.id).water_source == "surface"
        assert session.exec(select(Case.words)).one() == "测试：水浑"

    hand.page.reload()
    expect(hand.page.get_by_text("应访 2 户")).to_be_visible()
    flaws += look_at(hand, "questionnaires-progress", size)
    hand.tap(hand.page.get_by_text("填写内容", exact=True).first)
    expect(hand.page.get_by_text("测试：水浑")).to_be_visible()
    flaws += look_at(hand, "questionnaires-results", size)
    hand.tap(hand.page.locator(".st-key-mq_make_xlsx button"))
    with hand.page.expect_download() as download:
        hand.page.locator(".st-key-mq_results_file button").tap()
    assert download.value.suggested_filename == "water-1.xlsx"
    with db.reading() as session:
        assert (
            len(
                session.exec(
                    select(QuestionnaireVersion).where(QuestionnaireVersion.area_code == builders.TOWNSHIP)
                ).all()
            )
            == 1
        )
    assert flaws == []
