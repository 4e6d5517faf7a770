"""Backup and restore: the same store comes back, all or nothing, on both databases and from one to the other."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import select

from models import Area, Attachment, AuditEntry, Base, Cadre, Draft, Household, Posting, Submission, Visit
from survey import backups, db, restoring, upgrades
from survey.access import audit, sessions
from survey.config import Settings
from survey.problems import Problem
from survey.questionnaires import attachments, drafts
from tests import builders, fillings
from tests.conftest import TestKey
from tests.postgresql_server import PostgresqlServer
from tests.services.permission_trials import a_photo

CONTENT = b"sealed bytes of a photo"


def _fill(store: db.Store) -> None:
    with db.session_scope() as session:
        cadre = builders.a_cadre(session)
        visit = builders.a_visit(session, cadre=cadre, diary="今天去了余家坪村")
        builders.a_case(session)
        builders.a_hardship_file(session, causes=["illness", "disaster"])
        area = session.get(Area, builders.OTHER_VILLAGE)
        assert area is not None
        area.successor_code = builders.VILLAGE
        version_id = session.get_one(Submission, visit.instance_id).version_id
        session.add(
            Draft(instance_id="d1", version_id=version_id, cadre_id=cadre.cadre_id or 0, payload="<草稿/>")
        )
        audit.append(session, cadre, "test.fill", details={"n": 1})
    file = store.settings.attachments_dir / "ab" / ("ab" * 32)
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)


def _rows(engine: sa.Engine) -> dict[str, list[Any]]:
    """Every row of every table as the application reads it."""
    with engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(sa.select(table)).all()))
            for table in Base.metadata.sorted_tables
        }


def _elsewhere(settings: Settings, folder: Path) -> Settings:
    folder.mkdir(exist_ok=True)
    return Settings(folder, f"sqlite:///{folder / 'minqing.db'}", settings.key_path)


def _close(store: db.Store) -> None:
    store.engine.dispose()


def _rewritten(source: Path, target: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """A copy of a backup whose parts went through `change`."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return target


@pytest.fixture
def backup(store: db.Store, tmp_path: Path) -> Path:
    _fill(store)
    target = tmp_path / "backup.zip"
    backups.write(store.engine, store.settings, target)
    return target


def test_a_restored_store_holds_the_same_rows_and_files(
    store: db.Store, backup: Path, tmp_path: Path
) -> None:
    before = _rows(store.engine)
    there = _elsewhere(store.settings, tmp_path / "there")
    summary = restoring.restore(there, backup)
    engine = db.engine_for(there)
    assert _rows(engine) == before
    engine.dispose()
    assert (there.attachments_dir / "ab" / ("ab" * 32)).read_bytes() == CONTENT
    assert summary.attachments == 1
    assert summary.rows == sum(map(len, before.values()))
    assert not (there.data_dir / ".restoring").exists()


def test_a_restored_store_passes_its_guards_and_counts_on(
    store: db.Store, backup: Path, key: TestKey
) -> None:
    _close(store)
    restoring.restore(store.settings, backup, replacing=True)
    with db.session_scope() as session:
        assert list(audit.broken_links(session)) == []
        highest = max(session.exec(select(Cadre.id)).all())
        builders.a_cadre(session, username="after.restore")
        assert max(session.exec(select(Cadre.id)).all()) == highest + 1
        assert session.exec(select(Posting)).all()
    with pytest.raises(sa.exc.DBAPIError, match="never deleted"), db.session_scope() as session:
        session.execute(sa.delete(AuditEntry))


def test_nobody_is_signed_in_to_a_restored_store(store: db.Store, tmp_path: Path) -> None:
    with db.session_scope() as session:
        cadre_id = builders.a_cadre(session).cadre_id or 0
        token = sessions.open_session(session, cadre_id, device="lost tablet", now=datetime.now(UTC))
    backups.write(store.engine, store.settings, tmp_path / "b.zip")
    with db.session_scope() as session:
        sessions.close_all(session, cadre_id, now=datetime.now(UTC))
    _close(store)
    restoring.restore(store.settings, tmp_path / "b.zip", replacing=True)
    assert sessions.present(token) is None


def test_a_sqlite_store_moves_to_postgresql(
    sqlite_store: db.Store, postgresql_server: PostgresqlServer, tmp_path: Path
) -> None:
    _fill(sqlite_store)
    backups.write(sqlite_store.engine, sqlite_store.settings, tmp_path / "b.zip")
    name = postgresql_server.create()
    there = Settings(tmp_path / "there", postgresql_server.url(name), sqlite_store.settings.key_path)
    there.data_dir.mkdir()
    restoring.restore(there, tmp_path / "b.zip")
    engine = db.engine_for(there)
    moved, before = _rows(engine), _rows(sqlite_store.engine)
    engine.dispose()
    mark = [row for row in moved["store_fact"] if row.startswith("('restore'")]
    assert len(mark) == 1
    moved["store_fact"].remove(mark[0])
    assert moved == before
    postgresql_server.drop(name)


def test_a_backup_holds_no_plain_diary_and_is_private(store: db.Store, backup: Path) -> None:
    with zipfile.ZipFile(backup) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
    assert "今天去了余家坪村".encode() not in everything
    assert store.settings.key_path.read_bytes().strip() not in everything
    assert backup.stat().st_mode & 0o077 == 0


def test_a_backup_is_one_moment_while_others_write(
    store: db.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(store)
    written = backups.tables_of

    def write_in_between(connection: sa.Connection) -> list[sa.Table]:
        tables = written(connection)
        connection.execute(sa.text("SELECT count(*) FROM area")).all()
        with db.session_scope() as session:
            builders.a_visit(session)
        return tables

    monkeypatch.setattr(backups, "tables_of", write_in_between)
    backups.write(store.engine, store.settings, tmp_path / "b.zip")
    monkeypatch.undo()
    there = _elsewhere(store.settings, tmp_path / "there")
    restoring.restore(there, tmp_path / "b.zip")
    engine = db.engine_for(there)
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(Visit)).scalar_one() == 1
        assert connection.execute(sa.select(sa.func.count()).select_from(Submission)).scalar_one() == 1
    engine.dispose()


def test_a_photo_let_go_in_the_middle_of_a_backup_is_neither_file_nor_row_in_it(
    store: db.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with db.session_scope() as session:
        actor = builders.a_cadre(session)
        draft = fillings.a_draft(session, actor, builders.a_household(session))
        attachments.store(session, actor, draft.instance_id, "photo", "1.jpg", a_photo())
    written = backups.tables_of

    def discard_in_between(connection: sa.Connection) -> list[sa.Table]:
        with db.session_scope() as session:
            for mine in drafts.mine(session, actor):
                drafts.discard(session, actor, mine.instance_id)
        return written(connection)

    monkeypatch.setattr(backups, "tables_of", discard_in_between)
    summary = backups.write(store.engine, store.settings, tmp_path / "b.zip")
    monkeypatch.undo()
    assert summary.attachments == 0
    there = _elsewhere(store.settings, tmp_path / "there")
    restoring.restore(there, tmp_path / "b.zip")
    engine = db.engine_for(there)
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(Draft)).scalar_one() == 1
        assert connection.execute(sa.select(sa.func.count()).select_from(Attachment)).scalar_one() == 0
    engine.dispose()


def test_a_backup_never_replaces_a_file(store: db.Store, backup: Path) -> None:
    content = backup.read_bytes()
    with pytest.raises(Problem) as refused:
        backups.write(store.engine, store.settings, backup)
    assert refused.value.code == "backup.exists"
    assert backup.read_bytes() == content


def test_a_full_disk_leaves_no_half_backup(
    sqlite_store: db.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backups, "_write_attachments", full)
    with pytest.raises(Problem) as refused:
        backups.write(sqlite_store.engine, sqlite_store.settings, tmp_path / "b.zip")
    assert refused.value.code == "store.disk_full"
    assert list(tmp_path.glob("b.zip*")) == []


def test_a_store_is_not_replaced_unasked(store: db.Store, backup: Path) -> None:
    _close(store)
    before = _rows(store.engine)
    _close(store)
    with pytest.raises(Problem) as refused:
        restoring.restore(store.settings, backup)
    assert refused.value.code == "restore.not_empty"
    assert _rows(store.engine) == before


def test_a_store_in_use_is_not_replaced(store: db.Store, backup: Path) -> None:
    before = _rows(store.engine)
    with db.engine_for(store.settings).connect() as other:
        other.execute(sa.text("SELECT 1 FROM area")).all()
        with pytest.raises(Problem) as refused:
            restoring.restore(store.settings, backup, replacing=True)
    assert refused.value.code == "restore.in_use"
    assert _rows(store.engine) == before


@pytest.mark.parametrize("damage", ["row", "attachment", "row_missing", "part_missing"])
def test_a_changed_backup_is_refused_and_changes_nothing(
    store: db.Store, backup: Path, tmp_path: Path, damage: str
) -> None:
    def change(name: str, content: bytes) -> bytes:
        if damage == "row" and name == "tables/area.jsonl":
            return content.replace("余家坪村".encode(), "余家坝村".encode())
        if damage == "row_missing" and name == "tables/household.jsonl":
            return b"".join(content.splitlines(keepends=True)[:-1])
        if damage == "attachment" and name.startswith("attachments/"):
            return content + b"x"
        if damage == "part_missing" and name == "manifest.json":
            manifest = json.loads(content)
            del manifest["parts"]["tables/area.jsonl"]
            return json.dumps(manifest).encode()
        return content

    changed = _rewritten(backup, tmp_path / "changed.zip", change)
    before = _rows(store.engine)
    _close(store)
    with pytest.raises(Problem) as refused:
        restoring.restore(store.settings, changed, replacing=True)
    assert refused.value.code == "backup.damaged"
    assert _rows(store.engine) == before
    assert not (store.settings.data_dir / ".restoring").exists()
    assert (store.settings.attachments_dir / "ab" / ("ab" * 32)).read_bytes() == CONTENT


def test_a_cut_off_backup_is_refused(sqlite_store: db.Store, tmp_path: Path) -> None:
    _fill(sqlite_store)
    backups.write(sqlite_store.engine, sqlite_store.settings, tmp_path / "b.zip")
    whole = (tmp_path / "b.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "other.zip").write_text("姓名，电话")
    there = _elsewhere(sqlite_store.settings, tmp_path / "there")
    for name in ("cut.zip", "other.zip"):
        with pytest.raises(Problem) as refused:
            restoring.restore(there, tmp_path / name)
        assert refused.value.code == "backup.not_a_backup"
    with pytest.raises(Problem) as refused:
        restoring.restore(there, tmp_path / "nowhere.zip")
    assert refused.value.code == "backup.not_found"
    assert list(there.data_dir.iterdir()) == []


def test_a_backup_of_a_newer_program_is_refused(store: db.Store, backup: Path, tmp_path: Path) -> None:
    def change(name: str, content: bytes) -> bytes:
        newest = f'"{upgrades.newest_revision()}"'.encode()
        return content.replace(newest, b'"9999"') if name == "manifest.json" else content

    newer = _rewritten(backup, tmp_path / "newer.zip", change)
    with pytest.raises(Problem) as refused:
        restoring.restore(_elsewhere(store.settings, tmp_path / "there"), newer)
    assert refused.value.code == "store.newer"


def test_a_part_that_points_outside_is_refused(sqlite_store: db.Store, tmp_path: Path) -> None:
    _fill(sqlite_store)
    backups.write(sqlite_store.engine, sqlite_store.settings, tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "b.zip") as old, zipfile.ZipFile(tmp_path / "evil.zip", "w") as new:
        manifest = json.loads(old.read("manifest.json"))
        manifest["parts"]["attachments/../../outside"] = {"sha256": "0" * 64}
        for name in old.namelist():
            new.writestr(name, json.dumps(manifest) if name == "manifest.json" else old.read(name))
        new.writestr("attachments/../../outside", b"x")
    there = _elsewhere(sqlite_store.settings, tmp_path / "there")
    with pytest.raises(Problem) as refused:
        restoring.restore(there, tmp_path / "evil.zip")
    assert refused.value.code == "backup.damaged"
    assert not list(tmp_path.rglob("outside"))


class _Killed(BaseException):
    """Stands for the process being killed: no clean-up of the program runs after it."""


def _killed(*_: object, **__: object) -> None:
    raise _Killed


@pytest.mark.parametrize("moment", ["_build", "_mark_ready"])
def test_a_restore_killed_while_staging_leaves_the_old_store(
    sqlite_store: db.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    _fill(sqlite_store)
    backups.write(sqlite_store.engine, sqlite_store.settings, tmp_path / "b.zip")
    with db.session_scope() as session:
        builders.a_household(session, code="after-the-backup")
    before = _rows(sqlite_store.engine)
    _close(sqlite_store)
    monkeypatch.setattr(restoring, moment, _killed)
    monkeypatch.setattr(restoring, "_forget", lambda *_: None)
    with pytest.raises(_Killed):
        restoring.restore(sqlite_store.settings, tmp_path / "b.zip", replacing=True)
    assert (sqlite_store.settings.data_dir / ".restoring").exists()
    restoring.settle(sqlite_store.settings)
    assert not (sqlite_store.settings.data_dir / ".restoring").exists()
    assert _rows(sqlite_store.engine) == before


def test_a_restore_killed_at_the_switch_is_finished_at_the_next_opening(
    store: db.Store, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with db.session_scope() as session:
        builders.a_household(session, code="after-the-backup")
    (store.settings.attachments_dir / "later").write_bytes(b"later")
    _close(store)
    monkeypatch.setattr(restoring, "_apply", _killed)
    with pytest.raises(_Killed):
        restoring.restore(store.settings, backup, replacing=True)
    monkeypatch.undo()
    restoring.settle(store.settings)
    with db.reading() as session:
        codes = session.exec(select(Household.code)).all()
    assert codes
    assert "after-the-backup" not in codes
    assert not (store.settings.attachments_dir / "later").exists()
    assert (store.settings.attachments_dir / "ab" / ("ab" * 32)).read_bytes() == CONTENT
    assert not (store.settings.data_dir / ".restoring").exists()


def test_a_database_restore_undone_by_the_database_is_forgotten(
    postgresql_store: db.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(postgresql_store)
    backups.write(postgresql_store.engine, postgresql_store.settings, tmp_path / "b.zip")
    before = _rows(postgresql_store.engine)
    _close(postgresql_store)
    monkeypatch.setattr(restoring, "_advance_counter", _killed)
    monkeypatch.setattr(restoring, "_forget", lambda *_: None)
    with pytest.raises(_Killed):
        restoring.restore(postgresql_store.settings, tmp_path / "b.zip", replacing=True)
    restoring.settle(postgresql_store.settings)
    assert _rows(postgresql_store.engine) == before
    assert (postgresql_store.settings.attachments_dir / "ab" / ("ab" * 32)).read_bytes() == CONTENT
    assert not (postgresql_store.settings.data_dir / ".restoring").exists()


def test_a_damaged_store_can_be_replaced(sqlite_store: db.Store, tmp_path: Path) -> None:
    _fill(sqlite_store)
    backups.write(sqlite_store.engine, sqlite_store.settings, tmp_path / "b.zip")
    before = _rows(sqlite_store.engine)
    _close(sqlite_store)
    (sqlite_store.settings.data_dir / "minqing.db").write_bytes(b"no database at all" * 500)
    restoring.restore(sqlite_store.settings, tmp_path / "b.zip", replacing=True)
    assert _rows(sqlite_store.engine) == before


def test_sqlite_files_are_closed_after_a_restore(sqlite_store: db.Store, tmp_path: Path) -> None:
    _fill(sqlite_store)
    backups.write(sqlite_store.engine, sqlite_store.settings, tmp_path / "b.zip")
    there = _elsewhere(sqlite_store.settings, tmp_path / "there")
    restoring.restore(there, tmp_path / "b.zip")
    assert sorted(path.name for path in there.data_dir.iterdir()) == ["attachments", "minqing.db"]
    with sqlite3.connect(there.data_dir / "minqing.db") as alone:
        assert alone.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert alone.execute("SELECT version_num FROM alembic_version").fetchone() == (
            upgrades.newest_revision(),
        )


def test_a_restore_leaves_other_programs_tables_alone(postgresql_store: db.Store, tmp_path: Path) -> None:
    _fill(postgresql_store)
    backups.write(postgresql_store.engine, postgresql_store.settings, tmp_path / "b.zip")
    with db.write_connection(postgresql_store.engine) as connection:
        connection.execute(sa.text("CREATE TABLE payroll (id integer)"))
        connection.execute(sa.text("INSERT INTO payroll VALUES (7)"))
    _close(postgresql_store)
    restoring.restore(postgresql_store.settings, tmp_path / "b.zip", replacing=True)
    with postgresql_store.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT id FROM payroll")).scalar_one() == 7
        assert connection.execute(sa.select(sa.func.count()).select_from(Visit)).scalar_one() == 1
