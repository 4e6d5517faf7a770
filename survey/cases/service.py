"""Taking matters in and recording what is done about them.

Owns opening a case or linking a report to the open one, its number, its deadline, its steps, and the entity
writers of the lists `cases` and `observations`. Every step is dated, audited and checked by the lifecycle; a case
is never deleted. Refuses categories outside the code lists (an accusation about a cadre is none of them), steps
out of order, and a step on a case that somebody else changed meanwhile. What is written about a case is stored
encrypted and never stands in the audit trail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from models import (
    Cadre,
    Case,
    CaseState,
    CaseStep,
    DifficultyState,
    Household,
    Observation,
    Posting,
    StepKind,
)
from survey import i18n
from survey.access import audit
from survey.access.permissions import ALLOWED, ROLE_OF_POST, Action, Actor, require, service, within_any
from survey.cases import categories, lifecycle
from survey.cases.numbers import next_number
from survey.i18n import gettext as _
from survey.problems import Problem
from survey.questionnaires.engine import EntityRow
from survey.questionnaires.registry import EntityWriter, Filling, Written
from survey.rules import codes

WORDS_LIMIT = 2000
_SEVERITIES = {"1": 1, "2": 2, "3": 3}
_SILENT_STEPS = frozenset({StepKind.ACCEPT, StepKind.START, StepKind.CLOSE})
_STEPS_ELSEWHERE = frozenset({StepKind.INTAKE, StepKind.LINK, StepKind.ASSIGN, StepKind.MOVE})

_OWNER_POSTS = tuple(post for post, role in ROLE_OF_POST.items() if Action.CASES_WRITE in ALLOWED[role])

_LAST_ACTED = sa.select(sa.func.max(CaseStep.acted_on)).where(col(CaseStep.case_id) == sa.bindparam("case"))

RECORDED_STEPS = tuple(kind for kind in StepKind if kind not in _STEPS_ELSEWHERE)
"""Steps that `record_step` takes; intake and link come with a report, assigning names its owner."""


@dataclass(frozen=True)
class Report:
    """What somebody raised: when (late entry or not), where, about what, how bad (1 to 3), in which words.

    A matter of a household lies where the household lies, whatever `area_code` says.
    `instance_id` is the filling it came with, if any; `place` is (latitude, longitude) in WGS84 degrees.
    """

    on: date
    area_code: str
    category: str
    household_id: str | None = None
    severity: int | None = None
    words: str | None = None
    place: tuple[float, float] | None = None
    instance_id: str | None = None


@dataclass(frozen=True)
class Taken:
    """The case a report went into; `opened` tells a new case from a link to an open one."""

    id: str
    number: str
    opened: bool


@dataclass(frozen=True)
class Recorded:
    """What a step led to: the state and the version to name with the next step."""

    state: CaseState
    version: int


@service(Action.VISITS_RECORD)
def take_in(session: Session, actor: Actor, report: Report) -> Taken:
    """Open a case, or link the report to the open case of the same household and category.

    The recorder is the first handler and, until somebody is assigned, the owner. The answer is due by the rule in
    force on the day of the report; that day is kept as `rule_on`. A report linked to a resolved or answered case
    puts it in progress again with a new deadline, unless it is of a day before the conclusion (entered late): then it
    is linked and changes nothing else. Problems: `access.forbidden`, `access.not_found` for a household elsewhere,
    `cases.unknown_category`.
    """
    categories.track_of(report.category)
    if report.household_id is not None:
        report = replace(report, area_code=_area_of_household(session, actor, report.household_id))
    require(actor, Action.VISITS_RECORD, report.area_code)
    known = _open_case(session, report)
    if known is None:
        return _open(session, actor, report)
    return _link(session, actor, report, known)


@service(Action.CASES_WRITE)
def record_step(
    session: Session,
    actor: Actor,
    case_id: str,
    kind: StepKind,
    words: str | None,
    *,
    on: date,
    expected_version: int,
) -> Recorded:
    """Record one act on a case as of a day and move it to the state the lifecycle gives.

    `expected_version` is the version the user saw: `cases.changed` when somebody acted meanwhile, and nothing is
    written. Other problems: `access.not_found`, `access.forbidden`, `cases.illegal_step`, `cases.step_elsewhere`,
    `cases.words_missing` (all steps but accepting, starting and closing), `cases.words_too_long`,
    `cases.before_last_step`.
    """
    if kind in _STEPS_ELSEWHERE:
        raise Problem("cases.step_elsewhere")
    words = _checked_words(words)
    if words is None and kind not in _SILENT_STEPS:
        raise Problem("cases.words_missing")
    case = _for_change(session, actor, case_id, expected_version)
    return _act(session, actor, case, kind, words, on)


@service(Action.CASES_WRITE)
def assign(
    session: Session,
    actor: Actor,
    case_id: str,
    owner_id: int,
    words: str | None = None,
    *,
    on: date,
    expected_version: int,
) -> Recorded:
    """Give a case to a cadre who has a post over its area that day; the first handler stays as recorded.

    Problems as for `record_step`, and `cases.owner_elsewhere`.
    """
    case = _for_change(session, actor, case_id, expected_version)
    posted = sa.select(col(Posting.id)).where(col(Posting.cadre_id) == owner_id, may_own(case.area_code, on))
    if session.execute(posted).first() is None:
        raise Problem("cases.owner_elsewhere")
    recorded = _act(session, actor, case, StepKind.ASSIGN, _checked_words(words), on)
    case.owner_id = owner_id
    session.flush()
    return recorded


def may_own(area_code: str, on: date) -> sa.ColumnElement[bool]:
    """The SQL predicate of the postings that day whose holder may handle cases of the area."""
    return sa.and_(
        col(Posting.post).in_(_OWNER_POSTS),
        col(Posting.area_code).in_([area_code[:digits] for digits in (6, 9, 12, 14)]),
        col(Posting.starts_on) <= on,
        sa.or_(col(Posting.ends_on).is_(None), col(Posting.ends_on) >= on),
    )


def _area_of_household(session: Session, actor: Actor, household_id: str) -> str:
    """Where a household lies in which the actor may record; one report of it at a time from now on.

    Two reports at once would both find no open case.
    """
    statement = _household_within(actor.prefixes(Action.VISITS_RECORD))
    area_code: str | None = session.execute(statement, {"id": household_id}).scalar_one_or_none()
    if area_code is None:
        raise Problem("access.not_found")
    return area_code


@lru_cache(maxsize=1024)
def _household_within(prefixes: tuple[str, ...]) -> sa.Select[Any]:
    """The statement that locks a household in these areas, built once for all cadres of an area."""
    return (
        sa.select(col(Household.area_code))
        .where(col(Household.id) == sa.bindparam("id"), within_any(Household.area_code, prefixes))
        .with_for_update()
    )


def _open_case(session: Session, report: Report) -> Case | None:
    if report.household_id is None:
        return None
    return session.exec(
        select(Case)
        .where(
            Case.household_id == report.household_id,
            Case.category == report.category,
            col(Case.closed_on).is_(None),
        )
        .order_by(col(Case.opened_on), col(Case.number))
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def _open(session: Session, actor: Actor, report: Report) -> Taken:
    lat, lon = report.place or (None, None)
    case = Case(
        number=next_number(session, report.area_code, report.on.year),
        area_code=report.area_code,
        household_id=report.household_id,
        category=report.category,
        severity=report.severity,
        words=report.words,
        state=lifecycle.after(None, StepKind.INTAKE),
        opened_on=report.on,
        due_on=categories.answer_due_on(report.category, report.on),
        rule_on=report.on,
        owner_id=actor.cadre_id,
        first_handler_id=actor.cadre_id,
        lat=lat,
        lon=lon,
    )
    session.add(case)
    session.flush()
    _add_step(session, actor, case, StepKind.INTAKE, None, report.on, None, report.instance_id)
    _audit(session, actor, case, "case.take_in")
    return Taken(case.id, case.number, opened=True)


def _link(session: Session, actor: Actor, report: Report, case: Case) -> Taken:
    before = case.state
    state = lifecycle.after(before, StepKind.LINK)
    if state is not before and not _concluded_after(session, case, report.on):
        case.state = state
        case.due_on, case.rule_on = categories.answer_due_on(case.category, report.on), report.on
    case.severity = max(filter(None, (case.severity, report.severity)), default=None)
    if case.lat is None and report.place is not None:
        case.lat, case.lon = report.place
    case.version += 1
    _add_step(session, actor, case, StepKind.LINK, before, report.on, report.words, report.instance_id)
    _audit(session, actor, case, "case.link")
    return Taken(case.id, case.number, opened=False)


def _concluded_after(session: Session, case: Case, on: date) -> bool:
    concluded = sa.select(sa.func.max(CaseStep.acted_on)).where(
        col(CaseStep.case_id) == case.id, col(CaseStep.kind).in_(lifecycle.CONCLUSIONS)
    )
    last: date | None = session.execute(concluded).scalar_one()
    return last is not None and on < last


def _act(session: Session, actor: Actor, case: Case, kind: StepKind, words: str | None, on: date) -> Recorded:
    before = case.state
    state = lifecycle.after(before, kind)
    _check_day(session, case, on)
    case.state = state
    if state is CaseState.CLOSED:
        case.closed_on = on
    elif kind is StepKind.REOPEN:
        case.closed_on = None
        case.due_on, case.rule_on = categories.answer_due_on(case.category, on), on
    case.version += 1
    _add_step(session, actor, case, kind, before, on, words, None)
    _audit(session, actor, case, "case.step", step=str(kind))
    return Recorded(state, case.version)


def _for_change(session: Session, actor: Actor, case_id: str, expected_version: int) -> Case:
    found = session.execute(_case_within(actor.prefixes(Action.CASES_READ)), {"id": case_id})
    case: Case | None = found.scalar_one_or_none()
    if case is None:
        raise Problem("access.not_found")
    require(actor, Action.CASES_WRITE, case.area_code)
    if case.version != expected_version:
        raise Problem("cases.changed", number=case.number, name=_last_name(session, case_id))
    return case


@lru_cache(maxsize=1024)
def _case_within(prefixes: tuple[str, ...]) -> sa.Select[Any]:
    """The statement that reads and locks a case in these areas, built once for all cadres of an area."""
    return (
        sa.select(Case)
        .where(col(Case.id) == sa.bindparam("id"), within_any(Case.area_code, prefixes))
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _last_name(session: Session, case_id: str) -> str:
    return (
        session.exec(
            select(Cadre.name)
            .join(CaseStep, col(CaseStep.cadre_id) == col(Cadre.id))
            .where(CaseStep.case_id == case_id)
            .order_by(col(CaseStep.id).desc())
            .limit(1)
        ).first()
        or "—"
    )


def _check_day(session: Session, case: Case, on: date) -> None:
    last = session.execute(_LAST_ACTED, {"case": case.id}).scalar_one()
    earliest = last or case.opened_on
    if on < earliest:
        raise Problem("cases.before_last_step", day=earliest.isoformat())


def _checked_words(words: str | None) -> str | None:
    text = (words or "").strip()
    if len(text) > WORDS_LIMIT:
        raise Problem("cases.words_too_long", limit=WORDS_LIMIT)
    return text or None


def _add_step(
    session: Session,
    actor: Actor,
    case: Case,
    kind: StepKind,
    before: CaseState | None,
    on: date,
    words: str | None,
    instance_id: str | None,
) -> None:
    session.add(
        CaseStep(
            case_id=case.id,
            kind=kind,
            from_state=before,
            to_state=case.state,
            acted_on=on,
            cadre_id=actor.cadre_id,
            instance_id=instance_id,
            words=words,
        )
    )
    session.flush()


def _audit(session: Session, actor: Actor, case: Case, action: str, **details: object) -> None:
    audit.append(
        session,
        actor,
        action,
        kind="case",
        id=case.id,
        area_code=case.area_code,
        details={"number": case.number, **details},
    )


def _follow_household(session: Session, actor: Actor, household: Household, on: date) -> None:
    """Open cases go with a household that moved, so that its new cadres see them; finished ones stay where they were."""
    moved = session.exec(
        select(Case).where(
            Case.household_id == household.id,
            Case.area_code != household.area_code,
            col(Case.closed_on).is_(None),
        )
    ).all()
    for case in moved:
        case.area_code = household.area_code
        case.version += 1
        _add_step(session, actor, case, StepKind.MOVE, case.state, on, None, None)
        _audit(session, actor, case, "case.move")


def _write_observation(session: Session, actor: Actor, filling: Filling, row: EntityRow) -> Sequence[Written]:
    opens = row.properties.get("opens_case") == "yes"
    if not opens and filling.earlier is None:
        return ()
    observation = session.get(Observation, row.entity_id)
    if observation is None:
        raise Problem("cases.observation_missing")
    if observation.case_id is not None:
        return _correct_observation(session, actor, filling, row, observation)
    if not opens:
        return ()
    known = _raised_before(session, filling, observation.difficulty)
    if known is not None:
        observation.case_id = known.id
        _remark(session, actor, filling, known, _("The visit reports this difficulty again."))
        return ()
    report = Report(
        on=observation.observed_on,
        area_code=observation.area_code,
        category=observation.difficulty,
        household_id=observation.household_id,
        severity=observation.severity,
        words=observation.words,
        place=_place(filling),
        instance_id=filling.instance_id,
    )
    taken = take_in(session, actor, report)
    observation.case_id = taken.id
    session.flush()
    return (Written("case", taken.id, taken.number),)


def _correct_observation(
    session: Session, actor: Actor, filling: Filling, row: EntityRow, observation: Observation
) -> Sequence[Written]:
    """The case an observation led to learns of its correction; it is never undone by one."""
    before = filling.before(row)
    if before is None or before.properties == row.properties:
        return ()
    case = session.get_one(Case, observation.case_id)
    if observation.state in (None, DifficultyState.NONE):
        words = _("The visit was corrected: this difficulty is no longer reported.")
        observation.case_id = None
    else:
        words = _corrected_words(codes.label("difficulty_state", observation.state), row)
    _remark(session, actor, filling, case, words)
    return (Written("case", case.id, case.number),)


def _withdraw_observation(
    session: Session, actor: Actor, filling: Filling, row: EntityRow, reason: str
) -> None:
    observation = session.get(Observation, row.entity_id)
    if observation is not None and observation.case_id is not None:
        _remark(session, actor, filling, session.get_one(Case, observation.case_id), reason)


def _write_case(session: Session, actor: Actor, filling: Filling, row: EntityRow) -> Sequence[Written]:
    category = row.properties.get("category", "")
    before = filling.before(row)
    if before is not None and before.properties == row.properties:
        return ()
    if before is not None and before.properties.get("category") != category:
        _withdraw_case(
            session, actor, filling, before, _("The visit was corrected: this is no longer asked for.")
        )
    known = _raised_before(session, filling, category)
    if known is not None:
        _remark(session, actor, filling, known, _corrected_words("", row))
        return (Written("case", known.id, known.number),)
    report = Report(
        on=filling.visits[0].visited_on if filling.visits else filling.on,
        area_code=filling.area_code,
        category=category,
        household_id=filling.household.id if filling.household else None,
        severity=_SEVERITIES.get(row.properties.get("severity", "")),
        words=(row.properties.get("words") or "").strip() or None,
        place=_place(filling),
        instance_id=filling.instance_id,
    )
    taken = take_in(session, actor, report)
    return (Written("case", taken.id, taken.number),)


def _withdraw_case(session: Session, actor: Actor, filling: Filling, row: EntityRow, reason: str) -> None:
    case = _raised_before(session, filling, row.properties.get("category", ""))
    if case is not None:
        _remark(session, actor, filling, case, reason)


def _raised_before(session: Session, filling: Filling, category: str) -> Case | None:
    """The case into which an earlier version of the filling brought this matter."""
    versions = {filling.instance_id, *(filling.earlier.instance_ids if filling.earlier else ())}
    if filling.earlier is None:
        return None
    return session.exec(
        select(Case)
        .join(CaseStep, col(CaseStep.case_id) == col(Case.id))
        .where(
            Case.household_id == (filling.household.id if filling.household else None),
            Case.category == category,
            col(CaseStep.instance_id).in_(versions),
            col(CaseStep.kind).in_((StepKind.INTAKE, StepKind.LINK)),
        )
        .limit(1)
    ).first()


def _remark(session: Session, actor: Actor, filling: Filling, case: Case, words: str) -> None:
    """Note on a case what became of the filling it came from; a closed case stays as it is, and the trail knows."""
    if StepKind.NOTE in lifecycle.steps_from(case.state):
        on = i18n.local(filling.received_at).date()
        case.version += 1
        _add_step(session, actor, case, StepKind.NOTE, case.state, on, words, filling.instance_id)
    _audit(session, actor, case, "case.report_corrected", instance=filling.instance_id)


def _corrected_words(state: str, row: EntityRow) -> str:
    severity = codes.label("severity", row.properties.get("severity"))
    parts = [state, severity, (row.properties.get("words") or "").strip()]
    return _("The visit was corrected: {words}", words="，".join(part for part in parts if part))[
        :WORDS_LIMIT
    ]


def _place(filling: Filling) -> tuple[float, float] | None:
    household = filling.household
    if household is None or household.lat is None or household.lon is None:
        return None
    return household.lat, household.lon


HOUSEHOLD_FOLLOWER = _follow_household
OBSERVATION_WRITER = EntityWriter(
    "observations", frozenset({"opens_case"}), _write_observation, _withdraw_observation
)
CASE_WRITER = EntityWriter("cases", frozenset({"category", "severity", "words"}), _write_case, _withdraw_case)
