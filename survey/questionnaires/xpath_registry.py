"""The register of XPath functions, and how arguments spread.

Owns what an entry is: how many arguments, what kind of result, the implementation. The functions themselves are in
`xpath_functions.py`, `xpath_dates.py` and `xpath_geography.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from survey.questionnaires.tree import Node
from survey.questionnaires.xpath_values import (
    Scope,
    Value,
    XPathError,
    to_number,
    to_text,
)

ANY = "any"


NUMBER, TEXT, BOOLEAN, NODES, MOMENT = "number", "text", "boolean", "nodes", "moment"


Implementation = Callable[..., Value]


class Function(NamedTuple):
    """One function: fewest and most arguments (None: any number), kind of result, implementation.

    `implicit`: without arguments it works on the context node; `volatile`: two calls may differ.
    """

    least: int
    most: int | None
    kind: str
    call: Implementation
    implicit: bool = False
    volatile: bool = False


FUNCTIONS: dict[str, Function] = {}


def function(
    name: str,
    least: int,
    most: int | None,
    kind: str,
    *,
    implicit: bool = False,
    volatile: bool = False,
) -> Callable[[Implementation], Implementation]:
    """Register an implementation under the function's name, with its arity and the kind of its result."""

    def register(call: Implementation) -> Implementation:
        FUNCTIONS[name] = Function(least, most, kind, call, implicit, volatile)
        return call

    return register


def texts_of(values: tuple[Value, ...]) -> list[str]:
    """Every text: a node-set counts as all its nodes."""
    texts: list[str] = []
    for value in values:
        if isinstance(value, list):
            texts.extend(node.text() for node in value)
        else:
            texts.append(to_text(value))
    return texts


def numbers_of(scope: Scope, values: tuple[Value, ...]) -> list[float]:
    """Every number: a node-set counts as all its nodes."""
    numbers: list[float] = []
    for value in values:
        if isinstance(value, list):
            numbers.extend(to_number(scope, node.text()) for node in value)
        else:
            numbers.append(to_number(scope, value))
    return numbers


def nodes_of(name: str, value: Value) -> list[Node]:
    """The node-set an argument must be; `XPathError` naming the function otherwise."""
    if not isinstance(value, list):
        raise XPathError(f"{name}() takes a node-set")
    return value
