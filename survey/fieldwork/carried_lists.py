"""What a device carries of the register: for every household of its owner's area what forms are prefilled with.

Owns the lists `households`, `members`, `hardship_files`, `observations` and `difficulties` for many households, item
by item as they are read, so that no list is ever held whole. What an item holds is what `visit_readers` gives a page for
that household, with the household it belongs to. Refuses households outside the area and those that left the register,
and every column that no form asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Session, col

from models import Area, DifficultyState, HardshipFile, Household, HouseholdStatus, Member, Observation
from survey import i18n
from survey.access.permissions import Action, Actor, inside, service
from survey.fieldwork.visit_writers import SOMEBODY_ELSE
from survey.i18n import gettext as _
from survey.problems import Problem
from survey.rules import codes
from survey.rules.loader import parameter_at

_AT_A_TIME = 500
_OPEN_STATES = frozenset({DifficultyState.EXISTS, DifficultyState.WORSE, DifficultyState.BETTER})


@dataclass(frozen=True)
class _Asked:
    """For whom, on which day, in which columns."""

    actor: Actor
    on: date
    columns: frozenset[str]


@dataclass(frozen=True)
class CarriedList:
    """One list: its columns, the one that holds the household, and whether a device keeps it up to date by itself.

    `always` are columns that are needed whatever the forms name.
    """

    columns: tuple[str, ...]
    always: tuple[str, ...]
    household_column: str | None
    is_entity_list: bool
    read: Callable[[Session, _Asked], Iterator[dict[str, object]]]

    def chosen(self, named: frozenset[str]) -> tuple[str, ...]:
        """The columns a device gets when its forms name these."""
        return tuple(name for name in self.columns if name in self.always or name in named)


@service(Action.VISITS_RECORD)
def items(
    session: Session, actor: Actor, list_name: str, columns: tuple[str, ...], on: date
) -> Iterator[tuple[str, ...]]:
    """The items of a list as text, in these columns, in an order that only changes with them.

    Problem `access.not_found` for a list there is none of.
    """
    if list_name not in LISTS:
        raise Problem("access.not_found")
    asked = _Asked(actor, on, frozenset(columns))
    return (
        tuple("" if (value := row.get(name)) is None else str(value) for name in columns)
        for row in LISTS[list_name].read(session, asked)
    )


def keyed() -> Mapping[str, str]:
    """Of each list by household the column that holds the household."""
    return {name: each.household_column for name, each in LISTS.items() if each.household_column}


def _in_area(actor: Actor) -> sa.ColumnElement[bool]:
    return sa.and_(
        col(Household.status) == HouseholdStatus.ACTIVE,
        inside(actor, Action.VISITS_RECORD, Household.area_code),
    )


def _streamed(session: Session, query: sa.Select[Any]) -> Iterator[Any]:
    return iter(session.execute(query.execution_options(yield_per=_AT_A_TIME)))


def _households(session: Session, asked: _Asked) -> Iterator[dict[str, object]]:
    rows = _streamed(
        session,
        sa.select(  # type: ignore[call-overload]
            Household.id,
            Household.code,
            Household.head_name,
            Household.version,
            Household.housing,
            Household.water_source,
            Household.medical_insurance,
            Household.children_in_school,
            Area.short_name,
        )
        .join(Area, col(Area.code) == col(Household.area_code))
        .where(_in_area(asked.actor))
        .order_by(col(Household.code)),
    )
    for row in rows:
        yield {
            "name": row.id,
            # A name alone does not tell two of one name apart; the number is the last part of the household's code.
            "label": f"{row.head_name} · {row.short_name} {row.code.rpartition('-')[2]}",
            "__version": row.version,
            "housing": row.housing,
            "water_source": row.water_source,
            "medical_insurance": row.medical_insurance,
            "children_in_school": row.children_in_school,
        }


def _members(session: Session, asked: _Asked) -> Iterator[dict[str, object]]:
    """The members of each household, and after them somebody else, who may have been met too."""
    rows = _streamed(
        session,
        sa.select(col(Household.id).label("household"), Member.id, Member.name, Member.relation)  # type: ignore[call-overload]
        .outerjoin(
            Member, sa.and_(col(Member.household_id) == col(Household.id), col(Member.left_on).is_(None))
        )
        .where(_in_area(asked.actor))
        .order_by(
            col(Household.code), col(Member.relation), col(Member.birth_on).nulls_first(), col(Member.id)
        ),
    )
    for household, people in groupby(rows, key=lambda row: row.household):
        for row in people:
            if row.id is not None:
                relation = codes.label("relation", row.relation)
                label = _("{name} ({relation})", name=row.name, relation=relation)
                yield {"name": row.id, "label": label, "household": household}
        yield {"name": SOMEBODY_ELSE, "label": _("Somebody else"), "household": household}


def _hardship_files(session: Session, asked: _Asked) -> Iterator[dict[str, object]]:
    """Open files, where the actor may read them; the words of the needs are not even decrypted unless a form asks."""
    proposed = (
        asked.on + timedelta(days=parameter_at("hardship.contact_interval_days", asked.on))
    ).isoformat()
    file = HardshipFile
    columns = [file.id, file.category, file.version, file.household_id, file.measures]
    rows = _streamed(
        session,
        sa.select(*columns, file.needs if "needs" in asked.columns else sa.null().label("needs"))  # type: ignore[call-overload]
        .join(Household, col(Household.id) == col(file.household_id))
        .where(
            _in_area(asked.actor),
            inside(asked.actor, Action.HARDSHIP_READ, Household.area_code),
            col(file.closed_on).is_(None),
        )
        .order_by(col(Household.code), col(file.id)),
    )
    for row in rows:
        yield {
            "name": row.id,
            "label": codes.label("hardship_category", row.category),
            "__version": row.version,
            "household": row.household_id,
            "needs": row.needs,
            "measures": " ".join(row.measures),
            "proposed_next_on": proposed,
        }


def _observations(session: Session, asked: _Asked) -> Iterator[dict[str, object]]:
    """The last answer on each difficulty of each household."""
    rows = _streamed(
        session,
        sa.select(  # type: ignore[call-overload]
            Observation.household_id, Observation.difficulty, Observation.state, Observation.observed_on
        )
        .join(Household, col(Household.id) == col(Observation.household_id))
        .where(_in_area(asked.actor), col(Observation.asked))
        .order_by(
            col(Household.code),
            col(Observation.difficulty),
            col(Observation.observed_on).desc(),
            col(Observation.id),
        ),
    )
    for (household, key), found in groupby(rows, key=lambda row: (row.household_id, row.difficulty)):
        last = next(found)
        state = codes.label("difficulty_state", last.state)
        yield {
            "name": key,
            "difficulty": key,
            "open": "yes" if last.state in _OPEN_STATES else "no",
            "label": _("Last time ({day}): {state}", day=i18n.day(last.observed_on), state=state),
            "household": household,
        }


def _difficulties(_session: Session, _asked: _Asked) -> Iterator[dict[str, object]]:
    for key, label in codes.labels("difficulty").items():
        yield {"name": key, "label": label}


LISTS: Final[Mapping[str, CarriedList]] = {
    "households": CarriedList(
        (
            "name",
            "label",
            "__version",
            "housing",
            "water_source",
            "medical_insurance",
            "children_in_school",
        ),
        ("name", "label", "__version"),
        "name",
        True,
        _households,
    ),
    "members": CarriedList(
        ("name", "label", "household"), ("name", "label", "household"), "household", False, _members
    ),
    "hardship_files": CarriedList(
        ("name", "label", "__version", "household", "needs", "measures", "proposed_next_on"),
        ("name", "label", "__version", "household"),
        "household",
        True,
        _hardship_files,
    ),
    "observations": CarriedList(
        ("name", "label", "household", "difficulty", "open"),
        ("name", "label", "household"),
        "household",
        False,
        _observations,
    ),
    "difficulties": CarriedList(("name", "label"), ("name", "label"), None, False, _difficulties),
}
