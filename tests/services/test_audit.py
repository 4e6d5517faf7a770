"""The audit trail: what an entry holds, and that no change of the past goes unnoticed, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import Session, select

from models import AuditEntry, AuditResult
from survey import db
from survey.access import audit
from tests import builders

_GUARDS = ("audit_entry_no_update", "audit_entry_no_delete")


def _three(session: Session) -> None:
    cadre = builders.a_cadre(session)
    for number in range(3):
        audit.append(session, cadre, "test.act", kind="household", id=f"h{number}", details={"n": number})


def _without_guards(session: Session) -> None:
    """As somebody would who holds the database itself."""
    for name in _GUARDS:
        on = " ON audit_entry" if session.get_bind().dialect.name == "postgresql" else ""
        session.execute(sa.text(f"DROP TRIGGER {name}{on}"))


def test_an_entry_says_who_what_when_with_what_result(session: Session) -> None:
    cadre = builders.a_cadre(session)
    before = datetime.now(UTC)
    audit.append(
        session,
        cadre,
        "identifier.reveal",
        kind="member",
        id="m1",
        area_code=builders.GROUP,
        result=AuditResult.REFUSED,
        details={"field": "id_number", "reason": "核对低保"},
    )
    session.expire_all()
    entry = session.exec(select(AuditEntry)).one()
    assert (entry.sequence, entry.previous_hash) == (1, audit.GENESIS)
    assert (entry.actor, entry.cadre_id) == (f"cadre:{cadre.cadre_id}", cadre.cadre_id)
    assert (entry.action, entry.object_kind, entry.object_id) == ("identifier.reveal", "member", "m1")
    assert (entry.area_code, entry.result) == (builders.GROUP, AuditResult.REFUSED)
    assert entry.details == {"field": "id_number", "reason": "核对低保"}
    assert timedelta(0) <= entry.at - before < timedelta(seconds=30)


def test_the_operator_is_named_with_the_system_user(session: Session) -> None:
    audit.append(session, builders.an_operator(), "store.backup")
    entry = session.exec(select(AuditEntry)).one()
    assert (entry.actor, entry.cadre_id) == ("cli:tester", None)


def test_each_entry_holds_the_hash_of_the_one_before(session: Session) -> None:
    _three(session)
    session.expire_all()
    entries = session.exec(select(AuditEntry).order_by(AuditEntry.sequence)).all()  # type: ignore[arg-type]
    assert [entry.sequence for entry in entries] == [1, 2, 3]
    assert [entry.previous_hash for entry in entries[1:]] == [entry.hash for entry in entries[:-1]]
    assert list(audit.broken_links(session)) == []


@pytest.mark.parametrize(
    ("tamper", "noticed"),
    [
        ("UPDATE audit_entry SET actor = 'nobody' WHERE sequence = 2", [2]),
        ("UPDATE audit_entry SET result = 'refused' WHERE sequence = 3", [3]),
        ("UPDATE audit_entry SET area_code = '511922' WHERE sequence = 1", [1]),
        ("UPDATE audit_entry SET details = '{}' WHERE sequence = 2", [2]),
        ("UPDATE audit_entry SET at = '2020-01-01 00:00:00' WHERE sequence = 2", [2]),
        ("DELETE FROM audit_entry WHERE sequence = 1", [2]),
        ("DELETE FROM audit_entry WHERE sequence = 2", [3]),
        ("UPDATE audit_entry SET hash = 'x' WHERE sequence = 2", [2, 3]),
    ],
)
def test_whoever_gets_round_the_guards_is_noticed(session: Session, tamper: str, noticed: list[int]) -> None:
    _three(session)
    _without_guards(session)
    session.execute(sa.text(tamper))
    session.expire_all()
    assert list(audit.broken_links(session)) == noticed


def test_an_undone_act_leaves_no_entry_and_no_gap(store: db.Store) -> None:
    with pytest.raises(RuntimeError), db.session_scope() as session:
        audit.append(session, builders.an_operator(), "test.undone")
        raise RuntimeError
    with db.session_scope() as session:
        audit.append(session, builders.an_operator(), "test.done")
    with db.reading() as session:
        assert [(e.sequence, e.action) for e in session.exec(select(AuditEntry))] == [(1, "test.done")]


def test_entries_of_many_at_once_form_one_chain(store: db.Store) -> None:
    def act(number: int) -> None:
        with db.session_scope() as session:
            audit.append(session, builders.an_operator(), "test.act", id=number)

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(act, range(24)))
    with db.reading() as session:
        assert sorted(int(e.object_id) for e in session.exec(select(AuditEntry))) == list(range(24))
        assert list(audit.broken_links(session)) == []
