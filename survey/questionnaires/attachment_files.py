"""The files of photos: encrypted in the attachments folder, one for each content, named by its SHA-256.

Owns writing a file before a row names it, reading it, and removing it when no row names it any more. A file is
removed only after the transaction that let it go was committed, and while nobody stores one. Refuses to decide who may
read or let go: that is `survey.questionnaires.attachments` and `drafts`.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import IO
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import Session, col

from models import Attachment
from survey import crypto, db
from survey.problems import Problem

_LABEL = "attachment"
_HALF_WRITTEN = ".part"
# A younger file may be of a filling that is just being written.
_BEING_WRITTEN_SECONDS = 600
# Any constant does: it names the lock between storing and removing on PostgreSQL. SQLite has one writer at a time.
_FILES_LOCK = 0x4D53
_STORING = sa.select(sa.func.pg_advisory_xact_lock_shared(_FILES_LOCK))
_REMOVING = sa.select(sa.func.pg_advisory_xact_lock(_FILES_LOCK))


def path_of(sha256: str) -> Path:
    """Where the content of a hash lies."""
    return db.current().settings.attachments_dir / sha256[:2] / sha256


def content_of(sha256: str) -> bytes:
    """The plain content stored under a hash; problems `attachment.missing`, `store.cannot_decrypt`."""
    path = path_of(sha256)
    if not path.exists():
        raise Problem("attachment.missing")
    return crypto.current().decrypt(f"{_LABEL}/{sha256}", path.read_bytes())


def write(session: Session, sha256: str, content: bytes) -> None:
    """Keep a content for a row of this transaction; one that is there already is shared. Problem `attachment.disk_full`."""
    write_file(session, sha256, BytesIO(content))


def write_file(session: Session, sha256: str, content: IO[bytes]) -> None:
    """Keep what a file holds, without ever holding it whole; as `write` otherwise."""
    _take_turn(session, _STORING)
    path = path_of(sha256)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    half_written = path.with_name(f"{path.name}.{uuid4().hex}{_HALF_WRITTEN}")
    try:
        with half_written.open("xb") as file:
            crypto.current().encrypt_file(f"{_LABEL}/{sha256}", content, file)
            file.flush()
            os.fsync(file.fileno())
        half_written.replace(path)
    except OSError as error:
        half_written.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Problem("attachment.disk_full") from error
        raise


def let_go(session: Session, rows: sa.ColumnElement[bool]) -> None:
    """Delete rows, and when that is committed the files that no other row names."""
    deleted = sa.delete(Attachment).where(rows).returning(col(Attachment.sha256))
    digests = frozenset(session.execute(deleted).scalars())
    if digests:
        db.once_committed(session, lambda: remove(digests))


def remove(digests: Iterable[str]) -> None:
    """Remove the files of these hashes that no row names, in a transaction of its own."""
    wanted = set(digests)
    with db.session_scope() as session:
        _take_turn(session, _REMOVING)
        named = session.execute(sa.select(col(Attachment.sha256)).where(col(Attachment.sha256).in_(wanted)))
        for sha256 in wanted - set(named.scalars()):
            path_of(sha256).unlink(missing_ok=True)


def unnamed(session: Session) -> Iterator[Path]:
    """Files that no row names, left by a transaction that was undone or a process that was killed."""
    before = time.time() - _BEING_WRITTEN_SECONDS
    folder = db.current().settings.attachments_dir
    old = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_mtime < before]
    named = set(session.execute(sa.select(col(Attachment.sha256)).distinct()).scalars())
    yield from sorted(path for path in old if path.name not in named)


def remove_unnamed() -> None:
    """Remove what `unnamed` finds: for the start of the server."""
    with db.session_scope() as session:
        _take_turn(session, _REMOVING)
        for path in unnamed(session):
            path.unlink()


def _take_turn(session: Session, statement: sa.Select[tuple[object]]) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(statement)
