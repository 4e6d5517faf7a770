"""The frame: who sees which page, what a stranger sees, settings that last."""

from __future__ import annotations

from tests.pages.conftest import Opener, texts


def test_without_a_session_the_page_offers_signing_in_and_nothing_else(open_page: Opener) -> None:
    page = open_page(None)
    assert "/sign-in?next=" in texts(page)
    assert not page.button
    assert not page.exception
