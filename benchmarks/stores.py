"""The stores that are measured: the demo, and the demo with its rows a hundred times over.

The demo comes through `submissions.accept_many` like every demo. The large store does not: its further rows are
copies made inside the database by `INSERT … SELECT`, with other identifiers. They share the ciphertexts of the rows
they were copied from, and they lie in the same villages, so that whoever looks at a village or the township sees a
hundred times as many. The audit trail is not copied.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copyfile

import sqlalchemy as sa

from models import Base
from survey import composition, db, opening
from survey.access import sessions
from survey.access.permissions import operator
from survey.config import Settings
from survey.demo import builder

# Child tables after their parents.
_COPIED = (
    "household",
    "member",
    "hardship_file",
    "assignment",
    "submission",
    "visit",
    "case",
    "case_step",
    "observation",
    "hardship_contact",
)
_SUFFIXED = frozenset({"code", "instance_id"})
# Numbers go on counting: the copy adds as often what the series had reached.
_NEXT_NUMBER = """substr(t.number, 1, length(t.number) - 6) || printf('%06d', CAST(substr(t.number, -6) AS INTEGER)
    + nth.n * (SELECT s.last FROM number_series AS s WHERE s.prefix = substr(t.number, 1, length(t.number) - 7)))"""
_IDENTIFIERS = frozenset(
    {"id", "household_id", "visit_id", "case_id", "file_id", "respondent_id", "member_id"}
)
_COUNTED = frozenset({"assignment", "case_step"})


def build_demo(folder: Path, households: int) -> tuple[Settings, float]:
    """A demo store in a folder; its settings, and how long building took, in seconds."""
    composition.wire()
    folder.mkdir(parents=True)
    settings = Settings(folder, f"sqlite:///{folder / 'minqing.db'}", folder.parent / "minqing.key")
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    with opening.opened(settings, create=True):
        began = time.perf_counter()
        with db.session_scope() as session:
            parameters = builder.Parameters(builder.DEFAULT_SEED, households, yesterday)
            builder.build(session, operator("benchmark"), parameters, _silently)
        return settings, time.perf_counter() - began


def _silently(_done: int, _of: int) -> None:
    pass


def copied(settings: Settings, folder: Path) -> Settings:
    """A copy of a closed store in another folder, with the same key."""
    folder.mkdir(parents=True)
    copyfile(settings.data_dir / "minqing.db", folder / "minqing.db")
    return replace(settings, data_dir=folder, database_url=f"sqlite:///{folder / 'minqing.db'}")


def enlarge(settings: Settings, times: int) -> dict[str, int]:
    """Make every row of the register and the year stand `times` times; rows by table afterwards."""
    engine = sa.create_engine(settings.database_url)
    with engine.connect() as connection:
        for pragma in ("synchronous=OFF", "journal_mode=MEMORY", "cache_size=-400000", "foreign_keys=OFF"):
            connection.exec_driver_sql(f"PRAGMA {pragma}")
        connection.exec_driver_sql("CREATE TEMP TABLE nth (n INTEGER)")
        connection.exec_driver_sql(
            "INSERT INTO nth WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?) "
            "SELECT n FROM c",
            (times - 1,),
        )
        for name in _COPIED:
            connection.exec_driver_sql(_copy_statement(name))
        connection.exec_driver_sql("UPDATE number_series SET last = last * ?", (times,))
        connection.commit()
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("ANALYZE")
        connection.commit()
        counts = {
            name: connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar_one()
            for name in _COPIED
        }
    engine.dispose()
    return counts


def _copy_statement(name: str) -> str:
    columns = [column.name for column in Base.metadata.tables[name].columns]
    if name in _COUNTED:
        columns.remove("id")
    values = ", ".join(_value(name, column) for column in columns)
    quoted = ", ".join(f'"{column}"' for column in columns)
    return f'INSERT INTO "{name}" ({quoted}) SELECT {values} FROM "{name}" AS t, nth'


def _value(table: str, column: str) -> str:
    if column == "number":
        return _NEXT_NUMBER
    if column in _SUFFIXED:
        return f"t.\"{column}\" || '-' || nth.n"
    if column in _IDENTIFIERS and not (table in _COUNTED and column == "id"):
        # A UUID with its last three digits replaced by z and the copy's number: still 36 characters, and no UUID.
        return f"substr(t.\"{column}\", 1, 33) || printf('z%02x', nth.n)"
    return f't."{column}"'


def sign_in(settings: Settings, usernames: list[str]) -> dict[str, str]:
    """A session token for each user name, as the sign-in page would have given."""
    with opening.opened(settings), db.session_scope() as session:
        ids = {row.username: row.id for row in session.execute(sa.text("SELECT username, id FROM cadre"))}
        now = datetime.now(UTC)
        return {
            name: sessions.open_session(session, ids[name], device="benchmark", now=now) for name in usernames
        }


def sync_mode(settings: Settings) -> str:
    """The database and how it writes, read from a connection of the program."""
    engine = db.engine_for(settings)
    try:
        with engine.connect() as connection:
            if not settings.is_sqlite:
                name = connection.exec_driver_sql("SHOW server_version").scalar_one()
                commit = connection.exec_driver_sql("SHOW synchronous_commit").scalar_one()
                return f"PostgreSQL {name}, synchronous_commit={commit}"
            release = connection.exec_driver_sql("SELECT sqlite_version()").scalar_one()
            mode = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
            journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
            words = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}
            return f"SQLite {release}, journal_mode={journal}, synchronous={words[mode]}"
    finally:
        engine.dispose()
