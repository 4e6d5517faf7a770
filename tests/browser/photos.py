"""Photos as a tablet's camera makes them, for tests: of any size, turned, with time and place in them."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import TypedDict

from PIL import Image

_ORIENTATION, _EXIF, _GPS, _TAKEN = 0x0112, 0x8769, 0x8825, 0x9003
TURNED = 6


class Upload(TypedDict):
    """A file as Playwright puts it into an input."""

    name: str
    mimeType: str
    buffer: bytes


def a_photo(
    width: int,
    height: int,
    *,
    name: str = "IMG_0001.jpg",
    orientation: int = 1,
    taken: datetime | None = None,
    place: tuple[float, float] | None = None,
    quality: int = 80,
) -> Upload:
    """A noisy JPEG (noise hardly compresses), with EXIF as asked; its left half is dark."""
    image = Image.effect_noise((width, height), 60).convert("RGB")
    image.paste((20, 20, 20), (0, 0, width // 2, height))
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    if taken is not None:
        exif.get_ifd(_EXIF)[_TAKEN] = f"{taken:%Y:%m:%d %H:%M:%S}"
    if place is not None:
        exif.get_ifd(_GPS).update({1: "N", 2: _dms(place[0]), 3: "E", 4: _dms(place[1])})
    content = BytesIO()
    image.save(content, "JPEG", quality=quality, exif=exif)
    return {"name": name, "mimeType": "image/jpeg", "buffer": content.getvalue()}


def _dms(value: float) -> tuple[float, float, float]:
    degrees = int(value)
    minutes = int((value - degrees) * 60)
    return float(degrees), float(minutes), round((value - degrees) * 3600 - minutes * 60, 4)
