"""Opening a store and its transactions: SQLite by default, PostgreSQL by `DATABASE_URL`.

Owns the engine, the process's current store, `session_scope` (one write transaction, committed at the end
or undone) and `reading` (one read transaction). Refuses to open a store without its key, or with another's.
Services never commit; whoever enters from outside opens the scope.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlmodel import Session

from models import StoreFact
from survey import crypto
from survey.config import Settings
from survey.problems import Problem

KEY_FACT = "key_fingerprint"
DEMO_FACT = "demo"
_WRITE = "minqing_write"
_ONCE_UNDONE = "minqing_once_undone"
_ONCE_COMMITTED = "minqing_once_committed"
_BUSY_TIMEOUT_MS = 15_000
# What the program is tested on, by the names SQLAlchemy gives; a bare `postgresql` means the driver it ships with.
_DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


@dataclass(frozen=True)
class Store:
    """An open store: its settings and its engine."""

    settings: Settings
    engine: sa.Engine


_current: Store | None = None


def engine_for(settings: Settings) -> sa.Engine:
    """An engine with the project's settings (SQLite: WAL, foreign keys, full sync, busy timeout).

    Problem `store.bad_address` for what is no address, or one of another database.
    """
    address = _address(settings.database_url)
    if not settings.is_sqlite:
        return sa.create_engine(address, pool_pre_ping=True)
    engine = sa.create_engine(address, connect_args={"check_same_thread": False})

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        # The driver must not open transactions of its own: BEGIN below decides read or write.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={_BUSY_TIMEOUT_MS}",
            "cache_size=-32000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        immediate = connection.get_execution_options().get(_WRITE)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _address(text: str) -> sa.URL:
    try:
        address = sa.make_url(text)
    except (ArgumentError, ValueError) as error:
        raise Problem("store.bad_address") from error
    in_memory = address.database in (None, "", ":memory:") and address.drivername.startswith("sqlite")
    if address.drivername not in _DRIVERS or in_memory:
        raise Problem("store.bad_address")
    return address.set(drivername=_DRIVERS[address.drivername])


def use(store: Store | None, keyring: crypto.Keyring | None = None) -> None:
    """Make this the process's store."""
    global _current
    _current = store
    crypto.use(keyring)


def current() -> Store:
    """The process's store; problem `store.not_open` when none was opened."""
    if _current is None:
        raise Problem("store.not_open")
    return _current


@contextmanager
def session_scope() -> Iterator[Session]:
    """One write transaction: committed at the end, undone by any exception.

    On SQLite it takes the write lock at its start, so that what is read first is still true when it is
    written. A full disk is the problem `store.disk_full`, a lock that never comes free `store.busy`.
    """
    with Session(current().engine, expire_on_commit=False) as session:
        try:
            session.connection(execution_options={_WRITE: True})
            yield session
            session.commit()
        except OperationalError as error:
            session.rollback()
            raise as_problem(error) from error
        except Problem as problem:
            session.rollback()
            session.close()
            for reason, act in session.info.pop(_ONCE_UNDONE, ()):
                if reason is problem:
                    act()
            raise
        except BaseException:
            session.rollback()
            raise
    for act in session.info.pop(_ONCE_COMMITTED, ()):
        act()


def once_committed(session: Session, act: Callable[[], None]) -> None:
    """Have something done after `session_scope` has committed, that no undoing would bring back; never if it is undone."""
    session.info.setdefault(_ONCE_COMMITTED, []).append(act)


def once_undone(session: Session, reason: Problem, act: Callable[[], None]) -> None:
    """Have something done after `session_scope` has undone everything because of this problem; never otherwise."""
    session.info.setdefault(_ONCE_UNDONE, []).append((reason, act))


@contextmanager
def reading() -> Iterator[Session]:
    """One read transaction, undone at the end whatever was tried in it."""
    with Session(current().engine) as session:
        yield session


@contextmanager
def write_connection(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One write transaction below the services (migrations, restore): committed at the end or undone."""
    with engine.connect().execution_options(**{_WRITE: True}) as connection, connection.begin():
        yield connection


def as_problem(error: OperationalError) -> Exception:
    """The problem a failed statement stands for (full disk, lock, read-only folder), else the error."""
    text = str(error.orig).lower()
    if "disk is full" in text or "no space left" in text or "disk full" in text:
        return Problem("store.disk_full")
    if "locked" in text or "busy" in text:
        return Problem("store.busy")
    if "readonly" in text:
        return Problem("store.read_only")
    return error


def fact(session: Session, key: str) -> str | None:
    """A fact about the store, or nothing."""
    row = session.get(StoreFact, key)
    return row.value if row else None


def check_key(session: Session, keyring: crypto.Keyring, settings: Settings) -> None:
    """Remember the key of a new store; problem `store.wrong_key` when an old one has another."""
    known = fact(session, KEY_FACT)
    if known is None:
        session.add(StoreFact(key=KEY_FACT, value=keyring.fingerprint))
    elif known != keyring.fingerprint:
        raise Problem("store.wrong_key", path=settings.key_path)
