"""Reviewing submissions: states, remarks, return for correction, rejection and what it takes back."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial

import pytest
from sqlmodel import Session, col, func, select

from models import (
    AuditEntry,
    Case,
    CaseStep,
    HardshipContact,
    HardshipFile,
    Household,
    Observation,
    Post,
    StepKind,
    Submission,
    SubmissionReview,
    Visit,
)
from survey import store_checks
from survey.access.permissions import Actor
from survey.problems import Problem
from survey.questionnaires import corrections, library, reviews, submissions
from survey.questionnaires.reviews import Chosen, ReviewKind, ReviewState
from tests.builders import (
    NOW,
    OTHER_GROUP,
    OTHER_VILLAGE,
    TOWNSHIP,
    VILLAGE,
    a_cadre,
    a_hardship_file,
    a_household,
    an_operator,
)
from tests.fillings import answered, no_problem, with_difficulty
from tests.services.test_corrections import LATER, WATER, corrected, handed_in, refused

REASON = "测试：见到谁没有写对"


def an_office(session: Session) -> Actor:
    return a_cadre(session, Post.MASS_WORK_DIRECTOR, TOWNSHIP)


def decided(
    session: Session, office: Actor, instance_id: str, decision: ReviewState, words: str | None = REASON
) -> None:
    seen = reviews.submission(session, office, instance_id).seen
    reviews.decide(session, office, instance_id, decision, words, seen=seen, now=NOW + timedelta(hours=1))


def states(session: Session, office: Actor) -> dict[str, ReviewState]:
    page = reviews.submissions_page(session, office, Chosen())
    return {row.instance_id: row.state for row in page.rows}


def test_a_new_submission_is_received_and_waits__ok(session: Session) -> None:
    actor, office = a_cadre(session), an_office(session)
    first = handed_in(session, actor, a_household(session, head="测试赵户"), no_problem())
    page = reviews.submissions_page(session, office, Chosen(waiting=True))
    (row,) = page.rows
    assert (row.instance_id, row.state, row.head_name, row.version) == (
        first,
        ReviewState.RECEIVED,
        "测试赵户",
        1,
    )
    assert session.exec(select(func.count()).select_from(SubmissionReview)).one() == 0


def test_the_way_from_return_to_approval_is_one_feed__ok(session: Session) -> None:
    actor, office = a_cadre(session, name="测试村干部"), an_office(session)
    first = handed_in(session, actor, a_household(session), no_problem())
    decided(session, office, first, ReviewState.HAS_ISSUES)
    (back,) = reviews.returned(session, actor)
    assert (back.instance_id, back.reason, back.by_name) == (first, REASON, office.name)
    draft = corrections.start(session, actor, first, now=LATER)
    assert reviews.returned(session, actor) == ()
    told = reviews.reason_of(session, actor, draft.instance_id)
    assert told is not None
    assert told.reason == REASON
    answered(session, actor, draft, {"closing/satisfaction": "dissatisfied"}, now=LATER)
    second = submissions.submit_draft(session, actor, draft.instance_id, now=LATER).instance_id
    assert reviews.returned(session, actor) == ()
    assert states(session, office) == {second: ReviewState.EDITED}
    reviews.comment(session, actor, second, "测试：已改", now=LATER + timedelta(minutes=1))
    seen = reviews.submission(session, office, second).seen
    at = LATER + timedelta(minutes=2)
    reviews.decide(session, office, second, ReviewState.APPROVED, None, seen=seen, now=at)
    view = reviews.submission(session, office, first)
    assert view.row.instance_id == second
    assert [(entry.kind, entry.state, entry.words) for entry in view.feed] == [
        (None, ReviewState.RECEIVED, None),
        (ReviewKind.DECISION, ReviewState.HAS_ISSUES, REASON),
        (ReviewKind.EDIT, ReviewState.EDITED, None),
        (ReviewKind.COMMENT, ReviewState.EDITED, "测试：已改"),
        (ReviewKind.DECISION, ReviewState.APPROVED, None),
    ]
    (difference,) = next(entry.differences for entry in view.feed if entry.kind is ReviewKind.EDIT)
    assert (difference.label, difference.earlier, difference.later) == (
        "群众对工作是否满意",
        "满意",
        "不满意",
    )
    assert states(session, office) == {second: ReviewState.APPROVED}
    actions = session.exec(select(AuditEntry.action).where(AuditEntry.object_kind == "submission")).all()
    assert set(actions) == {
        "submission.accept",
        "submission.correct",
        "submission.comment",
        "submission.review",
    }


def test_the_answers_are_shown_by_question_and_label__ok(session: Session) -> None:
    actor, office = a_cadre(session), an_office(session)
    first = handed_in(session, actor, a_household(session), with_difficulty("water"))
    answers = {answer.label: answer.text for answer in reviews.submission(session, office, first).answers}
    assert answers["走访结果"] == "完成走访"
    assert answers["走访日期"] == "2026年5月6日"
    assert answers["饮水难"] == "有"
    assert answers["具体情况"] == "测试：下雨就断水"


def test_a_rejected_visit_no_longer_counts_and_its_case_stays__ok(session: Session) -> None:
    actor, office = a_cadre(session), an_office(session)
    household = a_household(session)
    file = a_hardship_file(session, household, next_contact_on=date(2026, 5, 1))
    answers = with_difficulty("water") | {
        "hardship/next_contact_on": "2026-06-01",
        "living/housing": "grade_c",
    }
    first = handed_in(session, actor, household, answers)
    decided(session, office, first, ReviewState.REJECTED)
    for table in (Visit, Observation, HardshipContact):
        assert session.exec(select(func.count()).select_from(table)).one() == 0
    assert session.exec(select(func.count()).select_from(Case)).one() == 1
    note = session.exec(select(CaseStep).where(CaseStep.kind == StepKind.NOTE)).one()
    assert note.words == f"来源提交已作废：{REASON}"
    assert session.get_one(HardshipFile, file.id).next_contact_on is None
    assert session.get_one(Household, household.id).housing == "grade_c"
    assert session.get_one(Submission, first).payload
    assert broken(session) == []


def test_a_rejection_taken_back_writes_everything_again__ok(session: Session) -> None:
    actor, office = a_cadre(session), an_office(session)
    first = handed_in(session, actor, a_household(session), with_difficulty("water"))
    before = session.exec(select(Visit)).one().model_dump()
    decided(session, office, first, ReviewState.REJECTED)
    decided(session, office, first, ReviewState.APPROVED)
    assert session.exec(select(Visit)).one().model_dump() == before
    case = session.exec(select(Case)).one()
    water = session.exec(select(Observation).where(Observation.difficulty == "water")).one()
    assert water.case_id == case.id
    assert session.exec(select(func.count()).select_from(Observation)).one() == 4
    assert broken(session) == []


def test_a_corrected_and_a_rejected_filling_pass_the_check__ok(session: Session) -> None:
    actor, office = a_cadre(session), an_office(session)
    first = handed_in(session, actor, a_household(session), with_difficulty("water"))
    second = corrected(session, actor, first, {f"{WATER}/severity": "3"})
    assert broken(session) == []
    decided(session, office, second, ReviewState.REJECTED)
    assert broken(session) == []


def broken(session: Session) -> list[str]:
    """What `minqing check` finds, but for numbers of cases: these tests give them by themselves."""
    session.flush()
    return [f"{found.what} {found.record}" for found in store_checks.findings(session, an_operator())]


def test_only_the_newest_version_is_listed_and_found_by_any__ok(session: Session) -> None:
    actor, office = a_cadre(session), an_office(session)
    first = handed_in(session, actor, a_household(session), no_problem())
    second = corrected(session, actor, first, {"closing/satisfaction": "dissatisfied"})
    (row,) = reviews.submissions_page(session, office, Chosen()).rows
    assert (row.instance_id, row.version, row.state) == (second, 2, ReviewState.EDITED)
    assert reviews.submission(session, office, first).instance_ids == (first, second)


def test_filters_by_state_village_form_and_day__ok(session: Session) -> None:
    actor, office = a_cadre(session), an_office(session)
    other = a_cadre(session, Post.VILLAGE_HEAD, OTHER_VILLAGE)
    here = handed_in(session, actor, a_household(session), no_problem())
    there = handed_in(session, other, a_household(session, OTHER_GROUP), no_problem())
    decided(session, office, there, ReviewState.APPROVED)

    def listed(**over: object) -> set[str]:
        page = reviews.submissions_page(session, office, Chosen(**over))  # type: ignore[arg-type]
        assert page.total == len(page.rows)
        return {row.instance_id for row in page.rows}

    assert listed() == {here, there}
    assert listed(village=VILLAGE) == {here}
    assert listed(waiting=True) == {here}
    assert listed(state=ReviewState.APPROVED) == {there}
    assert listed(state=ReviewState.RECEIVED) == {here}
    assert listed(state=ReviewState.REJECTED) == set()
    assert listed(form_id=library.CONTACT_FORM) == set()
    assert listed(since=NOW + timedelta(days=1)) == set()


def test_a_page_of_the_list__ok(session: Session) -> None:
    actor, office, household = a_cadre(session), an_office(session), a_household(session)
    sent = {handed_in(session, actor, household, no_problem()) for _ in range(3)}
    pages = [reviews.submissions_page(session, office, Chosen(), limit=2, offset=at) for at in (0, 2)]
    assert [page.total for page in pages] == [3, 3]
    assert {row.instance_id for page in pages for row in page.rows} == sent


@pytest.mark.parametrize("decision", [ReviewState.HAS_ISSUES, ReviewState.REJECTED])
def test_a_return_or_rejection_without_a_reason__error(session: Session, decision: ReviewState) -> None:
    actor, office = a_cadre(session), an_office(session)
    first = handed_in(session, actor, a_household(session), no_problem())
    refused("reviews.words_missing", lambda: decided(session, office, first, decision, " "))
    assert session.exec(select(func.count()).select_from(SubmissionReview)).one() == 0


def test_nobody_reviews_his_own__error(session: Session) -> None:
    office = an_office(session)
    first = handed_in(session, office, a_household(session), no_problem())
    assert reviews.submission(session, office, first).decisions == ()
    refused("reviews.own", lambda: decided(session, office, first, ReviewState.APPROVED))


def test_a_decision_on_what_changed_meanwhile__error(session: Session) -> None:
    actor, office, colleague = a_cadre(session), an_office(session), an_office(session)
    first = handed_in(session, actor, a_household(session), no_problem())
    seen = reviews.submission(session, office, first).seen
    decided(session, colleague, first, ReviewState.HAS_ISSUES)

    def late() -> None:
        reviews.decide(session, office, first, ReviewState.APPROVED, None, seen=seen, now=LATER)

    refused("reviews.changed", late)
    second = corrected(session, actor, first, {"closing/satisfaction": "dissatisfied"})
    newest = reviews.submission(session, office, second).seen

    def on_the_old_version() -> None:
        reviews.decide(session, office, first, ReviewState.APPROVED, None, seen=newest, now=LATER)

    refused("reviews.changed", on_the_old_version)


def test_what_is_decided_is_not_corrected_until_it_is_returned__error(session: Session) -> None:
    actor, office = a_cadre(session), an_office(session)
    first = handed_in(session, actor, a_household(session), no_problem())
    decided(session, office, first, ReviewState.APPROVED)
    refused("corrections.decided", lambda: corrections.start(session, actor, first, now=LATER))
    decided(session, office, first, ReviewState.HAS_ISSUES)
    assert corrections.start(session, actor, first, now=LATER).corrects_id == first


def test_approving_twice__error(session: Session) -> None:
    actor, office = a_cadre(session), an_office(session)
    first = handed_in(session, actor, a_household(session), no_problem())
    decided(session, office, first, ReviewState.APPROVED)
    refused("reviews.not_possible", lambda: decided(session, office, first, ReviewState.APPROVED))


def test_remarks_are_encrypted_and_in_no_trail__ok(session: Session) -> None:
    actor, office = a_cadre(session), an_office(session)
    first = handed_in(session, actor, a_household(session), no_problem())
    reviews.comment(session, office, first, REASON, now=LATER)
    raw = session.connection().exec_driver_sql("SELECT words FROM submission_review").scalar_one()
    assert REASON.encode() not in bytes(raw)
    details = session.exec(
        select(AuditEntry.details).where(col(AuditEntry.action) == "submission.comment")
    ).one()
    assert REASON not in str(details)


def test_a_remark_by_somebody_who_neither_filled_it_in_nor_reviews__error(session: Session) -> None:
    actor, colleague = a_cadre(session), a_cadre(session)
    first = handed_in(session, actor, a_household(session), no_problem())
    with pytest.raises(Problem) as caught:
        reviews.comment(session, colleague, first, REASON, now=LATER)
    assert caught.value.code == "access.not_found"


def test_what_a_filling_says_is_for_its_collector_and_the_office__ok(session: Session) -> None:
    actor, office, household = a_cadre(session), an_office(session), a_household(session)
    a_hardship_file(session, household)
    answers = {
        "contact/mode": "phone",
        "contact/words": "测试：缺药",
        "contact/next_contact_on": "2026-07-01",
    }
    sent = handed_in(session, actor, household, answers, library.CONTACT_FORM)
    for reader in (actor, office):
        assert "测试：缺药" in [answer.text for answer in reviews.submission(session, reader, sent).answers]
    informant = a_cadre(session, Post.GROUP_INFORMANT, VILLAGE)
    leader = a_cadre(session, Post.TOWNSHIP_MAYOR, TOWNSHIP)
    for other in (informant, leader, a_cadre(session)):
        refused("access.not_found", partial(reviews.submission, session, other, sent))
