"""Pictures, sounds and films that a questionnaire shows in its texts, as they were uploaded with it.

Owns who may see them and under which media type they leave. Refuses files of other kinds (choices belong into the
form, anything else is nothing to show) and what is no such file by its first bytes.
https://docs.getodk.org/form-styling/#media
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Session, col

from models import Questionnaire, QuestionnaireFile, QuestionnaireVersion, VersionState
from survey.access.permissions import Action, Actor, inside, service
from survey.problems import Problem

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
_BEGINNINGS: Final = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
}


def file_name(reference: str) -> str:
    """The name of the file that a text of a form refers to.

    >>> file_name("jr://images/houses/brick.png"), file_name("brick.png")
    ('brick.png', 'brick.png')
    """
    return PurePosixPath(reference).name


def is_shown(name: str) -> bool:
    """Whether a file of this name is a picture, a sound or a film."""
    return _ending(name) in TYPES


@service(Action.VISITS_READ)
def names(session: Session, actor: Actor, form_id: str, version: str) -> frozenset[str]:
    """The names of a version's pictures, sounds and films."""
    found = session.execute(_files(actor, form_id, version, QuestionnaireFile.name)).scalars()
    return frozenset(name for name in found if is_shown(name))


@service(Action.VISITS_READ)
def read(session: Session, actor: Actor, form_id: str, version: str, name: str) -> tuple[bytes, str]:
    """Content and media type of one of them; problem `access.not_found`."""
    content = session.execute(
        _files(actor, form_id, version, QuestionnaireFile.content).where(col(QuestionnaireFile.name) == name)
    ).scalar_one_or_none()
    media_type = TYPES.get(_ending(name), "")
    if content is None or not media_type or not content.startswith(_BEGINNINGS.get(media_type, (b"",))):
        raise Problem("access.not_found")
    return content, media_type


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.lower().lstrip(".")


def _files(actor: Actor, form_id: str, version: str, column: Any) -> sa.Select[Any]:
    """The files of a version that is for all, for the actor's area, or of an office in it."""
    above = {
        prefix[:length] for prefix in actor.prefixes(Action.VISITS_READ) for length in range(len(prefix) + 1)
    }
    office = QuestionnaireVersion.area_code
    seen = sa.or_(
        col(office).is_(None), inside(actor, Action.VISITS_READ, office), col(office).in_(sorted(above))
    )
    own = inside(actor, Action.QUESTIONNAIRES_PUBLISH, office)
    files: sa.Select[Any] = (
        sa.select(column)
        .select_from(QuestionnaireFile)
        .join(QuestionnaireVersion, col(QuestionnaireVersion.id) == col(QuestionnaireFile.version_id))
        .join(Questionnaire, col(Questionnaire.id) == col(QuestionnaireVersion.questionnaire_id))
        .where(
            col(Questionnaire.form_id) == form_id,
            col(QuestionnaireVersion.version) == version,
            sa.or_(own, sa.and_(col(QuestionnaireVersion.state) != VersionState.DRAFT, seen)),
        )
    )
    return files
