"""A filling as it comes in: text that somebody else wrote, read before anything is believed of it.

Owns the limits of a received text, saying at which question it breaks off, the shape of instance ids, and taking out
`meta/deprecatedID`, by which an OpenRosa client names the submission it corrects. Refuses by Problem, each naming the
question. https://getodk.github.io/xforms-spec/#metadata
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from survey.problems import Problem
from survey.questionnaires import tree

MOST_CHARACTERS = 5_000_000
"""Of a whole filling: a visit has three thousand, the largest form of a county some hundred thousand."""
LONGEST_ANSWER = 100_000

_INSTANCE_ID = re.compile(r"[0-9a-z][0-9a-z:._-]{0,63}\Z")
_TAG = re.compile(r"<(/?)([A-Za-z_][\w.:-]*+)([^<>]*+)>")
"""A tag. Nothing in it is tried twice, so that a text without any end is read once, not once for each character."""
_CONTROL = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Incoming:
    """A received filling as nodes; `corrects` is the submission it takes the place of."""

    document: tree.Node
    instance_id: str
    corrects: str | None

    @property
    def root(self) -> tree.Node:
        """The document element."""
        return self.document.elements()[0]


def read(xml: str) -> Incoming:
    """The nodes of a received filling.

    Problems `submission.control_character`, `.broken_off`, `.answer_too_long`, `.too_large`, `.instance_id`, and those
    of `tree.parse`.
    """
    if len(xml) > 4 * MOST_CHARACTERS:
        raise _too_large(xml)
    # Nearly every text is printable but for line breaks, and that is quickly seen.
    found = _CONTROL.search(xml)
    if found and len(xml) > MOST_CHARACTERS:
        raise _too_large(xml)
    if found:
        raise Problem("submission.control_character", question=_open_at(xml[: found.start()]) or "—")
    document = _parsed(xml)
    if len(xml) > LONGEST_ANSWER:
        _check_sizes(document, xml)
    meta = document.elements()[0].child("meta")
    element = meta.child("instanceID") if meta is not None else None
    instance_id = element.text().strip() if element is not None else ""
    if not _INSTANCE_ID.match(instance_id):
        raise Problem("submission.instance_id", id=instance_id[:70] or "—")
    return Incoming(document, instance_id, _corrected(meta))


def _parsed(xml: str) -> tree.Node:
    try:
        return tree.parse(xml)
    except Problem as problem:
        if len(xml) > MOST_CHARACTERS:
            raise _too_large(xml) from problem
        question = _open_at(xml) if problem.code == "questionnaire.malformed_xml" else ""
        if not question:
            raise
        raise Problem("submission.broken_off", question=question, **problem.facts) from problem


def _corrected(meta: tree.Node | None) -> str | None:
    named = meta.child("deprecatedID") if meta is not None else None
    if meta is None or named is None:
        return None
    meta.remove(named)
    return named.text().strip() or None


def _check_sizes(document: tree.Node, xml: str) -> None:
    for node in document.descendants():
        if node.kind == tree.TEXT and len(node.value) > LONGEST_ANSWER:
            question = node.parent.local if node.parent is not None else "—"
            raise Problem(
                "submission.answer_too_long", question=question, length=len(node.value), limit=LONGEST_ANSWER
            )
    if len(xml) > MOST_CHARACTERS:
        raise _too_large(xml)


def _too_large(xml: str) -> Problem:
    return Problem("submission.too_large", question=_largest(xml), limit=MOST_CHARACTERS)


def _open_at(xml: str) -> str:
    """The element in which a text breaks off, or whose end does not fit; nothing if every element is closed."""
    stack: list[str] = []
    for tag in _TAG.finditer(xml):
        closing, name, rest = tag.groups()
        if closing:
            if not stack or stack[-1] != name:
                return stack[-1] if stack else str(name)
            stack.pop()
        elif not rest.endswith("/"):
            stack.append(name)
    return stack[-1] if stack else ""


def _largest(xml: str) -> str:
    """The element with the longest text, found without reading the text as XML."""
    longest, question, end, name = 0, "—", 0, "—"
    for tag in _TAG.finditer(xml):
        if tag.start() - end > longest:
            longest, question = tag.start() - end, name
        end, name = tag.end(), tag[2]
    return question if len(xml) - end <= longest else name
