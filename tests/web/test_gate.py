"""The gate: what is open, what is turned away and how, foreign pages, security headers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from models import AccountSession, Cadre
from survey import db
from survey.web import gate
from tests.web.conftest import HTML, ORIGIN, sign_in


@pytest.mark.parametrize("path", ["/", "/visit?household=1", "/cases", "/media/abc.jpg", "/no/such/page"])
def test_a_page_without_a_session_leads_to_sign_in_and_back(client: TestClient, path: str) -> None:
    answer = client.get(path, headers=HTML)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=%2F")
    assert "behind" not in answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/media/abc.jpg"),
        ("PUT", "/_stcore/upload_file/session/file"),
        ("DELETE", "/_stcore/upload_file/session/file"),
        ("GET", "/_stcore/host-config"),
        ("GET", "/component/streamlit_folium.st_folium/index.html"),
        ("GET", "/attachment/1"),
        ("GET", "/session"),
        ("POST", "/sign-out"),
        ("GET", "/assetsevil"),
        ("GET", "/app/static/x.js"),
        ("GET", "//sign-in"),
    ],
)
def test_a_request_without_a_session_is_refused(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, f"http://testserver{path}", headers=ORIGIN)
    assert (answer.status_code, answer.json()["code"]) == (401, "web.sign_in_first")


@pytest.mark.parametrize(
    "path",
    [
        "/_stcore/agent/openapi.json",
        "/_stcore/agent/mcp",
        "/_stcore/metrics",
        "/auth/login",
        "/oauth2callback",
    ],
)
def test_unused_interfaces_of_streamlit_are_not_offered_even_signed_in(
    signed_in: TestClient, path: str
) -> None:
    assert signed_in.get(path).status_code == 404


@pytest.mark.parametrize(
    "path", ["/sign-in", "/install", "/health", "/assets/leaflet/leaflet.js", "/_stcore/health"]
)
def test_the_open_addresses_answer_without_a_session(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("browser", ["client", "signed_in"])
def test_only_static_files_that_exist_are_open(browser: str, request: pytest.FixtureRequest) -> None:
    opened: TestClient = request.getfixturevalue(browser)
    file = min(gate.static_files())
    assert file.startswith("/static/")
    assert opened.get(file).text == "behind the gate"
    for path in ("/static/anything", "/static/", f"{file}/x", "/static/%2e%2e%2findex.html"):
        answer = opened.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "web.no_such_page"), path


def test_a_session_opens_pages_uploads_and_files(signed_in: TestClient) -> None:
    assert signed_in.get("/cases", headers=HTML).text == "behind the gate"
    assert signed_in.get("/media/abc.jpg").text == "behind the gate"
    assert signed_in.put("/_stcore/upload_file/s/f", headers=ORIGIN).text == "behind the gate"
    assert signed_in.get("/session").json() == {"signed_in": True}


def test_a_websocket_without_a_session_is_refused(client: TestClient) -> None:
    with (
        pytest.raises(WebSocketDisconnect) as refusal,
        client.websocket_connect("/_stcore/stream", headers=ORIGIN),
    ):
        pass
    assert refusal.value.code == 1008


def test_a_websocket_with_a_session_is_accepted(signed_in: TestClient) -> None:
    with signed_in.websocket_connect("/_stcore/stream", headers=ORIGIN) as socket:
        assert socket.receive_text() == "behind the gate"


def test_a_websocket_from_a_foreign_page_is_refused_despite_the_session(signed_in: TestClient) -> None:
    foreign = {"origin": "http://elsewhere.test"}
    with pytest.raises(WebSocketDisconnect), signed_in.websocket_connect("/_stcore/stream", headers=foreign):
        pass


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://elsewhere.test"},
        {"origin": "null"},
        {"origin": "http://testserver.elsewhere.test"},
        {"referer": "http://elsewhere.test/testserver"},
        {"sec-fetch-site": "cross-site"},
        {},
    ],
)
def test_a_form_from_a_foreign_page_changes_nothing(signed_in: TestClient, headers: dict[str, str]) -> None:
    answer = signed_in.post("/sign-out", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "web.other_origin")
    assert signed_in.get("/session").status_code == 200


@pytest.mark.parametrize(
    "headers", [{"referer": "http://testserver/sign-out"}, {"sec-fetch-site": "same-origin"}]
)
def test_an_old_browser_without_origin_may_still_send_a_form(
    signed_in: TestClient, headers: dict[str, str]
) -> None:
    assert signed_in.post("/sign-out", headers=headers).status_code == 200
    assert signed_in.get("/session").status_code == 401


def test_what_an_open_page_asks_by_itself_does_not_keep_its_session_alive(signed_in: TestClient) -> None:
    def seen_at() -> datetime:
        with db.reading() as session:
            return session.exec(select(AccountSession)).one().seen_at

    lying = datetime.now(UTC) - timedelta(hours=11, minutes=55)
    with db.session_scope() as session:
        session.exec(select(AccountSession)).one().seen_at = lying
    assert signed_in.get("/session?at=1").status_code == 200
    with signed_in.websocket_connect("/_stcore/stream", headers=ORIGIN) as socket:
        assert socket.receive_text() == "behind the gate"
    assert seen_at() == lying
    assert signed_in.get("/cases", headers=HTML).status_code == 200
    assert datetime.now(UTC) - seen_at() < timedelta(minutes=1)


def test_an_idle_session_is_over_at_the_next_request(signed_in: TestClient) -> None:
    with db.session_scope() as session:
        row = session.exec(select(AccountSession)).one()
        row.seen_at = datetime.now(UTC) - timedelta(hours=12, minutes=1)
        session.add(row)
    assert signed_in.get("/session").status_code == 401
    assert signed_in.get("/visit", headers=HTML).headers["location"] == "/sign-in?next=%2Fvisit"


def test_an_initial_password_must_be_changed_before_anything_else(client: TestClient, cadre: Cadre) -> None:
    with db.session_scope() as session:
        row = session.get_one(Cadre, cadre.id)
        row.must_change_password = True
        session.add(row)
    assert sign_in(client, next="/cases").headers["location"] == "/password"
    assert client.get("/cases", headers=HTML).headers["location"] == "/password"
    assert client.get("/media/abc.jpg").json()["code"] == "accounts.password_first"
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/_stcore/stream", headers=ORIGIN):
        pass
    assert client.get("/password", headers=HTML).status_code == 200


def test_every_answer_carries_the_security_headers(client: TestClient) -> None:
    for path in ("/sign-in", "/cases", "/health", "/assets/own/page.css"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "frame-ancestors" in headers["content-security-policy"]


def test_the_content_policy_names_no_foreign_host_without_a_base_map(signed_in: TestClient) -> None:
    policy = signed_in.get("/cases", headers=HTML).headers["content-security-policy"]
    assert "http" not in policy
    assert "connect-src 'self' data: blob: ws://testserver wss://testserver" in policy


def test_the_name_of_the_first_page_leads_to_it(client: TestClient, cadre: Cadre) -> None:
    sign_in(client, "wang")
    answer = client.get("/today?a=1", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "/?a=1")


def test_the_addresses_of_devices_ask_for_a_token_and_take_no_session(signed_in: TestClient) -> None:
    for method, path in (("GET", "/openrosa/formList"), ("POST", "/openrosa/submission")):
        answer = signed_in.request(method, path, headers=ORIGIN)
        assert (answer.status_code, answer.headers["x-minqing-problem"]) == (401, "openrosa.name_yourself")
        assert "www-authenticate" in answer.headers


@pytest.mark.parametrize(
    "path", ["/openrosa", "/openrosaX/formList", "//openrosa/formList", "/x/../openrosa/formList"]
)
def test_only_the_addresses_of_devices_pass_without_a_session(client: TestClient, path: str) -> None:
    answer = client.get(f"http://testserver{path}")
    assert answer.status_code == 401
    assert "behind" not in answer.text


def test_a_websocket_at_an_address_of_devices_is_refused(client: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/openrosa/formList", headers=ORIGIN):
        pass
