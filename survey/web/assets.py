"""Static files served from this machine: Leaflet and its cluster plugin from their packages, and the own ones.

Owns `/assets/leaflet/…`, `/assets/markercluster/…` and `/assets/own/…`, and how long browsers keep them: for ever where
the address names the content (`?v=…`), a day with a check by `ETag` otherwise. Refuses everything outside these folders.
"""

from __future__ import annotations

from pathlib import Path

from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send
from xstatic.pkg import leaflet, leaflet_markercluster

from survey.web.templates import STATIC

_FOR_EVER = b"public, max-age=31536000, immutable"
_A_DAY = b"public, max-age=86400"


class KeptFiles(StaticFiles):
    """Static files that browsers keep."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kept = _FOR_EVER if b"v=" in scope["query_string"] else _A_DAY

        async def with_age(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in (200, 304):
                message["headers"] = [*message["headers"], (b"cache-control", kept)]
            await send(message)

        await super().__call__(scope, receive, with_age)


def mounts() -> list[Mount]:
    """One mount a folder."""
    folders = {
        "leaflet": Path(leaflet.BASE_DIR),
        "markercluster": Path(leaflet_markercluster.BASE_DIR),
        "own": STATIC,
    }
    return [Mount(f"/assets/{name}", KeptFiles(directory=folder)) for name, folder in folders.items()]
