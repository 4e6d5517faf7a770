"""Which submissions the office should look at, each with its reasons; never a score of a person.

Owns four questions, all answered from what is stored anyway: was the filling done too fast, far from the household's
place, with the same answer to many questions in a row, or with a number outside the usual range of its village? And
is a photo missing that it names? Thresholds are dated parameters. Refuses to store a verdict and to sum up by cadre: a
reason is a question to ask.

A number is outside the usual range where its modified z-score 0.6745 · |x - median| / MAD exceeds the limit (Iglewicz
and Hoaglin 1993); where more than half of the answers are equal (MAD 0), the mean absolute deviation takes its place,
|x - median| / (1.2533 · meanAD). Told only from so many answers of the village on, with n.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from statistics import fmean, median
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from models import Attachment, Disposition, Household, PlaceSource, Submission, SubmissionSource, Visit
from survey.access.permissions import Action, Actor, inside, service, within
from survey.problems import Problem
from survey.questionnaires import differences, incoming, library, reviews
from survey.questionnaires.definitions import Field, Form
from survey.questionnaires.reviews import SubmissionRow
from survey.questionnaires.tree import Node
from survey.rules.loader import parameter_at

WINDOW = 100
"""Submissions looked through for one page of the list: each is opened and read."""
MOST_COMPARED = 200
"""Fillings of a village and questionnaire from which a usual range is told, the latest."""
_EARTH_M = 6_371_008.8
_VILLAGE_DIGITS = 12
_NUMBERS = frozenset({"int", "decimal"})
_TYPED_LIVE = (SubmissionSource.PAGE, SubmissionSource.OFFLINE, SubmissionSource.OPENROSA)


class Concern(StrEnum):
    """Why a submission is to be looked at."""

    FAST = "fast"
    FAR = "far"
    STRAIGHT = "straight"
    UNUSUAL = "unusual"
    PHOTO_MISSING = "photo_missing"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Reason:
    """One concern: at which question (if any), what was found, against which limit or usual range, from how many."""

    concern: Concern
    found: float = 0
    limit: float = 0
    question: str = ""
    usual: float = 0
    n: int = 0


@dataclass(frozen=True)
class Noticed:
    """A submission that nobody has decided about, with its reasons."""

    row: SubmissionRow
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class NoticedPage:
    """What was noticed in one window of submissions; `looked_at` of `total` (counted up to a limit), from the latest."""

    rows: tuple[Noticed, ...]
    looked_at: int
    total: int


@dataclass(frozen=True)
class Facts:
    """What one filling says that is compared: its numbers, its longest run of equal choices, its photos."""

    numbers: Mapping[str, float]
    run: int
    run_question: str
    photos: tuple[tuple[str, str], ...]


_MOST_KEPT = 20_000
_FACTS: dict[tuple[str, str], Facts] = {}


@dataclass(frozen=True)
class _Limits:
    shortest_minutes: int
    farthest_m: int
    straight: int
    smallest_n: int
    z: float

    @classmethod
    def on(cls, day: date) -> _Limits:
        return cls(
            parameter_at("quality.shortest_minutes", day),
            parameter_at("quality.farthest_m", day),
            parameter_at("quality.straight_questions", day),
            parameter_at("quality.range_smallest_n", day),
            parameter_at("quality.range_distance_tenths", day) / 10,
        )


@service(Action.SUBMISSIONS_REVIEW)
def to_look_at(
    session: Session, actor: Actor, on: date, *, now: datetime, village: str | None = None, offset: int = 0
) -> NoticedPage:
    """What is noticed among `WINDOW` undecided submissions, from the latest received minus `offset`."""
    condition = _candidates(actor, now - timedelta(days=parameter_at("quality.window_days", on)), village)
    counted = sa.select(sa.literal(1)).where(condition).select_from(Submission).limit(reviews.MOST_COUNTED)
    total = session.execute(sa.select(sa.func.count()).select_from(counted.subquery())).scalar_one()
    found = _window(session, condition, offset)
    ranges = _Ranges(session, _Limits.on(on))
    noticed = {
        row.Submission.instance_id: reasons
        for row in found
        if (reasons := tuple(_reasons(session, row, ranges)))
    }
    rows = reviews.rows_of(session, list(noticed))
    return NoticedPage(
        tuple(Noticed(row, noticed[row.instance_id]) for row in rows), offset + len(found), total
    )


@service(Action.SUBMISSIONS_REVIEW)
def reasons_of(session: Session, actor: Actor, instance_id: str, on: date) -> tuple[Reason, ...]:
    """What is noticed about one submission, decided or not; nothing for one outside the actor's areas."""
    condition = sa.and_(
        col(Submission.instance_id) == instance_id,
        inside(actor, Action.SUBMISSIONS_REVIEW, Submission.area_code),
    )
    found = _window(session, condition, 0)
    return tuple(_reasons(session, found[0], _Ranges(session, _Limits.on(on)))) if found else ()


def usual(values: Sequence[float], value: float) -> tuple[float, float]:
    """The median, and how far a value lies from it as a modified z-score (infinite where all others agree).

    >>> usual([1, 1, 2, 2, 3], 2)
    (2, 0.0)
    >>> round(usual([1, 2, 2, 3, 3, 4], 30)[1], 1)
    37.1
    >>> usual([0, 0, 0, 0], 3)
    (0.0, inf)
    """
    middle = median(values)
    away = abs(value - middle)
    if away == 0:
        return middle, 0.0
    deviations = [abs(other - middle) for other in values]
    spread = median(deviations) / 0.6745 or 1.2533 * fmean(deviations)
    return middle, away / spread if spread else math.inf


def metres_between(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Great-circle distance of two WGS84 places (haversine).

    >>> round(metres_between(32.0, 106.0, 32.01, 106.0))
    1112
    """
    a, b = math.radians(lat), math.radians(other_lat)
    half = math.sin((b - a) / 2) ** 2
    half += math.cos(a) * math.cos(b) * math.sin(math.radians(other_lon - lon) / 2) ** 2
    return 2 * _EARTH_M * math.asin(math.sqrt(half))


def _candidates(actor: Actor, since: datetime, village: str | None) -> sa.ColumnElement[bool]:
    # Wrapped, so that the list is read along the day of receipt and not sorted whole.
    area = sa.func.coalesce(col(Submission.area_code), "")
    return sa.and_(
        col(Submission.received_at) >= since,
        inside(actor, Action.SUBMISSIONS_REVIEW, area),
        within(area, village or ""),
        reviews.undecided(),
    )


def _window(session: Session, condition: sa.ColumnElement[bool], offset: int) -> Sequence[Any]:
    return session.execute(
        sa.select(Submission, Visit, Household)
        .outerjoin(Visit, col(Visit.instance_id) == col(Submission.instance_id))
        .outerjoin(Household, col(Household.id) == col(Submission.household_id))
        .where(condition)
        .order_by(col(Submission.received_at).desc(), col(Submission.instance_id))
        .limit(WINDOW)
        .offset(offset)
    ).all()


def _reasons(session: Session, row: Any, ranges: _Ranges) -> Iterator[Reason]:
    submission, visit, household = row
    limits = ranges.limits
    yield from _too_fast(submission, visit, limits)
    yield from _too_far(visit, household, limits)
    if submission.payload is None:
        return
    facts = _facts(session, submission)
    if facts is None:
        yield Reason(Concern.UNREADABLE)
        return
    form = library.form_of(session, submission.version_id)
    if facts.run >= limits.straight:
        yield Reason(Concern.STRAIGHT, facts.run, limits.straight, _title(form, facts.run_question))
    yield from ranges.outside(submission, form, facts)
    yield from _missing_photos(session, submission, form, facts)


def _too_fast(submission: Submission, visit: Visit | None, limits: _Limits) -> Iterator[Reason]:
    met = visit is None or visit.disposition is Disposition.COMPLETED
    if submission.started_at is None or submission.source not in _TYPED_LIVE or not met:
        return
    minutes = (submission.received_at - submission.started_at).total_seconds() / 60
    if submission.corrects_id is None and 0 <= minutes < limits.shortest_minutes:
        yield Reason(Concern.FAST, minutes, limits.shortest_minutes)


def _too_far(visit: Visit | None, household: Household | None, limits: _Limits) -> Iterator[Reason]:
    if visit is None or household is None or visit.place_source is not PlaceSource.GPS:
        return
    if visit.lat is None or visit.lon is None or household.lat is None or household.lon is None:
        return
    metres = metres_between(visit.lat, visit.lon, household.lat, household.lon)
    if metres - (visit.accuracy_m or 0) > limits.farthest_m:
        yield Reason(Concern.FAR, metres, limits.farthest_m)


def _missing_photos(session: Session, submission: Submission, form: Form, facts: Facts) -> Iterator[Reason]:
    if not facts.photos:
        return
    there = set(
        session.scalars(
            sa.select(col(Attachment.name)).where(col(Attachment.instance_id) == submission.instance_id)
        )
    )
    for question, name in facts.photos:
        if name not in there:
            yield Reason(Concern.PHOTO_MISSING, question=_title(form, question))


class _Ranges:
    """The numbers of each village and version, read once a list."""

    def __init__(self, session: Session, limits: _Limits) -> None:
        self.limits = limits
        self._session = session
        self._known: dict[tuple[str, int], Mapping[str, list[tuple[str, float]]]] = {}

    def outside(self, submission: Submission, form: Form, facts: Facts) -> Iterator[Reason]:
        """The numbers of a submission that lie outside the usual range of its village, itself not counted."""
        if not facts.numbers:
            return
        known = self._of(submission)
        for ref, value in facts.numbers.items():
            question = _plain(ref)
            others = [number for owner, number in known.get(question, ()) if owner != submission.instance_id]
            if len(others) < self.limits.smallest_n:
                continue
            middle, away = usual(others, value)
            if away > self.limits.z:
                yield Reason(
                    Concern.UNUSUAL, value, self.limits.z, _title(form, question), middle, len(others)
                )

    def _of(self, submission: Submission) -> Mapping[str, list[tuple[str, float]]]:
        village = (submission.area_code or "")[:_VILLAGE_DIGITS]
        key = (village, submission.version_id)
        if key not in self._known:
            found: dict[str, list[tuple[str, float]]] = defaultdict(list)
            for other in self._latest(village, submission.version_id):
                other_facts = _facts(self._session, other)
                for ref, value in other_facts.numbers.items() if other_facts else ():
                    found[_plain(ref)].append((other.instance_id, value))
            self._known[key] = found
        return self._known[key]

    def _latest(self, village: str, version_id: int) -> Sequence[Submission]:
        newer = aliased(Submission)
        return self._session.scalars(
            sa.select(Submission)
            .where(
                within(Submission.area_code, village),
                col(Submission.version_id) == version_id,
                col(Submission.payload).is_not(None),
                ~sa.exists().where(col(newer.corrects_id) == col(Submission.instance_id)),
            )
            .order_by(col(Submission.received_at).desc())
            .limit(MOST_COMPARED)
        ).all()


def _facts(session: Session, submission: Submission) -> Facts | None:
    """What a submission says, kept in memory since it never changes; none for one that cannot be read."""
    key = (submission.instance_id, submission.payload_hash)
    if key not in _FACTS:
        if len(_FACTS) >= _MOST_KEPT:
            _FACTS.clear()
        try:
            form = library.form_of(session, submission.version_id)
            _FACTS[key] = _read_facts(form, submission.payload or "")
        except Problem:
            return None  # it is listed as unreadable, whatever the reason
    return _FACTS[key]


def _read_facts(form: Form, payload: str) -> Facts:
    root = incoming.read(payload).root
    numbers: dict[str, float] = {}
    photos: list[tuple[str, str]] = []
    choices: list[tuple[object, str, str]] = []
    for ref, definition, text in _answered(root, form.root, f"/{form.root.local}"):
        question = definition.question
        if question is None:
            continue
        if definition.bind.type in _NUMBERS and _is_number(text):
            numbers[ref] = float(text)
        elif definition.bind.type == "binary":
            photos.append((definition.ref, text))
        if question.control == "select1" and question.itemset is not None:
            choices.append((question.itemset.nodes.source, text, definition.ref))
    run, run_question = _longest_run(choices)
    return Facts(numbers, run, run_question, tuple(photos))


def _answered(node: Node, definition: Field, ref: str) -> Iterator[tuple[str, Field, str]]:
    counts: dict[str, int] = {}
    for child in node.elements():
        below = definition.by_name.get(child.local)
        if below is None:
            continue
        counts[child.local] = counts.get(child.local, 0) + 1
        own = f"{ref}/{child.local}" + (f"[{counts[child.local]}]" if below.repeat is not None else "")
        if below.children and any(not inner.attribute for inner in below.children):
            yield from _answered(child, below, own)
        elif text := child.text().strip():
            yield own, below, text


def _longest_run(choices: Sequence[tuple[object, str, str]]) -> tuple[int, str]:
    """How many neighbouring questions on the same list of choices have the same answer at most, and the first."""
    best, best_question = 0, ""
    run, first = 0, ""
    before: tuple[object, str] | None = None
    for source, value, question in choices:
        if (source, value) == before:
            run += 1
        else:
            run, first, before = 1, question, (source, value)
        if run > best:
            best, best_question = run, first
    return best, best_question


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _plain(ref: str) -> str:
    """A reference without the positions of repeats: all members of a household are compared alike."""
    return "/".join(part.partition("[")[0] for part in ref.split("/"))


def _title(form: Form, ref: str) -> str:
    return differences.title(form, ref.rpartition("/")[2])
