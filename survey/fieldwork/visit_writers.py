"""What an accepted filling writes about fieldwork: the visit, its observations, contacts, and what it updates.

Owns the writers of the Entities lists `households`, `hardship_files`, `visits`, `observations` and `contacts`: their
white lists, how text properties become columns, and taking back what a corrected or rejected filling had written.
Refuses keys that are in no code list. A record is looked up only within the filling's own household.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, TypeVar

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
from survey import i18n
from survey.access import audit
from survey.access.permissions import Action, Actor
from survey.fieldwork import conflicts, places, versions
from survey.fieldwork.household_checks import field_label
from survey.problems import Problem
from survey.questionnaires.engine import EntityRow
from survey.questionnaires.registry import EntityWriter, Filling, Written
from survey.rules import codes

_HOUSEHOLD_OF = sa.select(col(Member.household_id)).where(col(Member.id) == sa.bindparam("member"))
SOMEBODY_ELSE = "somebody_else"

_INSERT_VISIT = sa.insert(Visit.__table__)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class _Inserted:
    """The visit a filling has just written."""

    id: str
    household_id: str
    area_code: str
    visited_on: date


R = TypeVar("R", Visit, Observation, HardshipContact)
E = TypeVar("E", bound=StrEnum)


def write_visit(session: Session, actor: Actor, filling: Filling, row: EntityRow) -> Sequence[Written]:
    """One contact attempt; the household's place is taken from it when the register has none.

    A corrected filling writes its visit anew; what was entered when stays.
    A position far from the household's village is kept with the visit and never taken for the household's.
    """
    household = _household(filling)
    given = row.properties
    visit = _written_before(session, Visit, filling, row)
    if (
        visit is not None
        and filling.earlier is not None
        and visit.instance_id not in filling.earlier.instance_ids
    ):
        raise Problem("submission.entity_known", list=row.list_name)
    former_place = (visit.lat, visit.lon) if visit is not None else (None, None)
    lat, lon, accuracy_m = _place(given.get("place"))
    source = (
        (_member(PlaceSource, "place_source", given.get("place_source")) or PlaceSource.MAP)
        if lat is not None
        else None
    )
    values: dict[str, Any] = {
        "instance_id": filling.instance_id,
        "household_id": household.id,
        "area_code": filling.area_code,
        "cadre_id": filling.cadre_id,
        "visited_on": _date(given.get("visited_on")) or filling.on,
        "entered_on": filling.on,
        "disposition": _required(Disposition, "disposition", given.get("disposition")),
        "purpose": _coded("purpose", given.get("purpose")),
        "respondent_id": _respondent(session, household, given.get("respondent")),
        "policies_explained": _coded_list("policy", given.get("policies_explained")),
        "help_given": _coded_list("help_kind", given.get("help_given")),
        "help_words": given.get("help_words") or None,
        "satisfaction": _member(Satisfaction, "satisfaction", given.get("satisfaction")),
        "diary": given.get("diary") or None,
        "follow_up_on": _date(given.get("follow_up_on")),
        "lat": lat,
        "lon": lon,
        "accuracy_m": accuracy_m,
        "place_source": source,
    }
    if visit is None:
        # Inserted by its values: this is run for nearly every filling.
        session.connection().execute(_INSERT_VISIT, {"id": row.entity_id, **values})
        filling.visits.append(_Inserted(row.entity_id, household.id, filling.area_code, values["visited_on"]))
    else:
        filling.visits.append(_put(session, Visit, visit, row, values))
    known_place = (household.lat, household.lon)
    is_free = known_place in ((None, None), former_place)
    if (
        lat is not None
        and lon is not None
        and is_free
        and not _is_far(session, filling, lat, lon, values["visited_on"])
    ):
        household.lat, household.lon, household.accuracy_m = lat, lon, accuracy_m
        household.place_source, household.place_on = source, values["visited_on"]
        versions.touch(household)
        household.updated_at = datetime.now(UTC)
    return (Written("visit", row.entity_id),)


def withdraw_visit(session: Session, actor: Actor, filling: Filling, row: EntityRow, reason: str) -> None:
    """A visit that a corrected or rejected filling no longer records; its submission stays."""
    _delete(session, session.get(Visit, row.entity_id), filling)


def write_observation(session: Session, actor: Actor, filling: Filling, row: EntityRow) -> Sequence[Written]:
    """One difficulty at one visit; asked-and-none is written too: without it there is no denominator."""
    given = row.properties
    if not filling.visits:
        raise Problem("questionnaire.observation_without_visit")
    visit = filling.visits[0]
    observation = _written_before(session, Observation, filling, row)
    if observation is not None and observation.visit_id != visit.id:
        raise Problem("submission.entity_known", list=row.list_name)
    asked = given.get("asked") == "yes"
    values: dict[str, Any] = {
        "visit_id": visit.id,
        "household_id": visit.household_id,
        "area_code": visit.area_code,
        "observed_on": visit.visited_on,
        "difficulty": _coded("difficulty", given.get("difficulty")) or "",
        "asked": asked,
        "state": _required(DifficultyState, "difficulty_state", given.get("state")) if asked else None,
        "severity": _whole("severity", given.get("severity")),
        "words": given.get("words") or None,
    }
    _put(session, Observation, observation, row, values)
    return ()


def withdraw_observation(
    session: Session,
    actor: Actor,
    filling: Filling,
    row: EntityRow,
    reason: str,
) -> None:
    """A difficulty that a corrected or rejected filling no longer observes."""
    found = session.get(Observation, row.entity_id)
    if found is not None:
        session.delete(found)


def write_household(session: Session, actor: Actor, filling: Filling, row: EntityRow) -> Sequence[Written]:
    """What the visit learned of the living conditions; only what differs is written, and the version moves on."""
    household = _household(filling)
    if row.entity_id != household.id:
        raise Problem("access.not_found")
    applied = _applied(household, filling, row, _living)
    if applied.changed:
        household.updated_at = datetime.now(UTC)
    return _reported(session, actor, filling, "household", household, applied, _living(row))


def write_contact(session: Session, actor: Actor, filling: Filling, row: EntityRow) -> Sequence[Written]:
    """A contact with a hardship household; the file's next date follows it. Problem `hardship.no_file`."""
    given = row.properties
    contact = _written_before(session, HardshipContact, filling, row)
    if contact is not None and filling.earlier and contact.instance_id not in filling.earlier.instance_ids:
        raise Problem("submission.entity_known", list=row.list_name)
    file = _locked(session, contact.file_id) if contact else _open_file(session, filling)
    contacted_on = _date(given.get("contacted_on")) or filling.on
    next_on = _date(given.get("next_contact_on"))
    values: dict[str, Any] = {
        "instance_id": filling.instance_id,
        "file_id": file.id,
        "household_id": file.household_id,
        "area_code": filling.area_code,
        "cadre_id": filling.cadre_id,
        "contacted_on": contacted_on,
        "mode": _coded("contact_mode", given.get("mode")) or "home",
        "help_given": _coded_list("help_kind", given.get("help_given")),
        "words": given.get("words") or None,
        "next_contact_on": next_on,
    }
    contact = _put(session, HardshipContact, contact, row, values)
    if next_on is not None and not _has_later_contact(session, file, contacted_on):
        file.next_contact_on = next_on
        versions.touch(file)
    return (Written("contact", contact.id),)


def withdraw_contact(
    session: Session,
    actor: Actor,
    filling: Filling,
    row: EntityRow,
    reason: str,
) -> None:
    """A contact that a corrected or rejected filling no longer records: the date before it is due again."""
    contact = session.get(HardshipContact, row.entity_id)
    if contact is None:
        return
    file = _locked(session, contact.file_id)
    was_last = not _has_later_contact(session, file, contact.contacted_on)
    _delete(session, contact, filling)
    session.flush()
    if was_last and file.closed_on is None:
        before = session.exec(
            select(HardshipContact)
            .where(HardshipContact.file_id == file.id)
            .order_by(col(HardshipContact.contacted_on).desc())
            .limit(1)
        ).first()
        file.next_contact_on = before.next_contact_on if before else None
        versions.touch(file)


def write_hardship_file(
    session: Session, actor: Actor, filling: Filling, row: EntityRow
) -> Sequence[Written]:
    """What a contact learned of needs and measures; an empty answer leaves what is there."""
    file = _locked(session, row.entity_id)
    if file.household_id != _household(filling).id:
        raise Problem("access.not_found")
    if file.closed_on is not None:
        before = filling.before(row)
        if before is not None and _assessed(before) == _assessed(row):
            return ()
        raise Problem("hardship.no_file")
    applied = _applied(file, filling, row, _assessed)
    return _reported(session, actor, filling, "hardship_file", file, applied, _assessed(row))


WRITERS = (
    EntityWriter(
        "households",
        frozenset({"housing", "water_source", "medical_insurance", "children_in_school"}),
        write_household,
    ),
    EntityWriter(
        "hardship_files",
        frozenset({"needs", "measures"}),
        write_hardship_file,
        action=Action.HARDSHIP_WRITE,
    ),
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
        withdraw_visit,
    ),
    EntityWriter(
        "observations",
        frozenset({"difficulty", "asked", "state", "severity", "words", "opens_case"}),
        write_observation,
        withdraw_observation,
    ),
    EntityWriter(
        "contacts",
        frozenset({"contacted_on", "mode", "help_given", "words", "next_contact_on"}),
        write_contact,
        withdraw_contact,
        Action.HARDSHIP_READ,
    ),
)


def _household(filling: Filling) -> Household:
    if filling.household is None:
        raise Problem("submission.no_household")
    return filling.household


def _living(row: EntityRow) -> dict[str, object]:
    """The household's columns that a row speaks of."""
    given = row.properties
    return {
        "housing": _coded("housing", given.get("housing")),
        "water_source": _coded("water_source", given.get("water_source")),
        "medical_insurance": _coded("medical_insurance", given.get("medical_insurance")),
        "children_in_school": _whole("children_in_school", given.get("children_in_school")),
    }


def _assessed(row: EntityRow) -> dict[str, object]:
    """The hardship file's columns that a row speaks of."""
    return {
        "needs": row.properties.get("needs") or None,
        "measures": _coded_list("help_kind", row.properties.get("measures")),
    }


def _applied(
    record: versions.Versioned,
    filling: Filling,
    row: EntityRow,
    columns: Callable[[EntityRow], dict[str, object]],
) -> versions.Applied:
    earlier = filling.before(row)
    if earlier is None:
        return versions.apply(record, columns(row), row.base_version)
    return versions.correct(record, columns(row), columns(earlier), row.base_version)


def _written_before(session: Session, table: type[R], filling: Filling, row: EntityRow) -> R | None:
    """What an earlier version of the filling wrote under this entity id."""
    return session.get(table, row.entity_id) if filling.earlier is not None else None


def _put(session: Session, table: type[R], found: R | None, row: EntityRow, values: dict[str, Any]) -> R:
    """Add the row under its entity id, or give the one that is there its new values."""
    if found is None:
        made = table(id=row.entity_id, **values)
        session.add(made)
        return made
    values.pop("entered_on", None)
    for name, value in values.items():
        setattr(found, name, value)
    return found


def _delete(session: Session, found: Visit | HardshipContact | None, filling: Filling) -> None:
    of_filling = {filling.instance_id, *(filling.earlier.instance_ids if filling.earlier else ())}
    if found is not None and found.instance_id in of_filling:
        session.delete(found)


def _reported(
    session: Session,
    actor: Actor,
    filling: Filling,
    kind: str,
    record: versions.Versioned,
    applied: versions.Applied,
    sent: Mapping[str, object],
) -> Sequence[Written]:
    """Audit what an update did, keep its conflicts, and give it back: hard ones as the title of a `conflict`."""
    if not applied.changed and not applied.conflicting:
        return ()
    conflicts.note(session, filling, kind, record, applied, sent)
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
        return (Written("conflict", record.id, i18n.listed(map(field_label, applied.conflicting))),)
    return (Written(kind, record.id),)


def _open_file(session: Session, filling: Filling) -> HardshipFile:
    file_id = session.exec(
        select(HardshipFile.id).where(
            HardshipFile.household_id == _household(filling).id, col(HardshipFile.closed_on).is_(None)
        )
    ).one_or_none()
    if file_id is None:
        raise Problem("hardship.no_file")
    return _locked(session, file_id)


def _locked(session: Session, file_id: str) -> HardshipFile:
    """The file as it stands now: it was read for prefilling before, and the office may have changed it since."""
    file = session.exec(
        select(HardshipFile)
        .where(HardshipFile.id == file_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if file is None:
        raise Problem("access.not_found")
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


def _is_far(session: Session, filling: Filling, lat: float, lon: float, on: date) -> bool:
    return places.far(session, filling.area_code, lat, lon, on) is not None


def _date(text: str | None) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError as error:
        raise Problem("questionnaire.bad_value", property="date", value=text[:60]) from error


def _whole(name: str, text: str | None) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or len(text) > 9:
        raise Problem("questionnaire.bad_value", property=name, value=text[:60])
    return int(text)


def _member(enum: type[E], code_list: str, text: str | None) -> E | None:
    return _required(enum, code_list, text) if text else None


def _required(enum: type[E], code_list: str, text: str | None) -> E:
    try:
        return enum(text or "")
    except ValueError as error:
        raise Problem("questionnaire.unknown_code", list=code_list, key=text or "") from error


def _place(text: str | None) -> tuple[float | None, float | None, float | None]:
    """An OpenRosa geopoint, `lat lon altitude accuracy_m` in WGS84."""
    if not text:
        return None, None, None
    try:
        parts = [float(part) for part in text.split()]
    except ValueError as error:
        raise Problem("questionnaire.bad_value", property="place", value=text[:60]) from error
    if len(parts) < 2:
        raise Problem("questionnaire.bad_value", property="place", value=text[:60])
    return parts[0], parts[1], parts[3] if len(parts) > 3 and parts[3] > 0 else None


def _coded(code_list: str, key: str | None) -> str | None:
    if not key:
        return None
    if key not in codes.keys(code_list):
        raise Problem("questionnaire.unknown_code", list=code_list, key=key)
    return key


def _coded_list(code_list: str, text: str | None) -> list[str]:
    return [key for key in (_coded(code_list, part) for part in (text or "").split()) if key]
