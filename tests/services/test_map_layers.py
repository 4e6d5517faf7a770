"""The layers of the map, on both databases."""

from __future__ import annotations

from datetime import date

import pytest
from sqlmodel import Session

from models import Area, CaseState, HouseholdStatus, Post
from survey.access.permissions import Actor
from survey.cases.worklists import CaseFilter
from survey.maps import basemaps, layers
from survey.maps.layers import Label, Layer, Point
from survey.problems import Problem
from tests.builders import (
    GROUP,
    OTHER_GROUP,
    OTHER_VILLAGE,
    TODAY,
    TOWNSHIP,
    VILLAGE,
    a_cadre,
    a_case,
    a_hardship_file,
    a_household,
)

LATE, LATER = date(2026, 5, 1), date(2026, 6, 30)
HERE = {"lat": 32.25, "lon": 106.97}


def case_layer(session: Session, actor: Actor, **chosen: object) -> Layer:
    return layers.cases(session, actor, CaseFilter(**chosen), TODAY)  # type: ignore[arg-type]


def ids(layer: Layer) -> set[str]:
    return {point.id for point in layer.points}


def test_a_case_stands_at_its_own_place_else_at_its_household(session: Session) -> None:
    cadre, household = a_cadre(session), a_household(session, **HERE)
    own = a_case(session, household, lat=32.26, lon=106.98, due_on=LATE)
    at_home = a_case(session, household, category="road", due_on=LATER)
    a_case(session)
    a_case(session, household, state=CaseState.CLOSED, closed_on=TODAY)
    layer = case_layer(session, cadre)
    assert layer.points == (
        Point(32.26, 106.98, "water", True, own.id),
        Point(32.25, 106.97, "road", False, at_home.id),
    )
    assert (layer.shown, layer.total, layer.is_cut) == (2, 3, False)


def test_what_is_replied_is_not_overdue(session: Session) -> None:
    cadre, household = a_cadre(session), a_household(session, **HERE)
    a_case(session, household, due_on=LATE, state=CaseState.REPLIED)
    (point,) = case_layer(session, cadre).points
    assert point.overdue is False


def test_filters_and_scope(session: Session) -> None:
    office = a_cadre(session, Post.MASS_WORK_MEMBER, TOWNSHIP)
    head = a_cadre(session)
    here = a_case(session, a_household(session, GROUP, **HERE), category="road", due_on=LATE).id
    there = a_case(session, a_household(session, OTHER_GROUP, **HERE), due_on=LATER).id
    assert ids(case_layer(session, office)) == {here, there}
    assert ids(case_layer(session, office, village=OTHER_VILLAGE)) == {there}
    assert ids(case_layer(session, office, category="road")) == {here}
    assert ids(case_layer(session, office, overdue=True)) == {here}
    assert ids(case_layer(session, head)) == {here}
    assert ids(case_layer(session, head, village=OTHER_VILLAGE)) == set()


def test_a_full_layer_keeps_what_waits_for_a_reply_before_what_has_one(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, "LIMIT", 2)
    cadre, household = a_cadre(session), a_household(session, **HERE)
    for day in (1, 2):
        a_case(session, household, due_on=date(2026, 1, day), state=CaseState.REPLIED)
    undated = a_case(session, household, due_on=None).id
    late = a_case(session, household, due_on=LATE).id
    assert [point.id for point in case_layer(session, cadre).points] == [late, undated]


def test_a_full_layer_keeps_the_most_urgent_and_says_so(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, "LIMIT", 2)
    cadre, household = a_cadre(session), a_household(session, **HERE)
    cases = [a_case(session, household, due_on=date(2026, 5, day)).id for day in (20, 3, 10)]
    layer = case_layer(session, cadre)
    assert [point.id for point in layer.points] == [cases[1], cases[2]]
    assert (layer.shown, layer.total, layer.is_cut) == (2, 3, True)


def test_hardship_households_and_who_is_late(session: Session) -> None:
    cadre = a_cadre(session)
    late, soon, unset = (a_household(session, **HERE) for _ in range(3))
    a_hardship_file(session, late, next_contact_on=LATE)
    a_hardship_file(session, soon, next_contact_on=LATER)
    a_hardship_file(session, unset, next_contact_on=None)
    a_hardship_file(session, a_household(session))
    a_hardship_file(session, a_household(session, **HERE), closed_on=TODAY)
    a_hardship_file(session, a_household(session, OTHER_GROUP, **HERE))
    layer = layers.hardship(session, cadre, None, TODAY)
    assert {point.id: point.overdue for point in layer.points} == {
        late.id: True,
        soon.id: False,
        unset.id: False,
    }
    assert layer.total == 4
    assert {point.look for point in layer.points} == {layers.HARDSHIP}
    assert ids(layers.hardship(session, cadre, None, TODAY, overdue=True)) == {late.id}
    assert ids(layers.hardship(session, cadre, OTHER_VILLAGE, TODAY)) == set()
    assert ids(layers.hardship(session, cadre, VILLAGE, TODAY)) == {late.id, soon.id, unset.id}


def test_a_household_that_moved_away_is_not_on_the_map(session: Session) -> None:
    cadre = a_cadre(session)
    a_hardship_file(session, a_household(session, status=HouseholdStatus.MOVED_AWAY, **HERE))
    assert layers.hardship(session, cadre, None, TODAY) == Layer((), 0)


@pytest.mark.parametrize(
    "post", [Post.GROUP_INFORMANT, Post.ANALYST, Post.DISCIPLINE_INSPECTOR, Post.ADMINISTRATOR]
)
def test_the_hardship_layer_is_refused_to_whoever_may_not_read_files(session: Session, post: Post) -> None:
    actor = a_cadre(session, post, TOWNSHIP)
    with pytest.raises(Problem) as raised:
        layers.hardship(session, actor, None, TODAY)
    assert raised.value.code == "access.forbidden"


@pytest.mark.parametrize("post", [Post.ANALYST, Post.DISCIPLINE_INSPECTOR, Post.ADMINISTRATOR])
def test_the_case_layer_is_refused_to_whoever_may_not_read_cases(session: Session, post: Post) -> None:
    actor = a_cadre(session, post, TOWNSHIP)
    with pytest.raises(Problem) as raised:
        case_layer(session, actor)
    assert raised.value.code == "access.forbidden"


def test_only_villages_with_a_place_are_named(session: Session) -> None:
    cadre = a_cadre(session, Post.MASS_WORK_MEMBER, TOWNSHIP)
    village = session.get_one(Area, VILLAGE)
    village.lat, village.lon = 32.2, 106.9
    session.flush()
    assert layers.labels(session, cadre, TODAY) == (Label(32.2, 106.9, "余家坪村"),)


def test_the_extent_holds_every_point() -> None:
    box = layers.extent([Label(32.1, 106.8, ""), Label(32.3, 107.1, "")])
    assert (box.south < 32.1, box.north > 32.3, box.west < 106.8, box.east > 107.1) == (True,) * 4
    middle = layers.extent([])
    assert middle.south < basemaps.DEFAULT_VIEW[0] < middle.north


@pytest.mark.parametrize("height", [0.0, 0.00001, 0.004, 0.08, 1.3, 12.0])
def test_the_grid_has_a_few_round_lines_at_any_size(height: float) -> None:
    box = basemaps.Box(32.0, 106.0, 32.0 + height, 106.0 + height)
    lats, _lons = basemaps.grid(box, 6, reach=2.0)
    assert 10 <= len(lats) <= 45
    assert list(lats) == sorted(set(lats))
