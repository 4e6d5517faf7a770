"""Any sequence of steps: the unlawful ones are refused, and the ledger balances after the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from models import CaseState, StepKind
from survey.cases import lifecycle
from survey.problems import Problem

STEPS = st.lists(st.sampled_from(list(StepKind)), max_size=40)


@dataclass
class Ledger:
    """A case as its lawful steps leave it."""

    state: CaseState | None = None
    done: list[StepKind] = field(default_factory=list)


def play(steps: Iterable[StepKind]) -> Ledger:
    """Apply every step; what is refused must leave the case as it was."""
    ledger = Ledger()
    for step in steps:
        before = ledger.state
        lawful = step is StepKind.INTAKE if before is None else step in lifecycle.steps_from(before)
        try:
            ledger.state = lifecycle.after(before, step)
        except Problem as problem:
            assert problem.code == "cases.illegal_step"
            assert not lawful, f"{step} was offered in {before} but refused"
            continue
        assert lawful, f"{step} was not offered in {before} but done"
        ledger.done.append(step)
    return ledger


@given(STEPS)
def test_what_is_offered_and_what_is_done_are_the_same(steps: list[StepKind]) -> None:
    ledger = play([StepKind.INTAKE, *steps])
    assert ledger.done[0] is StepKind.INTAKE
    assert ledger.done.count(StepKind.INTAKE) == 1


@given(STEPS)
def test_a_closed_case_has_an_outcome_and_a_reply_after_it(steps: list[StepKind]) -> None:
    ledger = play([StepKind.INTAKE, *steps])
    assert ledger.state in lifecycle.OPEN_STATES or ledger.state is CaseState.CLOSED
    if ledger.state is CaseState.CLOSED:
        outcomes = {StepKind.RESOLVE, StepKind.GIVE_UP, StepKind.REFUSE}
        last_begun = max(
            (n for n, step in enumerate(ledger.done) if step in {StepKind.REOPEN, StepKind.INTAKE}), default=0
        )
        since = ledger.done[last_begun:]
        outcome = max(n for n, step in enumerate(since) if step in outcomes)
        reply = max(n for n, step in enumerate(since) if step is StepKind.REPLY)
        close = max(n for n, step in enumerate(since) if step is StepKind.CLOSE)
        assert outcome < reply < close


@given(STEPS)
def test_from_every_state_the_end_can_be_reached(steps: list[StepKind]) -> None:
    state = play([StepKind.INTAKE, *steps]).state
    assert state is not None
    reached, seen = {state}, set[CaseState]()
    while reached - seen:
        current = (reached - seen).pop()
        seen.add(current)
        reached |= {lifecycle.after(current, step) for step in lifecycle.steps_from(current)}
    assert CaseState.CLOSED in reached
