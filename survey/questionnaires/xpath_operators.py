"""Operators, and the functions that need their arguments' expressions rather than their values.

Owns arithmetic, comparison and junction as closures, and `coalesce`, `once`, `position(node)` and
`indexed-repeat`. Long chains of one operator run in a single frame. It parses nothing.
https://getodk.github.io/xforms-spec/#xpath-operators
"""

# ruff: noqa: ARG001 - every closure takes scope and node, few need both
from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Final

from survey.questionnaires.tree import (
    Node,
)
from survey.questionnaires.xpath_functions import sibling_position
from survey.questionnaires.xpath_registry import BOOLEAN, NODES, NUMBER
from survey.questionnaires.xpath_steps import (
    Closure,
    Code,
)
from survey.questionnaires.xpath_values import (
    NAN,
    Scope,
    Value,
    XPathError,
    equal,
    to_boolean,
    to_number,
    to_text,
)

COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _divide(left: float, right: float) -> float:
    try:
        return left / right
    except ZeroDivisionError:
        if left == 0 or math.isnan(left):
            return NAN
        return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _modulo(left: float, right: float) -> float:
    try:
        return math.fmod(left, right)
    except ValueError:
        return NAN


_ARITHMETIC: Final[dict[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "div": _divide,
    "mod": _modulo,
}


def as_number(code: Code) -> Callable[[Scope, Node], float]:
    """The operand as a number: converted only where its kind is not known to be one."""
    fn = code.fn
    if code.kind == NUMBER:
        return fn  # type: ignore[return-value]
    return lambda scope, node: to_number(scope, fn(scope, node))


def fold(first: Code, rest: list[tuple[str, Code]]) -> Closure:
    """A chain of operators of one precedence, in one frame however long it is."""
    start = as_number(first)
    steps = [(_ARITHMETIC[name], as_number(code)) for name, code in rest]
    if len(steps) == 1:
        call, other = steps[0]
        return lambda scope, node: call(start(scope, node), other(scope, node))

    def run(scope: Scope, node: Node) -> float:
        total = start(scope, node)
        for call, other in steps:
            total = call(total, other(scope, node))
        return total

    return run


def junction(name: str, parts: list[Code]) -> Closure:
    """`or` or `and` over any number of parts, stopping at the first that decides."""
    fns = [part.fn for part in parts]
    decisive = name == "or"

    def run(scope: Scope, node: Node) -> bool:
        for fn in fns:
            value = fn(scope, node)
            if (value if value is True or value is False else to_boolean(value)) is decisive:
                return decisive
        return not decisive

    return run


def equality(left: Code, right: Code, *, differ: bool) -> Code:
    """`=` or `!=`; against a fixed text, and as a look-up of a column, without the general comparison."""
    a, b = left.fn, right.fn
    if left.literal is not None and right.literal is None:
        left, right, a, b = right, left, b, a
    literal = right.literal
    fn: Closure
    if left.kind == NODES and isinstance(literal, str):

        def fn(scope: Scope, node: Node) -> bool:
            nodes: list[Node] = a(scope, node)  # type: ignore[assignment]
            return any((found.text() != literal) is differ for found in nodes)

    else:

        def fn(scope: Scope, node: Node) -> bool:
            return equal(scope, a(scope, node), b(scope, node), differ=differ)

    code = Code(fn, BOOLEAN, free=left.free and right.free)
    if not differ:
        for one, other in ((left, right), (right, left)):
            if one.column and other.free:
                code.lookup = (one.column, other.fn)
    return code


def invoke(call: Callable[..., Value], fns: list[Closure]) -> Closure:
    """A call of a function with its arguments evaluated first."""
    if not fns:
        return call
    if len(fns) == 1:
        one = fns[0]
        return lambda scope, node: call(scope, node, one(scope, node))
    if len(fns) == 2:
        first, second = fns
        return lambda scope, node: call(scope, node, first(scope, node), second(scope, node))
    return lambda scope, node: call(scope, node, *[fn(scope, node) for fn in fns])


def failing(reason: str) -> Code:
    """An expression that raises when evaluated, as the specification has it for unknown functions and wrong arity."""

    def fail(scope: Scope, node: Node) -> Value:
        raise XPathError(reason)

    return Code(fail, free=False)


def _blank_text(value: Value) -> str:
    """Text of a value, where NaN counts as no answer."""
    return "" if isinstance(value, float) and math.isnan(value) else to_text(value)


def coalesce(fns: list[Closure]) -> Closure:
    """`coalesce()`: the first argument that is not empty."""

    def run(scope: Scope, node: Node) -> str:
        for fn in fns:
            text = _blank_text(fn(scope, node))
            if text:
                return text
        return ""

    return run


def once(fn: Closure) -> Closure:
    """`once()`: the value the node has, or the argument where it has none yet."""

    def run(scope: Scope, node: Node) -> str:
        return scope.current.text() or _blank_text(fn(scope, node))

    return run


def position_of(fn: Closure) -> Closure:
    """`position(node)`: the place of a node among its like-named siblings."""

    def run(scope: Scope, node: Node) -> float:
        nodes = fn(scope, node)
        if not isinstance(nodes, list):
            raise XPathError("position() takes a node")
        return sibling_position(nodes[0]) if nodes else NAN

    return run


def _depth(node: Node) -> int:
    depth = 0
    while node.parent is not None:
        node = node.parent
        depth += 1
    return depth


def indexed_repeat(fns: list[Closure]) -> Closure:
    """`indexed-repeat()`: the target nodes inside the repeats chosen by index, outermost first, filtered by ancestry."""
    target, pairs = fns[0], list(zip(fns[1::2], fns[2::2], strict=True))

    def within(node: Node, top: Node | None) -> bool:
        at: Node | None = node
        while at is not None and at is not top:
            at = at.parent
        return at is top

    def run(scope: Scope, node: Node) -> list[Node]:
        chosen: Node | None = None
        found_pairs: list[tuple[int, list[Node], Closure]] = []
        for repeat, index in pairs:
            repeats = repeat(scope, node)
            if not isinstance(repeats, list):
                raise XPathError("indexed-repeat() takes node-sets")
            found_pairs.append((_depth(repeats[0]) if repeats else 0, repeats, index))
        for _, repeats, index in sorted(found_pairs, key=lambda pair: pair[0]):
            if chosen is not None:
                repeats = [r for r in repeats if within(r, chosen)]
            place = to_number(scope, index(scope, node))
            if not 1 <= place <= len(repeats):
                return []
            chosen = repeats[int(place) - 1]
        found = target(scope, node)
        if not isinstance(found, list):
            raise XPathError("indexed-repeat() takes node-sets")
        return [n for n in found if within(n, chosen)]

    return run
