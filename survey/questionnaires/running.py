"""Drafts as running forms, kept from one answer to the next so that each answer need not read the whole filling anew.

Owns taking a draft's running form for one reader or one change and giving it back. What is kept is only a shortcut:
it is used when nobody has saved the draft since, for the same actor, and for some minutes; otherwise the form runs from
what the store holds. Whoever takes a form owns it until he gives it back, so that no two threads ever share one; a
form that is not given back (a change that failed) is forgotten. Refuses what `drafts.load` refuses.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlmodel import Session, col

from models import Draft, Household
from survey.access.permissions import Action, Actor, service, within_any
from survey.questionnaires import drafts
from survey.questionnaires.engine import Instance

KEPT_SECONDS = 300.0
KEPT_MOST = 200


@dataclass(frozen=True)
class Running:
    """A draft at a revision and its running form."""

    draft_id: str
    revision: int
    actor: Actor
    instance: Instance
    since: float
    """When it was built, in seconds of the process's clock."""


class _Kept:
    """The running forms that nobody uses at this moment, the latest last."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._forms: OrderedDict[str, Running] = OrderedDict()

    def take(self, draft_id: str) -> Running | None:
        with self._lock:
            return self._forms.pop(draft_id, None)

    def put(self, running: Running) -> None:
        with self._lock:
            self._forms[running.draft_id] = running
            self._forms.move_to_end(running.draft_id)
            while len(self._forms) > KEPT_MOST:
                self._forms.popitem(last=False)


_KEPT: WeakKeyDictionary[object, _Kept] = WeakKeyDictionary()


@service(Action.VISITS_RECORD)
def take(session: Session, actor: Actor, instance_id: str) -> Running:
    """One's own draft as a running form, in the language in force; problems as `drafts.load` tells them."""
    kept = _kept(session).take(instance_id)
    if kept is not None and kept.actor == actor and time.monotonic() - kept.since < KEPT_SECONDS:
        statement = _revision_within(actor.prefixes(Action.VISITS_RECORD))
        found = session.execute(statement, {"instance_id": instance_id, "cadre_id": actor.cadre_id})
        if found.scalar_one_or_none() == kept.revision:
            return kept
    draft = drafts.load(session, actor, instance_id)
    instance = drafts.open_instance(session, actor, draft)
    return Running(instance_id, draft.revision, actor, instance, time.monotonic())


@service(Action.VISITS_RECORD)
def save(session: Session, actor: Actor, running: Running, *, now: datetime) -> Running:
    """Keep the form's answers in the draft; the form at its new revision. Problem `draft.stale` as `drafts.save`."""
    payload = running.instance.to_xml()
    revision = drafts.save(session, actor, running.draft_id, payload, revision=running.revision, now=now)
    return replace(running, revision=revision)


def give_back(session: Session, running: Running) -> None:
    """Let the next reader have the form. Not before what changed it is committed."""
    _kept(session).put(running)


def _kept(session: Session) -> _Kept:
    return _KEPT.setdefault(session.get_bind(), _Kept())


@lru_cache(maxsize=1024)
def _revision_within(prefixes: tuple[str, ...]) -> sa.Select[Any]:
    """The revision of an own draft whose household lies in these areas, built once for all cadres of an area."""
    own: sa.Select[Any] = (
        sa.select(Draft.revision)  # type: ignore[call-overload]
        .outerjoin(Household, col(Household.id) == col(Draft.household_id))
        .where(
            col(Draft.instance_id) == sa.bindparam("instance_id"),
            col(Draft.cadre_id) == sa.bindparam("cadre_id"),
            sa.or_(col(Draft.household_id).is_(None), within_any(Household.area_code, prefixes)),
        )
    )
    return own
