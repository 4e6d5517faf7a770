"""Correcting a filling: a new version, the old one kept, and what was written follows the newest."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlmodel import Session, col, func, select

from models import (
    Attachment,
    Case,
    CaseState,
    CaseStep,
    DifficultyState,
    Disposition,
    Draft,
    HardshipContact,
    HardshipFile,
    Household,
    Observation,
    Post,
    Satisfaction,
    StepKind,
    Submission,
    SubmissionReview,
    UpdateConflict,
    Visit,
)
from survey.access.permissions import Actor
from survey.fieldwork import households
from survey.problems import Problem
from survey.questionnaires import attachments, corrections, drafts, library, reviews, submissions
from survey.questionnaires.reviews import ReviewState
from tests.builders import NOW, TODAY, TOWNSHIP, a_cadre, a_hardship_file, a_household
from tests.fillings import a_draft, answered, no_problem, with_difficulty
from tests.services.permission_trials import QUESTION, a_photo

LATER = NOW + timedelta(hours=3)
WATER = "four_difficulties/difficulty[2]"


def handed_in(
    session: Session,
    actor: Actor,
    household: Household,
    answers: dict[str, str],
    form: str = library.VISIT_FORM,
) -> str:
    draft = a_draft(session, actor, household, form)
    answered(session, actor, draft, answers)
    return submissions.submit_draft(session, actor, draft.instance_id, now=NOW).instance_id


def corrected(session: Session, actor: Actor, instance_id: str, answers: dict[str, str]) -> str:
    draft = corrections.start(session, actor, instance_id, now=LATER)
    answered(session, actor, draft, answers, now=LATER)
    return submissions.submit_draft(session, actor, draft.instance_id, now=LATER).instance_id


def refused(code: str, call: object) -> None:
    with pytest.raises(Problem) as caught:
        call()  # type: ignore[operator]
    assert caught.value.code == code


def test_a_correction_is_a_new_version_and_the_old_one_stays__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    first = handed_in(session, actor, household, no_problem())
    kept = session.get_one(Submission, first).payload
    second = corrected(session, actor, first, {"closing/satisfaction": "dissatisfied"})
    assert second != first
    assert session.get_one(Submission, first).payload == kept
    newer = session.get_one(Submission, second)
    assert (newer.corrects_id, newer.first_id) == (first, first)
    third = corrected(session, actor, second, {"closing/diary": "测试：补记"})
    assert (session.get_one(Submission, third).corrects_id, session.get_one(Submission, third).first_id) == (
        second,
        first,
    )
    states = session.exec(select(SubmissionReview.state).order_by(col(SubmissionReview.id))).all()
    assert states == [ReviewState.EDITED, ReviewState.EDITED]


def test_the_visit_is_written_anew_and_points_at_the_newest_version__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    first = handed_in(session, actor, household, no_problem())
    before = session.exec(select(Visit)).one().id
    second = corrected(
        session, actor, first, {"closing/satisfaction": "dissatisfied", "meeting/visited_on": "2026-05-05"}
    )
    visit = session.exec(select(Visit)).one()
    assert (visit.id, visit.instance_id, visit.satisfaction) == (before, second, Satisfaction.DISSATISFIED)
    assert (visit.visited_on, visit.entered_on) == (date(2026, 5, 5), TODAY)
    assert {o.observed_on for o in session.exec(select(Observation))} == {date(2026, 5, 5)}


def test_a_difficulty_found_out_later_opens_its_case__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    first = handed_in(session, actor, household, no_problem())
    answers = {f"{WATER}/state": "exists", f"{WATER}/severity": "3", f"{WATER}/words": "测试：没水"}
    corrected(session, actor, first, answers)
    case = session.exec(select(Case)).one()
    observation = session.exec(select(Observation).where(Observation.difficulty == "water")).one()
    assert (case.category, case.severity, observation.case_id) == ("water", 3, case.id)
    assert session.exec(select(func.count()).select_from(Observation)).one() == 4


def test_a_case_is_never_deleted_by_a_correction_and_says_what_became_of_its_report__ok(
    session: Session,
) -> None:
    actor, household = a_cadre(session), a_household(session)
    first = handed_in(session, actor, household, with_difficulty("water"))
    second = corrected(session, actor, first, {f"{WATER}/state": "none"})
    case = session.exec(select(Case)).one()
    assert (case.state, case.words) == (CaseState.TAKEN_IN, "测试：下雨就断水")
    note = session.exec(select(CaseStep).where(CaseStep.kind == StepKind.NOTE)).one()
    assert note.instance_id == second
    assert note.words == "走访已更正：不再反映这项困难。"
    observation = session.exec(select(Observation).where(Observation.difficulty == "water")).one()
    assert (observation.state, observation.case_id) == (DifficultyState.NONE, None)
    corrected(session, actor, second, with_difficulty("water"))
    assert session.exec(select(func.count()).select_from(Case)).one() == 1
    assert session.exec(select(Observation).where(Observation.difficulty == "water")).one().case_id == case.id


def test_corrected_words_are_noted_on_the_case_and_do_not_replace_the_report__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    first = handed_in(session, actor, household, with_difficulty("water"))
    corrected(session, actor, first, {f"{WATER}/words": "测试：整月断水", f"{WATER}/severity": "3"})
    case = session.exec(select(Case)).one()
    assert (case.words, case.severity) == ("测试：下雨就断水", 2)
    note = session.exec(select(CaseStep).where(CaseStep.kind == StepKind.NOTE)).one()
    assert note.words == "走访已更正：有，重，测试：整月断水"


def test_requests_are_not_taken_in_twice__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    asked = {
        "voices/has_requests": "yes",
        "voices/request[1]/kind": "formalities",
        "voices/request[1]/matter": "测试：办证",
    }
    draft = a_draft(session, actor, household)
    answered(session, actor, draft, no_problem() | asked)
    first = submissions.submit_draft(session, actor, draft.instance_id, now=NOW).instance_id
    second = corrected(session, actor, first, {"closing/satisfaction": "dissatisfied"})
    assert session.exec(select(func.count()).select_from(Case)).one() == 1
    assert session.exec(select(func.count()).select_from(CaseStep)).one() == 1
    third = corrected(session, actor, second, {"voices/request[1]/matter": "测试：办老年证"})
    assert session.exec(select(func.count()).select_from(Case)).one() == 1
    corrected(session, actor, third, {"voices/request[1]/kind": "dispute"})
    assert sorted(case.category for case in session.exec(select(Case))) == ["dispute", "formalities"]


def test_nobody_home_after_all_takes_the_observations_back__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    first = handed_in(session, actor, household, with_difficulty("water"))
    corrected(session, actor, first, {"meeting/disposition": "nobody_home"})
    assert session.exec(select(Visit)).one().disposition is Disposition.NOBODY_HOME
    assert session.exec(select(func.count()).select_from(Observation)).one() == 0
    assert session.exec(select(func.count()).select_from(Case)).one() == 1
    note = session.exec(select(CaseStep).where(CaseStep.kind == StepKind.NOTE)).one()
    assert note.words == "提交已更正。"


def test_what_was_worse_than_last_time_can_still_be_corrected_as_that__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    handed_in(session, actor, household, with_difficulty("water"))
    first = handed_in(session, actor, household, no_problem() | {f"{WATER}/state": "solved"})
    second = corrected(session, actor, first, {"closing/diary": "测试"})
    visit = session.exec(select(Visit).where(Visit.instance_id == second)).one()
    seen = session.exec(
        select(Observation).where(Observation.visit_id == visit.id, Observation.difficulty == "water")
    ).one()
    assert seen.state is DifficultyState.SOLVED


def test_what_it_wrote_into_the_register_is_corrected_there__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session, water_source="spring")
    first = handed_in(session, actor, household, no_problem() | {"living/water_source": "piped"})
    corrected(session, actor, first, {"living/water_source": "surface"})
    assert session.get_one(Household, household.id).water_source == "surface"
    assert session.exec(select(func.count()).select_from(UpdateConflict)).one() == 0


def test_what_somebody_changed_since_is_a_conflict_for_a_correction_too__ok(session: Session) -> None:
    actor, office = a_cadre(session), a_cadre(session, Post.MASS_WORK_DIRECTOR, TOWNSHIP)
    household = a_household(session, water_source="spring")
    first = handed_in(session, actor, household, no_problem() | {"living/water_source": "piped"})
    seen = households.household(session, office, household.id, on=TODAY)
    changes = {"water_source": "carried"}
    households.save_household(session, office, household.id, changes, seen=seen, on=TODAY)
    corrected(session, actor, first, {"living/water_source": "surface"})
    assert session.get_one(Household, household.id).water_source == "carried"
    conflict = session.exec(select(UpdateConflict)).one()
    assert (conflict.field, conflict.sent_value, conflict.kept_value) == (
        "water_source",
        '"surface"',
        '"carried"',
    )


def test_a_contact_follows_its_correction__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    file = a_hardship_file(session, household)
    answers = {"contact/mode": "phone", "contact/words": "测试甲", "contact/next_contact_on": "2026-07-01"}
    first = handed_in(session, actor, household, answers, library.CONTACT_FORM)
    second = corrected(
        session, actor, first, {"contact/words": "测试乙", "contact/next_contact_on": "2026-06-20"}
    )
    contact = session.exec(select(HardshipContact)).one()
    assert (contact.words, contact.instance_id) == ("测试乙", second)
    assert session.get_one(HardshipFile, file.id).next_contact_on == date(2026, 6, 20)


def test_photos_come_along__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    draft = a_draft(session, actor, household)
    attachments.store(session, actor, draft.instance_id, QUESTION, "1.jpg", a_photo())
    answered(session, actor, draft, no_problem() | {"closing/photo[1]/image": "1.jpg"})
    first = submissions.submit_draft(session, actor, draft.instance_id, now=NOW).instance_id
    second = corrected(session, actor, first, {"closing/satisfaction": "dissatisfied"})
    owners = {photo.instance_id for photo in session.exec(select(Attachment))}
    assert owners == {first, second}
    assert reviews.submission(session, actor, second).photos[0].id


def test_opening_it_twice_goes_on_with_the_same_draft_and_a_new_visit_is_another__ok(
    session: Session,
) -> None:
    actor, household = a_cadre(session), a_household(session)
    first = handed_in(session, actor, household, no_problem())
    draft = corrections.start(session, actor, first, now=LATER)
    assert corrections.start(session, actor, first, now=LATER).instance_id == draft.instance_id
    assert a_draft(session, actor, household).instance_id != draft.instance_id
    assert session.exec(select(func.count()).select_from(Draft)).one() == 2


def test_a_client_names_the_corrected_submission_in_its_metadata__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    first = handed_in(session, actor, household, no_problem())
    draft = corrections.start(session, actor, first, now=LATER)
    xml = drafts.open_instance(session, actor, draft).to_xml(final=True)
    named = xml.replace("</instanceID>", f"</instanceID><deprecatedID>{first}</deprecatedID>", 1)
    assert named != xml or f"deprecatedID>{first}" in named
    delivery = submissions.Delivery(named, submissions.SubmissionSource.OPENROSA, LATER)
    accepted = submissions.accept(session, actor, delivery)
    row = session.get_one(Submission, accepted.instance_id)
    assert (row.corrects_id, "deprecatedID" in (row.payload or "")) == (first, True)
    assert session.exec(select(Visit)).one().instance_id == accepted.instance_id


def test_only_who_filled_it_in_corrects_it__error(session: Session) -> None:
    actor, colleague = a_cadre(session), a_cadre(session)
    first = handed_in(session, actor, a_household(session), no_problem())
    refused("access.not_found", lambda: corrections.start(session, colleague, first, now=LATER))


def test_an_older_version_is_not_corrected_again__error(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    first = handed_in(session, actor, household, no_problem())
    xml = drafts.open_instance(session, actor, corrections.start(session, actor, first, now=LATER)).to_xml(
        final=True
    )
    corrected(session, actor, first, {"closing/satisfaction": "dissatisfied"})
    refused("corrections.not_newest", lambda: corrections.start(session, actor, first, now=LATER))
    other = xml.replace("uuid:", "uuid:f", 1)
    delivery = submissions.Delivery(other, submissions.SubmissionSource.OPENROSA, LATER, "", first)
    refused("corrections.not_newest", lambda: submissions.accept(session, actor, delivery))


def test_a_correction_for_another_household__error(session: Session) -> None:
    actor, household, other = a_cadre(session), a_household(session), a_household(session)
    first = handed_in(session, actor, household, no_problem())
    draft = a_draft(session, actor, other)
    xml = answered(session, actor, draft, no_problem()).to_xml(final=True)
    delivery = submissions.Delivery(xml, submissions.SubmissionSource.OPENROSA, LATER, "", first)
    refused("corrections.other_household", lambda: submissions.accept(session, actor, delivery))


def test_an_erased_submission_cannot_be_corrected__error(session: Session) -> None:
    actor = a_cadre(session)
    first = handed_in(session, actor, a_household(session), no_problem())
    session.get_one(Submission, first).payload = None
    session.flush()
    refused("corrections.erased", lambda: corrections.start(session, actor, first, now=LATER))
    assert reviews.submission(session, actor, first).is_erased
