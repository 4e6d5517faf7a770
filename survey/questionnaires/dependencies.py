"""Which computation must follow which change.

Owns the order of a form's computations (relevance, calculation, repeat count) and the index from a changed
node to the computations that read it, with the part of the instance they reach. It works on paths alone and never
evaluates. Refuses by Problem calculations that depend on each other in a circle.
https://getodk.github.io/xforms-spec/#bind-attributes; topological order after Kahn 1962.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from survey.problems import Problem
from survey.questionnaires.xpath import Expression, Path

if TYPE_CHECKING:
    from survey.questionnaires.definitions import Field


@dataclass(slots=True, eq=False)
class Computation:
    """One expression kept up to date: `kind` is relevant, calculate, count or choices."""

    kind: str
    field: Field
    expression: Expression
    rank: int = 0


class Reader:
    """A computation that reads a changed path, and how many leading names of it the two nodes share."""

    __slots__ = ("anchor", "computation", "deep")

    def __init__(self, computation: Computation, anchor: int, *, deep: bool) -> None:
        self.computation = computation
        self.anchor = anchor
        self.deep = deep


class DependencyIndex:
    """Computations in an order in which each follows what it reads; who reads a path."""

    def __init__(self, computations: Sequence[Computation]) -> None:
        self._exact: dict[Path, list[Reader]] = {}
        self._under: dict[Path, list[Reader]] = {}
        self._deep: list[tuple[Path, Reader]] = []
        self._known: dict[tuple[Path, str], tuple[Reader, ...]] = {}
        for computation in computations:
            for read in computation.expression.reads:
                reader = Reader(computation, read.anchor, deep=read.deep)
                self._exact.setdefault(read.path, []).append(reader)
                for length in range(len(read.path) + 1):
                    self._under.setdefault(read.path[:length], []).append(reader)
                if read.deep:
                    self._deep.append((read.path, reader))
        self.ordered = self._order(list(computations))

    def readers(self, path: Path, change: str) -> tuple[Reader, ...]:
        """Who must be computed again after a change: `value`, `relevance` or `structure` at a path."""
        key = (path, change)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = tuple(self._readers(path, change))
        return known

    def _readers(self, path: Path, change: str) -> list[Reader]:
        deep = [r for p, r in self._deep if path[: len(p)] == p]
        if change == "value":
            found = list(self._exact.get(path, ()))
        else:
            found = list(self._under.get(path, ()))
            if change == "relevance":
                # A path that climbs no higher than this node never steps into it from outside.
                found = [r for r in found if r.anchor < len(path)]
        return [*found, *(r for r in deep if r not in found)]

    def _order(self, computations: list[Computation]) -> tuple[Computation, ...]:
        follows: dict[int, set[int]] = {}
        place = {id(c): at for at, c in enumerate(computations)}
        for at, computation in enumerate(computations):
            change = _CHANGES.get(computation.kind)
            if change is None:
                # Choices may look at one another ("not the one chosen above"): they order nothing.
                follows[at] = set()
                continue
            targets = {place[id(r.computation)] for r in self._readers(computation.field.path, change)}
            if computation.kind == "relevant" and at in targets:
                raise Problem("questionnaire.cycle", questions=computation.field.ref)
            targets.discard(at)
            follows[at] = targets
        order = _sorted(follows)
        if len(order) < len(computations):
            # A repeat may count its own answers ("is there another?"): counts then simply come last.
            loose = {a: (set() if computations[a].kind == "count" else t) for a, t in follows.items()}
            order = _sorted(loose)
        if len(order) < len(computations):
            left = set(follows) - set(order)
            circle = _circle({a: loose[a] & left for a in left})
            raise Problem(
                "questionnaire.cycle", questions=" → ".join(computations[a].field.ref for a in circle)
            )
        ordered = tuple(computations[a] for a in order)
        for rank, computation in enumerate(ordered):
            computation.rank = rank
        return ordered


_CHANGES = {"relevant": "relevance", "calculate": "value", "count": "structure"}


def _sorted(follows: dict[int, set[int]]) -> list[int]:
    """Kahn's order; shorter than the input if there is a circle."""
    waiting = dict.fromkeys(follows, 0)
    for targets in follows.values():
        for target in targets:
            waiting[target] += 1
    ready = [a for a, count in waiting.items() if count == 0]
    order = []
    for at in ready:
        order.append(at)
        for target in sorted(follows[at]):
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    return order


def _circle(follows: dict[int, set[int]]) -> list[int]:
    """One circle among nodes of which some lie on one, first node repeated at the end."""
    while any(not targets for targets in follows.values()):
        alive = {a for a, targets in follows.items() if targets}
        follows = {a: follows[a] & alive for a in alive}
    path = [min(follows)]
    while True:
        following = min(follows[path[-1]])
        if following in path:
            return [*path[path.index(following) :], following]
        path.append(following)
