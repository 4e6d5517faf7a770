"""What becomes of the cases over the year: dated acts of the office and of those who handle them.

Owns carrying out each case's course through `cases.service` as of past days. Refuses a step the lifecycle does not
allow: a case that was raised again meanwhile goes on from where it stands.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session

from models import Case, StepKind
from survey.access.permissions import Actor
from survey.cases import lifecycle
from survey.cases import service as cases
from survey.demo import words
from survey.demo.courses import course

_BY_HANDLER = (StepKind.START, StepKind.RESOLVE, StepKind.GIVE_UP)


@dataclass(frozen=True)
class Office:
    """Who acts on cases: the office for the township, the handlers (account id and actor) by village."""

    office: Actor
    handlers: dict[str, list[tuple[int, Actor]]]


class Casework:
    """The acts still to be done, oldest first."""

    def __init__(self, seed: int, office: Office) -> None:
        self._seed = seed
        self._office = office
        self._due: list[tuple[date, int, str, StepKind]] = []
        self._last: dict[str, date] = {}
        self._handler: dict[str, tuple[int, Actor]] = {}

    def raised(self, session: Session, case_id: str, on: date) -> None:
        """A report went into a case: plan its course if it is new, remember the day if it is not."""
        if case_id in self._last:
            self._last[case_id] = max(self._last[case_id], on)
            return
        case = session.get_one(Case, case_id)
        self._last[case_id] = case.opened_on
        handlers = self._office.handlers[case.area_code[:12]]
        self._handler[case_id] = handlers[len(self._handler) % len(handlers)]
        planned = course(self._seed, case.household_id or case_id, case.category, case.opened_on)
        for number, (day, kind) in enumerate(planned.steps):
            heapq.heappush(self._due, (day, len(self._last) * 10 + number, case_id, kind))

    def act_until(self, session: Session, day: date) -> int:
        """Do everything planned up to that day; how many acts were done."""
        done = 0
        while self._due and self._due[0][0] <= day:
            on, _, case_id, kind = heapq.heappop(self._due)
            done += self._act(session, case_id, kind, on)
        return done

    def _act(self, session: Session, case_id: str, kind: StepKind, on: date) -> int:
        case = session.get_one(Case, case_id)
        if kind not in lifecycle.steps_from(case.state):
            return 0
        on = self._last[case_id] = max(on, self._last[case_id])
        handler_id, handler = self._handler[case_id]
        if kind is StepKind.ASSIGN:
            cases.assign(
                session, self._office.office, case_id, handler_id, on=on, expected_version=case.version
            )
        else:
            actor = handler if kind in _BY_HANDLER else self._office.office
            said = words.step(str(kind), case.category)
            cases.record_step(session, actor, case_id, kind, said, on=on, expected_version=case.version)
        return 1
