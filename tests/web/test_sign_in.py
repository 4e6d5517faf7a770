"""The forms of one's own account, as a browser without script uses them."""

from __future__ import annotations

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from models import AccountSession, AuditEntry, AuditResult, Cadre
from survey import db
from survey.access import passwords
from tests.web.conftest import HTML, ORIGIN, PASSWORD, application, sign_in


def _cadre() -> Cadre:
    with db.reading() as session:
        return session.exec(select(Cadre).where(Cadre.username == "wang")).one()


def _sessions() -> list[AccountSession]:
    with db.reading() as session:
        return list(session.exec(select(AccountSession)))


def test_the_form_is_chinese_by_default_and_english_on_request(client: TestClient) -> None:
    chinese, english = client.get("/sign-in"), client.get("/sign-in?lang=en")
    assert '<html lang="zh-CN">' in chinese.text
    assert "User name" not in chinese.text
    assert "User name" in english.text
    assert client.get("/sign-in").headers["content-language"] == "en", "the choice is remembered"


def test_the_form_needs_no_script_and_loads_nothing_from_elsewhere(client: TestClient) -> None:
    html = client.get("/sign-in").text
    assert "<script" not in html
    assert "//" not in html.replace("<!DOCTYPE html>", "")


def test_signing_in_sets_a_cookie_no_script_can_read_and_stores_only_its_hash(
    client: TestClient, cadre: Cadre
) -> None:
    answer = sign_in(client, next="/visit?household=7")
    assert (answer.status_code, answer.headers["location"]) == (303, "/visit?household=7")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    token = client.cookies["minqing_session"]
    (row,) = _sessions()
    assert row.cadre_id == cadre.id
    assert token not in (row.token_hash, row.device)


def test_the_cookie_is_secure_under_https(sqlite_store: db.Store, cadre: Cadre) -> None:
    client = TestClient(application(), base_url="https://testserver", follow_redirects=False)
    form = {"username": "wang", "password": PASSWORD}
    answer = client.post("/sign-in", data=form, headers={"origin": "https://testserver"})
    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "onward",
    [
        "https://elsewhere.test/",
        "//elsewhere.test",
        "/\\elsewhere.test",
        "/sign-out",
        "javascript:alert(1)",
        "/\t/x",
    ],
)
def test_signing_in_never_leads_to_another_server(client: TestClient, cadre: Cadre, onward: str) -> None:
    assert sign_in(client, next=onward).headers["location"] == "/"


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(client: TestClient, cadre: Cadre) -> None:
    wrong, unknown = sign_in(client, password="nonsense"), sign_in(client, username="nobody")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace("wang", "nobody") == unknown.text
    assert "set-cookie" not in wrong.headers
    assert _sessions() == []


def test_a_refused_sign_in_is_kept_in_count_and_trail(client: TestClient, cadre: Cadre) -> None:
    sign_in(client, password="nonsense")
    assert _cadre().failed_sign_ins == 1
    with db.reading() as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "account.sign_in")).one()
    assert (entry.result, entry.object_id) == (AuditResult.REFUSED, str(cadre.id))


def test_after_a_refusal_the_way_back_is_kept(client: TestClient, cadre: Cadre) -> None:
    assert (
        'value="/visit?household=7"' in sign_in(client, password="nonsense", next="/visit?household=7").text
    )


def test_what_was_typed_is_never_written_into_the_page_as_markup(client: TestClient) -> None:
    answer = sign_in(client, username='"><script>', next='/x"><script>alert(1)</script>')
    assert "<script" not in answer.text


def test_a_form_of_megabytes_is_refused(client: TestClient, cadre: Cadre) -> None:
    answer = sign_in(client, password="x" * 1_000_000)
    assert answer.status_code == 413
    assert _cadre().failed_sign_ins == 0


def test_signing_out_ends_the_session_on_the_server(signed_in: TestClient) -> None:
    token = signed_in.cookies["minqing_session"]
    answer = signed_in.post("/sign-out", headers=ORIGIN)
    assert answer.status_code == 200
    assert answer.headers["clear-site-data"] == '"storage"'
    assert _sessions()[0].ended_at is not None
    signed_in.cookies.set("minqing_session", token)
    assert signed_in.get("/session").status_code == 401


def test_opening_the_sign_out_page_alone_ends_nothing(signed_in: TestClient) -> None:
    assert signed_in.get("/sign-out?everywhere=1", headers=HTML).status_code == 200
    assert _sessions()[0].ended_at is None


def test_signing_out_everywhere_ends_every_browser(signed_in: TestClient) -> None:
    other = TestClient(application(), follow_redirects=False)
    sign_in(other)
    signed_in.post("/sign-out", data={"everywhere": "1"}, headers=ORIGIN)
    assert other.get("/session").status_code == 401


def test_changing_the_password_ends_the_other_browsers_and_keeps_this_one(signed_in: TestClient) -> None:
    other = TestClient(application(), follow_redirects=False)
    sign_in(other)
    form = {"present": PASSWORD, "new": "he-tang-2031", "again": "he-tang-2031"}
    answer = signed_in.post("/password", data=form, headers=ORIGIN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert signed_in.get("/session").status_code == 200
    assert other.get("/session").status_code == 401
    assert passwords.verify(_cadre().password_hash, "he-tang-2031")


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"present": "wrong", "new": "he-tang-2031", "again": "he-tang-2031"}, 401),
        ({"present": PASSWORD, "new": "he-tang-2031", "again": "he-tang-2032"}, 422),
        ({"present": PASSWORD, "new": "kurz1", "again": "kurz1"}, 422),
        ({"present": PASSWORD, "new": PASSWORD, "again": PASSWORD}, 422),
    ],
)
def test_a_password_change_that_fails_changes_nothing(
    signed_in: TestClient, form: dict[str, str], status: int
) -> None:
    before = _cadre().password_hash
    assert signed_in.post("/password", data=form, headers=ORIGIN).status_code == status
    assert _cadre().password_hash == before
    assert signed_in.get("/session").status_code == 200
