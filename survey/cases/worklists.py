"""Reading cases: the list of those not finished, one case with its steps, counts that ask for attention.

Owns filters, order and paging in SQL, always within the actor's areas. Refuses to tell a case outside them from
one that does not exist (`access.not_found`). Overdue is what still waits for a reply after its last day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from models import Cadre, Case, CaseState, CaseStep, Household, Posting, StepKind
from survey.access.permissions import Action, Actor, inside, service, within
from survey.areas import register
from survey.cases import categories, lifecycle
from survey.cases.clocks import days_left
from survey.cases.service import RECORDED_STEPS, may_own
from survey.problems import Problem
from survey.rules.loader import parameter_at

PAGE_ROWS = 30


@dataclass(frozen=True)
class CaseFilter:
    """Which cases: of an area (code prefix), of a category, overdue only, the actor's own only."""

    village: str | None = None
    category: str | None = None
    overdue: bool = False
    mine: bool = False


@dataclass(frozen=True)
class CaseRow:
    """One line of a list. `days_left` is negative when overdue, none without a deadline or once replied."""

    id: str
    number: str
    category: str
    severity: int | None
    state: CaseState
    area_code: str
    area_name: str
    household_id: str | None
    head_name: str | None
    opened_on: date
    due_on: date | None
    days_left: int | None
    owner_name: str | None

    @property
    def overdue(self) -> bool:
        """Whether the reply is late."""
        return self.days_left is not None and self.days_left < 0


@dataclass(frozen=True)
class CasePage:
    """Some rows of a list and how many it has in all."""

    rows: tuple[CaseRow, ...]
    total: int


@dataclass(frozen=True)
class StepView:
    """A dated act on a case and who recorded it."""

    kind: StepKind
    to_state: CaseState
    acted_on: date
    name: str | None
    words: str | None


@dataclass(frozen=True)
class CaseView:
    """A case in full; `actions` are the steps its state and the actor's post allow.

    `years_without_holidays`: years that its deadline counts in Monday to Friday, their holidays not being known.
    """

    row: CaseRow
    words: str | None
    rule_on: date | None
    years_without_holidays: tuple[int, ...]
    closed_on: date | None
    first_handler_name: str | None
    lat: float | None
    lon: float | None
    version: int
    steps: tuple[StepView, ...]
    actions: tuple[StepKind, ...]
    may_assign: bool


@dataclass(frozen=True)
class Attention:
    """Counts in the actor's areas: not finished, overdue, due soon, taken in but not begun, the actor's own."""

    unresolved: int
    overdue: int
    due_soon: int
    new: int
    mine: int


@dataclass(frozen=True)
class Owner:
    """A cadre to whom a case may be given."""

    cadre_id: int
    name: str


@service(Action.CASES_READ)
def unresolved(
    session: Session, actor: Actor, chosen: CaseFilter, on: date, *, limit: int = PAGE_ROWS, offset: int = 0
) -> CasePage:
    """Cases not finished under the filter, the most urgent first: waiting for a reply by due date, then replied."""
    condition = matching(actor, chosen, on)
    total = session.execute(sa.select(sa.func.count()).select_from(Case).where(condition)).scalar_one()
    ids = (
        sa.select(col(Case.id))
        .where(condition)
        .order_by(*most_urgent_first(), col(Case.number))
        .limit(limit)
        .offset(offset)
    )
    return CasePage(_rows(session, [row.id for row in session.execute(ids)], on), total)


@service(Action.CASES_READ)
def of_household(session: Session, actor: Actor, household_id: str, on: date) -> tuple[CaseRow, ...]:
    """Every case of a household, those not finished first, then the latest."""
    ids = session.scalars(
        sa.select(col(Case.id))
        .where(col(Case.household_id) == household_id, _readable(actor))
        .order_by(col(Case.closed_on).is_not(None), col(Case.opened_on).desc(), col(Case.number).desc())
    )
    return _rows(session, list(ids), on)


@service(Action.CASES_READ)
def case(session: Session, actor: Actor, case_id: str, on: date) -> CaseView:
    """A case with its words and steps; problem `access.not_found`."""
    found: Case | None = session.scalars(
        sa.select(Case).where(col(Case.id) == case_id, _readable(actor))
    ).first()
    if found is None:
        raise Problem("access.not_found")
    may_write = actor.may(Action.CASES_WRITE, found.area_code)
    lawful = lifecycle.steps_from(found.state) if may_write else ()
    handler = session.get(Cadre, found.first_handler_id) if found.first_handler_id else None
    return CaseView(
        row=_rows(session, [found.id], on)[0],
        words=found.words,
        rule_on=found.rule_on,
        years_without_holidays=categories.years_without_holidays(found.category, found.rule_on, found.due_on),
        closed_on=found.closed_on,
        first_handler_name=handler.name if handler else None,
        lat=found.lat,
        lon=found.lon,
        version=found.version,
        steps=_steps(session, found.id),
        actions=tuple(kind for kind in lawful if kind in RECORDED_STEPS),
        may_assign=StepKind.ASSIGN in lawful,
    )


@service(Action.CASES_READ)
def attention(session: Session, actor: Actor, on: date) -> Attention:
    """How many cases of the actor's areas ask for something that day; the horizon is `cases.due_soon_days`."""
    soon = on + timedelta(days=parameter_at("cases.due_soon_days", on))
    waiting = col(Case.state) != CaseState.REPLIED
    counted = sa.select(
        sa.func.count().label("unresolved"),
        _count_of(sa.and_(waiting, col(Case.due_on) < on)).label("overdue"),
        _count_of(sa.and_(waiting, col(Case.due_on).between(on, soon))).label("due_soon"),
        _count_of(col(Case.state) == CaseState.TAKEN_IN).label("new"),
        _count_of(col(Case.owner_id) == (actor.cadre_id or -1)).label("mine"),
    ).where(_open_within(actor))
    return Attention(**session.execute(counted).one()._mapping)


@service(Action.CASES_WRITE)
def possible_owners(session: Session, actor: Actor, case_id: str, on: date) -> tuple[Owner, ...]:
    """The cadres with a post over the case's area that day; problem `access.not_found`."""
    area_code = session.execute(
        sa.select(col(Case.area_code)).where(
            col(Case.id) == case_id, inside(actor, Action.CASES_WRITE, Case.area_code)
        )
    ).scalar_one_or_none()
    if area_code is None:
        raise Problem("access.not_found")
    rows = session.execute(
        sa.select(col(Cadre.id), col(Cadre.name))
        .join(Posting, col(Posting.cadre_id) == col(Cadre.id))
        .where(may_own(area_code, on), col(Cadre.locked_at).is_(None))
        .distinct()
        .order_by(col(Cadre.name), col(Cadre.id))
    )
    return tuple(Owner(row.id, row.name) for row in rows)


def most_urgent_first() -> tuple[sa.ColumnElement[Any], ...]:
    """The order of cases not finished: waiting for a reply by due date, those without one after them, then replied."""
    replied_last = sa.case((col(Case.state) == CaseState.REPLIED, 1), else_=0)
    return replied_last, col(Case.due_on).is_(None), col(Case.due_on).asc()


def matching(actor: Actor, chosen: CaseFilter, on: date) -> sa.ColumnElement[bool]:
    """The SQL predicate of the cases not finished that the filter chooses, within the actor's areas."""
    conditions = [_open_within(actor)]
    if chosen.village:
        conditions.append(within(Case.area_code, chosen.village))
    if chosen.category:
        conditions.append(col(Case.category) == chosen.category)
    if chosen.overdue:
        conditions += [col(Case.due_on) < on, col(Case.state) != CaseState.REPLIED]
    if chosen.mine:
        conditions.append(col(Case.owner_id) == (actor.cadre_id or -1))
    return sa.and_(*conditions)


def _readable(actor: Actor) -> sa.ColumnElement[bool]:
    """Cases of the actor's areas, and those that a household which lives there now left behind finished."""
    lives_there = sa.exists().where(
        col(Household.id) == col(Case.household_id), inside(actor, Action.CASES_READ, Household.area_code)
    )
    return sa.or_(inside(actor, Action.CASES_READ, Case.area_code), lives_there)


def _open_within(actor: Actor) -> sa.ColumnElement[bool]:
    return sa.and_(col(Case.closed_on).is_(None), inside(actor, Action.CASES_READ, Case.area_code))


def _count_of(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)


def _rows(session: Session, ids: Sequence[str], on: date) -> tuple[CaseRow, ...]:
    columns: tuple[Any, ...] = (
        Case.id,
        Case.number,
        Case.category,
        Case.severity,
        Case.state,
        Case.area_code,
        Case.household_id,
        Case.opened_on,
        Case.due_on,
        col(Household.head_name).label("head_name"),
        col(Cadre.name).label("owner_name"),
    )
    found = session.execute(
        sa.select(*columns)
        .join(Household, col(Household.id) == col(Case.household_id), isouter=True)
        .join(Cadre, col(Cadre.id) == col(Case.owner_id), isouter=True)
        .where(col(Case.id).in_(ids))
    ).all()
    names = register.names(session, {row.area_code for row in found})
    by_id = {row.id: _row(row, names, on) for row in found}
    return tuple(by_id[case_id] for case_id in ids)


def _row(row: Any, names: Any, on: date) -> CaseRow:
    waiting = row.state in lifecycle.UNANSWERED_STATES and row.due_on is not None
    return CaseRow(
        id=row.id,
        number=row.number,
        category=row.category,
        severity=row.severity,
        state=row.state,
        area_code=row.area_code,
        area_name=names.get(row.area_code, row.area_code),
        household_id=row.household_id,
        head_name=row.head_name,
        opened_on=row.opened_on,
        due_on=row.due_on,
        days_left=days_left(row.due_on, on) if waiting else None,
        owner_name=row.owner_name,
    )


def _steps(session: Session, case_id: str) -> tuple[StepView, ...]:
    columns: tuple[Any, ...] = (
        CaseStep.kind,
        CaseStep.to_state,
        CaseStep.acted_on,
        CaseStep.words,
        col(Cadre.name).label("name"),
    )
    rows = session.execute(
        sa.select(*columns)
        .join(Cadre, col(Cadre.id) == col(CaseStep.cadre_id), isouter=True)
        .where(col(CaseStep.case_id) == case_id)
        .order_by(col(CaseStep.id))
    )
    return tuple(StepView(row.kind, row.to_state, row.acted_on, row.name, row.words) for row in rows)
