"""Files that come after a filling or with it: photos, recordings and documents of a submission handed in by a device.

A device sends a filling whole and its files beside it, in one post or in several. Owns matching each to the question
that names it, and keeping it: a photo as `attachments` keeps photos, another file as it is, encrypted piece by piece. A
photo that no question names is kept with the submission all the same and told, so that nothing is lost and nothing stays
stuck on a tablet. Refuses names that are paths, what is no photo where one is asked for, kinds of files nobody needs, and
other content under a name that was received.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any, Final

import sqlalchemy as sa
from sqlmodel import Session, col

from models import Attachment, Submission
from survey import i18n
from survey.access.permissions import Action, Actor, service
from survey.problems import Problem
from survey.questionnaires import attachment_files, attachments, drafts, file_answers, library, tree
from survey.questionnaires.definitions import Field, Form

NO_QUESTION: Final = ""
"""The question of a photo that none names."""
_LONGEST_NAME = 120
_PIECE_BYTES = 65_536
_KINDS: Final = {
    "audio": frozenset({"m4a", "mp3", "ogg", "oga", "wav", "amr", "aac", "3gp", "3gpp", "flac"}),
    "video": frozenset({"mp4", "3gp", "3gpp", "webm", "mov", "mkv"}),
    "file": frozenset(file_answers.TYPES),
}


@dataclass(frozen=True)
class DeliveredFile:
    """A file as it came in: the name the filling calls it by, and where to read it."""

    name: str
    content: IO[bytes]


@dataclass(frozen=True)
class Delivered:
    """What became of a submission's files: those still missing, those no question names."""

    missing: tuple[str, ...]
    stray: tuple[str, ...]


@dataclass(frozen=True)
class _Named:
    """A file that a filling names: where, under which question."""

    ref: str
    field: Field
    title: str


@service(Action.VISITS_RECORD)
def attach(session: Session, actor: Actor, instance_id: str, files: Sequence[DeliveredFile]) -> Delivered:
    """Keep files of one's own submission; one that is there already changes nothing.

    Problems `access.not_found`, `attachment.bad_name`, `attachment.not_image`, `attachment.too_large`,
    `attachment.file_type`, `attachment.disk_full`, `openrosa.other_file`.
    """
    row = session.execute(
        sa.select(Submission.version_id, Submission.area_code, Submission.payload).where(  # type: ignore[call-overload]
            col(Submission.instance_id) == instance_id, col(Submission.cadre_id) == drafts.owner(actor)
        )
    ).one_or_none()
    if row is None:
        raise Problem("access.not_found")
    form = library.form_of(session, row.version_id)
    if not files and not takes_files(form):
        return Delivered((), ())
    named = _named(form, row.payload) if row.payload is not None else {}
    present = sa.select(Attachment.name, Attachment.sha256).where(  # type: ignore[call-overload]
        col(Attachment.instance_id) == instance_id
    )
    kept: dict[str, str] = {found.name: found.sha256 for found in session.execute(present)}
    for file in files:
        if not attachments.is_name(file.name):
            raise Problem("attachment.bad_name", question="—", name=file.name[:_LONGEST_NAME])
        facts = {
            "instance_id": instance_id,
            "name": file.name,
            "cadre_id": drafts.owner(actor),
            "area_code": row.area_code,
        }
        attachment = _prepared(session, facts, file, named.get(file.name))
        if kept.get(file.name, attachment.sha256) != attachment.sha256:
            raise Problem("openrosa.other_file", name=file.name)
        if file.name not in kept:
            session.add(attachment)
            kept[file.name] = attachment.sha256
    session.flush()
    return Delivered(
        tuple(name for name in named if name not in kept),
        tuple(file.name for file in files if file.name not in named),
    )


def takes_files(form: Form) -> bool:
    """Whether any question of the form is answered with a file."""
    return any(field.bind.type == "binary" for field in form.fields.values())


def _named(form: Form, payload: str) -> dict[str, _Named]:
    """Every file a filling names, in its order."""
    root = tree.parse(payload).elements()[0]
    return {name: named for name, named in _named_below(form, root, form.root, f"/{form.root.local}") if name}


def _named_below(form: Form, node: tree.Node, field: Field, ref: str) -> Iterator[tuple[str, _Named]]:
    if field.bind.type == "binary":
        yield node.text().strip(), _Named(ref, field, _title(form, field))
    count: dict[str, int] = {}
    for child in node.elements():
        below = field.by_name.get(child.local)
        if below is not None:
            number = count[child.local] = count.get(child.local, 0) + 1
            place = f"[{number}]" if below.repeat is not None else ""
            yield from _named_below(form, child, below, f"{ref}/{child.local}{place}")


def _title(form: Form, field: Field) -> str:
    """What the question is called, in the language in force."""
    label = field.question.label if field.question is not None else None
    parts = label.parts(form.language(i18n.language())) if label is not None else ()
    return "".join(part for part in parts if isinstance(part, str)) or field.local


def _prepared(
    session: Session, facts: dict[str, Any], file: DeliveredFile, named: _Named | None
) -> Attachment:
    """The row of a file whose content is kept; what is no photo is not kept without a question."""
    kind = named.field.question.type if named is not None and named.field.question is not None else "image"
    if kind in _KINDS:
        assert named is not None
        return _as_it_is(session, facts, file, named, kind)
    return _as_photo(session, facts, file, named)


def _as_photo(
    session: Session, facts: dict[str, Any], file: DeliveredFile, named: _Named | None
) -> Attachment:
    title = named.title if named else "—"
    if file.content.seek(0, os.SEEK_END) > attachments.MOST_BYTES:
        size_mb = file.content.tell() // 1024 // 1024
        raise Problem("attachment.too_large", question=title, name=file.name, size_mb=size_mb)
    file.content.seek(0)
    photo = attachments.cleaned(title, file.name, file.content)
    digest = hashlib.sha256(photo.content).hexdigest()
    attachment_files.write(session, digest, photo.content)
    return Attachment(
        **facts,
        question=named.ref if named else NO_QUESTION,
        sha256=digest,
        media_type="image/jpeg",
        size_bytes=len(photo.content),
        width_px=photo.width_px,
        height_px=photo.height_px,
        taken_at=photo.taken_at,
        lat=photo.lat,
        lon=photo.lon,
    )


def _as_it_is(
    session: Session, facts: dict[str, Any], file: DeliveredFile, named: _Named, kind: str
) -> Attachment:
    if PurePosixPath(file.name).suffix.lower().lstrip(".") not in _KINDS[kind]:
        raise Problem("attachment.file_type", name=file.name, known=", ".join(sorted(_KINDS[kind])))
    digest, size = hashlib.sha256(), 0
    while piece := file.content.read(_PIECE_BYTES):
        digest.update(piece)
        size += len(piece)
    file.content.seek(0)
    attachment_files.write_file(session, digest.hexdigest(), file.content)
    return Attachment(
        **facts,
        question=named.ref,
        sha256=digest.hexdigest(),
        media_type="application/octet-stream",
        size_bytes=size,
    )
