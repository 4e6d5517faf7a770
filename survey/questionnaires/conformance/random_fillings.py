"""A random valid filling of any form, the same for the same seed.

Owns the search: every question that is shown gets an answer its type, choices and constraint allow, some that need
none stay empty, repeats get some instances. Candidates come from the type, from the constants of the constraint,
from the answers it looks at and from the pattern of its `regex()`. Refuses by `NoFilling`, naming the questions,
where it finds no valid one.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, product
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any, Final, NamedTuple

from survey.questionnaires.context import Context, Items
from survey.questionnaires.definitions import Field, Form, Itemset
from survey.questionnaires.engine import Instance
from survey.questionnaires.views import AnswerError, GroupView, ItemView, QuestionView, RepeatView

NOW: Final = datetime(2026, 5, 6, 2, 30, tzinfo=UTC)
ATTEMPTS: Final = 8
ROUNDS: Final = 12
TRIES: Final = 60
OPTIONAL_LEFT_EMPTY: Final = 0.2
LIST_ROWS: Final = 3
MOST_ROWS: Final = 2_000
_REACH: Final = (4, 4, 20, 100, 3000)
_WORDS: Final = ("修路", "水井干涸", "Road", "张家坪", "a b c", "éà", "1 < 2 & 3")


class NoFilling(Exception):
    """No valid filling was found; says which questions were left wrong and why."""


class Step(NamedTuple):
    """One thing done while filling in: `answer` a question, or `add` an instance to a repeat."""

    kind: str
    ref: str
    value: str


@dataclass(frozen=True)
class Filled:
    """A valid filling, and the steps that made it."""

    instance: Instance
    steps: tuple[Step, ...]


def random_filling(form: Form, seed: int, *, context: Context | None = None, **prefill: str) -> Instance:
    """A filling of the form without errors."""
    return recorded_filling(form, seed, context=context, **prefill).instance


def recorded_filling(form: Form, seed: int, *, context: Context | None = None, **prefill: str) -> Filled:
    """A filling of the form without errors, and how it was made."""
    errors: Sequence[AnswerError] = ()
    for attempt in range(ATTEMPTS):
        draw = random.Random(f"{seed}/{attempt}")  # noqa: S311 - a filling, not a secret
        world = context or Context(now=lambda: NOW, username="tester", lists=invented_lists(form))
        instance = Instance.new(form, world, prefill=prefill)
        filler = _Filler(form, instance, draw)
        errors = filler.fill()
        if not errors:
            return Filled(instance, tuple(filler.steps))
    raise NoFilling("; ".join(f"{e.ref}: {e.kind} ({e.message})" for e in errors))


def invented_lists(form: Form) -> dict[str, Items]:
    """Rows for every list that the form expects from outside, with the columns its questions name.

    A column that a filter compares with another question's answer holds that question's choices in turn, so that
    whatever is chosen there leaves something to choose here.
    """
    names = dict(form.externals)
    asked = {q.field.local: q.itemset for q in form.questions() if q.itemset is not None}
    lists: dict[str, Items] = {}
    for identifier, name in names.items():
        columns = {"name", "label"}
        filters: dict[str, Sequence[str]] = {}
        for itemset in asked.values():
            if identifier not in itemset.nodes.instances:
                continue
            columns |= {itemset.value.source.strip()}
            if itemset.label is not None and "(" not in itemset.label.source:
                columns.add(itemset.label.source.strip())
            for column, other in _FILTER.findall(itemset.nodes.source):
                filters[column] = _choice_values(form, asked.get(other), names) or ("x",)
        rows = []
        for number, combination in enumerate(
            islice(product(*filters.values(), range(1, LIST_ROWS + 1)), MOST_ROWS), 1
        ):
            row = dict.fromkeys(sorted(columns), f"{name}-{number}")
            rows.append(row | dict(zip(filters, map(str, combination), strict=False)))
        lists[name] = lists[identifier] = rows
    return lists


_FILTER: Final = re.compile(r"([A-Za-z_][\w.\-]*)\s*=\s*(?:current\(\))?[/.][\w./\-]*/([\w.\-]+)")


def _choice_values(form: Form, itemset: Itemset | None, externals: Mapping[str, str]) -> tuple[str, ...]:
    """The values of a question's choices: those in the form, or those invented for a list outside."""
    for identifier in itemset.nodes.instances if itemset is not None else ():
        if identifier in externals:
            return tuple(
                f"{externals[identifier]}-{number}" for number in range(1, LIST_ROWS * LIST_ROWS + 1)
            )
        top = form.instances[identifier].elements()[0]
        return tuple(value.text() for item in top.elements() if (value := item.child("name")) is not None)
    return ()


class _Filler:
    """One attempt at one filling."""

    def __init__(self, form: Form, instance: Instance, draw: random.Random) -> None:
        self.form = form
        self.instance = instance
        self.draw = draw
        self.left_empty: set[str] = set()
        self.grown: set[str] = set()
        self.steps: list[Step] = []

    def fill(self) -> Sequence[AnswerError]:
        """Answer until nothing new is shown and nothing is wrong, or mending does not help any more."""
        errors: Sequence[AnswerError] = ()
        mended = 0
        while mended < ROUNDS:
            self.grow(self.instance.items())
            answered = self.answer_open_questions()
            errors = self.instance.errors()
            if answered:
                continue
            if not errors:
                return errors
            mended += 1
            views = {view.ref: view for view in self.shown(self.instance.items())}
            for error in errors:
                if error.ref in views and not views[error.ref].readonly:
                    self.mend(views[error.ref])
        return errors

    def answer_open_questions(self) -> bool:
        """Answer what is shown and not answered, in order; repeats grow once on the way."""
        changed = False
        for view in list(self.shown(self.instance.items())):
            answerable = not view.readonly and view.type != "note" and view.ref not in self.left_empty
            if answerable and self.still_open(view):
                changed = self.answer(view) or changed
        return changed

    def still_open(self, view: QuestionView) -> bool:
        """Whether the question is still there and unanswered, after what was answered before it."""
        repeats = _REPEATS.findall(view.ref)
        if any(int(at) > self.instance.repeat_count(above) for above, at in _above(repeats)):
            return False
        return self.instance.is_relevant(view.ref) and not self.instance.value(view.ref)

    def shown(self, items: Sequence[ItemView]) -> Iterator[QuestionView]:
        for item in items:
            if isinstance(item, QuestionView):
                yield item
            elif isinstance(item, GroupView):
                yield from self.shown(item.children)
            else:
                for instance in item.instances:
                    yield from self.shown(instance.children)

    def grow(self, items: Sequence[ItemView]) -> None:
        """Give every repeat that is shown for the first time some instances."""
        for item in items:
            if isinstance(item, GroupView):
                self.grow(item.children)
            elif isinstance(item, RepeatView):
                if not item.fixed_count and item.ref not in self.grown:
                    self.grown.add(item.ref)
                    for _ in range(self.draw.randint(0, 2)):
                        self.steps.append(Step("add", item.ref, ""))
                        self.instance.add_repeat(item.ref)
                for instance in item.instances:
                    self.grow(instance.children)

    def answer(self, view: QuestionView) -> bool:
        """Give a question an answer that is right for it, or leave it empty where that is allowed."""
        if not view.required and self.draw.random() < OPTIONAL_LEFT_EMPTY:
            self.left_empty.add(view.ref)
            return False
        for candidate in self.candidates(view):
            if not self.instance.would_accept(view.ref, candidate):
                continue
            self.give(view.ref, candidate)
            return True
        self.left_empty.add(view.ref)
        return False

    def mend(self, view: QuestionView) -> None:
        """Answer again what is wrong now; clear it where it need not be answered."""
        self.left_empty.discard(view.ref)
        for candidate in self.candidates(view):
            if candidate != view.value and self.instance.would_accept(view.ref, candidate):
                self.give(view.ref, candidate)
                return
        if not view.required:
            self.left_empty.add(view.ref)
            self.give(view.ref, "")

    def give(self, ref: str, value: str) -> None:
        self.steps.append(Step("answer", ref, value))
        self.instance.answer(ref, value)

    # -- candidates ----------------------------------------------------------------------------------

    def candidates(self, view: QuestionView) -> Iterator[str]:
        """Possible answers, the likeliest first, each as a filling holds it."""
        field = self.form.fields[_path(view.ref)]
        if view.control in ("select1", "select", "rank"):
            yield from self.chosen(view)
        elif view.control == "range":
            yield from self.in_range(view)
        elif view.control == "trigger":
            yield "OK"
        else:
            hints = list(self.hints(field))
            self.draw.shuffle(hints)
            for number in range(TRIES):
                yield self.plain(view.data_type, number)
                if number < len(hints):
                    yield hints[number]

    def chosen(self, view: QuestionView) -> Iterator[str]:
        values = [choice.value for choice in self.instance.choices(view.ref)]
        if not values:
            return
        if view.control == "select1":
            yield from self.draw.sample(values, len(values))
            return
        for _ in range(TRIES):
            size = len(values) if view.control == "rank" else self.draw.randint(1, min(4, len(values)))
            yield " ".join(self.draw.sample(values, size))
        yield from values

    def in_range(self, view: QuestionView) -> Iterator[str]:
        start, end, step = view.bound("start") or 0.0, view.bound("end") or 10.0, view.bound("step") or 1.0
        steps = round(abs(end - start) / abs(step))
        for _ in range(TRIES):
            value = start + self.draw.randint(0, steps) * abs(step) * (1 if end >= start else -1)
            yield f"{value:g}"

    def plain(self, kind: str, tries: int = 0) -> str:
        """Some value of a data type; numbers are small at first, since repeats may be counted by them."""
        draw = self.draw
        day = NOW - timedelta(days=draw.randint(-30, 900))
        match kind:
            case "int":
                return str(draw.randint(0, _REACH[min(tries, len(_REACH) - 1)]))
            case "decimal":
                return f"{draw.uniform(0, _REACH[min(tries, len(_REACH) - 1)]):.2f}"
            case "date":
                return f"{day:%Y-%m-%d}"
            case "time":
                return f"{draw.randint(0, 23):02d}:{draw.randint(0, 59):02d}:00.000+08:00"
            case "dateTime":
                return f"{day:%Y-%m-%d}T{draw.randint(0, 23):02d}:30:00.000+08:00"
            case "boolean":
                return draw.choice(("true", "false"))
            case "geopoint":
                return self.point()
            case "geotrace":
                return f"{self.point()};{self.point()}"
            case "geoshape":
                first = self.point()
                return f"{first};{self.point()};{self.point()};{first}"
            case "binary":
                return f"{draw.randint(1, 10**9)}.jpg"
        return draw.choice(_WORDS)

    def point(self) -> str:
        return f"{self.draw.uniform(30, 33):.6f} {self.draw.uniform(105, 109):.6f} 400 5"

    def hints(self, field: Field) -> Iterator[str]:
        """Values that the constraint itself names or implies."""
        constraint = field.bind.constraint
        if constraint is None:
            return
        for text in re.findall(r"regex\(\s*\.\s*,\s*(?:'([^']*)'|\"([^\"]*)\")", constraint.source):
            for _ in range(8):
                yield matching(text[0] or text[1], self.draw)
        for text in re.findall(r"'([^']*)'|\"([^\"]*)\"", constraint.source):
            yield text[0] or text[1]
        numbers = [float(n) for n in re.findall(r"(?<![\w.\-])-?\d+(?:\.\d+)?", constraint.source)]
        for read in constraint.reads:
            numbers += [float(v) for v in self.instance.values_at(read.path) if _is_number(v)]
            yield from (v for v in self.instance.values_at(read.path) if v)
        whole = field.bind.type == "int"
        for number in numbers:
            for near in (number, number - 1, number + 1, number / 2):
                yield str(int(near)) if whole or near == int(near) else f"{near:.2f}"
                if near > 0 and near < 40:
                    yield "1" * int(near)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d{1,15}(?:\.\d{1,15})?", text) is not None


_REPEATS: Final = re.compile(r"([^\[\]]+)(?:\[(\d+)\])?")


def _above(parts: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Every repeat on the way of a reference, outermost first, with the position taken in it."""
    so_far = ""
    for text, at in parts:
        if at:
            yield so_far + text, at
        so_far += f"{text}[{at}]" if at else text


def _path(ref: str) -> tuple[str, ...]:
    return tuple(step.partition("[")[0] for step in ref.strip("/").split("/"))


def matching(pattern: str, draw: random.Random) -> str:
    """Some text that a regular expression matches; empty where the pattern cannot be read."""
    try:
        return _text_for(sre_parser.parse(pattern), draw)
    except re.error:
        return ""


def _text_for(items: Any, draw: random.Random) -> str:
    return "".join(_one_for(operation, argument, draw) for operation, argument in items)


def _one_for(operation: Any, argument: Any, draw: random.Random) -> str:
    if operation is sre.LITERAL:
        return chr(argument)
    if operation is sre.SUBPATTERN:
        return _text_for(argument[3], draw)
    if operation is sre.BRANCH:
        return _text_for(draw.choice(argument[1]), draw)
    if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        least, most, inner = argument
        times = draw.randint(least, least + 3 if most is sre.MAXREPEAT else min(most, least + 3))
        return "".join(_text_for(inner, draw) for _ in range(times))
    if operation in (sre.IN, sre.ANY, sre.NOT_LITERAL, sre.RANGE, sre.CATEGORY):
        return _member(operation, argument, draw)
    return ""


_ALPHABET: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ -_.,@+/()中"
_CLASSES: Final[Mapping[Any, str]] = {
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_WORD: r"\W",
}


def _member(operation: Any, argument: Any, draw: random.Random) -> str:
    parts = argument if operation is sre.IN else [(operation, argument)]
    negated = operation is sre.NOT_LITERAL or bool(parts and parts[0][0] is sre.NEGATE)
    known = [c for c in _ALPHABET if any(_has(part, c) for part in parts) != negated]
    if known:
        return draw.choice(known)
    literal = next((p for p in parts if p[0] in (sre.LITERAL, sre.RANGE)), None)
    if literal is None:
        return ""
    return chr(literal[1] if literal[0] is sre.LITERAL else literal[1][0])


def _has(part: tuple[Any, Any], character: str) -> bool:
    operation, argument = part
    if operation in (sre.LITERAL, sre.NOT_LITERAL):
        return ord(character) == int(argument)
    if operation is sre.RANGE:
        return bool(argument[0] <= ord(character) <= argument[1])
    if operation is sre.CATEGORY:
        return re.match(_CLASSES[argument], character) is not None
    return operation is sre.ANY


__all__ = [
    "Filled",
    "NoFilling",
    "Step",
    "invented_lists",
    "matching",
    "random_filling",
    "recorded_filling",
]
