"""A disk that fills up while a visit is saved: one sentence, nothing half, the draft still there."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlmodel import Session, func, select

from models import AuditEntry, Case, Draft, Observation, Submission, Visit
from survey import db
from survey.access.permissions import Actor
from survey.problems import Problem
from survey.questionnaires import drafts, submissions
from survey.questionnaires.drafts import DraftView
from tests.builders import NOW, a_cadre, a_household
from tests.fillings import a_draft, answered, with_difficulty

WRITTEN = (Submission, Visit, Observation, Case, AuditEntry)


@pytest.fixture
def ready(sqlite_store: db.Store) -> tuple[Actor, DraftView]:
    """A cadre with a draft that is ready to be handed in, committed."""
    with db.session_scope() as session:
        actor, household = a_cadre(session), a_household(session)
        draft = a_draft(session, actor, household)
        answered(session, actor, draft, with_difficulty("water", "测试" * 800))
        return actor, drafts.load(session, actor, draft.instance_id)


def counts(session: Session) -> list[int]:
    return [session.exec(select(func.count()).select_from(table)).one() for table in WRITTEN]


def allow_pages(store: db.Store, pages: int | None) -> None:
    """Let the database grow by no more than so many pages; none: without limit."""

    def limit(connection: object, *_: object) -> None:
        used = connection.execute("PRAGMA page_count").fetchone()[0]  # type: ignore[attr-defined]
        most = 2**30 if pages is None else used + pages
        connection.execute(f"PRAGMA max_page_count={most}")  # type: ignore[attr-defined]

    with store.engine.connect() as connection:
        limit(connection.connection.driver_connection)
    sa.event.listen(store.engine, "checkout", limit)


def test_a_visit_that_no_longer_fits_on_the_disk__error(
    sqlite_store: db.Store, ready: tuple[Actor, DraftView]
) -> None:
    actor, draft = ready
    with db.reading() as session:
        before = counts(session)
    allow_pages(sqlite_store, 0)
    with pytest.raises(Problem) as caught, db.session_scope() as session:
        submissions.submit_draft(session, actor, draft.instance_id, now=NOW)
    assert caught.value.code == "store.disk_full"
    with db.reading() as session:
        assert counts(session) == before
        assert drafts.load(session, actor, draft.instance_id).payload == draft.payload
        assert session.exec(select(func.count()).select_from(Draft)).one() == 1
    allow_pages(sqlite_store, None)
    with db.session_scope() as session:
        submissions.submit_draft(session, actor, draft.instance_id, now=NOW)
    with db.reading() as session:
        assert session.exec(select(func.count()).select_from(Visit)).one() == 1
