"""What every OpenRosa answer has in common: its headers, its envelope, and a problem as such an answer.

Owns `X-OpenRosa-Version`, the recommended size of a post, and saying in the person's language what went wrong, in the
envelope a client shows to him. Refuses HTML. https://docs.getodk.org/openrosa-http/
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from xml.sax.saxutils import escape

from sqlalchemy.exc import OperationalError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from survey import db, i18n
from survey.problems import Problem
from survey.web.openrosa import authentication

MEGABYTE = 1024 * 1024
RECOMMENDED_POST_BYTES = 10 * MEGABYTE
_ENVELOPE = "http://openrosa.org/http/response"
_XML = "text/xml; charset=utf-8"
# How long a client is asked to wait, by the status of the answer.
_RETRY_AFTER_S = {429: 10, 503: 5, 507: 300}
_CLIENT_GONE = 499

Endpoint = Callable[[Request], Awaitable[Response]]


def most_bytes() -> int:
    """The size of the largest post that is taken."""
    return db.current().settings.submission_mb * MEGABYTE


def headers() -> dict[str, str]:
    """The headers of every answer; the server itself adds `Date`."""
    return {
        "X-OpenRosa-Version": "1.0",
        "X-OpenRosa-Accept-Content-Length": str(min(RECOMMENDED_POST_BYTES, most_bytes())),
        "Content-Language": i18n.language(),
        "Cache-Control": "private, no-store",
    }


def xml(text: str, *, status: int = 200, more: Mapping[str, str] | None = None) -> Response:
    """An XML document as an answer."""
    document = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'
    return Response(document, status, headers() | dict(more or {}), media_type=_XML)


def message(text: str, *, status: int, more: Mapping[str, str] | None = None) -> Response:
    """A sentence for the person at the tablet, in the envelope clients show."""
    # The text may quote what was sent: a control character would make the answer itself no XML.
    plain = "".join(character if character.isprintable() else " " for character in text)
    envelope = f'<OpenRosaResponse xmlns="{_ENVELOPE}"><message>{escape(plain)}</message></OpenRosaResponse>'
    return xml(envelope, status=status, more=more)


def openrosa(endpoint: Endpoint) -> Endpoint:
    """The endpoint, its problems answered as OpenRosa answers."""

    @wraps(endpoint)
    async def answered(request: Request) -> Response:
        i18n.use(_asked_language(request))
        try:
            return await endpoint(request)
        except Problem as problem:
            return of_problem(request, problem)
        except OperationalError as error:
            known = db.as_problem(error)
            if isinstance(known, Problem):
                return of_problem(request, known)
            raise
        except ClientDisconnect:
            return Response(status_code=_CLIENT_GONE)  # nobody is there to read it

    return answered


def of_problem(request: Request, problem: Problem) -> Response:
    """A problem as an answer, with what a client needs to go on: how to name itself, when to come again."""
    text = problem.text(i18n.language())
    answer = message(text, status=problem.status)
    answer.headers["X-Minqing-Problem"] = problem.code
    if problem.status in _RETRY_AFTER_S:
        answer.headers["Retry-After"] = str(_RETRY_AFTER_S[problem.status])
    if problem.status == 401:
        for challenge in authentication.challenges(request, problem):
            answer.headers.append("WWW-Authenticate", challenge)
    return answer


def _asked_language(request: Request) -> str:
    """The language before anybody has named himself: what the tablet speaks, if it is ours."""
    for wish in request.headers.get("accept-language", "").split(","):
        code = wish.partition(";")[0].strip().partition("-")[0].lower()
        if code in i18n.LANGUAGES:
            return code
    return i18n.DEFAULT
