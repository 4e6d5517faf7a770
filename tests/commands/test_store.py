"""`minqing check`, `backup` and `restore` as an operator runs them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlmodel import select

from models import AuditEntry, Household
from survey import cli, crypto, db, opening
from survey.config import Settings
from tests import builders


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINQING_LANGUAGE", "en")


@pytest.fixture
def places(sqlite_settings: Settings) -> list[str]:
    with opening.opened(sqlite_settings), db.session_scope() as session:
        builders.a_visit(session)
    return ["--data", str(sqlite_settings.data_dir), "--key", str(sqlite_settings.key_path)]


def test_check_names_what_is_broken_and_exits_1(
    places: list[str], sqlite_settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with opening.opened(sqlite_settings), db.session_scope() as session:
        household = builders.a_household(session, code="without-head")
        builders.a_member(session, household, relation="02", left_on=builders.TODAY)
        for member in session.exec(
            select(builders.Member).where(builders.Member.household_id == household.id)
        ):
            member.left_on = builders.TODAY
    assert cli.run(["check", *places]) == 1
    told = capsys.readouterr()
    assert "A household has not exactly one head: household without-head" in told.err
    assert told.out == ""


def test_check_passes_a_good_store(places: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check", *places]) == 0
    assert "in order" in capsys.readouterr().out


def test_backup_and_restore_need_no_key_and_are_audited(
    places: list[str], sqlite_settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = ["--key", str(tmp_path / "no.key")]
    assert cli.run(["backup", "--out", str(tmp_path / "b.zip"), "--data", places[1], *nowhere]) == 0
    assert "is not in it" in capsys.readouterr().out
    there = tmp_path / "there"
    assert cli.run(["restore", str(tmp_path / "b.zip"), "--data", str(there), *nowhere]) == 0
    assert "put the store's own key there" in capsys.readouterr().err
    restored = Settings(there, f"sqlite:///{there / 'minqing.db'}", sqlite_settings.key_path)
    with opening.opened(restored), db.reading() as session:
        acts = [entry.action for entry in session.exec(select(AuditEntry).order_by(AuditEntry.sequence))]  # type: ignore[arg-type]
        assert len(session.exec(select(Household)).all()) == 1
    assert acts == ["store.backup", "store.restore"]
    assert cli.run(["check", "--data", str(there), *places[2:]]) == 0


def test_a_restored_store_names_no_missing_key_when_the_key_fits(
    places: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["backup", "--out", str(tmp_path / "b.zip"), *places]) == 0
    assert cli.run(["restore", str(tmp_path / "b.zip"), "--data", str(tmp_path / "there"), *places[2:]]) == 0
    assert capsys.readouterr().err == ""


def test_restore_over_a_store_needs_replace(
    places: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["backup", "--out", str(tmp_path / "b.zip"), *places]) == 0
    assert cli.run(["restore", str(tmp_path / "b.zip"), *places]) == 2
    assert "--replace" in capsys.readouterr().err
    assert cli.run(["restore", str(tmp_path / "b.zip"), "--replace", *places]) == 0


def test_a_lost_key_is_told_with_its_place_and_remedy(
    places: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["check", *places[:2], "--key", str(tmp_path / "lost.key")]) == 2
    told = capsys.readouterr().err
    assert str(tmp_path / "lost.key") in told
    assert "--key" in told
    crypto.create_key(tmp_path / "other.key")
    assert cli.run(["check", *places[:2], "--key", str(tmp_path / "other.key")]) == 2
    assert "does not belong to this store" in capsys.readouterr().err


def test_a_backup_into_no_folder_is_told(
    places: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["backup", "--out", str(tmp_path / "no" / "folder" / "b.zip"), *places]) == 2
    assert "cannot be written" in capsys.readouterr().err
