"""The map page: what it asks for, what it says, who sees which layer, and that it asks no other host."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from models import Post
from survey import db
from survey.access.permissions import Actor
from survey.ui import map as township_map
from tests.builders import OTHER_GROUP, TOWNSHIP, a_cadre, a_case, a_hardship_file, a_household
from tests.pages.conftest import Opener, texts


def a_village_on_the_map(post: Post = Post.VILLAGE_HEAD) -> tuple[Actor, str, str]:
    """A cadre, a case and a hardship household with places in his village, and one case of another village."""
    with db.session_scope() as session:
        actor = a_cadre(session, post, TOWNSHIP if post is Post.TOWNSHIP_MAYOR else "511922125200")
        household = a_household(session, head="测试钱户", lat=32.2517, lon=106.9743)
        case = a_case(session, household)
        a_case(session, a_household(session))
        a_hardship_file(session, household, category="disability")
        a_case(session, a_household(session, OTHER_GROUP, lat=32.3, lon=106.9))
        return actor, case.id, household.id


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What was handed to the map component; `answer` is what it gives back."""
    found: dict[str, Any] = {"answer": {}}
    real = township_map.st_folium

    def st_folium(figure: Any, **options: Any) -> Any:
        found["figure"], found["options"] = figure, options
        real(figure, **options)
        return found["answer"]

    monkeypatch.setattr(township_map, "st_folium", st_folium)
    return found


def component(page: AppTest) -> dict[str, Any]:
    """The arguments of the component as the browser gets them."""
    element = next(element for element in page.get("component_instance"))
    arguments: dict[str, Any] = json.loads(element.proto.json_args)
    return arguments


def test_the_browser_fetches_the_points_and_a_rerun_sends_none(open_page: Opener) -> None:
    actor, case_id, household_id = a_village_on_the_map()
    page = open_page(actor, "map")
    assert not page.exception
    script = component(page)["script"]
    assert "/map/points?layers=cases%2Chardship" in script
    for not_sent in (case_id, household_id, "测试钱户", "32.2517", "106.9743"):
        assert not_sent not in script


def test_the_map_asks_no_other_host(open_page: Opener) -> None:
    actor, *_ids = a_village_on_the_map()
    arguments = component(open_page(actor, "map"))
    links = [*arguments["js_links"], *arguments["css_links"]]
    assert links
    assert all(link.startswith("/assets/") for link in links)
    everything = json.dumps(arguments).replace("http://www.w3.org/2000/svg", "")
    assert "http:" not in everything
    assert "https:" not in everything
    assert "//cdn" not in everything


def test_only_the_configured_base_map_is_asked_for(
    open_page: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor, *_ids = a_village_on_the_map()
    store = db.current()
    settings = replace(store.settings, basemap_url="https://tiles.example/{z}/{x}/{y}.png")
    monkeypatch.setattr(db, "_current", replace(store, settings=settings))
    script = component(open_page(actor, "map"))["script"]
    assert script.count("https://") == 1
    assert "https://tiles.example/{z}/{x}/{y}.png" in script


def test_a_wrong_base_map_address_is_a_sentence(open_page: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    actor, *_ids = a_village_on_the_map()
    store = db.current()
    settings = replace(store.settings, basemap_url="https://tiles.example/")
    monkeypatch.setattr(db, "_current", replace(store, settings=settings))
    assert "MINQING" in open_page(actor, "map").error[0].value


def test_a_tapped_case_leads_to_its_page(open_page: Opener, drawn: dict[str, Any]) -> None:
    actor, case_id, _household_id = a_village_on_the_map()
    drawn["answer"] = {"last_active_drawing": {"properties": {"layer": "cases", "id": case_id}}}
    page = open_page(actor, "map")
    page.button(key=f"mq_row_map_case_{case_id}").click().run()
    assert "测试：水管断了" in texts(page)


def test_a_tapped_hardship_household_is_named(open_page: Opener, drawn: dict[str, Any]) -> None:
    actor, _case_id, household_id = a_village_on_the_map()
    drawn["answer"] = {"last_active_drawing": {"properties": {"layer": "hardship", "id": household_id}}}
    page = open_page(actor, "map")
    assert not page.exception
    assert "测试钱户" in page.button(key=f"mq_row_map_household_{household_id}").label


@pytest.mark.parametrize("strange", ["no-such-id", ""])
def test_what_is_not_on_the_map_is_not_opened(open_page: Opener, drawn: dict[str, Any], strange: str) -> None:
    actor, *_ids = a_village_on_the_map()
    drawn["answer"] = {"last_active_drawing": {"properties": {"layer": strange, "id": strange}}}
    page = open_page(actor, "map")
    assert not page.exception
    assert not [element for element in page.button if str(element.key).startswith("mq_row_map")]


def test_a_case_that_is_gone_is_a_sentence(open_page: Opener, drawn: dict[str, Any]) -> None:
    actor, *_ids = a_village_on_the_map()
    drawn["answer"] = {"last_active_drawing": {"properties": {"layer": "cases", "id": "no-such-id"}}}
    page = open_page(actor, "map")
    assert not page.exception
    assert page.error


def test_without_hardship_files_there_is_no_such_layer(open_page: Opener, drawn: dict[str, Any]) -> None:
    actor, _case_id, household_id = a_village_on_the_map(Post.GROUP_INFORMANT)
    drawn["answer"] = {"last_active_drawing": {"properties": {"layer": "hardship", "id": household_id}}}
    page = open_page(actor, "map")
    assert not page.exception
    assert "测试钱户" not in texts(page)
    assert "layers=cases" in component(page)["script"]
    assert "hardship%" not in component(page)["script"]


def test_filters_of_the_address_hold_on_the_map(open_page: Opener) -> None:
    actor, *_ids = a_village_on_the_map()
    script = component(open_page(actor, "map", category="road", overdue="1"))["script"]
    assert "category=road" in script
    assert "overdue=1" in script
    assert "category" not in component(open_page(actor, "map"))["script"]


def test_an_empty_map_still_opens(open_page: Opener) -> None:
    with db.session_scope() as session:
        actor = a_cadre(session)
    page = open_page(actor, "map")
    assert not page.exception


def picking() -> None:
    """A page of one map on which a place is picked; what it gave back is kept as texts."""
    import streamlit as st

    from survey.ui import map as township_map

    known = st.session_state.get("known", (None, None))
    place = township_map.pick_place(*known, centre=(32.2, 106.9))
    st.text(repr(place))
    if place:
        st.session_state["known"] = place


def test_a_tap_on_the_map_gives_its_place_once(sqlite_store: db.Store, drawn: dict[str, Any]) -> None:
    page = AppTest.from_function(picking).run()
    assert page.text[0].value == "None"
    drawn["answer"] = {"last_clicked": {"lat": 32.21234567, "lng": 106.91234567}}
    page.run()
    assert page.text[0].value == "(32.212346, 106.912346)"
    page.run()
    assert page.text[0].value == "None"
    assert not page.exception
    assert drawn["figure"].location == [32.2, 106.9], "the map must not jump under the finger"


def test_a_place_from_elsewhere_moves_the_map_there(sqlite_store: db.Store, drawn: dict[str, Any]) -> None:
    page = AppTest.from_function(picking)
    page.session_state["known"] = (32.5, 107.5)
    page.run()
    assert not page.exception
    assert drawn["figure"].location == [32.5, 107.5]
