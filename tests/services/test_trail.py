"""Reading the audit trail: by area, newest first, filtered; every action that is written has words."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

import survey
from models import AuditResult, Post
from survey.access import audit, trail
from survey.access.permissions import Actor
from survey.access.trail import EntryFilter
from survey.i18n import local
from survey.rules import codes
from tests.builders import COUNTY, FAR_VILLAGE, TOWNSHIP, VILLAGE, a_cadre, an_operator


@pytest.fixture
def inspector(session: Session) -> Actor:
    """The township's inspector; the trail holds one entry here, one far away, one about no area."""
    actor = a_cadre(session, Post.DISCIPLINE_INSPECTOR, TOWNSHIP)
    writer = a_cadre(session, name="测试记录人")
    audit.append(session, writer, "household.update", kind="household", id="1", area_code=VILLAGE)
    audit.append(session, writer, "case.step", kind="case", id="2", area_code=FAR_VILLAGE)
    audit.append(session, an_operator(), "store.backup", result=AuditResult.REFUSED)
    return actor


def actions(session: Session, actor: Actor, **chosen: object) -> list[str]:
    return [row.action for row in trail.entries(session, actor, EntryFilter(**chosen)).rows]  # type: ignore[arg-type]


def test_a_township_sees_its_own_and_a_county_all(session: Session, inspector: Actor) -> None:
    chief = a_cadre(session, Post.DISCIPLINE_INSPECTOR, COUNTY)
    assert actions(session, inspector) == ["household.update"]
    assert actions(session, chief) == ["store.backup", "case.step", "household.update"]


def test_an_entry_names_the_person_or_the_operator(session: Session, inspector: Actor) -> None:
    rows = trail.entries(session, an_operator()).rows
    assert [row.who for row in rows] == ["cli:tester", "测试记录人", "测试记录人"]


def test_entries_are_filtered_by_subject_day_and_refusal(session: Session, inspector: Actor) -> None:
    operator = an_operator()
    today = local(datetime.now(UTC)).date()
    assert actions(session, operator, subject="case") == ["case.step"]
    assert actions(session, operator, refused_only=True) == ["store.backup"]
    assert len(actions(session, operator, since=today, until=today)) == 3
    assert actions(session, operator, since=today + timedelta(days=1)) == []
    assert actions(session, operator, until=today - timedelta(days=1)) == []


def test_the_list_is_paged(session: Session, inspector: Actor) -> None:
    page = trail.entries(session, an_operator(), limit=1, offset=1)
    assert ([row.action for row in page.rows], page.total) == (["case.step"], 3)


def test_a_long_trail_is_counted_only_so_far(
    session: Session, inspector: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "MOST_COUNTED", 2)
    page = trail.entries(session, an_operator(), limit=10)
    assert (len(page.rows), page.total) == (3, 2)


def test_every_action_that_is_written_has_words_and_every_subject_finds_some() -> None:
    sources = [file.read_text(encoding="utf-8") for file in Path(survey.__file__).parent.rglob("*.py")]
    call = re.compile(r"(?:audit\.append|_audit\w*|_record\w*)\((?:[^()]|\([^()]*\))*?\"([a-z_]+\.[a-z_]+)\"")
    written = {action for source in sources for action in call.findall(source)}
    labelled = set(codes.keys("audit_action"))
    assert len(written) > 25
    assert written <= labelled, f"without words: {sorted(written - labelled)}"
    subjects = codes.keys("audit_subject")
    assert [key for key in labelled if not key.startswith((*subjects, "demo"))] == []
