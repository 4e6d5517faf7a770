"""Backups: the whole store as one file, taken while others go on working, without the key.

Owns the format: a zip with `manifest.json` (format, revision, key fingerprint, row counts, SHA-256 of every part),
one `tables/<name>.jsonl` a table and the attachments as they lie on disk. The rows are read in one snapshot (SQLite:
a read transaction in WAL mode; PostgreSQL: REPEATABLE READ), as stored: what is encrypted stays encrypted. The
format is the same for both databases, so a backup also moves a store from one to the other. Refuses to replace a file.
Reading a backup back is `survey.restoring`.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa

from models import Base
from survey import db, upgrades
from survey.config import Settings
from survey.problems import Problem

FORMAT = 1
MANIFEST = "manifest.json"
TABLES = "tables/"
ATTACHMENTS = "attachments/"
_NAMING_FILES = "attachment"
REVISION_TABLE = "alembic_version"
# Tables that a later revision has dropped: named here, so that an older store keeps them in its backup.
FORMER_TABLES: frozenset[str] = frozenset()
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Summary:
    """What a backup holds; `revision` names its tables, `key_fingerprint` the key it needs."""

    path: Path
    made_at: datetime
    revision: str
    key_fingerprint: str | None
    rows: int
    attachments: int
    size_bytes: int


class _HashingWriter:
    """Writes into one part of the zip and keeps its SHA-256."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._hash.update(data)
        self._target.write(data)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


def write(engine: sa.Engine, settings: Settings, target: Path) -> Summary:
    """Write a backup of the store to a new file (mode 600), complete or not at all.

    Problems `backup.exists`, `backup.cannot_write`, `store.disk_full`.
    """
    if target.exists():
        raise Problem("backup.exists", path=target)
    partial = target.with_name(target.name + ".part")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            manifest = _fill(file, engine, settings)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        if error.errno == errno.ENOSPC:
            raise Problem("store.disk_full") from error
        raise Problem("backup.cannot_write", path=target) from error
    return summary_of(manifest, target)


def summary_of(manifest: dict[str, Any], path: Path) -> Summary:
    """The summary of a read or written manifest."""
    parts = manifest["parts"]
    return Summary(
        path=path,
        made_at=datetime.fromisoformat(manifest["made_at"]),
        revision=manifest["revision"],
        key_fingerprint=manifest["key_fingerprint"],
        rows=sum(part.get("rows", 0) for part in parts.values()),
        attachments=sum(name.startswith(ATTACHMENTS) for name in parts),
        size_bytes=path.stat().st_size,
    )


def _fill(file: IO[bytes], engine: sa.Engine, settings: Settings) -> dict[str, Any]:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=1) as archive:
        with _snapshot(engine) as connection:
            manifest: dict[str, Any] = {
                "format": FORMAT,
                "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "revision": upgrades.revision_of(connection),
                "key_fingerprint": _fingerprint(connection),
            }
            # Of the same moment as the rows: a file is stored before the row that names it, and removed after it.
            files = _files(settings.attachments_dir)
            parts = _write_tables(archive, connection, but=_NAMING_FILES)
            written, removed = _write_attachments(archive, settings.attachments_dir, files)
            # Last, without those whose file was removed meanwhile, when they were let go.
            parts |= _write_tables(archive, connection, only=_NAMING_FILES, without=removed)
        manifest["parts"] = parts | written
        archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
    return manifest


def _snapshot(engine: sa.Engine) -> sa.Connection:
    if engine.dialect.name == "postgresql":
        return engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return engine.connect()


def _fingerprint(connection: sa.Connection) -> str | None:
    found = connection.execute(sa.text("SELECT value FROM store_fact WHERE key = :key"), {"key": db.KEY_FACT})
    value = found.scalar_one_or_none()
    return None if value is None else str(value)


def is_ours(name: str) -> bool:
    """Whether a table belongs to a store of this program, whatever its revision; others are left alone."""
    return name in Base.metadata.tables or name in FORMER_TABLES


def tables_of(connection: sa.Connection) -> list[sa.Table]:
    """The store's own tables as they are in the database, each after those it refers to."""
    found = sa.MetaData()
    found.reflect(connection, only=lambda name, _: is_ours(name))
    return found.sorted_tables


def _write_tables(
    archive: zipfile.ZipFile,
    connection: sa.Connection,
    *,
    but: str | None = None,
    only: str | None = None,
    without: frozenset[str] = frozenset(),
) -> dict[str, dict[str, Any]]:
    """The rows of all tables `but` one, or of the `only` one, without those that name these files."""
    parts: dict[str, dict[str, Any]] = {}
    for table in tables_of(connection):
        if table.name == but or only not in (None, table.name):
            continue
        name = f"{TABLES}{table.name}.jsonl"
        with archive.open(name, "w", force_zip64=True) as member:
            writer, rows = _HashingWriter(member), 0
            for line in _lines(connection, table, without):
                writer.write(line)
                rows += 1
        parts[name] = {"sha256": writer.sha256, "rows": rows}
    return parts


def _lines(connection: sa.Connection, table: sa.Table, without: frozenset[str]) -> Iterator[bytes]:
    rows = sa.select(table).order_by(*table.primary_key.columns)
    if without:
        rows = rows.where(table.c.sha256.not_in(sorted(without)))
    found = connection.execution_options(yield_per=2000).execute(rows)
    names = [column.name for column in table.columns]
    json_names = {column.name for column in table.columns if isinstance(column.type, sa.JSON)}
    for row in found:
        cells = {
            name: {"json": value} if name in json_names else _cell(value)
            for name, value in zip(names, row, strict=True)
            if value is not None
        }
        yield json.dumps(cells, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _cell(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, datetime):
        return {"instant": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"no portable form for {type(value).__name__}")


def cell_value(cell: Any) -> Any:
    """The database value of a written cell; `ValueError` for an unknown kind."""
    if not isinstance(cell, dict):
        return cell
    ((kind, content),) = cell.items()
    if kind == "bytes":
        return base64.b64decode(content, validate=True)
    if kind == "instant":
        return datetime.fromisoformat(content)
    if kind == "date":
        return date.fromisoformat(content)
    if kind == "json":
        return content
    raise ValueError(f"unknown kind of cell {kind!r}")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".part")


def _write_attachments(
    archive: zipfile.ZipFile, folder: Path, files: list[Path]
) -> tuple[dict[str, dict[str, Any]], frozenset[str]]:
    """The parts written, and the hashes of the files that were removed since they were listed."""
    parts: dict[str, dict[str, Any]] = {}
    removed: set[str] = set()
    for path in files:
        try:
            source = path.open("rb")
        except FileNotFoundError:
            removed.add(path.name)
            continue
        with source:
            name = ATTACHMENTS + path.relative_to(folder).as_posix()
            parts[name] = {"sha256": _write_file(archive, source, name)}
    return parts, frozenset(removed)


def _write_file(archive: zipfile.ZipFile, source: IO[bytes], name: str) -> str:
    status = os.fstat(source.fileno())
    info = zipfile.ZipInfo(name, time.localtime(status.st_mtime)[:6])
    info.external_attr = (status.st_mode & 0xFFFF) << 16
    info.compress_type = zipfile.ZIP_STORED  # encrypted bytes do not shrink
    with archive.open(info, "w", force_zip64=True) as member:
        writer = _HashingWriter(member)
        while chunk := source.read(_CHUNK):
            writer.write(chunk)
    return writer.sha256
