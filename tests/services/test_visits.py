"""Visits as people read them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session

from models import DifficultyState, Observation, Post
from survey.fieldwork import visits
from survey.problems import Problem
from survey.questionnaires import attachments, submissions
from tests.builders import (
    NOW,
    OTHER_VILLAGE,
    TODAY,
    TOWNSHIP,
    a_cadre,
    a_case,
    a_household,
    a_member,
    a_visit,
)
from tests.fillings import a_delivery, a_draft, answered, no_problem, with_difficulty
from tests.services.permission_trials import QUESTION, a_photo


def test_the_history_of_a_household_begins_with_the_latest_visit__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    for days in (30, 5, 90):
        a_visit(session, household, actor, visited_on=TODAY - timedelta(days=days))
    a_visit(session, a_household(session), actor)
    dates = [view.visited_on for view in visits.history(session, actor, household.id)]
    assert dates == [TODAY - timedelta(days=days) for days in (5, 30, 90)]


def test_a_visit_shows_its_observations_and_case_numbers__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    visit, case = a_visit(session, household, actor, diary="测试日记"), a_case(session, household)
    session.add(
        Observation(
            visit_id=visit.id,
            household_id=household.id,
            area_code=household.area_code,
            observed_on=visit.visited_on,
            difficulty="water",
            asked=True,
            state=DifficultyState.EXISTS,
            severity=3,
            case_id=case.id,
        )
    )
    session.flush()
    view = visits.of_filling(session, actor, visit.instance_id)
    assert view is not None
    assert view.diary == "测试日记"
    assert [(o.difficulty, o.state, o.case_number) for o in view.observations] == [
        ("water", DifficultyState.EXISTS, case.number)
    ]


def test_a_visit_tells_everything_that_was_handed_in__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    member = a_member(session, household, name="测试妻子")
    draft = a_draft(session, actor, household)
    answers = with_difficulty("water", "水管冻裂") | {
        "meeting/respondent": member.id,
        "voices/has_requests": "yes",
        "voices/request[1]/kind": "dispute",
        "voices/request[1]/matter": "与邻居争地界",
        "help/policies_explained": "pension farming",
        "help/help_given": "water",
        "help/help_words": "送水两桶",
        "closing/place": "32.30000 106.97000 0 12",
        "closing/place_source": "gps",
    }
    answered(session, actor, draft, answers)
    photo = attachments.store(session, actor, draft.instance_id, QUESTION, "a.jpg", a_photo())
    submissions.submit_draft(session, actor, draft.instance_id, now=NOW)
    (view,) = visits.history(session, actor, household.id)
    assert view.respondent_name == "测试妻子"
    assert [seen.difficulty for seen in view.observations] == ["road", "water", "health", "school"]
    assert [(seen.severity, seen.words) for seen in view.observations if seen.case_number] == [
        (2, "水管冻裂")
    ]
    assert [(raised.category, raised.words) for raised in view.requests] == [("dispute", "与邻居争地界")]
    assert (view.policies_explained, view.help_given) == (("pension", "farming"), ("water",))
    assert (view.help_words, view.photo_ids) == ("送水两桶", (photo.id,))
    assert (view.lat, view.lon, view.accuracy_m, str(view.place_source)) == (32.3, 106.97, 12.0, "gps")


def test_a_matter_raised_again_is_told_in_the_words_of_each_visit__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    for words in ("路灯坏了", "路灯还没修"):
        raised = {"voices/has_requests": "yes", "voices/request[1]/kind": "environment"}
        delivery = a_delivery(
            session, actor, household, no_problem() | raised | {"voices/request[1]/matter": words}
        )
        submissions.accept(session, actor, delivery)
    told = [raised.words for view in visits.history(session, actor, household.id) for raised in view.requests]
    assert sorted(told) == sorted(["路灯坏了", "路灯还没修"])


def test_an_entry_long_after_the_visit_is_marked_late__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    for days in (3, 4):
        a_visit(session, household, actor, visited_on=TODAY - timedelta(days=days), entered_on=TODAY)
    assert [(v.late_days, v.is_late) for v in visits.history(session, actor, household.id)] == [
        (3, False),
        (4, True),
    ]


def test_a_promised_follow_up_is_due_until_somebody_returns__ok(session: Session) -> None:
    actor, colleague = a_cadre(session), a_cadre(session)
    household = a_household(session, head="测试甲")
    promised = TODAY - timedelta(days=1)
    a_visit(session, household, actor, visited_on=TODAY - timedelta(days=20), follow_up_on=promised)
    far_ahead = TODAY + timedelta(days=60)
    a_visit(session, a_household(session), actor, follow_up_on=far_ahead)
    due = visits.follow_ups(session, actor, TODAY)
    assert [(d.head_name, d.promised_on) for d in due] == [("测试甲", promised)]
    assert visits.follow_ups(session, colleague, TODAY) == ()
    a_visit(session, household, colleague, visited_on=TODAY)
    assert visits.follow_ups(session, actor, TODAY) == ()


def test_visits_outside_the_area_are_not_there__error(session: Session) -> None:
    visit = a_visit(session)
    stranger = a_cadre(session, Post.VILLAGE_HEAD, OTHER_VILLAGE)
    assert visits.history(session, stranger, visit.household_id) == ()
    assert visits.of_filling(session, stranger, visit.instance_id) is None


def test_posts_without_personal_records_read_no_visit__error(session: Session) -> None:
    visit = a_visit(session)
    for post in (Post.ADMINISTRATOR, Post.ANALYST, Post.DISCIPLINE_INSPECTOR):
        with pytest.raises(Problem) as caught:
            visits.of_filling(session, a_cadre(session, post, TOWNSHIP), visit.instance_id)
        assert caught.value.code == "access.forbidden"
