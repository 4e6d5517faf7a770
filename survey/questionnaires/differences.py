"""What a filling says, question by question, and where two versions of it differ; as people read it.

Owns turning a running form into lines of label and answer, and comparing two of them. Choices read as their labels,
places and photos as words. Refuses hidden and calculated fields: a person answers and compares questions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from survey import i18n
from survey.i18n import gettext as _
from survey.questionnaires.definitions import Form
from survey.questionnaires.engine import Instance
from survey.questionnaires.tree import ELEMENT, TEXT, Node
from survey.questionnaires.views import GroupView, ItemView, QuestionView, RepeatView

_SILENT = frozenset({"note", "trigger"})
_SELECTS = frozenset({"select", "select1", "rank"})


@dataclass(frozen=True)
class Answer:
    """One question with its answer in words; `part` names its group, `is_photo` an answer that is a file's name."""

    ref: str
    part: str
    label: str
    text: str
    value: str
    is_photo: bool = False


@dataclass(frozen=True)
class Difference:
    """One question whose answer differs; an empty text is an answer that is not there."""

    ref: str
    part: str
    label: str
    earlier: str
    later: str


def answers(instance: Instance) -> tuple[Answer, ...]:
    """Every question that is relevant and answered, in the order of the form."""
    return tuple(answer for answer in _answers(instance.items(), "") if answer.value)


def between(earlier: Instance, later: Instance) -> tuple[Difference, ...]:
    """The questions answered differently in two versions, in the order of the later, then what it no longer has."""
    old = {answer.ref: answer for answer in answers(earlier)}
    new = {answer.ref: answer for answer in answers(later)}
    found = [
        Difference(ref, answer.part, answer.label, _text(old.get(ref)), answer.text)
        for ref, answer in new.items()
        if ref not in old or old[ref].value != answer.value
    ]
    found += [
        Difference(ref, answer.part, answer.label, answer.text, "")
        for ref, answer in old.items()
        if ref not in new
    ]
    return tuple(found)


def first_other(one: Node, other: Node) -> str:
    """The name of the first element whose text differs between two documents; empty if there is none."""
    mine, theirs = list(_leaves(one, "")), list(_leaves(other, ""))
    for (path, text), (other_path, other_text) in zip(mine, theirs, strict=False):
        if (path, text) != (other_path, other_text):
            return (path if path == other_path or path not in dict(theirs) else other_path).rpartition("/")[2]
    longer = max(mine, theirs, key=len)
    return longer[min(len(mine), len(theirs))][0].rpartition("/")[2] if len(mine) != len(theirs) else ""


def title(form: Form, name: str) -> str:
    """How the form calls the question of this name, in the language in force; the name itself if it does not say."""
    for definition in form.fields.values():
        question = definition.question
        if definition.local == name and question is not None and question.label is not None:
            parts = question.label.parts(form.language(i18n.language()))
            if parts and all(isinstance(part, str) for part in parts):
                return "".join(str(part) for part in parts).strip()
    return name


def _leaves(node: Node, path: str) -> Iterator[tuple[str, str]]:
    children = [child for child in node.children if child.kind == ELEMENT]
    if not children:
        yield path, "".join(child.value for child in node.children if child.kind == TEXT)
    for child in children:
        yield from _leaves(child, f"{path}/{child.local}")


def _text(answer: Answer | None) -> str:
    return answer.text if answer is not None else ""


def _answers(items: Sequence[ItemView], part: str) -> Iterator[Answer]:
    for item in items:
        if isinstance(item, QuestionView):
            if item.type not in _SILENT and item.control not in _SILENT:
                yield Answer(
                    item.ref,
                    part,
                    item.label or item.name,
                    _words(item),
                    item.value,
                    item.data_type == "binary",
                )
        elif isinstance(item, GroupView):
            yield from _answers(item.children, item.label or part)
        elif isinstance(item, RepeatView):
            entries = [(instance, list(_answers(instance.children, ""))) for instance in item.instances]
            # Entries of one answer each (the four difficulties) read as one list; longer ones are told apart.
            numbered = any(sum(bool(one.value) for one in found) > 1 for _instance, found in entries)
            for instance, found in entries:
                title = instance.label or item.label or part
                name = _("{title} {n}", title=title, n=instance.position) if numbered else title
                yield from (replace(one, part=one.part or name) for one in found)


def _words(view: QuestionView) -> str:
    if view.control in _SELECTS:
        labels = {choice.value: choice.label for choice in view.choices}
        chosen = [view.value] if view.control == "select1" else view.value.split()
        return i18n.listed(labels.get(value, value) for value in chosen)
    if view.data_type == "date" and view.value:
        return _day(view.value)
    if view.data_type == "geopoint" and view.value:
        lat, lon, *_rest = view.value.split()
        return _("{lat}° N, {lon}° E", lat=lat, lon=lon)
    return view.value


def _day(text: str) -> str:
    try:
        return i18n.day(date.fromisoformat(text[:10]))
    except ValueError:
        return text
