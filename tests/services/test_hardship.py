"""Hardship files: opening, changing, closing, what is due, and the spread of the work."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from models import AuditEntry, HardshipContact, HardshipFile, HouseholdStatus, Post
from survey.access.permissions import Actor
from survey.fieldwork import hardship
from survey.problems import Problem
from tests.builders import (
    GROUP,
    OTHER_GROUP,
    OTHER_VILLAGE,
    SECOND_GROUP,
    TODAY,
    TOWNSHIP,
    VILLAGE,
    a_cadre,
    a_hardship_file,
    a_household,
    a_submission,
    an_assignment,
)


def opened(session: Session, actor: Actor, **over: Any) -> hardship.FileView:
    """A file of a new household, opened by the service."""
    family = over.pop("household", None) or a_household(session)
    values = {"category": "subsistence", "main_cause": "illness", "on": TODAY} | over
    return hardship.open_file(session, actor, family.id, **values)


def refused(caught: pytest.ExceptionInfo[Problem]) -> str:
    assert caught.value.text("zh") and caught.value.text("en")
    return caught.value.code


def test_opened_file_is_stored_audited_and_due_after_the_interval(session: Session) -> None:
    actor = a_cadre(session)
    view = opened(session, actor, causes=["disability"], needs="轮椅", measures=["medical", "medical"])
    row = session.get_one(HardshipFile, view.id)
    assert (row.category, row.main_cause, row.causes, row.measures) == (
        "subsistence",
        "illness",
        ["illness", "disability"],
        ["medical"],
    )
    assert row.next_contact_on == TODAY + timedelta(days=31)
    entry = session.exec(select(AuditEntry)).one()
    assert (entry.action, entry.object_id, entry.area_code) == ("hardship.open", view.id, GROUP)
    assert "轮椅" not in str(entry.details)


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"category": "rich"}, "households.unknown_code"),
        ({"main_cause": "laziness"}, "households.unknown_code"),
        ({"causes": ["nonsense"]}, "households.unknown_code"),
        ({"measures": ["nonsense"]}, "households.unknown_code"),
        ({"needs": "需" * 1001}, "households.too_long"),
        ({"next_contact_on": date(2026, 5, 5)}, "hardship.dates"),
    ],
)
def test_wrong_value_is_refused_and_nothing_is_opened(
    session: Session, over: dict[str, Any], code: str
) -> None:
    actor = a_cadre(session)
    with pytest.raises(Problem) as caught:
        opened(session, actor, **over)
    assert refused(caught) == code
    assert session.exec(select(HardshipFile)).all() == []


def test_household_has_one_open_file(session: Session) -> None:
    actor = a_cadre(session)
    family = a_household(session)
    first = opened(session, actor, household=family)
    with pytest.raises(Problem) as caught:
        opened(session, actor, household=family)
    assert refused(caught) == "hardship.already_open"
    hardship.close_file(session, actor, first.id, seen_version=first.version, on=TODAY)
    second = opened(session, actor, household=family)
    now_open = hardship.file_of(session, actor, family.id, on=TODAY)
    assert now_open is not None and now_open.id == second.id
    assert session.get_one(HardshipFile, first.id).closed_on == TODAY


def test_household_that_left_gets_no_file(session: Session) -> None:
    actor = a_cadre(session)
    with pytest.raises(Problem) as caught:
        opened(session, actor, household=a_household(session, status=HouseholdStatus.MOVED_AWAY))
    assert refused(caught) == "households.not_active"


def test_change_keeps_the_main_cause_among_the_causes(session: Session) -> None:
    actor = a_cadre(session)
    view = opened(session, actor, causes=["disability"])
    hardship.update_file(
        session,
        actor,
        view.id,
        {"main_cause": "schooling", "needs": "学费"},
        seen_version=view.version,
        on=TODAY,
    )
    row = session.get_one(HardshipFile, view.id)
    assert (row.main_cause, row.causes, row.needs) == (
        "schooling",
        ["schooling", "illness", "disability"],
        "学费",
    )


def test_second_writer_gets_a_conflict(session: Session) -> None:
    actor = a_cadre(session)
    view = opened(session, actor)
    hardship.update_file(session, actor, view.id, {"needs": "先"}, seen_version=view.version, on=TODAY)
    with pytest.raises(Problem) as caught:
        hardship.update_file(session, actor, view.id, {"needs": "后"}, seen_version=view.version, on=TODAY)
    assert refused(caught) == "hardship.changed_meanwhile"
    assert session.get_one(HardshipFile, view.id).needs == "先"


def test_closed_file_is_not_changed(session: Session) -> None:
    actor = a_cadre(session)
    file = a_hardship_file(session, closed_on=date(2026, 2, 1))
    with pytest.raises(Problem) as caught:
        hardship.update_file(session, actor, file.id, {"needs": "x"}, seen_version=1, on=TODAY)
    assert refused(caught) == "hardship.closed"


def test_file_is_not_closed_before_it_was_opened(session: Session) -> None:
    actor = a_cadre(session)
    view = opened(session, actor)
    with pytest.raises(Problem) as caught:
        hardship.close_file(session, actor, view.id, seen_version=1, on=date(2026, 5, 5))
    assert refused(caught) == "hardship.dates"


def test_file_outside_scope_is_not_found(session: Session) -> None:
    actor = a_cadre(session)
    far = a_household(session, area=OTHER_GROUP)
    file = a_hardship_file(session, far)
    for act in (
        lambda: hardship.file(session, actor, file.id, on=TODAY),
        lambda: hardship.contacts(session, actor, file.id),
        lambda: hardship.update_file(session, actor, file.id, {}, seen_version=1, on=TODAY),
        lambda: opened(session, actor, household=far),
    ):
        with pytest.raises(Problem) as caught:
            act()
        assert refused(caught) == "access.not_found"
    assert hardship.file_of(session, actor, far.id, on=TODAY) is None


def test_leader_reads_and_does_not_write(session: Session) -> None:
    leader = a_cadre(session, Post.TOWNSHIP_MAYOR, TOWNSHIP)
    file = a_hardship_file(session)
    assert hardship.file(session, leader, file.id, on=TODAY).id == file.id
    with pytest.raises(Problem) as caught:
        hardship.close_file(session, leader, file.id, seen_version=1, on=TODAY)
    assert refused(caught) == "access.forbidden"


def test_due_are_those_within_the_horizon_or_without_a_date_longest_overdue_first(session: Session) -> None:
    actor = a_cadre(session)
    days = {"逾期": -10, "今天": 0, "临近": 7, "以后": 8, "没定": None}
    for name, offset in days.items():
        next_on = None if offset is None else TODAY + timedelta(days=offset)
        a_hardship_file(session, a_household(session, head=name), next_contact_on=next_on)
    a_hardship_file(
        session, a_household(session, head="结束"), next_contact_on=TODAY, closed_on=date(2026, 2, 1)
    )
    gone = a_household(session, head="走了", status=HouseholdStatus.MOVED_AWAY)
    a_hardship_file(session, gone, next_contact_on=TODAY)
    page = hardship.due(session, actor, TODAY)
    assert [row.head_name for row in page.rows] == ["没定", "逾期", "今天", "临近"]
    assert [row.days_overdue(TODAY) for row in page.rows] == [0, 10, 0, 0]
    assert (page.total, page.more) == (4, False)


def test_due_may_be_the_actors_own_only(session: Session) -> None:
    actor, other = a_cadre(session), a_cadre(session)
    mine, others = a_household(session, head="我的"), a_household(session, head="他的")
    for family, cadre in ((mine, actor), (others, other)):
        a_hardship_file(session, family)
        an_assignment(session, cadre, family)
    an_assignment(session, actor, others, ends_on=date(2026, 5, 5))
    page = hardship.due(session, actor, TODAY, mine=True)
    assert [(row.head_name, row.contact_name) for row in page.rows] == [("我的", actor.name)]
    assert len(hardship.due(session, actor, TODAY).rows) == 2


def test_files_are_filtered_paged_and_scoped(session: Session) -> None:
    actor = a_cadre(session, Post.MASS_WORK_MEMBER, TOWNSHIP)
    a_hardship_file(
        session, a_household(session, head="甲"), category="disability", next_contact_on=date(2026, 5, 5)
    )
    a_hardship_file(
        session,
        a_household(session, head="乙", area=SECOND_GROUP),
        category="disaster",
        next_contact_on=TODAY,
    )
    a_hardship_file(session, a_household(session, head="丙", area=OTHER_GROUP), category="disaster")
    a_hardship_file(session, a_household(session, head="丁"), closed_on=date(2026, 3, 1))

    def heads(asker: Actor = actor, **over: Any) -> list[str]:
        return [row.head_name for row in hardship.files(session, asker, on=TODAY, **over).rows]

    assert heads() == ["甲", "乙", "丙"]
    assert heads(category="disaster") == ["乙", "丙"]
    assert heads(overdue_only=True) == ["甲"]
    assert heads(area_code=OTHER_VILLAGE) == ["丙"]
    assert heads(closed=True) == ["丁"]
    assert heads(limit=1, offset=1) == ["乙"]
    assert heads(a_cadre(session)) == ["甲", "乙"]
    assert hardship.files(session, actor, on=TODAY, limit=1).total == 3


def test_contacts_are_listed_newest_first_with_the_last_in_the_row(session: Session) -> None:
    actor = a_cadre(session)
    file = a_hardship_file(session)
    for day in (1, 3, 2):
        session.add(
            HardshipContact(
                instance_id=a_submission(session, actor).instance_id,
                file_id=file.id,
                household_id=file.household_id,
                area_code=file.area_code,
                cadre_id=actor.cadre_id or 0,
                contacted_on=date(2026, 4, day),
                help_given=["medical"],
                words=f"第{day}次",
            )
        )
    session.flush()
    found = hardship.contacts(session, actor, file.id)
    assert [(c.words, c.cadre_name) for c in found] == [
        ("第3次", actor.name),
        ("第2次", actor.name),
        ("第1次", actor.name),
    ]
    assert hardship.files(session, actor, on=TODAY).rows[0].last_contact_on == date(2026, 4, 3)


def _carries(session: Session, cadre: Actor, number: int) -> None:
    for _index in range(number):
        family = a_household(session)
        a_hardship_file(session, family)
        an_assignment(session, cadre, family)


@pytest.mark.parametrize(
    ("number", "too_few", "too_many"),
    [(0, True, False), (2, True, False), (3, False, False), (5, False, False), (6, False, True)],
)
def test_village_cadre_with_fewer_than_three_or_more_than_five_is_marked(
    session: Session, number: int, too_few: bool, too_many: bool
) -> None:
    cadre = a_cadre(session, Post.VILLAGE_COMMITTEE_MEMBER)
    _carries(session, cadre, number)
    work = hardship.workload(session, cadre, TODAY)
    assert [(w.cadre_id, w.households, w.too_few, w.too_many) for w in work] == [
        (cadre.cadre_id, number, too_few, too_many)
    ]
    assert (work[0].fewest, work[0].most) == (3, 5)


def test_only_open_files_of_households_in_place_count(session: Session) -> None:
    cadre = a_cadre(session, Post.VILLAGE_SECRETARY)
    _carries(session, cadre, 1)
    an_assignment(session, cadre, a_household(session))
    closed = a_household(session)
    a_hardship_file(session, closed, closed_on=date(2026, 1, 31))
    an_assignment(session, cadre, closed)
    gone = a_household(session, status=HouseholdStatus.MOVED_AWAY)
    a_hardship_file(session, gone)
    an_assignment(session, cadre, gone)
    past = a_household(session)
    a_hardship_file(session, past)
    an_assignment(session, cadre, past, ends_on=date(2026, 5, 5))
    assert [w.households for w in hardship.workload(session, cadre, TODAY)] == [1]


def test_workload_is_of_village_cadres_in_scope(session: Session) -> None:
    head = a_cadre(session)
    a_cadre(session, Post.VILLAGE_HEAD, OTHER_VILLAGE)
    a_cadre(session, Post.STATIONED_CADRE, VILLAGE)
    assert [w.cadre_id for w in hardship.workload(session, head, TODAY)] == [head.cadre_id]
    office = a_cadre(session, Post.MASS_WORK_MEMBER, TOWNSHIP)
    assert len(hardship.workload(session, office, TODAY)) == 2
    assert len(hardship.workload(session, office, TODAY, area_code=VILLAGE)) == 1
    with pytest.raises(Problem):
        hardship.workload(session, a_cadre(session, Post.GROUP_INFORMANT, GROUP), TODAY)


def test_rows_of_the_list_name_no_needs(session: Session) -> None:
    actor = a_cadre(session)
    opened(session, actor, needs="只在档案里")
    assert "只在档案里" not in repr(hardship.files(session, actor, on=TODAY))
    assert (
        session.exec(select(HardshipFile.needs).where(col(HardshipFile.needs).is_not(None))).one()
        == "只在档案里"
    )
