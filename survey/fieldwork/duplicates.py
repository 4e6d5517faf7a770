"""Who may be in the register already: shown before a household or a person is saved.

Owns the three marks of a near duplicate: the same identity number, the same head's name in the village, the
same name and birth year in the township. An identity number is looked for everywhere, for those who may enter it.
Refuses to name anybody outside the actor's scope, or to say where he is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from models import Household, HouseholdStatus, Member
from survey.access.permissions import Action, Actor, inside, service, within
from survey.areas import register
from survey.fieldwork import identity

_SHOWN = 10


class DuplicateReason(StrEnum):
    """Why a record may be a duplicate, the surest first."""

    SAME_ID_NUMBER = "same_id_number"
    REGISTERED_ELSEWHERE = "registered_elsewhere"
    SAME_HEAD = "same_head"
    SAME_NAME_AND_BIRTH_YEAR = "same_name_and_birth_year"


@dataclass(frozen=True)
class Duplicate:
    """A record that may be the one about to be saved; `key` is what a person confirms.

    Of an identity number registered elsewhere only that is told.
    """

    reason: DuplicateReason
    household_id: str | None = None
    member_id: str | None = None
    name: str = ""
    head_name: str = ""
    area_name: str = ""
    birth_year: int | None = None

    @property
    def key(self) -> str:
        """Names this warning, so that confirming one does not confirm another."""
        return f"{self.reason}:{self.member_id or self.household_id or ''}"


@service(Action.HOUSEHOLDS_READ)
def near_duplicates(
    session: Session,
    actor: Actor,
    /,
    *,
    area_code: str,
    name: str,
    birth_on: date | None = None,
    id_number: str | None = None,
    is_head: bool = False,
    own_household: str | None = None,
    own_member: str | None = None,
) -> tuple[Duplicate, ...]:
    """What in the actor's scope may be the same household or person, surest first, each record once.

    Last, whether the identity number is registered outside that scope, for an actor who may enter it.
    `own_household` and `own_member` are the record being changed: it is no duplicate of itself.
    """
    conditions: list[tuple[DuplicateReason, sa.ColumnElement[bool]]] = []
    if id_number:
        same = col(Member.id_hash) == identity.id_hash(id_number)
        conditions.append((DuplicateReason.SAME_ID_NUMBER, same))
    if is_head:
        village = within(sa.literal("").concat(col(Member.area_code)), area_code[:12])
        same = sa.and_(col(Member.name) == name, col(Member.relation) == "02", village)
        conditions.append((DuplicateReason.SAME_HEAD, same))
    if birth_on:
        born = col(Member.birth_on).between(date(birth_on.year, 1, 1), date(birth_on.year, 12, 31))
        township = within(sa.literal("").concat(col(Member.area_code)), area_code[:9])
        same = sa.and_(col(Member.name) == name, born, township)
        conditions.append((DuplicateReason.SAME_NAME_AND_BIRTH_YEAR, same))
    found: dict[str, Duplicate] = {}
    for reason, condition in conditions:
        for duplicate in _found(session, actor, reason, condition):
            own = duplicate.member_id == own_member or (is_head and duplicate.household_id == own_household)
            if not own:
                found.setdefault(duplicate.member_id or "", duplicate)
    if id_number and _registered_elsewhere(session, actor, area_code, id_number):
        return (*found.values(), Duplicate(DuplicateReason.REGISTERED_ELSEWHERE))
    return tuple(found.values())


def _registered_elsewhere(session: Session, actor: Actor, area_code: str, id_number: str) -> bool:
    if not actor.may(Action.HOUSEHOLDS_WRITE, area_code):
        return False
    elsewhere = _registered().where(
        col(Member.id_hash) == identity.id_hash(id_number),
        ~inside(actor, Action.HOUSEHOLDS_READ, col(Member.area_code)),
    )
    return session.execute(elsewhere.limit(1)).first() is not None


def _registered() -> sa.Select[Any]:
    """Members who belong to a household of the register now, with the columns that a warning shows."""
    columns: tuple[Any, ...] = (
        Member.id,
        Member.household_id,
        Member.name,
        Member.birth_on,
        Household.head_name,
        Household.area_code,
    )
    return (
        sa.select(*columns)
        .join(Household, col(Household.id) == col(Member.household_id))
        .where(col(Member.left_on).is_(None), col(Household.status) == HouseholdStatus.ACTIVE)
    )


def _found(
    session: Session, actor: Actor, reason: DuplicateReason, condition: sa.ColumnElement[bool]
) -> list[Duplicate]:
    rows = session.execute(
        _registered()
        .where(
            condition,
            inside(actor, Action.HOUSEHOLDS_READ, sa.literal("").concat(col(Member.area_code))),
        )
        .order_by(col(Member.id))
        .limit(_SHOWN)
    ).all()
    names = register.names(session, [row.area_code for row in rows])
    return [
        Duplicate(
            reason=reason,
            household_id=row.household_id,
            member_id=row.id,
            name=row.name,
            head_name=row.head_name,
            area_name=names[row.area_code],
            birth_year=row.birth_on.year if row.birth_on else None,
        )
        for row in rows
    ]
