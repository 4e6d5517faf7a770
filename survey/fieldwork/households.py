"""The household register: reading a household, changing it, and showing a full number.

Owns households and their members: read models with masked numbers, checked and version-guarded changes,
the one head of a household, its place, and the recorded reveal of a number. Refuses to overwrite what
somebody else changed meanwhile, to save an unconfirmed near duplicate, and to give out a health note without
`health.read`. Nothing is deleted: members leave, households move away or are dissolved.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from models import (
    Area,
    AreaLevel,
    HardshipFile,
    Household,
    HouseholdStatus,
    Member,
    PlaceSource,
    Residence,
)
from survey import i18n
from survey.access import audit
from survey.access.permissions import Action, Actor, found, require, service
from survey.areas import register
from survey.fieldwork import assignments, identity, versions
from survey.fieldwork.duplicates import Duplicate, DuplicateReason, near_duplicates
from survey.fieldwork.household_checks import (
    HEAD,
    HOUSEHOLD_FIELDS,
    MEMBER_FIELDS,
    RELATIONS,
    field_label,
    household_columns,
    member_columns,
)
from survey.fieldwork.household_search import HouseholdPage, HouseholdRow, Sought, search
from survey.problems import Problem
from survey.rules import codes

__all__ = [
    "HEAD",
    "HOUSEHOLD_FIELDS",
    "MEMBER_FIELDS",
    "RELATIONS",
    "Duplicate",
    "DuplicateReason",
    "HouseholdPage",
    "HouseholdRow",
    "HouseholdStatus",
    "HouseholdView",
    "MemberView",
    "PlaceSource",
    "Residence",
    "Sought",
    "add_household",
    "add_member",
    "change_head",
    "field_label",
    "household",
    "member_left",
    "near_duplicates",
    "next_code",
    "reveal",
    "save_household",
    "save_member",
    "search",
    "set_place",
    "set_status",
]

# What is shown masked cannot be compared with what the actor saw: any change meanwhile is a conflict.
_MASKED = frozenset({"phone", "id_number"})


@dataclass(frozen=True)
class MemberView:
    """A person of a household. Numbers are masked; `health_note` is only there with `health_readable`."""

    id: str
    household_id: str
    name: str
    relation: str
    sex: str
    birth_on: date | None
    id_masked: str
    phone_masked: str
    ethnic_group: str | None
    education: str | None
    residence: Residence
    health_readable: bool
    health_note: str | None
    left_on: date | None
    version: int

    def age(self, on: date) -> int | None:
        """Full years of age that day; none without a birth date."""
        if self.birth_on is None:
            return None
        return on.year - self.birth_on.year - ((on.month, on.day) < (self.birth_on.month, self.birth_on.day))


@dataclass(frozen=True)
class HouseholdView:
    """A household with its members (those who left last); coordinates in WGS84 degrees, accuracy in metres."""

    id: str
    code: str
    area_code: str
    area_name: str
    head_name: str
    address: str | None
    phone_masked: str
    status: HouseholdStatus
    lat: float | None
    lon: float | None
    accuracy_m: float | None
    place_source: PlaceSource | None
    place_on: date | None
    housing: str | None
    water_source: str | None
    medical_insurance: str | None
    children_in_school: int | None
    members: tuple[MemberView, ...]
    contact_id: int | None
    contact_name: str | None
    hardship_file_id: str | None
    version: int
    updated_at: datetime

    @property
    def present(self) -> tuple[MemberView, ...]:
        """The members who belong to the household now, head first."""
        return tuple(member for member in self.members if member.left_on is None)


@service(Action.HOUSEHOLDS_READ)
def household(
    session: Session, actor: Actor, /, household_id: str, *, on: date | None = None
) -> HouseholdView:
    """One household with its members; `on` (default today) decides the contact. Problem `access.not_found`."""
    row = found(session, actor, Action.HOUSEHOLDS_READ, Household, household_id)
    return _household_view(session, actor, row, on or i18n.today())


@service(Action.HOUSEHOLDS_WRITE)
def add_household(
    session: Session,
    actor: Actor,
    /,
    area_code: str,
    head: Mapping[str, object],
    fields: Mapping[str, object],
    *,
    on: date,
    confirmed: Collection[str] = (),
) -> HouseholdView:
    """Add a household with its head; fields as in `HOUSEHOLD_FIELDS` and `MEMBER_FIELDS`.

    Problems: those of the checks, `households.no_group`, `households.possible_duplicate` or
    `households.registered_elsewhere` while a near duplicate's key is not in `confirmed` (the fact `found` holds the
    duplicates). Audited.
    """
    require(actor, Action.HOUSEHOLDS_WRITE, area_code)
    _require_group(session, area_code, on)
    columns = household_columns({**fields, "area_code": area_code})
    person = member_columns({**head, "relation": HEAD}, {}, on)
    _require_name(person)
    _refuse_duplicates(session, actor, area_code, person, confirmed)
    row = Household(
        code=next_code(session, area_code),
        head_name=person["name"],
        head_pinyin=person["pinyin"],
        **columns,
    )
    session.add(row)
    session.flush()
    member = Member(household_id=row.id, area_code=area_code, **{"sex": "9", **person})
    _require_health_right(actor, head, area_code)
    session.add(member)
    session.flush()
    _note(session, actor, "household.add", "household", row.id, area_code)
    return _household_view(session, actor, row, on)


@service(Action.HOUSEHOLDS_WRITE)
def save_household(
    session: Session,
    actor: Actor,
    /,
    household_id: str,
    changes: Mapping[str, object],
    *,
    seen: HouseholdView,
    on: date,
) -> HouseholdView:
    """Change fields of a household; `seen` is the view the actor was editing.

    Fields that nobody touched since `seen` are saved even when others were; a field that somebody else
    changed meanwhile is the problem `households.changed_meanwhile`, and nothing is saved. A new `area_code`
    moves the household with its members and file; its contact ends where he has no post. Audited.
    """
    row = _household_row(session, actor, household_id)
    if row.status is not HouseholdStatus.ACTIVE:
        raise Problem("households.not_active")
    columns = household_columns(changes)
    _refuse_stale(row, row.version, seen, seen.version, changes)
    area_code = columns.pop("area_code", row.area_code)
    if area_code != row.area_code:
        _move(session, actor, row, area_code, on)
    _assign(row, columns)
    _touched(row)
    session.flush()
    _note(session, actor, "household.update", "household", row.id, row.area_code, fields=sorted(changes))
    return _household_view(session, actor, row, on)


@service(Action.HOUSEHOLDS_WRITE)
def set_place(
    session: Session,
    actor: Actor,
    /,
    household_id: str,
    *,
    lat: float,
    lon: float,
    accuracy_m: float | None,
    source: PlaceSource,
    on: date,
) -> HouseholdView:
    """Say where the household lives (WGS84 degrees, accuracy in metres). Problem `households.place_impossible`.

    The newest place holds: a second one on the same day replaces the first. Audited without the place.
    """
    row = _household_row(session, actor, household_id)
    numbers = (lat, lon, accuracy_m or 0.0)
    if not all(map(math.isfinite, numbers)) or abs(lat) > 90 or abs(lon) > 180 or numbers[2] < 0:
        raise Problem("households.place_impossible", lat=lat, lon=lon)
    _assign(
        row,
        {"lat": lat, "lon": lon, "accuracy_m": accuracy_m, "place_source": source, "place_on": on},
    )
    _touched(row)
    session.flush()
    _note(session, actor, "household.place", "household", row.id, row.area_code)
    return _household_view(session, actor, row, on)


@service(Action.HOUSEHOLDS_WRITE)
def set_status(
    session: Session,
    actor: Actor,
    /,
    household_id: str,
    status: HouseholdStatus,
    *,
    seen: HouseholdView,
    on: date,
) -> HouseholdView:
    """Say that a household moved away, was dissolved, or is back. Problem `households.changed_meanwhile`. Audited."""
    row = _household_row(session, actor, household_id)
    if row.status is not seen.status:
        raise Problem("households.changed_meanwhile", fields=field_label("status"))
    row.status = status
    _touched(row)
    session.flush()
    _note(session, actor, f"household.{status}", "household", row.id, row.area_code)
    return _household_view(session, actor, row, on)


@service(Action.HOUSEHOLDS_WRITE)
def add_member(
    session: Session,
    actor: Actor,
    /,
    household_id: str,
    fields: Mapping[str, object],
    *,
    on: date,
    confirmed: Collection[str] = (),
) -> MemberView:
    """Add a person, whose relation to the head must be told; problems as in `add_household`, and `.second_head`.

    Audited.
    """
    row = _household_row(session, actor, household_id)
    _require_health_right(actor, fields, row.area_code)
    columns = member_columns({"relation": None, **fields}, {}, on)
    _require_name(columns)
    if columns["relation"] == HEAD:
        _refuse_second_head(session, household_id)
    _refuse_duplicates(session, actor, row.area_code, columns, confirmed, own_household=household_id)
    member = Member(household_id=row.id, area_code=row.area_code, **{"sex": "9", **columns})
    session.add(member)
    if member.relation == HEAD:
        _assign(row, {"head_name": member.name, "head_pinyin": member.pinyin})
    _touched(row)
    session.flush()
    _note(session, actor, "member.add", "member", member.id, row.area_code)
    return _member_view(actor, member, row.area_code)


@service(Action.HOUSEHOLDS_WRITE)
def save_member(
    session: Session,
    actor: Actor,
    /,
    member_id: str,
    changes: Mapping[str, object],
    *,
    seen: MemberView,
    on: date,
    confirmed: Collection[str] = (),
) -> MemberView:
    """Change fields of a person; `seen` is the view the actor was editing. Conflicts as in `save_household`.

    The head keeps the relation of head (`households.needs_head`): see `change_head`. Audited.
    """
    member, row = _member_row(session, actor, member_id)
    _require_health_right(actor, changes, row.area_code)
    current = {"birth_on": member.birth_on, "sex": member.sex, "id_number": member.id_number}
    columns = member_columns(changes, current, on)
    _refuse_stale(member, member.version, seen, seen.version, changes)
    relation = columns.get("relation", member.relation)
    if relation != member.relation and HEAD in (relation, member.relation):
        if member.relation == HEAD:
            raise Problem("households.needs_head", name=member.name)
        _refuse_second_head(session, row.id)
    if {"name", "birth_on", "id_number"} & changes.keys():
        known = {"name": member.name, "birth_on": member.birth_on, "relation": member.relation}
        _refuse_duplicates(
            session,
            actor,
            row.area_code,
            {**known, **columns},
            confirmed,
            own_household=row.id,
            own_member=member.id,
        )
    _assign(member, columns)
    member.version += 1
    if member.relation == HEAD:
        _assign(row, {"head_name": member.name, "head_pinyin": member.pinyin})
        _touched(row)
    session.flush()
    _note(session, actor, "member.update", "member", member.id, row.area_code, fields=sorted(changes))
    return _member_view(actor, member, row.area_code)


@service(Action.HOUSEHOLDS_WRITE)
def member_left(
    session: Session, actor: Actor, /, member_id: str, residence: Residence, *, on: date
) -> MemberView:
    """A person moved out for good or died: from that day he is no member. Problem `households.needs_head`. Audited."""
    member, row = _member_row(session, actor, member_id)
    if member.relation == HEAD:
        raise Problem("households.needs_head", name=member.name)
    _assign(member, {"residence": residence, "left_on": on, "version": member.version + 1})
    _touched(row)
    session.flush()
    _note(session, actor, "member.left", "member", member.id, row.area_code)
    return _member_view(actor, member, row.area_code)


@service(Action.HOUSEHOLDS_WRITE)
def change_head(
    session: Session,
    actor: Actor,
    /,
    household_id: str,
    new_head_id: str,
    *,
    former_relation: str,
    on: date,
) -> HouseholdView:
    """Make another member the head; the former head gets `former_relation`. Audited.

    Everybody else's relation is left as it stands, and should be looked through: it was told to the former head.
    """
    row = _household_row(session, actor, household_id)
    new_head = session.get(Member, new_head_id)
    if new_head is None or new_head.household_id != household_id or new_head.left_on is not None:
        raise Problem("access.not_found")
    columns = member_columns({"relation": former_relation}, {}, on)
    for former in session.exec(_heads(household_id)).all():
        if former.id != new_head_id and former_relation == HEAD:
            raise Problem("households.second_head", name=former.name)
        _assign(former, {**columns, "version": former.version + 1})
    # The former head goes first: the table allows one head at any moment.
    session.flush()
    _assign(new_head, {"relation": HEAD, "version": new_head.version + 1})
    _assign(row, {"head_name": new_head.name, "head_pinyin": new_head.pinyin})
    _touched(row)
    session.flush()
    _note(session, actor, "household.change_head", "household", row.id, row.area_code)
    return _household_view(session, actor, row, on)


@service(Action.IDENTIFIERS_REVEAL)
def reveal(session: Session, actor: Actor, /, kind: str, id: str, field: str, reason: str) -> str:
    """The full identity number or phone of a `member`, or the phone of a `household`; the look is audited.

    `reason` is a key of the list `reveal_reason`. Problems `access.not_found`, `households.reason_missing`,
    `households.unknown_field`, `households.nothing_there`.
    """
    fields = {"member": ("id_number", "phone"), "household": ("phone",)}
    if field not in fields.get(kind, ()):
        raise Problem("households.unknown_field", field=field)
    table: type[Member] | type[Household] = Member if kind == "member" else Household
    row = found(session, actor, Action.IDENTIFIERS_REVEAL, table, id)
    if reason not in codes.keys("reveal_reason"):
        raise Problem("households.reason_missing")
    value = getattr(row, field)
    if not value:
        raise Problem("households.nothing_there")
    audit.append(
        session,
        actor,
        "identifier.reveal",
        kind=kind,
        id=id,
        area_code=row.area_code,
        details={"field": field, "reason": reason},
    )
    return str(value)


def next_code(session: Session, area_code: str) -> str:
    """The next free household code of a group, like `51192212520001-0012`.

    No service: whoever adds households has checked the area. Rows of one group are numbered one at a time.
    """
    session.exec(select(Area).where(col(Area.code) == area_code).with_for_update()).first()
    prefix = f"{area_code}-"
    last = session.exec(
        select(sa.func.max(col(Household.code))).where(
            col(Household.code) >= prefix, col(Household.code) < f"{prefix}:"
        )
    ).first()
    return f"{prefix}{int(last.removeprefix(prefix)) + 1 if last else 1:04d}"


def _household_row(session: Session, actor: Actor, household_id: str) -> Household:
    row = found(session, actor, Action.HOUSEHOLDS_READ, Household, household_id, lock=True)
    require(actor, Action.HOUSEHOLDS_WRITE, row.area_code)
    return row


def _member_row(session: Session, actor: Actor, member_id: str) -> tuple[Member, Household]:
    member = found(session, actor, Action.HOUSEHOLDS_READ, Member, member_id, lock=True)
    return member, _household_row(session, actor, member.household_id)


def _require_group(session: Session, area_code: str, on: date) -> None:
    """Households lie in groups; in a village itself only while it has none."""
    area = register.require_valid(session, area_code, on)
    if area.level is AreaLevel.GROUP:
        return
    groups = session.exec(
        select(Area).where(col(Area.parent_code) == area_code, register.valid_on(on))
    ).first()
    if area.level is not AreaLevel.VILLAGE or groups is not None:
        raise Problem("households.no_group", name=area.short_name)


Follower = Callable[[Session, Actor, Household, date], None]
_followers: list[Follower] = []


def register_follower(follower: Follower) -> None:
    """Have a higher layer's records follow a household that moves to another group (the composition root calls this)."""
    if follower not in _followers:
        _followers.append(follower)


def _move(session: Session, actor: Actor, row: Household, area_code: str, on: date) -> None:
    require(actor, Action.HOUSEHOLDS_WRITE, area_code)
    _require_group(session, area_code, on)
    row.area_code = area_code
    for table in (Member, HardshipFile):
        session.execute(sa.update(table).where(col(table.household_id) == row.id).values(area_code=area_code))
    assignments.follow(session, actor, row, on)
    for follower in _followers:
        follower(session, actor, row, on)


def _require_name(columns: Mapping[str, Any]) -> None:
    if not columns.get("name"):
        raise Problem("identity.no_name")


def _require_health_right(actor: Actor, fields: Mapping[str, object], area_code: str) -> None:
    if "health_note" in fields:
        require(actor, Action.HEALTH_READ, area_code)


def _refuse_second_head(session: Session, household_id: str) -> None:
    present = session.exec(_heads(household_id)).first()
    if present is not None:
        raise Problem("households.second_head", name=present.name)


def _heads(household_id: str) -> Any:
    return select(Member).where(
        col(Member.household_id) == household_id, col(Member.relation) == HEAD, col(Member.left_on).is_(None)
    )


def _refuse_duplicates(
    session: Session,
    actor: Actor,
    area_code: str,
    columns: Mapping[str, Any],
    confirmed: Collection[str],
    *,
    own_household: str | None = None,
    own_member: str | None = None,
) -> None:
    alike = near_duplicates(
        session,
        actor,
        area_code=area_code,
        name=columns["name"],
        birth_on=columns.get("birth_on"),
        id_number=columns.get("id_number"),
        is_head=columns.get("relation") == HEAD,
        own_household=own_household,
        own_member=own_member,
    )
    open_ones = [duplicate for duplicate in alike if duplicate.key not in confirmed]
    named = [duplicate for duplicate in open_ones if duplicate.household_id]
    if named:
        names = i18n.listed(i18n.bracketed(d.name, d.area_name) for d in named)
        raise Problem("households.possible_duplicate", names=names, found=alike)
    if open_ones:
        raise Problem("households.registered_elsewhere", found=alike)


def _refuse_stale(
    row: Household | Member,
    version: int,
    seen: HouseholdView | MemberView,
    seen_version: int,
    changes: Mapping[str, object],
) -> None:
    if version == seen_version:
        return
    clashing = [
        field
        for field in changes
        if field in _MASKED or getattr(row, field) not in (getattr(seen, field), changes[field])
    ]
    if clashing:
        raise Problem("households.changed_meanwhile", fields=i18n.listed(map(field_label, clashing)))


def _assign(row: Household | Member, columns: Mapping[str, Any]) -> None:
    for column, value in columns.items():
        setattr(row, column, value)


def _touched(row: Household) -> None:
    versions.touch(row)
    row.updated_at = datetime.now(UTC)


def _note(
    session: Session, actor: Actor, action: str, kind: str, id: str, area_code: str, **details: object
) -> None:
    audit.append(session, actor, action, kind=kind, id=id, area_code=area_code, details=details)


def _household_view(session: Session, actor: Actor, row: Household, on: date) -> HouseholdView:
    view = HouseholdView(
        id=row.id,
        code=row.code,
        area_code=row.area_code,
        area_name=register.name_of(session, row.area_code),
        head_name=row.head_name,
        address=row.address,
        phone_masked=identity.mask_phone(row.phone),
        status=row.status,
        lat=row.lat,
        lon=row.lon,
        accuracy_m=row.accuracy_m,
        place_source=row.place_source,
        place_on=row.place_on,
        housing=row.housing,
        water_source=row.water_source,
        medical_insurance=row.medical_insurance,
        children_in_school=row.children_in_school,
        members=_members(session, actor, row),
        contact_id=None,
        contact_name=None,
        hardship_file_id=_file_id(session, actor, row),
        version=row.version,
        updated_at=row.updated_at,
    )
    if not actor.may(Action.ASSIGNMENTS_READ, row.area_code):
        return view
    contact = assignments.contact_of(session, actor, row.id, on=on)
    return replace(view, contact_id=contact.cadre_id, contact_name=contact.cadre_name) if contact else view


def _members(session: Session, actor: Actor, row: Household) -> tuple[MemberView, ...]:
    query = select(Member).where(col(Member.household_id) == row.id)
    if not actor.may(Action.HEALTH_READ, row.area_code):
        query = query.options(defer(Member.health_note, raiseload=True))  # type: ignore[arg-type]
    members = sorted(
        session.exec(query),
        key=lambda m: (m.left_on is not None, m.relation != HEAD, m.birth_on or date.max, m.id),
    )
    return tuple(_member_view(actor, member, row.area_code) for member in members)


def _member_view(actor: Actor, member: Member, area_code: str) -> MemberView:
    readable = actor.may(Action.HEALTH_READ, area_code)
    return MemberView(
        id=member.id,
        household_id=member.household_id,
        name=member.name,
        relation=member.relation,
        sex=member.sex,
        birth_on=member.birth_on,
        id_masked=identity.mask_id(member.id_number),
        phone_masked=identity.mask_phone(member.phone),
        ethnic_group=member.ethnic_group,
        education=member.education,
        residence=member.residence,
        health_readable=readable,
        health_note=member.health_note if readable else None,
        left_on=member.left_on,
        version=member.version,
    )


def _file_id(session: Session, actor: Actor, row: Household) -> str | None:
    if not actor.may(Action.HARDSHIP_READ, row.area_code):
        return None
    return session.exec(
        select(HardshipFile.id).where(
            col(HardshipFile.household_id) == row.id, col(HardshipFile.closed_on).is_(None)
        )
    ).first()
