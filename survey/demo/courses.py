"""The course of a case: which act follows on which day, and whether the matter is then gone.

Owns the chances (many are solved on the spot, most others in time, some late, a few wait at each stage). Pure, and
drawn from the case's own generator: whoever knows household, category and day knows the course, so that the visits
can tell of a solution without asking the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from models import StepKind
from survey.cases.categories import answer_due_on
from survey.demo.chance import drawn, generator
from survey.rules import codes

# How often what was called resolved stays so: a mended pipe brings water, a dry spring is dry again next season.
_LASTING_DIFFICULTY, _LASTING_REQUEST = 0.45, 0.95
# Before which act a case waits for good, in percent.
_WAITING = {"": 90, "accept": 1, "assign": 2, "start": 2, "conclude": 3, "reply": 2}
_CONCLUSIONS = (StepKind.RESOLVE, StepKind.GIVE_UP)


@dataclass(frozen=True)
class Course:
    """The acts in their order, and the day from which the household says that the matter is solved."""

    steps: tuple[tuple[date, StepKind], ...]
    solved_on: date | None


def course(seed: int, household_id: str, category: str, opened_on: date) -> Course:
    """The course of the case of a household in a category that was opened on a day."""
    rng = generator(seed, f"course:{household_id}:{category}:{opened_on}")
    steps = tuple(_steps(rng, category, opened_on))
    resolved_on = next((day for day, kind in steps if kind is StepKind.RESOLVE), None)
    lasting = rng.random() < (
        _LASTING_DIFFICULTY if category in codes.keys("difficulty") else _LASTING_REQUEST
    )
    return Course(steps, resolved_on if lasting else None)


def _steps(rng: Random, category: str, opened_on: date) -> Iterator[tuple[date, StepKind]]:
    difficulty = category in codes.keys("difficulty")
    day = opened_on + timedelta(days=rng.randint(0, 2))
    if rng.random() < (0.15 if difficulty else 0.4):
        yield opened_on, StepKind.RESOLVE
        yield opened_on, StepKind.REPLY
        yield day, StepKind.CLOSE
    elif not difficulty and rng.random() < 0.08:
        yield day, StepKind.REFUSE
        if rng.random() < 0.25:
            return
        yield day + timedelta(days=rng.randint(0, 4)), StepKind.REPLY
        yield day + timedelta(days=rng.randint(5, 12)), StepKind.CLOSE
    else:
        waiting = drawn(rng, _WAITING)
        for step in _through_the_office(rng, category, opened_on, day):
            if waiting == ("conclude" if step[1] in _CONCLUSIONS else step[1]):
                return
            yield step


def _through_the_office(
    rng: Random, category: str, opened_on: date, accepted_on: date
) -> list[tuple[date, StepKind]]:
    allowed_days = (answer_due_on(category, opened_on) - opened_on).days
    assigned_on = accepted_on + timedelta(days=rng.randint(0, 2))
    started_on = assigned_on + timedelta(days=rng.randint(0, 4))
    needed = timedelta(days=max(3, round(allowed_days * rng.lognormvariate(-0.5, 0.55))))
    concluded_on = max(opened_on + needed, started_on + timedelta(days=1))
    conclusion = StepKind.RESOLVE if rng.random() < 0.86 else StepKind.GIVE_UP
    # What cannot be done takes longer to be told.
    replied_on = concluded_on + timedelta(days=rng.randint(0, 4 if conclusion is StepKind.RESOLVE else 25))
    return [
        (accepted_on, StepKind.ACCEPT),
        (assigned_on, StepKind.ASSIGN),
        (started_on, StepKind.START),
        (concluded_on, conclusion),
        (replied_on, StepKind.REPLY),
        (replied_on + timedelta(days=rng.randint(2, 12)), StepKind.CLOSE),
    ]
