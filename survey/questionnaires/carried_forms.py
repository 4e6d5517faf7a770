"""The forms a device carries: published versions its owner may begin somewhere in his area, as a device fills them in.

Owns which versions those are, the files that belong to one (pictures in its texts), and their MD5 as OpenRosa wants
them. Refuses by Problem `access.not_found` a version that is not among them. A form without a household is not carried:
a filling of it could not be accepted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from models import (
    Posting,
    Questionnaire,
    QuestionnaireArea,
    QuestionnaireFile,
    QuestionnairePost,
    QuestionnaireVersion,
    VersionState,
)
from survey import i18n
from survey.access.permissions import Action, Actor, service
from survey.i18n import gettext as _
from survey.problems import Problem
from survey.questionnaires import device_forms, library
from survey.questionnaires.device_forms import HOUSEHOLD_ID


@dataclass(frozen=True)
class CarriedForm:
    """One form with its XForm as a device fills it in, in the actor's language."""

    version_id: int
    form_id: str
    version: str
    title: str
    xform: str

    @property
    def md5(self) -> str:
        """The MD5 of the file, by which a client knows that it changed; no protection against anything."""
        return md5_of(self.xform.encode())


@dataclass(frozen=True)
class CarriedFile:
    """A picture, sound or film in a form's texts."""

    name: str
    content: bytes
    md5: str


def md5_of(content: bytes) -> str:
    """The MD5 of a content, as hex digits."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@service(Action.VISITS_RECORD)
def forms(
    session: Session, actor: Actor, on: date, keyed: Mapping[str, str], form_id: str | None = None
) -> tuple[CarriedForm, ...]:
    """The forms the actor may begin that day, the latest version of each, by title.

    `keyed` names of each list by household the column that holds it (see `device_forms.for_device`).
    """
    latest: dict[str, Any] = {}
    for row in session.execute(_versions(actor, on, form_id)):
        latest.setdefault(row.form_id, row)
    carried = [form for row in latest.values() if (form := _carried(session, row, keyed)) is not None]
    return tuple(sorted(carried, key=lambda form: (form.title, form.form_id)))


@service(Action.VISITS_RECORD)
def form(
    session: Session, actor: Actor, form_id: str, version: str, on: date, keyed: Mapping[str, str]
) -> CarriedForm:
    """One of these forms; problem `access.not_found` for a version that is not, or no longer, the actor's to begin."""
    for carried in forms(session, actor, on, keyed, form_id):
        if carried.version == version:
            return carried
    raise Problem("access.not_found")


@service(Action.VISITS_RECORD)
def files(
    session: Session, actor: Actor, form_id: str, version: str, on: date, keyed: Mapping[str, str]
) -> tuple[CarriedForm, tuple[CarriedFile, ...]]:
    """A form and the files it shows in its texts; lists of choices are in the form itself."""
    carried = form(session, actor, form_id, version, on, keyed)
    rows = session.execute(
        sa.select(QuestionnaireFile.name, QuestionnaireFile.content)  # type: ignore[call-overload]
        .where(col(QuestionnaireFile.version_id) == carried.version_id)
        .order_by(col(QuestionnaireFile.name))
    )
    shown = [row for row in rows if _is_shown(carried.xform, row.name)]
    return carried, tuple(CarriedFile(row.name, row.content, md5_of(row.content)) for row in shown)


def _is_shown(xform: str, name: str) -> bool:
    return any(f"jr://{kind}/{name}<" in xform for kind in ("images", "audio", "video"))


def _carried(session: Session, row: Any, keyed: Mapping[str, str]) -> CarriedForm | None:
    definition = library.form_of(session, row.id)
    household = definition.root.by_name.get(HOUSEHOLD_ID)
    if household is None:
        return None
    text = session.execute(
        sa.select(QuestionnaireVersion.xform).where(col(QuestionnaireVersion.id) == row.id)  # type: ignore[call-overload]
    ).scalar_one()
    english = i18n.language() == "en" and row.title_en
    return CarriedForm(
        row.id,
        row.form_id,
        row.version,
        row.title_en if english else row.title_zh,
        device_forms.for_device(
            text,
            definition.root.local,
            keyed=keyed,
            question=_("Which household?"),
            language=definition.language(i18n.language()),
            asks=household.question is None,
        ),
    )


def _versions(actor: Actor, on: date, form_id: str | None) -> sa.Select[Any]:
    """Published versions in force that day for one of the actor's posts and a part of his area, the latest first."""
    version = QuestionnaireVersion
    query: sa.Select[Any] = (
        sa.select(  # type: ignore[call-overload]
            version.id, version.version, Questionnaire.form_id, Questionnaire.title_zh, Questionnaire.title_en
        )
        .join(Questionnaire, col(Questionnaire.id) == col(version.questionnaire_id))
        .where(
            col(version.state) == VersionState.PUBLISHED,
            col(version.valid_from) <= on,
            sa.or_(col(version.valid_until).is_(None), col(version.valid_until) >= on),
            _for_posts(actor, on),
            _for_areas(actor),
        )
        .order_by(col(Questionnaire.form_id), col(version.valid_from).desc(), col(version.id).desc())
    )
    return query if form_id is None else query.where(col(Questionnaire.form_id) == form_id)


def _for_posts(actor: Actor, on: date) -> sa.ColumnElement[bool]:
    meant = col(QuestionnairePost.version_id) == col(QuestionnaireVersion.id)
    held = sa.exists().where(
        meant,
        col(Posting.post) == col(QuestionnairePost.post),
        col(Posting.cadre_id) == actor.cadre_id,
        col(Posting.starts_on) <= on,
        sa.or_(col(Posting.ends_on).is_(None), col(Posting.ends_on) >= on),
    )
    return sa.or_(~sa.exists().where(meant), held)


def _for_areas(actor: Actor) -> sa.ColumnElement[bool]:
    """For everywhere, for an area inside the actor's, or for one around it."""
    meant = col(QuestionnaireArea.version_id) == col(QuestionnaireVersion.id)
    code = col(QuestionnaireArea.area_code)
    touching = [
        sa.or_(code.startswith(prefix, autoescape=True), sa.literal(prefix).startswith(code))
        for prefix in actor.prefixes(Action.VISITS_RECORD)
    ]
    return sa.or_(~sa.exists().where(meant), sa.exists().where(meant, sa.or_(sa.false(), *touching)))
