"""Bringing a store's tables up to date: Alembic revisions, in one transaction, after a backup.

Owns `upgrade`, `is_current` and the store's revision. Refuses a store written by a newer program
(`store.newer`). Two processes that open the same old store take turns; the second finds nothing to do.
Alembic: https://alembic.sqlalchemy.org
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from survey import db
from survey.problems import Problem

# Any constant does: it names the lock that puts upgraders of one PostgreSQL store in a row.
_UPGRADE_LOCK = 0x4D52


def _configuration(connection: sa.Connection | None = None) -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(files("survey").joinpath("migrations")))
    configuration.attributes["connection"] = connection
    return configuration


def newest_revision() -> str:
    """The revision that fits this program's tables."""
    head = ScriptDirectory.from_config(_configuration()).get_current_head()
    if head is None:
        raise LookupError("the package holds no migration")
    return head


def known_revisions() -> tuple[str, ...]:
    """Every revision of this program, oldest first."""
    walked = ScriptDirectory.from_config(_configuration()).walk_revisions()
    return tuple(reversed([script.revision for script in walked]))


def revision_of(connection: sa.Connection) -> str | None:
    """The store's revision; nothing for a store without tables."""
    return MigrationContext.configure(connection).get_current_revision()


def is_current(engine: sa.Engine) -> bool:
    """Whether the store's tables fit this program."""
    with engine.connect() as connection:
        return revision_of(connection) == newest_revision()


def upgrade(
    engine: sa.Engine,
    *,
    to: str = "head",
    before: Callable[[str], None] | None = None,
) -> bool:
    """Bring the tables to the newest revision (or `to`), all or nothing; whether anything was done.

    `before` is called with the old revision of a store that has tables and is behind: there the caller
    makes its backup. Problem `store.newer` when the store knows a revision that this program does not.
    """
    target = newest_revision() if to == "head" else to
    with engine.connect() as connection:
        found = revision_of(connection)
    if found == target:
        return False
    _refuse_newer(found)
    if found is not None and before is not None:
        before(found)
    with db.write_connection(engine) as connection:
        wait_for_turn(connection)
        if revision_of(connection) == target:
            return False
        migrate(connection, to)
    return True


def wait_for_turn(connection: sa.Connection) -> None:
    """Hold, until the transaction ends, the lock under which tables are made or changed."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_UPGRADE_LOCK)))


def migrate(connection: sa.Connection, to: str = "head") -> None:
    """Run the revisions up to `to` inside the caller's transaction."""
    command.upgrade(_configuration(connection), to)


def _refuse_newer(revision: str | None) -> None:
    if revision is not None and revision not in known_revisions():
        raise Problem("store.newer", revision=revision)
