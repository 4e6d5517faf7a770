"""The words of a form outside a filling: labels, hints, and the words of codes.

Pure. Owns how a text with references reads where there are no answers (the question's name in brackets), and the
choices that the form itself holds. Refuses choices that come from lists outside: those have no fixed words.
"""

from __future__ import annotations

from survey.questionnaires.definitions import Form, Question, Text
from survey.questionnaires.tree import Node


def text_of(text: Text | None, language: str) -> str:
    """A text in a language of the form, references as the name of what they refer to."""
    parts = text.parts(language) if text is not None else ()
    return "".join(
        part if isinstance(part, str) else f"[{part.source.strip().rpartition('/')[2]}]" for part in parts
    ).strip()


def label_of(form: Form, question: Question, language: str) -> str:
    """A question's label, or its name where it has none."""
    return text_of(question.label, form.language(language)) or question.field.local


def choices_of(form: Form, question: Question, language: str) -> dict[str, str]:
    """Code → words of a question's choices, as far as the form itself holds them."""
    language = form.language(language)
    found = {choice.value: text_of(choice.label, language) for choice in question.choices}
    if question.itemset is None:
        return found
    for name in question.itemset.nodes.instances:
        top = form.instances.get(name)
        root = top.elements()[0] if top is not None and top.elements() else None
        for item in root.elements() if root is not None else ():
            value, words = _item(form, item, language)
            found.setdefault(value, words)
    return found


def _item(form: Form, item: Node, language: str) -> tuple[str, str]:
    texts = {child.local: child.text() for child in item.elements()}
    value = texts.get("name", "")
    words = text_of(form.texts.get(texts.get("itextId", "")), language) or texts.get("label", "")
    return value, words or value
