"""A submission that the office returns: to the collector's tablet and back, with its difference seen in the office."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from sqlmodel import col, select

from models import Post, ReviewState, Submission, SubmissionReview, Visit
from survey import db
from tests import builders
from tests.browser.conftest import LANDSCAPE, PORTRAIT, Hand, Village, hashed

REASON = "请再问一次满不满意，并写明见到谁"


@pytest.mark.parametrize("size", [LANDSCAPE, PORTRAIT], ids=["landscape", "portrait"])
def test_a_visit_is_returned_corrected_and_approved(
    tablet: Hand, village: Village, size: tuple[int, int]
) -> None:
    with db.session_scope() as session:
        builders.a_cadre(
            session,
            Post.MASS_WORK_DIRECTOR,
            builders.TOWNSHIP,
            name="王办公室",
            username="wangbangong",
            password_hash=hashed(),
        )
    hand = tablet(size)
    hand.sign_in(village.username)
    hand.open(f"/visit?household={village.plain.id}")
    hand.tap(hand.choice("走访结果", "完成走访"))
    hand.tap(hand.choice("见到谁", "钱小芳（户主）"))
    for difficulty in ("行路难", "饮水难", "就医难", "上学难"):
        hand.tap(hand.choice(difficulty, "没有"))
    hand.tap(hand.button("还有 1 项要填"))
    hand.tap(hand.choice("群众对工作是否满意", "满意"))
    hand.tap(hand.button("提交"))
    expect(hand.page.get_by_text("已提交")).to_be_visible()

    office = tablet(size)
    office.sign_in("wangbangong")
    office.open("/submissions?list=all")
    office.tap(office.row("钱小芳"))
    expect(office.page.get_by_text("群众对工作是否满意")).to_be_visible()
    office.words("原因或意见").fill(REASON)
    office.tap(office.button("退回更正"))
    expect(office.page.locator(".mq-feed")).to_contain_text(REASON)

    hand.open("/")
    expect(hand.row(REASON)).to_be_visible()
    hand.tap(hand.row(REASON))
    expect(hand.page.get_by_text(REASON)).to_be_visible()
    expect(hand.choice("见到谁", "钱小芳（户主）")).to_be_visible()
    hand.tap(hand.page.locator('[class*="st-key-mq_part_button_"] button').last)
    hand.tap(hand.choice("群众对工作是否满意", "不满意"))
    hand.tap(hand.button("提交"))
    expect(hand.page.get_by_text("已提交")).to_be_visible()
    hand.open("/")
    expect(hand.page.get_by_text(REASON)).to_have_count(0)

    office.open("/submissions?list=all&state=edited")
    office.tap(office.row("钱小芳"))
    expect(office.page.locator(".mq-feed td", has_text="不满意")).to_be_visible()
    office.tap(office.button("通过"))
    expect(office.page.locator(".mq-feed")).to_contain_text("审核通过")
    with db.reading() as session:
        states = session.exec(select(SubmissionReview.state).order_by(col(SubmissionReview.id))).all()
        assert states == [ReviewState.HAS_ISSUES, ReviewState.EDITED, ReviewState.APPROVED]
        newest = session.exec(select(Submission).where(Submission.corrects_id.is_not(None))).one()  # type: ignore[union-attr]
        visit = session.exec(select(Visit).where(Visit.instance_id == newest.instance_id)).one()
        assert str(visit.satisfaction) == "dissatisfied"
    for held, name in ((hand, "today"), (office, "one")):
        assert held.page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth"), name
