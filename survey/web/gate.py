"""The gate before everything: no page, route, upload, file or websocket without a session.

Owns which few addresses are open (sign-in, health, static assets, what a tablet needs to trust the server's
certificate, and those at which a device names itself), the check that a changing request and a websocket come from an own page, and the security headers of every
answer. Refuses whatever it does not know to be open, and Streamlit's interfaces that this application does not use. It
sees only the handshake of a websocket: pages check the session again at every rerun.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from survey import db
from survey.access import accounts
from survey.access.permissions import Actor
from survey.problems import Problem
from survey.web import languages
from survey.web.shell import Shell
from survey.web.templates import page

OPEN_PATHS = frozenset(
    {
        "/sign-in",
        "/install",
        "/ca.crt",
        "/health",
        "/_stcore/health",
        "/manifest.json",
        "/favicon.png",
        "/favicon.ico",
    }
)
OPEN_PREFIX = "/assets/"
# Tablets have no session: each of these requests names its device itself, and a cookie opens none of them.
DEVICE_PREFIX = "/openrosa/"
# Streamlit's own pictures, scripts and styles: open where there is such a file; it answers all else with its page.
_STATIC_PREFIX = "/static/"
# Streamlit's own sign-in, its metrics and its interface for programs: not used, so not offered.
CLOSED_PREFIXES = (
    "/_stcore/agent",
    "/_stcore/metrics",
    "/_stcore/script-health-check",
    "/auth/",
    "/oauth2callback",
)
# Where a person may go while his initial password waits to be changed.
BEFORE_PASSWORD_CHANGE = frozenset({"/password", "/sign-out"})
# What an open page asks by itself, with nobody touching it: whether it is still signed in, and its connection again.
UNTOUCHED_PATHS = frozenset({"/session", "/_stcore/stream"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_POLICY_VIOLATION = 1008


@dataclass(frozen=True)
class Gate:
    """The middleware: `app` is reached only by those who may."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        try:
            refusal = await self._refusal(connection)
        except Problem as problem:
            refusal = refused(connection, problem)
        if refusal is None:
            await self._pass(connection, receive, _with_headers(scope, send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": "sign in first"})
        else:
            await refusal(scope, receive, _with_headers(scope, send))

    async def _pass(self, connection: HTTPConnection, receive: Receive, send: Send) -> None:
        """Let the request in; a problem raised inside is answered as one, unless the answer had begun."""
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(connection.scope, receive, watched)
        except Problem as problem:
            if begun or connection.scope["type"] != "http":
                raise
            await refused(connection, problem)(connection.scope, receive, send)

    async def _refusal(self, connection: HTTPConnection) -> Response | None:
        """Nothing if the request may pass, else the answer that turns it away."""
        path = connection.scope["path"]
        if connection.scope["type"] == "http" and path.startswith(DEVICE_PREFIX):
            return None
        is_file = path in static_files()
        if path.startswith(CLOSED_PREFIXES) or (path.startswith(_STATIC_PREFIX) and not is_file):
            return refused(connection, Problem("web.no_such_page"))
        if not from_own_page(connection.scope, connection.headers):
            return refused(connection, Problem("web.other_origin"))
        is_open = connection.scope["type"] == "http" and (
            path in OPEN_PATHS or path.startswith(OPEN_PREFIX) or is_file
        )
        if is_open and path != "/sign-in":
            return None
        token = connection.cookies.get(accounts.COOKIE)
        actor = await run_in_threadpool(accounts.present, token, used=path not in UNTOUCHED_PATHS)
        connection.scope.setdefault("state", {})["actor"] = actor
        if is_open:
            return None
        return _turned_away(connection, actor, path)


MIDDLEWARE = [Middleware(Gate), Middleware(Shell)]


@cache
def static_files() -> frozenset[str]:
    """The addresses of the static files that Streamlit ships, found without importing it."""
    package = find_spec("streamlit")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("streamlit")
    root = Path(package.origin).parent / "static"
    found = root.joinpath("static").rglob("*")
    return frozenset(f"/{file.relative_to(root).as_posix()}" for file in found if file.is_file())


def actor_of(connection: HTTPConnection) -> Actor | None:
    """Who the gate found behind a request."""
    found: Actor | None = connection.scope.get("state", {}).get("actor")
    return found


def _turned_away(connection: HTTPConnection, actor: Actor | None, path: str) -> Response | None:
    if actor is None:
        if not _is_navigation(connection):
            return refused(connection, Problem("web.sign_in_first"))
        return RedirectResponse(f"/sign-in?next={quote(_address(connection), safe='')}", status_code=303)
    if actor.must_change_password and path not in BEFORE_PASSWORD_CHANGE:
        if not _is_navigation(connection):
            return refused(connection, Problem("accounts.password_first"))
        return RedirectResponse("/password", status_code=303)
    return None


def refused(connection: HTTPConnection, problem: Problem) -> Response:
    """A problem as an answer: a page for a person, its code and sentences for a program."""
    if _is_navigation(connection):
        return page(Request(connection.scope), "problem.html", problem=problem)
    language = languages.asked(connection)
    body = {"code": problem.code, "message": problem.message(language), "remedy": problem.remedy(language)}
    return JSONResponse(body, status_code=problem.status)


def _is_navigation(connection: HTTPConnection) -> bool:
    return connection.scope.get("method") in ("GET", "HEAD") and "text/html" in connection.headers.get(
        "accept", ""
    )


def _address(connection: HTTPConnection) -> str:
    query = connection.url.query
    return connection.url.path + (f"?{query}" if query else "")


def from_own_page(scope: Scope, headers: Mapping[str, str]) -> bool:
    """Whether a changing request or a websocket was sent by a page of this server.

    By `Origin`, else `Referer`, compared with `Host`; a browser that names neither must say `Sec-Fetch-Site`. Programs
    that open a websocket name none: without a browser there is no foreign page.
    """
    if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
        return True
    source = headers.get("origin") or headers.get("referer")
    if source:
        return urlsplit(source).netloc.lower() == headers.get("host", "").lower() != ""
    return scope["type"] == "websocket" or headers.get("sec-fetch-site") in ("same-origin", "none")


def _with_headers(scope: Scope, send: Send) -> Send:
    """`send`, with the security headers added to the beginning of an answer."""
    if scope["type"] != "http":
        return send

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in security_headers(Headers(scope=scope).get("host", "")).items():
                headers.setdefault(name, value)
        await send(message)

    return guarded


def security_headers(host: str) -> dict[str, str]:
    """The headers of every answer; nothing is loaded from another host but the configured base map."""
    sockets = f"ws://{host} wss://{host}" if host and all(c.isalnum() or c in ".-:[]" for c in host) else ""
    policy = (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data: blob: {_basemap_origin()}; font-src 'self' data:; media-src 'self' blob: data:; "
        f"connect-src 'self' data: blob: {sockets}; worker-src 'self' blob:; frame-src 'self' blob: data:; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "geolocation=(self), camera=(self), microphone=(), payment=()",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def _basemap_origin() -> str:
    """The one foreign host a page may load pictures from: the configured base map's; nothing without one."""
    try:
        parts = urlsplit(db.current().settings.basemap_url)
    except Problem:
        return ""  # Without an open store there is no map; the answer itself says what is wrong.
    if parts.scheme not in ("http", "https"):
        return ""
    # Templates such as https://t{s}.tianditu.gov.cn name several hosts at once.
    host = parts.netloc if "{" not in parts.netloc else "*." + parts.netloc.split(".", 1)[-1]
    return f"{parts.scheme}://{host}"
