"""How far a questionnaire is: by village, how many of the households due have been asked.

Owns the counting, in SQL, within the actor's area. Refuses names: who is still to be asked is for those who ask
(`audiences.remaining`); and refuses any comparison of persons.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col

from models import Household, HouseholdsDue, QuestionnaireVersion, Submission
from survey.access.permissions import Action, Actor, inside, service
from survey.areas import register
from survey.problems import Problem
from survey.questionnaires import audiences

_VILLAGE_DIGITS = 12


@dataclass(frozen=True)
class VillageProgress:
    """A village: households due (none where nobody is), of these asked, and fillings in all."""

    area_code: str
    name: str
    due: int | None
    done: int
    fillings: int


@service(Action.VISITS_READ)
def of_version(session: Session, actor: Actor, version_id: int) -> tuple[VillageProgress, ...]:
    """The villages of the actor's area that a version is for, by code."""
    due = session.execute(
        sa.select(col(QuestionnaireVersion.due)).where(col(QuestionnaireVersion.id) == version_id)
    ).scalar_one_or_none()
    if due is None:
        raise Problem("access.not_found")
    village = sa.func.substr(col(Household.area_code), 1, _VILLAGE_DIGITS).label("village")
    asked = audiences.asked(version_id)
    households = session.execute(
        sa.select(village, sa.func.count(), sa.func.sum(sa.case((asked, 1), else_=0)))
        .where(
            inside(actor, Action.VISITS_READ, Household.area_code), *audiences.households_due(version_id, due)
        )
        .group_by(village)
    ).all()
    fillings = dict(
        session.execute(
            sa.select(village, sa.func.count())
            .select_from(Submission)
            .join(Household, col(Household.id) == col(Submission.household_id))
            .where(
                col(Submission.version_id) == version_id,
                col(Submission.corrects_id).is_(None),
                inside(actor, Action.VISITS_READ, Household.area_code),
            )
            .group_by(village)
        ).all()
    )
    counted = {row[0]: (row[1], int(row[2] or 0)) for row in households}
    names = register.names(session, {*counted, *fillings})
    return tuple(
        VillageProgress(
            code,
            names.get(code, code),
            None if due is HouseholdsDue.NOBODY else counted.get(code, (0, 0))[0],
            counted.get(code, (0, 0))[1],
            fillings.get(code, 0),
        )
        for code in sorted({*(counted if due is not HouseholdsDue.NOBODY else ()), *fillings})
    )
