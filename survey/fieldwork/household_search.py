"""Finding households: by name, pinyin initials, code, or the exact identity or phone number.

Owns recognising what was typed and the paged, scoped SQL for it. Names and initials are matched from their
beginning, as half-open ranges that an index serves; numbers by their keyed hash, so that nothing needs to be
decrypted. Refuses matches inside a word and counts beyond `COUNT_UP_TO`: both read the whole register.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from models import HardshipFile, Household, HouseholdStatus, Member, Visit
from survey.access.permissions import Action, Actor, inside, service, within
from survey.areas import register
from survey.fieldwork import identity

COUNT_UP_TO = 500
# A household code has its dash, which tells it from an identity number of as many digits.
_CODE = re.compile(r"[0-9]{12}(?:[0-9]{2})?-[0-9]{0,6}")
_LAST = "\U0010ffff"


class Sought(StrEnum):
    """What a search text was taken for."""

    ALL = "all"
    ID_NUMBER = "id_number"
    PHONE = "phone"
    CODE = "code"
    INITIALS = "initials"
    NAME = "name"


@dataclass(frozen=True)
class HouseholdRow:
    """A household in a list; `hardship` only for those who may read its file."""

    id: str
    code: str
    area_code: str
    area_name: str
    head_name: str
    status: HouseholdStatus
    members: int
    hardship: bool
    last_visited_on: date | None


@dataclass(frozen=True)
class HouseholdPage:
    """One page of a search; `total` counts up to `COUNT_UP_TO`, and `more` says that there are more."""

    rows: tuple[HouseholdRow, ...]
    total: int
    more: bool
    sought: Sought


def recognised(query: str) -> tuple[Sought, str]:
    """What the text is taken for, and its normal form.

    >>> recognised("138 0000 0000"), recognised("ZSF"), recognised("张三")[0].value
    ((<Sought.PHONE: 'phone'>, '13800000000'), (<Sought.INITIALS: 'initials'>, 'zsf'), 'name')
    """
    text = " ".join(query.split())
    dense = identity.compact(text)
    if not dense:
        return Sought.ALL, ""
    if _CODE.fullmatch(text):
        return Sought.CODE, text
    if identity.looks_like_id(dense):
        return Sought.ID_NUMBER, dense
    if identity.looks_like_phone(dense):
        return Sought.PHONE, dense
    if dense.isascii() and dense.isdigit():
        return Sought.CODE, text
    if dense.isascii() and dense.isalpha():
        return Sought.INITIALS, dense.lower()
    return Sought.NAME, text


@service(Action.HOUSEHOLDS_READ)
def search(
    session: Session,
    actor: Actor,
    /,
    query: str = "",
    *,
    area_code: str | None = None,
    with_former: bool = False,
    limit: int = 20,
    offset: int = 0,
) -> HouseholdPage:
    """The households in scope that fit, by area and head; any member's name, initials or number counts.

    `with_former` includes households that moved away or were dissolved. Numbers match exactly, names,
    initials and codes from their beginning; an empty query lists all.
    """
    sought, text = recognised(query)
    place = col(Household.area_code)
    conditions: list[sa.ColumnElement[bool]] = []
    if sought is not Sought.ALL:
        candidates = _candidates(session, actor, sought, text, area_code)
        if not candidates:
            return HouseholdPage((), 0, False, sought)
        conditions.append(col(Household.id).in_(candidates))
        place = _beside_index(place)
    conditions.append(inside(actor, Action.HOUSEHOLDS_READ, place))
    conditions.append(within(place, area_code or ""))
    if not with_former:
        conditions.append(col(Household.status) == HouseholdStatus.ACTIVE)
    total = _counted(session, conditions)
    ids = session.execute(
        sa.select(col(Household.id))
        .where(*conditions)
        .order_by(col(Household.area_code), col(Household.head_pinyin), col(Household.id))
        .limit(limit)
        .offset(offset)
    ).scalars()
    return HouseholdPage(
        rows=_rows(session, actor, list(ids)),
        total=min(total, COUNT_UP_TO),
        more=total > COUNT_UP_TO,
        sought=sought,
    )


def _rows(session: Session, actor: Actor, household_ids: Sequence[str]) -> tuple[HouseholdRow, ...]:
    """List rows of these households, in the given order."""
    households = {
        row.id: row
        for row in session.execute(
            sa.select(
                col(Household.id),
                col(Household.code),
                col(Household.area_code),
                col(Household.head_name),
                col(Household.status),
            ).where(col(Household.id).in_(household_ids))
        )
    }
    names = register.names(session, [row.area_code for row in households.values()])
    members = _grouped(session, Member, sa.func.count(), household_ids, col(Member.left_on).is_(None))
    visited = _grouped(session, Visit, sa.func.max(col(Visit.visited_on)), household_ids, sa.true())
    open_file = sa.and_(
        col(HardshipFile.closed_on).is_(None),
        inside(actor, Action.HARDSHIP_READ, _beside_index(col(HardshipFile.area_code))),
    )
    files = _grouped(session, HardshipFile, sa.func.count(), household_ids, open_file)
    return tuple(
        HouseholdRow(
            id=row.id,
            code=row.code,
            area_code=row.area_code,
            area_name=names[row.area_code],
            head_name=row.head_name,
            status=row.status,
            members=members.get(row.id, 0),
            hardship=row.id in files,
            last_visited_on=visited.get(row.id),
        )
        for row in (households[household_id] for household_id in household_ids)
    )


def _grouped(
    session: Session,
    table: type[Member] | type[Visit] | type[HardshipFile],
    value: Any,
    household_ids: Sequence[str],
    condition: sa.ColumnElement[bool],
) -> dict[str, Any]:
    household = col(table.household_id)
    rows = session.execute(
        sa.select(household, value).where(household.in_(household_ids), condition).group_by(household)
    )
    return dict(tuple(row) for row in rows)


def _counted(session: Session, conditions: Sequence[sa.ColumnElement[bool]]) -> int:
    some = (
        sa.select(sa.literal(1)).where(*conditions).select_from(Household).limit(COUNT_UP_TO + 1).subquery()
    )
    return int(session.execute(sa.select(sa.func.count()).select_from(some)).scalar_one())


def _candidates(
    session: Session, actor: Actor, sought: Sought, text: str, area_code: str | None
) -> list[str]:
    """Ids of households that fit, at most `COUNT_UP_TO + 1` by head and as many by member."""
    heads, members = _matches(sought, text)
    found: dict[str, None] = {}
    for key, area, match in (
        (Household.id, Household.area_code, heads),
        (Member.household_id, Member.area_code, members),
    ):
        if match is None:
            continue
        place = _beside_index(col(area))
        rows = session.execute(
            sa.select(col(key))
            .where(match, inside(actor, Action.HOUSEHOLDS_READ, place), within(place, area_code or ""))
            .limit(COUNT_UP_TO + 1)
        )
        found |= dict.fromkeys(rows.scalars())
    return list(found)


def _beside_index(area: Any) -> Any:
    """The area as an expression, which keeps the planner off its index where another condition is narrower."""
    return sa.literal("").concat(area)


def _matches(
    sought: Sought, text: str
) -> tuple[sa.ColumnElement[bool] | None, sa.ColumnElement[bool] | None]:
    """What to match among households, and among members who have not left."""
    here = col(Member.left_on).is_(None)
    if sought is Sought.ID_NUMBER:
        return None, sa.and_(col(Member.id_hash) == identity.id_hash(text), here)
    if sought is Sought.PHONE:
        hashed = identity.phone_hash(text)
        return col(Household.phone_hash) == hashed, sa.and_(col(Member.phone_hash) == hashed, here)
    if sought is Sought.CODE:
        return _begins(Household.code, text), None
    if sought is Sought.INITIALS:
        return _begins(Household.head_pinyin, text), sa.and_(_begins(Member.pinyin, text), here)
    return _begins(Household.head_name, text), sa.and_(_begins(Member.name, text), here)


def _begins(column: Any, text: str) -> sa.ColumnElement[bool]:
    return sa.and_(col(column) >= text, col(column) < text + _LAST)
