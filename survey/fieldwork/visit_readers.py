"""What a form may know of the household it is filled in for: the lists it is prefilled from.

Owns the readers of `households`, `members`, `hardship_files`, `observations` and `difficulties`. They give one
household's items and no more. Refuses personal numbers and health notes: no form is prefilled with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from models import DifficultyState, HardshipContact, HardshipFile, Member, Observation, Visit
from survey import i18n
from survey.access.permissions import Action, Actor
from survey.fieldwork.visit_writers import SOMEBODY_ELSE
from survey.i18n import gettext as _
from survey.questionnaires.engine import Items
from survey.questionnaires.registry import EntityReader, Subject
from survey.rules import codes
from survey.rules.loader import parameter_at

# Read at every opening and every acceptance of a filling: built once.
_MEMBERS = (
    sa.select(Member.id, Member.name, Member.relation)  # type: ignore[call-overload]
    .where(col(Member.household_id) == sa.bindparam("household"), col(Member.left_on).is_(None))
    .order_by(col(Member.relation), col(Member.birth_on))
)
_OPEN_FILE = sa.select(HardshipFile).where(
    col(HardshipFile.household_id) == sa.bindparam("household"), col(HardshipFile.closed_on).is_(None)
)
# The file that a contact was about may have been closed since; its correction is still about it.
_FILE_OF_CONTACT = (
    sa.select(HardshipFile)
    .join(HardshipContact, col(HardshipContact.file_id) == col(HardshipFile.id))
    .where(col(HardshipContact.instance_id) == sa.bindparam("corrects"))
    .limit(1)
)
_OBSERVATIONS = (
    sa.select(Observation.difficulty, Observation.state, Observation.observed_on)  # type: ignore[call-overload]
    .where(col(Observation.household_id) == sa.bindparam("household"), col(Observation.asked))
    .order_by(col(Observation.difficulty), col(Observation.observed_on).desc())
)
_OTHER_OBSERVATIONS = _OBSERVATIONS.join(Visit, col(Visit.id) == col(Observation.visit_id)).where(
    col(Visit.instance_id) != sa.bindparam("corrects")
)
_OPEN_STATES = frozenset({DifficultyState.EXISTS, DifficultyState.WORSE, DifficultyState.BETTER})


def read_households(session: Session, actor: Actor, subject: Subject) -> Items:
    """The household itself: what visits update."""
    household = subject.household
    if household is None:
        return ()
    return _items(
        [
            {
                "name": household.id,
                "label": household.head_name,
                "__version": household.version,
                "housing": household.housing,
                "water_source": household.water_source,
                "medical_insurance": household.medical_insurance,
                "children_in_school": household.children_in_school,
            }
        ]
    )


def read_members(session: Session, actor: Actor, subject: Subject) -> Items:
    """Who may have been met: the members who still belong to the household, and somebody else."""
    household = subject.household
    if household is None:
        return ()
    rows = session.execute(_MEMBERS, {"household": household.id})
    people = [
        {
            "name": row.id,
            "label": _("{name} ({relation})", name=row.name, relation=codes.label("relation", row.relation)),
            "household": household.id,
        }
        for row in rows
    ]
    return _items([*people, {"name": SOMEBODY_ELSE, "label": _("Somebody else"), "household": household.id}])


def read_hardship_files(session: Session, actor: Actor, subject: Subject) -> Items:
    """The household's open hardship file, for those who may read it."""
    household = subject.household
    if household is None or not actor.may(Action.HARDSHIP_READ, household.area_code):
        return ()
    file: HardshipFile | None = None
    if subject.corrects is not None:
        file = session.execute(_FILE_OF_CONTACT, {"corrects": subject.corrects}).scalar_one_or_none()
    if file is None:
        file = session.execute(_OPEN_FILE, {"household": household.id}).scalar_one_or_none()
    if file is None:
        return ()
    interval = timedelta(days=parameter_at("hardship.contact_interval_days", subject.on))
    return _items(
        [
            {
                "name": file.id,
                "label": codes.label("hardship_category", file.category),
                "__version": file.version,
                "household": household.id,
                "needs": file.needs,
                "measures": " ".join(file.measures),
                "proposed_next_on": (subject.on + interval).isoformat(),
            }
        ]
    )


def read_observations(session: Session, actor: Actor, subject: Subject) -> Items:
    """The last answer on each difficulty, to be shown beside the question; never put into it."""
    household = subject.household
    if household is None:
        return ()
    if subject.corrects is None:
        rows = session.execute(_OBSERVATIONS, {"household": household.id})
    else:
        values = {"household": household.id, "corrects": subject.corrects}
        rows = session.execute(_OTHER_OBSERVATIONS, values)
    latest: dict[str, Any] = {}
    for row in rows:
        latest.setdefault(row.difficulty, row)
    return _items(
        [
            {
                "name": key,
                "difficulty": key,
                "open": "yes" if row.state in _OPEN_STATES else "no",
                "label": _(
                    "Last time ({day}): {state}",
                    day=i18n.day(row.observed_on),
                    state=codes.label("difficulty_state", row.state),
                ),
            }
            for key, row in latest.items()
        ]
    )


def read_difficulties(session: Session, actor: Actor, subject: Subject) -> Items:
    """The township's list of difficulties, in its order."""
    return [{"name": key, "label": label} for key, label in codes.labels("difficulty").items()]


READERS: Mapping[str, EntityReader] = {
    "households": read_households,
    "members": read_members,
    "hardship_files": read_hardship_files,
    "observations": read_observations,
    "difficulties": read_difficulties,
}


def _items(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    return [{key: "" if value is None else str(value) for key, value in row.items()} for row in rows]
