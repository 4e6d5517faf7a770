"""Taking matters in and handling them, on both databases."""

from __future__ import annotations

import threading
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import Session, select

from models import (
    AuditEntry,
    Case,
    CaseState,
    CaseStep,
    DifficultyState,
    NumberSeries,
    Observation,
    Post,
    StepKind,
    SubmissionSource,
)
from survey import composition, db
from survey.access.permissions import Actor
from survey.cases import service, worklists
from survey.cases.service import Report
from survey.fieldwork import households
from survey.problems import Problem
from survey.questionnaires.engine import EntityRow
from survey.questionnaires.registry import Filling
from tests import builders
from tests.builders import GROUP, NOW, OTHER_GROUP, TODAY, TOWNSHIP, VILLAGE, a_cadre, a_case, a_household

WORDS = "测试：山泉冬天断流"


def a_report(household: Any = None, **over: Any) -> Report:
    values: dict[str, Any] = {"on": TODAY, "area_code": GROUP, "category": "water", "words": WORDS}
    if household is not None:
        values |= {"household_id": household.id, "area_code": household.area_code}
    return Report(**(values | over))


def steps_of(session: Session, case_id: str) -> list[CaseStep]:
    return list(session.exec(select(CaseStep).where(CaseStep.case_id == case_id).order_by(CaseStep.id)))  # type: ignore[arg-type]


def case_of(session: Session, case_id: str) -> Case:
    session.expire_all()
    found = session.get(Case, case_id)
    assert found is not None
    return found


def problem_of(call: Any, *args: Any, **over: Any) -> str:
    with pytest.raises(Problem) as raised:
        call(*args, **over)
    return raised.value.code


def test_a_report_opens_a_case_with_number_handler_and_deadline(session: Session) -> None:
    cadre, household = a_cadre(session), a_household(session)
    taken = service.take_in(session, cadre, a_report(household, severity=3, place=(32.1, 106.8)))
    case = case_of(session, taken.id)
    assert taken.opened
    assert case.number == taken.number == f"{TOWNSHIP}-2026-000001"
    assert (case.state, case.severity, case.words) == (CaseState.TAKEN_IN, 3, WORDS)
    assert case.first_handler_id == case.owner_id == cadre.cadre_id
    assert (case.opened_on, case.rule_on, case.due_on) == (TODAY, TODAY, date(2026, 5, 14))
    assert (case.lat, case.lon) == (32.1, 106.8)
    assert [step.kind for step in steps_of(session, taken.id)] == [StepKind.INTAKE]
    entry = session.exec(select(AuditEntry).where(AuditEntry.action == "case.take_in")).one()
    assert entry.object_id == taken.id
    assert WORDS not in str(entry.details)


def test_what_a_case_says_is_stored_encrypted(session: Session) -> None:
    cadre = a_cadre(session)
    taken = service.take_in(session, cadre, a_report(a_household(session)))
    service.record_step(
        session, cadre, taken.id, StepKind.NOTE, "测试：已看过水源", on=TODAY, expected_version=1
    )
    raw = [*session.execute(sa.text('select words from "case"')).scalars()]
    raw += session.execute(sa.text("select words from case_step where words is not null")).scalars()
    assert len(raw) == 2
    assert not any("测试".encode() in bytes(value) for value in raw)


def test_a_second_report_of_the_same_matter_is_linked(session: Session) -> None:
    first, second, household = a_cadre(session), a_cadre(session), a_household(session)
    taken = service.take_in(session, first, a_report(household, severity=1))
    again = service.take_in(session, second, a_report(household, severity=3, words="测试：更严重了"))
    case = case_of(session, taken.id)
    assert (again.id, again.opened) == (taken.id, False)
    assert session.exec(select(sa.func.count()).select_from(Case)).one() == 1
    assert case.first_handler_id == first.cadre_id
    assert (case.severity, case.version) == (3, 2)
    assert [(s.kind, s.words, s.cadre_id) for s in steps_of(session, taken.id)] == [
        (StepKind.INTAKE, None, first.cadre_id),
        (StepKind.LINK, "测试：更严重了", second.cadre_id),
    ]


def test_another_category_household_or_no_household_is_another_case(session: Session) -> None:
    cadre, household = a_cadre(session), a_household(session)
    reports = (
        a_report(household),
        a_report(household, category="road"),
        a_report(a_household(session)),
        a_report(),
        a_report(),
    )
    numbers = [service.take_in(session, cadre, report).number for report in reports]
    assert numbers == [f"{TOWNSHIP}-2026-{n:06d}" for n in range(1, 6)]


def test_a_closed_case_is_not_linked_to(session: Session) -> None:
    household = a_household(session)
    a_case(session, household, state=CaseState.CLOSED, closed_on=TODAY)
    assert service.take_in(session, a_cadre(session), a_report(household)).opened


def test_what_is_raised_again_after_it_was_resolved_is_in_progress_with_a_new_deadline(
    session: Session,
) -> None:
    cadre, household = a_cadre(session), a_household(session)
    taken = service.take_in(session, cadre, a_report(household, on=date(2026, 3, 2)))
    service.record_step(
        session, cadre, taken.id, StepKind.RESOLVE, "测试：已修好", on=date(2026, 3, 5), expected_version=1
    )
    service.take_in(session, cadre, a_report(household))
    case = case_of(session, taken.id)
    assert (case.state, case.rule_on, case.due_on) == (CaseState.IN_PROGRESS, TODAY, date(2026, 5, 14))


def test_a_visit_entered_late_changes_nothing_of_what_was_resolved_and_answered_since(
    session: Session,
) -> None:
    cadre, household = a_cadre(session), a_household(session)
    taken = service.take_in(session, cadre, a_report(household, on=date(2026, 3, 2)))
    service.record_step(
        session, cadre, taken.id, StepKind.RESOLVE, "测试：已修好", on=date(2026, 3, 5), expected_version=1
    )
    service.record_step(
        session, cadre, taken.id, StepKind.REPLY, "测试：已告知", on=date(2026, 3, 9), expected_version=2
    )
    before = case_of(session, taken.id)
    rule_on, due_on = before.rule_on, before.due_on
    service.take_in(session, cadre, a_report(household, on=date(2026, 3, 4)))
    case = case_of(session, taken.id)
    assert (case.state, case.rule_on, case.due_on) == (CaseState.REPLIED, rule_on, due_on)
    assert [(s.kind, s.acted_on, s.to_state) for s in steps_of(session, taken.id)][-1] == (
        StepKind.LINK,
        date(2026, 3, 4),
        CaseState.REPLIED,
    )


def test_what_a_visit_found_after_the_resolution_and_before_the_reply_is_in_progress(
    session: Session,
) -> None:
    cadre, household = a_cadre(session), a_household(session)
    taken = service.take_in(session, cadre, a_report(household, on=date(2026, 3, 2)))
    for version, (kind, day) in enumerate(
        ((StepKind.RESOLVE, date(2026, 3, 5)), (StepKind.REPLY, date(2026, 3, 9))), start=1
    ):
        service.record_step(session, cadre, taken.id, kind, "测试", on=day, expected_version=version)
    service.take_in(session, cadre, a_report(household, on=date(2026, 3, 6)))
    case = case_of(session, taken.id)
    assert (case.state, case.rule_on) == (CaseState.IN_PROGRESS, date(2026, 3, 6))


def test_each_township_and_year_has_its_own_numbers(session: Session) -> None:
    county = a_cadre(session, Post.MASS_WORK_MEMBER, builders.COUNTY)
    reports = (
        a_report(area_code=VILLAGE),
        a_report(area_code=builders.FAR_VILLAGE),
        a_report(area_code=VILLAGE, on=date(2027, 1, 2)),
        a_report(area_code=OTHER_GROUP),
    )
    assert [service.take_in(session, county, report).number for report in reports] == [
        "511922125-2026-000001",
        "511922101-2026-000001",
        "511922125-2027-000001",
        "511922125-2026-000002",
    ]


def test_an_undone_intake_gives_its_number_back(store: db.Store) -> None:
    with db.session_scope() as session:
        cadre = a_cadre(session)
    with pytest.raises(RuntimeError), db.session_scope() as session:
        service.take_in(session, cadre, a_report())
        raise RuntimeError("undone")
    with db.session_scope() as session:
        assert service.take_in(session, cadre, a_report()).number.endswith("-000001")


@pytest.mark.parametrize("category", ["accusation", "complaint"])
def test_an_accusation_is_not_taken_in_here(session: Session, category: str) -> None:
    cadre = a_cadre(session)
    assert (
        problem_of(service.take_in, session, cadre, a_report(category=category)) == "cases.unknown_category"
    )
    assert session.exec(select(sa.func.count()).select_from(NumberSeries)).one() == 0


def test_nobody_takes_in_outside_his_area(session: Session) -> None:
    cadre = a_cadre(session)
    assert problem_of(service.take_in, session, cadre, a_report(area_code=OTHER_GROUP)) == "access.forbidden"
    analyst = a_cadre(session, Post.ANALYST, TOWNSHIP)
    assert problem_of(service.take_in, session, analyst, a_report()) == "access.forbidden"


def test_a_report_about_a_household_elsewhere_reaches_no_case_of_it(session: Session) -> None:
    informant = a_cadre(session, Post.GROUP_INFORMANT, GROUP)
    far = a_household(session, OTHER_GROUP)
    case = a_case(session, far, category="water", severity=1)
    given = a_report(far, area_code=GROUP, severity=3)
    assert problem_of(service.take_in, session, informant, given) == "access.not_found"
    assert (case_of(session, case.id).severity, len(steps_of(session, case.id))) == (1, 1)


def test_a_case_lies_where_its_household_lies_whatever_the_report_says(session: Session) -> None:
    office = a_cadre(session, Post.MASS_WORK_MEMBER, TOWNSHIP)
    taken = service.take_in(session, office, a_report(a_household(session, OTHER_GROUP), area_code=GROUP))
    assert case_of(session, taken.id).area_code == OTHER_GROUP


def test_two_at_once_open_one_case_and_skip_no_number(store: db.Store) -> None:
    with db.session_scope() as session:
        cadres = [a_cadre(session) for _ in range(4)]
        household = a_household(session)
    failures: list[BaseException] = []
    gate = threading.Barrier(len(cadres))

    def work(cadre: Actor) -> None:
        try:
            gate.wait()
            for round_ in range(3):
                with db.session_scope() as session:
                    service.take_in(session, cadre, a_report(household))
                    service.take_in(session, cadre, a_report(category="road", severity=round_ + 1))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(cadre,)) for cadre in cadres]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with db.reading() as session:
        numbers = sorted(session.exec(select(Case.number)))
        links = session.exec(select(CaseStep).where(CaseStep.kind == StepKind.LINK)).all()
    assert numbers == [f"{TOWNSHIP}-2026-{n:06d}" for n in range(1, 14)]
    assert len(links) == 11


def test_from_intake_to_closure(session: Session) -> None:
    cadre = a_cadre(session)
    taken = service.take_in(session, cadre, a_report())
    version = 1
    for kind, words, expected in (
        (StepKind.START, None, CaseState.IN_PROGRESS),
        (StepKind.NOTE, "测试：联系水务站", CaseState.IN_PROGRESS),
        (StepKind.RESOLVE, "测试：接通管道", CaseState.RESOLVED),
        (StepKind.REPLY, "测试：已当面告知", CaseState.REPLIED),
        (StepKind.CLOSE, None, CaseState.CLOSED),
    ):
        recorded = service.record_step(
            session, cadre, taken.id, kind, words, on=TODAY, expected_version=version
        )
        assert recorded.state is expected
        version = recorded.version
    case = case_of(session, taken.id)
    assert (case.closed_on, case.version) == (TODAY, 6)
    assert len(steps_of(session, taken.id)) == 6
    reopened = service.record_step(
        session, cadre, taken.id, StepKind.REOPEN, "测试：又断水", on=date(2026, 5, 20), expected_version=6
    )
    assert reopened.state is CaseState.IN_PROGRESS
    case = case_of(session, taken.id)
    assert (case.closed_on, case.rule_on) == (None, date(2026, 5, 20))
    details = [e.details for e in session.exec(select(AuditEntry).where(AuditEntry.action == "case.step"))]
    assert [d["step"] for d in details] == ["start", "note", "resolve", "reply", "close", "reopen"]


@pytest.mark.parametrize(
    ("kind", "words", "on", "version", "code"),
    [
        (StepKind.REPLY, "测试", TODAY, 1, "cases.illegal_step"),
        (StepKind.CLOSE, None, TODAY, 1, "cases.illegal_step"),
        (StepKind.INTAKE, "测试", TODAY, 1, "cases.step_elsewhere"),
        (StepKind.LINK, "测试", TODAY, 1, "cases.step_elsewhere"),
        (StepKind.ASSIGN, "测试", TODAY, 1, "cases.step_elsewhere"),
        (StepKind.RESOLVE, "  ", TODAY, 1, "cases.words_missing"),
        (StepKind.NOTE, None, TODAY, 1, "cases.words_missing"),
        (StepKind.NOTE, "长" * 2001, TODAY, 1, "cases.words_too_long"),
        (StepKind.START, None, date(2026, 5, 5), 1, "cases.before_last_step"),
        (StepKind.START, None, TODAY, 2, "cases.changed"),
    ],
)
def test_a_step_that_cannot_be_is_refused_and_writes_nothing(
    session: Session, kind: StepKind, words: str | None, on: date, version: int, code: str
) -> None:
    cadre = a_cadre(session)
    taken = service.take_in(session, cadre, a_report())
    found = problem_of(
        service.record_step, session, cadre, taken.id, kind, words, on=on, expected_version=version
    )
    case = case_of(session, taken.id)
    assert found == code
    assert (case.state, case.version, len(steps_of(session, taken.id))) == (CaseState.TAKEN_IN, 1, 1)


def test_the_second_of_two_hands_is_told_who_was_first(session: Session) -> None:
    first, second = a_cadre(session, name="测试甲"), a_cadre(session, name="测试乙")
    taken = service.take_in(session, first, a_report())
    service.record_step(session, first, taken.id, StepKind.START, None, on=TODAY, expected_version=1)
    with pytest.raises(Problem) as raised:
        service.record_step(session, second, taken.id, StepKind.START, None, on=TODAY, expected_version=1)
    assert raised.value.facts == {"number": taken.number, "name": "测试甲"}
    assert len(steps_of(session, taken.id)) == 2


def test_a_case_outside_the_area_does_not_exist(session: Session) -> None:
    case = a_case(session, a_household(session, OTHER_GROUP))
    cadre = a_cadre(session)
    call = {"on": TODAY, "expected_version": 1}
    assert problem_of(service.record_step, session, cadre, case.id, StepKind.START, None, **call) == (
        "access.not_found"
    )
    assert problem_of(service.record_step, session, cadre, "no-such", StepKind.START, None, **call) == (
        "access.not_found"
    )
    assert problem_of(service.assign, session, cadre, case.id, cadre.cadre_id, **call) == "access.not_found"


@pytest.mark.parametrize("post", [Post.GROUP_INFORMANT, Post.TOWNSHIP_SECRETARY])
def test_who_only_reads_records_no_step(session: Session, post: Post) -> None:
    case = a_case(session)
    actor = a_cadre(session, post, TOWNSHIP)
    code = problem_of(
        service.record_step, session, actor, case.id, StepKind.START, None, on=TODAY, expected_version=1
    )
    assert code == "access.forbidden"
    assert case_of(session, case.id).state is CaseState.TAKEN_IN


def test_assigning_gives_an_owner_and_keeps_the_first_handler(session: Session) -> None:
    head = a_cadre(session)
    office = a_cadre(session, Post.MASS_WORK_MEMBER, TOWNSHIP)
    taken = service.take_in(session, head, a_report())
    assert office.cadre_id is not None
    recorded = service.assign(session, head, taken.id, office.cadre_id, on=TODAY, expected_version=1)
    case = case_of(session, taken.id)
    assert recorded.state is case.state is CaseState.ASSIGNED
    assert (case.owner_id, case.first_handler_id) == (office.cadre_id, head.cadre_id)


@pytest.mark.parametrize(
    ("post", "area"),
    [(Post.VILLAGE_HEAD, builders.OTHER_VILLAGE), (Post.ANALYST, TOWNSHIP), (Post.ADMINISTRATOR, TOWNSHIP)],
)
def test_a_case_is_not_given_to_somebody_without_a_fitting_post(
    session: Session, post: Post, area: str
) -> None:
    head, other = a_cadre(session), a_cadre(session, post, area)
    taken = service.take_in(session, head, a_report())
    code = problem_of(service.assign, session, head, taken.id, other.cadre_id, on=TODAY, expected_version=1)
    assert code == "cases.owner_elsewhere"
    assert case_of(session, taken.id).owner_id == head.cadre_id
    owners = worklists.possible_owners(session, head, taken.id, TODAY)
    assert [owner.cadre_id for owner in owners] == [head.cadre_id]


def a_row(list_name: str, entity_id: str, **properties: str) -> EntityRow:
    return EntityRow(
        list_name=list_name,
        action="create",
        entity_id=entity_id,
        label="",
        properties=properties,
        base_version="",
        ref="",
        repeat_position=None,
    )


def a_filling(session: Session, cadre: Actor, household: Any, visit: Any) -> Filling:
    return Filling(
        instance_id=visit.instance_id,
        household=household,
        area_code=household.area_code,
        received_at=NOW,
        on=TODAY,
        source=SubmissionSource.PAGE,
        cadre_id=cadre.cadre_id or 0,
        visits=[visit],
    )


def an_observation(session: Session, visit: Any, **over: Any) -> Observation:
    values = {
        "visit_id": visit.id,
        "household_id": visit.household_id,
        "area_code": visit.area_code,
        "observed_on": visit.visited_on,
        "difficulty": "water",
        "asked": True,
        "state": DifficultyState.EXISTS,
        "severity": 2,
        "words": WORDS,
    } | over
    observation = Observation(**values)
    session.add(observation)
    session.flush()
    return observation


def test_an_observation_that_opens_a_case_knows_it(session: Session) -> None:
    cadre, household = a_cadre(session), a_household(session, lat=32.1, lon=106.8)
    visit = builders.a_visit(session, household, cadre, visited_on=date(2026, 5, 4))
    observation = an_observation(session, visit)
    row = a_row("observations", observation.id, opens_case="yes")
    (written,) = service.OBSERVATION_WRITER.write(
        session, cadre, a_filling(session, cadre, household, visit), row
    )
    session.expire_all()
    case = case_of(session, written.id)
    assert session.get(Observation, observation.id).case_id == case.id  # type: ignore[union-attr]
    assert (written.kind, written.title) == ("case", case.number)
    assert (case.category, case.severity, case.words) == ("water", 2, WORDS)
    assert (case.opened_on, case.lat, case.lon) == (date(2026, 5, 4), 32.1, 106.8)
    assert steps_of(session, case.id)[0].instance_id == visit.instance_id


def test_an_observation_without_a_difficulty_opens_nothing(session: Session) -> None:
    cadre, household = a_cadre(session), a_household(session)
    visit = builders.a_visit(session, household, cadre)
    observation = an_observation(session, visit, state=DifficultyState.NONE)
    row = a_row("observations", observation.id, opens_case="no")
    assert (
        service.OBSERVATION_WRITER.write(session, cadre, a_filling(session, cadre, household, visit), row)
        == ()
    )
    assert session.exec(select(sa.func.count()).select_from(Case)).one() == 0


def test_a_request_of_a_visit_opens_a_case(session: Session) -> None:
    cadre, household = a_cadre(session), a_household(session)
    visit = builders.a_visit(session, household, cadre)
    row = a_row("cases", "any", category="policy_question", words=" 测试：问医保 ")
    filling = a_filling(session, cadre, household, visit)
    (written,) = service.CASE_WRITER.write(session, cadre, filling, row)
    case = case_of(session, written.id)
    assert (case.category, case.words, case.household_id) == ("policy_question", "测试：问医保", household.id)
    assert case.due_on == date(2026, 5, 9)


def test_open_cases_go_with_a_household_that_moves_and_finished_ones_stay(session: Session) -> None:
    composition.wire()
    office = a_cadre(session, Post.MASS_WORK_DIRECTOR, TOWNSHIP)
    household = a_household(session, GROUP)
    open_case = a_case(session, household)
    finished = a_case(session, household, category="road", state=CaseState.CLOSED, closed_on=TODAY)
    seen = households.household(session, office, household.id, on=TODAY)
    households.save_household(session, office, household.id, {"area_code": OTHER_GROUP}, seen=seen, on=TODAY)
    assert session.get_one(Case, open_case.id).area_code == OTHER_GROUP
    assert session.get_one(Case, finished.id).area_code == GROUP
    kinds = session.exec(select(CaseStep.kind).where(CaseStep.case_id == open_case.id)).all()
    assert sorted(kinds) == [StepKind.INTAKE, StepKind.MOVE]
