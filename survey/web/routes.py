"""The addresses outside Streamlit, in one list for `st.App(routes=ROUTES)`.

Owns which function answers which address and method. Refuses Streamlit's own addresses (`/_stcore/`, `/media/`,
`/component/`, `/static/`), which `st.App` keeps for itself.
"""

from __future__ import annotations

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from survey import db
from survey.web import assets, files, gate, installing, map_points, media, sign_in
from survey.web.openrosa import routes as openrosa


async def health(_request: Request) -> Response:
    """Whether the server runs and its store answers; a problem's status if not."""
    await run_in_threadpool(_ask_store)
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


def _ask_store() -> None:
    with db.reading() as session:
        session.execute(sa.text("SELECT 1"))


async def session_state(request: Request) -> Response:
    """Whether this browser is still signed in; without a session the gate has answered 401 before."""
    actor = gate.actor_of(request)
    return JSONResponse({"signed_in": actor is not None}, headers={"Cache-Control": "no-store"})


async def today(request: Request) -> Response:
    """The page of that name is the first one, whose address is the root."""
    query = request.url.query
    return RedirectResponse(f"/?{query}" if query else "/", status_code=307)


ROUTES: list[BaseRoute] = [
    Route("/sign-in", sign_in.show_sign_in, methods=["GET"]),
    Route("/sign-in", sign_in.sign_in_here, methods=["POST"]),
    Route("/sign-out", sign_in.show_sign_out, methods=["GET"]),
    Route("/sign-out", sign_in.sign_out, methods=["POST"]),
    Route("/password", sign_in.show_password, methods=["GET"]),
    Route("/password", sign_in.change_password, methods=["POST"]),
    Route("/session", session_state, methods=["GET"]),
    Route("/today", today, methods=["GET"]),
    Route("/health", health, methods=["GET"]),
    Route("/install", installing.install, methods=["GET"]),
    Route("/ca.crt", installing.certificate, methods=["GET"]),
    Route("/map/points", map_points.points, methods=["GET"]),
    Route("/attachment/{id}", files.attachment, methods=["GET"]),
    Route("/form-media/{form}/{version}/{name}", media.form_media, methods=["GET"]),
    *openrosa.ROUTES,
    *assets.mounts(),
]
