"""What an accepted filling writes about fieldwork: the visit, its observations, contacts, and what it updates.

Owns the writers of the Entities lists `households`, `hardship_files`, `visits`, `observations` and `contacts`: their
white lists and how text properties become columns. Refuses keys that are in no code list. A record is looked up
only within the filling's own household.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from models import (
    DifficultyState,
    Disposition,
    HardshipContact,
    HardshipFile,
    Household,
    Member,
    Observation,
    PlaceSource,
    Satisfaction,
    Visit,
)
from survey.access import audit
from survey.access.permissions import Actor
from survey.fieldwork import versions
from survey.fieldwork.household_checks import field_label
from survey.problems import Problem
from survey.questionnaires.engine import EntityRow
from survey.questionnaires.registry import EntityWriter, Filling, Written
from survey.rules import codes

_HOUSEHOLD_OF = sa.select(col(Member.household_id)).where(col(Member.id) == sa.bindparam("member"))
SOMEBODY_ELSE = "somebody_else"


def write_visit(session: Session, actor: Actor, filling: Filling, row: EntityRow) -> Sequence[Written]:
    """One contact attempt; the household's place is taken from it when the register has none."""
    household = _household(filling)
    given = row.properties
    lat, lon, accuracy_m = _place(given.get("place"))
    source = PlaceSource(given.get("place_source") or PlaceSource.MAP) if lat is not None else None
    visit = Visit(
        id=row.entity_id,
        instance_id=filling.instance_id,
        household_id=household.id,
        area_code=filling.area_code,
        cadre_id=_cadre_id(actor),
        visited_on=_date(given.get("visited_on")) or filling.on,
        entered_on=filling.on,
        disposition=Disposition(given["disposition"]),
        purpose=_coded("purpose", given.get("purpose")),
        respondent_id=_respondent(session, household, given.get("respondent")),
        policies_explained=_coded_list("policy", given.get("policies_explained")),
        help_given=_coded_list("help_kind", given.get("help_given")),
        help_words=given.get("help_words") or None,
        satisfaction=Satisfaction(given["satisfaction"]) if given.get("satisfaction") else None,
        diary=given.get("diary") or None,
        follow_up_on=_date(given.get("follow_up_on")),
        lat=lat,
        lon=lon,
        accuracy_m=accuracy_m,
        place_source=source,
    )
    session.add(visit)
    if lat is not None and household.lat is None:
        household.lat, household.lon, household.accuracy_m = lat, lon, accuracy_m
        household.place_source, household.place_on = source, visit.visited_on
        versions.touch(household)
        household.updated_at = datetime.now(UTC)
    filling.visits.append(visit)
    return (Written("visit", visit.id),)


def write_observation(session: Session, actor: Actor, filling: Filling, row: EntityRow) -> Sequence[Written]:
    """One difficulty at one visit; asked-and-none is written too: without it there is no denominator."""
    given = row.properties
    if not filling.visits:
        raise Problem("questionnaire.observation_without_visit")
    visit = filling.visits[0]
    asked = given.get("asked") == "yes"
    session.add(
        Observation(
            id=row.entity_id,
            visit_id=visit.id,
            household_id=visit.household_id,
            area_code=visit.area_code,
            observed_on=visit.visited_on,
            difficulty=_coded("difficulty", given.get("difficulty")) or "",
            asked=asked,
            state=DifficultyState(given["state"]) if asked else None,
            severity=int(given["severity"]) if given.get("severity") else None,
            words=given.get("words") or None,
        )
    )
    return ()


def write_household(session: Session, actor: Actor, filling: Filling, row: EntityRow) -> Sequence[Written]:
    """What the visit learned of the living conditions; only what differs is written, and the version moves on."""
    household = _household(filling)
    if row.entity_id != household.id:
        raise Problem("access.not_found")
    given = row.properties
    children = given.get("children_in_school")
    learned = {
        "housing": _coded("housing", given.get("housing")),
        "water_source": _coded("water_source", given.get("water_source")),
        "medical_insurance": _coded("medical_insurance", given.get("medical_insurance")),
        "children_in_school": int(children) if children else None,
    }
    applied = versions.apply(household, learned, row.base_version)
    if applied.changed:
        household.updated_at = datetime.now(UTC)
    return _reported(session, actor, filling, "household", household, applied)


def write_contact(session: Session, actor: Actor, filling: Filling, row: EntityRow) -> Sequence[Written]:
    """A contact with a hardship household; the file's next date follows it. Problem `hardship.no_file`."""
    given = row.properties
    file = _open_file(session, filling)
    contacted_on = _date(given.get("contacted_on")) or filling.on
    next_on = _date(given.get("next_contact_on"))
    contact = HardshipContact(
        id=row.entity_id,
        instance_id=filling.instance_id,
        file_id=file.id,
        household_id=file.household_id,
        area_code=filling.area_code,
        cadre_id=_cadre_id(actor),
        contacted_on=contacted_on,
        mode=_coded("contact_mode", given.get("mode")) or "home",
        help_given=_coded_list("help_kind", given.get("help_given")),
        words=given.get("words") or None,
        next_contact_on=next_on,
    )
    session.add(contact)
    if next_on is not None and not _has_later_contact(session, file, contacted_on):
        file.next_contact_on = next_on
        versions.touch(file)
    return (Written("contact", contact.id),)


def write_hardship_file(
    session: Session, actor: Actor, filling: Filling, row: EntityRow
) -> Sequence[Written]:
    """What a contact learned of needs and measures; an empty answer leaves what is there."""
    file = _open_file(session, filling)
    if row.entity_id != file.id:
        raise Problem("access.not_found")
    given = {
        "needs": row.properties.get("needs") or None,
        "measures": _coded_list("help_kind", row.properties.get("measures")),
    }
    applied = versions.apply(file, given, row.base_version)
    return _reported(session, actor, filling, "hardship_file", file, applied)


WRITERS = (
    EntityWriter(
        "households",
        frozenset({"housing", "water_source", "medical_insurance", "children_in_school"}),
        write_household,
    ),
    EntityWriter("hardship_files", frozenset({"needs", "measures"}), write_hardship_file),
    EntityWriter(
        "visits",
        frozenset(
            {
                "visited_on",
                "disposition",
                "purpose",
                "respondent",
                "policies_explained",
                "help_given",
                "help_words",
                "satisfaction",
                "diary",
                "follow_up_on",
                "place",
                "place_source",
            }
        ),
        write_visit,
    ),
    EntityWriter(
        "observations",
        frozenset({"difficulty", "asked", "state", "severity", "words", "opens_case"}),
        write_observation,
    ),
    EntityWriter(
        "contacts",
        frozenset({"contacted_on", "mode", "help_given", "words", "next_contact_on"}),
        write_contact,
    ),
)


def _household(filling: Filling) -> Household:
    if filling.household is None:
        raise Problem("submission.no_household")
    return filling.household


def _cadre_id(actor: Actor) -> int:
    if actor.cadre_id is None:
        raise Problem("access.forbidden")
    return actor.cadre_id


def _reported(
    session: Session,
    actor: Actor,
    filling: Filling,
    kind: str,
    record: versions.Versioned,
    applied: versions.Applied,
) -> Sequence[Written]:
    """Audit what an update did, and give it back: fields in conflict as the title of a `conflict`."""
    if not applied.changed and not applied.conflicting:
        return ()
    audit.append(
        session,
        actor,
        f"{kind}.update",
        kind=kind,
        id=record.id,
        area_code=record.area_code,
        details={
            "fields": list(applied.changed),
            "conflicting": list(applied.conflicting),
            "instance": filling.instance_id,
        },
    )
    if applied.conflicting:
        return (Written("conflict", record.id, "、".join(map(field_label, applied.conflicting))),)
    return (Written(kind, record.id),)


def _open_file(session: Session, filling: Filling) -> HardshipFile:
    # Read for prefilling before: what somebody changed since in the office must be seen.
    file = session.exec(
        select(HardshipFile)
        .where(HardshipFile.household_id == _household(filling).id, col(HardshipFile.closed_on).is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if file is None:
        raise Problem("hardship.no_file")
    return file


def _has_later_contact(session: Session, file: HardshipFile, contacted_on: date) -> bool:
    later = select(HardshipContact.id).where(
        HardshipContact.file_id == file.id, HardshipContact.contacted_on > contacted_on
    )
    return session.exec(later.limit(1)).first() is not None


def _respondent(session: Session, household: Household, member_id: str | None) -> str | None:
    if not member_id or member_id == SOMEBODY_ELSE:
        return None
    if session.execute(_HOUSEHOLD_OF, {"member": member_id}).scalar_one_or_none() != household.id:
        raise Problem("questionnaire.not_a_member")
    return member_id


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text[:10]) if text else None


def _place(text: str | None) -> tuple[float | None, float | None, float | None]:
    """An OpenRosa geopoint, `lat lon altitude accuracy_m` in WGS84."""
    if not text:
        return None, None, None
    parts = [float(part) for part in text.split()]
    return parts[0], parts[1], parts[3] if len(parts) > 3 and parts[3] > 0 else None


def _coded(code_list: str, key: str | None) -> str | None:
    if not key:
        return None
    if key not in codes.keys(code_list):
        raise Problem("questionnaire.unknown_code", list=code_list, key=key)
    return key


def _coded_list(code_list: str, text: str | None) -> list[str]:
    return [key for key in (_coded(code_list, part) for part in (text or "").split()) if key]
