"""Visits as people read them: a household's history, one visit, the follow-ups promised.

Owns the read models over `Visit` and `Observation`. A household that moved takes its visits along: they are read where
it lives now. Refuses to write: a visit comes from an accepted filling alone.
Diary and words are shown only where the actor may read visits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from models import (
    Attachment,
    Cadre,
    Case,
    CaseStep,
    DifficultyState,
    Disposition,
    Household,
    HouseholdStatus,
    Member,
    Observation,
    PlaceSource,
    Satisfaction,
    StepKind,
    Visit,
)
from survey.access.permissions import Action, Actor, inside, service
from survey.fieldwork import places
from survey.rules import codes
from survey.rules.loader import parameter_at


@dataclass(frozen=True)
class ObservationView:
    """One difficulty as it was found; `state` is none where it was not asked."""

    difficulty: str
    asked: bool
    state: DifficultyState | None
    severity: int | None
    words: str | None
    case_id: str | None
    case_number: str | None

    @property
    def was_found(self) -> bool:
        """Whether the difficulty was there, or had been until this visit."""
        return self.state not in (None, DifficultyState.NONE)


@dataclass(frozen=True)
class RequestView:
    """Another matter somebody raised at the visit, by the case it opened or was joined to."""

    category: str
    words: str | None
    case_number: str


@dataclass(frozen=True)
class VisitView:
    """One contact attempt with what was found and said; `late_days` between visit and entry.

    `lat` and `lon` in WGS84 degrees; `far_km` is how far they lie from the village where that is too far.
    """

    id: str
    instance_id: str
    household_id: str
    head_name: str
    visited_on: date
    late_days: int
    is_late: bool
    cadre_name: str
    disposition: Disposition
    purpose: str | None
    respondent_name: str | None
    satisfaction: Satisfaction | None
    policies_explained: tuple[str, ...]
    help_given: tuple[str, ...]
    help_words: str | None
    diary: str | None
    follow_up_on: date | None
    lat: float | None
    lon: float | None
    accuracy_m: float | None
    place_source: PlaceSource | None
    far_km: float | None
    observations: tuple[ObservationView, ...]
    requests: tuple[RequestView, ...]
    photo_ids: tuple[str, ...]


@dataclass(frozen=True)
class FollowUp:
    """A return that was promised and has not been kept."""

    household_id: str
    head_name: str
    area_code: str
    promised_on: date
    visited_on: date


@service(Action.VISITS_READ)
def history(
    session: Session, actor: Actor, household_id: str, *, limit: int = 20, offset: int = 0
) -> tuple[VisitView, ...]:
    """The visits of a household that lives in the actor's area, the latest first."""
    return _views(session, actor, col(Visit.household_id) == household_id, limit, offset)


@service(Action.VISITS_READ)
def of_filling(session: Session, actor: Actor, instance_id: str) -> VisitView | None:
    """The visit that a filling recorded, in the actor's area; none for a contact by telephone."""
    return next(iter(_views(session, actor, col(Visit.instance_id) == instance_id, 1, 0)), None)


@service(Action.VISITS_RECORD)
def follow_ups(session: Session, actor: Actor, on: date, *, limit: int = 50) -> tuple[FollowUp, ...]:
    """One's own promises to return that are due by the horizon and not yet kept, the oldest first.

    A later visit to the same household by anyone keeps the promise; very old ones leave the list after
    `fieldwork.follow_up_window_days`, those to a household that left or moved out of the actor's area at once.
    """
    since = on - timedelta(days=parameter_at("fieldwork.follow_up_window_days", on))
    until = on + timedelta(days=parameter_at("fieldwork.due_horizon_days", on))
    later = aliased(Visit)
    kept = sa.exists().where(
        col(later.household_id) == col(Visit.household_id), col(later.visited_on) > col(Visit.visited_on)
    )
    rows = session.execute(
        sa.select(  # type: ignore[call-overload]
            Visit.household_id, Household.head_name, Household.area_code, Visit.follow_up_on, Visit.visited_on
        )
        .join(Household, col(Household.id) == col(Visit.household_id))
        .where(
            col(Visit.cadre_id) == actor.cadre_id,
            col(Visit.follow_up_on).between(since, until),
            inside(actor, Action.VISITS_RECORD, Household.area_code),
            col(Household.status) == HouseholdStatus.ACTIVE,
            ~kept,
        )
        .order_by(col(Visit.follow_up_on), col(Visit.id))
        .limit(limit)
    )
    return tuple(FollowUp(*row) for row in rows)


def _views(
    session: Session, actor: Actor, condition: sa.ColumnElement[bool], limit: int, offset: int
) -> tuple[VisitView, ...]:
    rows = session.execute(
        sa.select(Visit, Household.head_name, Cadre.name, Member.name)  # type: ignore[call-overload]
        .join(Household, col(Household.id) == col(Visit.household_id))
        .join(Cadre, col(Cadre.id) == col(Visit.cadre_id))
        .outerjoin(Member, col(Member.id) == col(Visit.respondent_id))
        .where(condition, inside(actor, Action.VISITS_READ, Household.area_code))
        .order_by(col(Visit.visited_on).desc(), col(Visit.id).desc())
        .limit(limit)
        .offset(offset)
    ).all()
    instances = [row[0].instance_id for row in rows]
    observations = _observations(session, [row[0].id for row in rows])
    photos = _photos(session, instances)
    requests = _requests(session, actor, {row[0].household_id for row in rows}, instances)
    return tuple(
        _view(
            visit,
            head_name=head_name,
            cadre_name=cadre_name,
            respondent_name=respondent,
            far_km=_far_km(session, visit),
            observations=observations.get(visit.id, ()),
            requests=requests.get(visit.instance_id, ()),
            photo_ids=photos.get(visit.instance_id, ()),
        )
        for visit, head_name, cadre_name, respondent in rows
    )


def _far_km(session: Session, visit: Visit) -> float | None:
    if visit.lat is None or visit.lon is None:
        return None
    return places.far(session, visit.area_code, visit.lat, visit.lon, visit.visited_on)


def _requests(
    session: Session, actor: Actor, household_ids: set[str], instance_ids: Sequence[str]
) -> dict[str, tuple[RequestView, ...]]:
    """The matters of these fillings that are no observation's, in the words the case has them in."""
    of_difficulty = sa.exists().where(
        col(Observation.case_id) == col(Case.id),
        col(Observation.visit_id) == col(Visit.id),
    )
    rows = session.execute(
        sa.select(CaseStep.instance_id, CaseStep.kind, CaseStep.words, Case.category, Case.words, Case.number)  # type: ignore[call-overload]
        .join(Case, col(Case.id) == col(CaseStep.case_id))
        .join(Visit, col(Visit.instance_id) == col(CaseStep.instance_id))
        .where(
            col(Case.household_id).in_(household_ids),
            col(CaseStep.instance_id).in_(instance_ids),
            inside(actor, Action.CASES_READ, Case.area_code),
            ~of_difficulty,
        )
        .order_by(col(CaseStep.id))
    )
    found: dict[str, tuple[RequestView, ...]] = {}
    for instance_id, kind, said, category, words, number in rows:
        told = words if kind is StepKind.INTAKE else said
        found[instance_id] = (*found.get(instance_id, ()), RequestView(category, told, number))
    return found


def _observations(session: Session, visit_ids: Sequence[str]) -> dict[str, tuple[ObservationView, ...]]:
    rows = session.execute(
        sa.select(Observation, Case.number)  # type: ignore[call-overload]
        .outerjoin(Case, col(Case.id) == col(Observation.case_id))
        .where(col(Observation.visit_id).in_(visit_ids))
    ).all()
    place_in_list = {key: at for at, key in enumerate(codes.keys("difficulty"))}
    found: dict[str, tuple[ObservationView, ...]] = {}
    for row, number in sorted(
        rows, key=lambda pair: place_in_list.get(pair[0].difficulty, len(place_in_list))
    ):
        view = ObservationView(
            row.difficulty, row.asked, row.state, row.severity, row.words, row.case_id, number
        )
        found[row.visit_id] = (*found.get(row.visit_id, ()), view)
    return found


def _photos(session: Session, instance_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    rows = session.execute(
        sa.select(Attachment.instance_id, Attachment.id)  # type: ignore[call-overload]
        .where(col(Attachment.instance_id).in_(instance_ids))
        .order_by(col(Attachment.stored_at))
    )
    found: dict[str, tuple[str, ...]] = {}
    for instance_id, attachment_id in rows:
        found[instance_id] = (*found.get(instance_id, ()), attachment_id)
    return found


def _view(visit: Visit, **found: Any) -> VisitView:
    late_days = (visit.entered_on - visit.visited_on).days
    attributes: dict[str, Any] = {
        name: getattr(visit, name)
        for name in (
            "id",
            "instance_id",
            "household_id",
            "visited_on",
            "disposition",
            "purpose",
            "satisfaction",
            "help_words",
            "diary",
            "follow_up_on",
            "lat",
            "lon",
            "accuracy_m",
            "place_source",
        )
    }
    return VisitView(
        late_days=late_days,
        is_late=late_days > parameter_at("fieldwork.late_entry_days", visit.entered_on),
        policies_explained=tuple(visit.policies_explained),
        help_given=tuple(visit.help_given),
        **attributes,
        **found,
    )
