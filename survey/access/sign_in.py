"""Signing in and out, and changing one's own password.

Owns the count of failures, the wait that doubles, the lock, and the audit entries of all of it. Refuses to tell a known
user name from an unknown one: both take as long, both are made to wait and are locked after the same number of
failures (for an unknown name the audit trail is the count). A refusal is *returned*, not raised, where it must be
kept: raising would undo the count with the transaction. The last administrator who can sign in is locked for a time
only: otherwise anybody who knows his name could shut the township out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col

from models import AuditEntry, AuditResult, Cadre, Post, Posting
from survey import crypto, i18n
from survey.access import audit, passwords, sessions
from survey.access.permissions import Actor, service
from survey.problems import Problem
from survey.rules.loader import parameter_at

NOBODY = Actor(None, "web:visitor", "", ())
_REFUSED = "account.sign_in"
_UNKNOWN = "user_name"


@dataclass(frozen=True)
class Attempt:
    """A user name and password already examined, before anything is written."""

    username: str
    cadre_id: int | None
    password_hash: str | None
    correct: bool
    fresh_hash: str | None = None


@dataclass(frozen=True)
class SignedIn:
    """A new session: its token (for the cookie, stored nowhere) and whose it is."""

    token: str
    actor: Actor


@dataclass(frozen=True)
class _Standing:
    failures: int
    refused_until: datetime | None
    locked: bool


def examine(session: Session, username: str, password: str) -> Attempt:
    """Compare a password with the stored hash; reads only, so that no lock is held while hashing."""
    name = username.strip().lower()
    row = session.execute(
        sa.select(Cadre.id, Cadre.password_hash).where(col(Cadre.username) == name)  # type: ignore[call-overload]
    ).first()
    stored = row.password_hash if row else None
    correct = passwords.verify(stored, password)
    fresh = passwords.hash_password(password) if correct and passwords.needs_rehash(stored or "") else None
    return Attempt(name, row.id if row else None, stored, correct, fresh)


def sign_in(session: Session, attempt: Attempt, *, now: datetime, device: str = "") -> SignedIn | Problem:
    """Begin a session for a right password; else count the failure and return why not.

    Returned problems: `accounts.wrong_password`, `accounts.wait`, `accounts.locked`, `accounts.no_post`.
    """
    cadre = session.get(Cadre, attempt.cadre_id) if attempt.cadre_id is not None else None
    standing = _standing(session, attempt, cadre, now)
    problem = _refusal(standing, now)
    if problem is None and (
        cadre is None or not attempt.correct or cadre.password_hash != attempt.password_hash
    ):
        problem = _count_failure(session, cadre, standing, now)
    if problem is None and cadre is not None:
        return _begin(session, cadre, attempt, now, device)
    assert problem is not None
    _audit_refusal(session, attempt, cadre, problem, now)
    return problem


def _begin(
    session: Session, cadre: Cadre, attempt: Attempt, now: datetime, device: str
) -> SignedIn | Problem:
    assert cadre.id is not None
    actor = sessions.actor_for(session, cadre.id, on=i18n.local(now).date())
    if not actor.grants:
        problem = Problem("accounts.no_post")
        _audit_refusal(session, attempt, cadre, problem, now)
        return problem
    cadre.failed_sign_ins, cadre.refused_until_at = 0, None
    if attempt.fresh_hash:
        cadre.password_hash = attempt.fresh_hash
    session.add(cadre)
    token = sessions.open_session(session, cadre.id, device=device, now=now)
    audit.append(
        session,
        actor,
        "account.sign_in",
        kind="account",
        id=cadre.id,
        area_code=sessions.home(session, cadre.id),
    )
    return SignedIn(token, actor)


def _standing(session: Session, attempt: Attempt, cadre: Cadre | None, now: datetime) -> _Standing:
    if cadre is not None:
        until = cadre.refused_until_at
        lock_at = parameter_at("accounts.failures_before_lock", i18n.local(now).date())
        for_a_time = cadre.failed_sign_ins >= lock_at and until is not None and until > now
        return _Standing(cadre.failed_sign_ins, until, cadre.locked_at is not None or for_a_time)
    return _standing_of_unknown(session, _mark(attempt.username), now)


def _standing_of_unknown(session: Session, mark: str, now: datetime) -> _Standing:
    on = i18n.local(now).date()
    lock_at = parameter_at("accounts.failures_before_lock", on)
    rows = session.execute(
        sa.select(AuditEntry.details)  # type: ignore[call-overload]
        .where(col(AuditEntry.object_kind) == _UNKNOWN, col(AuditEntry.object_id) == mark)
        .order_by(col(AuditEntry.sequence))
        .limit(lock_at * 20)
    ).all()
    moments = [
        datetime.fromisoformat(row.details["tried_at"])
        for row in rows
        if row.details["reason"] == "accounts.wrong_password"
    ]
    wait = _delay(len(moments), now)
    until = moments[-1] + wait if moments and wait else None
    return _Standing(len(moments), until, len(moments) >= lock_at)


def _refusal(standing: _Standing, now: datetime) -> Problem | None:
    if standing.locked:
        return Problem("accounts.locked")
    if standing.refused_until is not None and standing.refused_until > now:
        minutes = -(-(standing.refused_until - now) // timedelta(minutes=1))
        return Problem("accounts.wait", minutes=minutes)
    return None


def _delay(failures: int, now: datetime) -> timedelta:
    on = i18n.local(now).date()
    beyond = failures - parameter_at("accounts.failures_before_delay", on)
    if beyond < 0:
        return timedelta(0)
    return timedelta(minutes=parameter_at("accounts.first_delay_minutes", on) * 2**beyond)


def _count_failure(session: Session, cadre: Cadre | None, standing: _Standing, now: datetime) -> Problem:
    failures = standing.failures + 1
    if cadre is not None:
        cadre.failed_sign_ins = failures
        cadre.refused_until_at = now + _delay(failures, now) if _delay(failures, now) else None
        on = i18n.local(now).date()
        if failures >= parameter_at("accounts.failures_before_lock", on):
            if _is_last_administrator(session, cadre, on):
                minutes = parameter_at("accounts.last_administrator_lock_minutes", on)
                cadre.refused_until_at = now + timedelta(minutes=minutes)
            else:
                _lock(session, cadre, now)
        session.add(cadre)
    return Problem("accounts.wrong_password")


def _is_last_administrator(session: Session, cadre: Cadre, on: date) -> bool:
    """Whether he is an administrator that day and every other one is locked."""
    administrators = (
        sa.select(col(Cadre.id))
        .join(Posting, col(Posting.cadre_id) == col(Cadre.id))
        .where(
            col(Posting.post) == Post.ADMINISTRATOR,
            col(Posting.starts_on) <= on,
            sa.or_(col(Posting.ends_on).is_(None), col(Posting.ends_on) >= on),
            col(Cadre.locked_at).is_(None),
        )
    )
    return set(session.execute(administrators).scalars()) == {cadre.id}


def _lock(session: Session, cadre: Cadre, now: datetime) -> None:
    assert cadre.id is not None
    cadre.locked_at = now
    sessions.close_all(session, cadre.id, now=now)
    audit.append(
        session,
        NOBODY,
        "account.lock",
        kind="account",
        id=cadre.id,
        area_code=sessions.home(session, cadre.id),
        details={"reason": "failures"},
    )


def _audit_refusal(
    session: Session, attempt: Attempt, cadre: Cadre | None, problem: Problem, now: datetime
) -> None:
    kind, id = ("account", str(cadre.id)) if cadre else (_UNKNOWN, _mark(attempt.username))
    audit.append(
        session,
        NOBODY,
        _REFUSED,
        kind=kind,
        id=id,
        area_code=sessions.home(session, cadre.id) if cadre and cadre.id else "",
        result=AuditResult.REFUSED,
        details={"reason": problem.code, "tried_at": now.isoformat()},
    )


def _mark(username: str) -> str:
    # Hashed: people type passwords into the wrong field.
    return crypto.current().look_up_hash("sign_in.user_name", username)[:32]


@service()
def sign_out(session: Session, actor: Actor, token: str, *, now: datetime) -> None:
    """End this browser's session."""
    sessions.close_session(session, token, now=now)
    _audit_own(session, actor, "account.sign_out")


@service()
def sign_out_everywhere(session: Session, actor: Actor, *, now: datetime) -> int:
    """End every session of the actor's account; returns how many were open."""
    ended = sessions.close_all(session, _own_id(actor), now=now)
    _audit_own(session, actor, "account.sign_out_everywhere", sessions=ended)
    return ended


@service()
def change_password(
    session: Session, actor: Actor, attempt: Attempt, new: str, *, now: datetime, device: str = ""
) -> SignedIn | Problem:
    """Replace the actor's own password; every session ends and one new begins for this browser.

    `attempt` is the present password, examined beforehand; a wrong one counts as a failed sign-in and its problem is
    returned. Problems of the new one are raised: `accounts.password_*`, `accounts.password_same`.
    """
    cadre = session.get(Cadre, _own_id(actor))
    assert cadre is not None and cadre.id is not None
    if attempt.username != cadre.username:
        raise Problem("access.forbidden")
    standing = _standing(session, attempt, cadre, now)
    problem = _refusal(standing, now)
    if problem is None and (not attempt.correct or attempt.password_hash != cadre.password_hash):
        problem = _count_failure(session, cadre, standing, now)
    if problem is not None:
        _audit_own(session, actor, "account.password", AuditResult.REFUSED, reason=problem.code)
        return problem
    passwords.check(new, cadre.username, i18n.local(now).date())
    if passwords.verify(cadre.password_hash, new):
        raise Problem("accounts.password_same")
    cadre.password_hash = passwords.hash_password(new)
    cadre.must_change_password = False
    cadre.failed_sign_ins, cadre.refused_until_at = 0, None
    session.add(cadre)
    sessions.close_all(session, cadre.id, now=now)
    token = sessions.open_session(session, cadre.id, device=device, now=now)
    _audit_own(session, actor, "account.password")
    return SignedIn(token, sessions.actor_for(session, cadre.id, on=i18n.local(now).date()))


def _own_id(actor: Actor) -> int:
    if actor.cadre_id is None:
        raise Problem("access.forbidden")
    return actor.cadre_id


def _audit_own(
    session: Session, actor: Actor, action: str, result: AuditResult = AuditResult.DONE, **details: object
) -> None:
    own = _own_id(actor)
    audit.append(
        session,
        actor,
        action,
        kind="account",
        id=own,
        area_code=sessions.home(session, own),
        result=result,
        details=details,
    )
