"""The migrations: they make the tables of models.py, guard the past, and refuse a newer store."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from models import Base
from survey import backups, db, restoring, upgrades
from survey.access import audit
from survey.problems import Problem
from tests import builders
from tests.migrations import keep_store
from tests.migrations.filled import fill


def test_the_migrations_make_the_tables_of_the_models(store: db.Store) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def _kept(revision: str, folder: Path) -> Path:
    """A backup of a store of that revision: kept in the repository, or for the newest one made now."""
    if revision != upgrades.newest_revision():
        return keep_store.STORES / f"{revision}.zip"
    with db.session_scope() as session:
        fill(session)
    made = folder / "newest.zip"
    backups.write(db.current().engine, db.current().settings, made)
    return made


@pytest.mark.parametrize("revision", upgrades.known_revisions())
def test_a_store_of_every_revision_comes_through_with_all_its_rows(
    store: db.Store, revision: str, tmp_path: Path
) -> None:
    kept = _kept(revision, tmp_path)
    parts = restoring.read_manifest(kept)["parts"]
    before = {name.split("/")[1].removesuffix(".jsonl"): part.get("rows") for name, part in parts.items()}
    assert min(before.values()) >= 1, "every table of that day has rows"
    store.engine.dispose()
    restoring.restore(store.settings, kept, replacing=True)
    assert upgrades.is_current(store.engine)
    with db.reading() as session:
        after = {
            table.name: session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in Base.metadata.sorted_tables
        }
        assert list(audit.broken_links(session)) == []
    marks = 1 if store.engine.dialect.name == "postgresql" else 0
    before["store_fact"] += marks
    assert {name: after.get(name) for name in before} == before


def test_revisions_are_numbered_in_a_row() -> None:
    assert upgrades.known_revisions() == tuple(
        f"{n:04d}" for n in range(1, len(upgrades.known_revisions()) + 1)
    )


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
        "UPDATE submission SET corrects_id = instance_id, payload = NULL",
        "UPDATE submission_review SET state = 'rejected'",
        "DELETE FROM submission_review",
        "DELETE FROM update_conflict",
        "DELETE FROM questionnaire_version",
        "UPDATE questionnaire_version SET xform = '<other/>'",
        "UPDATE questionnaire_version SET state = 'draft'",
    ],
)
def test_the_database_refuses_to_rewrite_the_past(session: Session, statement: str) -> None:
    fill(session)
    session.flush()
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
