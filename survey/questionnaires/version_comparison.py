"""What changed between two versions of a questionnaire, and which old answers still fit.

Pure: two definitions in, differences out. Owns pairing questions (by path, else by a name that both have once) and
judging whether answers given to the old one can be read as answers to the new. Refuses to judge wording: a changed
label is told, whether it asks something else only its author knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from survey import i18n
from survey.questionnaires import form_words
from survey.questionnaires.definitions import Field, Form
from survey.questionnaires.xpath import Expression


class Fate(StrEnum):
    """What becomes of a question."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    SAME = "same"


class Fit(StrEnum):
    """Whether old answers can be read as answers to the new question."""

    ALL = "all"
    SOME = "some"
    NONE = "none"
    NO_OLD = "no_old"


class Aspect(StrEnum):
    """What of a question changed."""

    PLACE = "place"
    LABEL = "label"
    HINT = "hint"
    TYPE = "type"
    CHOICES = "choices"
    RELEVANT = "relevant"
    REQUIRED = "required"
    CONSTRAINT = "constraint"
    CALCULATION = "calculation"
    SAVE_TO = "save_to"


@dataclass(frozen=True)
class Change:
    """One aspect: before and after, as text."""

    aspect: Aspect
    before: str
    after: str


@dataclass(frozen=True)
class QuestionChange:
    """A question in both versions or in one: its path (the new one's, if there is one), label, changes and fit."""

    path: str
    label: str
    fate: Fate
    fit: Fit
    changes: tuple[Change, ...] = ()


# Every value of the first can be read as the second.
_WIDER = frozenset({("integer", "decimal"), ("date", "dateTime"), ("select_one", "select_multiple")})


def compare(old: Form, new: Form, language: str) -> tuple[QuestionChange, ...]:
    """Every question that was added, removed or changed, and those that stayed, in the new form's order."""
    before, after = _questions(old), _questions(new)
    pairs = _pairs(before, after)
    found = []
    for path, question in after.items():
        label = _text(new, question, language)
        if path not in pairs:
            found.append(QuestionChange(path, label, Fate.ADDED, Fit.NO_OLD))
            continue
        earlier = before[pairs[path]]
        changes = tuple(_changes(old, earlier, new, question, language))
        fit = _fit(old, earlier, new, question)
        found.append(QuestionChange(path, label, Fate.CHANGED if changes else Fate.SAME, fit, changes))
    kept = set(pairs.values())
    found += [
        QuestionChange(path, _text(old, question, language), Fate.REMOVED, Fit.NONE)
        for path, question in before.items()
        if path not in kept
    ]
    return tuple(found)


def _questions(form: Form) -> dict[str, Field]:
    return {
        "/".join(definition.path[1:]): definition
        for definition in form.fields.values()
        if not definition.children
        and not definition.attribute
        and "meta" not in definition.path
        and len(definition.path) > 1
        and (definition.question is not None or definition.bind.calculate is not None)
    }


def _pairs(before: Mapping[str, Field], after: Mapping[str, Field]) -> dict[str, str]:
    """New path → old path."""
    pairs = {path: path for path in after if path in before}
    left_old, left_new = _by_name(set(before) - set(pairs)), _by_name(set(after) - set(pairs))
    for name, paths in left_new.items():
        if len(paths) == 1 and len(left_old.get(name, ())) == 1:
            pairs[paths[0]] = left_old[name][0]
    return pairs


def _by_name(paths: set[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(path.rpartition("/")[2], []).append(path)
    return found


def _changes(old: Form, before: Field, new: Form, after: Field, language: str) -> list[Change]:
    choices_before, choices_after = _choices(old, before, language), _choices(new, after, language)
    pairs = (
        (Aspect.PLACE, "/".join(before.path[1:-1]), "/".join(after.path[1:-1])),
        (Aspect.LABEL, _text(old, before, language), _text(new, after, language)),
        (Aspect.HINT, _hint(old, before, language), _hint(new, after, language)),
        (Aspect.TYPE, _type(before), _type(after)),
        (Aspect.CHOICES, _words(choices_before, choices_after), _words(choices_after, choices_before)),
        (Aspect.RELEVANT, _source(before.bind.relevant), _source(after.bind.relevant)),
        (Aspect.REQUIRED, _source(before.bind.required), _source(after.bind.required)),
        (Aspect.CONSTRAINT, _source(before.bind.constraint), _source(after.bind.constraint)),
        (Aspect.CALCULATION, _source(before.bind.calculate), _source(after.bind.calculate)),
        (Aspect.SAVE_TO, before.bind.saveto, after.bind.saveto),
    )
    return [Change(aspect, was, becomes) for aspect, was, becomes in pairs if was != becomes]


def _words(choices: Mapping[str, str], others: Mapping[str, str]) -> str:
    """The choices that the other side does not have, or has under other words."""
    return i18n.listed(f"{code} {words}" for code, words in choices.items() if others.get(code) != words)


def _fit(old: Form, before: Field, new: Form, after: Field) -> Fit:
    was, becomes = _type(before), _type(after)
    if was != becomes and becomes != "text" and (was, becomes) not in _WIDER:
        return Fit.NONE
    removed = set(_choices(old, before, "")) - set(_choices(new, after, ""))
    if becomes in ("select_one", "select_multiple", "rank") and removed:
        return Fit.SOME
    tightened = _source(after.bind.constraint) not in ("", _source(before.bind.constraint))
    return Fit.SOME if tightened else Fit.ALL


def _type(definition: Field) -> str:
    return definition.question.type if definition.question is not None else "calculate"


def _choices(form: Form, definition: Field, language: str) -> dict[str, str]:
    if definition.question is None:
        return {}
    return form_words.choices_of(form, definition.question, language)


def _text(form: Form, definition: Field, language: str) -> str:
    question = definition.question
    return form_words.label_of(form, question, language) if question is not None else definition.local


def _hint(form: Form, definition: Field, language: str) -> str:
    question = definition.question
    return form_words.text_of(question.hint, form.language(language)) if question is not None else ""


def _source(expression: Expression | None) -> str:
    return " ".join(expression.source.split()) if expression is not None else ""
