"""XPath in the OpenRosa dialect: one expression becomes one closure.

Owns the grammar: a scannerless Pratt parser that emits closures over `tree.Node`, and records what an
expression reads, so that the engine knows what to compute again. `xpath_values.py` holds types and comparison,
`xpath_steps.py` paths, `xpath_operators.py` operators, `xpath_functions.py` the function library. Refuses by
`XPathError`: bad syntax and nesting deeper than `MAX_NESTING` when compiled; unknown functions and wrong numbers
of arguments only when evaluated, as the reference engines do.
https://getodk.github.io/xforms-spec/#xpath-paths, https://www.w3.org/TR/1999/REC-xpath-19991116/
"""

# ruff: noqa: ARG001, ARG005 - every closure takes scope and node, few need both
from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from survey.questionnaires import xpath_functions as library
from survey.questionnaires.tree import (
    ATTRIBUTE,
    COMMENT,
    ELEMENT,
    INSTRUCTION,
    TEXT,
    Node,
)
from survey.questionnaires.xpath_operators import (
    COMPARISONS,
    as_number,
    coalesce,
    equality,
    failing,
    fold,
    indexed_repeat,
    invoke,
    junction,
    once,
    position_of,
)
from survey.questionnaires.xpath_registry import ANY, BOOLEAN, NODES, NUMBER
from survey.questionnaires.xpath_registry import TEXT as STRING
from survey.questionnaires.xpath_steps import (
    AXES,
    FLAT_AXES,
    Closure,
    Code,
    NodesClosure,
    NodeTest,
    Path,
    Step,
    axis_step,
    chain,
    child_step,
    in_order,
    keep_matching,
    ordered_step,
    prefixed_test,
)
from survey.questionnaires.xpath_values import (
    Environment,
    Moment,
    Scope,
    Value,
    XPathError,
    ordered,
    to_boolean,
    to_number,
    to_text,
)

MAX_NESTING: Final = 200


MAX_LENGTH: Final = 100_000


class Read(NamedTuple):
    """A path an expression looks at: names from the root, how deep below the root it stays, all below it?

    `anchor` is the number of leading names shared with the context node's own ancestors: what lies
    under another node at that depth is never looked at.
    """

    path: Path
    anchor: int
    deep: bool


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
        return frozenset(
            name for name in self.functions if name not in library.FUNCTIONS and name not in _BUILT
        )

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


_SPACES: Final = frozenset(" \t\r\n")


_OPERATOR = re.compile(r"(?:or|and|div|mod)(?![^\W\d])|!=|<=|>=|[=<>+\-*|]")


_NAME = re.compile(r"[^\W\d][\w.\-·]*")


_QNAME = re.compile(r"[^\W\d][\w.\-·]*(?::[^\W\d][\w.\-·]*)?")


_NUMBER_TOKEN = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+\-]?\d+)?")


_AXIS = re.compile(r"([a-z\-]+)[ \t\r\n]*::")


_NODE_TYPE = re.compile(r"(node|text|comment|processing-instruction)[ \t\r\n]*\(")


_BUILT: Final = frozenset({"if", "coalesce", "once", "current", "position", "last", "indexed-repeat"})


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
        self.shared = len(base) if base is not None else 0
        """How many leading names of `base` are those of the outer context node's own ancestors."""
        self.free = True
        self.reads: list[Read] = []
        self.functions: set[str] = set()
        self.instances: set[str] = set()
        self.volatile = False

    def error(self, reason: str) -> XPathError:
        near = self.source[max(0, self.at - 20) : self.at + 20].strip()
        return XPathError(f"{reason} at character {self.at + 1}, near “{near}”")

    def space(self) -> None:
        if self.source[self.at : self.at + 1] in _SPACES:
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
            return Code(junction(names[0], operands), BOOLEAN, free=free)
        if level == 8:
            return Code(self.union(operands), NODES, free=free)
        if level in (5, 6):
            rest = list(zip(names, operands[1:], strict=True))
            return Code(fold(operands[0], rest), NUMBER, free=free)
        left = operands[0]
        for name, right in zip(names, operands[1:], strict=True):
            if level == 3:
                left = equality(left, right, differ=name == "!=")
            else:
                left = self.relation(left, right, COMPARISONS[name])
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
            number = as_number(code)
            if negations % 2 and isinstance(code.literal, float):
                return self.constant(-code.literal, NUMBER)
            if negations % 2:
                return Code(lambda scope, node: -number(scope, node), NUMBER, free=code.free)
            return Code(number, NUMBER, free=code.free)
        source, at = self.source, self.at
        known = len(self.reads)
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
                return self.trail(code, None, known)
        else:
            return self.location()
        if self.peek("[") or self.peek("/"):
            return self.trail(code, None, known)
        return code

    def constant(self, value: str | float, kind: str) -> Code:
        code = Code(lambda scope, node: value, kind)
        code.literal = value
        return code

    def is_call(self, end: int) -> bool:
        end = _SPACE.match(self.source, end).end()  # type: ignore[union-attr]
        return self.source.startswith("(", end) and not _NODE_TYPE.match(self.source, self.at)

    # -- paths --------------------------------------------------------------------------------------

    def trail(self, code: Code, base: Path | None, known: int) -> Code:
        """What follows a value that is not a path: predicates and further steps.

        Where its nodes lie is not known here: everything below what was read to find them counts as read.
        """
        self.reads += [read._replace(deep=True) for read in self.reads[known:]]
        if code.kind not in (NODES, ANY):
            raise self.error("only a node-set has parts")
        inner = code.fn
        filters = []
        while self.peek("["):
            filters.append(keep_matching(self.predicate(base)))

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
                self.reads.append(Read((), 0, True))
                return Code(top, NODES)
            return self.steps(top, (), free=True, deep=deep, anchor=0)
        return self.steps(lambda scope, node: [node], self.base, free=False, anchor=self.shared)

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
                made.append(axis_step("descendant-or-self", lambda s, n: True, [], flat=flat))
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
                predicates.append(self.predicate(None if spread else path, low))
            if axis == "child" and plain:
                if predicates or plain_names is None:
                    plain_names = None
                else:
                    plain_names.append(plain)
                step = child_step(plain, predicates)
                made.append(step if flat else ordered_step(step))
            elif axis == "self" and not predicates and test is None:
                pass
            else:
                plain_names = None
                made.append(axis_step(axis, test or (lambda s, n: True), predicates, flat=flat))
                flat = flat and axis in FLAT_AXES
            if not self.take("/"):
                break
            deep = self.take("/")
        if path is not None:
            self.reads.append(Read(path, low, spread))
        code = Code(chain(start, made), NODES, free=free)
        if not free and plain_names is not None and len(plain_names) == 1 and len(made) == 1:
            code.column = plain_names[0]
        return code

    def predicate(self, base: Path | None, shared: int = 0) -> Code:
        """A predicate; its context nodes lie at `base`, anywhere below the first `shared` names."""
        self.expect("[")
        before = self.base, self.shared
        self.base, self.shared = base, shared
        code = self.expression(0)
        self.base, self.shared = before
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
            if axis not in AXES:
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
                return axis, None, prefixed_test(name[0], None, axis), None
            local = self.match(_NAME)
            if not local:
                raise self.error("a name is expected")
            test = prefixed_test(name[0], local[0], axis)
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
        function = library.FUNCTIONS.get(name)
        free = all(a.free for a in arguments)
        if function is None:
            return failing(f"unknown function {name}()")
        count = len(arguments)
        if count < function.least or (function.most is not None and count > function.most):
            return failing(f"{name}() with {count} arguments")
        if name in ("instance", "pulldata") and isinstance(arguments[0].literal, str):
            self.instances.add(arguments[0].literal)
        if function.volatile or (name == "randomize" and count == 1):
            self.volatile = True
        if function.implicit and not count:
            free = False
            if self.base is not None:
                self.reads.append(Read(self.base, self.shared, False))
        return Code(invoke(function.call, [a.fn for a in arguments]), function.kind, free=free)

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
            return Code(coalesce(fns), STRING, free=free)
        if name == "once" and count == 1:
            return Code(once(fns[0]), STRING, free=False)
        if name == "current" and count == 0:
            if self.outer is not None and not self.peek("/"):
                self.reads.append(Read(self.outer, len(self.outer), False))
            return Code(lambda scope, node: [scope.current], NODES)
        if name == "position" and count == 0:
            return Code(lambda scope, node: float(scope.position), NUMBER, free=False)
        if name == "position" and count == 1 and arguments[0].kind in (NODES, ANY):
            return Code(position_of(fns[0]), NUMBER, free=free)
        if name == "last" and count == 0:
            return Code(lambda scope, node: float(scope.size), NUMBER, free=False)
        if name == "indexed-repeat" and count >= 3 and count % 2:
            return Code(indexed_repeat(fns), NODES, free=free)
        return failing(f"{name}() with {count} arguments")


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
