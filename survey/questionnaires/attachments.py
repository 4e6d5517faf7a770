"""Photos of a filling: checked, stripped, encrypted, stored once by content.

Owns the `Attachment` rows; the files are kept by `survey.questionnaires.attachment_files`. A photo is decoded and
encoded again, so that nothing hidden in the file survives; what is worth keeping (time and place of taking) is kept as
fields. Refuses what is no image, is too large or is named by a path, with the question it was given to.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import IO

import sqlalchemy as sa
from PIL import Image, ImageOps, UnidentifiedImageError
from sqlmodel import Session, col, select

from models import Attachment, Draft, Household, Submission
from survey import i18n
from survey.access.permissions import Action, Actor, inside, service
from survey.problems import Problem
from survey.questionnaires import attachment_files, differences, drafts, library

LONGEST_SIDE_PX = 1600
MOST_BYTES = 12 * 1024 * 1024
_MOST_PIXELS = 60_000_000
_JPEG_QUALITY = 82
_LONGEST_NAME = 120
_EXIF_TAKEN, _EXIF_OFFSET, _EXIF_IFD, _GPS_IFD = 0x9003, 0x9011, 0x8769, 0x8825


@dataclass(frozen=True)
class AttachmentView:
    """A stored photo; `name` is what the filling calls it."""

    id: str
    instance_id: str
    question: str
    name: str
    size_bytes: int
    width_px: int | None
    height_px: int | None
    taken_at: datetime | None


@dataclass(frozen=True)
class Photo:
    """A photo as it is kept, with what was worth keeping of what it said about itself."""

    content: bytes
    width_px: int
    height_px: int
    taken_at: datetime | None
    lat: float | None
    lon: float | None


@service(Action.VISITS_RECORD)
def store(
    session: Session,
    actor: Actor,
    instance_id: str,
    question: str,
    name: str,
    content: bytes,
    *,
    taken_at: datetime | None = None,
    place: tuple[float, float] | None = None,
) -> AttachmentView:
    """Keep a photo of one's own draft; the same name again replaces it.

    `taken_at` and `place` (lat, lon, WGS84) are what the browser read before it reduced the photo. Problems
    `attachment.bad_name`, `attachment.not_image`, `attachment.too_large`, `attachment.disk_full`.
    """
    draft = drafts.load(session, actor, instance_id)
    title = differences.title(
        library.form_of(session, draft.version_id), question.rpartition("/")[2].partition("[")[0]
    )
    if not is_name(name):
        raise Problem("attachment.bad_name", question=title, name=name[:_LONGEST_NAME])
    if len(content) > MOST_BYTES:
        raise Problem("attachment.too_large", question=title, name=name, size_mb=len(content) // 1024 // 1024)
    photo = cleaned(title, name, BytesIO(content))
    digest = hashlib.sha256(photo.content).hexdigest()
    attachment_files.write(session, digest, photo.content)
    attachment_files.let_go(session, _named(instance_id, name))
    lat, lon = place or (photo.lat, photo.lon)
    row = Attachment(
        instance_id=instance_id,
        question=question,
        name=name,
        sha256=digest,
        media_type="image/jpeg",
        size_bytes=len(photo.content),
        width_px=photo.width_px,
        height_px=photo.height_px,
        cadre_id=drafts.owner(actor),
        area_code=session.execute(
            sa.select(Draft.area_code).where(col(Draft.instance_id) == draft.instance_id)  # type: ignore[call-overload]
        ).scalar_one(),
        taken_at=taken_at or photo.taken_at,
        lat=lat,
        lon=lon,
    )
    session.add(row)
    session.flush()
    return _view(row)


@service(Action.VISITS_RECORD)
def remove(session: Session, actor: Actor, instance_id: str, name: str) -> None:
    """Take a photo out of one's own draft, with its file where no other filling has the same."""
    drafts.load(session, actor, instance_id)
    attachment_files.let_go(session, _named(instance_id, name))


@service(Action.VISITS_READ)
def of_instance(session: Session, actor: Actor, instance_id: str) -> tuple[AttachmentView, ...]:
    """The photos of a filling in the actor's area, or of one's own draft."""
    rows = session.exec(
        select(Attachment)
        .where(Attachment.instance_id == instance_id, _readable(actor))
        .order_by(col(Attachment.stored_at))
    )
    return tuple(_view(row) for row in rows)


@service(Action.VISITS_READ)
def read(session: Session, actor: Actor, attachment_id: str) -> tuple[bytes, str]:
    """Content and media type of a photo in the actor's area, or of one's own draft."""
    row = session.exec(
        select(Attachment).where(Attachment.id == attachment_id, _readable(actor))
    ).one_or_none()
    if row is None:
        raise Problem("access.not_found")
    return attachment_files.content_of(row.sha256), row.media_type


def is_name(name: str) -> bool:
    """Whether a text may name an attachment: no path, nothing hidden, nothing that is not seen.

    >>> is_name("photo-1.jpg"), is_name("../photo-1.jpg"), is_name(".htaccess")
    (True, False, False)
    """
    return (
        0 < len(name) <= _LONGEST_NAME
        and not name.startswith(".")
        and name.isprintable()
        and not any(character in name for character in "/\\")
    )


def _named(instance_id: str, name: str) -> sa.ColumnElement[bool]:
    return sa.and_(col(Attachment.instance_id) == instance_id, col(Attachment.name) == name)


def _readable(actor: Actor) -> sa.ColumnElement[bool]:
    """One's own until they are handed in; from then on where the household lives now, as with its visits."""
    submitted = sa.select(col(Submission.instance_id)).where(
        col(Submission.instance_id) == col(Attachment.instance_id)
    )
    place = sa.func.coalesce(col(Household.area_code), col(Submission.area_code))
    here = submitted.outerjoin(Household, col(Household.id) == col(Submission.household_id)).where(
        inside(actor, Action.VISITS_READ, place)
    )
    return sa.or_(
        sa.and_(~submitted.exists(), col(Attachment.cadre_id) == actor.cadre_id),
        here.exists(),
    )


def cleaned(title: str, name: str, content: IO[bytes]) -> Photo:
    """A photo of the question of that title, decoded and encoded again in the size photos are kept in.

    It is read as it is decoded. Problems `attachment.not_image`, `attachment.too_large`.
    """
    try:
        with Image.open(content) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                size_mb = content.seek(0, os.SEEK_END) // 1024 // 1024
                raise Problem("attachment.too_large", question=title, name=name, size_mb=size_mb)
            opened.draft("RGB", (LONGEST_SIDE_PX, LONGEST_SIDE_PX))  # a JPEG is decoded no larger than needed
            taken_at, lat, lon = _metadata(opened)
            image = ImageOps.exif_transpose(opened).convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Problem("attachment.not_image", question=title, name=name) from error
    image.thumbnail((LONGEST_SIDE_PX, LONGEST_SIDE_PX))
    encoded = BytesIO()
    image.save(encoded, "JPEG", quality=_JPEG_QUALITY)
    return Photo(encoded.getvalue(), image.width, image.height, taken_at, lat, lon)


def _metadata(image: Image.Image) -> tuple[datetime | None, float | None, float | None]:
    exif = image.getexif()
    details, gps = exif.get_ifd(_EXIF_IFD), exif.get_ifd(_GPS_IFD)
    lat, lon = _degrees(gps.get(2), gps.get(1)), _degrees(gps.get(4), gps.get(3))
    return _taken_at(details.get(_EXIF_TAKEN), details.get(_EXIF_OFFSET)), lat, lon


def _taken_at(text: object, offset: object) -> datetime | None:
    """EXIF 2.32: local time `YYYY:MM:DD HH:MM:SS`; without an offset the township's clock is meant."""
    try:
        taken = datetime.strptime(f"{text}", "%Y:%m:%d %H:%M:%S")
        zone = datetime.strptime(f"{offset}", "%z").tzinfo if offset else i18n.TIMEZONE
    except ValueError:
        return None
    return taken.replace(tzinfo=zone)


def _degrees(parts: object, hemisphere: object) -> float | None:
    if not isinstance(parts, tuple) or len(parts) != 3:
        return None
    degrees, minutes, seconds = (float(part) for part in parts)
    value = degrees + minutes / 60 + seconds / 3600
    return -value if hemisphere in ("S", "W") else value


def _view(row: Attachment) -> AttachmentView:
    return AttachmentView(
        row.id,
        row.instance_id,
        row.question,
        row.name,
        row.size_bytes,
        row.width_px,
        row.height_px,
        row.taken_at,
    )
