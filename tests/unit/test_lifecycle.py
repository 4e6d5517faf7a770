"""The table of a case's life: what leads where, and what is refused."""

from __future__ import annotations

import pytest

from models import CaseState, StepKind
from survey.cases import lifecycle
from survey.problems import Problem

LAWFUL = (
    (CaseState.TAKEN_IN, StepKind.ACCEPT, CaseState.ACCEPTED),
    (CaseState.TAKEN_IN, StepKind.REFUSE, CaseState.NOT_ACCEPTED),
    (CaseState.TAKEN_IN, StepKind.RESOLVE, CaseState.RESOLVED),
    (CaseState.TAKEN_IN, StepKind.START, CaseState.IN_PROGRESS),
    (CaseState.IN_PROGRESS, StepKind.ASSIGN, CaseState.ASSIGNED),
    (CaseState.IN_PROGRESS, StepKind.NOTE, CaseState.IN_PROGRESS),
    (CaseState.IN_PROGRESS, StepKind.GIVE_UP, CaseState.UNRESOLVABLE),
    (CaseState.NOT_ACCEPTED, StepKind.REPLY, CaseState.REPLIED),
    (CaseState.RESOLVED, StepKind.REPLY, CaseState.REPLIED),
    (CaseState.REPLIED, StepKind.CLOSE, CaseState.CLOSED),
    (CaseState.CLOSED, StepKind.REOPEN, CaseState.IN_PROGRESS),
    (CaseState.RESOLVED, StepKind.LINK, CaseState.IN_PROGRESS),
    (CaseState.REPLIED, StepKind.LINK, CaseState.IN_PROGRESS),
    (CaseState.ASSIGNED, StepKind.LINK, CaseState.ASSIGNED),
)

REFUSED = (
    (None, StepKind.ACCEPT),
    (CaseState.TAKEN_IN, StepKind.INTAKE),
    (CaseState.TAKEN_IN, StepKind.REPLY),
    (CaseState.IN_PROGRESS, StepKind.REPLY),
    (CaseState.RESOLVED, StepKind.CLOSE),
    (CaseState.UNRESOLVABLE, StepKind.CLOSE),
    (CaseState.ACCEPTED, StepKind.REFUSE),
    (CaseState.CLOSED, StepKind.NOTE),
    (CaseState.CLOSED, StepKind.LINK),
    (CaseState.IN_PROGRESS, StepKind.REOPEN),
)


def test_a_case_begins_taken_in() -> None:
    assert lifecycle.after(None, StepKind.INTAKE) is CaseState.TAKEN_IN


@pytest.mark.parametrize(("state", "step", "expected"), LAWFUL)
def test_a_lawful_step_leads_on(state: CaseState, step: StepKind, expected: CaseState) -> None:
    assert lifecycle.after(state, step) is expected


@pytest.mark.parametrize(("state", "step"), REFUSED)
def test_an_unlawful_step_is_refused(state: CaseState | None, step: StepKind) -> None:
    with pytest.raises(Problem) as raised:
        lifecycle.after(state, step)
    assert raised.value.code == "cases.illegal_step"


def test_a_resolved_case_still_owes_a_reply() -> None:
    assert CaseState.RESOLVED in lifecycle.UNANSWERED_STATES
    assert CaseState.REPLIED not in lifecycle.UNANSWERED_STATES
    assert CaseState.CLOSED not in lifecycle.OPEN_STATES
