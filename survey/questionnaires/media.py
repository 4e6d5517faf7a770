"""Pictures, sounds and films that a questionnaire shows in its texts, as they were uploaded with it.

Owns who may see them. Refuses files of other kinds (choices belong into the
form, anything else is nothing to show) and what is no such file by its first bytes.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Session, col

from models import Questionnaire, QuestionnaireFile, QuestionnaireVersion, VersionState
from survey.access.permissions import Action, Actor, inside, service
from survey.problems import Problem
from survey.questionnaires import media_names

_BEGINNINGS: Final = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
}


@service(Action.VISITS_READ)
def names(session: Session, actor: Actor, form_id: str, version: str) -> frozenset[str]:
    """The names of a version's pictures, sounds and films."""
    found = session.execute(_files(actor, form_id, version, QuestionnaireFile.name)).scalars()
    return frozenset(name for name in found if media_names.media_type(name))


@service(Action.VISITS_READ)
def read(session: Session, actor: Actor, form_id: str, version: str, name: str) -> tuple[bytes, str]:
    """Content and media type of one of them; problem `access.not_found`."""
    content = session.execute(
        _files(actor, form_id, version, QuestionnaireFile.content).where(col(QuestionnaireFile.name) == name)
    ).scalar_one_or_none()
    media_type = media_names.media_type(name)
    if content is None or not media_type or not content.startswith(_BEGINNINGS.get(media_type, (b"",))):
        raise Problem("access.not_found")
    return content, media_type


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
