"""The points of the map: under the filters, within the area, without a name."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from starlette.testclient import TestClient

from models import Cadre, Post
from survey import db
from survey.access import passwords
from survey.maps import layers
from tests import builders
from tests.web.conftest import sign_in

HASH = passwords.hash_password("shan-lu-1982")


@dataclass(frozen=True)
class Things:
    """What stands on the map of one village, and a case of another."""

    case: str
    household: str
    elsewhere: str


@pytest.fixture
def things(cadre: Cadre) -> Things:
    with db.session_scope() as session:
        household = builders.a_household(session, head="测试钱户", lat=32.25, lon=106.97)
        case = builders.a_case(session, household, category="water")
        builders.a_case(session, builders.a_household(session), category="water")
        builders.a_hardship_file(session, household, category="disability")
        there = builders.a_household(session, builders.OTHER_GROUP, lat=32.3, lon=106.9)
        elsewhere = builders.a_case(session, there, category="road")
        for username, post, area in (
            ("head", Post.VILLAGE_HEAD, builders.VILLAGE),
            ("office", Post.MASS_WORK_MEMBER, builders.TOWNSHIP),
            ("informant", Post.GROUP_INFORMANT, builders.VILLAGE),
            ("analyst", Post.ANALYST, builders.TOWNSHIP),
        ):
            builders.a_cadre(session, post, area, username=username, password_hash=HASH)
        return Things(case.id, household.id, elsewhere.id)


def ids(client: TestClient, **query: str) -> set[str]:
    answer = client.get("/map/points", params={"layers": "cases,hardship", **query})
    assert answer.status_code == 200
    return {point[5] for point in answer.json()["points"]}


def test_the_points_of_the_own_area_and_no_name(client: TestClient, things: Things) -> None:
    sign_in(client, "head")
    answer = client.get("/map/points?layers=cases,hardship")
    assert {(point[2], point[4], point[5]) for point in answer.json()["points"]} == {
        ("water", "cases", things.case),
        ("hardship", "hardship", things.household),
    }
    assert "测试钱户" not in answer.text
    assert answer.headers["cache-control"] == "private, no-store"


def test_how_many_of_how_many_are_shown_and_why(client: TestClient, things: Things) -> None:
    sign_in(client, "head")
    assert client.get("/map/points?layers=cases").json()["said"] == "显示事项 1 件，共 2 件 · 其余尚未定位"


def test_a_full_layer_tells_how_to_see_the_rest(
    client: TestClient, things: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, "LIMIT", 1)
    sign_in(client, "office")
    assert client.get("/map/points?layers=cases").json()["said"].endswith("选择村后可看到其余")


def test_filters_hold(client: TestClient, things: Things) -> None:
    sign_in(client, "office")
    assert ids(client) == {things.case, things.elsewhere, things.household}
    assert ids(client, category="road") == {things.elsewhere, things.household}
    assert ids(client, village=builders.OTHER_VILLAGE) == {things.elsewhere}
    assert ids(client, layers="hardship") == {things.household}
    assert ids(client, layers="") == set()
    assert ids(client, village="x' OR 1=1") == set()


@pytest.mark.parametrize("username, layer", [("informant", "hardship"), ("analyst", "cases")])
def test_a_layer_is_refused_to_whoever_may_not_read_it(
    client: TestClient, things: Things, username: str, layer: str
) -> None:
    sign_in(client, username)
    answer = client.get("/map/points", params={"layers": layer})
    assert (answer.status_code, answer.json()["code"]) == (403, "access.forbidden")


def test_without_a_session_there_is_no_point(client: TestClient, things: Things) -> None:
    assert client.get("/map/points?layers=cases", follow_redirects=False).status_code in (303, 401)
