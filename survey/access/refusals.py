"""What somebody tried and may not do, in the audit trail.

Owns noticing that a service refused somebody inside a write transaction (whatever is written, revealed or taken out goes
through one) and the entry about it: who, when, what, about which record, refused. The transaction itself is undone, so
the entry is written in one of its own, once the other is over. Refuses to note a look that was refused: a page merely
opened by an old link is no act; and what a person typed: only what reads as an id is named.
"""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlmodel import Session

from models import AuditResult
from survey import db
from survey.access import audit
from survey.problems import Problem

if TYPE_CHECKING:
    from survey.access.permissions import Actor

_CODES = frozenset({"access.forbidden", "access.not_found"})
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z:_-]{0,63}\Z")
_log = logging.getLogger(__name__)


def notice(
    session: Session,
    actor: Actor,
    problem: Problem,
    service: Callable[..., Any],
    needed: str,
    arguments: tuple[Sequence[object], Mapping[str, object]],
) -> None:
    """Have it noted, should the transaction be undone, that a service refused an actor; nothing for other problems.

    `needed` is the permission the service asks for.
    """
    if problem.code not in _CODES or session.info.get(_NOTED) is problem:
        return
    # An inner service comes first: it is the one that refused.
    session.info[_NOTED] = problem
    kind, id = _subject(service, *arguments)
    act = f"{service.__module__.removeprefix('survey.')}.{service.__name__}"
    details: dict[str, object] = {"act": act, "needed": needed, "reason": problem.code}
    db.once_undone(session, problem, lambda: _note(actor, kind, id, details))


_NOTED = "refusal_noted"


def _note(actor: Actor, kind: str, id: str, details: dict[str, object]) -> None:
    try:
        with db.session_scope() as session:
            audit.append(
                session,
                actor,
                "access.refuse",
                kind=kind,
                id=id,
                area_code=_home(actor),
                result=AuditResult.REFUSED,
                details=details,
            )
    except Problem as problem:
        _log.warning("a refusal was not written (%s): %s", problem.code, details)


def _home(actor: Actor) -> str:
    """The widest area of the actor's posts: where entries about him belong."""
    return min((grant.prefix for grant in actor.grants), key=lambda code: (len(code), code), default="")


def _subject(
    service: Callable[..., Any], positional: Sequence[object], named: Mapping[str, object]
) -> tuple[str, str]:
    """Kind and id of the record the service was called about: its first argument that is called an id or a code.

    A service that takes the kind beside the id names both.
    """
    names = list(inspect.signature(service).parameters)[2:]
    given = {**dict(zip(names, positional, strict=False)), **named}
    for name, value in given.items():
        if name in ("id", "code") or name.endswith(("_id", "_code")):
            kind = (
                str(given.get("kind", "")) if name == "id" else name.removesuffix("_id").removesuffix("_code")
            )
            text = str(value)
            return (kind, text) if _ID.match(text) else (kind, "")
    return "", ""
