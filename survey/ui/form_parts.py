"""A long form in parts that a thumb can scroll, and what lies in which.

Owns the division: by the definition and not by what is relevant now, so that parts do not shift under the finger. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from survey.questionnaires.definitions import BodyItem, Form, Group, Question, Repeat
from survey.questionnaires.engine import Instance
from survey.questionnaires.views import GroupView, ItemView, QuestionView

MOST_QUESTIONS: Final = 10
"""How many questions are packed into a part."""
_WHOLE: Final = 15
"""A group of up to so many questions is not divided."""
_PAGES: Final = frozenset({"field-list", "table-list"})
_Chain = tuple[Group, ...]


@dataclass(frozen=True, eq=False)
class Part:
    """Some of a form's items in their groups, the groups and repeats that name it, and what lies in it."""

    body: tuple[BodyItem, ...]
    named_by: tuple[Group | Repeat, ...]
    refs: frozenset[str]
    """References, without positions, of its questions and repeats."""

    def holds(self, ref: str) -> bool:
        """Whether a question or a repeat lies in this part."""
        plain = without_positions(ref)
        return plain in self.refs or any(plain.startswith(f"{own}/") for own in self.refs)


@lru_cache(maxsize=64)
def parts(form: Form) -> tuple[Part, ...]:
    """The form's items packed into parts of about ten questions; a form without questions is one empty part."""
    packed: list[list[tuple[_Chain, BodyItem]]] = []
    room = 0
    for starts, chain, item in _units(form.body, ()):
        size = sum(1 for _question in _questions(item))
        if not packed or size > room or starts:
            packed.append([])
            room = MOST_QUESTIONS
        packed[-1].append((chain, item))
        room -= size
    return tuple(_part(units) for units in packed) or (Part((), (), frozenset()),)


def part_of(parts_: Sequence[Part], ref: str) -> int | None:
    """The number of the part in which a question lies, from 0."""
    return next((at for at, part in enumerate(parts_) if part.holds(ref)), None)


def shown(instance: Instance, parts_: Sequence[Part], wanted: int) -> tuple[list[int], int]:
    """The parts that hold anything now, and the one to show: the wanted one, or the nearest before it."""
    filled = [at for at, part in enumerate(parts_) if instance.shows(part.body)]
    return filled, max((at for at in filled if at <= wanted), default=filled[0] if filled else 0)


def questions(items: Iterable[ItemView]) -> Iterator[QuestionView]:
    """Every question among the items, in order; none of a folded instance."""
    for item in items:
        if isinstance(item, QuestionView):
            yield item
        elif isinstance(item, GroupView):
            yield from questions(item.children)
        else:
            for instance in item.instances:
                yield from questions(instance.children)


def size_of(item: BodyItem) -> int:
    """How many questions there are in an item, each counted once."""
    return sum(1 for _question in _questions(item))


def without_positions(ref: str) -> str:
    """A reference without the positions of repeats.

    >>> without_positions("/data/member[2]/name")
    '/data/member/name'
    """
    return "/".join(step.partition("[")[0] for step in ref.split("/"))


def instances_above(ref: str) -> Iterator[tuple[str, int]]:
    """Repeat and position of every instance a question lies in, from the outermost.

    >>> list(instances_above("/data/a[2]/b[1]/c"))
    [('/data/a', 2), ('/data/a[2]/b', 1)]
    """
    steps = ref.split("/")
    for at, step in enumerate(steps):
        name, bracket, position = step.partition("[")
        if bracket:
            yield "/".join([*steps[:at], name]), int(position.rstrip("]"))


def _units(body: Sequence[BodyItem], chain: _Chain) -> Iterator[tuple[bool, _Chain, BodyItem]]:
    """What is packed: whether it begins a part, the groups around it, the item."""
    starts = False
    for item in body:
        if isinstance(item, Group) and _is_divided(item):
            for at, (_starts, inner, unit) in enumerate(_units(item.children, (*chain, item))):
                yield _starts or at == 0, inner, unit
            starts = True
            continue
        yield starts, chain, item
        starts = False


def _is_divided(group: Group) -> bool:
    return size_of(group) > _WHOLE and _PAGES.isdisjoint(group.appearance.split())


def _part(units: Sequence[tuple[_Chain, BodyItem]]) -> Part:
    body = _nested(units)
    refs = frozenset(ref for _chain, item in units for ref in _refs(item))
    named = [name for item in body if (name := _named(item)) is not None]
    return Part(body, tuple(named), refs)


def _nested(units: Sequence[tuple[_Chain, BodyItem]]) -> tuple[BodyItem, ...]:
    """The items in their groups again, each group with what is here of it."""
    body: list[BodyItem] = []
    at = 0
    while at < len(units):
        chain, item = units[at]
        if not chain:
            body.append(item)
            at += 1
            continue
        group = chain[0]
        end = at
        while end < len(units) and units[end][0] and units[end][0][0] is group:
            end += 1
        inner = _nested([(around[1:], unit) for around, unit in units[at:end]])
        body.append(replace(group, children=inner))
        at = end
    return tuple(body)


def _named(item: BodyItem) -> Group | Repeat | None:
    """The group or repeat whose label names what is here of it: the innermost that holds all of it."""
    if isinstance(item, Question):
        return None
    inner = item
    while (
        isinstance(inner, Group) and len(inner.children) == 1 and not isinstance(inner.children[0], Question)
    ):
        child = inner.children[0]
        if child.label is None:
            break
        inner = child
    return inner if inner.label is not None else None


def _refs(item: BodyItem) -> Iterator[str]:
    if isinstance(item, Group):
        for child in item.children:
            yield from _refs(child)
    else:
        yield item.field.ref


def _questions(item: BodyItem) -> Iterator[Question]:
    if isinstance(item, Question):
        yield item
        return
    for child in item.children:
        yield from _questions(child)
