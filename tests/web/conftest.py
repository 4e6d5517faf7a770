"""A client of the routes behind the gate, with stand-ins at Streamlit's addresses; and accounts to sign in with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlmodel import select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from models import Cadre
from survey import db
from survey.access import passwords
from survey.access.permissions import Actor
from survey.web.gate import MIDDLEWARE
from survey.web.routes import ROUTES
from tests import builders, fillings
from tests.web.by_tablet import issued
from tests.web.openrosa_client import Tablet

PASSWORD = "shan-lu-1982"
ORIGIN = {"origin": "http://testserver"}
HTML = {"accept": "text/html"}


async def _behind(request: Request) -> PlainTextResponse:
    return PlainTextResponse("behind the gate")


async def _stream(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("behind the gate")
    await websocket.close()


def application() -> Starlette:
    behind = [
        WebSocketRoute("/_stcore/stream", _stream),
        Route("/{path:path}", _behind, methods=["GET", "POST", "PUT", "DELETE"]),
    ]
    return Starlette(routes=[*ROUTES, *behind], middleware=MIDDLEWARE)


@pytest.fixture
def client(sqlite_store: db.Store) -> Iterator[TestClient]:
    """A browser that has not signed in; it follows no redirect by itself."""
    yield TestClient(application(), follow_redirects=False)


@pytest.fixture
def cadre(sqlite_store: db.Store) -> Cadre:
    """A village head with the password `PASSWORD`."""
    with db.session_scope() as session:
        actor = builders.a_cadre(session, username="wang", password_hash=passwords.hash_password(PASSWORD))
        return session.exec(select(Cadre).where(Cadre.id == actor.cadre_id)).one()


def sign_in(client: TestClient, username: str = "wang", password: str = PASSWORD, **fields: str):
    form = {"username": username, "password": password} | fields
    return client.post("/sign-in", data=form, headers=ORIGIN)


@pytest.fixture
def signed_in(client: TestClient, cadre: Cadre) -> TestClient:
    """The browser of the village head, signed in."""
    assert sign_in(client).status_code == 303
    return client


@pytest.fixture
def owner(sqlite_store: db.Store) -> Actor:
    """A village head, two households of his village and one elsewhere."""
    with db.session_scope() as session:
        actor = builders.a_cadre(session, username="owner")
        fillings.published(session)
        builders.a_hardship_file(session, builders.a_household(session, head="赵大"), needs="测试：看病")
        builders.a_household(session, head="钱二", housing="grade_c")
        builders.a_household(session, builders.OTHER_GROUP, head="远三")
        return actor


@pytest.fixture
def tablet(client: TestClient, owner: Actor) -> Tablet:
    return Tablet.of(client, issued(owner))


@pytest.fixture
def secure(owner: Actor) -> Iterator[TestClient]:
    """The server over HTTPS."""
    yield TestClient(application(), base_url="https://testserver", follow_redirects=False)
