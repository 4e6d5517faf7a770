"""Sessions: which browser belongs to whom, checked again at every request and every rerun.

Owns the token (random, only its SHA-256 is stored), the idle and the longest life of a session, and the `Actor` that a
cadre's postings make of him on a day. Refuses a session that ended, idled too long or outlived
`accounts.session_days`, and any session of a locked account. `resolve` only reads, so that it costs two look-ups by
primary key; the moment of the last use is written by `touch`, at most once a minute.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from models import AccountSession, Cadre, Posting
from survey import db, i18n
from survey.access.permissions import ROLE_OF_POST, Actor, Grant
from survey.columns import UtcDateTime
from survey.problems import Problem
from survey.rules.loader import parameter_at

COOKIE = "minqing_session"
TOUCH_EVERY = timedelta(minutes=1)
_TOKEN_BYTES = 32
_LONGEST_TOKEN = 100
_log = logging.getLogger(__name__)

_LIVE = (
    sa.select(
        AccountSession.seen_at,  # type: ignore[call-overload]
        AccountSession.created_at,
        AccountSession.device,
        Cadre.id,
        Cadre.username,
        Cadre.name,
        Cadre.language,
        Cadre.text_size,
        Cadre.must_change_password,
    )
    .join(Cadre, col(Cadre.id) == col(AccountSession.cadre_id))
    .where(
        col(AccountSession.token_hash) == sa.bindparam("token_hash"),
        col(AccountSession.ended_at).is_(None),
        col(Cadre.locked_at).is_(None),
    )
)
_POSTS = sa.select(Posting.post, Posting.area_code).where(  # type: ignore[call-overload]
    col(Posting.cadre_id) == sa.bindparam("cadre_id"),
    col(Posting.starts_on) <= sa.bindparam("on"),
    sa.or_(col(Posting.ends_on).is_(None), col(Posting.ends_on) >= sa.bindparam("on")),
)


def token_hash(token: str) -> str:
    """What of a token is stored: its SHA-256 (64 hex digits)."""
    return hashlib.sha256(token.encode()).hexdigest()


def open_session(session: Session, cadre_id: int, *, device: str, now: datetime) -> str:
    """Begin a session of a cadre; returns the token, which is stored nowhere."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    row = AccountSession(
        token_hash=token_hash(token), cadre_id=cadre_id, created_at=now, seen_at=now, device=device[:120]
    )
    session.add(row)
    session.flush()
    return token


def resolve(session: Session, token: str, *, now: datetime) -> Actor | None:
    """Who the token speaks for now, or nobody; reads only."""
    found = _resolve(session, token, now)
    return found[0] if found else None


def _resolve(session: Session, token: str, now: datetime) -> tuple[Actor, datetime] | None:
    if not token or len(token) > _LONGEST_TOKEN:
        return None
    row = session.execute(_LIVE, {"token_hash": token_hash(token)}).first()
    if row is None or _is_over(row.created_at, row.seen_at, now):
        return None
    actor = Actor(
        cadre_id=row.id,
        username=row.username,
        name=row.name,
        grants=grants_of(session, row.id, i18n.local(now).date()),
        language=row.language,
        text_size=row.text_size,
        must_change_password=row.must_change_password,
        device=row.device,
    )
    return actor, row.seen_at


def _is_over(created_at: datetime, seen_at: datetime, now: datetime) -> bool:
    idle = timedelta(hours=db.current().settings.idle_hours)
    longest = timedelta(days=parameter_at("accounts.session_days", i18n.local(now).date()))
    return now - seen_at > idle or now - created_at > longest


def grants_of(session: Session, cadre_id: int, on: date) -> tuple[Grant, ...]:
    """What a cadre's postings let him be that day, and where."""
    rows = session.execute(_POSTS, {"cadre_id": cadre_id, "on": on})
    return tuple(
        sorted(
            {Grant(ROLE_OF_POST[row.post], row.area_code) for row in rows}, key=lambda g: (g.prefix, g.role)
        )
    )


def actor_for(session: Session, cadre_id: int, *, on: date) -> Actor:
    """The actor that a cadre's postings make of him that day; problem `access.not_found`."""
    cadre = session.get(Cadre, cadre_id)
    if cadre is None:
        raise Problem("access.not_found")
    return Actor(
        cadre_id=cadre_id,
        username=cadre.username,
        name=cadre.name,
        grants=grants_of(session, cadre_id, on),
        language=cadre.language,
        text_size=cadre.text_size,
        must_change_password=cadre.must_change_password,
    )


def touch(session: Session, token: str, *, now: datetime) -> None:
    """Remember that the session was used now."""
    session.execute(
        sa.update(AccountSession)
        .where(col(AccountSession.token_hash) == token_hash(token))
        .values(seen_at=now)
    )


def present(token: str | None, *, now: datetime | None = None, used: bool = True) -> Actor | None:
    """Who the token speaks for now, or nobody; opens its own transactions and writes the use at most once a minute.

    The one way in for requests and reruns. What a page asks by itself is no use (`used=False`): a tablet left lying
    open would never idle. A use that cannot be written (full disk, busy store) is logged and the session still holds:
    reading must stay possible then.
    """
    if not token:
        return None
    moment = now or datetime.now(UTC)
    with db.reading() as session:
        found = _resolve(session, token, moment)
    if found is None:
        return None
    actor, seen_at = found
    if used and moment - seen_at >= TOUCH_EVERY:
        try:
            with db.session_scope() as session:
                touch(session, token, now=moment)
        except Problem as problem:
            _log.warning("the use of a session was not written: %s", problem.code)
    return actor


def close_session(session: Session, token: str, *, now: datetime) -> None:
    """End one session; nothing happens to one that has ended."""
    session.execute(
        sa.update(AccountSession)
        .where(col(AccountSession.token_hash) == token_hash(token), col(AccountSession.ended_at).is_(None))
        .values(ended_at=now)
    )


def close_all(session: Session, cadre_id: int, *, now: datetime) -> int:
    """End every session of a cadre; returns how many were open."""
    result = session.execute(
        sa.update(AccountSession)
        .where(col(AccountSession.cadre_id) == cadre_id, col(AccountSession.ended_at).is_(None))
        .values(ended_at=now)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


def close_every(connection: sa.Connection, *, now: datetime) -> None:
    """End every session of everybody."""
    connection.execute(
        sa.update(AccountSession).where(col(AccountSession.ended_at).is_(None)).values(ended_at=now)
    )


def last_seen(session: Session, cadre_ids: Sequence[int]) -> dict[int, datetime]:
    """When each of these cadres last used the application, to the minute; absent if never."""
    rows = session.execute(
        sa.select(
            AccountSession.cadre_id, sa.func.max(AccountSession.seen_at, type_=UtcDateTime()).label("at")
        )  # type: ignore[call-overload]
        .where(col(AccountSession.cadre_id).in_(cadre_ids))
        .group_by(col(AccountSession.cadre_id))
    )
    return {row.cadre_id: row.at for row in rows}


def home(session: Session, cadre_id: int) -> str:
    """The widest area a cadre ever held a post in: where entries about his account belong."""
    codes = session.exec(select(Posting.area_code).where(col(Posting.cadre_id) == cadre_id)).all()
    return min(codes, key=lambda code: (len(code), code), default="")
