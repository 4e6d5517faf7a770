"""The language of a page outside Streamlit: Chinese unless the visitor asked for English.

Owns the order of asking (`?lang=`, then the signed-in person's own, then the last choice in this browser) and the small
cookie that remembers it. Refuses languages the interface does not have, by staying with Chinese.
"""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.responses import Response

from survey.access.permissions import Actor
from survey.i18n import DEFAULT, LANGUAGES

CHOICE = "lang"
COOKIE = "minqing_language"
_A_YEAR_S = 365 * 24 * 3600


def asked(connection: HTTPConnection) -> str:
    """The language this request is answered in: `zh` or `en`."""
    actor: Actor | None = connection.scope.get("state", {}).get("actor")
    wishes = (
        connection.query_params.get(CHOICE),
        actor.language if actor else None,
        connection.cookies.get(COOKIE),
    )
    return next((wish for wish in wishes if wish in LANGUAGES), DEFAULT)


def remember(connection: HTTPConnection, response: Response) -> None:
    """Keep a language chosen by `?lang=` in this browser."""
    choice = connection.query_params.get(CHOICE)
    if choice in LANGUAGES:
        response.set_cookie(
            COOKIE,
            choice,
            max_age=_A_YEAR_S,
            httponly=True,
            samesite="lax",
            secure=connection.url.scheme in ("https", "wss"),
        )
