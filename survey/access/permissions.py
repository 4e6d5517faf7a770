"""Who may do what where: posts → roles → (action × area scope), in one table.

Owns the roles, the actions, the table between them, the `Actor` every service takes, the check
(`service`, `require`) and the scope as an SQL predicate (`inside`; `found` for one record). Refuses to decide by anything but
the actor's dated postings; a page that hides a button decides nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlmodel import Session

from models import Area, AreaLevel, Base, Post
from survey.access import refusals
from survey.problems import Problem

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T", bound=Base)


class Role(StrEnum):
    """What a post lets its holder be."""

    GROUP_INFORMANT = "group_informant"
    VILLAGE_CADRE = "village_cadre"
    VILLAGE_HEAD = "village_head"
    STATIONED_CADRE = "stationed_cadre"
    MASS_WORK_OFFICE = "mass_work_office"
    TOWNSHIP_LEADER = "township_leader"
    ANALYST = "analyst"
    DISCIPLINE_INSPECTOR = "discipline_inspector"
    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"


class Action(StrEnum):
    """What a service does, as far as permissions go."""

    AREAS_READ = "areas.read"
    AREAS_WRITE = "areas.write"
    ACCOUNTS_MANAGE = "accounts.manage"
    AUDIT_READ = "audit.read"
    STORE_KEEP = "store.keep"
    SNAPSHOT_MAKE = "snapshot.make"
    HOUSEHOLDS_READ = "households.read"
    HOUSEHOLDS_WRITE = "households.write"
    IDENTIFIERS_REVEAL = "identifiers.reveal"
    HEALTH_READ = "health.read"
    HARDSHIP_READ = "hardship.read"
    HARDSHIP_WRITE = "hardship.write"
    VISITS_READ = "visits.read"
    VISITS_RECORD = "visits.record"
    ASSIGNMENTS_READ = "assignments.read"
    ASSIGNMENTS_WRITE = "assignments.write"
    CASES_READ = "cases.read"
    CASES_WRITE = "cases.write"
    QUESTIONNAIRES_PUBLISH = "questionnaires.publish"
    SUBMISSIONS_REVIEW = "submissions.review"


ROLE_OF_POST: dict[Post, Role] = {
    Post.GROUP_INFORMANT: Role.GROUP_INFORMANT,
    Post.VILLAGE_COMMITTEE_MEMBER: Role.VILLAGE_CADRE,
    Post.VILLAGE_HEAD: Role.VILLAGE_HEAD,
    Post.VILLAGE_SECRETARY: Role.VILLAGE_HEAD,
    Post.STATIONED_CADRE: Role.STATIONED_CADRE,
    Post.MASS_WORK_DIRECTOR: Role.MASS_WORK_OFFICE,
    Post.MASS_WORK_MEMBER: Role.MASS_WORK_OFFICE,
    Post.PARTY_COMMITTEE_MEMBER: Role.TOWNSHIP_LEADER,
    Post.TOWNSHIP_SECRETARY: Role.TOWNSHIP_LEADER,
    Post.TOWNSHIP_MAYOR: Role.TOWNSHIP_LEADER,
    Post.ANALYST: Role.ANALYST,
    Post.DISCIPLINE_INSPECTOR: Role.DISCIPLINE_INSPECTOR,
    Post.ADMINISTRATOR: Role.ADMINISTRATOR,
}

_VILLAGE = frozenset({AreaLevel.VILLAGE})
_TOWNSHIP = frozenset({AreaLevel.TOWNSHIP})
_TOWNSHIP_OR_COUNTY = frozenset({AreaLevel.TOWNSHIP, AreaLevel.COUNTY})

# Where a post can be held: the head of a village over a whole county would read every household of it.
LEVELS_OF_POST: dict[Post, frozenset[AreaLevel]] = {
    Post.GROUP_INFORMANT: frozenset({AreaLevel.GROUP, AreaLevel.VILLAGE}),
    Post.VILLAGE_COMMITTEE_MEMBER: _VILLAGE,
    Post.VILLAGE_HEAD: _VILLAGE,
    Post.VILLAGE_SECRETARY: _VILLAGE,
    Post.STATIONED_CADRE: _VILLAGE,
    Post.MASS_WORK_DIRECTOR: _TOWNSHIP,
    Post.MASS_WORK_MEMBER: _TOWNSHIP,
    Post.PARTY_COMMITTEE_MEMBER: _TOWNSHIP,
    Post.TOWNSHIP_SECRETARY: _TOWNSHIP,
    Post.TOWNSHIP_MAYOR: _TOWNSHIP,
    Post.ANALYST: _TOWNSHIP_OR_COUNTY,
    Post.DISCIPLINE_INSPECTOR: _TOWNSHIP_OR_COUNTY,
    Post.ADMINISTRATOR: _TOWNSHIP_OR_COUNTY,
}

_INFORMANT = frozenset(
    {Action.AREAS_READ, Action.HOUSEHOLDS_READ, Action.VISITS_READ, Action.VISITS_RECORD, Action.CASES_READ}
)
_FIELD = _INFORMANT | {
    Action.HOUSEHOLDS_WRITE,
    Action.IDENTIFIERS_REVEAL,
    Action.HEALTH_READ,
    Action.HARDSHIP_READ,
    Action.HARDSHIP_WRITE,
    Action.ASSIGNMENTS_READ,
    Action.CASES_WRITE,
}

# The one table. Accusations are no case of this table; an administrator reads no personal record. To record a visit is
# to record what it learned of the living conditions, too, and the difficulties and requests it found; a contact with a
# hardship household belongs to whoever may read its file, and what stands in the file to whoever may write it.
ALLOWED: dict[Role, frozenset[Action]] = {
    Role.GROUP_INFORMANT: _INFORMANT,
    Role.VILLAGE_CADRE: _FIELD,
    Role.VILLAGE_HEAD: _FIELD | {Action.ASSIGNMENTS_WRITE},
    Role.STATIONED_CADRE: _FIELD,
    Role.MASS_WORK_OFFICE: _FIELD
    | {
        Action.ASSIGNMENTS_WRITE,
        Action.QUESTIONNAIRES_PUBLISH,
        Action.SUBMISSIONS_REVIEW,
        Action.SNAPSHOT_MAKE,
    },
    Role.TOWNSHIP_LEADER: _INFORMANT | {Action.HARDSHIP_READ, Action.ASSIGNMENTS_READ},
    Role.ANALYST: frozenset({Action.AREAS_READ, Action.SNAPSHOT_MAKE}),
    Role.DISCIPLINE_INSPECTOR: frozenset({Action.AREAS_READ, Action.AUDIT_READ}),
    Role.ADMINISTRATOR: frozenset(
        {Action.AREAS_READ, Action.AREAS_WRITE, Action.ACCOUNTS_MANAGE, Action.AUDIT_READ, Action.STORE_KEEP}
    ),
    Role.OPERATOR: frozenset(
        {
            Action.AREAS_READ,
            Action.AREAS_WRITE,
            Action.ACCOUNTS_MANAGE,
            Action.AUDIT_READ,
            Action.STORE_KEEP,
            Action.SNAPSHOT_MAKE,
            Action.QUESTIONNAIRES_PUBLISH,
        }
    ),
}


@dataclass(frozen=True)
class Grant:
    """A role within an area; the empty prefix is everywhere."""

    role: Role
    prefix: str


@dataclass(frozen=True)
class Actor:
    """Who acts: a signed-in cadre, or a named operator of the machine (`cli:<system user>`)."""

    cadre_id: int | None
    username: str
    name: str
    grants: tuple[Grant, ...]
    language: str = "zh"
    text_size: str = "normal"
    must_change_password: bool = False
    device: str = field(default="", compare=False)

    @property
    def audit_name(self) -> str:
        """How the audit trail names the actor."""
        return self.username if self.cadre_id is None else f"cadre:{self.cadre_id}"

    @property
    def roles(self) -> frozenset[Role]:
        """The roles the actor has anywhere."""
        return frozenset(grant.role for grant in self.grants)

    def prefixes(self, action: Action) -> tuple[str, ...]:
        """The area prefixes in which the actor may do this, without those inside another."""
        granted = sorted({grant.prefix for grant in self.grants if action in ALLOWED[grant.role]})
        return tuple(
            prefix
            for prefix in granted
            if not any(prefix != other and prefix.startswith(other) for other in granted)
        )

    def may(self, action: Action, area_code: str | None = None) -> bool:
        """Whether the actor may do this (in that area; anywhere at all without one)."""
        prefixes = self.prefixes(action)
        if area_code is None:
            return bool(prefixes)
        return any(area_code.startswith(prefix) for prefix in prefixes)


def operator(system_user: str) -> Actor:
    """The named operator of the machine, as the command line acts."""
    return Actor(None, f"cli:{system_user}", system_user, (Grant(Role.OPERATOR, ""),))


def require(actor: Actor, action: Action, area_code: str | None = None) -> None:
    """Problem `access.forbidden` unless the actor may do this there (anywhere, without an area)."""
    if not actor.may(action, area_code):
        raise Problem("access.forbidden")


def service(
    *actions: Action,
) -> Callable[[Callable[Concatenate[Session, Actor, P], R]], Callable[Concatenate[Session, Actor, P], R]]:
    """Mark a service with the actions it needs; the actor is checked before its first line.

    The area is the service's own duty: it reads through `inside` and writes after `require`. A refusal in a write
    transaction leaves its trace (`survey.access.refusals`).
    """

    def mark(
        function: Callable[Concatenate[Session, Actor, P], R],
    ) -> Callable[Concatenate[Session, Actor, P], R]:
        @functools.wraps(function)
        def guarded(session: Session, actor: Actor, /, *args: P.args, **kwargs: P.kwargs) -> R:
            try:
                for action in actions:
                    require(actor, action)
                return function(session, actor, *args, **kwargs)
            except Problem as problem:
                refusals.notice(session, actor, problem, function, "".join(actions[:1]), (args, kwargs))
                raise

        guarded.__actions__ = actions  # type: ignore[attr-defined]
        return guarded

    return mark


def inside(actor: Actor, action: Action, column: Any) -> sa.ColumnElement[bool]:
    """The SQL predicate that an area code column lies where the actor may do this.

    A range per prefix, so that an index on the column serves it; no grant at all is `false`.
    """
    return within_any(column, actor.prefixes(action))


def found(
    session: Session, actor: Actor, action: Action, table: type[T], key: str | int, *, lock: bool = False
) -> T:
    """The live row of that key where the actor may do this; problem `access.not_found` elsewhere, as for none.

    The area is part of the statement, so that a row elsewhere is not even read. `lock`: as it stands now, and nobody
    else changes it before the transaction ends.
    """
    columns = sa.inspect(table).columns
    area = columns["code" if table is Area else "area_code"]
    (primary,) = sa.inspect(table).primary_key
    statement = sa.select(table).where(primary == key, inside(actor, action, area))
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    row: T | None = session.execute(statement).scalar_one_or_none()
    if row is None:
        raise Problem("access.not_found")
    return row


def within(column: Any, prefix: str) -> sa.ColumnElement[bool]:
    """The SQL predicate that an area code column lies in one area (the empty prefix: everywhere)."""
    return within_any(column, (prefix,))


def within_any(column: Any, prefixes: tuple[str, ...]) -> sa.ColumnElement[bool]:
    """The SQL predicate that an area code column lies in any of these areas."""
    if "" in prefixes:
        return sa.true()
    # Codes are digits, and a letter sorts after every digit in any collation: the range is the prefix match.
    ranges = [sa.and_(column >= prefix, column < prefix + "A") for prefix in prefixes]
    return sa.or_(*ranges) if ranges else sa.false()
