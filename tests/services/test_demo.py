"""The demo township: believable, of nobody, the same for a seed, and only ever in a store of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from shutil import copyfile

import pytest
import sqlalchemy as sa
from sqlmodel import Session, col, select

from models import (
    AuditEntry,
    Cadre,
    Case,
    CaseState,
    CaseStep,
    HardshipContact,
    HardshipFile,
    Household,
    Member,
    Observation,
    Post,
    Submission,
    SubmissionSource,
    Visit,
)
from survey import composition, db, store_checks
from survey.access import passwords
from survey.access.permissions import ROLE_OF_POST, Role
from survey.cases import lifecycle
from survey.config import Settings
from survey.demo import builder, fillings, people, registering, township, visits
from survey.demo.builder import Parameters, Wanted
from survey.demo.courses import course
from survey.fieldwork import identity
from survey.problems import Problem
from tests import builders as b
from tests.conftest import TestKey

UNTIL = date(2026, 5, 5)
SMALL = Parameters(seed=3, households=96, until=UNTIL)
TINY = Parameters(seed=3, households=14, until=UNTIL)


def nothing(done: int, of: int) -> None:
    """No progress is shown."""


@pytest.fixture(scope="module")
def built(
    sqlite_template: Path, key: TestKey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[db.Store]:
    """A small demo, built once for the module; tests only read it."""
    composition.wire()
    folder = tmp_path_factory.mktemp("demo")
    copyfile(sqlite_template, folder / "minqing.db")
    settings = Settings(folder, f"sqlite:///{folder / 'minqing.db'}", key.path)
    store = db.Store(settings, db.engine_for(settings))
    db.use(store, key.keyring)
    with db.session_scope() as session:
        builder.build(session, b.an_operator(), SMALL, nothing)
    yield store
    store.engine.dispose()


@pytest.fixture
def demo(built: db.Store, key: TestKey) -> Iterator[Session]:
    """A reading session on the small demo."""
    db.use(built, key.keyring)
    with db.reading() as session:
        yield session
    db.use(None)


def count(session: Session, table: type) -> int:
    return session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def test_the_township_has_its_size(demo: Session) -> None:
    assert count(demo, Household) == SMALL.households
    assert count(demo, Cadre) == 60
    assert count(demo, HardshipFile) == round(SMALL.households * 180 / 2400)
    assert 3.2 < count(demo, Member) / SMALL.households < 4.3
    assert 2.2 < count(demo, Visit) / SMALL.households < 2.9


def test_every_visit_came_through_a_submission_of_a_published_form(demo: Session) -> None:
    sources = {row.source for row in demo.exec(select(Submission))}
    assert sources == {SubmissionSource.DEMO}
    accepted = demo.exec(select(AuditEntry).where(AuditEntry.action == "submission.accept")).all()
    assert len(accepted) == count(demo, Submission)
    with_contact_only = count(demo, Submission) - count(demo, Visit)
    assert 0 <= with_contact_only < count(demo, HardshipContact)


def test_every_difficulty_is_asked_or_marked_as_not_asked_where_somebody_was_met(demo: Session) -> None:
    per_visit = Counter(demo.exec(select(Observation.visit_id)))
    assert set(per_visit.values()) == {4}
    met = [
        visit.id
        for visit in demo.exec(select(Visit).where(col(Visit.purpose) != "hardship"))
        if visit.disposition in ("completed", "partial")
    ]
    assert set(met) <= set(per_visit)
    assert {row.asked for row in demo.exec(select(Observation))} == {True, False}


def test_the_year_ends_on_the_last_day_and_entries_are_seldom_late(demo: Session) -> None:
    rows = demo.exec(select(Visit)).all()
    assert max(visit.entered_on for visit in rows) <= UNTIL
    assert min(visit.visited_on for visit in rows) > UNTIL - timedelta(days=370)
    late = sum(visit.entered_on > visit.visited_on for visit in rows) / len(rows)
    assert 0.04 < late < 0.3


def test_water_is_short_in_three_villages(demo: Session) -> None:
    having = {
        row.household_id: row.area_code[:12]
        for row in demo.exec(select(Observation).where(Observation.difficulty == "water"))
        if row.state == "exists"
    }
    short = sum(village in township.VILLAGES_SHORT_OF_WATER for village in having.values())
    assert short / len(having) > 0.6


def test_nobody_can_hold_the_numbers(demo: Session) -> None:
    members = demo.exec(select(Member)).all()
    numbers = [member.id_number or "" for member in members]
    assert len(set(numbers)) == len(numbers)
    for member in members:
        checked = identity.identity_number(member.id_number or "", UNTIL)
        assert checked.text.startswith(people.REGION_NOBODY_HAS)
        assert (checked.birth_on, checked.sex) == (member.birth_on, member.sex)
        assert member.id_hash == identity.id_hash(member.id_number or "")
        if member.phone:
            assert identity.phone_number(member.phone).startswith(people.MOBILE_RANGE_NOBODY_HAS)


def test_the_store_is_in_order(demo: Session) -> None:
    assert list(store_checks.findings(demo, b.an_operator())) == []


def test_there_is_an_account_for_each_role_and_the_printed_password_opens_it(demo: Session) -> None:
    accounts = builder.accounts_of_each_role(demo)
    assert [account.post for account in accounts] == list(Post)
    assert {ROLE_OF_POST[account.post] for account in accounts} == set(Role) - {Role.OPERATOR}
    for account in accounts[:2]:
        cadre = demo.exec(select(Cadre).where(Cadre.username == account.username)).one()
        assert passwords.verify(cadre.password_hash, registering.PASSWORD)


def test_cases_have_a_past_of_dated_steps(demo: Session) -> None:
    cases = demo.exec(select(Case)).all()
    states = {case.state for case in cases}
    assert CaseState.CLOSED in states and len(states) >= 4
    assert min(case.opened_on for case in cases) < UNTIL - timedelta(days=200)
    for case in cases:
        steps = demo.exec(
            select(CaseStep).where(CaseStep.case_id == case.id).order_by(col(CaseStep.id))
        ).all()
        assert steps[0].acted_on == case.opened_on and steps[-1].to_state is case.state
        assert all(step.acted_on <= UNTIL for step in steps)


def test_courses_are_lawful_and_leave_cases_in_every_state() -> None:
    left: Counter[CaseState] = Counter()
    opened_on = date(2026, 1, 5)
    for number in range(2000):
        state = CaseState.TAKEN_IN
        for day, kind in course(1, f"house{number}", ("water", "dispute")[number % 2], opened_on).steps:
            if day > opened_on + timedelta(days=number % 61):
                break
            state = lifecycle.after(state, kind)
        left[state] += 1
    assert set(left) == set(CaseState)


def test_a_seed_gives_the_same_township_to_the_last_identifier(sqlite_store: db.Store) -> None:
    composition.wire()
    seen = []
    for _ in range(2):
        with Session(sqlite_store.engine, expire_on_commit=False) as session:
            session.connection(execution_options={"minqing_write": True})
            builder.build(session, b.an_operator(), TINY, nothing)
            payloads = sorted(row.payload or "" for row in session.exec(select(Submission)))
            ids = sorted(session.exec(select(Observation.id)))
            members = sorted(session.exec(select(Member.name, Member.id)))
            seen.append((payloads, ids, members))
            session.rollback()
    assert seen[0] == seen[1] and seen[0][1]


def test_another_seed_gives_other_people() -> None:
    units = [
        township.VillageUnit("511922125200", "余家坪村"),
        township.VillageUnit("511922125201", "齐家湾村"),
    ]
    one, two = (township.plan(seed, 20, UNTIL, units) for seed in (1, 2))
    assert {house.id for house in one.houses}.isdisjoint(house.id for house in two.houses)


def test_a_second_process_writes_the_same_fillings(demo: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    units = [
        township.VillageUnit("511922125200", "余家坪村"),
        township.VillageUnit("511922125201", "齐家湾村"),
    ]
    plan = township.plan(5, 12, UNTIL, units)
    work = fillings.Work(plan, builder.xforms(demo, UNTIL), visits.schedule(plan))
    here = list(fillings.written(work))
    monkeypatch.setattr(fillings, "_WORTH_A_PROCESS", 1)
    monkeypatch.setattr(fillings.os, "cpu_count", lambda: 2)
    assert list(fillings.written(work)) == here and len(here) > 20


def test_few_visits_at_the_spring_festival_and_at_harvest() -> None:
    units = [township.VillageUnit(f"51192212520{number}", "村") for number in range(6)]
    plan = township.plan(1, 600, date(2026, 11, 21), units)
    days = Counter(slot.visited_on for slot in visits.schedule(plan))

    def per_day(first: date, last: date) -> float:
        span = (last - first).days + 1
        return sum(days[first + timedelta(days=number)] for number in range(span)) / span

    usual = per_day(date(2026, 3, 10), date(2026, 4, 30))
    assert per_day(date(2026, 2, 15), date(2026, 2, 24)) < usual * 0.25
    assert per_day(date(2026, 8, 27), date(2026, 9, 18)) < usual * 0.65


def test_a_store_with_real_data_is_left_alone(session: Session) -> None:
    b.a_household(session)
    with pytest.raises(Problem) as refused:
        builder.existing(session, Wanted(), path="folder")
    assert refused.value.code == "demo.not_a_demo"
    assert count(session, Household) == 1


def test_a_demo_is_known_again_by_its_settings(demo: Session) -> None:
    assert builder.existing(demo, Wanted(), path="folder") == SMALL
    assert builder.existing(demo, Wanted(seed=3, households=96), path="folder") == SMALL
    with pytest.raises(Problem) as refused:
        builder.existing(demo, Wanted(seed=4), path="folder")
    assert refused.value.code == "demo.other_demo"


def test_an_unfinished_day_is_refused() -> None:
    with pytest.raises(Problem) as refused:
        Wanted(until=date(2026, 5, 6)).parameters(date(2026, 5, 5))
    assert refused.value.code == "demo.bad_date"


def test_an_interrupted_build_leaves_an_empty_store(sqlite_store: db.Store) -> None:
    composition.wire()

    def interrupt(done: int, of: int) -> None:
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), db.session_scope() as session:
        builder.build(session, b.an_operator(), TINY, interrupt)
    with db.reading() as session:
        assert builder.existing(session, Wanted(), path="folder") is None
        assert count(session, Visit) == 0


def test_it_is_built_on_postgresql_too(postgresql_store: db.Store) -> None:
    composition.wire()
    with db.session_scope() as session:
        counts = builder.build(session, b.an_operator(), TINY, nothing)
    with db.reading() as session:
        assert count(session, Submission) == counts["submissions"] > 20
