"""`minqing check`: a good store passes on both databases, and each check names what it is there for."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlmodel import Session, select

from models import (
    Area,
    Attachment,
    Case,
    CaseState,
    CaseStep,
    Draft,
    Household,
    Member,
    NumberSeries,
    StoreFact,
    Submission,
    Visit,
)
from survey import crypto, db, store_checks
from survey.access import audit
from survey.problems import Problem
from survey.questionnaires import attachment_files, submissions
from tests import builders
from tests.fillings import a_delivery, with_difficulty

CONTENT = b"a small photo"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def _photo(content: bytes = CONTENT, label: str = f"attachment/{DIGEST}") -> None:
    path = attachment_files.path_of(DIGEST)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(crypto.current().encrypt(label, content))


def _good(session: Session) -> Visit:
    """One of everything the checks look at."""
    cadre = builders.a_cadre(session)
    visit = builders.a_visit(session, cadre=cadre, diary="日记", id="v1")
    case = builders.a_case(session, number="511922125-2026-000001", id="c1")
    session.add(NumberSeries(prefix=case.number.rsplit("-", 1)[0], last=1))
    builders.a_hardship_file(session)
    version_id = session.get_one(Submission, visit.instance_id).version_id
    session.add(Draft(instance_id="d1", version_id=version_id, cadre_id=cadre.cadre_id or 0, payload="<d/>"))
    session.add(
        Attachment(
            id="a1",
            instance_id=visit.instance_id,
            question="photo",
            name="1.jpg",
            sha256=DIGEST,
            media_type="image/jpeg",
            size_bytes=len(CONTENT),
            cadre_id=cadre.cadre_id or 0,
        )
    )
    _photo()
    audit.append(session, cadre, "test.act")
    session.flush()
    return visit


def _found(session: Session) -> list[tuple[str, str]]:
    session.flush()
    session.expire_all()
    return [(found.what, found.record) for found in store_checks.findings(session, builders.an_operator())]


@pytest.fixture(autouse=True)
def _words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_checks, "_", lambda message, **_facts: message)


def test_a_good_store_passes(session: Session) -> None:
    _good(session)
    assert _found(session) == []


def test_an_empty_store_passes(session: Session) -> None:
    assert _found(session) == []


def test_only_who_keeps_the_store_may_check_it(session: Session) -> None:
    with pytest.raises(Problem) as refused:
        store_checks.findings(session, builders.a_cadre(session))
    assert refused.value.code == "access.forbidden"


def _drop_guard(session: Session, table: str, name: str) -> None:
    on = f" ON {table}" if session.get_bind().dialect.name == "postgresql" else ""
    session.execute(sa.text(f"DROP TRIGGER {name}{on}"))


def _audit_changed(session: Session) -> None:
    _drop_guard(session, "audit_entry", "audit_entry_no_update")
    session.execute(sa.text("UPDATE audit_entry SET actor = 'nobody'"))


def _case_without_intake(session: Session) -> None:
    session.execute(sa.delete(CaseStep))


def _case_out_of_step(session: Session) -> None:
    session.get_one(Case, "c1").state = CaseState.CLOSED


def _case_missing(session: Session) -> None:
    session.execute(sa.update(NumberSeries).values(last=3))


def _counter_behind(session: Session) -> None:
    session.execute(sa.update(NumberSeries).values(last=0))


def _no_head(session: Session) -> None:
    visited = session.get_one(Visit, "v1").household_id
    session.exec(select(Member).where(Member.household_id == visited)).one().left_on = builders.TODAY


def _visit_elsewhere(session: Session) -> None:
    session.get_one(Visit, "v1").household_id = builders.a_household(session).id


def _area_elsewhere(session: Session) -> None:
    session.get_one(Area, builders.FAR_VILLAGE).parent_code = builders.TOWNSHIP


def _diary_of_another_key(session: Session) -> None:
    sealed = crypto.Keyring(b"x" * 32).encrypt("visit.diary", b"?")
    session.execute(sa.text("UPDATE visit SET diary = :sealed"), {"sealed": sealed})


def _draft_damaged(session: Session) -> None:
    session.execute(sa.text("UPDATE draft SET payload = :sealed"), {"sealed": b"\x01" + b"0" * 40})


def _submission_changed(session: Session) -> None:
    _drop_guard(session, "submission", "submission_tombstone_only")
    sealed = crypto.current().encrypt("submission.payload", b"<other/>")
    session.execute(sa.text("UPDATE submission SET payload = :sealed"), {"sealed": sealed})


def _visit_in_another_area(session: Session) -> None:
    session.execute(sa.text("UPDATE visit SET area_code = :code"), {"code": builders.FAR_VILLAGE})


def _photo_in_another_area(session: Session) -> None:
    session.execute(sa.text("UPDATE attachment SET area_code = :code"), {"code": builders.FAR_VILLAGE})


def _case_in_another_village(session: Session) -> None:
    session.get_one(Case, "c1").area_code = builders.FAR_VILLAGE


def _trail_cut_off(session: Session) -> None:
    audit.mark(session)
    _drop_guard(session, "audit_entry", "audit_entry_no_delete")
    session.flush()
    session.execute(sa.text("DELETE FROM audit_entry"))


def _mark_forged(session: Session) -> None:
    audit.mark(session)
    fact = session.get_one(StoreFact, "audit_mark")
    fact.value = fact.value.replace("1 ", "2 ", 1)


def _photo_missing(_session: Session) -> None:
    attachment_files.path_of(DIGEST).unlink()


def _photo_cut_off(_session: Session) -> None:
    path = attachment_files.path_of(DIGEST)
    path.write_bytes(path.read_bytes()[:-3])


def _photo_of_a_draft_thrown_away(session: Session) -> None:
    attachment = session.get_one(Attachment, "a1")
    attachment.instance_id = "uuid:gone"
    session.flush()


def _photo_left_behind(_session: Session) -> None:
    path = attachment_files.path_of("f" * 64)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"sealed")
    os.utime(path, (1_700_000_000, 1_700_000_000))


def _photo_exchanged(_session: Session) -> None:
    _photo(b"another photo")


@pytest.mark.parametrize(
    ("damage", "what", "record"),
    [
        (_audit_changed, "The audit trail was changed", "audit_entry 1"),
        (_case_without_intake, "A case has no intake", "case 511922125-2026-000001"),
        (
            _case_out_of_step,
            "A case does not stand where its last step left it",
            "case 511922125-2026-000001",
        ),
        (_case_missing, "A number of the series is missing", "number_series 511922125-2026"),
        (_counter_behind, "The counter of a number series is behind", "number_series 511922125-2026"),
        (_no_head, "A household has not exactly one head", "household "),
        (_visit_elsewhere, "A visit and its submission name different households", "visit v1"),
        (_area_elsewhere, "An area's code does not begin with that of its parent", "area 511922101200"),
        (_diary_of_another_key, "An encrypted value cannot be read", "visit v1.diary"),
        (_draft_damaged, "An encrypted value cannot be read", "draft d1.payload"),
        (_submission_changed, "A submission is not what was received", "submission uuid:"),
        (_visit_in_another_area, "A record and its submission name different areas", "visit v1"),
        (_photo_in_another_area, "A record and its submission name different areas", "attachment a1"),
        (
            _case_in_another_village,
            "A case lies outside the village of its household",
            "case 511922125-2026-000001",
        ),
        (_trail_cut_off, "The audit trail was cut off or written anew", "audit_entry 1"),
        (_mark_forged, "The audit trail was cut off or written anew", "audit_entry 0"),
        (_photo_missing, "An attachment is missing or cannot be read", "attachment a1"),
        (_photo_cut_off, "An attachment is missing or cannot be read", "attachment a1"),
        (_photo_of_a_draft_thrown_away, "An attachment belongs to no filling", "attachment a1"),
        (_photo_left_behind, "A file belongs to no attachment", "f" * 64),
        (_photo_exchanged, "An attachment's content was changed", "attachment a1"),
    ],
)
def test_a_check_names_what_is_broken(
    session: Session, damage: Callable[[Session], None], what: str, record: str
) -> None:
    _good(session)
    damage(session)
    found = _found(session)
    assert any(words == what and named.startswith(record) for words, named in found), found


def _accepted(session: Session) -> str:
    """A visit that came in by the usual way and found one difficulty; its instance id."""
    actor, household = builders.a_cadre(session), builders.a_household(session)
    answers = with_difficulty("water") | {"four_difficulties/difficulty[4]/state": "not_asked"}
    return submissions.accept(session, actor, a_delivery(session, actor, household, answers)).instance_id


def test_an_accepted_visit_agrees_with_its_submission(session: Session) -> None:
    _accepted(session)
    assert _found(session) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE observation SET state = 'solved' WHERE difficulty = 'water'",
        "UPDATE observation SET asked = true, state = 'none' WHERE difficulty = 'school'",
        "UPDATE observation SET difficulty = 'wood' WHERE difficulty = 'road'",
        "DELETE FROM observation WHERE difficulty = 'road'",
        "UPDATE observation SET id = 'another' WHERE difficulty = 'road'",
    ],
)
def test_observations_changed_behind_the_program_are_named(session: Session, change: str) -> None:
    instance_id = _accepted(session)
    session.execute(sa.text(change))
    expected = ("The observations are not what the submission says", f"submission {instance_id}")
    assert _found(session) == [expected]


def test_a_case_of_a_household_that_moved_is_no_damage(session: Session) -> None:
    _good(session)
    case = session.get_one(Case, "c1")
    moved = session.get_one(Household, case.household_id)
    cadre = builders.a_cadre(session)
    audit.append(session, cadre, "household.add", kind="household", id=moved.id, area_code=moved.area_code)
    moved.area_code = builders.FAR_VILLAGE
    assert _found(session) == []


def test_a_mark_moves_on_and_a_whole_trail_passes(session: Session) -> None:
    _good(session)
    for _time in range(2):
        audit.mark(session)
        audit.append(session, builders.an_operator(), "test.act")
        assert _found(session) == []


def test_a_missing_guard_is_named(session: Session) -> None:
    _drop_guard(session, "submission", "submission_no_delete")
    assert _found(session) == [("A guard of the database is missing", "submission_no_delete")]


def test_a_dangling_reference_is_named(sqlite_store: db.Store) -> None:
    """Only SQLite lets one in, and only with its foreign keys off."""
    with db.session_scope() as session:
        _good(session)
    with sqlite_store.engine.connect() as connection:
        connection.rollback()
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA foreign_keys=OFF")
        driver.execute("UPDATE visit SET household_id = 'gone'")
        driver.execute("PRAGMA foreign_keys=ON")
    with db.reading() as session:
        found = _found(session)
    assert ("A record refers to one that is missing", "visit v1.household_id") in found


def test_an_erased_payload_is_no_damage(session: Session) -> None:
    _good(session)
    session.execute(sa.text("UPDATE submission SET payload = NULL"))
    assert _found(session) == []
