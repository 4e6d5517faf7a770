"""Photos for whoever may see them: `/attachment/{id}`.

Owns the headers under which a decrypted photo leaves the server: never kept, never run, only images shown in place.
Refuses what `questionnaires.attachments` refuses: the service checks the actor.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from survey import db
from survey.access.permissions import Actor
from survey.questionnaires import attachments
from survey.web import gate

_SHOWN = frozenset({"image/jpeg", "image/png", "image/webp"})


async def attachment(request: Request) -> Response:
    """One photo; problem `access.not_found` when it does not exist or lies outside the actor's area."""
    actor = gate.actor_of(request)
    assert actor is not None
    content, media_type = await run_in_threadpool(_read, actor, request.path_params["id"])
    shown = media_type in _SHOWN
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Disposition": "inline" if shown else "attachment",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Response(content, media_type=media_type if shown else "application/octet-stream", headers=headers)


def _read(actor: Actor, attachment_id: str) -> tuple[bytes, str]:
    with db.reading() as session:
        return attachments.read(session, actor, attachment_id)
