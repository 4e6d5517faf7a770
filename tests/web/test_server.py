"""The real server, as `minqing serve` starts it: Streamlit's own addresses stand behind the gate too."""

from __future__ import annotations

import base64
import http.client
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from models import Post
from survey import db, opening
from survey.access import passwords
from survey.config import Settings
from tests import builders

ROOT = Path(__file__).parents[2]
PASSWORD = "shan-lu-1982"
START_SECONDS = 90


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    headers: dict[str, str]
    text: str


@dataclass(frozen=True)
class Server:
    """A running server and the cookie of somebody signed in."""

    port: int
    cookie: str

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> Answer:
        """One request; header names are written with underscores."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        text = "" if answer.status == 101 else answer.read().decode("utf-8", "replace")
        connection.close()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, text)

    def handshake(self, **headers: str) -> int:
        """The status a websocket to Streamlit's stream is answered with."""
        key = base64.b64encode(os.urandom(16)).decode()
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13"}
        upgrade |= {"Sec_WebSocket_Key": key, "Sec_WebSocket_Protocol": "streamlit"}
        return self.ask("GET", "/_stcore/stream", **(upgrade | headers)).status

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if Server(port, "").ask("GET", "/health").status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the server did not start: exit status {process.poll()}")


def _sign_in(server: Server) -> str:
    form = f"username=wang&password={PASSWORD}"
    kind = "application/x-www-form-urlencoded"
    answer = server.ask("POST", "/sign-in", form, Content_Type=kind, Origin=server.origin)
    found = re.search(r"minqing_session=[^;]+", answer.headers["set-cookie"])
    assert found is not None
    return found.group(0)


@pytest.fixture
def server(sqlite_settings: Settings) -> Iterator[Server]:
    """`minqing serve` on a store with the village head `wang`."""
    with opening.opened(sqlite_settings), db.session_scope() as session:
        builders.a_cadre(
            session, Post.VILLAGE_HEAD, username="wang", password_hash=passwords.hash_password(PASSWORD)
        )
    port = _free_port()
    command = [sys.executable, "-m", "survey.cli", "serve", "--port", str(port)]
    environment = os.environ | sqlite_settings.environment()
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(port, process)
        yield Server(port, _sign_in(Server(port, "")))
    finally:
        process.kill()
        process.wait()


def test_streamlit_stands_behind_the_gate(server: Server) -> None:
    foreign = {"Cookie": server.cookie, "Origin": "http://elsewhere.test"}
    assert server.handshake(Origin=server.origin) == 403
    assert server.handshake(Origin=server.origin, Cookie="minqing_session=made-up") == 403
    assert server.handshake(**foreign) == 403
    assert server.handshake(Origin=server.origin, Cookie=server.cookie) == 101

    upload = "/_stcore/upload_file/session/file"
    assert server.ask("PUT", upload, "x", Origin=server.origin).status == 401
    assert server.ask("PUT", upload, "x", **foreign).status == 403
    for path in ("/media/x.jpg", "/_stcore/host-config", "/component/streamlit_folium.st_folium/index.html"):
        assert server.ask("GET", path).status == 401
    for path in ("/_stcore/agent/openapi.json", "/_stcore/metrics"):
        assert server.ask("GET", path, Cookie=server.cookie).status == 404

    stranger = server.ask("GET", "/households?x=1", Accept="text/html")
    assert (stranger.status, stranger.headers["location"]) == (303, "/sign-in?next=%2Fhouseholds%3Fx%3D1")
    page = server.ask("GET", "/", Accept="text/html", Cookie=server.cookie)
    assert page.status == 200
    assert "session.js" in page.text
