"""Writing the planned township into the register: areas, accounts, households, members, files, assignments.

Owns the rows of what was there before the year's first visit. They go straight into the tables, in bulk: a register
is imported, not visited. Refuses to write visits, observations, contacts or cases: those come through
`submissions.accept_many` alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, SQLModel, col, select

from models import (
    Area,
    AreaLevel,
    Assignment,
    AssignmentKind,
    Cadre,
    HardshipFile,
    Household,
    HouseholdStatus,
    Member,
    PlaceSource,
    Post,
    Posting,
    Residence,
)
from survey.access import audit, passwords
from survey.access.permissions import Actor
from survey.demo.township import House, Township
from survey.demo.visits import DAYS
from survey.fieldwork import identity

PASSWORD = "xingma-demo-2026"  # noqa: S105 - printed for everybody who tries the demo
HAN = "01"
_BEFORE = timedelta(days=DAYS + 1000)


def write(session: Session, actor: Actor, township: Township) -> dict[str, int]:
    """Write the plan; user name → id of the account. One audit entry tells that it was loaded."""
    began_on = township.until - _BEFORE
    at = datetime.combine(township.until - timedelta(days=DAYS), time(0), UTC)
    _areas(session, township, began_on)
    cadre_ids = _cadres(session, township, began_on, at)
    _insert(session, Household, (_household(house, at) for house in township.houses))
    _insert(session, Member, (row for house in township.houses for row in _members(house)))
    _insert(session, HardshipFile, _files(township))
    _insert(session, Assignment, _assignments(township, cadre_ids, began_on))
    audit.append(
        session,
        actor,
        "demo.register",
        kind="township",
        id=township.villages[0].code[:9],
        details={"seed": township.seed, "households": len(township.houses)},
    )
    return cadre_ids


def _insert(session: Session, table: type[SQLModel], rows: Iterator[dict[str, Any]]) -> None:
    values = list(rows)
    if values:
        session.execute(sa.insert(table), values)


def _areas(session: Session, township: Township, began_on: date) -> None:
    known = {
        area.code: area
        for area in session.exec(select(Area).where(col(Area.code).in_(list(township.centres))))
    }
    for code, centre in township.centres.items():
        known[code].lat, known[code].lon = centre.lat, centre.lon
    session.flush()
    _insert(
        session,
        Area,
        (
            {
                "code": group.code,
                "level": AreaLevel.GROUP,
                "name": group.name,
                "short_name": group.name,
                "parent_code": group.village_code,
                "valid_from": began_on,
                "lat": group.centre.lat,
                "lon": group.centre.lon,
                "source": "demo",
            }
            for group in township.groups
        ),
    )


def _cadres(session: Session, township: Township, began_on: date, at: datetime) -> dict[str, int]:
    # One password for all and one hashing of it: nothing in a demo is worth sixty slow ones.
    password_hash = passwords.hash_password(PASSWORD)
    _insert(
        session,
        Cadre,
        (
            {
                "username": cadre.username,
                "name": cadre.name,
                "phone": cadre.phone,
                "password_hash": password_hash,
                "must_change_password": False,
                "failed_sign_ins": 0,
                "language": "zh",
                "text_size": "normal",
                "created_at": at,
            }
            for cadre in township.cadres
        ),
    )
    ids = {name: id for name, id in session.exec(select(Cadre.username, Cadre.id)).all() if id is not None}
    _insert(
        session,
        Posting,
        (
            {
                "cadre_id": ids[cadre.username],
                "post": cadre.post,
                "area_code": cadre.area_code,
                "starts_on": began_on,
            }
            for cadre in township.cadres
        ),
    )
    return ids


def _household(house: House, at: datetime) -> dict[str, Any]:
    phone = next((person.phone for person in house.persons if person.phone), None)
    return {
        "id": house.id,
        "code": house.code,
        "area_code": house.group.code,
        "head_name": house.head.name,
        "head_pinyin": identity.initials(house.head.name),
        "address": f"{house.group.name}{int(house.code[-4:])}号",
        "phone": phone,
        "phone_hash": identity.phone_hash(phone) if phone else None,
        "status": HouseholdStatus.ACTIVE,
        "lat": house.at.lat if house.located else None,
        "lon": house.at.lon if house.located else None,
        "accuracy_m": 12.0 if house.located else None,
        "place_source": PlaceSource.IMPORT if house.located else None,
        "place_on": at.date() if house.located else None,
        "housing": house.housing,
        "water_source": house.water_source,
        "medical_insurance": house.medical_insurance,
        "children_in_school": house.children_in_school,
        "version": 1,
        "created_at": at,
        "updated_at": at,
    }


def _members(house: House) -> Iterator[dict[str, Any]]:
    for person in house.persons:
        yield {
            "id": person.id,
            "household_id": house.id,
            "area_code": house.group.code,
            "name": person.name,
            "pinyin": identity.initials(person.name),
            "relation": person.relation,
            "sex": person.sex,
            "birth_on": person.birth_on,
            "id_number": person.id_number,
            "id_hash": identity.id_hash(person.id_number),
            "phone": person.phone,
            "phone_hash": identity.phone_hash(person.phone) if person.phone else None,
            "ethnic_group": HAN,
            "education": person.education,
            "residence": Residence(person.residence),
            "version": 1,
        }


def _files(township: Township) -> Iterator[dict[str, Any]]:
    for house in township.houses:
        if house.hardship is not None:
            yield {
                "id": house.hardship.id,
                "household_id": house.id,
                "area_code": house.group.code,
                "category": house.hardship.category,
                "main_cause": house.hardship.main_cause,
                "causes": list(house.hardship.causes),
                "needs": house.hardship.needs,
                "measures": list(house.hardship.measures),
                "opened_on": house.hardship.opened_on,
                "next_contact_on": house.hardship.next_contact_on,
                "version": 1,
            }


def _assignments(township: Township, cadre_ids: dict[str, int], began_on: date) -> Iterator[dict[str, Any]]:
    """Each hardship household has its contact, each village its stationed cadre (包户、包村)."""
    for cadre in township.cadres:
        if cadre.post is Post.STATIONED_CADRE:
            yield {
                "cadre_id": cadre_ids[cadre.username],
                "kind": AssignmentKind.VILLAGE,
                "area_code": cadre.area_code,
                "household_id": None,
                "starts_on": began_on,
            }
    for house in township.houses:
        if house.contact is not None and house.hardship is not None:
            yield {
                "cadre_id": cadre_ids[house.contact.username],
                "kind": AssignmentKind.HOUSEHOLD,
                "area_code": house.group.code,
                "household_id": house.id,
                "starts_on": max(began_on, house.hardship.opened_on),
            }
