"""Regular expressions that always finish: matching in time linear in the text.

Owns the matcher behind `regex()`. A pattern becomes a non-deterministic automaton that is walked once over
the text, its state sets remembered, so that no pattern a form brings can hang the server. It refuses back
references, look-around and automata over `MAX_STATES`: these have no such bound.
Method: Thompson 1968; syntax: Python's `re`, which covers that of Java and JavaScript used in forms.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any

MAX_STATES = 5_000
MAX_TEXT = 100_000
"""Characters of text that are looked at; a longer one does not match."""
MAX_WORK = 500_000
"""Automaton states visited in one search."""
_MAX_REMEMBERED = 5_000

# An instruction is (kind, operand, targets); see _Program.
_SET, _SPLIT, _ASSERT, _MATCH = range(4)


class PatternError(Exception):
    """A pattern that is not valid or cannot be matched in bounded time."""


class _Program:
    """The automaton: parallel lists of instruction kind, operand and successors."""

    def __init__(self) -> None:
        self.kind: list[int] = []
        self.operand: list[Any] = []
        self.next: list[list[int]] = []

    def add(self, kind: int, operand: Any = None) -> int:
        if len(self.kind) >= MAX_STATES:
            raise PatternError("the pattern is too large")
        self.kind.append(kind)
        self.operand.append(operand)
        self.next.append([])
        return len(self.kind) - 1

    def sequence(self, items: Any, follow: int) -> int:
        """Build the items backwards in front of `follow`; returns the entry."""
        for operation, argument in reversed(list(items)):
            follow = self.item(operation, argument, follow)
        return follow

    def item(self, operation: Any, argument: Any, follow: int) -> int:
        if operation is sre.SUBPATTERN:
            if argument[1] or argument[2]:
                raise PatternError("inline flags are not supported")
            return self.sequence(argument[3], follow)
        if operation is sre.ATOMIC_GROUP:
            raise PatternError("atomic groups are not supported")
        if operation is sre.BRANCH:
            entry = self.add(_SPLIT)
            self.next[entry] = [self.sequence(branch, follow) for branch in argument[1]]
            return entry
        if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            least, most, items = argument
            return self.repeat(least, most, items, follow)
        if operation is sre.AT:
            entry = self.add(_ASSERT, argument)
        elif operation in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN, sre.RANGE, sre.CATEGORY):
            entry = self.add(_SET, _tester(operation, argument))
        else:
            raise PatternError(f"{str(operation).lower().replace('_', ' ')} is not supported")
        self.next[entry] = [follow]
        return entry

    def repeat(self, least: int, most: Any, items: Any, follow: int) -> int:
        if most is sre.MAXREPEAT:
            loop = self.add(_SPLIT)
            self.next[loop] = [self.sequence(items, loop), follow]
            follow = loop
        else:
            end = follow
            for _ in range(most - least):
                entry = self.add(_SPLIT)
                self.next[entry] = [self.sequence(items, follow), end]
                follow = entry
        for _ in range(least):
            follow = self.sequence(items, follow)
        return follow


def _tester(operation: Any, argument: Any) -> re.Pattern[str]:
    """One character's test, kept as a compiled class so that Python's own tables decide."""
    if operation is sre.ANY:
        return re.compile(".")
    if operation is sre.IN:
        negated = argument[0][0] is sre.NEGATE
        body = "".join(_class_part(*part) for part in (argument[1:] if negated else argument))
        return re.compile(f"[{'^' if negated else ''}{body}]")
    if operation is sre.NOT_LITERAL:
        return re.compile(f"[^{_class_part(sre.LITERAL, argument)}]")
    return re.compile(f"[{_class_part(operation, argument)}]")


_CATEGORIES = {
    sre.CATEGORY_DIGIT: "0-9",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: "A-Za-z0-9_",
    sre.CATEGORY_NOT_WORD: r"\W",
}


def _class_part(operation: Any, argument: Any) -> str:
    if operation is sre.LITERAL:
        return f"\\U{argument:08x}"
    if operation is sre.RANGE:
        return f"\\U{argument[0]:08x}-\\U{argument[1]:08x}"
    return _CATEGORIES[argument]


def _holds(assertion: Any, text: str, at: int) -> bool:
    if assertion in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING):
        return at == 0
    if assertion is sre.AT_END:
        return at == len(text)
    if assertion is sre.AT_END_STRING:
        return at == len(text)
    before = at > 0 and (text[at - 1].isalnum() or text[at - 1] == "_")
    after = at < len(text) and (text[at].isalnum() or text[at] == "_")
    return (before != after) == (assertion is sre.AT_BOUNDARY)


class Pattern:
    """A compiled pattern; `search` says whether it matches anywhere in a text."""

    def __init__(self, source: str) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                parsed = sre_parser.parse(source)
        except (re.error, OverflowError, RecursionError) as error:
            raise PatternError(str(error)) from error
        if parsed.state.flags & ~re.UNICODE:
            raise PatternError("inline flags are not supported")
        program = _Program()
        self.match_state = program.add(_MATCH)
        try:
            self.start = program.sequence(parsed, self.match_state)
        except RecursionError as error:
            raise PatternError("the pattern is nested too deeply") from error
        self.program = program
        ends = (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING, sre.AT_END, sre.AT_END_STRING)
        self.neighbourly = any(
            kind == _ASSERT and operand not in ends
            for kind, operand in zip(program.kind, program.operand, strict=True)
        )
        self.remembered: dict[tuple[frozenset[int], str], frozenset[int]] = {}

    def closure(self, states: set[int], text: str, at: int) -> frozenset[int]:
        """All states reachable without reading a character."""
        kinds, operands, follows = self.program.kind, self.program.operand, self.program.next
        seen = set(states)
        stack = list(states)
        while stack:
            state = stack.pop()
            kind = kinds[state]
            if kind == _SPLIT or (kind == _ASSERT and _holds(operands[state], text, at)):
                for target in follows[state]:
                    if target not in seen:
                        seen.add(target)
                        stack.append(target)
        return frozenset(seen)

    def search(self, text: str) -> bool:
        """Whether the pattern matches anywhere: the answer of `walk`."""
        return self.walk(text)[0]

    def walk(self, text: str) -> tuple[bool, int]:
        """Whether the pattern matches anywhere, and in how many steps; no match for a text over `MAX_TEXT` characters.

        Raises `PatternError` when pattern and text together take more than `MAX_WORK` steps.
        """
        if len(text) > MAX_TEXT:
            return False, 1
        kinds, operands, follows = self.program.kind, self.program.operand, self.program.next
        remembered = self.remembered
        states = self.closure({self.start}, text, 0)
        work = 0
        last = len(text) - 1
        for at, character in enumerate(text):
            if self.match_state in states:
                return True, work + at + 1
            keep = at < last and not self.neighbourly
            key = (states, character)
            found = remembered.get(key) if keep else None
            if found is None:
                work += len(states)
                if work > MAX_WORK:
                    raise PatternError("the pattern takes too long on this text")
                step = {self.start}
                for state in states:
                    if kinds[state] == _SET and operands[state].match(character):
                        step.update(follows[state])
                found = self.closure(step, text, at + 1)
                if keep:
                    if len(remembered) >= _MAX_REMEMBERED:
                        remembered.clear()
                    remembered[key] = found
            states = found
        return self.match_state in states, work + len(text) + 1


@lru_cache(maxsize=512)
def compiled(source: str) -> Pattern:
    """The pattern for a source, kept; raises `PatternError`."""
    return Pattern(source)
