"""The forms of one's own account: signing in, signing out, changing the password.

Owns the session cookie (HttpOnly, SameSite=Lax, Secure under HTTPS) and the way back to the page one came from. Refuses
to lead anywhere but to an address of this server, and bodies longer than a form needs. A plain HTML form each, no
script needed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from survey import db, i18n
from survey.access import sessions, sign_in
from survey.access.permissions import Actor
from survey.access.sign_in import SignedIn
from survey.problems import Problem
from survey.rules.loader import parameter_at
from survey.web import gate, languages
from survey.web.templates import page

_MAX_FORM_BYTES = 16_384
_COOKIE_AGE_S = 30 * 24 * 3600
_NOWHERE = ("/sign-in", "/sign-out", "/password", "/assets/", "/_stcore/")
_DEVICES = (
    ("iPad", "iPad"),
    ("iPhone", "iPhone"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac", "Mac"),
)


def local_address(address: str | None) -> str:
    """The address if it is one of this server's pages, else the first page.

    >>> local_address("/visit?household=1"), local_address("//elsewhere.test/"), local_address("/sign-out")
    ('/visit?household=1', '/', '/')
    """
    if not address or not address.startswith("/") or address.startswith(("//", *_NOWHERE)):
        return "/"
    if "\\" in address or re.search(r"[\x00-\x20\x7f]", address):
        return "/"
    parts = urlsplit(address)
    return "/" if parts.scheme or parts.netloc else address


async def show_sign_in(request: Request) -> Response:
    """The form; who is signed in already goes on at once."""
    onward = local_address(request.query_params.get("next"))
    actor = gate.actor_of(request)
    if actor is not None:
        return RedirectResponse("/password" if actor.must_change_password else onward, status_code=303)
    return page(request, "sign-in.html", onward=onward, username="")


async def sign_in_here(request: Request) -> Response:
    """Check the form's user name and password; a session and its cookie, or the form with the reason why not."""
    onward, username = "/", ""
    try:
        form = await _form(request)
        username = form.get("username", "")
        onward = local_address(form.get("next"))
        outcome = await run_in_threadpool(
            _try,
            username,
            form.get("password", ""),
            device_of(request.headers.get("user-agent", "")),
        )
    except Problem as problem:
        outcome = problem
    if isinstance(outcome, Problem):
        return page(request, "sign-in.html", problem=outcome, onward=onward, username=username)
    target = "/password" if outcome.actor.must_change_password else onward
    return _signed_in(request, outcome, target)


def _try(username: str, password: str, device: str) -> SignedIn | Problem:
    with db.reading() as session:
        attempt = sign_in.examine(session, username, password)
    with db.session_scope() as session:
        return sign_in.sign_in(session, attempt, now=datetime.now(UTC), device=device)


async def show_password(request: Request) -> Response:
    """The form for a new password."""
    return _password_page(request, None)


def _password_page(request: Request, problem: Problem | None) -> Response:
    on = i18n.today()
    return page(
        request,
        "password.html",
        problem=problem,
        actor=gate.actor_of(request),
        least=parameter_at("accounts.password_min_length", on),
        kinds=parameter_at("accounts.password_min_kinds", on),
    )


async def change_password(request: Request) -> Response:
    """Change one's own password; every other browser is signed out."""
    actor = gate.actor_of(request)
    assert actor is not None
    try:
        form = await _form(request)
        if form.get("new", "") != form.get("again", ""):
            raise Problem("accounts.passwords_differ")
        device = device_of(request.headers.get("user-agent", ""))
        outcome = await run_in_threadpool(
            _change, actor, form.get("present", ""), form.get("new", ""), device
        )
    except Problem as problem:
        outcome = problem
    if isinstance(outcome, Problem):
        return _password_page(request, outcome)
    return _signed_in(request, outcome, "/")


def _change(actor: Actor, present: str, new: str, device: str) -> SignedIn | Problem:
    with db.reading() as session:
        attempt = sign_in.examine(session, actor.username, present)
    with db.session_scope() as session:
        return sign_in.change_password(session, actor, attempt, new, now=datetime.now(UTC), device=device)


async def show_sign_out(request: Request) -> Response:
    """Ask whether here or everywhere; the page also clears what this browser holds of unfinished text."""
    return page(request, "sign-out.html", everywhere=request.query_params.get("everywhere") == "1")


async def sign_out(request: Request) -> Response:
    """End this session, or all of the account's, and clear the browser."""
    actor = gate.actor_of(request)
    assert actor is not None
    try:
        form = await _form(request)
        token = request.cookies.get(sessions.COOKIE, "")
        await run_in_threadpool(_end, actor, token, form.get("everywhere") == "1")
    except Problem as problem:
        return page(request, "sign-out.html", problem=problem, everywhere=False)
    response = page(request, "signed-out.html")
    response.delete_cookie(sessions.COOKIE, httponly=True, samesite="lax", secure=_is_https(request))
    response.headers["Clear-Site-Data"] = '"storage"'
    return response


def _end(actor: Actor, token: str, everywhere: bool) -> None:
    with db.session_scope() as session:
        if everywhere:
            sign_in.sign_out_everywhere(session, actor, now=datetime.now(UTC))
        else:
            sign_in.sign_out(session, actor, token, now=datetime.now(UTC))


def device_of(user_agent: str) -> str:
    """The kind of device, as far as a browser tells.

    >>> device_of("Mozilla/5.0 (Linux; Android 9; SM-T510)")
    'Android'
    """
    return next((name for mark, name in _DEVICES if mark in user_agent), "")


def _signed_in(request: Request, outcome: SignedIn, target: str) -> Response:
    response = RedirectResponse(target, status_code=303)
    response.set_cookie(
        sessions.COOKIE,
        outcome.token,
        max_age=_COOKIE_AGE_S,
        httponly=True,
        samesite="lax",
        secure=_is_https(request),
    )
    languages.remember(request, response)
    return response


def _is_https(request: Request) -> bool:
    return request.url.scheme == "https"


async def _form(request: Request) -> Mapping[str, str]:
    """The fields of a small form; problem `web.too_large`."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM_BYTES:
            raise Problem("web.too_large")
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20)
    return {name: values[-1] for name, values in fields.items()}
