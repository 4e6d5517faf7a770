"""Which files a questionnaire can show in its texts, by their names.

Owns the kinds and their media types. Pure. https://docs.getodk.org/form-styling/#media
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

TYPES: Final = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "ogg": "audio/ogg",
    "wav": "audio/wav",
    "mp4": "video/mp4",
    "webm": "video/webm",
}
"""Media type by the ending of the name. No SVG: it can hold scripts."""


def file_name(reference: str) -> str:
    """The name of the file that a text of a form refers to.

    >>> file_name("jr://images/houses/brick.png"), file_name("brick.png")
    ('brick.png', 'brick.png')
    """
    return PurePosixPath(reference).name


def media_type(name: str) -> str:
    """The media type of a file by its name; empty for one that is not shown.

    >>> media_type("brick.PNG"), media_type("plan.svg")
    ('image/png', '')
    """
    return TYPES.get(PurePosixPath(name).suffix.lower().lstrip("."), "")
