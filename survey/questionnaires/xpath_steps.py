"""Steps of a location path: axes, node tests, predicates, document order.

Owns what happens between two slashes, as closures over node lists, and `Code`, the compiled part that the parser
hands around. Refuses, when evaluated, prefixes nobody declared. Parsing is `xpath.py`'s.
https://www.w3.org/TR/1999/REC-xpath-19991116/#location-paths
"""

# ruff: noqa: ARG001, ARG005 - every closure takes scope and node, few need both
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from survey.questionnaires.tree import (
    ATTRIBUTE,
    ELEMENT,
    Node,
)
from survey.questionnaires.xpath_functions import keyed_children
from survey.questionnaires.xpath_registry import ANY
from survey.questionnaires.xpath_values import (
    Scope,
    Value,
    XPathError,
    to_boolean,
)

Path = tuple[str, ...]


Closure = Callable[[Scope, Node], Value]


NodesClosure = Callable[[Scope, Node], list[Node]]


KNOWN_PREFIXES: Final = {
    "jr": "http://openrosa.org/javarosa",
    "orx": "http://openrosa.org/xforms",
    "odk": "http://www.opendatakit.org/xforms",
    "entities": "http://www.opendatakit.org/xforms/entities",
    "h": "http://www.w3.org/1999/xhtml",
    "xml": "http://www.w3.org/XML/1998/namespace",
}


class Code:
    """A compiled part. `free`: independent of the context node; `lookup`: `[column = key]` as an index key."""

    __slots__ = ("column", "fn", "free", "kind", "literal", "lookup")

    def __init__(self, fn: Closure, kind: str = ANY, *, free: bool = True) -> None:
        self.fn = fn
        self.kind = kind
        self.free = free
        self.literal: str | float | None = None
        self.column: str | None = None
        self.lookup: tuple[str, Closure] | None = None


Step = Callable[[Scope, list[Node]], list[Node]]


NodeTest = Callable[[Scope, Node], bool]


def _children(node: Node) -> Iterable[Node]:
    return [c for c in node.children if not c.hidden]


def _siblings(node: Node, *, after: bool) -> list[Node]:
    if node.parent is None or node.kind == ATTRIBUTE:
        return []
    siblings = node.parent.children
    at = next(i for i, sibling in enumerate(siblings) if sibling is node)
    chosen = siblings[at + 1 :] if after else siblings[:at][::-1]
    return [n for n in chosen if not n.hidden]


def _ancestors(node: Node) -> list[Node]:
    found = []
    while node.parent is not None:
        node = node.parent
        found.append(node)
    return found


def _following(node: Node) -> list[Node]:
    found: list[Node] = []
    if node.kind == ATTRIBUTE and node.parent is not None:
        node = node.parent
        found.extend(node.descendants())
    for at in [node, *_ancestors(node)]:
        for sibling in _siblings(at, after=True):
            found.append(sibling)
            found.extend(sibling.descendants())
    return found


def _preceding(node: Node) -> list[Node]:
    found: list[Node] = []
    if node.kind == ATTRIBUTE and node.parent is not None:
        node = node.parent
    for at in [node, *_ancestors(node)]:
        for sibling in _siblings(at, after=False):
            found.extend([sibling, *sibling.descendants()][::-1])
    return found


AXES: Final[dict[str, Callable[[Node], Iterable[Node]]]] = {
    "child": _children,
    "self": lambda node: (node,),
    "parent": lambda node: () if node.parent is None else (node.parent,),
    "attribute": lambda node: node.attributes or (),
    "descendant": Node.descendants,
    "descendant-or-self": lambda node: [node, *node.descendants()],
    "ancestor": _ancestors,
    "ancestor-or-self": lambda node: [node, *_ancestors(node)],
    "following-sibling": lambda node: _siblings(node, after=True),
    "preceding-sibling": lambda node: _siblings(node, after=False),
    "following": _following,
    "preceding": _preceding,
    "namespace": lambda node: (),
}


_BACKWARD: Final = frozenset({"ancestor", "ancestor-or-self", "preceding", "preceding-sibling"})


FLAT_AXES: Final = frozenset({"child", "self", "attribute", "parent"})
"""Axes that keep the nodes of an ordered, unnested set ordered and unnested."""


def in_order(nodes: list[Node]) -> list[Node]:
    """Without duplicates, in document order."""
    unique = list({id(n): n for n in nodes}.values())
    if len(unique) < 2:
        return unique
    tops: dict[int, tuple[int, dict[int, int]]] = {}
    keys: dict[int, tuple[int, int]] = {}
    for node in unique:
        top = node.root
        rank, order = tops.setdefault(id(top), (len(tops), top.order()))
        keys[id(node)] = (rank, order[id(node)])
    return sorted(unique, key=lambda n: keys[id(n)])


def keep_matching(predicate: Code) -> Callable[[Scope, list[Node]], list[Node]]:
    """A predicate over candidates in axis order; a number selects by position."""
    fn = predicate.fn
    if isinstance(predicate.literal, float):
        place = predicate.literal

        def pick(scope: Scope, nodes: list[Node]) -> list[Node]:
            return [nodes[int(place) - 1]] if place == place // 1 and 1 <= place <= len(nodes) else []

        return pick

    def run(scope: Scope, nodes: list[Node]) -> list[Node]:
        before = scope.position, scope.size
        scope.size = len(nodes)
        kept = []
        for at, node in enumerate(nodes, 1):
            scope.position = at
            value = fn(scope, node)
            if value is True or (
                value is not False and (value == at if type(value) is float else to_boolean(value))
            ):
                kept.append(node)
        scope.position, scope.size = before
        return kept

    return run


def child_step(plain: str, predicates: list[Code]) -> Step:
    """`name[…]`: the commonest step, with an index for `name[column = key]` in fixed trees."""
    if not predicates:

        def simple(scope: Scope, nodes: list[Node]) -> list[Node]:
            if len(nodes) == 1:
                return nodes[0].named(plain)
            return [child for node in nodes for child in node.named(plain)]

        return simple
    filters = [keep_matching(p) for p in predicates]
    lookup = predicates[0].lookup

    def filtered(scope: Scope, nodes: list[Node]) -> list[Node]:
        out: list[Node] = []
        for node in nodes:
            rest = filters
            found: list[Node] | None = None
            if lookup is not None and len(node.children) > 1:
                key = lookup[1](scope, node)
                if isinstance(key, str):
                    found = keyed_children(node, plain, lookup[0], [key])
                elif isinstance(key, list):
                    found = keyed_children(node, plain, lookup[0], [n.text() for n in key])
                if found is not None:
                    rest = filters[1:]
            if found is None:
                found = node.named(plain)
            for keep in rest:
                found = keep(scope, found)
            out.extend(found)
        return out

    return filtered


def axis_step(axis: str, test: NodeTest, predicates: list[Code], *, flat: bool) -> Step:
    """A step along an axis; `flat`: its results need no sorting into document order."""
    walk = AXES[axis]
    filters = [keep_matching(p) for p in predicates]
    backward = axis in _BACKWARD

    def run(scope: Scope, nodes: list[Node]) -> list[Node]:
        out: list[Node] = []
        for node in nodes:
            found = [n for n in walk(node) if test(scope, n)]
            for keep in filters:
                found = keep(scope, found)
            out.extend(found)
        if len(nodes) > 1:
            if axis == "parent" and flat:
                return list({id(n): n for n in out}.values())
            if not flat or axis not in FLAT_AXES:
                return in_order(out)
        elif backward:
            out.reverse()
        return out

    return run


def prefixed_test(prefix: str, local: str | None, axis: str) -> NodeTest:
    """A name test with a prefix, looked up when evaluated; without a local name, any name of the namespace."""
    kind = ATTRIBUTE if axis == "attribute" else ELEMENT

    def test(scope: Scope, node: Node) -> bool:
        uri = scope.namespaces.get(prefix) or KNOWN_PREFIXES.get(prefix)
        if uri is None:
            raise XPathError(f"unknown prefix {prefix}")
        return node.kind == kind and node.namespace == uri and (local is None or node.local == local)

    return test


def ordered_step(step: Step) -> Step:
    """The step with its results in document order, each once."""

    def run(scope: Scope, nodes: list[Node]) -> list[Node]:
        found = step(scope, nodes)
        return found if len(nodes) < 2 else in_order(found)

    return run


def chain(start: NodesClosure, steps: list[Step]) -> NodesClosure:
    """A path: the start, then each step on what the one before found."""
    if not steps:
        return start
    if len(steps) == 1:
        only = steps[0]
        return lambda scope, node: only(scope, start(scope, node))

    def run(scope: Scope, node: Node) -> list[Node]:
        nodes = start(scope, node)
        for step in steps:
            nodes = step(scope, nodes)
            if not nodes:
                return nodes
        return nodes

    return run
