"""A visit's position beside its household's village: far away it is kept, marked, and never taken for the house."""

from __future__ import annotations

import pytest
from sqlmodel import Session, select

from models import Area, Household, Visit
from survey.fieldwork import places, visits
from survey.questionnaires import submissions
from tests.builders import GROUP, TODAY, VILLAGE, a_cadre, a_household
from tests.fillings import a_delivery, no_problem

CENTRE = (32.25, 106.97)
NEAR, FAR = (32.26, 106.98), (32.40, 106.97)


@pytest.fixture
def household(session: Session) -> Household:
    """A household without a place in a village with one."""
    row = a_household(session)
    village = session.get_one(Area, VILLAGE)
    village.lat, village.lon = CENTRE
    session.flush()
    return row


def submit(session: Session, household: Household, at: tuple[float, float]) -> Visit:
    place = {"closing/place": f"{at[0]} {at[1]} 0 12", "closing/place_source": "gps"}
    actor = a_cadre(session)
    submissions.accept(session, actor, a_delivery(session, actor, household, no_problem() | place))
    return session.exec(select(Visit)).one()


def test_a_position_near_the_village_becomes_the_household_s(session: Session, household: Household) -> None:
    visit = submit(session, household, NEAR)
    assert (visit.lat, visit.lon) == (household.lat, household.lon) == NEAR


def test_a_position_far_from_the_village_stays_with_the_visit_and_is_told(
    session: Session, household: Household
) -> None:
    visit = submit(session, household, FAR)
    assert (visit.lat, visit.lon) == FAR
    assert (household.lat, household.lon, household.place_source) == (None, None, None)
    (view,) = visits.history(session, a_cadre(session), household.id)
    assert view.far_km == pytest.approx(16.7, abs=0.1)


def test_how_far_a_position_is_from_the_village(session: Session, household: Household) -> None:
    actor = a_cadre(session)
    assert places.far_from_village(session, actor, household.id, *NEAR, on=TODAY) is None
    assert places.far_from_village(session, actor, household.id, *FAR, on=TODAY) == pytest.approx(
        16.7, abs=0.1
    )


def test_a_village_without_a_place_is_where_its_households_are(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    assert places.far_from_village(session, actor, household.id, *FAR, on=TODAY) is None
    for step in (-0.01, 0.0, 0.01):
        a_household(session, GROUP, lat=CENTRE[0] + step, lon=CENTRE[1])
    assert places.far_from_village(session, actor, household.id, *FAR, on=TODAY) == pytest.approx(
        16.7, abs=0.1
    )
    assert places.far_from_village(session, actor, household.id, *NEAR, on=TODAY) is None
