"""Files of hardship households, whom they are due to hear from, and how the work is spread.

Owns opening, changing and closing a file (at most one open a household), the lists of files and of contacts
due, and the warning where a village cadre is contact of too few or too many (§三2一 of the township's
document, dated parameters). Refuses to delete a file and to write a contact: contacts come in as submissions.
What is due is derived from `next_contact_on`, never stored a second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from models import (
    Assignment,
    AssignmentKind,
    Cadre,
    HardshipContact,
    HardshipFile,
    Household,
    HouseholdStatus,
    Post,
    Posting,
)
from survey.access import audit
from survey.access.permissions import Action, Actor, found, inside, require, service, within
from survey.areas import register
from survey.fieldwork import assignments, versions
from survey.i18n import gettext as _
from survey.problems import Problem
from survey.rules import codes
from survey.rules.loader import parameter_at

COUNT_UP_TO = 500
LONGEST_NEEDS = 1000
VILLAGE_POSTS = (Post.VILLAGE_COMMITTEE_MEMBER, Post.VILLAGE_HEAD, Post.VILLAGE_SECRETARY)
FILE_FIELDS = ("category", "main_cause", "causes", "needs", "measures", "next_contact_on")
_CONTACTS_SHOWN = 100


@dataclass(frozen=True)
class FileRow:
    """A file in a list: whose, of what category, when the next contact is due."""

    id: str
    household_id: str
    area_code: str
    area_name: str
    head_name: str
    category: str
    main_cause: str
    opened_on: date
    closed_on: date | None
    next_contact_on: date | None
    last_contact_on: date | None
    contact_name: str | None

    def days_overdue(self, on: date) -> int:
        """Days since the next contact was due; 0 when it is not, or none is set."""
        return max(0, (on - self.next_contact_on).days) if self.next_contact_on else 0


@dataclass(frozen=True)
class FilePage:
    """One page of files; `total` counts up to `COUNT_UP_TO`, and `more` says that there are more."""

    rows: tuple[FileRow, ...]
    total: int
    more: bool


@dataclass(frozen=True)
class FileView:
    """A whole file, with the contact cadre of its household."""

    id: str
    household_id: str
    area_code: str
    area_name: str
    head_name: str
    category: str
    main_cause: str
    causes: tuple[str, ...]
    needs: str | None
    measures: tuple[str, ...]
    opened_on: date
    closed_on: date | None
    next_contact_on: date | None
    contact_id: int | None
    contact_name: str | None
    version: int


@dataclass(frozen=True)
class ContactView:
    """One contact with the household: when, how, by whom, what was given, when the next is due."""

    id: str
    contacted_on: date
    mode: str
    help_given: tuple[str, ...]
    words: str | None
    next_contact_on: date | None
    cadre_name: str


@dataclass(frozen=True)
class Workload:
    """How many hardship households a village cadre is contact of, against the limits of that day."""

    cadre_id: int
    name: str
    post: Post
    area_code: str
    area_name: str
    households: int
    fewest: int
    most: int

    @property
    def too_few(self) -> bool:
        """Below the lower limit."""
        return self.households < self.fewest

    @property
    def too_many(self) -> bool:
        """Above the upper limit."""
        return self.households > self.most


@service(Action.HARDSHIP_READ)
def files(
    session: Session,
    actor: Actor,
    /,
    *,
    on: date,
    area_code: str | None = None,
    category: str | None = None,
    overdue_only: bool = False,
    mine: bool = False,
    closed: bool = False,
    limit: int = 20,
    offset: int = 0,
) -> FilePage:
    """Files in scope: open ones as in `due`, the soonest first, or with `closed` those closed, the latest first.

    `overdue_only`: whose next contact lies before `on`. `mine`: whose household the actor is contact of that day.
    """
    file = col(HardshipFile.closed_on)
    conditions = [
        file.is_not(None) if closed else file.is_(None),
        inside(actor, Action.HARDSHIP_READ, col(HardshipFile.area_code)),
        within(col(HardshipFile.area_code), area_code or ""),
    ]
    if category:
        conditions.append(col(HardshipFile.category) == category)
    if overdue_only:
        conditions.append(col(HardshipFile.next_contact_on) < on)
    if mine:
        conditions.append(_mine(actor, on))
    by_day = file.desc() if closed else col(HardshipFile.next_contact_on).asc().nulls_first()
    order = (by_day, col(HardshipFile.area_code), col(HardshipFile.id))
    return _page(session, conditions, order, on, limit, offset)


@service(Action.HARDSHIP_READ)
def due(
    session: Session,
    actor: Actor,
    /,
    on: date,
    *,
    mine: bool = False,
    area_code: str | None = None,
    limit: int = 20,
    offset: int = 0,
) -> FilePage:
    """Open files whose next contact is due by `on` plus `fieldwork.due_horizon_days`, or was never set.

    Those without a date come first, then the longest overdue. Households that moved away are left out.
    """
    by = on + timedelta(days=parameter_at("fieldwork.due_horizon_days", on))
    next_on = col(HardshipFile.next_contact_on)
    gone = sa.select(col(Household.id)).where(
        col(Household.id) == col(HardshipFile.household_id),
        col(Household.status) != HouseholdStatus.ACTIVE,
    )
    conditions = [
        col(HardshipFile.closed_on).is_(None),
        sa.or_(next_on.is_(None), next_on <= by),
        inside(actor, Action.HARDSHIP_READ, col(HardshipFile.area_code)),
        within(col(HardshipFile.area_code), area_code or ""),
        ~gone.exists(),
    ]
    if mine:
        conditions.append(_mine(actor, on))
    order = (next_on.asc().nulls_first(), col(HardshipFile.area_code), col(HardshipFile.id))
    return _page(session, conditions, order, on, limit, offset)


@service(Action.HARDSHIP_READ)
def file(session: Session, actor: Actor, /, file_id: str, *, on: date) -> FileView:
    """One file, with the contact of that day. Problem `access.not_found`."""
    return _view(session, _row(session, actor, file_id), on)


@service(Action.HARDSHIP_READ)
def file_of(session: Session, actor: Actor, /, household_id: str, *, on: date) -> FileView | None:
    """The open file of a household, or none; none as well outside the actor's scope."""
    row = session.exec(
        select(HardshipFile).where(
            col(HardshipFile.household_id) == household_id,
            col(HardshipFile.closed_on).is_(None),
            inside(actor, Action.HARDSHIP_READ, col(HardshipFile.area_code)),
        )
    ).first()
    return _view(session, row, on) if row else None


@service(Action.HARDSHIP_READ)
def contacts(session: Session, actor: Actor, /, file_id: str) -> tuple[ContactView, ...]:
    """The latest contacts of a file (at most 100), newest first. Problem `access.not_found`."""
    _row(session, actor, file_id)
    rows = session.exec(
        select(HardshipContact, Cadre.name)
        .join(Cadre, col(Cadre.id) == col(HardshipContact.cadre_id))
        .where(col(HardshipContact.file_id) == file_id)
        .order_by(col(HardshipContact.contacted_on).desc(), col(HardshipContact.id))
        .limit(_CONTACTS_SHOWN)
    )
    return tuple(
        ContactView(
            id=row.id,
            contacted_on=row.contacted_on,
            mode=row.mode,
            help_given=tuple(row.help_given),
            words=row.words,
            next_contact_on=row.next_contact_on,
            cadre_name=name,
        )
        for row, name in rows
    )


@service(Action.HARDSHIP_WRITE)
def open_file(
    session: Session,
    actor: Actor,
    /,
    household_id: str,
    *,
    category: str,
    main_cause: str,
    causes: Sequence[str] = (),
    needs: str | None = None,
    measures: Sequence[str] = (),
    on: date,
    next_contact_on: date | None = None,
) -> FileView:
    """Open a file for a household; the main cause is one of its causes.

    The first contact is due `hardship.contact_interval_days` later unless a day is given. Problems
    `access.not_found`, `hardship.already_open`, `households.not_active`, `households.unknown_code`,
    `hardship.dates`. Audited.
    """
    household = found(session, actor, Action.HARDSHIP_READ, Household, household_id, lock=True)
    require(actor, Action.HARDSHIP_WRITE, household.area_code)
    if household.status is not HouseholdStatus.ACTIVE:
        raise Problem("households.not_active")
    if file_of(session, actor, household_id, on=on) is not None:
        raise Problem("hardship.already_open")
    first = next_contact_on or on + timedelta(days=parameter_at("hardship.contact_interval_days", on))
    entered = {
        "category": category,
        "main_cause": main_cause,
        "causes": causes,
        "needs": needs,
        "measures": measures,
        "next_contact_on": first,
    }
    columns = _columns(entered, main_cause, on)
    row = HardshipFile(household_id=household_id, area_code=household.area_code, opened_on=on, **columns)
    session.add(row)
    session.flush()
    audit.append(session, actor, "hardship.open", kind="hardship_file", id=row.id, area_code=row.area_code)
    return _view(session, row, on)


@service(Action.HARDSHIP_WRITE)
def update_file(
    session: Session,
    actor: Actor,
    /,
    file_id: str,
    changes: Mapping[str, object],
    *,
    seen_version: int,
    on: date,
) -> FileView:
    """Change fields (`FILE_FIELDS`) of an open file that nobody changed since `seen_version`.

    Problems `hardship.changed_meanwhile`, `hardship.closed`, `households.unknown_code`,
    `households.unknown_field`, `households.too_long`, `hardship.dates`. Audited.
    """
    row = _open_row(session, actor, file_id, seen_version)
    main_cause = str(changes.get("main_cause", row.main_cause))
    changes = {"causes": row.causes, **changes} if "main_cause" in changes else changes
    for column, value in _columns(changes, main_cause, row.opened_on).items():
        setattr(row, column, value)
    versions.touch(row)
    session.flush()
    audit.append(
        session,
        actor,
        "hardship.update",
        kind="hardship_file",
        id=row.id,
        area_code=row.area_code,
        details={"fields": sorted(changes)},
    )
    return _view(session, row, on)


@service(Action.HARDSHIP_WRITE)
def close_file(session: Session, actor: Actor, /, file_id: str, *, seen_version: int, on: date) -> FileView:
    """Close an open file on that day; its contacts stay. Problems as in `update_file`. Audited."""
    row = _open_row(session, actor, file_id, seen_version)
    if on < row.opened_on:
        raise Problem("hardship.dates", given=on, opened_on=row.opened_on)
    row.closed_on = on
    versions.touch(row)
    session.flush()
    audit.append(session, actor, "hardship.close", kind="hardship_file", id=row.id, area_code=row.area_code)
    return _view(session, row, on)


@service(Action.HARDSHIP_READ, Action.ASSIGNMENTS_READ)
def workload(
    session: Session, actor: Actor, /, on: date, *, area_code: str | None = None
) -> tuple[Workload, ...]:
    """Every village cadre in scope with the number of hardship households he is contact of that day, fewest first.

    Counts open files of active households. Limits: `hardship.contacts_per_village_cadre_min` and `_max`.
    """
    fewest = parameter_at("hardship.contacts_per_village_cadre_min", on)
    most = parameter_at("hardship.contacts_per_village_cadre_max", on)
    rows = session.execute(
        sa.select(
            col(Cadre.id),
            col(Cadre.name),
            col(Posting.post),
            col(Posting.area_code),
            _carried(on).label("households"),
        )
        .join(Posting, col(Posting.cadre_id) == col(Cadre.id))
        .where(
            col(Posting.post).in_(VILLAGE_POSTS),
            assignments.posted_on(on),
            inside(actor, Action.HARDSHIP_READ, col(Posting.area_code)),
            inside(actor, Action.ASSIGNMENTS_READ, col(Posting.area_code)),
            within(col(Posting.area_code), area_code or ""),
        )
        .order_by(sa.text("households"), col(Posting.area_code), col(Cadre.id))
    ).all()
    names = register.names(session, [row.area_code for row in rows])
    once = {row.id: row for row in rows}
    return tuple(
        Workload(
            cadre_id=row.id,
            name=row.name,
            post=row.post,
            area_code=row.area_code,
            area_name=names[row.area_code],
            households=row.households,
            fewest=fewest,
            most=most,
        )
        for row in once.values()
    )


def _carried(on: date) -> sa.ScalarSelect[int]:
    """How many active households with an open file the cadre of the row is contact of."""
    return (
        sa.select(sa.func.count(sa.distinct(col(Assignment.household_id))))
        .join(HardshipFile, col(HardshipFile.household_id) == col(Assignment.household_id))
        .join(Household, col(Household.id) == col(Assignment.household_id))
        .where(
            col(Assignment.cadre_id) == col(Cadre.id),
            col(Assignment.kind) == AssignmentKind.HOUSEHOLD,
            assignments.holds_on(on),
            col(HardshipFile.closed_on).is_(None),
            col(Household.status) == HouseholdStatus.ACTIVE,
        )
        .correlate(Cadre)
        .scalar_subquery()
    )


def _mine(actor: Actor, on: date) -> sa.ColumnElement[bool]:
    return col(HardshipFile.household_id).in_(
        sa.select(col(Assignment.household_id)).where(
            col(Assignment.cadre_id) == actor.cadre_id,
            col(Assignment.kind) == AssignmentKind.HOUSEHOLD,
            assignments.holds_on(on),
        )
    )


def _page(
    session: Session,
    conditions: Sequence[sa.ColumnElement[bool]],
    order: Sequence[Any],
    on: date,
    limit: int,
    offset: int,
) -> FilePage:
    some = sa.select(sa.literal(1)).select_from(HardshipFile).where(*conditions).limit(COUNT_UP_TO + 1)
    total = int(session.execute(sa.select(sa.func.count()).select_from(some.subquery())).scalar_one())
    ids = session.execute(
        sa.select(col(HardshipFile.id)).where(*conditions).order_by(*order).limit(limit).offset(offset)
    ).scalars()
    return FilePage(_file_rows(session, list(ids), on), min(total, COUNT_UP_TO), total > COUNT_UP_TO)


def _file_rows(session: Session, file_ids: Sequence[str], on: date) -> tuple[FileRow, ...]:
    columns = (
        HardshipFile.id,
        HardshipFile.household_id,
        HardshipFile.area_code,
        HardshipFile.category,
        HardshipFile.main_cause,
        HardshipFile.opened_on,
        HardshipFile.closed_on,
        HardshipFile.next_contact_on,
        Household.head_name,
    )
    listed = {
        row.id: row
        for row in session.execute(
            sa.select(*map(col, columns))
            .join(Household, col(Household.id) == col(HardshipFile.household_id))
            .where(col(HardshipFile.id).in_(file_ids))
        )
    }
    last = dict(
        tuple(row)
        for row in session.execute(
            sa.select(col(HardshipContact.file_id), sa.func.max(col(HardshipContact.contacted_on)))
            .where(col(HardshipContact.file_id).in_(file_ids))
            .group_by(col(HardshipContact.file_id))
        )
    )
    names = register.names(session, [row.area_code for row in listed.values()])
    carers = assignments.contacts_of(session, [row.household_id for row in listed.values()], on)
    return tuple(
        FileRow(
            **row._mapping,
            area_name=names[row.area_code],
            last_contact_on=last.get(row.id),
            contact_name=carers.get(row.household_id),
        )
        for row in (listed[file_id] for file_id in file_ids)
    )


def _row(session: Session, actor: Actor, file_id: str, *, lock: bool = False) -> HardshipFile:
    return found(session, actor, Action.HARDSHIP_READ, HardshipFile, file_id, lock=lock)


def _open_row(session: Session, actor: Actor, file_id: str, seen_version: int) -> HardshipFile:
    row = _row(session, actor, file_id, lock=True)
    require(actor, Action.HARDSHIP_WRITE, row.area_code)
    if row.closed_on is not None:
        raise Problem("hardship.closed", closed_on=row.closed_on)
    if row.version != seen_version:
        raise Problem("hardship.changed_meanwhile")
    return row


def _columns(changes: Mapping[str, object], main_cause: str, opened_on: date) -> dict[str, Any]:
    """Column values of changed fields, each checked against its list."""
    columns: dict[str, Any] = {}
    for field, value in changes.items():
        if field == "category":
            columns[field] = _key("hardship_category", value, _("Category"))
        elif field == "main_cause":
            columns[field] = _key("hardship_cause", value, _("Main cause"))
        elif field == "causes":
            others = _keys("hardship_cause", value, _("Causes"))
            columns[field] = [main_cause, *(cause for cause in others if cause != main_cause)]
        elif field == "measures":
            columns[field] = _keys("help_kind", value, _("Measures"))
        elif field == "needs":
            columns[field] = _needs(value)
        elif field == "next_contact_on":
            if isinstance(value, date) and value < opened_on:
                raise Problem("hardship.dates", given=value, opened_on=opened_on)
            columns[field] = value
        else:
            raise Problem("households.unknown_field", field=field)
    return columns


def _key(code_list: str, value: object, label: str) -> str:
    if value not in codes.keys(code_list):
        raise Problem("households.unknown_code", field=label, value=value)
    return str(value)


def _keys(code_list: str, values: object, label: str) -> list[str]:
    given = values if isinstance(values, list | tuple) else []
    return list(dict.fromkeys(_key(code_list, value, label) for value in given))


def _needs(value: object) -> str | None:
    text = str(value or "").strip()
    if len(text) > LONGEST_NEEDS:
        raise Problem("households.too_long", field=_("Needs"), maximum=LONGEST_NEEDS, length=len(text))
    return text or None


def _view(session: Session, row: HardshipFile, on: date) -> FileView:
    household = session.get_one(Household, row.household_id)
    contact = session.execute(
        sa.select(col(Cadre.id), col(Cadre.name))
        .join(Assignment, col(Assignment.cadre_id) == col(Cadre.id))
        .where(col(Assignment.household_id) == row.household_id, assignments.holds_on(on))
        .order_by(col(Assignment.starts_on).desc(), col(Assignment.id).desc())
    ).first()
    return FileView(
        id=row.id,
        household_id=row.household_id,
        area_code=row.area_code,
        area_name=register.name_of(session, row.area_code),
        head_name=household.head_name,
        category=row.category,
        main_cause=row.main_cause,
        causes=tuple(row.causes),
        needs=row.needs,
        measures=tuple(row.measures),
        opened_on=row.opened_on,
        closed_on=row.closed_on,
        next_contact_on=row.next_contact_on,
        contact_id=contact.id if contact else None,
        contact_name=contact.name if contact else None,
        version=row.version,
    )
