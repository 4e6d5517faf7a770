"""De-identified snapshots of the store, as parquet files: what notebooks may see.

Owns which columns leave the store and how they are coarsened: villages instead of groups, months instead of
days, age bands instead of birth dates, durations in days. Identifiers are keyed hashes under a random key
that is thrown away when the snapshot is complete, so that neither two snapshots nor a snapshot and the store
can be joined by them. Refuses names, numbers, exact places and every encrypted column: the statements below
name each column they read, and none of them is personal text.

Rows are streamed in batches, so memory does not grow with the store. Rows of a child table are written
before those of its parent (observations before visits before households): rows are never deleted, so each
reference is found in the parent's file also when somebody submits a visit meanwhile.
"""

from __future__ import annotations

import errno
import hashlib
import json
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlmodel import Session, col

from models import (
    Area,
    AreaLevel,
    Assignment,
    Case,
    CaseStep,
    HardshipFile,
    Household,
    Member,
    Observation,
    Visit,
)
from survey import i18n
from survey.access import audit
from survey.access.permissions import Action, Actor, inside, service
from survey.cases.lifecycle import UNANSWERED_STATES
from survey.problems import Problem

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
BATCH_ROWS = 20_000
GENERAL_HOUSEHOLD = "general"
# Upper ends of the age bands in completed years; the band after the last is open.
AGE_BANDS = ((5, "00-05"), (14, "06-14"), (24, "15-24"), (44, "25-44"), (59, "45-59"), (74, "60-74"))
OLDEST_BAND = "75+"
_FAILURES = {
    errno.ENOENT: "analysis.no_folder",
    errno.ENOTDIR: "analysis.no_folder",
    errno.EACCES: "analysis.no_permission",
    errno.EPERM: "analysis.no_permission",
    errno.EROFS: "analysis.no_permission",
    errno.ENOSPC: "analysis.disk_full",
    errno.EDQUOT: "analysis.disk_full",
}


@dataclass(frozen=True)
class Announcement:
    """That the audit trail knows of a snapshot about to be made; only `announce` makes one."""

    made_at: datetime
    scope: tuple[str, ...]


@dataclass(frozen=True)
class Snapshot:
    """A snapshot that was written: where, when, for which areas (prefixes), rows by table."""

    folder: Path
    made_at: datetime
    scope: tuple[str, ...]
    counts: Mapping[str, int]


@service(Action.SNAPSHOT_MAKE)
def make(session: Session, actor: Actor, out: Path) -> Snapshot:
    """Write a snapshot of the actor's areas into the folder `out` and record it in the audit trail.

    One transaction does both. On a busy store call `announce` in a write transaction and `export` in a read
    transaction instead: nobody's saving waits for the files. Problems `analysis.folder_in_use`,
    `analysis.no_folder`, `analysis.no_permission`, `analysis.disk_full` and `analysis.cannot_write`; on any,
    nothing is left behind in `out`.
    """
    return export(session, actor, announce(session, actor), out)


@service(Action.SNAPSHOT_MAKE)
def announce(session: Session, actor: Actor) -> Announcement:
    """Record in the audit trail that the actor makes a snapshot of his areas."""
    scope = actor.prefixes(Action.SNAPSHOT_MAKE)
    audit.append(session, actor, "snapshot.make", kind="snapshot", details={"scope": list(scope)})
    return Announcement(datetime.now(UTC), scope)


@service(Action.SNAPSHOT_MAKE)
def export(session: Session, actor: Actor, announcement: Announcement, out: Path) -> Snapshot:
    """Write the announced snapshot into `out`, which must be empty or new; reads only.

    The files are written beside `out` and moved there when all are complete. Problems as of `make`.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Problem("analysis.folder_in_use", path=out)
    unfinished = out.parent / f".{out.name}.{secrets.token_hex(4)}"
    try:
        unfinished.mkdir(parents=True, mode=0o700)
        counts = {
            table.name: _write(session, actor, table, unfinished)
            for table in _tables(_Pseudonyms(), i18n.local(announcement.made_at).date())
        }
        _write_manifest(unfinished, announcement, counts)
        if out.exists():
            out.rmdir()
        unfinished.rename(out)
    except OSError as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise Problem(_FAILURES.get(error.errno or 0, "analysis.cannot_write"), path=out) from error
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return Snapshot(out, announcement.made_at, announcement.scope, counts)


def age_band(birth_on: date | None, on: date) -> str | None:
    """The band of the completed years of age on a day; nothing for an unknown birth date.

    >>> age_band(date(2020, 3, 1), date(2026, 2, 28)), age_band(date(1940, 1, 1), date(2026, 1, 1))
    ('00-05', '75+')
    """
    if birth_on is None:
        return None
    years = on.year - birth_on.year - ((on.month, on.day) < (birth_on.month, birth_on.day))
    return next((band for upper, band in AGE_BANDS if years <= upper), OLDEST_BAND)


class _Pseudonyms:
    """Keyed hashes of identifiers under a key that lives as long as this object and is kept nowhere."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def __call__(self, kind: str, identifier: str | int | None) -> str | None:
        if identifier is None:
            return None
        text = f"{kind}\0{identifier}".encode()
        return hashlib.blake2b(text, key=self._key, digest_size=10).hexdigest()


@dataclass(frozen=True)
class _Table:
    """One file: its columns, the statement (already without personal columns) and how a row is coarsened."""

    name: str
    schema: pa.Schema
    statement: sa.Select[*tuple[Any, ...]]
    area: Any
    coarsen: Callable[[Any], tuple[object, ...]]


_TEXT, _WHOLE, _FLAG, _TEXTS = pa.string(), pa.int32(), pa.bool_(), pa.list_(pa.string())


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()))


def _tables(pseudonym: _Pseudonyms, on: date) -> Iterator[_Table]:
    """Children before parents, see the module's docstring."""
    yield _observations(pseudonym)
    yield _visits(pseudonym)
    yield _steps(pseudonym)
    yield _cases(pseudonym, on)
    yield _assignments(pseudonym)
    yield _members(pseudonym, on)
    yield _households(pseudonym)
    yield _areas()


def _observations(pseudonym: _Pseudonyms) -> _Table:
    statement = sa.select(
        col(Observation.visit_id),
        col(Observation.household_id),
        col(Observation.area_code),
        col(Observation.observed_on),
        col(Observation.difficulty),
        col(Observation.asked),
        col(Observation.state),
        col(Observation.severity),
        col(Observation.case_id),
    ).order_by(col(Observation.id))
    return _Table(
        "observations",
        _schema(
            visit=_TEXT,
            household=_TEXT,
            village=_TEXT,
            month=_TEXT,
            difficulty=_TEXT,
            asked=_FLAG,
            state=_TEXT,
            severity=_WHOLE,
            case=_TEXT,
        ),
        statement,
        Observation.area_code,
        lambda row: (
            pseudonym("visit", row.visit_id),
            pseudonym("household", row.household_id),
            _village(row.area_code),
            _month(row.observed_on),
            row.difficulty,
            row.asked,
            _value(row.state),
            row.severity,
            pseudonym("case", row.case_id),
        ),
    )


def _visits(pseudonym: _Pseudonyms) -> _Table:
    order = (
        sa.func.row_number()
        .over(partition_by=col(Visit.household_id), order_by=(col(Visit.visited_on), col(Visit.id)))
        .label("visit_order")
    )
    statement = sa.select(
        col(Visit.id),
        col(Visit.household_id),
        col(Visit.area_code),
        order,
        col(Visit.visited_on),
        col(Visit.entered_on),
        col(Visit.disposition),
        col(Visit.purpose),
        col(Visit.policies_explained),
        col(Visit.help_given),
        col(Visit.satisfaction),
    ).order_by(col(Visit.id))
    return _Table(
        "visits",
        _schema(
            visit=_TEXT,
            household=_TEXT,
            village=_TEXT,
            visit_order=_WHOLE,
            month=_TEXT,
            entry_delay_days=_WHOLE,
            disposition=_TEXT,
            purpose=_TEXT,
            policies_explained=_TEXTS,
            help_given=_TEXTS,
            satisfaction=_TEXT,
        ),
        statement,
        Visit.area_code,
        lambda row: (
            pseudonym("visit", row.id),
            pseudonym("household", row.household_id),
            _village(row.area_code),
            row.visit_order,
            _month(row.visited_on),
            (row.entered_on - row.visited_on).days,
            _value(row.disposition),
            row.purpose,
            row.policies_explained,
            row.help_given,
            _value(row.satisfaction),
        ),
    )


def _steps(pseudonym: _Pseudonyms) -> _Table:
    order = (
        sa.func.row_number()
        .over(partition_by=col(CaseStep.case_id), order_by=(col(CaseStep.acted_on), col(CaseStep.id)))
        .label("step_order")
    )
    statement = (
        sa.select(
            col(CaseStep.case_id),
            order,
            col(CaseStep.kind),
            col(CaseStep.from_state),
            col(CaseStep.to_state),
            col(CaseStep.acted_on),
            col(Case.opened_on),
            col(CaseStep.cadre_id),
        )
        .join(Case, col(Case.id) == col(CaseStep.case_id))
        .order_by(col(CaseStep.case_id), order)
    )
    return _Table(
        "steps",
        _schema(
            case=_TEXT,
            step_order=_WHOLE,
            kind=_TEXT,
            from_state=_TEXT,
            to_state=_TEXT,
            month=_TEXT,
            days_since_opening=_WHOLE,
            cadre=_TEXT,
        ),
        statement,
        Case.area_code,
        lambda row: (
            pseudonym("case", row.case_id),
            row.step_order,
            _value(row.kind),
            _value(row.from_state),
            _value(row.to_state),
            _month(row.acted_on),
            (row.acted_on - row.opened_on).days,
            pseudonym("cadre", row.cadre_id),
        ),
    )


def _cases(pseudonym: _Pseudonyms, on: date) -> _Table:
    statement = sa.select(
        col(Case.id),
        col(Case.household_id),
        col(Case.area_code),
        col(Case.category),
        col(Case.severity),
        col(Case.state),
        col(Case.opened_on),
        col(Case.due_on),
        col(Case.closed_on),
    ).order_by(col(Case.id))
    return _Table(
        "cases",
        _schema(
            case=_TEXT,
            household=_TEXT,
            village=_TEXT,
            category=_TEXT,
            severity=_WHOLE,
            state=_TEXT,
            opened_month=_TEXT,
            closed_month=_TEXT,
            days_allowed=_WHOLE,
            days_until_closed=_WHOLE,
            overdue=_FLAG,
        ),
        statement,
        Case.area_code,
        lambda row: (
            pseudonym("case", row.id),
            pseudonym("household", row.household_id),
            _village(row.area_code),
            row.category,
            row.severity,
            _value(row.state),
            _month(row.opened_on),
            _month(row.closed_on),
            _days(row.opened_on, row.due_on),
            _days(row.opened_on, row.closed_on),
            row.state in UNANSWERED_STATES and row.due_on is not None and row.due_on < on,
        ),
    )


def _assignments(pseudonym: _Pseudonyms) -> _Table:
    statement = sa.select(
        col(Assignment.cadre_id),
        col(Assignment.kind),
        col(Assignment.area_code),
        col(Assignment.household_id),
        col(Assignment.starts_on),
        col(Assignment.ends_on),
    ).order_by(col(Assignment.area_code), col(Assignment.id))
    return _Table(
        "assignments",
        _schema(
            cadre=_TEXT, kind=_TEXT, village=_TEXT, household=_TEXT, starts_month=_TEXT, ends_month=_TEXT
        ),
        statement,
        Assignment.area_code,
        lambda row: (
            pseudonym("cadre", row.cadre_id),
            _value(row.kind),
            _village(row.area_code),
            pseudonym("household", row.household_id),
            _month(row.starts_on),
            _month(row.ends_on),
        ),
    )


def _members(pseudonym: _Pseudonyms, on: date) -> _Table:
    statement = sa.select(
        col(Member.household_id),
        col(Member.area_code),
        col(Member.sex),
        col(Member.birth_on),
        col(Member.residence),
    ).order_by(col(Member.id))
    return _Table(
        "members",
        _schema(household=_TEXT, village=_TEXT, sex=_TEXT, age_band=_TEXT, residence=_TEXT),
        statement,
        Member.area_code,
        lambda row: (
            pseudonym("household", row.household_id),
            _village(row.area_code),
            row.sex,
            age_band(row.birth_on, on),
            _value(row.residence),
        ),
    )


def _households(pseudonym: _Pseudonyms) -> _Table:
    open_file = sa.and_(
        col(HardshipFile.household_id) == col(Household.id), col(HardshipFile.closed_on).is_(None)
    )
    statement = (
        sa.select(
            col(Household.id),
            col(Household.area_code),
            col(HardshipFile.category),
            col(Household.status),
            col(Household.housing),
            col(Household.water_source),
            col(Household.medical_insurance),
            col(Household.children_in_school),
        )
        .outerjoin(HardshipFile, open_file)
        .order_by(col(Household.id))
    )
    return _Table(
        "households",
        _schema(
            household=_TEXT,
            village=_TEXT,
            kind=_TEXT,
            status=_TEXT,
            housing=_TEXT,
            water_source=_TEXT,
            medical_insurance=_TEXT,
            children_in_school=_WHOLE,
        ),
        statement,
        Household.area_code,
        lambda row: (
            pseudonym("household", row.id),
            _village(row.area_code),
            row.category or GENERAL_HOUSEHOLD,
            _value(row.status),
            row.housing,
            row.water_source,
            row.medical_insurance,
            row.children_in_school,
        ),
    )


def _areas() -> _Table:
    # Groups are left out: a village is the smallest area a snapshot names.
    statement = (
        sa.select(
            col(Area.code), col(Area.level), col(Area.name), col(Area.short_name), col(Area.parent_code)
        )
        .where(col(Area.level) != AreaLevel.GROUP)
        .order_by(col(Area.code))
    )
    return _Table(
        "areas",
        _schema(code=_TEXT, level=_TEXT, name=_TEXT, short_name=_TEXT, parent_code=_TEXT),
        statement,
        Area.code,
        lambda row: (row.code, _value(row.level), row.name, row.short_name, row.parent_code),
    )


def _write(session: Session, actor: Actor, table: _Table, folder: Path) -> int:
    """Stream one table into its file; the number of rows."""
    rows = session.execute(
        table.statement.where(inside(actor, Action.SNAPSHOT_MAKE, table.area)),
        execution_options={"yield_per": BATCH_ROWS},
    )
    count = 0
    with pq.ParquetWriter(folder / f"{table.name}.parquet", table.schema, compression="zstd") as writer:
        for batch in rows.partitions():
            values = zip(*map(table.coarsen, batch), strict=True)
            arrays = [
                pa.array(column, type=field.type) for column, field in zip(values, table.schema, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=table.schema))
            count += len(batch)
    return count


def _write_manifest(folder: Path, announcement: Announcement, counts: Mapping[str, int]) -> None:
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "made_at": announcement.made_at.isoformat(timespec="seconds"),
        "scope": list(announcement.scope),
        "counts": dict(counts),
    }
    (folder / MANIFEST).write_text(
        json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
    )


def _village(area_code: str) -> str:
    return area_code[:12]


def _month(day: date | None) -> str | None:
    return None if day is None else f"{day:%Y-%m}"


def _days(start: date, end: date | None) -> int | None:
    return None if end is None else (end - start).days


def _value(member: Any) -> str | None:
    return None if member is None else str(member)
