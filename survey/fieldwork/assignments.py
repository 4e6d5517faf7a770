"""Who is the contact of which village or household (包村包户), dated.

Owns assigning, ending and reading assignments. A household has one contact at a time: a new one ends the
former. `starts_on` and `ends_on` are both days on which the assignment holds. Refuses a cadre who holds no
post in or above the area.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from models import Assignment, AssignmentKind, Cadre, Household, Post, Posting
from survey.access import audit
from survey.access.permissions import Action, Actor, found, inside, service
from survey.areas import codes, register
from survey.problems import Problem

__all__ = [
    "AssignmentKind",
    "AssignmentView",
    "CadreChoice",
    "assign_household",
    "assign_village",
    "cadres_for",
    "contact_of",
    "contacts_of",
    "end",
    "follow",
    "holds_on",
    "of_cadre",
    "posted_on",
]


@dataclass(frozen=True)
class AssignmentView:
    """One assignment: who, of what, from when to when."""

    id: int
    cadre_id: int
    cadre_name: str
    kind: AssignmentKind
    area_code: str
    household_id: str | None
    starts_on: date
    ends_on: date | None


@dataclass(frozen=True)
class CadreChoice:
    """A cadre who may be made contact somewhere: id, name and the post he holds there."""

    id: int
    name: str
    post: Post


def holds_on(on: date) -> sa.ColumnElement[bool]:
    """The SQL predicate that an assignment holds that day."""
    return sa.and_(
        col(Assignment.starts_on) <= on,
        sa.or_(col(Assignment.ends_on).is_(None), col(Assignment.ends_on) >= on),
    )


def posted_on(on: date) -> sa.ColumnElement[bool]:
    """The SQL predicate that a posting holds that day."""
    return sa.and_(
        col(Posting.starts_on) <= on, sa.or_(col(Posting.ends_on).is_(None), col(Posting.ends_on) >= on)
    )


@service(Action.ASSIGNMENTS_WRITE)
def assign_household(
    session: Session, actor: Actor, /, cadre_id: int, household_id: str, *, on: date
) -> AssignmentView:
    """Make a cadre the contact of a household from that day on; the former contact's last day is the day before.

    Problems `access.not_found`, `assignments.not_posted`, `assignments.already`. Audited.
    """
    household = found(session, actor, Action.ASSIGNMENTS_WRITE, Household, household_id)
    former = session.exec(
        select(Assignment).where(col(Assignment.household_id) == household_id, holds_on(on))
    ).all()
    cadre = _posted(session, cadre_id, household.area_code, on)
    if any(row.cadre_id == cadre_id for row in former):
        raise Problem("assignments.already", name=cadre.name)
    for row in former:
        row.ends_on = on - timedelta(days=1)
    return _add(session, actor, cadre, AssignmentKind.HOUSEHOLD, household.area_code, household_id, on)


@service(Action.ASSIGNMENTS_WRITE)
def assign_village(
    session: Session, actor: Actor, /, cadre_id: int, village_code: str, *, on: date
) -> AssignmentView:
    """Make a cadre a contact of a village from that day on; a village may have several.

    Problems `access.not_found`, `areas.closed`, `assignments.not_posted`, `assignments.already`. Audited.
    """
    if not actor.may(Action.ASSIGNMENTS_WRITE, village_code):
        raise Problem("access.not_found")
    register.require_valid(session, codes.village_of(village_code), on)
    cadre = _posted(session, cadre_id, village_code, on)
    present = session.exec(
        select(Assignment).where(
            col(Assignment.cadre_id) == cadre_id,
            col(Assignment.kind) == AssignmentKind.VILLAGE,
            col(Assignment.area_code) == village_code,
            holds_on(on),
        )
    ).first()
    if present:
        raise Problem("assignments.already", name=cadre.name)
    return _add(session, actor, cadre, AssignmentKind.VILLAGE, village_code, None, on)


@service(Action.ASSIGNMENTS_WRITE)
def end(session: Session, actor: Actor, /, assignment_id: int, *, on: date) -> AssignmentView:
    """Make that day the assignment's last. Problems `access.not_found`, `assignments.ends_before_start`. Audited."""
    row = found(session, actor, Action.ASSIGNMENTS_WRITE, Assignment, assignment_id)
    if on < row.starts_on:
        raise Problem("assignments.ends_before_start", ends_on=on, starts_on=row.starts_on)
    row.ends_on = on
    audit.append(
        session, actor, "assignment.end", kind="assignment", id=assignment_id, area_code=row.area_code
    )
    return _view(row, session.get_one(Cadre, row.cadre_id).name)


def follow(session: Session, actor: Actor, household: Household, on: date) -> None:
    """The contact of a household that moved goes on where he has a post; otherwise his last day was the day before.

    Those who were its contact before stay recorded for where it was. Audited.
    """
    present = session.exec(
        select(Assignment).where(
            col(Assignment.household_id) == household.id,
            sa.or_(col(Assignment.ends_on).is_(None), col(Assignment.ends_on) >= on),
        )
    ).all()
    for row in present:
        if _has_post(session, row.cadre_id, household.area_code, on):
            row.area_code = household.area_code
            continue
        row.ends_on = on - timedelta(days=1)
        audit.append(
            session, actor, "assignment.end", kind="assignment", id=row.id or 0, area_code=row.area_code
        )


@service(Action.ASSIGNMENTS_READ)
def of_cadre(session: Session, actor: Actor, /, cadre_id: int, *, on: date) -> tuple[AssignmentView, ...]:
    """The assignments a cadre holds that day, within the actor's scope; villages first."""
    rows = session.exec(
        select(Assignment, Cadre.name)
        .join(Cadre, col(Cadre.id) == col(Assignment.cadre_id))
        .where(
            col(Assignment.cadre_id) == cadre_id,
            inside(actor, Action.ASSIGNMENTS_READ, col(Assignment.area_code)),
            holds_on(on),
        )
        .order_by(col(Assignment.kind).desc(), col(Assignment.area_code), col(Assignment.id))
    )
    return tuple(_view(row, name) for row, name in rows)


@service(Action.ASSIGNMENTS_READ)
def contact_of(session: Session, actor: Actor, /, household_id: str, *, on: date) -> AssignmentView | None:
    """The contact of a household that day, or none; nothing of a household outside the actor's scope."""
    row = session.exec(
        select(Assignment, Cadre.name)
        .join(Cadre, col(Cadre.id) == col(Assignment.cadre_id))
        .where(
            col(Assignment.household_id) == household_id,
            inside(actor, Action.ASSIGNMENTS_READ, col(Assignment.area_code)),
            holds_on(on),
        )
        .order_by(col(Assignment.starts_on).desc(), col(Assignment.id).desc())
    ).first()
    return _view(*row) if row else None


def contacts_of(session: Session, household_ids: Iterable[str], on: date) -> dict[str, str]:
    """Household id → name of its contact that day. No service: the caller has checked the households' scope."""
    rows = session.exec(
        select(Assignment.household_id, Cadre.name)
        .join(Cadre, col(Cadre.id) == col(Assignment.cadre_id))
        .where(col(Assignment.household_id).in_(list(household_ids)), holds_on(on))
        .order_by(col(Assignment.starts_on), col(Assignment.id))
    )
    return {household_id: name for household_id, name in rows if household_id}


@service(Action.ASSIGNMENTS_READ)
def cadres_for(session: Session, actor: Actor, /, area_code: str, *, on: date) -> tuple[CadreChoice, ...]:
    """Cadres with a post in the village or in the township above it that day, village posts first, by name."""
    if not actor.may(Action.ASSIGNMENTS_READ, area_code):
        raise Problem("access.not_found")
    rows = session.exec(
        select(Cadre.id, Cadre.name, Posting.post, Posting.area_code)
        .join(Posting, col(Posting.cadre_id) == col(Cadre.id))
        .where(
            col(Posting.area_code).in_([area_code, *codes.ancestors_of(area_code)]),
            col(Posting.post).not_in(_NEVER_CONTACTS),
            posted_on(on),
            col(Cadre.locked_at).is_(None),
        )
        .order_by(sa.func.length(Posting.area_code).desc(), col(Cadre.name), col(Cadre.id))
    )
    choices: dict[int, CadreChoice] = {}
    for cadre_id, name, post, _ in rows:
        if cadre_id is not None:
            choices.setdefault(cadre_id, CadreChoice(cadre_id, name, Post(post)))
    return tuple(choices.values())


# Their accounts read no personal record, so nobody could hand them a household.
_NEVER_CONTACTS = (Post.ADMINISTRATOR, Post.ANALYST, Post.DISCIPLINE_INSPECTOR)


def _posted(session: Session, cadre_id: int, area_code: str, on: date) -> Cadre:
    cadre = session.get(Cadre, cadre_id)
    if cadre is None:
        raise Problem("access.not_found")
    if not _has_post(session, cadre_id, area_code, on):
        raise Problem("assignments.not_posted", name=cadre.name, area=register.name_of(session, area_code))
    return cadre


def _has_post(session: Session, cadre_id: int, area_code: str, on: date) -> bool:
    places = session.exec(
        select(Posting.area_code).where(
            col(Posting.cadre_id) == cadre_id, col(Posting.post).not_in(_NEVER_CONTACTS), posted_on(on)
        )
    )
    # A post in one group is enough to be contact elsewhere in the same village.
    return any(codes.is_inside(area_code, place[:12]) for place in places)


def _add(
    session: Session,
    actor: Actor,
    cadre: Cadre,
    kind: AssignmentKind,
    area_code: str,
    household_id: str | None,
    on: date,
) -> AssignmentView:
    row = Assignment(
        cadre_id=cadre.id or 0, kind=kind, area_code=area_code, household_id=household_id, starts_on=on
    )
    session.add(row)
    session.flush()
    audit.append(
        session,
        actor,
        "assignment.add",
        kind="assignment",
        id=row.id or 0,
        area_code=area_code,
        details={"cadre_id": row.cadre_id, "kind": str(kind)},
    )
    return _view(row, cadre.name)


def _view(row: Assignment, cadre_name: str) -> AssignmentView:
    return AssignmentView(
        id=row.id or 0,
        cadre_id=row.cadre_id,
        cadre_name=cadre_name,
        kind=row.kind,
        area_code=row.area_code,
        household_id=row.household_id,
        starts_on=row.starts_on,
        ends_on=row.ends_on,
    )
