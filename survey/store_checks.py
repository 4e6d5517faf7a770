"""What must be true of every store, as small checks that each name what they find broken.

Owns the list `CHECKS` and running it. A check only reads and yields findings: what is wrong, and with which
records. Refuses to mend anything: what is broken is restored from a backup or looked at by a person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from models import (
    Area,
    Attachment,
    AuditEntry,
    Base,
    Case,
    CaseStep,
    DifficultyState,
    Draft,
    HardshipContact,
    HardshipFile,
    Household,
    HouseholdStatus,
    Member,
    NumberSeries,
    Observation,
    QuestionnaireVersion,
    ReviewState,
    StepKind,
    Submission,
    SubmissionReview,
    UpdateConflict,
    Visit,
)
from survey import crypto
from survey.access import audit
from survey.access.permissions import Action, Actor, service
from survey.columns import EncryptedText
from survey.i18n import gettext as _
from survey.problems import Problem
from survey.questionnaires import attachment_files, library, tree
from survey.questionnaires.definitions import EntityDeclaration

_OBSERVATIONS = "observations"
_BATCH = 500
_VILLAGE_DIGITS = 12
_HEAD = "02"  # GB/T 4761: the head of the household
_GUARDS = frozenset(
    {
        "audit_entry_no_update",
        "audit_entry_no_delete",
        "submission_no_delete",
        "submission_tombstone_only",
        "submission_review_no_delete",
        "submission_review_tombstone_only",
        "update_conflict_no_delete",
    }
)


@dataclass(frozen=True)
class Finding:
    """One broken thing: what is wrong, in the language in force, and the record."""

    what: str
    record: str


Check = Callable[[Session], Iterator[Finding]]


@service(Action.STORE_KEEP)
def findings(session: Session, actor: Actor) -> Iterator[Finding]:  # noqa: ARG001 - checked by `service`
    """Everything broken in the store, check by check."""
    for check in CHECKS:
        yield from check(session)


def damaged_pages(session: Session) -> Iterator[Finding]:
    """SQLite's own check of its file (https://sqlite.org/pragma.html#pragma_quick_check)."""
    if session.get_bind().dialect.name != "sqlite":
        return
    for line in session.execute(sa.text("PRAGMA quick_check")).scalars():
        if line != "ok":
            yield Finding(_("The database file is damaged"), line)


def missing_guards(session: Session) -> Iterator[Finding]:
    """The triggers that refuse to rewrite the past must be there."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    names = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    if not is_sqlite:
        names = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
    for name in sorted(_GUARDS - set(session.execute(sa.text(names)).scalars())):
        yield Finding(_("A guard of the database is missing"), name)


def broken_audit_chain(session: Session) -> Iterator[Finding]:
    """No entry of the audit trail was changed, removed or put in."""
    for sequence in audit.broken_links(session):
        yield Finding(_("The audit trail was changed"), f"audit_entry {sequence}")


def audit_trail_cut(session: Session) -> Iterator[Finding]:
    """The entry that the last good check marked is still there: nobody cut the trail off or wrote it anew."""
    sequence = audit.broken_mark(session)
    if sequence is not None:
        yield Finding(_("The audit trail was cut off or written anew"), f"audit_entry {sequence}")


def dangling_references(session: Session) -> Iterator[Finding]:
    """Whatever refers to a record refers to one that exists."""
    for table in Base.metadata.sorted_tables:
        for key in table.foreign_keys:
            yield from _dangling(session, table, key)


def _dangling(session: Session, table: sa.Table, key: sa.ForeignKey) -> Iterator[Finding]:
    target = key.column.table.alias("target")
    there = sa.exists().where(target.c[key.column.name] == key.parent)
    rows = sa.select(*table.primary_key.columns).where(key.parent.is_not(None), ~there)
    for row in session.execute(rows):
        yield Finding(_("A record refers to one that is missing"), f"{_named(table, row)}.{key.parent.name}")


def unreadable_values(session: Session) -> Iterator[Finding]:
    """Every encrypted value opens with the store's key; drafts and payloads among them."""
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, EncryptedText):
                yield from _unreadable(session, table, column, column.type.label)


def _unreadable(session: Session, table: sa.Table, column: sa.Column[Any], label: str) -> Iterator[Finding]:
    raw = sa.type_coerce(column, sa.LargeBinary)
    rows = sa.select(raw, *table.primary_key.columns).where(column.is_not(None))
    for sealed, *key in session.execute(rows.execution_options(yield_per=1000)):
        try:
            crypto.current().decrypt(label, bytes(sealed)).decode()
        except (Problem, UnicodeDecodeError):
            yield Finding(_("An encrypted value cannot be read"), f"{_named(table, key)}.{column.name}")


def changed_submissions(session: Session) -> Iterator[Finding]:
    """A submission's payload is the one that was received, unless erased."""
    rows = sa.select(
        col(Submission.instance_id),
        col(Submission.payload_hash),
        sa.type_coerce(col(Submission.payload), sa.LargeBinary),
    ).where(col(Submission.payload).is_not(None))
    keyring = crypto.current()
    for instance_id, expected, sealed in session.execute(rows.execution_options(yield_per=1000)):
        try:
            payload = keyring.decrypt("submission.payload", bytes(sealed)).decode()
        except (Problem, UnicodeDecodeError):
            continue  # named by `unreadable_values`
        if keyring.look_up_hash("submission.payload", payload) != expected:
            yield Finding(_("A submission is not what was received"), f"submission {instance_id}")


def visits_elsewhere(session: Session) -> Iterator[Finding]:
    """A visit is of the household its submission names, an observation of the household of its visit."""
    visits = (
        sa.select(col(Visit.id))
        .join(Submission, col(Submission.instance_id) == col(Visit.instance_id))
        .where(col(Submission.household_id) != col(Visit.household_id))
    )
    for (visit_id,) in session.execute(visits):
        yield Finding(_("A visit and its submission name different households"), f"visit {visit_id}")
    observations = (
        sa.select(col(Observation.id))
        .join(Visit, col(Visit.id) == col(Observation.visit_id))
        .where(col(Observation.household_id) != col(Visit.household_id))
    )
    for (observation_id,) in session.execute(observations):
        yield Finding(
            _("An observation and its visit name different households"), f"observation {observation_id}"
        )


def areas_unlike_their_submission(session: Session) -> Iterator[Finding]:
    """What a submission wrote lies in its area: the scope of every post rests on it.

    A photo keeps the area of its draft; of a household that moved before it was handed in, that is the old one.
    """
    written: tuple[tuple[Any, Any, Any], ...] = (
        (Visit, Visit.instance_id, sa.true()),
        (HardshipContact, HardshipContact.instance_id, sa.true()),
        (
            Attachment,
            Attachment.instance_id,
            ~_was_there(col(Submission.household_id), col(Attachment.area_code)),
        ),
    )
    for table, instance_id, unexcused in written:
        rows = (
            sa.select(col(table.id))
            .join(Submission, col(Submission.instance_id) == col(instance_id))
            .where(col(table.area_code) != col(Submission.area_code), unexcused)
        )
        for (id,) in session.execute(rows):
            yield Finding(
                _("A record and its submission name different areas"), f"{table.__tablename__} {id}"
            )
    observations = (
        sa.select(col(Observation.id))
        .join(Visit, col(Visit.id) == col(Observation.visit_id))
        .where(col(Observation.area_code) != col(Visit.area_code))
    )
    for (id,) in session.execute(observations):
        yield Finding(_("A record and its submission name different areas"), f"observation {id}")


def observations_unlike_their_submission(session: Session) -> Iterator[Finding]:
    """What was observed is what the submission says: as many difficulties, the same ones, in the same state.

    Read from the submission as it was received, without calculating anything again: what the calculations ask
    (earlier visits, the list of difficulties) may have changed since. Erased payloads, older versions and what was
    rejected are passed over.
    """
    for version_id, declaration in _observing_versions(session):
        rows = sa.select(
            col(Submission.instance_id), sa.type_coerce(col(Submission.payload), sa.LargeBinary)
        ).where(
            col(Submission.version_id) == version_id,
            col(Submission.payload).is_not(None),
            ~_superseded(),
            ~_rejected(),
        )
        for batch in session.execute(rows, execution_options={"yield_per": _BATCH}).partitions():
            recorded = _recorded_observations(session, [row.instance_id for row in batch])
            for instance_id, sealed in batch:
                said = _said_observations(bytes(sealed), declaration)
                if said is not None and not _agree(said, recorded.get(instance_id, {})):
                    yield Finding(
                        _("The observations are not what the submission says"), f"submission {instance_id}"
                    )


def _observing_versions(session: Session) -> Iterator[tuple[int, EntityDeclaration]]:
    ids = sa.select(col(QuestionnaireVersion.id)).where(
        col(QuestionnaireVersion.xform).contains(_OBSERVATIONS)
    )
    for version_id in session.execute(ids).scalars().all():
        for declaration in library.form_of(session, version_id).entities:
            if declaration.list_name == _OBSERVATIONS:
                yield version_id, declaration


def _recorded_observations(
    session: Session, instance_ids: list[str]
) -> dict[str, dict[str, tuple[str, str | None]]]:
    rows = (
        sa.select(
            col(Visit.instance_id), col(Observation.id), col(Observation.difficulty), col(Observation.state)
        )
        .join(Observation, col(Observation.visit_id) == col(Visit.id))
        .where(col(Visit.instance_id).in_(instance_ids))
    )
    recorded: dict[str, dict[str, tuple[str, str | None]]] = {}
    for instance_id, id, difficulty, state in session.execute(rows):
        recorded.setdefault(instance_id, {})[id] = (difficulty, state)
    return recorded


def _said_observations(
    sealed: bytes, declaration: EntityDeclaration
) -> dict[str, tuple[str, str | None]] | None:
    """Entity id → difficulty (empty where it was not sent) and state; nothing for what cannot be read."""
    try:
        document = tree.parse(crypto.current().decrypt("submission.payload", sealed).decode())
    except (Problem, UnicodeDecodeError):
        return None  # named by `unreadable_values`
    holder_path = [field.local for field in declaration.field.lineage[1:-2]]
    holders = document.elements()
    for name in holder_path:
        holders = [child for parent in holders for child in parent.elements(name)]
    fields = {
        name: [part.local for part in field.lineage[1 + len(holder_path) :]]
        for name, field in declaration.properties
    }
    said: dict[str, tuple[str, str | None]] = {}
    for holder in holders:
        entity = _below(holder, ["meta", "entity"])
        if entity is not None and entity.get("create") in ("1", "true"):
            state = _text_below(holder, fields["state"])
            answered = state if state in {str(known) for known in DifficultyState} else None
            said[entity.get("id")] = (_text_below(holder, fields["difficulty"]), answered)
    return said


def _below(node: tree.Node, path: list[str]) -> tree.Node | None:
    found: tree.Node | None = node
    for name in path:
        found = found.child(name) if found is not None else None
    return found


def _text_below(node: tree.Node, path: list[str]) -> str:
    found = _below(node, path)
    return found.text().strip() if found is not None else ""


def _agree(said: dict[str, tuple[str, str | None]], recorded: dict[str, tuple[str, str | None]]) -> bool:
    return said.keys() == recorded.keys() and all(
        state == recorded[id][1] and difficulty in ("", recorded[id][0])
        for id, (difficulty, state) in said.items()
    )


def versions_out_of_row(session: Session) -> Iterator[Finding]:
    """A correction takes the place of a version of the same filling, questionnaire, household and person."""
    before = aliased(Submission)
    same = sa.and_(
        col(before.version_id) == col(Submission.version_id),
        col(before.cadre_id) == col(Submission.cadre_id),
        sa.func.coalesce(col(before.household_id), "") == sa.func.coalesce(col(Submission.household_id), ""),
        sa.func.coalesce(col(before.first_id), col(before.instance_id)) == col(Submission.first_id),
        col(before.instance_id) != col(Submission.instance_id),
    )
    rows = (
        sa.select(col(Submission.instance_id))
        .outerjoin(before, col(before.instance_id) == col(Submission.corrects_id))
        .where(
            sa.or_(
                sa.and_(
                    col(Submission.corrects_id).is_not(None), sa.not_(sa.func.coalesce(same, sa.false()))
                ),
                col(Submission.corrects_id).is_(None) != col(Submission.first_id).is_(None),
            )
        )
    )
    for (instance_id,) in session.execute(rows):
        yield Finding(
            _("A corrected submission does not follow its earlier version"), f"submission {instance_id}"
        )


def written_by_old_versions(session: Session) -> Iterator[Finding]:
    """Visits and contacts are those of the newest version; what was rejected has none."""
    for table in (Visit, HardshipContact):
        rows = (
            sa.select(col(table.id))
            .join(Submission, col(Submission.instance_id) == col(table.instance_id))
            .where(sa.or_(_superseded(), _rejected()))
        )
        for (id,) in session.execute(rows):
            yield Finding(
                _("A record comes from a submission that was corrected or rejected"),
                f"{table.__tablename__} {id}",
            )


def reviews_astray(session: Session) -> Iterator[Finding]:
    """A row of a review is about a version of its filling, filled in by the person it names."""
    rows = (
        sa.select(col(SubmissionReview.id))
        .join(Submission, col(Submission.instance_id) == col(SubmissionReview.instance_id))
        .where(
            sa.or_(
                sa.func.coalesce(col(Submission.first_id), col(Submission.instance_id))
                != col(SubmissionReview.filling_id),
                col(Submission.cadre_id) != col(SubmissionReview.collector_id),
            )
        )
    )
    for (id,) in session.execute(rows):
        yield Finding(_("A review is about another submission than it names"), f"submission_review {id}")


def conflicts_half_resolved(session: Session) -> Iterator[Finding]:
    """A conflict is open, or resolved by somebody at a moment with a choice; its record is there."""
    resolved = [
        column.is_(None)
        for column in (
            col(UpdateConflict.chosen),
            col(UpdateConflict.resolved_at),
            col(UpdateConflict.resolved_by_id),
        )
    ]
    of_file = sa.exists().where(col(HardshipFile.id) == col(UpdateConflict.record_id))
    rows = sa.select(col(UpdateConflict.id)).where(
        sa.or_(
            resolved[0] != resolved[1],
            resolved[1] != resolved[2],
            sa.and_(
                col(UpdateConflict.record_kind) == "household",
                col(UpdateConflict.record_id) != col(UpdateConflict.household_id),
            ),
            sa.and_(col(UpdateConflict.record_kind) == "hardship_file", ~of_file),
        )
    )
    for (id,) in session.execute(rows):
        yield Finding(_("A conflict of an update is half resolved or has no record"), f"update_conflict {id}")


def _superseded() -> sa.ColumnElement[bool]:
    newer = aliased(Submission)
    return sa.exists().where(col(newer.corrects_id) == col(Submission.instance_id))


def _rejected() -> sa.ColumnElement[bool]:
    """Whether the last row of the submission's review rejected it."""
    later = aliased(SubmissionReview)
    return sa.exists().where(
        col(SubmissionReview.instance_id) == col(Submission.instance_id),
        col(SubmissionReview.state) == ReviewState.REJECTED,
        ~sa.exists().where(
            col(later.filling_id) == col(SubmissionReview.filling_id),
            col(later.id) > col(SubmissionReview.id),
        ),
    )


def cases_elsewhere(session: Session) -> Iterator[Finding]:
    """A case lies in the village of its household, or in one where the household was before it moved."""
    rows = (
        sa.select(col(Case.number))
        .join(Household, col(Household.id) == col(Case.household_id))
        .where(
            _village(col(Case.area_code)) != _village(col(Household.area_code)),
            ~_was_there(col(Case.household_id), col(Case.area_code)),
        )
    )
    for (number,) in session.execute(rows):
        yield Finding(_("A case lies outside the village of its household"), f"case {number}")


def _village(area_code: Any) -> Any:
    return sa.func.substr(area_code, 1, _VILLAGE_DIGITS)


def _was_there(household_id: Any, area_code: Any) -> Any:
    """Whether the audit trail knows the household in that village, at any time."""
    return sa.exists().where(
        col(AuditEntry.object_kind) == "household",
        col(AuditEntry.object_id) == household_id,
        _village(col(AuditEntry.area_code)) == _village(area_code),
    )


def cases_without_intake(session: Session) -> Iterator[Finding]:
    """Every case begins with its intake."""
    taken_in = sa.exists().where(col(CaseStep.case_id) == col(Case.id), col(CaseStep.kind) == StepKind.INTAKE)
    for (number,) in session.execute(sa.select(col(Case.number)).where(~taken_in)):
        yield Finding(_("A case has no intake"), f"case {number}")


def cases_out_of_step(session: Session) -> Iterator[Finding]:
    """A case stands where its last step left it."""
    last = sa.select(sa.func.max(col(CaseStep.id)).label("id")).group_by(col(CaseStep.case_id)).subquery()
    rows = (
        sa.select(col(Case.number))
        .join(CaseStep, col(CaseStep.case_id) == col(Case.id))
        .join(last, last.c.id == col(CaseStep.id))
        .where(col(CaseStep.to_state) != col(Case.state))
    )
    for (number,) in session.execute(rows):
        yield Finding(_("A case does not stand where its last step left it"), f"case {number}")


def households_without_one_head(session: Session) -> Iterator[Finding]:
    """A household that is still visited has exactly one head."""
    heads = sa.func.count(col(Member.id))
    rows = (
        sa.select(col(Household.code))
        .join(
            Member,
            sa.and_(
                col(Member.household_id) == col(Household.id),
                col(Member.relation) == _HEAD,
                col(Member.left_on).is_(None),
            ),
            isouter=True,
        )
        .where(col(Household.status) == HouseholdStatus.ACTIVE)
        .group_by(col(Household.code))
        .having(heads != 1)
    )
    for (code,) in session.execute(rows):
        yield Finding(_("A household has not exactly one head"), f"household {code}")


def areas_outside_their_parent(session: Session) -> Iterator[Finding]:
    """An area's code begins with the code of the area it lies in: the scope of every post rests on it."""
    for code, parent in session.execute(
        sa.select(col(Area.code), col(Area.parent_code)).where(col(Area.parent_code).is_not(None))
    ):
        if not code.startswith(parent):
            yield Finding(_("An area's code does not begin with that of its parent"), f"area {code}")


def series_behind(session: Session) -> Iterator[Finding]:
    """A counter of numbers has reached the highest number given; no case is missing in between."""
    counters = {row.prefix: row.last for row in session.execute(sa.select(NumberSeries.__table__))}  # type: ignore[attr-defined]
    given: dict[str, list[int]] = {}
    for (number,) in session.execute(sa.select(col(Case.number))):
        prefix, last = number.rsplit("-", 1)
        given.setdefault(prefix, []).append(int(last))
    for prefix, numbers in sorted(given.items()):
        if counters.get(prefix, 0) < max(numbers):
            yield Finding(_("The counter of a number series is behind"), f"number_series {prefix}")
        elif len(numbers) != counters[prefix]:
            yield Finding(_("A number of the series is missing"), f"number_series {prefix}")


def broken_attachments(session: Session) -> Iterator[Finding]:
    """Every attachment's file is there, opens with the store's key, and has the content it had."""
    rows = sa.select(col(Attachment.sha256), sa.func.min(col(Attachment.id))).group_by(col(Attachment.sha256))
    for sha256, attachment_id in session.execute(rows):
        try:
            content = attachment_files.content_of(sha256)
        except (Problem, OSError):
            yield Finding(_("An attachment is missing or cannot be read"), f"attachment {attachment_id}")
            continue
        if hashlib.sha256(content).hexdigest() != sha256:
            yield Finding(_("An attachment's content was changed"), f"attachment {attachment_id}")


def attachments_of_nothing(session: Session) -> Iterator[Finding]:
    """Every attachment is of a draft or a submission, every old enough file of an attachment."""
    draft = sa.exists().where(col(Draft.instance_id) == col(Attachment.instance_id))
    submission = sa.exists().where(col(Submission.instance_id) == col(Attachment.instance_id))
    for (attachment_id,) in session.execute(sa.select(col(Attachment.id)).where(~draft, ~submission)):
        yield Finding(_("An attachment belongs to no filling"), f"attachment {attachment_id}")
    for path in attachment_files.unnamed(session):
        yield Finding(_("A file belongs to no attachment"), path.name)


def _named(table: sa.Table, key: Any) -> str:
    return f"{table.name} {'/'.join(str(part) for part in key)}"


CHECKS: tuple[Check, ...] = (
    damaged_pages,
    missing_guards,
    broken_audit_chain,
    audit_trail_cut,
    dangling_references,
    unreadable_values,
    changed_submissions,
    visits_elsewhere,
    areas_unlike_their_submission,
    observations_unlike_their_submission,
    versions_out_of_row,
    written_by_old_versions,
    reviews_astray,
    conflicts_half_resolved,
    cases_elsewhere,
    cases_without_intake,
    cases_out_of_step,
    households_without_one_head,
    areas_outside_their_parent,
    series_behind,
    broken_attachments,
    attachments_of_nothing,
)
