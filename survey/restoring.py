"""Reading a backup back, all or nothing: into an empty store, or in place of one that is told to go.

Owns the check of a backup file, the staging folder `DATA/.restoring` and the switch from old to new. Everything is
built and verified in the staging folder first; the note `ready` in it marks that it is complete. A restore
interrupted before leaves the old store as it was; one interrupted after is finished when the store is next
opened (`settle`). Refuses a damaged or foreign file, a store in use, and a store that is not empty unless told so.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from survey import backups, db, upgrades
from survey.access import sessions
from survey.config import Settings
from survey.problems import Problem

_STAGING = ".restoring"
_READY = "ready"
_RESTORE_FACT = "restore"
_BATCH_ROWS = 2000
_CHUNK = 1 << 20


def read_manifest(source: Path) -> dict[str, Any]:
    """What a backup says it holds; problems `backup.not_found`, `backup.not_a_backup`, `store.newer`."""
    if not source.is_file():
        raise Problem("backup.not_found", path=source)
    try:
        with zipfile.ZipFile(source) as archive:
            manifest: dict[str, Any] = json.loads(archive.read(backups.MANIFEST))
            known = manifest["format"] == backups.FORMAT and isinstance(manifest["parts"], dict)
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, OSError, zlib.error) as error:
        raise Problem("backup.not_a_backup", path=source) from error
    if not known:
        raise Problem("backup.not_a_backup", path=source)
    if manifest["revision"] not in upgrades.known_revisions():
        raise Problem("store.newer", revision=manifest["revision"])
    return manifest


def restore(settings: Settings, source: Path, *, replacing: bool = False) -> backups.Summary:
    """Make the store what the backup holds, upgraded to this program's tables; needs no key.

    Problems as in `read_manifest`, and `backup.damaged`, `restore.not_empty`, `restore.in_use`,
    `store.disk_full`.
    """
    manifest = read_manifest(source)
    settle(settings)
    if not replacing and not _is_empty(settings):
        raise Problem("restore.not_empty", path=settings.data_dir)
    _refuse_if_in_use(settings)
    staging = settings.data_dir / _STAGING
    try:
        _stage_attachments(source, manifest, staging)
        if settings.is_sqlite:
            _stage_sqlite(settings, source, manifest, staging)
            _mark_ready(staging, "")
        else:
            _restore_database(settings, source, manifest, staging)
    except BaseException as error:
        _forget(settings, staging)
        raise _clear(error, source) from error
    _apply(settings, staging)
    return backups.summary_of(manifest, source)


def settle(settings: Settings) -> None:
    """Finish an interrupted restore that was complete, undo one that was not; nothing without one."""
    staging = settings.data_dir / _STAGING
    if not staging.exists():
        return
    note = staging / _READY
    if note.exists() and (settings.is_sqlite or _restore_fact(settings) == note.read_text()):
        _apply(settings, staging)
    else:
        shutil.rmtree(staging)


def _clear(error: BaseException, source: Path) -> BaseException:
    full = isinstance(error, OSError) and error.errno == errno.ENOSPC
    if full or (isinstance(error, OperationalError) and isinstance(db.as_problem(error), Problem)):
        return Problem("store.disk_full") if full else db.as_problem(error)  # type: ignore[arg-type]
    if isinstance(error, zipfile.BadZipFile | zlib.error | ValueError | KeyError | EOFError):
        return Problem("backup.damaged", path=source)
    return error


def _forget(settings: Settings, staging: Path) -> None:
    """Undo the staging, unless the switch has already been decided."""
    decided = (staging / _READY).exists() and not settings.is_sqlite
    if not (decided and _restore_fact(settings) == (staging / _READY).read_text()):
        shutil.rmtree(staging, ignore_errors=True)


def _is_empty(settings: Settings) -> bool:
    if settings.is_sqlite:
        return not _file(settings).exists()
    engine = db.engine_for(settings)
    try:
        with engine.connect() as connection:
            return upgrades.revision_of(connection) is None
    finally:
        engine.dispose()


def _file(settings: Settings) -> Path:
    return Path(sa.make_url(settings.database_url).database or "")


def _refuse_if_in_use(settings: Settings) -> None:
    used = _others_on_sqlite(_file(settings)) if settings.is_sqlite else _others_on_postgresql(settings)
    if used:
        raise Problem("restore.in_use", path=settings.data_dir)


def _others_on_sqlite(file: Path) -> bool:
    """Whether another connection has the file open: leaving WAL mode needs to be alone with it."""
    if not file.exists():
        return False
    connection = sqlite3.connect(file, timeout=0)
    try:
        connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    except sqlite3.OperationalError as error:
        return "locked" in str(error)
    except sqlite3.DatabaseError:
        return False  # a damaged store is what a restore is for
    finally:
        connection.close()
    return False


def _others_on_postgresql(settings: Settings) -> bool:
    others = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    engine = db.engine_for(settings)
    try:
        with engine.connect() as connection:
            return bool(connection.execute(others).scalar_one())
    finally:
        engine.dispose()


def _stage_attachments(source: Path, manifest: dict[str, Any], staging: Path) -> None:
    (staging / "attachments").mkdir(parents=True)
    with zipfile.ZipFile(source) as archive:
        for name, part in manifest["parts"].items():
            if name.startswith(backups.ATTACHMENTS):
                _extract(archive, name, part["sha256"], staging / _safe(name))


def _safe(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"a part lies outside the backup: {name}")
    return path


def _extract(archive: zipfile.ZipFile, name: str, sha256: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with archive.open(name) as member, target.open("wb") as file:
        while chunk := member.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if digest.hexdigest() != sha256:
        raise ValueError(f"{name} was changed")


def _stage_sqlite(settings: Settings, source: Path, manifest: dict[str, Any], staging: Path) -> None:
    file = staging / "minqing.db"
    engine = db.engine_for(replace(settings, database_url=f"sqlite:///{file}"))
    try:
        with db.write_connection(engine) as connection:
            _build(connection, source, manifest)
    finally:
        engine.dispose()  # the last connection folds the write-ahead log into the file
    with file.open("rb+") as written:
        os.fsync(written.fileno())


def _restore_database(settings: Settings, source: Path, manifest: dict[str, Any], staging: Path) -> None:
    """Replace the tables in one transaction; its commit is the switch, known again by a mark in the store."""
    mark = uuid4().hex
    _mark_ready(staging, mark)
    engine = db.engine_for(settings)
    try:
        with db.write_connection(engine) as connection:
            upgrades.wait_for_turn(connection)
            _drop_old_store(connection)
            _build(connection, source, manifest)
            facts = sa.table("store_fact", sa.column("key"), sa.column("value"))
            connection.execute(sa.delete(facts).where(facts.c.key == _RESTORE_FACT))
            connection.execute(sa.insert(facts).values(key=_RESTORE_FACT, value=mark))
    finally:
        engine.dispose()


def _drop_old_store(connection: sa.Connection) -> None:
    """Drop the tables of this program, and no others."""
    found = sa.MetaData()
    found.reflect(connection, only=lambda name, _: backups.is_ours(name) or name == backups.REVISION_TABLE)
    found.drop_all(connection)
    ours = sa.text(
        "SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND proname LIKE 'minqing%'"
    )
    for name in connection.execute(ours).scalars().all():
        connection.execute(sa.text(f'DROP FUNCTION "{name}"'))


def _build(connection: sa.Connection, source: Path, manifest: dict[str, Any]) -> None:
    """The backup's tables at its revision, its rows, and then what was changed since; nobody is signed in to it."""
    upgrades.migrate(connection, manifest["revision"])
    with zipfile.ZipFile(source) as archive:
        parts = dict(manifest["parts"])
        for table in backups.tables_of(connection):
            name = f"{backups.TABLES}{table.name}.jsonl"
            _load(connection, table, archive, name, parts.pop(name))
        if any(name.startswith(backups.TABLES) for name in parts):
            raise ValueError("the backup holds an unknown table")
    upgrades.migrate(connection)
    # A session ended after the backup was made would otherwise live again.
    sessions.close_every(connection, now=datetime.now(UTC))


def _load(
    connection: sa.Connection, table: sa.Table, archive: zipfile.ZipFile, name: str, part: dict[str, Any]
) -> None:
    for column in table.columns:
        if isinstance(column.type, sa.JSON):
            column.type.none_as_null = True
    digest, rows = hashlib.sha256(), 0
    own = [
        column for column in table.columns if any(key.column.table is table for key in column.foreign_keys)
    ]
    later: list[dict[str, Any]] = []
    with archive.open(name) as member:
        for batch in _batches(member, table, digest):
            later += _held_back(batch, table, own)
            connection.execute(sa.insert(table), batch)
            rows += len(batch)
    if digest.hexdigest() != part["sha256"] or rows != part["rows"]:
        raise ValueError(f"{name} was changed")
    _point_within(connection, table, own, later)
    _advance_counter(connection, table)


def _batches(member: IO[bytes], table: sa.Table, digest: Any) -> Iterator[list[dict[str, Any]]]:
    names = [column.name for column in table.columns]
    while lines := list(islice(member, _BATCH_ROWS)):
        batch = []
        for line in lines:
            digest.update(line)
            cells = json.loads(line)
            batch.append({name: backups.cell_value(cells.pop(name, None)) for name in names})
            if cells:
                raise ValueError(f"{table.name} has no column {sorted(cells)}")
        yield batch


def _held_back(
    batch: list[dict[str, Any]], table: sa.Table, own: list[sa.Column[Any]]
) -> list[dict[str, Any]]:
    """Take out what points to rows of the same table, which may come later; give it back keyed."""
    keys = [column.name for column in table.primary_key.columns]
    held = []
    for row in batch:
        pointers = {column.name: row[column.name] for column in own}
        if any(value is not None for value in pointers.values()):
            held.append({f"key_{key}": row[key] for key in keys} | pointers)
            row.update(dict.fromkeys(pointers))
    return held


def _point_within(
    connection: sa.Connection, table: sa.Table, own: list[sa.Column[Any]], held: list[dict[str, Any]]
) -> None:
    if not held:
        return
    same = [column == sa.bindparam(f"key_{column.name}") for column in table.primary_key.columns]
    pointers: dict[str, Any] = {column.name: sa.bindparam(column.name) for column in own}
    connection.execute(sa.update(table).where(*same).values(pointers), held)


def _advance_counter(connection: sa.Connection, table: sa.Table) -> None:
    """PostgreSQL counts new ids on from the highest restored one."""
    if connection.dialect.name != "postgresql":
        return
    for column in table.primary_key.columns:
        counter = connection.execute(
            sa.text("SELECT pg_get_serial_sequence(:table, :column)"),
            {"table": f'"{table.name}"', "column": column.name},
        ).scalar_one()
        if counter:
            highest = connection.execute(sa.select(sa.func.max(column))).scalar_one()
            if highest is not None:
                connection.execute(sa.select(sa.func.setval(counter, highest)))


def _mark_ready(staging: Path, mark: str) -> None:
    note = staging / "ready.part"
    with note.open("w") as file:
        file.write(mark)
        file.flush()
        os.fsync(file.fileno())
    note.replace(staging / _READY)


def _restore_fact(settings: Settings) -> str | None:
    engine = db.engine_for(settings)
    try:
        with engine.connect() as connection:
            if not sa.inspect(connection).has_table("store_fact"):
                return None
            found = connection.execute(
                sa.text("SELECT value FROM store_fact WHERE key = :key"), {"key": _RESTORE_FACT}
            )
            value = found.scalar_one_or_none()
            return None if value is None else str(value)
    finally:
        engine.dispose()


def _apply(settings: Settings, staging: Path) -> None:
    """Switch to what is staged; each step may be repeated after an interruption."""
    if (staging / "attachments").exists():
        if settings.attachments_dir.exists():
            shutil.rmtree(settings.attachments_dir)
        (staging / "attachments").replace(settings.attachments_dir)
    staged = staging / "minqing.db"
    if staged.exists():
        target = _file(settings)
        for suffix in ("-wal", "-shm"):
            target.with_name(target.name + suffix).unlink(missing_ok=True)
        staged.replace(target)
    shutil.rmtree(staging)
