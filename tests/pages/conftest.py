"""Page tests: `app.py` run by Streamlit's AppTest, signed in as an actor, on an open SQLite store.

The one thing patched is the accessor of the session cookie, because AppTest has no browser; the session behind it
is a real one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from survey import composition, db, i18n
from survey.access import sessions
from survey.access.permissions import Actor
from survey.ui import navigation
from survey.ui import session as ui_session

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 30

Opener = Callable[..., AppTest]


@pytest.fixture
def open_page(sqlite_store: db.Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opener]:
    """`open_page(actor, "visit", household=…)`: the page as the actor's browser shows it, already run once.

    The store must hold the actor's cadre (`a_cadre` inside `db.session_scope()`); `actor=None` is a browser without
    a session. The first argument decides who is signed in from then on.
    """
    composition.wire()
    monkeypatch.chdir(ROOT)
    _navigate_as_the_server_does(monkeypatch)

    def opened(actor: Actor | None, page: str = navigation.TODAY, **query: str) -> AppTest:
        token = None
        if actor is not None:
            with db.session_scope() as session:
                assert actor.cadre_id is not None
                token = sessions.open_session(
                    session, actor.cadre_id, device="AppTest", now=datetime.now(UTC)
                )
        monkeypatch.setattr(ui_session, "cookie_token", lambda: token)
        test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S)
        offered = {place.key for place in navigation.open_to(actor)} if actor else set()
        if page != navigation.TODAY and page in offered:
            # Streamlit knows a page only after the application declared it in a first run. The address of one that
            # is not offered leads to the first page.
            test.run().switch_page(f"pages/{page}.py")
        for name, value in query.items():
            test.query_params[name] = value
        return test.run()

    with i18n.speaking("zh"):
        yield opened


def _navigate_as_the_server_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave navigation to `app.py`, as `app.py` itself settles for a server; AppTest settles otherwise at each run."""
    original = PagesManager.__init__

    def settled(manager: PagesManager, *arguments: Any, **keywords: Any) -> None:
        original(manager, *arguments, **keywords)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", settled)


def texts(test: AppTest) -> str:
    """Everything a person reads on the page, for looking for a word in it."""
    parts: list[str] = []
    for kind in ("markdown", "html", "error", "warning", "success", "info", "caption"):
        parts += [str(element.value) for element in test.get(kind) if hasattr(element, "value")]
    parts += [str(getattr(element, "body", "")) for element in test.get("html")]
    for kind in ("button", "text_input", "text_area", "selectbox", "date_input", "number_input"):
        parts += [str(element.label) for element in test.get(kind)]
    return "\n".join(parts)
