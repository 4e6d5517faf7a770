"""Published questionnaires: which exist, and their compiled definitions.

Owns the shipped questionnaires of `forms/` and their publishing, and the process's cache of parsed definitions (a
version never changes once published). Refuses to publish other content under a version that exists, and drafts: those
are in `authoring.py`. Who a version is for is in `audiences.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlmodel import Session, col, select

from models import Questionnaire, QuestionnaireArea, QuestionnairePost, QuestionnaireVersion, VersionState
from survey import i18n
from survey.access import audit
from survey.access.permissions import Action, Actor, service
from survey.problems import Problem
from survey.questionnaires import xform, xlsform

VISIT_FORM = "household_visit"
CONTACT_FORM = "hardship_contact"
_SHIPPED_FROM = date(2012, 1, 1)


@dataclass(frozen=True)
class VersionView:
    """A published version and the title it is shown under."""

    id: int
    form_id: str
    version: str
    title: str


@service(Action.QUESTIONNAIRES_PUBLISH)
def publish(
    session: Session, actor: Actor, source: str, *, title_en: str = "", valid_from: date
) -> VersionView:
    """Compile a questionnaire (XLSForm as markdown) and publish it as a version in force from that day.

    Publishing the same content again changes nothing; other content under the same version is the
    problem `questionnaire.version_exists`.
    """
    compiled = xlsform.compile_form(source)
    digest = hashlib.sha256(source.encode()).hexdigest()
    questionnaire = session.exec(
        select(Questionnaire).where(Questionnaire.form_id == compiled.form_id)
    ).one_or_none()
    if questionnaire is None:
        questionnaire = Questionnaire(form_id=compiled.form_id, title_zh=compiled.title, title_en=title_en)
        session.add(questionnaire)
        session.flush()
    assert questionnaire.id is not None
    existing = session.exec(
        select(QuestionnaireVersion).where(
            QuestionnaireVersion.questionnaire_id == questionnaire.id,
            QuestionnaireVersion.version == compiled.version,
        )
    ).one_or_none()
    if existing is not None:
        if existing.sha256 != digest:
            raise Problem("questionnaire.version_exists", form=compiled.form_id, version=compiled.version)
        return _view(existing, questionnaire)
    published = QuestionnaireVersion(
        questionnaire_id=questionnaire.id,
        version=compiled.version,
        source=source,
        xform=compiled.xform,
        sha256=digest,
        valid_from=valid_from,
    )
    session.add(published)
    session.flush()
    audit.append(
        session,
        actor,
        "questionnaire.publish",
        kind="questionnaire_version",
        id=published.id or "",
        details={"form": compiled.form_id, "version": compiled.version},
    )
    return _view(published, questionnaire)


@service(Action.QUESTIONNAIRES_PUBLISH)
def publish_shipped(session: Session, actor: Actor) -> tuple[VersionView, ...]:
    """Publish the questionnaires that the project ships, where they are not yet."""
    titles = {VISIT_FORM: "Household visit", CONTACT_FORM: "Hardship contact"}
    return tuple(
        publish(session, actor, source, title_en=titles.get(name, ""), valid_from=_SHIPPED_FROM)
        for name, source in shipped()
    )


def shipped() -> Iterator[tuple[str, str]]:
    """Form id and source of every questionnaire in `forms/`."""
    for path in sorted(files("survey.questionnaires").joinpath("forms").iterdir(), key=lambda p: p.name):
        if path.name.endswith(".md"):
            yield path.name.removesuffix(".md"), path.read_text(encoding="utf-8")


def current_version(session: Session, form_id: str, on: date) -> VersionView:
    """The shipped version of a form in force that day; problem `questionnaire.none_in_force`."""
    row = session.execute(
        sa.select(QuestionnaireVersion, Questionnaire)
        .join(Questionnaire, col(Questionnaire.id) == col(QuestionnaireVersion.questionnaire_id))
        .where(
            col(Questionnaire.form_id) == form_id,
            col(QuestionnaireVersion.state) == VersionState.PUBLISHED,
            col(QuestionnaireVersion.area_code).is_(None),
            col(QuestionnaireVersion.valid_from) <= on,
            sa.or_(
                col(QuestionnaireVersion.valid_until).is_(None), col(QuestionnaireVersion.valid_until) >= on
            ),
        )
        .order_by(col(QuestionnaireVersion.valid_from).desc(), col(QuestionnaireVersion.id).desc())
        .limit(1)
    ).first()
    if row is None:
        raise Problem("questionnaire.none_in_force", form=form_id)
    return _view(row[0], row[1])


def version_named(session: Session, form_id: str, version: str) -> VersionView:
    """The version a received filling names; problem `questionnaire.unknown_version`."""
    known = _published(session).by_name
    if (form_id, version) not in known:
        row = session.execute(
            sa.select(QuestionnaireVersion, Questionnaire)
            .join(Questionnaire, col(Questionnaire.id) == col(QuestionnaireVersion.questionnaire_id))
            .where(
                col(Questionnaire.form_id) == form_id,
                col(QuestionnaireVersion.version) == version,
                col(QuestionnaireVersion.state) != VersionState.DRAFT,
            )
        ).first()
        if row is None:
            raise Problem("questionnaire.unknown_version", form=form_id, version=version)
        known[form_id, version] = _view(row[0], row[1])
    return known[form_id, version]


def form_of(session: Session, version_id: int) -> xform.Form:
    """The definition of a published version, parsed once a process."""
    known = _published(session).forms
    if version_id not in known:
        row = session.get_one(QuestionnaireVersion, version_id)
        form = xform.parse_form(row.xform)
        if row.state is VersionState.DRAFT:
            # A draft that is thrown away may leave its number to another.
            return form
        known[version_id] = form
    return known[version_id]


def is_for_all(session: Session, version_id: int) -> bool:
    """Whether a published version is for every post in every area."""
    known = _published(session).for_all
    if version_id not in known:
        limits = [
            sa.exists().where(col(table.version_id) == version_id)
            for table in (QuestionnaireArea, QuestionnairePost)
        ]
        known[version_id] = not session.execute(sa.select(sa.or_(*limits))).scalar_one()
    return known[version_id]


@dataclass(frozen=True)
class _Published:
    """What a process has read of one store's published versions: they never change."""

    by_name: dict[tuple[str, str], VersionView]
    forms: dict[int, xform.Form]
    for_all: dict[int, bool]


_PUBLISHED: WeakKeyDictionary[object, _Published] = WeakKeyDictionary()


def _published(session: Session) -> _Published:
    return _PUBLISHED.setdefault(session.get_bind(), _Published({}, {}, {}))


def _view(version: QuestionnaireVersion, questionnaire: Questionnaire) -> VersionView:
    assert version.id is not None
    english = i18n.language() == "en" and questionnaire.title_en
    return VersionView(
        version.id,
        questionnaire.form_id,
        version.version,
        questionnaire.title_en if english else questionnaire.title_zh,
    )
