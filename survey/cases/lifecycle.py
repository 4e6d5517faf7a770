"""The life of a case: which step is lawful in which state, and where it leads. Pure.

Owns the table of transitions and the one function that applies a step. Refuses every step the table does not
name, with `cases.illegal_step`. Resolved, replied and closed are three events: a case closes only after a reply,
and a reply is given only to something resolved, explained as not resolvable, or not accepted. What is raised
again while it was called resolved or answered is in progress again, so that it cannot vanish.
"""

from __future__ import annotations

from collections.abc import Mapping

from models import CaseState, StepKind
from survey.problems import Problem

__all__ = [
    "CONCLUSIONS",
    "OPEN_STATES",
    "TRANSITIONS",
    "UNANSWERED_STATES",
    "CaseState",
    "StepKind",
    "after",
    "steps_from",
]

_S = CaseState
_K = StepKind

_AWAITING = (_S.TAKEN_IN, _S.ACCEPTED, _S.ASSIGNED, _S.IN_PROGRESS)
_CONCLUDED = (_S.RESOLVED, _S.UNRESOLVABLE, _S.NOT_ACCEPTED)

OPEN_STATES = frozenset(CaseState) - {_S.CLOSED}
"""States of a case that is not finished."""

UNANSWERED_STATES = OPEN_STATES - {_S.REPLIED}
"""States in which the villager still waits for a reply: only these can be overdue."""

CONCLUSIONS = frozenset({_K.RESOLVE, _K.GIVE_UP, _K.REFUSE})
"""Steps that say how a matter ended; the reply about it is another event."""

TRANSITIONS: Mapping[StepKind, Mapping[CaseState, CaseState]] = {
    _K.INTAKE: {},
    _K.LINK: {state: state for state in (*_AWAITING, _S.UNRESOLVABLE, _S.NOT_ACCEPTED)}
    | {_S.RESOLVED: _S.IN_PROGRESS, _S.REPLIED: _S.IN_PROGRESS},
    _K.ACCEPT: {_S.TAKEN_IN: _S.ACCEPTED},
    _K.REFUSE: {_S.TAKEN_IN: _S.NOT_ACCEPTED},
    _K.ASSIGN: dict.fromkeys(_AWAITING, _S.ASSIGNED),
    _K.START: dict.fromkeys((_S.TAKEN_IN, _S.ACCEPTED, _S.ASSIGNED), _S.IN_PROGRESS),
    _K.NOTE: {state: state for state in (*_AWAITING, *_CONCLUDED, _S.REPLIED)},
    _K.MOVE: {state: state for state in (*_AWAITING, *_CONCLUDED, _S.REPLIED)},
    _K.RESOLVE: dict.fromkeys(_AWAITING, _S.RESOLVED),
    _K.GIVE_UP: dict.fromkeys(_AWAITING, _S.UNRESOLVABLE),
    _K.REPLY: dict.fromkeys(_CONCLUDED, _S.REPLIED),
    _K.CLOSE: {_S.REPLIED: _S.CLOSED},
    _K.REOPEN: dict.fromkeys((*_CONCLUDED, _S.REPLIED, _S.CLOSED), _S.IN_PROGRESS),
}
"""Step → state before → state after. A case begins with `INTAKE`, which has no state before."""


def after(state: CaseState | None, step: StepKind) -> CaseState:
    """The state after a step; problem `cases.illegal_step` for a step that is not lawful there.

    >>> after(None, StepKind.INTAKE)
    <CaseState.TAKEN_IN: 'taken_in'>
    >>> after(CaseState.REPLIED, StepKind.CLOSE)
    <CaseState.CLOSED: 'closed'>
    """
    if state is None and step is StepKind.INTAKE:
        return CaseState.TAKEN_IN
    if state is None or state not in TRANSITIONS[step]:
        raise Problem("cases.illegal_step")
    return TRANSITIONS[step][state]


def steps_from(state: CaseState) -> tuple[StepKind, ...]:
    """The lawful steps in a state, in the order of `StepKind`.

    >>> [str(step) for step in steps_from(CaseState.CLOSED)]
    ['reopen']
    """
    return tuple(step for step in StepKind if state in TRANSITIONS[step])
