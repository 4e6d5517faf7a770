"""Which submissions are to be looked at, and with which reason."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session

from models import Household, Post, SubmissionSource
from survey.access.permissions import Actor
from survey.fieldwork import quality
from survey.fieldwork.quality import Concern, Reason
from survey.questionnaires import library, reviews, submissions, xlsform
from survey.questionnaires.reviews import ReviewState
from survey.questionnaires.submissions import Delivery
from tests.builders import (
    NOW,
    OTHER_GROUP,
    OTHER_VILLAGE,
    TODAY,
    TOWNSHIP,
    VILLAGE,
    a_cadre,
    a_household,
    an_operator,
)
from tests.fillings import a_draft, answered, no_problem, published

LATE = NOW + timedelta(minutes=30)
SAME = "agree"
FORM = """
| survey | | | | | |
| | type | name | label | relevant | repeat_count |
| | start | start | | | |
| | hidden | household_id | | | |
{scale}
| | begin_repeat | field | 地块 | | |
| | decimal | area_mu | 面积（亩） | | |
| | end_repeat | field | | | |
| | integer | pigs | 养猪头数 | | |
| | image | photo | 照片 | | |
| choices | | | |
| | list_name | name | label |
| | scale | agree | 同意 |
| | scale | neither | 一般 |
| | scale | disagree | 不同意 |
| settings | | | |
| | form_title | form_id | version |
| | 测试问卷 | opinions | 1 |
""".format(scale="\n".join(f"| | select_one scale | q{n} | 看法{n} | | |" for n in range(1, 9)))


def an_office(session: Session) -> Actor:
    return a_cadre(session, Post.MASS_WORK_DIRECTOR, TOWNSHIP)


def noticed(session: Session, office: Actor, **over: object) -> dict[str, list[Concern]]:
    page = quality.to_look_at(session, office, TODAY, now=LATE, **over)  # type: ignore[arg-type]
    return {found.row.instance_id: [reason.concern for reason in found.reasons] for found in page.rows}


def a_visit_of(session: Session, actor: Actor, household: Household, minutes: float, place: str = "") -> str:
    draft = a_draft(session, actor, household)
    answers = no_problem()
    if place:
        answers |= {"closing/place": place, "closing/place_source": "gps"}
    answered(session, actor, draft, answers)
    at = NOW + timedelta(minutes=minutes)
    return submissions.submit_draft(session, actor, draft.instance_id, now=at).instance_id


def an_opinion(session: Session, actor: Actor, household: Household, answers: dict[str, str]) -> str:
    published(session)
    library.publish(session, an_operator(), FORM, valid_from=TODAY)
    draft = a_draft(session, actor, household, "opinions")
    instance = answered(
        session, actor, draft, {f"q{n}": ("neither", SAME)[n % 2] for n in range(1, 9)} | answers
    )
    delivery = Delivery(instance.to_xml(final=True), SubmissionSource.PAGE, LATE)
    return submissions.accept(session, actor, delivery).instance_id


def test_a_visit_filled_in_within_a_minute__ok(session: Session) -> None:
    actor, office, household = a_cadre(session), an_office(session), a_household(session)
    fast = a_visit_of(session, actor, household, 1)
    a_visit_of(session, actor, household, 6)
    assert noticed(session, office) == {fast: [Concern.FAST]}
    (reason,) = quality.reasons_of(session, office, fast, TODAY)
    assert (reason.limit, round(reason.found)) == (2, 1)


def test_nobody_home_is_never_too_fast__ok(session: Session) -> None:
    actor, office = a_cadre(session), an_office(session)
    draft = a_draft(session, actor, a_household(session))
    answered(session, actor, draft, {"meeting/disposition": "nobody_home"})
    submissions.submit_draft(session, actor, draft.instance_id, now=NOW + timedelta(seconds=30))
    assert noticed(session, office) == {}


@pytest.mark.parametrize(
    ("place", "is_far"),
    [
        ("32.2200 106.8200 0 8", True),  # 1,112 m north
        ("32.2200 106.8200 0 200", False),  # as far as the device can tell
        ("32.2101 106.8202 0 8", False),
    ],
)
def test_a_place_far_from_the_household__ok(session: Session, place: str, is_far: bool) -> None:
    actor, office = a_cadre(session), an_office(session)
    household = a_household(session, lat=32.21, lon=106.82)
    sent = a_visit_of(session, actor, household, 6, place)
    assert noticed(session, office) == ({sent: [Concern.FAR]} if is_far else {})


def test_the_same_answer_to_a_row_of_questions__ok(session: Session) -> None:
    actor, office, household = a_cadre(session), an_office(session), a_household(session)
    alike = an_opinion(session, actor, household, {f"q{n}": SAME for n in range(2, 8)})
    an_opinion(session, actor, household, {f"q{n}": SAME for n in range(2, 6)})
    assert noticed(session, office) == {alike: [Concern.STRAIGHT]}
    (reason,) = quality.reasons_of(session, office, alike, TODAY)
    # Odd questions are answered alike from the start: the run begins with the first and ends with the seventh.
    assert (reason.question, reason.found, reason.limit) == ("看法1", 7, 6)


def test_four_difficulties_without_a_problem_are_a_usual_answer__ok(session: Session) -> None:
    actor, office = a_cadre(session), an_office(session)
    a_visit_of(session, actor, a_household(session), 6)
    assert noticed(session, office) == {}


def test_a_number_outside_the_usual_range_of_the_village__ok(session: Session) -> None:
    actor, office, household = a_cadre(session), an_office(session), a_household(session)
    for n in range(20):
        an_opinion(session, actor, household, {"pigs": str(n % 4)})
    odd = an_opinion(session, actor, household, {"pigs": "60"})
    assert noticed(session, office) == {odd: [Concern.UNUSUAL]}
    (reason,) = quality.reasons_of(session, office, odd, TODAY)
    assert reason == Reason(Concern.UNUSUAL, 60, 7.0, "养猪头数", 1.5, 20)


def test_a_range_is_told_only_from_enough_answers_of_the_same_village__ok(session: Session) -> None:
    actor, office, household = a_cadre(session), an_office(session), a_household(session)
    elsewhere = a_cadre(session, Post.VILLAGE_HEAD, OTHER_VILLAGE)
    far = a_household(session, OTHER_GROUP)
    for n in range(19):
        an_opinion(session, actor, household, {"pigs": str(n % 4)})
        an_opinion(session, elsewhere, far, {"pigs": str(60 + n % 4)})
    an_opinion(session, actor, household, {"pigs": "60"})
    assert noticed(session, office) == {}


def test_entries_of_a_repeat_are_compared_with_all_of_the_village__ok(session: Session) -> None:
    actor, office, household = a_cadre(session), an_office(session), a_household(session)
    for n in range(20):
        an_opinion(session, actor, household, {"field[1]/area_mu": str(1 + n % 3)})
    odd = an_opinion(session, actor, household, {"field[1]/area_mu": "900"})
    assert noticed(session, office) == {odd: [Concern.UNUSUAL]}


def test_a_photo_that_is_named_but_not_there__ok(session: Session) -> None:
    actor, office, household = a_cadre(session), an_office(session), a_household(session)
    sent = an_opinion(session, actor, household, {"photo": "lost.jpg"})
    assert noticed(session, office) == {sent: [Concern.PHOTO_MISSING]}
    (reason,) = quality.reasons_of(session, office, sent, TODAY)
    assert reason.question == "照片"
    (photo,) = reviews.submission(session, office, sent).photos
    assert (photo.id, photo.name) == ("", "lost.jpg")


def test_what_is_decided_or_old_leaves_the_list__ok(session: Session) -> None:
    actor, office, household = a_cadre(session), an_office(session), a_household(session)
    sent = a_visit_of(session, actor, household, 1)
    assert set(noticed(session, office)) == {sent}
    assert set(noticed(session, office, village=VILLAGE)) == {sent}
    assert noticed(session, office, village=OTHER_VILLAGE) == {}
    assert quality.to_look_at(session, office, TODAY, now=NOW + timedelta(days=120)).total == 0
    reviews.decide(session, office, sent, ReviewState.APPROVED, None, seen=0, now=LATE)
    assert noticed(session, office) == {}


def test_a_page_is_a_window_of_submissions__ok(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    actor, office, household = a_cadre(session), an_office(session), a_household(session)
    monkeypatch.setattr(quality, "WINDOW", 2)
    sent = [a_visit_of(session, actor, household, 1 + n / 10) for n in range(3)]
    first = quality.to_look_at(session, office, TODAY, now=LATE)
    second = quality.to_look_at(session, office, TODAY, now=LATE, offset=2)
    assert (first.looked_at, second.looked_at, first.total) == (2, 3, 3)
    assert [found.row.instance_id for found in (*first.rows, *second.rows)] == sent[::-1]


def test_the_form_of_these_tests_is_drawn() -> None:
    assert xlsform.compile_form(FORM).form_id == "opinions"
