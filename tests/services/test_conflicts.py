"""Conflicts of updates: both values are kept, and a person chooses."""

from __future__ import annotations

from sqlmodel import Session, select

from models import ConflictChoice, ConflictKind, HardshipFile, Household, Post, UpdateConflict
from survey.access.permissions import Actor
from survey.fieldwork import conflicts, hardship, households
from survey.questionnaires import library, submissions
from tests.builders import NOW, OTHER_VILLAGE, TODAY, TOWNSHIP, VILLAGE, a_cadre, a_hardship_file, a_household
from tests.fillings import a_draft, answered, no_problem
from tests.services.test_corrections import LATER, refused


def an_office(session: Session) -> Actor:
    return a_cadre(session, Post.MASS_WORK_DIRECTOR, TOWNSHIP)


def a_conflict(
    session: Session, answers: dict[str, str], changes: dict[str, object]
) -> tuple[Actor, Household]:
    """A visit begun, the register changed by the office, the visit handed in; the office and the household."""
    actor, office = a_cadre(session), an_office(session)
    household = a_household(session, housing="safe", water_source="spring", head="测试赵户")
    draft = a_draft(session, actor, household)
    answered(session, actor, draft, no_problem() | answers)
    seen = households.household(session, office, household.id, on=TODAY)
    households.save_household(session, office, household.id, changes, seen=seen, on=TODAY)
    submissions.submit_draft(session, actor, draft.instance_id, now=NOW)
    return office, household


def a_conflict_in_a_file(session: Session) -> tuple[Actor, HardshipFile]:
    """A contact begun, the file's needs changed by the office, the contact handed in; the office and the file."""
    actor, office, household = a_cadre(session), an_office(session), a_household(session)
    file = a_hardship_file(session, household, needs="测试甲")
    draft = a_draft(session, actor, household, library.CONTACT_FORM)
    answers = {"contact/mode": "phone", "contact/words": "测试", "contact/next_contact_on": "2026-07-01"}
    answered(session, actor, draft, answers | {"file/needs": "测试丙", "file/measures": "water"})
    hardship.update_file(session, office, file.id, {"needs": "测试乙"}, seen_version=1, on=TODAY)
    submissions.submit_draft(session, actor, draft.instance_id, now=NOW)
    return office, file


def the_one(session: Session, office: Actor) -> conflicts.ConflictView:
    page = conflicts.waiting(session, office)
    assert page.total == len(page.rows) == 1
    return page.rows[0]


def test_the_same_field_is_a_hard_conflict_and_not_applied__ok(session: Session) -> None:
    office, household = a_conflict(session, {"living/housing": "grade_c"}, {"housing": "grade_d"})
    found = the_one(session, office)
    assert (found.kind, found.field, found.head_name) == (ConflictKind.HARD, "housing", "测试赵户")
    assert (found.sent, found.kept, found.present) == ("C级危房", "D级危房", "D级危房")
    assert session.get_one(Household, household.id).housing == "grade_d"


def test_another_field_is_a_soft_conflict_and_applied__ok(session: Session) -> None:
    office, household = a_conflict(session, {"living/water_source": "piped"}, {"address": "测试路1号"})
    found = the_one(session, office)
    assert (found.kind, found.field) == (ConflictKind.SOFT, "water_source")
    assert (found.sent, found.kept, found.present) == ("自来水", "山泉水", "自来水")
    assert session.get_one(Household, household.id).water_source == "piped"


def test_choosing_the_value_sent_writes_it_and_closes_the_conflict__ok(session: Session) -> None:
    office, household = a_conflict(session, {"living/housing": "grade_c"}, {"housing": "grade_d"})
    found = the_one(session, office)
    conflicts.resolve(
        session, office, found.id, ConflictChoice.SENT, record_version=found.record_version, now=LATER
    )
    changed = session.get_one(Household, household.id)
    assert (changed.housing, changed.version) == ("grade_c", found.record_version + 1)
    row = session.get_one(UpdateConflict, found.id)
    assert (row.chosen, row.resolved_by_id, row.resolved_at) == (ConflictChoice.SENT, office.cadre_id, LATER)
    assert conflicts.waiting(session, office).total == 0
    (kept,) = conflicts.of_fillings(session, office, (found.instance_id,))
    assert kept.resolved_by_name == office.name


def test_choosing_the_value_kept_leaves_the_record__ok(session: Session) -> None:
    office, household = a_conflict(session, {"living/housing": "grade_c"}, {"housing": "grade_d"})
    found = the_one(session, office)
    conflicts.resolve(
        session, office, found.id, ConflictChoice.KEPT, record_version=found.record_version, now=LATER
    )
    assert session.get_one(Household, household.id).version == found.record_version
    assert session.get_one(Household, household.id).housing == "grade_d"


def test_the_value_before_can_be_chosen_for_what_was_applied__ok(session: Session) -> None:
    office, household = a_conflict(session, {"living/water_source": "piped"}, {"address": "测试路1号"})
    found = the_one(session, office)
    conflicts.resolve(
        session, office, found.id, ConflictChoice.KEPT, record_version=found.record_version, now=LATER
    )
    assert session.get_one(Household, household.id).water_source == "spring"


def test_needs_of_a_file_are_kept_encrypted_with_both_values__ok(session: Session) -> None:
    office, file = a_conflict_in_a_file(session)
    found = {view.field: view for view in conflicts.waiting(session, office).rows}
    assert (found["needs"].kind, found["needs"].sent, found["needs"].kept) == (
        ConflictKind.HARD,
        "测试丙",
        "测试乙",
    )
    assert (found["measures"].kind, found["measures"].sent) == (ConflictKind.SOFT, "饮水")
    raw = session.connection().exec_driver_sql("SELECT sent_value FROM update_conflict").scalars().first()
    assert "测试".encode() not in bytes(raw or b"")
    chosen = found["needs"]
    conflicts.resolve(
        session, office, chosen.id, ConflictChoice.SENT, record_version=chosen.record_version, now=LATER
    )
    assert session.get_one(HardshipFile, file.id).needs == "测试丙"


def test_a_conflict_in_a_file_is_for_who_may_read_the_file__ok(session: Session) -> None:
    office, _file = a_conflict_in_a_file(session)
    sent = conflicts.waiting(session, office).rows[0].instance_id
    reader, informant = a_cadre(session), a_cadre(session, Post.GROUP_INFORMANT, VILLAGE)
    fields = {view.field for view in conflicts.of_fillings(session, reader, (sent,))}
    assert fields == {"needs", "measures"}
    assert conflicts.of_fillings(session, informant, (sent,)) == ()


def test_hard_ones_come_first_and_by_village__ok(session: Session) -> None:
    answers = {"living/housing": "grade_c", "living/water_source": "piped"}
    office, _household = a_conflict(session, answers, {"housing": "grade_d"})
    rows = conflicts.waiting(session, office).rows
    assert [row.kind for row in rows] == [ConflictKind.HARD, ConflictKind.SOFT]
    assert conflicts.waiting(session, office, village=VILLAGE).total == 2
    assert conflicts.waiting(session, office, village=OTHER_VILLAGE).total == 0
    assert len(conflicts.waiting(session, office, limit=1, offset=1).rows) == 1


def test_a_record_that_changed_since_it_was_shown__error(session: Session) -> None:
    office, household = a_conflict(session, {"living/housing": "grade_c"}, {"housing": "grade_d"})
    found = the_one(session, office)
    seen = households.household(session, office, household.id, on=TODAY)
    households.save_household(session, office, household.id, {"housing": "no_home"}, seen=seen, on=TODAY)

    def choose(version: int) -> None:
        conflicts.resolve(session, office, found.id, ConflictChoice.SENT, record_version=version, now=LATER)

    refused("conflicts.changed", lambda: choose(found.record_version))
    assert session.get_one(Household, household.id).housing == "no_home"
    assert the_one(session, office).present == "无自有住房"
    choose(the_one(session, office).record_version)
    refused("conflicts.resolved", lambda: choose(found.record_version))
    assert session.exec(select(Household.housing).where(Household.id == household.id)).one() == "grade_c"
