"""XPath in the OpenRosa dialect: one expression becomes one closure.

Owns the grammar: a scannerless Pratt parser that emits closures over `tree.Node`, and records what an
expression reads, so that the engine knows what to compute again. `xpath_values.py` holds types and comparison,
`xpath_functions.py` the function library. Refuses by `XPathError`: bad syntax and nesting deeper than `MAX_NESTING`
when compiled; unknown functions and wrong numbers of arguments only when evaluated, as the reference engines do.
https://getodk.github.io/xforms-spec/#xpath-paths, https://www.w3.org/TR/1999/REC-xpath-19991116/
"""

# ruff: noqa: ARG001, ARG005 - every closure takes scope and node, few need both
from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from survey.questionnaires.tree import (
    ATTRIBUTE,
    COMMENT,
    ELEMENT,
    INSTRUCTION,
    TEXT,
    Node,
)
from survey.questionnaires.xpath_functions import (
    ANY,
    BOOLEAN,
    FUNCTIONS,
    NODES,
    NUMBER,
    keyed_children,
    sibling_position,
)
from survey.questionnaires.xpath_functions import TEXT as STRING
from survey.questionnaires.xpath_values import (
    NAN,
    Environment,
    Moment,
    Scope,
    Value,
    XPathError,
    equal,
    ordered,
    to_boolean,
    to_number,
    to_text,
)

MAX_NESTING: Final = 200
MAX_LENGTH: Final = 100_000

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


class Read(NamedTuple):
    """A path an expression looks at: names from the root, how deep below the root it stays, all below it?

    `anchor` is the number of leading names shared with the context node's own ancestors: what lies
    under another node at that depth is never looked at.
    """

    path: Path
    anchor: int
    deep: bool


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


class Expression:
    """A compiled expression: immutable, shared between threads.

    `reads` are the paths it looks at, seen from the `base` it was compiled for; `functions` and `instances`
    the names it calls and asks for; `unknown` the functions that do not exist.
    """

    __slots__ = ("_fn", "functions", "instances", "kind", "literal", "reads", "source", "volatile")

    def __init__(self, source: str, code: Code, parser: _Parser) -> None:
        self.source = source
        self._fn = code.fn
        self.kind = code.kind
        self.literal = code.literal
        self.reads = frozenset(parser.reads)
        self.functions = frozenset(parser.functions)
        self.instances = frozenset(parser.instances)
        self.volatile = parser.volatile

    @property
    def unknown(self) -> frozenset[str]:
        """Functions the dialect does not have."""
        return frozenset(name for name in self.functions if name not in FUNCTIONS and name not in _BUILT)

    def value(self, scope: Scope, node: Node) -> Value:
        """Evaluate at a context node; raises `XPathError`."""
        before = scope.current, scope.position, scope.size
        scope.current, scope.position, scope.size = node, 1, 1
        try:
            return self._fn(scope, node)
        except RecursionError as error:
            raise XPathError("the expression is nested too deeply") from error
        finally:
            scope.current, scope.position, scope.size = before

    def text(self, scope: Scope, node: Node) -> str:
        """The value as text."""
        return to_text(self.value(scope, node))

    def boolean(self, scope: Scope, node: Node) -> bool:
        """The value as a boolean."""
        return to_boolean(self.value(scope, node))

    def number(self, scope: Scope, node: Node) -> float:
        """The value as a number."""
        return to_number(scope, self.value(scope, node))

    def nodes(self, scope: Scope, node: Node) -> list[Node]:
        """The value as a node-set; empty if it is none."""
        value = self.value(scope, node)
        return value if isinstance(value, list) else []


def compile_xpath(source: str, *, base: Path | None = None) -> Expression:
    """Compile an expression; raises `XPathError` on bad syntax.

    `base` is the path of the context node; without it only absolute paths are recorded as reads.
    """
    if len(source) > MAX_LENGTH:
        raise XPathError(f"the expression is longer than {MAX_LENGTH} characters")
    parser = _Parser(source, base)
    try:
        code = parser.whole()
    except RecursionError as error:
        raise XPathError("the expression is nested too deeply") from error
    return Expression(source, code, parser)


# -- operators --------------------------------------------------------------------------------------

_COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_POWERS: Final = {
    "or": 1,
    "and": 2,
    "=": 3,
    "!=": 3,
    "<": 4,
    "<=": 4,
    ">": 4,
    ">=": 4,
    "+": 5,
    "-": 5,
    "*": 6,
    "div": 6,
    "mod": 6,
    "|": 8,
}
_UNARY_POWER: Final = 7

_SPACE = re.compile(r"[ \t\r\n]*")
_OPERATOR = re.compile(r"(?:or|and|div|mod)(?![^\W\d])|!=|<=|>=|[=<>+\-*|]")
_NAME = re.compile(r"[^\W\d][\w.\-·]*")
_QNAME = re.compile(r"[^\W\d][\w.\-·]*(?::[^\W\d][\w.\-·]*)?")
_NUMBER_TOKEN = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+\-]?\d+)?")
_AXIS = re.compile(r"([a-z\-]+)[ \t\r\n]*::")
_NODE_TYPE = re.compile(r"(node|text|comment|processing-instruction)[ \t\r\n]*\(")

_BUILT: Final = frozenset({"if", "coalesce", "once", "current", "position", "last", "indexed-repeat"})


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


def _as_number(code: Code) -> Callable[[Scope, Node], float]:
    fn = code.fn
    if code.kind == NUMBER:
        return fn  # type: ignore[return-value]
    return lambda scope, node: to_number(scope, fn(scope, node))


def _fold(first: Code, rest: list[tuple[str, Code]]) -> Closure:
    """A chain of operators of one precedence, in one frame however long it is."""
    start = _as_number(first)
    steps = [(_ARITHMETIC[name], _as_number(code)) for name, code in rest]
    if len(steps) == 1:
        call, other = steps[0]
        return lambda scope, node: call(start(scope, node), other(scope, node))

    def run(scope: Scope, node: Node) -> float:
        total = start(scope, node)
        for call, other in steps:
            total = call(total, other(scope, node))
        return total

    return run


def _junction(name: str, parts: list[Code]) -> Closure:
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


def _equality(left: Code, right: Code, *, differ: bool) -> Code:
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


# -- steps ------------------------------------------------------------------------------------------

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


_AXES: Final[dict[str, Callable[[Node], Iterable[Node]]]] = {
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
_FLAT: Final = frozenset({"child", "self", "attribute", "parent"})
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


def _filter(predicate: Code) -> Callable[[Scope, list[Node]], list[Node]]:
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


def _child_step(plain: str, predicates: list[Code]) -> Step:
    """`name[…]`: the commonest step, with an index for `name[column = key]` in fixed trees."""
    if not predicates:

        def simple(scope: Scope, nodes: list[Node]) -> list[Node]:
            if len(nodes) == 1:
                return nodes[0].named(plain)
            return [child for node in nodes for child in node.named(plain)]

        return simple
    filters = [_filter(p) for p in predicates]
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


def _any_step(axis: str, test: NodeTest, predicates: list[Code], *, flat: bool) -> Step:
    walk = _AXES[axis]
    filters = [_filter(p) for p in predicates]
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
            if not flat or axis not in _FLAT:
                return in_order(out)
        elif backward:
            out.reverse()
        return out

    return run


# -- parser -----------------------------------------------------------------------------------------


class _Parser:
    """Recursive descent with binding powers over the characters of one expression."""

    def __init__(self, source: str, base: Path | None) -> None:
        self.source = source
        self.at = 0
        self.depth = 0
        self.outer = base
        """Path of the node `current()` stands for."""
        self.base = base
        """Path of the context node here; None where it is not in the primary instance or not known."""
        self.free = True
        self.reads: set[Read] = set()
        self.functions: set[str] = set()
        self.instances: set[str] = set()
        self.volatile = False

    def error(self, reason: str) -> XPathError:
        near = self.source[max(0, self.at - 20) : self.at + 20].strip()
        return XPathError(f"{reason} at character {self.at + 1}, near “{near}”")

    def space(self) -> None:
        self.at = _SPACE.match(self.source, self.at).end()  # type: ignore[union-attr]

    def peek(self, token: str) -> bool:
        self.space()
        return self.source.startswith(token, self.at)

    def take(self, token: str) -> bool:
        if self.peek(token):
            self.at += len(token)
            return True
        return False

    def expect(self, token: str) -> None:
        if not self.take(token):
            raise self.error(f"“{token}” expected")

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        self.space()
        found = pattern.match(self.source, self.at)
        if found:
            self.at = found.end()
        return found

    def whole(self) -> Code:
        code = self.expression(0)
        self.space()
        if self.at < len(self.source):
            raise self.error("unexpected text")
        return code

    # Every nested level takes the same two frames, expression and operand, plus one for what nests.
    def expression(self, power: int) -> Code:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise self.error("nested too deeply")
        left = self.operand()
        while True:
            self.space()
            found = _OPERATOR.match(self.source, self.at)
            if not found or _POWERS[found[0]] <= power:
                break
            name = found[0]
            level = _POWERS[name]
            operands = [left]
            names: list[str] = []
            while found and _POWERS[found[0]] == level and (level > 2 or found[0] == name):
                self.at = found.end()
                names.append(found[0])
                operands.append(self.expression(level))
                self.space()
                found = _OPERATOR.match(self.source, self.at)
            left = self.combine(level, operands, names)
        self.depth -= 1
        return left

    def combine(self, level: int, operands: list[Code], names: list[str]) -> Code:
        free = all(o.free for o in operands)
        if level <= 2:
            return Code(_junction(names[0], operands), BOOLEAN, free=free)
        if level == 8:
            return Code(self.union(operands), NODES, free=free)
        if level in (5, 6):
            rest = list(zip(names, operands[1:], strict=True))
            return Code(_fold(operands[0], rest), NUMBER, free=free)
        left = operands[0]
        for name, right in zip(names, operands[1:], strict=True):
            if level == 3:
                left = _equality(left, right, differ=name == "!=")
            else:
                left = self.relation(left, right, _COMPARISONS[name])
        return left

    @staticmethod
    def relation(left: Code, right: Code, compare: Callable[[float, float], bool]) -> Code:
        a, b = left.fn, right.fn
        return Code(
            lambda scope, node: ordered(scope, a(scope, node), b(scope, node), compare),
            BOOLEAN,
            free=left.free and right.free,
        )

    def union(self, operands: list[Code]) -> Closure:
        if any(o.kind not in (NODES, ANY) for o in operands):
            raise self.error("“|” joins node-sets")
        fns = [o.fn for o in operands]

        def run(scope: Scope, node: Node) -> list[Node]:
            out: list[Node] = []
            for fn in fns:
                value = fn(scope, node)
                if not isinstance(value, list):
                    raise XPathError("“|” joins node-sets")
                out.extend(value)
            return in_order(out)

        return run

    def operand(self) -> Code:
        self.space()
        negations = 0
        while self.take("-"):
            negations += 1
        if negations:
            self.depth += 1
            code = self.expression(_UNARY_POWER)
            self.depth -= 1
            number = _as_number(code)
            if negations % 2 and isinstance(code.literal, float):
                return self.constant(-code.literal, NUMBER)
            if negations % 2:
                return Code(lambda scope, node: -number(scope, node), NUMBER, free=code.free)
            return Code(number, NUMBER, free=code.free)
        source, at = self.source, self.at
        character = source[at : at + 1]
        if character in ('"', "'"):
            end = source.find(character, at + 1)
            if end < 0:
                raise self.error("text without closing quotation mark")
            self.at = end + 1
            code = self.constant(source[at + 1 : end], STRING)
        elif (character.isdigit() or character == ".") and (number_token := self.match(_NUMBER_TOKEN)):
            code = self.constant(float(number_token[0]), NUMBER)
        elif character == "(":
            self.at += 1
            code = self.expression(0)
            code.column = None
            self.expect(")")
        elif character == "$":
            raise self.error("variables are not supported")
        elif (called := _QNAME.match(source, at)) and self.is_call(called.end()):
            self.at = called.end()
            code = self.call(called[0])
            if called[0] == "current" and self.peek("/"):
                self.at += 1
                deep = self.take("/")
                return self.steps(lambda scope, node: [scope.current], self.outer, free=True, deep=deep)
            if called[0] == "instance" and (self.peek("/") or self.peek("[")):
                return self.trail(code, None)
        else:
            return self.location()
        if self.peek("[") or self.peek("/"):
            return self.trail(code, None)
        return code

    def constant(self, value: str | float, kind: str) -> Code:
        code = Code(lambda scope, node: value, kind)
        code.literal = value
        return code

    def is_call(self, end: int) -> bool:
        end = _SPACE.match(self.source, end).end()  # type: ignore[union-attr]
        return self.source.startswith("(", end) and not _NODE_TYPE.match(self.source, self.at)

    # -- paths --------------------------------------------------------------------------------------

    def trail(self, code: Code, base: Path | None) -> Code:
        """What follows a value that is not a path: predicates and further steps."""
        if code.kind not in (NODES, ANY):
            raise self.error("only a node-set has parts")
        inner = code.fn
        filters = []
        while self.peek("["):
            filters.append(_filter(self.predicate(base)))

        def start(scope: Scope, node: Node) -> list[Node]:
            nodes = inner(scope, node)
            if not isinstance(nodes, list):
                raise XPathError("only a node-set has parts")
            for keep in filters:
                nodes = keep(scope, nodes)
            return nodes

        if self.take("/"):
            return self.steps(start, base, free=code.free, deep=self.take("/"))
        return Code(start, NODES, free=code.free)

    def location(self) -> Code:
        if self.take("/"):
            deep = self.take("/")

            def top(scope: Scope, node: Node) -> list[Node]:
                return [scope.root]

            self.space()
            if not deep and not self.starts_step():
                self.reads.add(Read((), 0, True))
                return Code(top, NODES)
            return self.steps(top, (), free=True, deep=deep, anchor=0)
        return self.steps(lambda scope, node: [node], self.base, free=False)

    def starts_step(self) -> bool:
        return self.source[self.at : self.at + 1] in (".", "@", "*") or bool(
            _NAME.match(self.source, self.at)
        )

    def steps(
        self,
        start: NodesClosure,
        base: Path | None,
        *,
        free: bool,
        deep: bool = False,
        anchor: int | None = None,
    ) -> Code:
        """Steps from a starting set; follows along which path of the primary instance is read."""
        made: list[Step] = []
        plain_names: list[str] | None = []
        path = base
        low = len(base) if base is not None and anchor is None else (anchor or 0)
        spread = False
        flat = True
        while True:
            if deep:
                made.append(_any_step("descendant-or-self", lambda s, n: True, [], flat=flat))
                flat, spread, plain_names = False, True, None
            axis, plain, test, attribute = self.step_head()
            if path is not None and not spread:
                if attribute is not None:
                    path = (*path, attribute)
                elif axis == "child" and plain:
                    path = (*path, plain)
                elif axis == "parent":
                    path = path[:-1]
                    low = min(low, len(path))
                elif axis == "self" and plain is None:
                    pass
                else:
                    spread = True
                    if axis in ("following-sibling", "preceding-sibling"):
                        path = path[:-1]
                    elif axis not in ("child", "descendant", "descendant-or-self"):
                        path = ()
                    low = min(low, len(path))
            predicates = []
            while self.peek("["):
                predicates.append(self.predicate(None if spread else path))
            if axis == "child" and plain:
                if predicates or plain_names is None:
                    plain_names = None
                else:
                    plain_names.append(plain)
                step = _child_step(plain, predicates)
                made.append(step if flat else _ordered_step(step))
            elif axis == "self" and not predicates and test is None:
                pass
            else:
                plain_names = None
                made.append(_any_step(axis, test or (lambda s, n: True), predicates, flat=flat))
                flat = flat and axis in _FLAT
            if not self.take("/"):
                break
            deep = self.take("/")
        if path is not None:
            self.reads.add(Read(path, low, spread))
        code = Code(_chain(start, made), NODES, free=free)
        if not free and plain_names is not None and len(plain_names) == 1 and len(made) == 1:
            code.column = plain_names[0]
        return code

    def predicate(self, base: Path | None) -> Code:
        self.expect("[")
        before, self.base = self.base, base
        code = self.expression(0)
        self.base = before
        self.expect("]")
        return code

    def step_head(self) -> tuple[str, str | None, NodeTest | None, str | None]:
        """Axis, plain child name, other node test, and `@name` if it is an attribute."""
        if self.take(".."):
            return "parent", None, None, None
        if self.take("."):
            return "self", None, None, None
        axis = "child"
        if self.take("@"):
            axis = "attribute"
        elif found := self.match(_AXIS):
            axis = found[1]
            if axis not in _AXES:
                raise self.error(f"unknown axis {axis}")
        self.space()
        if found := self.match(_NODE_TYPE):
            return axis, None, self.node_type(found[1]), None
        if self.take("*"):
            kind = ATTRIBUTE if axis == "attribute" else ELEMENT
            return axis, None, lambda scope, node: node.kind == kind, None
        name = self.match(_NAME)
        if not name:
            raise self.error("a name is expected")
        if self.source.startswith(":", self.at) and not self.source.startswith("::", self.at):
            self.at += 1
            if self.source.startswith("*", self.at):
                self.at += 1
                return axis, None, _prefixed(name[0], None, axis), None
            local = self.match(_NAME)
            if not local:
                raise self.error("a name is expected")
            test = _prefixed(name[0], local[0], axis)
            return axis, None, test, f"@{local[0]}" if axis == "attribute" else None
        plain = name[0]
        if axis == "child":
            return axis, plain, None, None
        kind = ATTRIBUTE if axis == "attribute" else ELEMENT
        return (
            axis,
            plain,
            lambda scope, node: node.plain == plain and node.kind == kind,
            f"@{plain}" if axis == "attribute" else None,
        )

    def node_type(self, name: str) -> NodeTest | None:
        target: str | None = None
        if name == "processing-instruction" and not self.peek(")"):
            code = self.operand()
            if not isinstance(code.literal, str):
                raise self.error("a quoted name is expected")
            target = code.literal
        self.expect(")")
        if name == "node":
            return None
        kind = {"text": TEXT, "comment": COMMENT}.get(name, INSTRUCTION)
        return lambda scope, node: node.kind == kind and (target is None or node.local == target)

    # -- calls --------------------------------------------------------------------------------------

    def call(self, name: str) -> Code:
        """A call whose name has been read."""
        self.expect("(")
        arguments: list[Code] = []
        if not self.take(")"):
            while True:
                arguments.append(self.expression(0))
                if not self.take(","):
                    break
            self.expect(")")
        self.functions.add(name)
        if name in _BUILT:
            return self.built(name, arguments)
        function = FUNCTIONS.get(name)
        free = all(a.free for a in arguments)
        if function is None:
            return _failing(f"unknown function {name}()")
        count = len(arguments)
        if count < function.least or (function.most is not None and count > function.most):
            return _failing(f"{name}() with {count} arguments")
        if name in ("instance", "pulldata") and isinstance(arguments[0].literal, str):
            self.instances.add(arguments[0].literal)
        if function.volatile or (name == "randomize" and count == 1):
            self.volatile = True
        if function.implicit and not count:
            free = False
            if self.base is not None:
                self.reads.add(Read(self.base, len(self.base), False))
        return Code(_invoke(function.call, [a.fn for a in arguments]), function.kind, free=free)

    def built(self, name: str, arguments: list[Code]) -> Code:
        """Functions that need their arguments' expressions, not only their values."""
        free = all(a.free for a in arguments)
        fns = [a.fn for a in arguments]
        count = len(fns)
        if name == "if" and count == 3:
            test, yes, no = fns
            kind = arguments[1].kind if arguments[1].kind == arguments[2].kind else ANY

            def choose(scope: Scope, node: Node) -> Value:
                value = test(scope, node)
                return yes(scope, node) if value is True or to_boolean(value) else no(scope, node)

            return Code(choose, kind, free=free)
        if name == "coalesce" and count:
            return Code(_coalesce(fns), STRING, free=free)
        if name == "once" and count == 1:
            return Code(_once(fns[0]), STRING, free=False)
        if name == "current" and count == 0:
            if self.outer is not None and not self.peek("/"):
                self.reads.add(Read(self.outer, len(self.outer), False))
            return Code(lambda scope, node: [scope.current], NODES)
        if name == "position" and count == 0:
            return Code(lambda scope, node: float(scope.position), NUMBER, free=False)
        if name == "position" and count == 1 and arguments[0].kind in (NODES, ANY):
            return Code(_position(fns[0]), NUMBER, free=free)
        if name == "last" and count == 0:
            return Code(lambda scope, node: float(scope.size), NUMBER, free=False)
        if name == "indexed-repeat" and count >= 3 and count % 2:
            return Code(_indexed_repeat(fns), NODES, free=free)
        return _failing(f"{name}() with {count} arguments")


def _prefixed(prefix: str, local: str | None, axis: str) -> NodeTest:
    kind = ATTRIBUTE if axis == "attribute" else ELEMENT

    def test(scope: Scope, node: Node) -> bool:
        uri = scope.namespaces.get(prefix) or KNOWN_PREFIXES.get(prefix)
        if uri is None:
            raise XPathError(f"unknown prefix {prefix}")
        return node.kind == kind and node.namespace == uri and (local is None or node.local == local)

    return test


def _ordered_step(step: Step) -> Step:
    def run(scope: Scope, nodes: list[Node]) -> list[Node]:
        found = step(scope, nodes)
        return found if len(nodes) < 2 else in_order(found)

    return run


def _chain(start: NodesClosure, steps: list[Step]) -> NodesClosure:
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


def _invoke(call: Callable[..., Value], fns: list[Closure]) -> Closure:
    if not fns:
        return call
    if len(fns) == 1:
        one = fns[0]
        return lambda scope, node: call(scope, node, one(scope, node))
    if len(fns) == 2:
        first, second = fns
        return lambda scope, node: call(scope, node, first(scope, node), second(scope, node))
    return lambda scope, node: call(scope, node, *[fn(scope, node) for fn in fns])


def _failing(reason: str) -> Code:
    def fail(scope: Scope, node: Node) -> Value:
        raise XPathError(reason)

    return Code(fail, free=False)


def _blank_text(value: Value) -> str:
    """Text of a value, where NaN counts as no answer."""
    return "" if isinstance(value, float) and math.isnan(value) else to_text(value)


def _coalesce(fns: list[Closure]) -> Closure:
    def run(scope: Scope, node: Node) -> str:
        for fn in fns:
            text = _blank_text(fn(scope, node))
            if text:
                return text
        return ""

    return run


def _once(fn: Closure) -> Closure:
    def run(scope: Scope, node: Node) -> str:
        return scope.current.text() or _blank_text(fn(scope, node))

    return run


def _position(fn: Closure) -> Closure:
    def run(scope: Scope, node: Node) -> float:
        nodes = fn(scope, node)
        if not isinstance(nodes, list):
            raise XPathError("position() takes a node")
        return sibling_position(nodes[0]) if nodes else NAN

    return run


def _indexed_repeat(fns: list[Closure]) -> Closure:
    target, pairs = fns[0], list(zip(fns[1::2], fns[2::2], strict=True))

    def within(node: Node, top: Node | None) -> bool:
        at: Node | None = node
        while at is not None and at is not top:
            at = at.parent
        return at is top

    def run(scope: Scope, node: Node) -> list[Node]:
        chosen: Node | None = None
        for repeat, index in pairs:
            repeats = repeat(scope, node)
            if not isinstance(repeats, list):
                raise XPathError("indexed-repeat() takes node-sets")
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


__all__ = [
    "Environment",
    "Expression",
    "Mapping",
    "Moment",
    "Path",
    "Read",
    "Scope",
    "Value",
    "XPathError",
    "compile_xpath",
    "in_order",
]
