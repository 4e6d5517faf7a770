"""The audit trail: append-only, each entry holding the hash of the one before.

Owns writing an entry, verifying the chain and reading it. Refuses nothing to whoever acts (every service
may append); reading needs `audit.read`. On both databases triggers refuse changes of old entries.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from models import AuditEntry, AuditResult, StoreFact
from survey import crypto

if TYPE_CHECKING:
    from survey.access.permissions import Actor

GENESIS = "0" * 64
_MARK = "audit_mark"
# Any constant does: it names the lock that puts appenders of one PostgreSQL store in a row.
_CHAIN_LOCK = 0x4D51
# Written on every change: built once, so that each append only runs them.
_TAKE_TURN = sa.select(sa.func.pg_advisory_xact_lock(_CHAIN_LOCK))
_LAST = (
    sa.select(AuditEntry.sequence, AuditEntry.hash)  # type: ignore[call-overload]
    .order_by(col(AuditEntry.sequence).desc())
    .limit(1)
)
_HASHED = (
    "sequence",
    "at",
    "actor",
    "cadre_id",
    "action",
    "object_kind",
    "object_id",
    "area_code",
    "result",
    "details",
    "previous_hash",
)
_INSERT = sa.insert(AuditEntry.__table__)  # type: ignore[attr-defined]


def append(
    session: Session,
    actor: Actor,
    action: str,
    *,
    kind: str = "",
    id: str | int = "",
    area_code: str = "",
    result: AuditResult = AuditResult.DONE,
    details: dict[str, object] | None = None,
) -> None:
    """Add one entry to the chain within the caller's transaction. `details` holds no personal data."""
    session.flush()
    # Past the session, which has nothing to do with these rows: this is run on every change.
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(_TAKE_TURN)
    last = connection.execute(_LAST).first()
    sequence, previous = (last.sequence + 1, last.hash) if last else (1, GENESIS)
    values: dict[str, Any] = {
        "sequence": sequence,
        "at": datetime.now(UTC),
        "actor": actor.audit_name,
        "cadre_id": actor.cadre_id,
        "action": action,
        "object_kind": kind,
        "object_id": str(id),
        "area_code": area_code,
        "result": result,
        "details": details or {},
        "previous_hash": previous,
    }
    connection.execute(_INSERT, values | {"hash": _digest(values)})


def mark(session: Session) -> None:
    """Remember the last entry under the store's key, so that a trail cut off or written anew is noticed.

    For whoever has just found the trail whole; never on the way of an ordinary change.
    """
    last = session.execute(_LAST).first()
    if last is None:
        return
    text = f"{last.sequence} {last.hash}"
    value = f"{text} {crypto.current().look_up_hash(_MARK, text)}"
    known = session.get(StoreFact, _MARK)
    if known is None:
        session.add(StoreFact(key=_MARK, value=value))
    else:
        known.value = value


def broken_mark(session: Session) -> int | None:
    """The sequence of the marked entry if it is gone or changed, 0 if the mark itself was forged; else nothing."""
    known = session.get(StoreFact, _MARK)
    if known is None:
        return None
    text, _space, sealed = known.value.rpartition(" ")
    if not hmac.compare_digest(sealed, crypto.current().look_up_hash(_MARK, text)):
        return 0
    sequence, _space, expected = text.partition(" ")
    held = session.execute(
        sa.select(AuditEntry.hash).where(col(AuditEntry.sequence) == int(sequence))  # type: ignore[call-overload]
    ).scalar()
    return None if held == expected else int(sequence)


def digest(entry: AuditEntry) -> str:
    """The hash of an entry: SHA-256 over its fields and the hash before, as canonical JSON."""
    return _digest({name: getattr(entry, name) for name in _HASHED})


def _digest(values: Mapping[str, Any]) -> str:
    fields = {
        **values,
        "at": values["at"].astimezone(UTC).isoformat(timespec="microseconds"),
        "result": str(values["result"]),
    }
    return hashlib.sha256(
        json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()


def broken_links(session: Session) -> Iterator[int]:
    """The sequence numbers at which the chain does not hold: changed, missing or inserted entries."""
    previous, expected = GENESIS, 1
    rows = session.exec(
        select(AuditEntry).order_by(col(AuditEntry.sequence)).execution_options(yield_per=1000)
    )
    for entry in rows:
        if entry.sequence != expected or entry.previous_hash != previous or entry.hash != digest(entry):
            yield entry.sequence
        previous, expected = entry.hash, entry.sequence + 1
