"""Cases of whole forms: a form, steps of a person filling it in, and what must be seen in between.

Owns the carrying out of the steps and the comparison of what the engine then says. A cursor follows steps that
speak of the current question; a step or an expectation that is not known fails its case.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from survey.problems import Problem
from survey.questionnaires.conformance.verdicts import Judgement, Verdict, judged, lines_of, number_of
from survey.questionnaires.context import Context
from survey.questionnaires.engine import Instance
from survey.questionnaires.views import Choice, GroupView, ItemView, QuestionView, RepeatView
from survey.questionnaires.xform import parse_form

TICKED: Final = "OK"
END: Final = "END_OF_FORM"
NUMBERS: Final = frozenset({"int", "decimal"})


def verdicts(path: Path) -> Iterator[Verdict]:
    """Run every case of a file."""
    for case in lines_of(path):
        expected = [step.get("expected") for step in case["steps"] if step["op"] == "expect"]
        yield judged(case["id"], expected, lambda case=case: _judge(case))  # type: ignore[misc]


def _judge(case: Mapping[str, Any]) -> Judgement:
    run = Script(case)
    actual: list[Any] = []
    mistakes: list[str] = []
    for number, step in enumerate(case["steps"], 1):
        if step["op"] != "expect":
            run.do(step)
            continue
        found, right = run.sees(step)
        actual.append(found)
        if not right:
            mistakes.append(
                f"step {number}, {step['assert']} {step['ref']}: expected "
                f"{'not ' if step.get('not') else ''}{step['expected']!r}, got {found!r}"
            )
    return actual, not mistakes, "; ".join(mistakes)


class Script:
    """One form being filled in by steps."""

    def __init__(self, case: Mapping[str, Any]) -> None:
        self.form = parse_form(case["form_xml"])
        self.context = Context(language=self.form.default_language, username="", device_id="")
        self.instance = Instance.new(self.form, self.context)
        self.at = ""

    # -- steps ---------------------------------------------------------------------------------------

    def do(self, step: Mapping[str, Any]) -> None:
        """Carry out one step; one that is not known raises."""
        ref = step.get("ref", "")
        match step["op"]:
            case "answer":
                self.give(ref, step["value"])
            case "answer_current":
                self.give(self.at, step["value"])
            case "next" | "prev":
                self.go(ref)
            case "goto_start":
                self.at = ""
            case "add_repeat":
                self.at = self.instance.add_repeat(ref)
            case "remove_repeat":
                self.instance.remove_repeat(ref)
            case "set_language":
                self.set_language(step["value"])
            case unknown:
                raise LookupError(f"the step {unknown} is not known")

    def give(self, ref: str, value: Any) -> None:
        """Answer a question; a tick in a trigger is kept as OK."""
        self.at = ref
        if isinstance(value, bool) and self.question(ref) == "trigger":
            value = TICKED if value else ""
        self.instance.answer(ref, written(value))

    def question(self, ref: str) -> str:
        """The control of the question at a reference, empty if there is none."""
        field = self.form.fields.get(tuple(re.sub(r"\[\d+\]", "", ref).strip("/").split("/")))
        return field.question.control if field is not None and field.question is not None else ""

    def go(self, ref: str) -> None:
        """Move to what the step names: a node that is there, the end, or the place of a further instance."""
        if ref != END:
            try:
                self.instance.value(ref)
            except Problem:
                self.instance.repeat_count(ref)
        self.at = ref

    def set_language(self, language: str) -> None:
        """Go on in another language, with the answers given."""
        xml = self.instance.to_xml()
        self.context = replace(self.context, language=language)
        self.instance = Instance.load(self.form, xml, self.context)

    # -- expectations --------------------------------------------------------------------------------

    def sees(self, step: Mapping[str, Any]) -> tuple[Any, bool]:
        """What is there now, and whether that is as expected."""
        look = _LOOKS.get(step["assert"])
        if look is None:
            raise LookupError(f"the expectation {step['assert']} is not known")
        found, right = look(self, step)
        return found, right != bool(step.get("not"))

    def answer(self, step: Mapping[str, Any]) -> tuple[Any, bool]:
        found = self.instance.accepted_value(step["ref"])
        return found, same_answer(found, step["expected"], self.instance.data_type(step["ref"]))

    def attribute(self, step: Mapping[str, Any]) -> tuple[Any, bool]:
        found = self.instance.value(step["ref"])
        return found, found == step["expected"] or (step["expected"] == "uuid:" and found.startswith("uuid:"))

    def starts_with(self, step: Mapping[str, Any]) -> tuple[Any, bool]:
        found = self.instance.value(step["ref"])
        return found, found.startswith(step["expected"])

    def relevant(self, step: Mapping[str, Any]) -> tuple[Any, bool]:
        found = self.instance.is_relevant(step["ref"])
        return found, found is bool(step["expected"])

    def nonrelevant(self, step: Mapping[str, Any]) -> tuple[Any, bool]:
        found = not self.instance.is_relevant(step["ref"])
        return found, found is bool(step["expected"])

    def readonly(self, step: Mapping[str, Any]) -> tuple[Any, bool]:
        found = self.instance.is_readonly(step["ref"])
        return found, found is bool(step["expected"])

    def enabled(self, step: Mapping[str, Any]) -> tuple[Any, bool]:
        found = not self.instance.is_readonly(step["ref"])
        return found, found is bool(step["expected"])

    def repeat_count(self, step: Mapping[str, Any]) -> tuple[Any, bool]:
        found = self.instance.repeat_count(step["ref"])
        return found, found == step["expected"]

    def appearance(self, step: Mapping[str, Any]) -> tuple[Any, bool]:
        view = self.view(step["ref"])
        found = view.appearance if view is not None else ""
        return found, found == step["expected"] or step["expected"] in found.split()

    def label(self, step: Mapping[str, Any]) -> tuple[Any, bool]:
        view = self.view(step["ref"])
        found = view.label if view is not None else None
        return found, (found or "").strip() == step["expected"].strip()

    def choices_count(self, step: Mapping[str, Any]) -> tuple[Any, bool]:
        found = len(self.choices(step))
        return found, found == step["expected"]

    def choices_empty(self, step: Mapping[str, Any]) -> tuple[Any, bool]:
        found = not self.choices(step)
        return found, found is bool(step["expected"])

    def choices_in_order(self, step: Mapping[str, Any]) -> tuple[Any, bool]:
        found = _shaped(self.choices(step), step["expected"])
        return found, found == step["expected"]

    def choices_any_order(self, step: Mapping[str, Any]) -> tuple[Any, bool]:
        found = _shaped(self.choices(step), step["expected"])
        return found, sorted(found, key=str) == sorted(step["expected"], key=str)

    def choices(self, step: Mapping[str, Any]) -> Sequence[Choice]:
        return self.instance.choices(step["ref"])

    def at_end(self, step: Mapping[str, Any]) -> tuple[Any, bool]:
        return self.at, (self.at == END) is bool(step["expected"])

    def current_ref(self, step: Mapping[str, Any]) -> tuple[Any, bool]:
        return self.at, self.at == step["expected"]

    def message(self, step: Mapping[str, Any], *kinds: str) -> tuple[Any, bool]:
        ref = step["ref"] if step["ref"].startswith("/") else self.at
        found = next((e.message for e in self.instance.errors() if e.ref == ref and e.kind in kinds), None)
        return found, found == step["expected"]

    def view(self, ref: str) -> ItemView | None:
        """The question, group or repeat that is shown at a reference."""
        items = list(_all_items(self.instance.items()))
        repeat = re.sub(r"\[\d+\]$", "", ref)
        return next((i for i in items if i.ref == ref), None) or next(
            (i for i in items if i.ref == repeat), None
        )


_Look = Callable[[Script, Mapping[str, Any]], tuple[Any, bool]]
_LOOKS: Final[dict[str, _Look]] = {
    "answer": Script.answer,
    "attribute": Script.attribute,
    "answer_starts_with": Script.starts_with,
    "relevant": Script.relevant,
    "nonrelevant": Script.nonrelevant,
    "readonly": Script.readonly,
    "enabled": Script.enabled,
    "repeat_count": Script.repeat_count,
    "appearance": Script.appearance,
    "label": Script.label,
    "choices_count": Script.choices_count,
    "choices_empty": Script.choices_empty,
    "choices_in_order": Script.choices_in_order,
    "choices_any_order": Script.choices_any_order,
    "current_ref": Script.current_ref,
    "at_end_of_form": Script.at_end,
    "toHaveConstraintMessage": lambda run, step: run.message(step, "constraint"),
    "toHaveRequiredMessage": lambda run, step: run.message(step, "required"),
    "toHaveValidityMessage": lambda run, step: run.message(step, "constraint", "required"),
}


def _all_items(items: Sequence[ItemView]) -> Iterator[QuestionView | GroupView | RepeatView]:
    for item in items:
        yield item
        if isinstance(item, GroupView):
            yield from _all_items(item.children)
        elif isinstance(item, RepeatView):
            for instance in item.instances:
                yield from _all_items(instance.children)


def _shaped(choices: Sequence[Choice], expected: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """The choices with the same facts as the expected ones name."""
    names = {name for choice in expected for name in choice} or {"value"}
    return [
        {name: getattr(choice, name) for name in ("value", "label") if name in names} for choice in choices
    ]


def written(value: Any) -> str:
    """An answer as a filling holds it: choices joined by spaces, whole numbers without fraction."""
    if isinstance(value, list):
        return " ".join(map(str, value))
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def same_answer(found: str, expected: Any, kind: str = "") -> bool:
    """Whether an answer is the one expected: numbers by value, everything else as it is written."""
    if expected is None:
        return found == ""
    if isinstance(expected, bool):
        return found in (("true", "1", TICKED) if expected else ("false", "0", ""))
    if isinstance(expected, (int, float)) or (kind in NUMBERS and found and expected):
        try:
            return math.isclose(float(found), number_of(expected), rel_tol=1e-12, abs_tol=1e-9)
        except ValueError:
            return found == expected
    return found == written(expected)
