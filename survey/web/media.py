"""Pictures, sounds and films that questionnaires show: `/form-media/{form}/{version}/{name}`.

Owns the headers: shown in place, never run, kept by the browser for a day since a published version never changes.
Refuses what `questionnaires.media` refuses: the service checks the actor.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from survey import db
from survey.access.permissions import Actor
from survey.questionnaires import media
from survey.web import gate

NO_VERSION = "-"
"""Stands in the address for a form without a version."""


async def form_media(request: Request) -> Response:
    """One picture, sound or film of a questionnaire; problem `access.not_found` without it, or in another's draft."""
    actor = gate.actor_of(request)
    assert actor is not None
    asked = request.path_params
    content, media_type = await run_in_threadpool(
        _read, actor, asked["form"], asked["version"], asked["name"]
    )
    headers = {
        "Cache-Control": "private, max-age=86400",
        "Content-Disposition": "inline",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=media_type, headers=headers)


def _read(actor: Actor, form: str, version: str, name: str) -> tuple[bytes, str]:
    with db.reading() as session:
        return media.read(session, actor, form, "" if version == NO_VERSION else version, name)
