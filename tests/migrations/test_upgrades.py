"""The migrations: they make the tables of models.py, guard the past, and refuse a newer store."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from models import Base
from survey import db, upgrades
from survey.access import audit
from survey.problems import Problem
from tests import builders


def test_the_migrations_make_the_tables_of_the_models(store: db.Store) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_a_migrated_store_is_current(store: db.Store) -> None:
    assert upgrades.is_current(store.engine)
    assert upgrades.upgrade(store.engine) is False


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor = 'nobody'",
        "DELETE FROM audit_entry",
        "DELETE FROM submission",
        "UPDATE submission SET device = 'another'",
        "UPDATE submission SET payload_hash = 'x', payload = NULL",
        "UPDATE submission SET received_at = '2020-01-01 00:00:00'",
    ],
)
def test_the_database_refuses_to_rewrite_the_past(session: Session, statement: str) -> None:
    cadre = builders.a_cadre(session)
    builders.a_submission(session, cadre)
    audit.append(session, cadre, "test.act")
    with pytest.raises(DBAPIError, match="never"):
        session.execute(sa.text(statement))


def test_a_submissions_payload_may_become_a_tombstone(session: Session) -> None:
    submission = builders.a_submission(session, builders.a_cadre(session))
    session.execute(sa.text("UPDATE submission SET payload = NULL"))
    session.expire_all()
    assert submission.payload is None
    assert len(submission.payload_hash) == 64


def test_a_payload_is_not_replaced_by_another(session: Session) -> None:
    submission = builders.a_submission(session, builders.a_cadre(session))
    submission.payload = "<other/>"
    with pytest.raises(DBAPIError, match="never changed"):
        session.flush()


def test_postgresql_refuses_to_empty_the_trail(postgresql_store: db.Store) -> None:
    with postgresql_store.engine.connect() as connection, pytest.raises(DBAPIError, match="never emptied"):
        connection.execute(sa.text("TRUNCATE audit_entry"))


def test_a_store_of_a_newer_program_is_refused(store: db.Store) -> None:
    with db.write_connection(store.engine) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Problem) as refused:
        upgrades.upgrade(store.engine)
    assert refused.value.code == "store.newer"
