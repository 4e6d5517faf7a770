"""A township's own questionnaires: checked, kept as a draft, tried, published, ended, withdrawn.

Owns the life of a version: a draft may be replaced and thrown away, a published version never changes (the database
refuses it too), only its last day may move and it may be withdrawn. Versions belong to the office that uploaded them
and are seen by the offices of its area. Refuses other content under a published version, another office's form id,
and an audience outside the actor's area.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from models import (
    HouseholdsDue,
    Post,
    Questionnaire,
    QuestionnaireArea,
    QuestionnaireFile,
    QuestionnairePost,
    QuestionnaireVersion,
    Submission,
    VersionState,
)
from survey import i18n
from survey.access import audit
from survey.access.permissions import ALLOWED, ROLE_OF_POST, Action, Actor, inside, require, service
from survey.areas import register
from survey.problems import Problem
from survey.questionnaires import choice_files, conversion, library, registry, workbook_writing, xform
from survey.questionnaires.context import Context
from survey.questionnaires.conversion import Authored, Checked
from survey.questionnaires.engine import Instance
from survey.questionnaires.findings import Finding, in_order
from survey.questionnaires.form_checks import Surroundings

__all__ = [
    "HouseholdsDue",
    "Post",
    "Publication",
    "Version",
    "VersionState",
    "check",
    "discard",
    "fillers",
    "form",
    "keep",
    "publish",
    "set_last_day",
    "trial",
    "version",
    "versions",
    "withdraw",
    "workbook",
]


@dataclass(frozen=True)
class Version:
    """A version as the office sees it; `received` counts the fillings in the actor's area."""

    id: int
    form_id: str
    version: str
    title: str
    state: VersionState
    valid_from: date
    valid_until: date | None
    due: HouseholdsDue
    area_code: str | None
    area_codes: tuple[str, ...]
    posts: tuple[Post, ...]
    published_at: datetime
    source_name: str
    received: int

    @property
    def is_own(self) -> bool:
        """Whether it belongs to an office, and is not shipped with the program."""
        return self.area_code is not None


@dataclass(frozen=True)
class Publication:
    """With what a draft is published: its days, the posts and areas it is for, the households to be asked."""

    valid_from: date
    valid_until: date | None
    area_codes: tuple[str, ...]
    posts: tuple[Post, ...]
    due: HouseholdsDue = HouseholdsDue.NOBODY


def fillers() -> tuple[Post, ...]:
    """The posts that fill in questionnaires."""
    return tuple(post for post in Post if Action.VISITS_RECORD in ALLOWED[ROLE_OF_POST[post]])


@service(Action.QUESTIONNAIRES_PUBLISH)
def check(session: Session, actor: Actor, authored: Authored, *, on: date) -> Checked:  # noqa: ARG001
    """Check and compile a file; nothing is kept."""
    files = choice_files.named(list(authored.files))
    known = Surroundings(registry.writable(), registry.readable(), files)
    checked = conversion.convert(authored, known, on=on)
    if checked.usable and checked.form_id == library.VISIT_FORM:
        lists = {entity.list_name for entity in xform.parse_form(checked.xform).entities}
        if "visits" not in lists:
            no_visit = Finding("authoring.no_visit", sheet="settings", row=2, column="form_id")
            return replace(checked, findings=in_order([*checked.findings, no_visit]))
    return checked


@service(Action.QUESTIONNAIRES_PUBLISH)
def keep(session: Session, actor: Actor, authored: Authored, checked: Checked, *, now: datetime) -> Version:
    """Keep a checked file as a draft, in the place of an earlier draft of the same version."""
    if not checked.usable:
        raise Problem("authoring.has_errors")
    owner = _owner(actor)
    questionnaire = _questionnaire(session, actor, checked)
    _replace_draft(session, actor, questionnaire, checked.version)
    row = QuestionnaireVersion(
        questionnaire_id=questionnaire.id or 0,
        version=checked.version,
        source="",
        xform=checked.xform,
        sha256=authored.sha256,
        published_at=now,
        valid_from=i18n.local(now).date(),
        state=VersionState.DRAFT,
        area_code=owner,
        cadre_id=actor.cadre_id,
        source_name=authored.name[-200:],
        source_file=authored.content,
    )
    session.add(row)
    session.flush()
    assert row.id is not None
    for name, content in authored.files.items():
        digest = Authored(name, content).sha256
        session.add(QuestionnaireFile(version_id=row.id, name=name[-200:], content=content, sha256=digest))
    _audit(session, actor, "questionnaire.upload", row, questionnaire)
    return version(session, actor, row.id)


@service(Action.QUESTIONNAIRES_PUBLISH)
def versions(session: Session, actor: Actor) -> tuple[Version, ...]:
    """The versions the actor's office sees: the shipped ones and those of offices of its area; the latest first."""
    rows = session.execute(_visible(actor)).all()
    ids = [row.id for row in rows]
    counts = _counts(session, actor, ids)
    areas = _many(session, QuestionnaireArea.version_id, QuestionnaireArea.area_code, ids)
    posts = _many(session, QuestionnairePost.version_id, QuestionnairePost.post, ids)
    return tuple(
        Version(
            row.id,
            row.form_id,
            row.version,
            _title(session, row),
            row.state,
            row.valid_from,
            row.valid_until,
            row.due,
            row.area_code,
            tuple(areas.get(row.id, ())),
            tuple(Post(post) for post in posts.get(row.id, ())),
            row.published_at,
            row.source_name,
            counts.get(row.id, 0),
        )
        for row in rows
    )


@service(Action.QUESTIONNAIRES_PUBLISH)
def version(session: Session, actor: Actor, version_id: int) -> Version:
    """One version; problem `access.not_found` where the actor's office does not see it."""
    found = next((seen for seen in versions(session, actor) if seen.id == version_id), None)
    if found is None:
        raise Problem("access.not_found")
    return found


@service(Action.QUESTIONNAIRES_PUBLISH)
def publish(
    session: Session, actor: Actor, version_id: int, publication: Publication, *, now: datetime
) -> Version:
    """Publish a draft: from then on it never changes, and cadres of the posts and areas see it."""
    row, questionnaire = _own(session, actor, version_id)
    if row.state is not VersionState.DRAFT:
        raise Problem("authoring.not_draft")
    _check_publication(session, actor, publication)
    for area_code in publication.area_codes:
        session.add(QuestionnaireArea(version_id=version_id, area_code=area_code))
    for post in publication.posts:
        session.add(QuestionnairePost(version_id=version_id, post=post))
    row.valid_from, row.valid_until = publication.valid_from, publication.valid_until
    row.due, row.published_at, row.state = publication.due, now, VersionState.PUBLISHED
    if not session.execute(sa.select(_shipped(questionnaire))).scalar_one():
        questionnaire.title_zh = library.form_of(session, version_id).title
    session.flush()
    _audit(session, actor, "questionnaire.publish", row, questionnaire)
    return version(session, actor, version_id)


@service(Action.QUESTIONNAIRES_PUBLISH)
def set_last_day(session: Session, actor: Actor, version_id: int, valid_until: date | None) -> Version:
    """Move the last day on which a published version is begun."""
    row, questionnaire = _own(session, actor, version_id)
    if row.state is not VersionState.PUBLISHED:
        raise Problem("access.not_found")
    if valid_until is not None and valid_until < row.valid_from:
        raise Problem("authoring.dates")
    row.valid_until = valid_until
    session.flush()
    _audit(session, actor, "questionnaire.set_last_day", row, questionnaire)
    return version(session, actor, version_id)


@service(Action.QUESTIONNAIRES_PUBLISH)
def withdraw(session: Session, actor: Actor, version_id: int, *, now: datetime) -> None:
    """Offer a published version no more; what was begun with it is still accepted, its answers stay."""
    row, questionnaire = _own(session, actor, version_id)
    if row.state is VersionState.DRAFT:
        raise Problem("access.not_found")
    if row.state is VersionState.PUBLISHED:
        row.state, row.withdrawn_at = VersionState.WITHDRAWN, now
        session.flush()
        _audit(session, actor, "questionnaire.withdraw", row, questionnaire)


@service(Action.QUESTIONNAIRES_PUBLISH)
def discard(session: Session, actor: Actor, version_id: int) -> None:
    """Throw a draft away."""
    row, questionnaire = _own(session, actor, version_id)
    if row.state is not VersionState.DRAFT:
        raise Problem("authoring.not_draft")
    _audit(session, actor, "questionnaire.discard", row, questionnaire)
    _delete_draft(session, row)


@service(Action.QUESTIONNAIRES_PUBLISH)
def workbook(session: Session, actor: Actor, version_id: int) -> tuple[str, bytes]:
    """A version as a workbook to work on: its file name and content; the very file where it was uploaded as .xlsx."""
    seen = version(session, actor, version_id)
    row = session.get_one(QuestionnaireVersion, version_id)
    name = f"{seen.form_id}-{seen.version}.xlsx"
    if row.source_file is not None:
        return name, workbook_writing.from_file(row.source_file, row.source_name)
    return name, workbook_writing.from_file(row.source.encode(), "source.md")


@service(Action.QUESTIONNAIRES_PUBLISH)
def form(session: Session, actor: Actor, version_id: int) -> xform.Form:
    """The definition of a version the actor's office sees, drafts too: to try and to compare it."""
    version(session, actor, version_id)
    return library.form_of(session, version_id)


@service(Action.QUESTIONNAIRES_PUBLISH)
def trial(session: Session, actor: Actor, version_id: int, payload: str, *, now: datetime) -> Instance:
    """A filling to try a version with: begun where `payload` is empty, else continued. It belongs to no household, and
    nothing of it is written anywhere."""
    definition = form(session, actor, version_id)
    subject = registry.Subject(None, i18n.local(now).date())
    lists = registry.lists_for(session, actor, tuple(definition.externals), subject)
    context = Context(
        language=i18n.language(),
        now=lambda: now,
        timezone=i18n.TIMEZONE,
        username=actor.username,
        lists=lists,
    )
    if payload:
        return Instance.load(definition, payload, context)
    return Instance.new(definition, context)


# -- the rows ----------------------------------------------------------------------------------------


def _owner(actor: Actor) -> str | None:
    """The area of the actor's office; none for the operator of the machine."""
    prefixes = actor.prefixes(Action.QUESTIONNAIRES_PUBLISH)
    return prefixes[0] or None


def _questionnaire(session: Session, actor: Actor, checked: Checked) -> Questionnaire:
    """The questionnaire of a form id: a new one, a shipped one, or one of the actor's own area."""
    found = session.exec(select(Questionnaire).where(Questionnaire.form_id == checked.form_id)).one_or_none()
    if found is None:
        found = Questionnaire(form_id=checked.form_id[:80], title_zh=checked.title)
        session.add(found)
        session.flush()
        return found
    foreign = sa.exists().where(
        col(QuestionnaireVersion.questionnaire_id) == found.id,
        col(QuestionnaireVersion.area_code).is_not(None),
        ~inside(actor, Action.QUESTIONNAIRES_PUBLISH, QuestionnaireVersion.area_code),
    )
    if session.execute(sa.select(sa.and_(foreign, ~_shipped(found)))).scalar_one():
        raise Problem("authoring.taken", form=checked.form_id)
    return found


def _shipped(questionnaire: Questionnaire) -> sa.Exists:
    """The predicate that a questionnaire comes with the program, and with its title."""
    return sa.exists().where(
        col(QuestionnaireVersion.questionnaire_id) == questionnaire.id,
        col(QuestionnaireVersion.area_code).is_(None),
    )


def _replace_draft(session: Session, actor: Actor, questionnaire: Questionnaire, name: str) -> None:
    existing = session.exec(
        select(QuestionnaireVersion).where(
            QuestionnaireVersion.questionnaire_id == questionnaire.id, QuestionnaireVersion.version == name
        )
    ).one_or_none()
    if existing is None:
        return
    mine = existing.area_code is not None and actor.may(Action.QUESTIONNAIRES_PUBLISH, existing.area_code)
    if existing.state is not VersionState.DRAFT or not mine:
        raise Problem("authoring.version_taken", form=questionnaire.form_id, version=name)
    _delete_draft(session, existing)


def _delete_draft(session: Session, row: QuestionnaireVersion) -> None:
    session.execute(sa.delete(QuestionnaireFile).where(col(QuestionnaireFile.version_id) == row.id))
    session.delete(row)
    session.flush()


def _own(session: Session, actor: Actor, version_id: int) -> tuple[QuestionnaireVersion, Questionnaire]:
    """A version of an office of the actor's area, to be changed."""
    row = session.execute(
        sa.select(QuestionnaireVersion, Questionnaire)
        .join(Questionnaire, col(Questionnaire.id) == col(QuestionnaireVersion.questionnaire_id))
        .where(
            col(QuestionnaireVersion.id) == version_id,
            inside(actor, Action.QUESTIONNAIRES_PUBLISH, QuestionnaireVersion.area_code),
        )
    ).first()
    if row is None:
        raise Problem("access.not_found")
    return row[0], row[1]


def _check_publication(session: Session, actor: Actor, publication: Publication) -> None:
    if publication.valid_until is not None and publication.valid_until < publication.valid_from:
        raise Problem("authoring.dates")
    if not publication.area_codes:
        raise Problem("authoring.no_areas")
    if not publication.posts:
        raise Problem("authoring.no_posts")
    for area_code in publication.area_codes:
        require(actor, Action.QUESTIONNAIRES_PUBLISH, area_code)
        register.require_valid(session, area_code, publication.valid_from)


def _visible(actor: Actor) -> sa.Select[tuple[object, ...]]:
    row = QuestionnaireVersion
    columns = (
        row.id,
        row.version,
        row.state,
        row.valid_from,
        row.valid_until,
        row.due,
        row.area_code,
        row.published_at,
        row.source_name,
        Questionnaire.form_id,
        Questionnaire.title_zh,
        Questionnaire.title_en,
    )
    query: sa.Select[tuple[object, ...]] = (
        sa.select(*columns)  # type: ignore[call-overload]
        .join(Questionnaire, col(Questionnaire.id) == col(row.questionnaire_id))
        .where(
            sa.or_(
                col(row.area_code).is_(None),
                inside(actor, Action.QUESTIONNAIRES_PUBLISH, row.area_code),
            )
        )
        .order_by(col(row.published_at).desc(), col(row.id).desc())
    )
    return query


def _title(session: Session, row: Any) -> str:
    """The title a version is shown under: of a draft its own, since the questionnaire's is that of what is published."""
    if row.state is VersionState.DRAFT:
        return library.form_of(session, row.id).title
    return str(row.title_en if i18n.language() == "en" and row.title_en else row.title_zh)


def _counts(session: Session, actor: Actor, ids: Collection[int]) -> dict[int, int]:
    rows = session.execute(
        sa.select(col(Submission.version_id), sa.func.count())
        .where(
            col(Submission.version_id).in_(ids),
            col(Submission.corrects_id).is_(None),
            inside(actor, Action.VISITS_READ, Submission.area_code),
        )
        .group_by(col(Submission.version_id))
    )
    return {row[0]: row[1] for row in rows}


def _many(session: Session, key: object, value: object, ids: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    rows = session.execute(sa.select(col(key), col(value)).where(col(key).in_(ids)).order_by(col(value)))
    for version_id, text in rows:
        found.setdefault(version_id, []).append(text)
    return found


def _audit(
    session: Session, actor: Actor, action: str, row: QuestionnaireVersion, questionnaire: Questionnaire
) -> None:
    audit.append(
        session,
        actor,
        action,
        kind="questionnaire_version",
        id=row.id or "",
        area_code=row.area_code or "",
        details={"form": questionnaire.form_id, "version": row.version},
    )
