"""The functions of the OpenRosa XPath dialect: logic, text, numbers, node-sets, selections.

Owns one entry a function: how many arguments, what it returns, what it does. Functions that look at their
arguments' expressions (`if`, `once`, `position`, `current` …) are built by the parser in `xpath.py`. Refuses by
`XPathError` what the specification calls an error, and bounds what a form could make endless: `uuid(n)`,
`regex()`. https://getodk.github.io/xforms-spec/#xpath-functions
"""

# ruff: noqa: ARG001 - every function takes scope and node, few need them
from __future__ import annotations

import base64
import binascii
import hashlib
import math
import random
import re
import uuid
from collections.abc import Callable
from typing import Any, Final

from survey.questionnaires import xpath_dates, xpath_geography
from survey.questionnaires.patterns import PatternError, compiled
from survey.questionnaires.tree import ATTRIBUTE, ELEMENT, INSTRUCTION, ROOT, XML, Node
from survey.questionnaires.xpath_registry import (
    BOOLEAN,
    FUNCTIONS,
    NODES,
    NUMBER,
    TEXT,
    Function,
    function,
    nodes_of,
    numbers_of,
    texts_of,
)
from survey.questionnaires.xpath_values import (
    NAN,
    Scope,
    Value,
    XPathError,
    round_half_away,
    text_to_days,
    text_to_number,
    to_boolean,
    to_number,
    to_text,
)

MAX_UUID_LENGTH: Final = 1_000


@function("true", 0, 0, BOOLEAN)
def _true(scope: Scope, node: Node) -> bool:
    return True


@function("false", 0, 0, BOOLEAN)
def _false(scope: Scope, node: Node) -> bool:
    return False


@function("not", 1, 1, BOOLEAN)
def _not(scope: Scope, node: Node, value: Value) -> bool:
    return not to_boolean(value)


@function("boolean", 1, 1, BOOLEAN)
def _boolean(scope: Scope, node: Node, value: Value) -> bool:
    return to_boolean(value)


@function("boolean-from-string", 1, 1, BOOLEAN)
def _boolean_from_string(scope: Scope, node: Node, value: Value) -> bool:
    return to_text(value) in ("1", "true")


@function("lang", 1, 1, BOOLEAN)
def _lang(scope: Scope, node: Node, value: Value) -> bool:
    wanted = to_text(value).lower()
    at: Node | None = node
    while at is not None:
        for attribute in at.attributes or ():
            if attribute.local == "lang" and attribute.namespace == XML:
                found = attribute.value.lower()
                return found == wanted or found.startswith(wanted + "-")
        at = at.parent
    return False


@function("regex", 2, 2, BOOLEAN)
def _regex(scope: Scope, node: Node, value: Value, pattern: Value) -> bool:
    try:
        matches, steps = compiled(to_text(pattern)).walk(to_text(value))
    except PatternError as error:
        raise XPathError(f"regex(): {error}") from error
    scope.budget.take_steps(steps)
    return matches


def _checked(scope: Scope, value: Value) -> bool:
    """A value that counts in a checklist: any node with text, or a number above zero or true."""
    if isinstance(value, Node):
        return value.text() != ""
    if isinstance(value, str):
        return value != ""
    return to_boolean(value)


def _spread(values: tuple[Value, ...]) -> list[Any]:
    spread: list[Any] = []
    for value in values:
        if isinstance(value, list):
            spread.extend(value)
        else:
            spread.append(value)
    return spread


def _between(scope: Scope, least: Value, most: Value, total: float) -> bool:
    low, high = to_number(scope, least), to_number(scope, most)
    return (low < 0 or total >= low) and (high < 0 or total <= high)


@function("checklist", 2, None, BOOLEAN)
def _checklist(scope: Scope, node: Node, least: Value, most: Value, *values: Value) -> bool:
    return _between(scope, least, most, sum(_checked(scope, v) for v in _spread(values)))


@function("weighted-checklist", 2, None, BOOLEAN)
def _weighted_checklist(scope: Scope, node: Node, least: Value, most: Value, *values: Value) -> bool:
    if len(values) % 2:
        raise XPathError("weighted-checklist() takes a weight for every value")
    total = 0.0
    for value, weight in zip(values[::2], values[1::2], strict=True):
        weights = numbers_of(scope, (weight,))
        items = _spread((value,))
        if len(items) > len(weights):
            raise XPathError("weighted-checklist() takes as many weights as values")
        total += sum(w for item, w in zip(items, weights, strict=False) if _checked(scope, item))
    return _between(scope, least, most, total)


@function("string", 0, 1, TEXT, implicit=True)
def _string(scope: Scope, node: Node, *values: Value) -> str:
    return to_text(values[0]) if values else node.text()


@function("concat", 0, None, TEXT)
def _concat(scope: Scope, node: Node, *values: Value) -> str:
    return _joined(scope, "", texts_of(values))


@function("join", 1, None, TEXT)
def _join(scope: Scope, node: Node, separator: Value, *values: Value) -> str:
    return _joined(scope, to_text(separator), texts_of(values))


def _joined(scope: Scope, separator: str, texts: list[str]) -> str:
    scope.budget.take_text(sum(map(len, texts)) + len(separator) * max(0, len(texts) - 1))
    return separator.join(texts)


@function("string-length", 0, 1, NUMBER, implicit=True)
def _string_length(scope: Scope, node: Node, *values: Value) -> float:
    return float(len(to_text(values[0]) if values else node.text()))


@function("normalize-space", 0, 1, TEXT, implicit=True)
def _normalize_space(scope: Scope, node: Node, *values: Value) -> str:
    text = to_text(values[0]) if values else node.text()
    return re.sub("[ \t\r\n]+", " ", text).strip(" ")


@function("contains", 2, 2, BOOLEAN)
def _contains(scope: Scope, node: Node, text: Value, part: Value) -> bool:
    return to_text(part) in to_text(text)


@function("starts-with", 2, 2, BOOLEAN)
def _starts_with(scope: Scope, node: Node, text: Value, part: Value) -> bool:
    return to_text(text).startswith(to_text(part))


@function("ends-with", 2, 2, BOOLEAN)
def _ends_with(scope: Scope, node: Node, text: Value, part: Value) -> bool:
    return to_text(text).endswith(to_text(part))


@function("substring-before", 2, 2, TEXT)
def _substring_before(scope: Scope, node: Node, text: Value, part: Value) -> str:
    before, found, _ = _partition(to_text(text), to_text(part))
    return before if found else ""


@function("substring-after", 2, 2, TEXT)
def _substring_after(scope: Scope, node: Node, text: Value, part: Value) -> str:
    _, found, after = _partition(to_text(text), to_text(part))
    return after if found else ""


def _partition(text: str, part: str) -> tuple[str, bool, str]:
    at = text.find(part)
    return (text[:at], True, text[at + len(part) :]) if at >= 0 else (text, False, "")


def _half_up(number: float) -> float:
    """XPath 1.0's own rounding, towards positive infinity at a half, as `substring()` wants it."""
    return number if math.isinf(number) or math.isnan(number) else math.floor(number + 0.5)


@function("substring", 2, 3, TEXT)
def _substring(scope: Scope, node: Node, text: Value, start: Value, *length: Value) -> str:
    characters = to_text(text)
    first = _half_up(to_number(scope, start))
    last = first + _half_up(to_number(scope, length[0])) if length else math.inf
    if math.isnan(first) or math.isnan(last):
        return ""
    low = min(max(first, 1.0), len(characters) + 1.0)
    high = min(max(last, 1.0), len(characters) + 1.0)
    return characters[int(low) - 1 : int(high) - 1]


@function("substr", 2, 3, TEXT)
def _substr(scope: Scope, node: Node, text: Value, start: Value, *end: Value) -> str:
    characters = to_text(text)
    return characters[_index(scope, start, characters) : _index(scope, end[0], characters) if end else None]


def _index(scope: Scope, value: Value, text: str) -> int:
    number = to_number(scope, value)
    if math.isnan(number):
        return 0
    return int(max(-len(text), min(number, len(text))))


@function("translate", 3, 3, TEXT)
def _translate(scope: Scope, node: Node, text: Value, old: Value, new: Value) -> str:
    to = to_text(new)
    table: dict[int, str | None] = {}
    for at, character in enumerate(to_text(old)):
        table.setdefault(ord(character), to[at] if at < len(to) else None)
    return to_text(text).translate(table)


@function("uuid", 0, 1, TEXT, volatile=True)
def _uuid(scope: Scope, node: Node, *length: Value) -> str:
    if not length:
        return str(uuid.uuid4())
    number = to_number(scope, length[0])
    if not 1 <= number <= MAX_UUID_LENGTH:
        raise XPathError(f"uuid() takes a length from 1 to {MAX_UUID_LENGTH}")
    alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    source = random.SystemRandom()
    return "".join(source.choice(alphabet) for _ in range(int(number)))


@function("digest", 2, 3, TEXT)
def _digest(scope: Scope, node: Node, text: Value, algorithm: Value, *encoding: Value) -> str:
    name = to_text(algorithm)
    coding = (to_text(encoding[0]) if encoding else "base64").lower()
    if name.upper() not in ("MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"):
        raise XPathError(f"digest() does not know the algorithm {name}")
    if coding not in ("base64", "hex"):
        raise XPathError(f"digest() does not know the encoding {coding}")
    hashed = hashlib.new(name.replace("-", "").lower(), to_text(text).encode(), usedforsecurity=False)
    return hashed.hexdigest() if coding == "hex" else base64.b64encode(hashed.digest()).decode()


@function("base64-decode", 1, 1, TEXT)
def _base64_decode(scope: Scope, node: Node, text: Value) -> str:
    try:
        return base64.b64decode(to_text(text)).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


@function("number", 0, 1, NUMBER, implicit=True)
def _number(scope: Scope, node: Node, *values: Value) -> float:
    value = values[0] if values else node.text()
    if isinstance(value, (str, list)):
        return text_to_days(to_text(value), scope.zone)
    return to_number(scope, value)


@function("int", 1, 1, NUMBER)
def _int(scope: Scope, node: Node, value: Value) -> float:
    number = to_number(scope, value)
    return float(math.trunc(number)) if math.isfinite(number) else number


@function("round", 1, 2, NUMBER)
def _round(scope: Scope, node: Node, value: Value, *digits: Value) -> float:
    places = to_number(scope, digits[0]) if digits else 0.0
    if not math.isfinite(places):
        return NAN
    return round_half_away(to_number(scope, value), int(places))


@function("floor", 1, 1, NUMBER)
def _floor(scope: Scope, node: Node, value: Value) -> float:
    number = to_number(scope, value)
    return float(math.floor(number)) if math.isfinite(number) else number


@function("ceiling", 1, 1, NUMBER)
def _ceiling(scope: Scope, node: Node, value: Value) -> float:
    number = to_number(scope, value)
    return float(math.ceil(number)) if math.isfinite(number) else number


@function("random", 0, 0, NUMBER, volatile=True)
def _random(scope: Scope, node: Node) -> float:
    return random.random()  # noqa: S311 - a form's draw, not a secret


def _arithmetic(name: str, call: Callable[..., float], arguments: int = 1) -> None:
    """Register a function of real numbers; outside its domain it is NaN or infinite as in IEEE 754."""

    def run(scope: Scope, node: Node, *values: Value) -> float:
        numbers = [to_number(scope, value) for value in values]
        if any(math.isnan(n) for n in numbers) and name != "pow":
            return NAN
        try:
            return float(call(*numbers))
        except OverflowError:
            return math.inf
        except (ValueError, ZeroDivisionError, TypeError):
            return NAN

    FUNCTIONS[name] = Function(arguments, arguments, NUMBER, run)


def _log(base: Callable[..., float]) -> Callable[[float], float]:
    return lambda x: -math.inf if x == 0 else base(x)


def _pow(base: float, power: float) -> float:
    if base == 0 and power < 0:
        return math.inf
    return math.pow(base, power)


for _name, _call in {
    "abs": math.fabs,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "exp10": lambda x: math.pow(10, x),
    "log": _log(math.log),
    "log10": _log(math.log10),
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
}.items():
    _arithmetic(_name, _call)


_arithmetic("pow", _pow, 2)


_arithmetic("atan2", math.atan2, 2)


_arithmetic("pi", lambda: math.pi, 0)


@function("count", 1, 1, NUMBER)
def _count(scope: Scope, node: Node, nodes: Value) -> float:
    return float(len(nodes_of("count", nodes)))


@function("count-non-empty", 1, 1, NUMBER)
def _count_non_empty(scope: Scope, node: Node, nodes: Value) -> float:
    return float(sum(1 for n in nodes_of("count-non-empty", nodes) if n.text()))


@function("sum", 1, 1, NUMBER)
def _sum(scope: Scope, node: Node, nodes: Value) -> float:
    zone = scope.zone
    return float(sum([text_to_number(n.text(), zone) for n in nodes_of("sum", nodes)]))


@function("min", 1, None, NUMBER)
def _min(scope: Scope, node: Node, *values: Value) -> float:
    numbers = numbers_of(scope, values)
    return NAN if not numbers or any(map(math.isnan, numbers)) else min(numbers)


@function("max", 1, None, NUMBER)
def _max(scope: Scope, node: Node, *values: Value) -> float:
    numbers = numbers_of(scope, values)
    return NAN if not numbers or any(map(math.isnan, numbers)) else max(numbers)


@function("id", 1, 1, NODES)
def _id(scope: Scope, node: Node, value: Value) -> list[Node]:
    wanted = set(" ".join(texts_of((value,))).split())
    return [n for n in node.root.descendants() if n.kind == ELEMENT and n.get("id") in wanted and n.has("id")]


def _named(name: str, node: Node, values: tuple[Value, ...]) -> Node | None:
    if not values:
        return node
    nodes = nodes_of(name, values[0])
    return nodes[0] if nodes else None


@function("name", 0, 1, TEXT, implicit=True)
def _qualified_name(scope: Scope, node: Node, *values: Value) -> str:
    found = _named("name", node, values)
    return found.name if found is not None and found.kind in (ELEMENT, ATTRIBUTE, INSTRUCTION) else ""


@function("local-name", 0, 1, TEXT, implicit=True)
def _local_name(scope: Scope, node: Node, *values: Value) -> str:
    found = _named("local-name", node, values)
    return found.local if found is not None and found.kind in (ELEMENT, ATTRIBUTE, INSTRUCTION) else ""


@function("namespace-uri", 0, 1, TEXT, implicit=True)
def _namespace_uri(scope: Scope, node: Node, *values: Value) -> str:
    found = _named("namespace-uri", node, values)
    return found.namespace if found is not None else ""


@function("instance", 1, 1, NODES)
def _instance(scope: Scope, node: Node, name: Value) -> list[Node]:
    found = scope.environment.instance(to_text(name))
    return [] if found is None else [found]


@function("pulldata", 4, 4, TEXT)
def _pulldata(scope: Scope, node: Node, name: Value, wanted: Value, column: Value, key: Value) -> str:
    found = scope.environment.instance(to_text(name))
    top = found and next(iter(found.elements()), None)
    if not top:
        return ""
    target, value = to_text(wanted), to_text(key)
    for item in keyed_children(top, "item", to_text(column), [value]):
        for cell in _cells(item, target):
            return cell.text()
    return ""


def _cells(item: Node, column: str) -> list[Node]:
    """The cells of a column: children, or the attribute for `@name`."""
    if column.startswith("@"):
        return [a for a in item.attributes or () if a.local == column[1:]]
    return item.named(column)


def keyed_children(parent: Node, plain: str, column: str, keys: list[str]) -> list[Node]:
    """`plain[column = key]` under a parent, through an index where the tree is marked `"fixed"`."""
    if parent.root.mark != "fixed":
        wanted = set(keys)
        return [n for n in parent.named(plain) if any(c.text() in wanted for c in _cells(n, column))]
    if parent.caches is None:
        parent.caches = {}
    key = (plain, column)
    index: dict[str, list[tuple[int, Node]]] | None = parent.caches.get(key)
    if index is None:
        index = {}
        for at, item in enumerate(parent.named(plain)):
            for cell in _cells(item, column):
                index.setdefault(cell.text(), []).append((at, item))
        parent.caches[key] = index
    if len(keys) == 1:
        return [item for _, item in index.get(keys[0], ())]
    found = {at: item for value in keys for at, item in index.get(value, ())}
    return [found[at] for at in sorted(found)]


class _ParkMiller:
    """The seeded generator of the specification: minimal standard, multiplier 16807 modulo 2^31 - 1."""

    def __init__(self, seed: int) -> None:
        self.state = int(math.fmod(seed, 2_147_483_647))
        if self.state <= 0:
            self.state += 2_147_483_646

    def __call__(self) -> float:
        self.state = self.state * 16_807 % 2_147_483_647
        return (self.state - 1) / 2_147_483_646


@function("randomize", 1, 2, NODES)
def _randomize(scope: Scope, node: Node, nodes: Value, *seed: Value) -> list[Node]:
    shuffled = list(nodes_of("randomize", nodes))
    draw: Callable[[], float] = random.random
    if seed:
        number = to_number(scope, seed[0])
        if math.isfinite(number):
            start = int(number)
        else:
            hashed = hashlib.sha256(to_text(seed[0]).encode()).digest()
            start = int.from_bytes(hashed[:8], "big", signed=True)
        draw = _ParkMiller(start)
    for last in range(len(shuffled) - 1, 0, -1):
        other = math.floor(draw() * (last + 1))
        shuffled[last], shuffled[other] = shuffled[other], shuffled[last]
    return shuffled


@function("selected", 2, 2, BOOLEAN)
def _selected(scope: Scope, node: Node, values: Value, value: Value) -> bool:
    chosen, wanted = to_text(values).strip(), to_text(value).strip()
    return chosen == wanted or wanted in chosen.split()


@function("selected-at", 2, 2, TEXT)
def _selected_at(scope: Scope, node: Node, values: Value, index: Value) -> str:
    number = to_number(scope, index)
    chosen = to_text(values).split()
    return chosen[int(number)] if 0 <= number < len(chosen) else ""


@function("count-selected", 1, 1, NUMBER)
def _count_selected(scope: Scope, node: Node, values: Value) -> float:
    return float(len(to_text(values).split()))


@function("jr:itext", 1, 1, NODES)
def _itext(scope: Scope, node: Node, identifier: Value) -> list[Node]:
    return scope.environment.itext(to_text(identifier))


@function("jr:choice-name", 2, 2, TEXT)
def _choice_name(scope: Scope, node: Node, value: Value, path: Value) -> str:
    return scope.environment.choice_name(to_text(value), to_text(path).strip(), node)


def sibling_position(node: Node) -> float:
    """1-based position of a node among its siblings of the same name."""
    return 1.0 if node.parent is None or node.kind == ROOT else float(node.place())


LIBRARIES: Final = (xpath_dates, xpath_geography)
"""Modules that enter their functions in the register when they are imported."""


__all__ = ["FUNCTIONS", "LIBRARIES", "keyed_children", "sibling_position"]
