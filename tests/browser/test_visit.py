"""A visit as a cadre records it: on a tablet, from signing in to the case on the map, and when things go wrong."""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect
from sqlmodel import col, select

from models import Attachment, Case, Draft, HardshipContact, Observation, Post, Submission, Visit
from survey import db, i18n
from survey.access import accounts, sessions
from survey.questionnaires import drafts
from tests import builders
from tests.browser.conftest import LANDSCAPE, PORTRAIT, Hand, Server, Tablet, Village
from tests.browser.photos import a_photo

SENTENCE = "水管上周冻裂了，三天没有水，"
REST = "请镇上派人来修。"


def begin(tablet: Tablet, village: Village, household_id: str) -> None:
    tablet.sign_in(village.username)
    tablet.open(f"/visit?household={household_id}")
    tablet.tap(tablet.choice("走访结果", "完成走访"))


def at_the_words(tablet: Tablet, village: Village) -> None:
    """A visit in which the water is a problem, with the cursor in the field for the words."""
    begin(tablet, village, village.plain.id)
    tablet.tap(tablet.choice("饮水难", "有"))
    tablet.tap(tablet.words("具体情况"))


def words_in_draft(village: Village) -> str:
    with db.reading() as session:
        (draft,) = drafts.mine(session, village.cadre)
        instance = drafts.open_instance(session, village.cadre, draft)
        return instance.value("/data/four_difficulties/difficulty[2]/words")


def wait_for_words(tablet: Tablet, village: Village, words: str, seconds: float) -> None:
    """Wait until the draft holds the words, letting the page go on meanwhile."""
    deadline = time.monotonic() + seconds
    while words_in_draft(village) != words:
        assert time.monotonic() < deadline, f"the draft holds {words_in_draft(village)!r}"
        tablet.page.wait_for_timeout(50)


@pytest.mark.parametrize("size", [LANDSCAPE, PORTRAIT], ids=["landscape", "portrait"])
def test_from_signing_in_to_case_map_history_and_file(
    tablet: Hand, village: Village, size: tuple[int, int]
) -> None:
    hand = tablet(size)
    hand.sign_in(village.username)
    expect(hand.row("赵大明")).to_be_visible()
    hand.open("/households")
    hand.tap(hand.row("赵大明"))
    hand.tap(hand.page.locator(".st-key-mq_household_visit button"))
    hand.tap(hand.choice("走访结果", "完成走访"))
    hand.tap(hand.choice("见到谁", "赵小宝（儿子）"))
    for difficulty in ("行路难", "就医难", "上学难"):
        hand.tap(hand.choice(difficulty, "没有"))
    hand.tap(hand.choice("饮水难", "有"))
    hand.tap(hand.choice("程度", "重"))
    hand.words("具体情况").fill(SENTENCE)
    hand.tap(hand.button("下一步"))
    hand.words("联系情况").fill("送去过冬物资")
    hand.tap(hand.button("下一步"))
    hand.tap(hand.choice("群众对工作是否满意", "基本满意"))
    hand.tap(hand.button("使用本机定位"))
    expect(hand.page.get_by_text("位置已记录，精度约 12 米")).to_be_visible()
    hand.page.locator(".mq-photo input").set_input_files([a_photo(2400, 1800)])
    expect(hand.page.locator("img.mq-thumb")).to_have_count(1)
    hand.tap(hand.button("提交"))
    expect(hand.page.get_by_text("已提交")).to_be_visible()

    with db.reading() as session:
        case = session.exec(select(Case)).one()
        visit = session.exec(select(Visit).where(Visit.household_id == village.due.id)).one()
        assert (case.category, case.words, case.severity) == ("water", SENTENCE, 3)
        assert (visit.lat, visit.lon, str(visit.place_source)) == (32.2101, 106.8202, "gps")
        assert session.exec(select(Attachment)).one().instance_id == visit.instance_id
        assert session.exec(select(HardshipContact)).one().words == "送去过冬物资"
        assert len(session.exec(select(Observation).where(Observation.visit_id == visit.id)).all()) == 4
    expect(hand.page.get_by_text(case.number)).to_be_visible()
    hand.open("/cases")
    expect(hand.row(case.number)).to_be_visible()
    hand.open("/map")
    expect(hand.page.frame_locator("iframe").first.locator(".mq-pin, .mq-cluster").first).to_be_visible()
    hand.open(f"/households?household={village.due.id}")
    expect(hand.page.get_by_text("李建国").nth(1)).to_be_visible()
    expect(hand.page.get_by_text(case.number).first).to_be_visible()
    hand.tap(hand.page.locator(".st-key-mq_household_file button"))
    expect(hand.page.get_by_text("送去过冬物资")).to_be_visible()


def test_a_visit_without_problems_takes_ten_taps(tablet: Hand, village: Village) -> None:
    hand = tablet(PORTRAIT)
    hand.sign_in(village.username)
    hand.open(f"/households?household={village.plain.id}")
    hand.tap(hand.page.locator(".st-key-mq_household_visit button"))
    hand.tap(hand.choice("走访结果", "完成走访"))
    hand.tap(hand.choice("见到谁", "钱小芳（户主）"))
    for difficulty in ("行路难", "饮水难", "就医难", "上学难"):
        hand.tap(hand.choice(difficulty, "没有"))
    hand.tap(hand.button("还有 1 项要填"))
    hand.tap(hand.choice("群众对工作是否满意", "满意"))
    hand.tap(hand.button("提交"))
    expect(hand.page.get_by_text("已提交")).to_be_visible()
    assert hand.taps <= 10
    with db.reading() as session:
        assert (
            len(session.exec(select(Submission).where(Submission.household_id == village.plain.id)).all())
            == 2
        )


def test_typed_text_is_in_the_draft_within_two_seconds_without_leaving_the_field(
    tablet: Hand, village: Village
) -> None:
    hand = tablet()
    at_the_words(hand, village)
    hand.page.keyboard.type(SENTENCE)
    wait_for_words(hand, village, SENTENCE, seconds=2)
    hand.page.keyboard.type(REST)
    wait_for_words(hand, village, SENTENCE + REST, seconds=2)
    assert hand.words("具体情况").input_value() == SENTENCE + REST


def test_the_server_is_killed_in_the_middle_of_a_sentence(
    tablet: Hand, village: Village, server: Server
) -> None:
    hand = tablet()
    at_the_words(hand, village)
    hand.page.keyboard.type(SENTENCE)
    server.end(signal.SIGKILL)
    assert words_in_draft(village) != SENTENCE, "killed too late to prove anything"
    server.start()
    hand.page.reload()
    expect(hand.words("具体情况")).to_have_value(SENTENCE)
    wait_for_words(hand, village, SENTENCE, seconds=5)
    hand.words("具体情况").press("End")
    hand.page.keyboard.type(REST)
    wait_for_words(hand, village, SENTENCE + REST, seconds=3)
    hand.tap(hand.choice("程度", "中"))
    hand.tap(hand.choice("见到谁", "钱小芳（户主）"))
    for difficulty in ("行路难", "就医难", "上学难"):
        hand.tap(hand.choice(difficulty, "没有"))
    hand.tap(hand.button("还有 1 项要填"))
    hand.tap(hand.choice("群众对工作是否满意", "满意"))
    hand.tap(hand.button("提交"))
    expect(hand.page.get_by_text("已提交")).to_be_visible()
    with db.reading() as session:
        assert session.exec(select(Case)).one().words == SENTENCE + REST
    assert hand.kept_in_browser() == {}


def test_the_page_left_open_goes_on_when_the_server_is_back(
    tablet: Hand, village: Village, server: Server
) -> None:
    hand = tablet()
    at_the_words(hand, village)
    hand.page.keyboard.type(SENTENCE)
    server.end(signal.SIGKILL)
    server.start()
    wait_for_words(hand, village, SENTENCE, seconds=30)
    expect(hand.words("具体情况")).to_have_value(SENTENCE)
    expect(hand.words("具体情况")).to_be_enabled()
    hand.tap(hand.choice("程度", "轻"))
    wait_for_words(hand, village, SENTENCE, seconds=1)


def test_a_reload_in_the_middle_of_a_word_loses_nothing(tablet: Hand, village: Village) -> None:
    hand = tablet()
    at_the_words(hand, village)
    hand.page.keyboard.type(SENTENCE)
    hand.page.reload()
    expect(hand.words("具体情况")).to_have_value(SENTENCE)
    wait_for_words(hand, village, SENTENCE, seconds=5)


def test_another_device_continues_the_visit(tablet: Hand, village: Village) -> None:
    first = tablet()
    at_the_words(first, village)
    first.page.keyboard.type(SENTENCE)
    wait_for_words(first, village, SENTENCE, seconds=3)
    second = tablet(PORTRAIT)
    second.sign_in(village.username)
    second.open(f"/visit?household={village.plain.id}")
    expect(second.words("具体情况")).to_have_value(SENTENCE)


OTHERS_WORDS = "村上已派人修好"


@pytest.mark.parametrize("chosen", ["采用本机的文字", "保留草稿里的文字"])
def test_an_old_half_sentence_never_overwrites_what_another_device_wrote_since(
    tablet: Hand, village: Village, server: Server, chosen: str
) -> None:
    old, new = tablet(), tablet(PORTRAIT)
    at_the_words(old, village)
    old.page.keyboard.type(SENTENCE)
    server.end(signal.SIGKILL)
    old.page.goto("about:blank")
    server.start()
    new.sign_in(village.username)
    new.open(f"/visit?household={village.plain.id}")
    new.tap(new.words("具体情况"))
    new.page.keyboard.type(OTHERS_WORDS)
    wait_for_words(new, village, OTHERS_WORDS, seconds=5)
    old.open(f"/visit?household={village.plain.id}")
    box = old.page.locator(".mq-two")
    expect(box).to_contain_text(SENTENCE)
    expect(box).to_contain_text(OTHERS_WORDS)
    expect(box).to_be_in_viewport()
    expect(old.words("具体情况")).to_have_value(OTHERS_WORDS)
    assert words_in_draft(village) == OTHERS_WORDS
    old.tap(box.get_by_role("button", name=chosen))
    kept = SENTENCE if chosen == "采用本机的文字" else OTHERS_WORDS
    wait_for_words(old, village, kept, seconds=3)
    expect(old.words("具体情况")).to_have_value(kept)
    expect(box).to_have_count(0)
    old.page.wait_for_function("() => !Object.keys(localStorage).some((key) => key.startsWith('minqing'))")


def test_two_tablets_open_at_one_visit_overwrite_no_word_of_each_other(
    tablet: Hand, village: Village
) -> None:
    first, second = tablet(), tablet(PORTRAIT)
    at_the_words(first, village)
    second.sign_in(village.username)
    second.open(f"/visit?household={village.plain.id}")
    second.words("具体情况").wait_for()
    first.page.keyboard.type(OTHERS_WORDS)
    wait_for_words(first, village, OTHERS_WORDS, seconds=3)
    second.tap(second.words("具体情况"))
    second.page.keyboard.type(SENTENCE)
    expect(second.page.locator(".mq-two")).to_contain_text(SENTENCE)
    assert words_in_draft(village) == OTHERS_WORDS
    second.words("具体情况").blur()
    expect(second.words("具体情况")).to_have_value(OTHERS_WORDS)
    assert words_in_draft(village) == OTHERS_WORDS


def test_a_session_that_ends_in_the_middle_of_a_visit_costs_no_word(tablet: Hand, village: Village) -> None:
    hand = tablet()
    at_the_words(hand, village)
    with db.session_scope() as session:
        assert village.cadre.cadre_id is not None
        sessions.close_all(session, village.cadre.cadre_id, now=datetime.now(UTC))
    hand.page.keyboard.type(SENTENCE)
    link = hand.page.locator(".mq-stop a")
    link.wait_for()
    assert words_in_draft(village) == ""
    link.click()
    hand.fill_sign_in(village.username)
    expect(hand.words("具体情况")).to_have_value(SENTENCE)
    wait_for_words(hand, village, SENTENCE, seconds=5)


def test_an_account_locked_in_the_middle_of_a_visit_costs_no_word(tablet: Hand, village: Village) -> None:
    hand = tablet()
    at_the_words(hand, village)
    with db.session_scope() as session:
        admin = builders.a_cadre(session, Post.ADMINISTRATOR, builders.COUNTY)
        accounts.lock(session, admin, village.cadre.cadre_id or 0, now=datetime.now(UTC))
    hand.page.keyboard.type(SENTENCE)
    stop = hand.page.locator(".mq-stop")
    expect(stop).to_contain_text("走访中填写的内容已保存为草稿")
    expect(hand.page.get_by_text("钱小芳")).to_have_count(0)
    stop.locator("a").click()
    hand.fill_sign_in(village.username)
    expect(hand.page.get_by_text("该账号已锁定，不能登录。")).to_be_visible()
    assert words_in_draft(village) == ""
    with db.session_scope() as session:
        accounts.unlock(session, admin, village.cadre.cadre_id or 0, now=datetime.now(UTC))
    hand.fill_sign_in(village.username)
    expect(hand.words("具体情况")).to_have_value(SENTENCE)
    expect(hand.choice("走访结果", "完成走访")).to_be_visible()
    wait_for_words(hand, village, SENTENCE, seconds=5)


def test_a_session_that_ends_covers_the_household_and_names_the_lost_choice(
    tablet: Hand, village: Village, server: Server
) -> None:
    hand = tablet()
    begin(hand, village, village.plain.id)
    with db.session_scope() as session:
        assert village.cadre.cadre_id is not None
        sessions.close_all(session, village.cadre.cadre_id, now=datetime.now(UTC))
    hand.choice("饮水难", "有").tap()
    link = hand.page.locator(".mq-stop a")
    link.wait_for()
    box = hand.page.locator(".mq-stop").bounding_box()
    assert box is not None
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, *LANDSCAPE)
    lost = i18n.gettext("What you chose last was not saved. Please choose it again after signing in.")
    expect(hand.page.locator(".mq-stop")).to_contain_text(lost)
    expect(hand.page.get_by_text("钱小芳")).to_have_count(0)
    expect(hand.page.locator('[data-testid="stButtonGroup"]')).to_have_count(0)
    assert "displays one or more elements" not in server.log.read_text(encoding="utf-8")
    link.click()
    hand.fill_sign_in(village.username)
    expect(hand.choice("饮水难", "有")).to_be_visible()
    chosen = hand.page.locator('[data-testid="stButtonGroup"] [aria-checked="true"]')
    expect(chosen).to_have_text(["完成走访"])


def test_signing_out_wipes_what_was_typed_from_the_tablet(
    tablet: Hand, village: Village, server: Server
) -> None:
    hand = tablet()
    at_the_words(hand, village)
    hand.page.keyboard.type(SENTENCE)
    assert SENTENCE in "".join(hand.kept_in_browser().values())
    hand.page.evaluate("() => localStorage.setItem('minqing:1:other:/data/words', '{}')")
    hand.page.goto(f"{hand.address}/sign-out")
    hand.page.locator("button[type=submit]").first.click()
    expect(hand.page.get_by_role("link", name="登录")).to_be_visible()
    assert hand.kept_in_browser() == {}


def test_a_double_tap_on_submit_right_after_the_last_word_writes_one_visit_with_it(
    tablet: Hand, village: Village
) -> None:
    hand = tablet()
    hand.sign_in(village.username)
    hand.open(f"/visit?household={village.plain.id}")
    hand.tap(hand.choice("走访结果", "家中无人"))
    hand.tap(hand.button("下一步"))
    hand.tap(hand.words("民情日记"))
    hand.page.keyboard.type(SENTENCE)
    hand.button("提交").dblclick()
    expect(hand.page.get_by_text("已提交")).to_be_visible()
    with db.reading() as session:
        visits = session.exec(select(Visit).where(col(Visit.disposition) == "nobody_home")).all()
        assert [visit.diary for visit in visits] == [SENTENCE]
        assert session.exec(select(Draft)).all() == []


def test_without_https_the_page_says_why_there_is_no_position_and_no_camera(
    tablet: Hand, village: Village
) -> None:
    hand = tablet(secure=False)
    hand.sign_in(village.username)
    hand.open(f"/visit?household={village.plain.id}")
    hand.tap(hand.choice("走访结果", "家中无人"))
    hand.tap(hand.button("下一步"))
    expect(hand.page.get_by_text("没有加密")).to_have_count(2)
    expect(hand.page.locator(".mq-photo")).to_contain_text("浏览器可能打不开摄像头")
    for part in (".mq-place a", ".mq-photo a"):
        expect(hand.page.locator(part)).to_be_visible()
        assert hand.page.locator(part).get_attribute("href") == "/install"
    hand.tap(hand.button("提交"))
    expect(hand.page.get_by_text("已提交")).to_be_visible()


def test_a_denied_position_is_a_sentence_and_the_map_takes_its_place(tablet: Hand, village: Village) -> None:
    hand = tablet(granted=False)
    hand.sign_in(village.username)
    hand.open(f"/visit?household={village.plain.id}")
    hand.tap(hand.choice("走访结果", "家中无人"))
    hand.tap(hand.button("下一步"))
    hand.tap(hand.button("使用本机定位"))
    expect(hand.page.get_by_text("浏览器没有定位权限")).to_be_visible()
    hand.tap(hand.page.get_by_text("在地图上点选", exact=True))
    ground = hand.page.frame_locator("iframe").first.locator(".leaflet-container")
    ground.wait_for()
    ground.click(position={"x": 120, "y": 120})
    expect(hand.page.get_by_text("位置已记录（地图点选）")).to_be_visible()
    hand.tap(hand.button("提交"))
    expect(hand.page.get_by_text("已提交")).to_be_visible()
    with db.reading() as session:
        visit = session.exec(select(Visit).where(col(Visit.disposition) == "nobody_home")).one()
        assert str(visit.place_source) == "map"
        assert visit.lat is not None
