"""The points of the map for the browser: `/map/points`, under the filters of its address.

Owns reading the address and the sentence about how much of each layer is on the map. Refuses what `survey.maps.layers`
refuses: the services check the actor and his areas.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from survey import db, i18n
from survey.access.permissions import Actor
from survey.cases.worklists import CaseFilter
from survey.i18n import gettext as _
from survey.maps import layers
from survey.maps.layers import CASES, HARDSHIP, Layer
from survey.web import gate


async def points(request: Request) -> Response:
    """The points of the layers named, each `[lat, lon, look, late, layer, id]` (WGS84), and a sentence about them."""
    actor = gate.actor_of(request)
    assert actor is not None
    query = request.query_params
    chosen = CaseFilter(
        village=query.get("village"), category=query.get("category"), overdue="overdue" in query
    )
    found = await run_in_threadpool(_read, actor, chosen, query.get("layers", "").split(","))
    content = {
        "points": [[*point[:4], name, point.id] for name, layer in found.items() for point in layer.points],
        "said": said(found, actor.language),
    }
    return JSONResponse(content, headers={"Cache-Control": "private, no-store"})


def _read(actor: Actor, chosen: CaseFilter, wanted: list[str]) -> dict[str, Layer]:
    on = i18n.today()
    found = {}
    with db.reading() as session:
        if CASES in wanted:
            found[CASES] = layers.cases(session, actor, chosen, on)
        if HARDSHIP in wanted:
            found[HARDSHIP] = layers.hardship(session, actor, chosen.village, on, overdue=chosen.overdue)
    return found


def said(found: dict[str, Layer], language: str) -> str:
    """How much of each layer is on the map, and why the rest is not."""
    with i18n.speaking(language):
        sentences = []
        if CASES in found:
            layer = found[CASES]
            sentences.append(_("{n} of {total} cases shown", n=layer.shown, total=layer.total))
        if HARDSHIP in found:
            layer = found[HARDSHIP]
            sentences.append(_("{n} of {total} hardship households shown", n=layer.shown, total=layer.total))
        if any(layer.is_cut for layer in found.values()):
            sentences.append(_("choose a village to see the rest"))
        elif any(layer.shown < layer.total for layer in found.values()):
            sentences.append(_("the others have no place yet"))
        return " · ".join(sentences)
