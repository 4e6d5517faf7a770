"""What becomes of the cases over the year: dated steps of the office and of those who handle them.

Owns the course of each case (most are answered in time, some late, some wait) and carrying it out through
`cases.service` as of past days. Refuses a step the lifecycle does not allow: a case that was raised again meanwhile
goes on from where it stands.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from sqlmodel import Session

from models import Case, CaseState, StepKind
from survey.access.permissions import Actor
from survey.cases import lifecycle
from survey.cases import service as cases
from survey.demo import words
from survey.demo.answers import Memory
from survey.demo.chance import drawn
from survey.rules import codes

_USUAL_DAYS = 15
_STUCK = {"": 80, "accept": 3, "assign": 5, "start": 8, "reply": 4}


@dataclass(frozen=True)
class Office:
    """Who acts on cases: the office for the township, the handlers by village."""

    office: Actor
    handlers: dict[str, list[tuple[int, Actor]]]


class Casework:
    """The steps still to be taken, oldest first."""

    def __init__(self, rng: Random, office: Office, memory: Memory) -> None:
        self._rng = rng
        self._office = office
        self._memory = memory
        self._due: list[tuple[date, int, str, StepKind]] = []
        self._last: dict[str, date] = {}
        self._handler: dict[str, tuple[int, Actor]] = {}
        self._count = 0

    def raised(self, session: Session, case_id: str, on: date) -> None:
        """A report went into a case: plan its course if it is new, remember the day if it is not."""
        if case_id in self._last:
            self._last[case_id] = max(self._last[case_id], on)
            return
        case = session.get_one(Case, case_id)
        self._last[case_id] = case.opened_on
        self._handler[case_id] = self._rng.choice(self._office.handlers[case.area_code[:12]])
        for day, kind in self._course(case):
            self._count += 1
            heapq.heappush(self._due, (day, self._count, case_id, kind))

    def act_until(self, session: Session, day: date) -> int:
        """Take every step planned up to that day; how many were taken."""
        taken = 0
        while self._due and self._due[0][0] <= day:
            on, _, case_id, kind = heapq.heappop(self._due)
            taken += self._act(session, case_id, kind, on)
        return taken

    def _course(self, case: Case) -> Iterator[tuple[date, StepKind]]:
        rng, day = self._rng, case.opened_on + timedelta(days=self._rng.randint(0, 2))
        if case.category not in codes.keys("difficulty") and rng.random() < 0.06:
            yield day, StepKind.REFUSE
            yield day + timedelta(days=rng.randint(0, 4)), StepKind.REPLY
            yield day + timedelta(days=rng.randint(5, 12)), StepKind.CLOSE
            return
        stuck = drawn(rng, _STUCK)
        allowed = (case.due_on - case.opened_on).days if case.due_on else _USUAL_DAYS
        concluded = case.opened_on + timedelta(days=max(3, round(allowed * rng.lognormvariate(-0.5, 0.55))))
        steps = [(day, StepKind.ACCEPT), (day + timedelta(days=rng.randint(0, 2)), StepKind.ASSIGN)]
        started = steps[-1][0] + timedelta(days=rng.randint(0, 4))
        concluded = max(concluded, started + timedelta(days=1))
        steps.append((started, StepKind.START))
        kind = StepKind.RESOLVE if rng.random() < 0.86 else StepKind.GIVE_UP
        steps.append((concluded, kind))
        replied = concluded + timedelta(days=rng.randint(0, 4))
        steps.append((replied, StepKind.REPLY))
        steps.append((replied + timedelta(days=rng.randint(2, 12)), StepKind.CLOSE))
        for planned in steps:
            if planned[1] == stuck:
                return
            yield planned

    def _act(self, session: Session, case_id: str, kind: StepKind, on: date) -> int:
        case = session.get_one(Case, case_id)
        if kind not in lifecycle.steps_from(case.state):
            return 0
        on = max(on, self._last[case_id])
        self._last[case_id] = on
        cadre_id, handler = self._handler[case_id]
        if kind is StepKind.ASSIGN:
            cases.assign(
                session, self._office.office, case_id, cadre_id, on=on, expected_version=case.version
            )
            return 1
        by_handler = kind in (StepKind.START, StepKind.RESOLVE, StepKind.GIVE_UP)
        actor = handler if by_handler else self._office.office
        said = words.step(str(kind), case.category)
        recorded = cases.record_step(
            session, actor, case_id, kind, said, on=on, expected_version=case.version
        )
        if recorded.state is CaseState.RESOLVED and case.household_id and self._rng.random() < 0.9:
            self._memory.solve(case.household_id, case.category)
        return 1
