"""A received filling becomes the nodes of its form.

Owns the comparison of what was sent with what the form has: everything in the form's order, what was left out as
blank, what the form itself states (lists, conditions) as the form states it. Refuses by Problem, each naming the
place: elements the form does not have, an element twice where only one belongs, text between elements.
https://getodk.github.io/xforms-spec/#primary-instance
"""

from __future__ import annotations

from survey.problems import Problem
from survey.questionnaires.definitions import (
    Field,
)
from survey.questionnaires.tree import ELEMENT, TEXT, XFORMS, Node


def received_nodes(top: Node, root: Field) -> Node:
    """The nodes of a received filling in the form's order, what it leaves out as blank."""
    return _adopt(top, root, f"/{root.local}")


def _adopt(received: Node | None, definition: Field, ref: str) -> Node:
    node = Node(ELEMENT, definition.local, prefix=definition.prefix, namespace=definition.namespace)
    node.plain = (
        definition.local if not definition.namespace or definition.namespace == XFORMS else node.plain
    )
    node.mark = definition
    groups: dict[str, list[Node]] = {}
    texts: list[str] = []
    for child in received.children if received is not None else ():
        if child.kind == ELEMENT:
            groups.setdefault(child.local, []).append(child)
        elif child.kind == TEXT:
            texts.append(child.value)
    for field_ in definition.children:
        if field_.attribute:
            # What the form states itself is not the sender's to change.
            sent = received is not None and field_.parent is not None and _is_bound(field_)
            value = (
                received.get(field_.local, field_.default)
                if sent and received is not None
                else field_.default
            )
            attribute = node.set_attribute(
                field_.local, value, prefix=field_.prefix, namespace=field_.namespace
            )
            attribute.mark = field_
            continue
        sent_nodes = groups.pop(field_.local, [])
        if field_.repeat is not None:
            for at, sent_node in enumerate(sent_nodes, 1):
                node.append(_adopt(sent_node, field_, f"{ref}/{field_.local}[{at}]"))
        elif len(sent_nodes) > 1:
            raise Problem("questionnaire.duplicate_element", ref=f"{ref}/{field_.local}")
        else:
            node.append(_adopt(sent_nodes[0] if sent_nodes else None, field_, f"{ref}/{field_.local}"))
    if groups:
        raise Problem("questionnaire.unknown_element", ref=f"{ref}/{next(iter(groups))}")
    text = "".join(texts)
    if node.children:
        if text.strip():
            raise Problem("questionnaire.unexpected_text", ref=ref)
    elif text:
        node.append(Node(TEXT, value=text))
    return node


def _is_bound(definition: Field) -> bool:
    bind = definition.bind
    return (
        definition.acted_on or bind.calculate is not None or bind.readonly is not None or bind.preload != ""
    )
