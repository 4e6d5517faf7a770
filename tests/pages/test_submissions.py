"""The page of submissions: what to look at, the list, one in full, decisions, conflicts; and what came back on Today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlmodel import select
from streamlit.testing.v1 import AppTest

from models import Draft, Household, Post, Submission, SubmissionReview, UpdateConflict, Visit
from survey import db
from survey.access.permissions import Actor
from survey.fieldwork import households
from survey.questionnaires import drafts, library, reviews, submissions
from survey.questionnaires.reviews import ReviewState
from tests.builders import TODAY, TOWNSHIP, a_cadre, a_household
from tests.fillings import answered, no_problem, published
from tests.pages.conftest import Opener, texts

REASON = "测试：满意度请再问一次"


@dataclass(frozen=True)
class Sent:
    """A visit handed in just now within a minute, by a village head, and the office."""

    cadre: Actor
    office: Actor
    instance_id: str
    household_id: str


def a_visit_sent(answers: dict[str, str] | None = None, changes: dict[str, object] | None = None) -> Sent:
    with db.session_scope() as session:
        published(session)
        cadre = a_cadre(session, name="测试村主任")
        office = a_cadre(session, Post.MASS_WORK_DIRECTOR, TOWNSHIP, name="测试办公室")
        household = a_household(session, head="测试赵户", housing="safe")
        now = datetime.now(UTC)
        draft = drafts.start(session, cadre, library.VISIT_FORM, household.id, now=now)
        answered(session, cadre, draft, no_problem() | (answers or {}), now=now)
        if changes:
            seen = households.household(session, office, household.id, on=TODAY)
            households.save_household(session, office, household.id, changes, seen=seen, on=TODAY)
        at = now + timedelta(seconds=30)
        sent = submissions.submit_draft(session, cadre, draft.instance_id, now=at)
        return Sent(cadre, office, sent.instance_id, household.id)


def returned(sent: Sent) -> None:
    with db.session_scope() as session:
        reviews.decide(
            session,
            sent.office,
            sent.instance_id,
            ReviewState.HAS_ISSUES,
            REASON,
            seen=0,
            now=datetime.now(UTC),
        )


def labels(page: AppTest) -> str:
    return "\n".join(str(button.label) for button in page.button)


def test_what_is_to_be_looked_at_says_why(open_page: Opener) -> None:
    sent = a_visit_sent()
    page = open_page(sent.office, "submissions")
    assert not page.exception
    assert "入户走访 · 测试赵户" in labels(page)
    assert "分钟内填完（界限 2 分钟）" in labels(page)
    page.button(key=f"mq_row_look_{sent.instance_id}").click().run()
    assert not page.exception
    assert "群众对工作是否满意" in texts(page)
    assert "0.5 分钟内填完" in texts(page)


def test_nothing_to_look_at_says_so(open_page: Opener) -> None:
    with db.session_scope() as session:
        office = a_cadre(session, Post.MASS_WORK_DIRECTOR, TOWNSHIP)
    page = open_page(office, "submissions")
    assert not page.exception
    assert "没有需要核看的" in texts(page)


def test_the_whole_list_under_its_filters(open_page: Opener) -> None:
    sent = a_visit_sent()
    key = f"mq_row_all_{sent.instance_id}"

    def listed(**query: str) -> bool:
        page = open_page(sent.office, "submissions", list="all", **query)
        assert not page.exception
        return any(str(button.key) == key for button in page.button)

    assert listed()
    assert listed(state="received")
    assert not listed(state="approved")
    assert listed(state="no_such_state")


def test_returning_without_a_reason_is_refused_and_with_one_done(open_page: Opener) -> None:
    sent = a_visit_sent()
    page = open_page(sent.office, "submissions", submission=sent.instance_id)
    page.button(key="mq_review_has_issues").click().run()
    assert "原因" in page.error[0].value
    page.text_area(key=f"mq_review_words_{sent.instance_id[-12:]}").input(REASON).run()
    page.button(key="mq_review_has_issues").click().run()
    assert not page.exception
    with db.reading() as session:
        row = session.exec(select(SubmissionReview)).one()
    assert (row.state, row.words) == (ReviewState.HAS_ISSUES, REASON)
    assert REASON in texts(page)


def test_what_came_back_is_on_today_and_opens_as_a_draft_with_its_reason(open_page: Opener) -> None:
    sent = a_visit_sent()
    returned(sent)
    page = open_page(sent.cadre)
    assert not page.exception
    assert REASON in labels(page)
    page.button(key=f"mq_row_returned_{sent.instance_id}").click().run()
    assert not page.exception
    assert any(REASON in str(warning.value) for warning in page.warning)
    with db.reading() as session:
        draft = session.exec(select(Draft)).one()
    assert draft.corrects_id == sent.instance_id


def test_a_correction_shows_what_was_before_and_after(open_page: Opener) -> None:
    sent = a_visit_sent()
    returned(sent)
    open_page(sent.cadre).button(key=f"mq_row_returned_{sent.instance_id}").click().run()
    with db.session_scope() as session:
        (draft,) = drafts.mine(session, sent.cadre)
        answered(session, sent.cadre, draft, {"closing/satisfaction": "dissatisfied"}, now=datetime.now(UTC))
        submissions.submit_draft(session, sent.cadre, draft.instance_id, now=datetime.now(UTC))
    page = open_page(sent.office, "submissions", submission=sent.instance_id)
    assert not page.exception
    shown = texts(page)
    assert "更正（第 2 版）" in shown
    assert "<td>满意</td><td>不满意</td>" in shown


def test_rejecting_takes_the_visit_back(open_page: Opener) -> None:
    sent = a_visit_sent()
    page = open_page(sent.office, "submissions", submission=sent.instance_id)
    page.text_area(key=f"mq_review_words_{sent.instance_id[-12:]}").input(REASON).run()
    page.button(key="mq_review_rejected").click().run()
    assert not page.exception
    with db.reading() as session:
        assert session.exec(select(Visit)).all() == []
        assert len(session.exec(select(Submission)).all()) == 1


def test_a_conflict_is_resolved_by_picking_a_value(open_page: Opener) -> None:
    sent = a_visit_sent({"living/housing": "grade_c"}, {"housing": "grade_d"})
    page = open_page(sent.office, "submissions", list="conflicts")
    assert not page.exception
    assert "走访填写：C级危房" in labels(page)
    assert "登记内容：D级危房" in labels(page)
    with db.reading() as session:
        conflict_id = session.exec(select(UpdateConflict.id)).one()
    page.button(key=f"mq_conflict_{conflict_id}_sent").click().run()
    assert not page.exception
    assert "没有待处理的冲突" in texts(page)
    with db.reading() as session:
        assert session.get_one(Household, sent.household_id).housing == "grade_c"


def test_who_does_not_review_has_no_such_page(open_page: Opener) -> None:
    sent = a_visit_sent()
    page = open_page(sent.cadre, "submissions", submission=sent.instance_id)
    assert "群众对工作是否满意" not in texts(page)


def test_a_submission_outside_the_area_is_not_found(open_page: Opener) -> None:
    a_visit_sent()
    with db.session_scope() as session:
        elsewhere = a_cadre(session, Post.MASS_WORK_DIRECTOR, "511922101")
        instance_id = session.exec(select(Submission.instance_id)).one()
    page = open_page(elsewhere, "submissions", submission=instance_id)
    assert "没有找到" in page.error[0].value
