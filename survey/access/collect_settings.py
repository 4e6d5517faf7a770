"""The settings of ODK Collect as its QR code carries them: server, device, token, and how forms are kept.

Owns which settings a device is given. Pure. What the code does not name, Collect sets to its default.
https://docs.getodk.org/collect-import-export/
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

from survey.access.devices import Issued
from survey.access.permissions import Actor

PATH = "/openrosa"
_COLOR = "#9b2c1f"


def of(issued: Issued, owner: Actor, server: str) -> dict[str, Any]:
    """The settings of a new device; `server` is the address of this server, such as `https://minqing.example`."""
    return {
        "general": {
            "server_url": f"{server.rstrip('/')}{PATH}",
            "username": issued.device.id,
            "password": issued.token,
            "form_update_mode": "match_exactly",
            "autosend": "wifi_and_cellular",
            "image_size": "large",
            "metadata_username": owner.username,
            "app_language": owner.language,
            "analytics": False,
        },
        "admin": {},
        "project": {"name": f"民情 {issued.device.name}", "icon": "民", "color": _COLOR},
    }


def encoded(settings: dict[str, Any]) -> str:
    """The text of the QR code: JSON, compressed by zlib, in Base64."""
    text = json.dumps(settings, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode("ascii")
