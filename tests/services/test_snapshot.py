"""Snapshots hold what may leave the store, of the actor's areas, and the audit trail knows of them."""

from __future__ import annotations

import errno
import json
import shutil
import tracemalloc
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest
from sqlmodel import Session, col, select

import survey.analysis
from models import AuditEntry, DifficultyState, Observation, Post, Residence, Satisfaction
from survey.analysis import snapshot
from survey.problems import Problem
from tests import builders as b

# Every personal text below contains one of these; none may be found in any file of a snapshot.
SECRETS = ("阿秘密", "5199011980010100", "15400001111", "只有日记知道", "秘密地址", "残疾证")


def fill(session: Session) -> None:
    """Two villages of the township and one of another, with a full household in each."""
    cadre = b.a_cadre(session)
    for number, area in enumerate((b.GROUP, b.OTHER_GROUP, b.FAR_VILLAGE)):
        household = b.a_household(
            session,
            area,
            head="阿秘密户主",
            address="秘密地址1号",
            phone="15400001111",
            lat=32.251234 + number,
            lon=106.981234,
            water_source="spring",
        )
        b.a_member(
            session,
            household,
            name="阿秘密之子",
            id_number="519901198001010019",
            birth_on=date(2015, 7, 8),
            health_note="残疾证",
            residence=Residence.STUDYING_AWAY,
        )
        b.a_hardship_file(session, household, category="disability", needs="残疾证补办")
        b.an_assignment(session, cadre, household)
        case = b.a_case(session, household, words="阿秘密说水断了", due_on=date(2026, 5, 20))
        for visited_on, state in ((date(2026, 3, 9), "exists"), (date(2026, 4, 2), "better")):
            visit = b.a_visit(
                session,
                household,
                cadre,
                visited_on=visited_on,
                entered_on=date(2026, 4, 4),
                diary="只有日记知道",
                satisfaction=Satisfaction.SATISFIED,
                policies_explained=["pension"],
                lat=32.2512,
                lon=106.9812,
            )
            session.add(
                Observation(
                    visit_id=visit.id,
                    household_id=household.id,
                    area_code=area,
                    observed_on=visited_on,
                    difficulty="water",
                    asked=True,
                    state=DifficultyState(state),
                    severity=2,
                    words="阿秘密说水断了",
                    case_id=case.id,
                )
            )
    session.flush()


def test_every_table_is_written_with_the_counts_of_the_manifest(session: Session, tmp_path: Path) -> None:
    fill(session)
    made = snapshot.make(session, b.an_operator(), tmp_path / "out")
    opened = survey.analysis.open(tmp_path / "out")
    assert dict(made.counts) == {
        "observations": 6,
        "visits": 6,
        "steps": 3,
        "cases": 3,
        "assignments": 3,
        "members": 6,
        "households": 3,
        "areas": 6,
    }
    assert opened.counts == made.counts and opened.scope == ("",)
    assert (tmp_path / "out").stat().st_mode & 0o077 == 0


def test_values_are_coarsened_to_village_month_and_age_band(session: Session, tmp_path: Path) -> None:
    fill(session)
    snapshot.make(session, b.an_operator(), tmp_path / "out")
    opened = survey.analysis.open(tmp_path / "out")
    visits = opened.visits.sort_values(["village", "visit_order"])
    assert set(visits["village"]) == {b.VILLAGE, b.OTHER_VILLAGE, b.FAR_VILLAGE}
    assert list(visits["visit_order"]) == [1, 2] * 3
    assert list(visits["month"]) == ["2026-03", "2026-04"] * 3
    assert list(visits["entry_delay_days"]) == [26, 2] * 3
    assert set(opened.households["kind"]) == {"disability"}
    child = opened.members[opened.members["residence"] == "studying_away"].iloc[0]
    assert child["age_band"] == snapshot.age_band(date(2015, 7, 8), datetime.now(UTC).date())
    case = opened.cases.iloc[0]
    assert (case["opened_month"], case["days_allowed"], case["state"]) == ("2026-05", 19, "taken_in")
    assert set(opened.areas["level"]) == {"county", "township", "village"}


def test_no_name_number_place_or_free_text_is_in_any_file(session: Session, tmp_path: Path) -> None:
    fill(session)
    snapshot.make(session, b.an_operator(), tmp_path / "out")
    for file in (tmp_path / "out").glob("*.parquet"):
        table = pd.read_parquet(file)
        text = table.to_csv()
        assert not [secret for secret in SECRETS if secret in text], file.name
        assert not {"lat", "lon", "words", "diary", "name", "id_number"} & (
            set(table.columns) - ({"name"} if file.stem == "areas" else set())
        )


def test_identifiers_join_inside_a_snapshot_and_nowhere_else(session: Session, tmp_path: Path) -> None:
    fill(session)
    ids = {row.id for row in session.exec(select(b.Household))} | {
        row.id for row in session.exec(select(b.Visit))
    }
    operator = b.an_operator()
    snapshot.make(session, operator, tmp_path / "one")
    snapshot.make(session, operator, tmp_path / "two")
    one, two = survey.analysis.open(tmp_path / "one"), survey.analysis.open(tmp_path / "two")
    assert len(one.observations.merge(one.visits, on="visit").merge(one.cases, on="case")) == 6
    assert set(one.visits["household"]) == set(one.households["household"])
    assert not set(one.households["household"]) & set(two.households["household"])
    assert not set(one.visits["visit"]) & (set(two.visits["visit"]) | ids)
    assert not set(one.households["household"]) & ids


def test_a_snapshot_holds_only_the_actors_areas(session: Session, tmp_path: Path) -> None:
    fill(session)
    analyst = b.a_cadre(session, Post.ANALYST, b.TOWNSHIP)
    made = snapshot.make(session, analyst, tmp_path / "out")
    opened = survey.analysis.open(tmp_path / "out")
    assert made.scope == (b.TOWNSHIP,)
    for name in ("households", "members", "visits", "observations", "cases", "assignments"):
        assert set(getattr(opened, name)["village"]) == {b.VILLAGE, b.OTHER_VILLAGE}, name
    assert len(opened.steps) == 2
    assert all(code.startswith(b.TOWNSHIP) for code in opened.areas["code"])


def test_who_may_not_make_one_gets_none(session: Session, tmp_path: Path) -> None:
    fill(session)
    for post in (Post.VILLAGE_HEAD, Post.TOWNSHIP_SECRETARY, Post.ADMINISTRATOR):
        with pytest.raises(Problem) as refused:
            snapshot.make(session, b.a_cadre(session, post, b.TOWNSHIP), tmp_path / "out")
        assert refused.value.code == "access.forbidden"
    assert not (tmp_path / "out").exists()


def test_the_audit_trail_names_who_made_it_and_of_what(session: Session, tmp_path: Path) -> None:
    fill(session)
    analyst = b.a_cadre(session, Post.ANALYST, b.TOWNSHIP)
    snapshot.make(session, analyst, tmp_path / "out")
    entry = session.exec(select(AuditEntry).where(col(AuditEntry.action) == "snapshot.make")).one()
    assert entry.cadre_id == analyst.cadre_id and entry.details == {"scope": [b.TOWNSHIP]}


def test_a_folder_in_use_is_left_alone(session: Session, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(Problem) as refused:
        snapshot.make(session, b.an_operator(), tmp_path / "out")
    assert refused.value.code == "analysis.folder_in_use"
    assert [path.name for path in tmp_path.rglob("*.txt")] == ["mine.txt"]


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (errno.ENOSPC, "analysis.disk_full", "磁盘已满"),
        (errno.EACCES, "analysis.no_permission", "没有写入权限"),
        (errno.ENOENT, "analysis.no_folder", "上级文件夹不存在"),
        (errno.EIO, "analysis.cannot_write", "请检查磁盘和文件夹"),
    ],
)
def test_what_cannot_be_written_leaves_nothing_behind_and_is_told_in_words(
    number: int, code: str, words: str, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(session)

    def fails(*_: object) -> None:
        raise OSError(number, errno.errorcode[number])

    monkeypatch.setattr(snapshot, "_write_manifest", fails)
    with pytest.raises(Problem) as failed:
        snapshot.make(session, b.an_operator(), tmp_path / "out")
    assert failed.value.code == code
    assert words in failed.value.text("zh")
    assert errno.errorcode[number] not in failed.value.text("zh")
    assert list(tmp_path.glob("*out*")) == []


def test_an_empty_store_gives_an_empty_but_readable_snapshot(session: Session, tmp_path: Path) -> None:
    snapshot.make(session, b.an_operator(), tmp_path / "out")
    opened = survey.analysis.open(tmp_path / "out")
    assert len(opened.visits) == 0 and list(opened.villages["code"]) == []


def test_memory_does_not_grow_with_the_store(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "BATCH_ROWS", 500)
    household = b.a_household(session)
    peaks = []
    for rows in (4_000, 16_000):
        session.bulk_insert_mappings(  # type: ignore[arg-type]
            b.Member,
            [
                {
                    "household_id": household.id,
                    "area_code": household.area_code,
                    "name": "测试",
                    "relation": "20",
                    "sex": "1",
                }
                for _ in range(rows)
            ],
        )
        session.flush()
        out = tmp_path / str(rows)
        tracemalloc.start()
        snapshot.make(session, b.an_operator(), out)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        shutil.rmtree(out)
    assert peaks[1] < peaks[0] * 1.5


def test_the_manifest_says_what_it_is(session: Session, tmp_path: Path) -> None:
    snapshot.make(session, b.an_operator(), tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert sorted(manifest) == ["counts", "made_at", "schema_version", "scope"]
    assert datetime.fromisoformat(manifest["made_at"]).tzinfo is not None
