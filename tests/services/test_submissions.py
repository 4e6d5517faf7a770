"""Accepting a filling: checked again, written once, or refused with nothing written."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlmodel import Session, col, func, select

from models import (
    AuditEntry,
    Case,
    DifficultyState,
    Disposition,
    Draft,
    HardshipContact,
    HardshipFile,
    Household,
    Observation,
    PlaceSource,
    Post,
    Satisfaction,
    Submission,
    Visit,
)
from survey.access.permissions import Actor
from survey.fieldwork import hardship, households
from survey.problems import Problem
from survey.questionnaires import drafts, library, submissions
from tests.builders import (
    NOW,
    OTHER_VILLAGE,
    TODAY,
    TOWNSHIP,
    a_cadre,
    a_hardship_file,
    a_household,
    a_member,
)
from tests.fillings import a_delivery, a_draft, answered, no_problem, with_difficulty


def count(session: Session, table: type) -> int:
    return session.exec(select(func.count()).select_from(table)).one()


def test_a_visit_without_problems_writes_the_visit_and_four_asked_observations__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    member = a_member(session, household)
    accepted = submissions.accept(
        session, actor, a_delivery(session, actor, household, no_problem(member.id))
    )
    visit = session.exec(select(Visit)).one()
    assert (visit.household_id, visit.cadre_id, visit.visited_on) == (household.id, actor.cadre_id, TODAY)
    assert visit.disposition is Disposition.COMPLETED
    assert visit.satisfaction is Satisfaction.SATISFIED
    assert visit.respondent_id == member.id
    observations = session.exec(select(Observation).order_by(col(Observation.difficulty))).all()
    assert [(o.difficulty, o.asked, o.state) for o in observations] == [
        (key, True, DifficultyState.NONE) for key in ("health", "road", "school", "water")
    ]
    assert count(session, Case) == 0
    assert accepted.already is False
    assert ("visit", visit.id) in [(w.kind, w.id) for w in accepted.written]


def test_a_difficulty_not_asked_is_no_answer__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    answers = no_problem() | {"four_difficulties/difficulty[3]/state": "not_asked"}
    submissions.accept(session, actor, a_delivery(session, actor, household, answers))
    health = session.exec(select(Observation).where(Observation.difficulty == "health")).one()
    assert (health.asked, health.state) == (False, None)


def test_a_difficulty_opens_a_case_and_the_next_one_is_linked_to_it__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    submissions.accept(session, actor, a_delivery(session, actor, household, with_difficulty("water")))
    case = session.exec(select(Case)).one()
    assert (case.category, case.household_id, case.severity) == ("water", household.id, 2)
    assert case.words == "测试：下雨就断水"
    assert case.number.startswith("511922125-2026-")
    submissions.accept(session, actor, a_delivery(session, actor, household, with_difficulty("water")))
    assert count(session, Case) == 1
    assert {
        o.case_id for o in session.exec(select(Observation).where(Observation.difficulty == "water"))
    } == {case.id}


def test_requests_of_the_villager_open_cases_of_their_kind__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    draft = a_draft(session, actor, household)
    instance = drafts.open_instance(session, actor, draft)
    for path, value in (no_problem() | {"voices/has_requests": "yes"}).items():
        instance.answer(f"/data/{path}", value)
    instance.answer("/data/voices/request[1]/kind", "formalities")
    instance.answer("/data/voices/request[1]/matter", "测试：办老年证")
    second = instance.add_repeat("/data/voices/request")
    instance.answer(f"{second}/kind", "dispute")
    instance.answer(f"{second}/matter", "测试：地界纠纷")
    delivery = submissions.Delivery(instance.to_xml(final=True), submissions.SubmissionSource.PAGE, NOW)
    submissions.accept(session, actor, delivery)
    assert sorted(c.category for c in session.exec(select(Case))) == ["dispute", "formalities"]


def test_a_visit_to_a_hardship_household_is_a_contact_too__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    file = a_hardship_file(session, household)
    answers = no_problem() | {
        "help/help_given": "medical formalities",
        "hardship/contact_words": "测试：已联系卫生院",
        "hardship/next_contact_on": "2026-06-01",
    }
    submissions.accept(session, actor, a_delivery(session, actor, household, answers))
    contact = session.exec(select(HardshipContact)).one()
    assert contact.help_given == ["medical", "formalities"]
    assert contact.words == "测试：已联系卫生院"
    assert contact.next_contact_on == file.next_contact_on == date(2026, 6, 1)


def test_the_next_contact_is_proposed_after_the_dated_interval__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    a_hardship_file(session, household)
    draft = a_draft(session, actor, household)
    instance = answered(session, actor, draft, no_problem())
    assert instance.value("/data/hardship/next_contact_on") == (TODAY + timedelta(days=31)).isoformat()


def test_living_conditions_are_prefilled_and_only_changes_move_the_version__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session, water_source="spring", housing="safe")
    delivery = a_delivery(session, actor, household, no_problem())
    assert "<water_source>spring</water_source>" in delivery.xml
    submissions.accept(session, actor, delivery)
    assert household.version == 1
    answers = no_problem() | {"living/water_source": "piped", "living/children_in_school": "2"}
    submissions.accept(session, actor, a_delivery(session, actor, household, answers))
    changed = session.get_one(Household, household.id)
    assert (changed.water_source, changed.children_in_school, changed.version) == ("piped", 2, 2)


def begun_and_answered(session: Session, actor: Actor, household: Household, answers: dict[str, str]) -> str:
    """A visit begun now, to be handed in later: its instance id."""
    draft = a_draft(session, actor, household)
    answered(session, actor, draft, no_problem() | answers)
    return draft.instance_id


def test_what_the_office_changed_meanwhile_is_not_overwritten_by_the_prefill__ok(session: Session) -> None:
    actor, office = a_cadre(session), a_cadre(session, Post.MASS_WORK_DIRECTOR, TOWNSHIP)
    household = a_household(session, housing="safe", water_source="spring")
    instance_id = begun_and_answered(session, actor, household, {"living/water_source": "piped"})
    seen = households.household(session, office, household.id, on=TODAY)
    households.save_household(session, office, household.id, {"housing": "grade_d"}, seen=seen, on=TODAY)
    accepted = submissions.submit_draft(session, actor, instance_id, now=NOW)
    kept = session.get_one(Household, household.id)
    assert (kept.housing, kept.water_source) == ("grade_d", "piped")
    assert [(w.kind, w.title) for w in accepted.written if w.kind == "conflict"] == [("conflict", "住房")]
    entry = session.exec(select(AuditEntry).where(AuditEntry.action == "household.update")).all()[-1]
    assert (entry.details["fields"], entry.details["conflicting"]) == (["water_source"], ["housing"])
    assert ">safe<" in (session.get_one(Submission, instance_id).payload or "")


def test_two_cadres_at_one_household_both_keep_their_visit_and_the_first_answer_stands__ok(
    session: Session,
) -> None:
    first, second, household = a_cadre(session), a_cadre(session), a_household(session, housing="safe")
    one = begun_and_answered(session, first, household, {"living/housing": "grade_c"})
    other = begun_and_answered(session, second, household, {"living/housing": "grade_d"})
    submissions.submit_draft(session, first, one, now=NOW)
    accepted = submissions.submit_draft(session, second, other, now=NOW)
    assert session.get_one(Household, household.id).housing == "grade_c"
    assert ("conflict", "住房") in [(w.kind, w.title) for w in accepted.written]
    assert count(session, Visit) == 2


def test_a_file_changed_meanwhile_keeps_the_newer_needs__ok(session: Session) -> None:
    actor, office = a_cadre(session), a_cadre(session, Post.MASS_WORK_DIRECTOR, TOWNSHIP)
    household = a_household(session)
    file = a_hardship_file(session, household, needs="测试甲")
    draft = a_draft(session, actor, household, library.CONTACT_FORM)
    answers = {"contact/mode": "phone", "contact/words": "测试", "contact/next_contact_on": "2026-07-01"}
    answered(session, actor, draft, answers)
    changes = {"needs": "测试乙"}
    hardship.update_file(session, office, file.id, changes, seen_version=file.version, on=TODAY)
    submissions.submit_draft(session, actor, draft.instance_id, now=NOW)
    kept = session.get_one(HardshipFile, file.id)
    assert (kept.needs, kept.next_contact_on) == ("测试乙", date(2026, 7, 1))


def test_nothing_about_difficulties_or_satisfaction_is_preselected__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    submissions.accept(session, actor, a_delivery(session, actor, household, with_difficulty("road")))
    draft = a_draft(session, actor, household)
    instance = answered(session, actor, draft, {"meeting/disposition": "completed"})
    assert [instance.value(f"/data/four_difficulties/difficulty[{n}]/state") for n in (1, 2, 3, 4)] == [
        ""
    ] * 4
    assert instance.value("/data/closing/satisfaction") == ""
    assert "有" in instance.value("/data/four_difficulties/difficulty[1]/last")


def test_the_place_of_a_visit_is_kept_with_source_and_accuracy__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    answers = no_problem() | {"closing/place": "32.24785 106.97133 0 8.5", "closing/place_source": "gps"}
    submissions.accept(session, actor, a_delivery(session, actor, household, answers))
    visit = session.exec(select(Visit)).one()
    assert (visit.lat, visit.lon, visit.accuracy_m, visit.place_source) == (
        32.24785,
        106.97133,
        8.5,
        PlaceSource.GPS,
    )
    assert session.get_one(Household, household.id).lat == 32.24785


def test_nobody_home_needs_no_further_answer__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    answers = {"meeting/disposition": "nobody_home"}
    submissions.accept(session, actor, a_delivery(session, actor, household, answers))
    assert session.exec(select(Visit)).one().disposition is Disposition.NOBODY_HOME
    assert count(session, Observation) == 0


def test_submitting_twice_changes_nothing__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    delivery = a_delivery(session, actor, household, with_difficulty("water"))
    first = submissions.accept(session, actor, delivery)
    second = submissions.accept(session, actor, delivery)
    assert (first.already, second.already) == (False, True)
    assert (count(session, Visit), count(session, Case), count(session, Submission)) == (1, 1, 1)


def test_handing_in_a_draft_twice_changes_nothing__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    draft = a_draft(session, actor, household)
    answered(session, actor, draft, no_problem())
    first = submissions.submit_draft(session, actor, draft.instance_id, now=NOW)
    second = submissions.submit_draft(session, actor, draft.instance_id, now=NOW + timedelta(seconds=1))
    assert (first.already, second.already) == (False, True)
    assert (count(session, Visit), count(session, Draft)) == (1, 0)


def test_other_content_under_a_known_instance_id__error(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    delivery = a_delivery(session, actor, household)
    submissions.accept(session, actor, delivery)
    changed = replace(delivery, xml=delivery.xml.replace(">satisfied<", ">dissatisfied<"))
    assert changed.xml != delivery.xml
    with pytest.raises(Problem) as caught:
        submissions.accept(session, actor, changed)
    assert caught.value.code == "submission.conflict"
    assert session.exec(select(Visit)).one().satisfaction is Satisfaction.SATISFIED


def test_a_half_filled_form_is_refused_and_its_draft_stays__error(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    draft = a_draft(session, actor, household)
    answered(session, actor, draft, {"meeting/disposition": "completed"})
    with pytest.raises(Problem) as caught:
        submissions.submit_draft(session, actor, draft.instance_id, now=NOW)
    assert caught.value.code == "submission.invalid"
    assert "/data/closing/satisfaction" in [e.ref for e in caught.value.facts["errors"]]  # type: ignore[attr-defined]
    assert (count(session, Submission), count(session, Visit), count(session, Draft)) == (0, 0, 1)


@pytest.mark.parametrize(
    ("given", "forged", "path"),
    [
        ("<satisfaction>satisfied<", "<satisfaction>delighted<", "/data/closing/satisfaction"),
        ("<visited_on>2026-05-06<", "<visited_on>2026-05-07<", "/data/meeting/visited_on"),
        ("<visited_on>2026-05-06<", "<visited_on>1926-05-06<", "/data/meeting/visited_on"),
        ("<visited_on>2026-05-06<", "<visited_on>yesterday<", "/data/meeting/visited_on"),
    ],
)
def test_what_a_client_forged_is_found_again_on_the_server__error(
    session: Session, given: str, forged: str, path: str
) -> None:
    actor, household = a_cadre(session), a_household(session)
    delivery = a_delivery(session, actor, household)
    assert given in delivery.xml
    with pytest.raises(Problem) as caught:
        submissions.accept(session, actor, replace(delivery, xml=delivery.xml.replace(given, forged)))
    assert caught.value.code == "submission.invalid"
    assert [e.ref for e in caught.value.facts["errors"]] == [path]  # type: ignore[attr-defined]


def test_a_calculated_answer_cannot_be_forged__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    delivery = a_delivery(session, actor, household, with_difficulty("water"))
    forged = delivery.xml.replace("<opens_case>yes<", "<opens_case>no<")
    assert forged != delivery.xml
    submissions.accept(session, actor, replace(delivery, xml=forged))
    assert count(session, Case) == 1


def test_a_household_outside_the_area__error(session: Session) -> None:
    near = a_cadre(session, Post.VILLAGE_HEAD)
    far = a_cadre(session, Post.VILLAGE_HEAD, OTHER_VILLAGE)
    household = a_household(session)
    delivery = a_delivery(session, near, household)
    with pytest.raises(Problem) as caught:
        submissions.accept(session, far, delivery)
    assert caught.value.code == "access.not_found"
    assert count(session, Submission) == 0


def test_a_respondent_of_another_household__error(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    stranger = a_member(session, a_household(session))
    delivery = a_delivery(session, actor, household)
    forged = delivery.xml.replace("<respondent>somebody_else<", f"<respondent>{stranger.id}<")
    with pytest.raises(Problem) as caught:
        submissions.accept(session, actor, replace(delivery, xml=forged))
    assert caught.value.code == "submission.invalid"


def test_an_unknown_form_or_version__error(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    delivery = a_delivery(session, actor, household)
    for given, other in (('id="household_visit"', 'id="census"'), ('version="2"', 'version="99"')):
        with pytest.raises(Problem) as caught:
            submissions.accept(session, actor, replace(delivery, xml=delivery.xml.replace(given, other)))
        assert caught.value.code == "questionnaire.unknown_version"


def test_a_contact_at_home_is_a_visit_and_one_by_telephone_is_not__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    file = a_hardship_file(session, household, needs="测试：缺种子")
    for mode, visits in (("phone", 0), ("home", 1)):
        answers = {"contact/mode": mode, "contact/words": "测试", "contact/next_contact_on": "2026-07-01"}
        delivery = a_delivery(session, actor, household, answers, library.CONTACT_FORM)
        submissions.accept(session, actor, delivery)
        assert count(session, Visit) == visits
    assert count(session, HardshipContact) == 2
    assert file.needs == "测试：缺种子"
    assert set(file.field_versions) == {"next_contact_on"}


def test_each_acceptance_is_audited_without_personal_data__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    submissions.accept(session, actor, a_delivery(session, actor, household))
    entry = session.exec(select(AuditEntry).where(AuditEntry.action == "submission.accept")).one()
    assert entry.cadre_id == actor.cadre_id
    assert entry.details == {"form": "household_visit", "source": "page"}
