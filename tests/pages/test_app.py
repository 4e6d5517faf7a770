"""The frame: who sees which page, what a stranger sees, settings that last, problems as sentences."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlmodel import select

from models import AccountSession, Cadre, Post
from survey import db
from survey.access import sessions
from survey.ui import navigation
from tests.builders import COUNTY, TOWNSHIP, a_cadre
from tests.pages.conftest import Opener, texts


def test_without_a_session_the_page_offers_signing_in_and_nothing_else(open_page: Opener) -> None:
    page = open_page(None)
    assert "/sign-in?next=" in texts(page)
    assert not page.button
    assert not page.exception


def test_the_page_without_a_session_brings_its_own_style(open_page: Opener) -> None:
    shown = texts(open_page(None))
    assert "position: fixed" in shown
    assert '<div class="mq-stop" role="alert">' in shown


def test_a_session_that_ended_ends_the_page_at_its_next_touch(open_page: Opener) -> None:
    with db.session_scope() as session:
        actor = a_cadre(session)
    page = open_page(actor)
    assert "/sign-in?next=" not in texts(page)
    with db.session_scope() as session:
        assert actor.cadre_id is not None
        assert sessions.close_all(session, actor.cadre_id, now=datetime.now(UTC)) == 1
    page.run()
    assert "/sign-in?next=" in texts(page)
    with db.reading() as session:
        assert session.exec(select(AccountSession)).one().ended_at is not None


def test_an_initial_password_leads_to_its_page_first(open_page: Opener) -> None:
    with db.session_scope() as session:
        actor = a_cadre(session, must_change_password=True)
    page = open_page(actor)
    assert 'href="/password"' in texts(page)
    assert not page.button


@pytest.mark.parametrize(
    ("post", "area", "shown"),
    [
        (
            Post.VILLAGE_HEAD,
            TOWNSHIP,
            {"today", "visit", "households", "hardship", "cases", "questionnaires", "map", "devices"},
        ),
        (
            Post.GROUP_INFORMANT,
            TOWNSHIP,
            {"today", "visit", "households", "cases", "questionnaires", "map", "devices"},
        ),
        (Post.ANALYST, TOWNSHIP, {"today", "administration"}),
        (Post.DISCIPLINE_INSPECTOR, COUNTY, {"today", "administration"}),
        (Post.ADMINISTRATOR, COUNTY, {"today", "devices", "administration"}),
    ],
)
def test_pages_follow_from_the_post(open_page: Opener, post: Post, area: str, shown: set[str]) -> None:
    with db.session_scope() as session:
        actor = a_cadre(session, post=post, area=area)
    page = open_page(actor)
    assert not page.exception
    assert {place.key for place in navigation.open_to(actor)} == shown
    links = {str(link.proto.page) for link in page.get("page_link")}
    assert links == {"" if key == "today" else key for key in shown}


def test_language_and_text_size_are_kept_with_the_account(open_page: Opener) -> None:
    with db.session_scope() as session:
        actor = a_cadre(session)
    page = open_page(actor)
    assert page.button_group(key="mq_language").value == "zh"
    page.button_group(key="mq_language").set_value("en").run()
    page.button_group(key="mq_text_size").set_value("very_large").run()
    assert not page.exception
    with db.reading() as session:
        cadre = session.get(Cadre, actor.cadre_id)
        assert cadre is not None
        assert (cadre.language, cadre.text_size) == ("en", "very_large")
    assert "font-size: 22px" in texts(page)
    again = open_page(actor)
    assert {link.proto.label for link in again.get("page_link")} >= {"Today", "Cases"}
