"""Cases of single expressions: evaluated in a document, compared by type.

Owns the world such a case stands in: its document, context node, prefixes, clock, zone and language; the
secondary instances and the texts of a form where the document is one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from survey.questionnaires.conformance.verdicts import Judgement, Verdict, judged, lines_of, named, number_of
from survey.questionnaires.tree import ATTRIBUTE, COMMENT, ELEMENT, ROOT, TEXT, Node, parse
from survey.questionnaires.xpath import Environment, Scope, Value, XPathError, compile_xpath
from survey.questionnaires.xpath_values import to_boolean, to_number, to_text

ZONE: Final = "America/Phoenix"
"""The zone of a case that names none."""
TOLERANCE: Final = 0.01


class _Document(Environment):
    """The world of one case; secondary instances and texts are those of its document."""

    def __init__(self, case: Mapping[str, Any], document: Node) -> None:
        self.timezone = ZoneInfo(case.get("tz") or ZONE)
        self.wanted = case.get("lang") or ""
        self.language = self.wanted or "en"
        self.clock = case.get("clock")
        self.document = document

    def now(self) -> datetime:
        return datetime.fromisoformat(self.clock) if self.clock else datetime.now(UTC)

    def elements(self, local: str) -> list[Node]:
        return [n for n in self.document.descendants() if n.kind == ELEMENT and n.local == local]

    def instance(self, name: str) -> Node | None:
        return next((n for n in self.elements("instance") if n.get("id") == name), None)

    def itext(self, identifier: str) -> list[Node]:
        translations = self.elements("translation")
        chosen = next((t for t in translations if t.get("lang") == self.wanted), None) or next(
            (t for t in translations if t.has("default")), translations[0] if translations else None
        )
        for text in chosen.elements("text") if chosen is not None else ():
            if text.get("id") == identifier:
                return text.elements("value")
        return []


def verdicts(path: Path) -> Iterator[Verdict]:
    """Run every case of a file."""
    for case in lines_of(path):
        yield judged(case["id"], case["expected"], lambda case=case: _judge(case))  # type: ignore[misc]


def _judge(case: Mapping[str, Any]) -> Judgement:
    document = parse(case.get("context_xml") or "<data/>", doctype=True)
    environment = _Document(case, document)
    namespaces = case.get("ns") or {}
    plain = Scope(document, environment, namespaces=namespaces)
    node = _node_at(plain, case["context"])
    scope = Scope(
        _node_at(plain, case["root"]) if case.get("root") else document, environment, namespaces=namespaces
    )
    if case["type"] == "throws":
        return _throws(case["expr"], scope, node)
    value = compile_xpath(case["expr"]).value(scope, node)
    return _compare(case, scope, value)


def _node_at(scope: Scope, path: str) -> Node:
    found = compile_xpath(path).nodes(scope, scope.root)
    if not found:
        raise XPathError(f"the context {path} is not in the document")
    return found[0]


def _throws(source: str, scope: Scope, node: Node) -> Judgement:
    try:
        value = compile_xpath(source).value(scope, node)
    except XPathError as error:
        return str(error), True, ""
    shown = [path_of(n) for n in value] if isinstance(value, list) else to_text(value)
    return shown, False, f"expected an error, got {shown!r}"


def _compare(case: Mapping[str, Any], scope: Scope, value: Value) -> Judgement:
    expected, kind = case["expected"], case["type"]
    if kind == "boolean":
        return _judgement(to_boolean(value), expected)
    if kind in ("number", "number-rounded"):
        return _compare_numbers(case, to_number(scope, value))
    if kind in ("string", "string-matches", "string-length"):
        return _compare_texts(case, to_text(value))
    if not isinstance(value, list):
        return to_text(value), False, f"expected nodes, got {value!r}"
    if kind == "nodeset-count":
        return _judgement(len(value), expected)
    paths = [path_of(node) for node in value]
    if kind == "first-node":
        return _judgement(paths[0] if paths else None, expected)
    if kind == "nodeset-unordered":
        return _judgement(sorted(paths), sorted(expected))
    return _judgement(paths, expected)


def _judgement(actual: Any, expected: Any) -> Judgement:
    return actual, actual == expected, ""


def _compare_numbers(case: Mapping[str, Any], actual: float) -> Judgement:
    expected = number_of(case["expected"])
    if case["type"] == "number-rounded":
        factor = case["factor"]
        actual = round(actual * factor) / factor if math.isfinite(actual) else actual
    if math.isnan(expected) or not math.isfinite(expected):
        return named(actual), actual == expected or (math.isnan(actual) and math.isnan(expected)), ""
    tolerance = TOLERANCE if case.get("approx") else case.get("abs_tol") or 0.0
    close = math.isclose(actual, expected, rel_tol=1e-15, abs_tol=tolerance)
    return named(actual), close, ""


def _compare_texts(case: Mapping[str, Any], actual: str) -> Judgement:
    expected = case["expected"]
    if case["type"] == "string-matches":
        return actual, re.search(expected, actual) is not None, ""
    if case["type"] == "string-length":
        return len(actual), len(actual) == expected, ""
    if case.get("casefold"):
        return actual, actual.casefold() == expected.casefold(), ""
    return _judgement(actual, expected)


_TESTS: Final = {TEXT: "text()", COMMENT: "comment()"}


def path_of(node: Node) -> str:
    """The path of a node by positions, as the case files write it: `/*[1]/*[2]/@id`."""
    parts: list[str] = []
    while node.kind != ROOT and node.parent is not None:
        parent = node.parent
        if node.kind == ATTRIBUTE:
            parts.append(_attribute(node))
        else:
            alike = [child for child in parent.children if child.kind == node.kind]
            place = next(at for at, child in enumerate(alike, 1) if child is node)
            test = "*" if node.kind == ELEMENT else _TESTS.get(node.kind, "processing-instruction()")
            parts.append(f"{test}[{place}]")
        node = parent
    return "/" + "/".join(reversed(parts))


def _attribute(node: Node) -> str:
    if not node.namespace:
        return f"@{node.local}"
    return f"@*[local-name()='{node.local}' and namespace-uri()='{node.namespace}']"
