"""Keeping one filling consistent: what follows a change, in order, and nothing else.

Owns the nodes of a filling, references to them, and the queue of computations: a changed value, relevance or
number of repeat instances queues what reads it, by rank, only where it can be reached from. Repeats are grown
and shrunk here, actions carried out. Bounds what a form could make endless: instances, computations, triggers.
https://getodk.github.io/xforms-spec/#bind-attributes, https://getodk.github.io/xforms-spec/#events
"""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from survey.problems import Problem
from survey.questionnaires.context import Context
from survey.questionnaires.definitions import (
    NEW_REPEAT,
    Field,
    Form,
    Repeat,
    SetValue,
)
from survey.questionnaires.dependencies import Computation
from survey.questionnaires.tree import ELEMENT, ROOT, Node
from survey.questionnaires.xpath import Environment, Expression, Moment, Scope, Value, XPathError
from survey.questionnaires.xpath_values import to_boolean, to_number, to_text

MAX_REPEAT_INSTANCES: Final = 1_000


# Entities spec 2025.1: the version of an entity that an update is based on.
_BEGUN_FROM = frozenset({"baseVersion", "trunkVersion", "branchId"})
MAX_INSTANCES: Final = 10_000
"""Instances of all repeats of one filling, those inside others too."""
MAX_COMPUTATIONS: Final = 500_000
"""Evaluations one change may set off before the form counts as endless."""


MAX_TRIGGER_DEPTH: Final = 10


_INDEX_FROM: Final = 8


def nodes_of(node: Node, definition: Field) -> list[Node]:
    """Children or attributes of a node that belong to a field, hidden ones too."""
    if definition.attribute:
        return [a for a in node.attributes or () if a.mark is definition]
    children = node.children
    if len(children) < _INDEX_FROM:
        return [c for c in children if c.mark is definition]
    if node.caches is None:
        node.caches = {}
    index: dict[int, list[Node]] | None = node.caches.get("fields")
    if index is None:
        index = {}
        for child in children:
            index.setdefault(id(child.mark), []).append(child)
        node.caches["fields"] = index
    return index.get(id(definition), [])


def _within(node: Node, top: Node) -> bool:
    at: Node | None = node
    while at is not None and at is not top:
        at = at.parent
    return at is top


def _keeps(computation: Computation) -> bool:
    """Whether a filling that is read again keeps the value it came with.

    So does what asks the clock or chance, and the version of an entity that the filling began from: it tells what the
    person saw, not what is there now.
    """
    if computation.kind != "calculate":
        return False
    field = computation.field
    return computation.expression.volatile or (field.attribute and field.local in _BEGUN_FROM)


def _instances_in(node: Node) -> int:
    """How many repeat instances a node and what is under it are."""
    own = node.mark is not None and node.mark.repeat is not None
    return own + sum(_instances_in(child) for child in node.children if child.kind == ELEMENT)


def clone(node: Node) -> Node:
    """A copy with marks."""
    twin = Node(node.kind, node.local, node.value, prefix=node.prefix, namespace=node.namespace)
    twin.plain = node.plain
    twin.mark = node.mark
    for attribute in node.attributes or ():
        copied = twin.set_attribute(
            attribute.local, attribute.value, prefix=attribute.prefix, namespace=attribute.namespace
        )
        copied.mark = attribute.mark
    if node.children:
        copies = [clone(child) for child in node.children]
        for copy in copies:
            copy.parent = twin
        twin.children = copies
    return twin


class Filling:
    """The nodes of one filling, and the keeping of what is computed up to date."""

    def __init__(self, form: Form, context: Context, data: Node) -> None:
        self.form = form
        self.context = context
        self.language = form.language(context.language)
        self.data = data
        document = Node(ROOT)
        document.append(data)
        self._scope = Scope(document, self._environment(), namespaces=form.namespaces)
        self._queue: list[tuple[int, int, Computation, Node]] = []
        self._queued: set[tuple[int, int]] = set()
        self._serial = 0
        self._depth = 0
        self._recomputing = False
        self._instances = _instances_in(data)
        self._capped: dict[int, tuple[Node, Repeat]] = {}

    def _environment(self) -> Environment:
        """What expressions may ask for."""
        raise NotImplementedError

    # -- finding -------------------------------------------------------------------------------------

    def _find(self, ref: str) -> Node:
        """The node of a reference with positions; raises Problem `questionnaire.unknown_question`."""
        steps = ref.strip("/").split("/")
        node: Node | None = self.data if steps[0] == self.form.root.local else None
        for step in steps[1:]:
            found = _STEP.match(step)
            definition = node.mark.by_name.get(found[1]) if found and node is not None else None
            if definition is None or found is None or node is None:
                raise Problem("questionnaire.unknown_question", ref=ref)
            nodes = nodes_of(node, definition)
            at = int(found[2] or 1)
            node = nodes[at - 1] if 1 <= at <= len(nodes) else None
        if node is None:
            raise Problem("questionnaire.unknown_question", ref=ref)
        return node

    def _targets(self, node: Node, anchor: int, goal: Field) -> list[Node]:
        """All nodes of a field that share the first `anchor` names of the node's own ancestry."""
        depth = node.mark.depth
        shared = min(anchor or 1, goal.depth, depth)
        while depth > shared:
            node = node.parent  # type: ignore[assignment]
            depth -= 1
        nodes = [node]
        for definition in goal.lineage[shared:]:
            nodes = (
                nodes_of(nodes[0], definition)
                if len(nodes) == 1
                else [n for p in nodes for n in nodes_of(p, definition)]
            )
        return nodes

    def _near(self, node: Node, goal: Field) -> list[Node]:
        """The nodes of a field nearest to a node: in the same repeat instances wherever both are in them."""
        shared = 0
        for mine, theirs in zip(node.mark.lineage, goal.lineage, strict=False):
            if mine is not theirs:
                break
            shared += 1
        return self._targets(node, shared, goal)

    def ref_of(self, node: Node) -> str:
        """The reference of a node, with positions at repeats."""
        parts: list[str] = []
        at: Node | None = node
        while at is not None and at.kind != ROOT:
            definition: Field = at.mark
            name = f"@{at.local}" if definition.attribute else at.local
            if definition.repeat is not None:
                name += f"[{at.place()}]"
            parts.append(name)
            at = at.parent
        return "/" + "/".join(reversed(parts))

    @staticmethod
    def _visible(node: Node) -> bool:
        at: Node | None = node
        while at is not None:
            if at.hidden:
                return False
            at = at.parent
        return True

    # -- repeats -------------------------------------------------------------------------------------

    def _add(self, holder: Node, definition: Field) -> Node:
        template = definition.template
        assert template is not None, "every repeat has a template"
        node = clone(template)
        self._instances += _instances_in(node)
        if self._instances > MAX_INSTANCES:
            self._instances -= _instances_in(node)
            ref = f"{self.ref_of(holder)}/{definition.local}"
            raise Problem("questionnaire.too_many_repeats", ref=ref, limit=MAX_INSTANCES)
        existing = nodes_of(holder, definition)
        if existing:
            place = next(i for i, n in enumerate(holder.children) if n is existing[-1]) + 1
        else:
            place = self._first_place(holder, definition)
        holder.insert(place, node)
        for action in self.form.actions[NEW_REPEAT]:
            if definition in action.target.lineage:
                for target in self._targets(node, definition.depth, action.target):
                    self._perform(action, target)
        for computation in self.form.computations_under(definition):
            if computation.kind == "choices":
                continue
            goal = computation.field
            if computation.kind == "count":
                goal = goal.parent  # type: ignore[assignment]
            for target in self._targets(node, definition.depth, goal):
                self._enqueue(computation, target)
        self._touch(holder, definition, "structure")
        return node

    @staticmethod
    def _first_place(holder: Node, definition: Field) -> int:
        """Where the first instance goes: after what stands before it in the form."""
        before = set()
        for sibling in holder.mark.children:
            if sibling is definition:
                break
            before.add(id(sibling))
        places = [i for i, n in enumerate(holder.children) if id(n.mark) in before]
        return places[-1] + 1 if places else 0

    def _remove(self, node: Node) -> None:
        holder = node.parent
        assert holder is not None, "a repeat instance has a parent"
        holder.remove(node)
        self._instances -= _instances_in(node)
        if self._queue:
            self._queue = [entry for entry in self._queue if not _within(entry[3], node)]
            heapq.heapify(self._queue)
            self._queued = {(entry[0], id(entry[3])) for entry in self._queue}
        self._touch(holder, node.mark, "structure")

    # -- recomputing ---------------------------------------------------------------------------------

    def _set(self, node: Node, value: str) -> None:
        """Change a value, queue what reads it, and set off its actions."""
        if node.text() == value:
            return
        node.set_text(value)
        definition: Field = node.mark
        self._touch(node, definition, "value")
        actions = self.form.triggers.get(definition.path)
        if actions and self._depth < MAX_TRIGGER_DEPTH:
            self._depth += 1
            self._run()
            for action in actions:
                for target in self._near(node, action.target):
                    self._perform(action, target)
            self._depth -= 1

    def _perform(self, action: SetValue, target: Node) -> None:
        """Carry out a setvalue on one node, once what it reads is up to date."""
        if action.chosen is not None:
            chosen = self._evaluate(action.chosen, target)
            if not isinstance(chosen, list) or all(node is not target for node in chosen):
                return
        if action.place:
            self._set(target, self.context.place())
            return
        if action.expression is None:
            self._set(target, action.constant)
            return
        self._run()
        self._set(target, _stored(self._evaluate(action.expression, target), target.mark.bind.type))

    def _dispatch(self, *events: str) -> None:
        """Carry out what the form does at these events, and all that follows from it."""
        with self._as_one():
            for event in events:
                for action in self.form.actions[event]:
                    for target in self._targets(self.data, 1, action.target):
                        self._perform(action, target)
            self._run()

    def _touch(self, node: Node, definition: Field, change: str) -> None:
        """Queue everything that reads what changed at a node (for structure: the node that holds it)."""
        for reader in self.form.index.readers(definition.path, change):
            computation = reader.computation
            goal = computation.field
            if computation.kind == "count" and goal.parent is not None:
                goal = goal.parent
            for target in self._targets(node, reader.anchor, goal):
                self._enqueue(computation, target)

    def _enqueue(self, computation: Computation, node: Node) -> None:
        key = (computation.rank, id(node))
        if key not in self._queued:
            self._queued.add(key)
            self._serial += 1
            heapq.heappush(self._queue, (computation.rank, self._serial, computation, node))

    @contextmanager
    def _as_one(self) -> Iterator[None]:
        """All expressions inside share one budget; outside each has its own."""
        if self._recomputing:
            yield
            return
        self._scope.budget.begin()
        self._recomputing = True
        try:
            yield
        finally:
            self._recomputing = False

    def _compute_all(self, *, keep_volatile: bool) -> None:
        with self._as_one():
            self._compute_each(keep_volatile=keep_volatile)

    def _compute_each(self, *, keep_volatile: bool) -> None:
        for computation in self.form.index.ordered:
            if computation.kind == "choices":
                continue
            goal = computation.field
            if computation.kind == "count" and goal.parent is not None:
                goal = goal.parent
            for target in self._targets(self.data, 1, goal):
                if keep_volatile and target.text() and _keeps(computation):
                    continue
                self._compute(computation, target)

    def _run(self) -> None:
        """Work the queue off, lowest rank first."""
        with self._as_one():
            self._work_off()

    def _work_off(self) -> None:
        work = 0
        while self._queue:
            rank, _, computation, node = heapq.heappop(self._queue)
            self._queued.discard((rank, id(node)))
            work += 1
            if work > MAX_COMPUTATIONS:
                self._queue.clear()
                self._queued.clear()
                raise Problem("questionnaire.endless", question=computation.field.ref)
            self._compute(computation, node)

    def _compute(self, computation: Computation, node: Node) -> None:
        expression = computation.expression
        if computation.kind == "relevant":
            hidden = not to_boolean(self._evaluate(expression, node))
            if hidden != node.hidden:
                node.hidden = hidden
                self._touch(node, node.mark, "relevance")
        elif computation.kind == "calculate":
            self._set(node, _stored(self._evaluate(expression, node), computation.field.bind.type))
        elif computation.kind == "count":
            self._resize(node, computation)
        else:
            self._drop_unavailable(node)

    def _drop_unavailable(self, node: Node) -> None:
        """Take out of an answer what an answer elsewhere has just taken out of its choices."""
        raise NotImplementedError

    def _resize(self, holder: Node, computation: Computation) -> None:
        """Give a counted repeat as many instances as its count says."""
        definition = computation.field
        ghost = Node(ELEMENT, definition.local)
        ghost.parent = holder
        ghost.mark = definition
        number = to_number(self._scope, self._evaluate(computation.expression, ghost))
        wanted = int(max(0.0, min(number, MAX_REPEAT_INSTANCES))) if number == number else 0
        if number > MAX_REPEAT_INSTANCES and definition.repeat is not None:
            self._capped[id(holder)] = (holder, definition.repeat)
        else:
            self._capped.pop(id(holder), None)
        existing = list(nodes_of(holder, definition))
        for node in existing[wanted:]:
            self._remove(node)
        for _ in range(wanted - len(existing)):
            self._add(holder, definition)

    def _evaluate(self, expression: Expression, node: Node) -> Value:
        if not self._recomputing:
            self._scope.budget.begin()
        try:
            return expression.value(self._scope, node)
        except XPathError as error:
            question = self.ref_of(node) if node.mark is not None else ""
            raise Problem(
                "questionnaire.expression_failed",
                question=question,
                expression=expression.source.strip(),
                reason=str(error),
            ) from error


_STEP: Final = re.compile(r"(@?[^\[\]]+)(?:\[(\d{1,6})\])?\Z")


def _stored(value: Value, kind: str) -> str:
    """The text a computed value is kept as: no NaN, dates without time, integers without fraction."""
    if isinstance(value, Moment):
        local = value.local()
        if local is None:
            return ""
        if kind == "date":
            return local.date().isoformat()
        if kind == "dateTime":
            return local.isoformat(timespec="milliseconds")
        if kind == "time":
            return local.timetz().isoformat(timespec="milliseconds")
        return value.text()
    if isinstance(value, float) and not isinstance(value, bool):
        if math.isnan(value):
            return ""
        if kind == "int" and math.isfinite(value):
            return str(math.trunc(value))
    return to_text(value)
