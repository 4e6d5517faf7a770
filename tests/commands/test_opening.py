"""Opening a store: its key, its age, and what is said when it cannot be opened."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from survey import cli, crypto, db, opening, upgrades
from survey.config import Settings
from survey.problems import Problem
from tests.services.test_areas import a_list


def _new(folder: Path) -> Settings:
    data = folder / "new-data"
    return Settings(data, f"sqlite:///{data / 'minqing.db'}", folder / "keys" / "minqing.key")


def _code(settings: Settings, *, create: bool = False) -> str:
    with pytest.raises(Problem) as refused:
        opening.open_store(settings, create=create)
    return refused.value.code


def test_a_new_store_gets_tables_and_a_key_outside_its_folder(tmp_path: Path) -> None:
    settings = _new(tmp_path)
    with opening.opened(settings, create=True) as store:
        assert upgrades.is_current(store.engine)
        with db.reading() as session:
            assert db.fact(session, db.KEY_FACT) == crypto.load_key(settings.key_path).fingerprint
    assert settings.key_path.stat().st_mode & 0o777 == 0o600
    assert settings.data_dir not in settings.key_path.parents


def test_a_store_opens_again_with_its_key(tmp_path: Path) -> None:
    settings = _new(tmp_path)
    opening.open_store(settings, create=True)
    opening.close()
    with opening.opened(settings):
        assert db.current().settings == settings
    with pytest.raises(Problem, match="No store is open"):
        db.current()


def test_a_store_whose_key_is_lost_is_refused_and_gets_no_new_key(tmp_path: Path) -> None:
    settings = _new(tmp_path)
    opening.open_store(settings, create=True)
    opening.close()
    settings.key_path.unlink()
    assert _code(settings, create=True) == "store.no_key"
    assert not settings.key_path.exists()


def test_another_key_is_refused(sqlite_settings: Settings, tmp_path: Path) -> None:
    crypto.create_key(tmp_path / "another.key")
    assert _code(replace(sqlite_settings, key_path=tmp_path / "another.key")) == "store.wrong_key"


@pytest.mark.parametrize("content", ["", "abc", "zz" * 32])
def test_a_damaged_key_is_refused(sqlite_settings: Settings, tmp_path: Path, content: str) -> None:
    damaged = tmp_path / "damaged.key"
    damaged.write_text(content)
    assert _code(replace(sqlite_settings, key_path=damaged)) == "store.key_unreadable"


def test_a_store_is_not_made_unasked(tmp_path: Path) -> None:
    settings = _new(tmp_path)
    assert _code(settings) == "store.missing"
    assert not settings.data_dir.exists()
    assert not settings.key_path.exists()


def test_a_file_that_is_no_database_is_told(sqlite_settings: Settings) -> None:
    (sqlite_settings.data_dir / "minqing.db").write_bytes(b"not a database" * 1000)
    assert _code(sqlite_settings) == "store.damaged"


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("postgresql+psycopg://nobody:secret@127.0.0.1:1/none", "store.unreachable"),
        ("no address", "store.bad_address"),
        ("mysterydb://x", "store.bad_address"),
        ("mysql://user:secret@x/y", "store.bad_address"),
        ("oracle://user:secret@x/y", "store.bad_address"),
        ("postgresql+psycopg2://user:secret@x/y", "store.bad_address"),
        ("postgresql://nobody:secret@127.0.0.1:1/none", "store.unreachable"),
        ("sqlite://", "store.bad_address"),
        ("sqlite+aiosqlite:///x.db", "store.bad_address"),
    ],
)
def test_a_wrong_database_address_is_told_without_its_password(
    sqlite_settings: Settings, address: str, code: str
) -> None:
    with pytest.raises(Problem) as refused:
        opening.open_store(replace(sqlite_settings, database_url=address))
    assert refused.value.code == code
    assert "secret" not in refused.value.text("en")


@pytest.mark.parametrize("address", ["mysql://x", "oracle://x"])
def test_another_database_is_one_sentence_on_the_command_line(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", address)
    monkeypatch.setenv("MINQING_LANGUAGE", "en")
    for command in (["check"], ["backup", "--out", str(tmp_path / "b.zip")]):
        assert cli.run([*command, "--data", str(tmp_path / "data")]) == 2
        told = capsys.readouterr().err
        assert told.startswith("DATABASE_URL is not the address of a SQLite or PostgreSQL database.")
        assert len(told.splitlines()) == 1
    assert not (tmp_path / "data").exists()


def test_a_store_that_is_missing_at_a_given_address_is_told_by_that_address(
    sqlite_settings: Settings, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere.db"
    with pytest.raises(Problem) as refused:
        opening.open_store(replace(sqlite_settings, database_url=f"sqlite:///{elsewhere}"))
    assert refused.value.code == "store.none_at_address"
    assert str(elsewhere) in refused.value.text("en")
    assert "--data" not in refused.value.text("en")


def test_a_database_file_that_cannot_be_made_is_told_by_its_address(
    sqlite_settings: Settings, tmp_path: Path
) -> None:
    nowhere = tmp_path / "nowhere" / "store.db"
    with pytest.raises(Problem) as refused:
        opening.open_store(replace(sqlite_settings, database_url=f"sqlite:///{nowhere}"), create=True)
    assert refused.value.code == "store.unreachable"
    assert str(nowhere) in refused.value.text("en")


@pytest.mark.parametrize("exists", [False, True])
def test_a_new_data_folder_is_closed_to_other_users(exists: bool, tmp_path: Path) -> None:
    settings = _new(tmp_path)
    if exists:
        settings.data_dir.mkdir(mode=0o755)
    with opening.opened(settings, create=True):
        assert settings.data_dir.stat().st_mode & 0o777 == 0o700


def test_a_data_folder_with_content_keeps_the_mode_its_owner_chose(sqlite_settings: Settings) -> None:
    sqlite_settings.data_dir.chmod(0o750)
    with opening.opened(sqlite_settings, create=True):
        assert sqlite_settings.data_dir.stat().st_mode & 0o777 == 0o750


def test_what_the_command_line_makes_is_for_its_user_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "villages.csv"
    file.write_bytes(a_list("511922125200,余家坪村,兴马镇"))
    places = ["--data", str(tmp_path / "data"), "--key", str(tmp_path / "minqing.key")]
    monkeypatch.setattr(sys, "argv", ["minqing", "import", "areas", str(file), "--commit", *places])
    before = os.umask(0o022)
    try:
        with pytest.raises(SystemExit) as ended:
            cli.main()
    finally:
        os.umask(before)
    assert ended.value.code == 0
    made = [tmp_path / "data", *(tmp_path / "data").rglob("*")]
    assert tmp_path / "data" / "minqing.db" in made
    assert [path.name for path in made if path.stat().st_mode & 0o077] == []


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "new-data").write_text("a file")
    assert _code(_new(tmp_path), create=True) == "store.no_folder"


def test_an_older_store_is_backed_up_before_its_upgrade(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def behind(_engine: sa.Engine, *, before: object) -> bool:
        assert callable(before)
        before("0001")
        asked.append("0001")
        return True

    monkeypatch.setattr(upgrades, "upgrade", behind)
    with opening.opened(sqlite_settings):
        assert asked == ["0001"]
    made = list((sqlite_settings.data_dir / "backups").iterdir())
    assert [path.name.startswith("before-upgrade-of-0001-") for path in made] == [True]


def test_an_upgrade_asks_for_the_backup_first_and_only_when_behind(
    sqlite_store: db.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    present = upgrades.newest_revision()
    monkeypatch.setattr(upgrades, "newest_revision", lambda: "9999")
    monkeypatch.setattr(upgrades, "migrate", lambda _connection, to: order.append(f"migrate {to}"))
    assert upgrades.upgrade(sqlite_store.engine, before=lambda found: order.append(f"backup {found}"))
    assert order == [f"backup {present}", "migrate head"]
    monkeypatch.undo()
    assert not upgrades.upgrade(sqlite_store.engine, before=lambda found: order.append(f"backup {found}"))
    assert len(order) == 2


_OPEN = """
import sys
from pathlib import Path
from survey import opening
from survey.config import Settings
data = Path(sys.argv[1])
opening.open_store(Settings(data, f"sqlite:///{data / 'minqing.db'}", Path(sys.argv[2])), create=True)
opening.close()
"""


def test_several_processes_may_open_the_same_new_store_at_once(tmp_path: Path) -> None:
    settings = _new(tmp_path)
    command = [sys.executable, "-c", _OPEN, str(settings.data_dir), str(settings.key_path)]
    processes = [
        subprocess.Popen(command, cwd=Path(__file__).parent.parent.parent, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert errors == [""] * 4
    with opening.opened(settings) as store, db.reading() as session:
        assert upgrades.is_current(store.engine)
        assert db.fact(session, db.KEY_FACT) == crypto.load_key(settings.key_path).fingerprint
