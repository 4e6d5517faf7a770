"""Cases of XLSForms: each is checked as at an upload, opened, filled in at random and handed in; or refused with the place.

Owns the list of forms and the judging of each. What lies above this layer (a store that accepts, a page that draws)
has trials of its own, entry points of the group `minqing.form_trials`: a context manager that yields a function,
which takes a `Trial` and returns what was wrong, or nothing. Refuses to judge without any, so that no form passes untried.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import date
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from survey.problems import Problem
from survey.questionnaires import choice_files, conversion, drawn, registry
from survey.questionnaires.conformance.random_fillings import invented_lists, random_filling
from survey.questionnaires.conformance.verdicts import Judgement, Verdict, judged
from survey.questionnaires.context import Context
from survey.questionnaires.conversion import Authored, Checked
from survey.questionnaires.definitions import Form
from survey.questionnaires.engine import Instance
from survey.questionnaires.findings import Finding, Weight
from survey.questionnaires.form_checks import HOUSEHOLD, Surroundings
from survey.questionnaires.xform import parse_form
from survey.questionnaires.xlsform import compile_form

GROUP: Final = "minqing.form_trials"
SEED: Final = 20_260_506
ON: Final = date(2026, 5, 6)
TAKEN, REFUSED = "opens and takes a filling", "is refused with the place and the remedy"
NO_FORM: Final = frozenset(
    {
        "authoring.bad_expression",
        "authoring.not_drawn_required",
        "authoring.unknown_function",
        "authoring.unknown_list",
        "authoring.unknown_property",
        "questionnaire.bad_expression",
        "questionnaire.cycle",
        "questionnaire.unknown_function",
    }
)
"""Reasons for which a form that the compiler takes may be refused all the same: it could not be answered or written."""

NOT_DRAWN: Final = frozenset(
    {"authoring.not_drawn", "authoring.not_drawn_required", "authoring.appearance_not_drawn"}
)


@dataclass(frozen=True)
class Trial:
    """A form as it was uploaded and checked; `fill` makes a random valid filling of it in some surroundings."""

    authored: Authored
    checked: Checked
    form: Form

    def fill(self, form: Form, context: Context, household_id: str) -> Instance:
        """A filling for this household, the same each time."""
        return random_filling(form, SEED, context=context, **{HOUSEHOLD: household_id})


FormTrial = Callable[[Trial], str]
"""Tries a form somewhere; returns what was wrong, empty if nothing was."""


def verdicts(path: Path) -> Iterator[Verdict]:
    """Run every form that a csv names, relative to the csv."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with ExitStack() as stack:
        running = {name: stack.enter_context(begin()) for name, begin in trials().items()}
        if not running:
            raise RuntimeError(f"no trial is registered for {GROUP}: install the package again")
        for row in rows:
            source = path.parent / row["file"]
            expected = TAKEN if row["converts"] == "y" else REFUSED
            yield judged(
                row["file"],
                expected,
                lambda source=source, expected=expected: _judge(source, expected, running),  # type: ignore[misc]
            )


def trials() -> dict[str, Callable[[], AbstractContextManager[FormTrial]]]:
    """The trials of the layers above, by name."""
    return {entry.name: entry.load() for entry in entry_points(group=GROUP)}


def _judge(source: Path, expected: str, running: Mapping[str, FormTrial]) -> Judgement:
    authored = Authored(source.name, source.read_bytes())
    authored = Authored(authored.name, authored.content, _missing_files(authored))
    known = Surroundings(registry.writable(), registry.readable(), choice_files.named(list(authored.files)))
    checked = conversion.convert(authored, known, on=ON)
    if not checked.usable:
        return _refused(checked, expected)
    form = parse_form(checked.xform)
    untold = _untold(form, checked)
    if untold:
        return "a question is dropped silently", False, f"cannot be drawn and is not told: {untold}"
    for name, trial in running.items():
        wrong = trial(Trial(authored, checked, form))
        if wrong:
            return name, False, f"{name}: {wrong}"
    return TAKEN, True, ""


def _missing_files(authored: Authored) -> dict[str, bytes]:
    """Invented files of choices for a form that came without them."""
    try:
        compiled = compile_form(authored.content, file_type=Path(authored.name).suffix.lower())
        form = parse_form(compiled.xform)
    except Problem:
        return {}
    lists = invented_lists(form)
    files = {}
    for name, listed in form.externals.items():
        source = form.sources[name]
        if source.endswith(".csv") and listed not in registry.readable():
            files[source] = _as_csv(lists[listed])
    return files


def _as_csv(rows: object) -> bytes:
    assert isinstance(rows, list)
    heading = list(rows[0]) if rows else ["name", "label"]
    lines = [heading, *([row[column] for column in heading] for row in rows)]
    return "\n".join(",".join(line) for line in lines).encode()


def _untold(form: Form, checked: Checked) -> str:
    """The questions that cannot be drawn, where fewer rows than that are told."""
    undrawn = [question.field.ref for question in drawn.undrawn(form)]
    told = {found.row for found in checked.findings if found.code in NOT_DRAWN and found.row}
    return ", ".join(undrawn) if len(told) < len(undrawn) else ""


def _refused(checked: Checked, expected: str) -> Judgement:
    """A refusal is right where every error has its remedy, its place where it has one, and a reason."""
    errors = [found for found in checked.findings if found.weight is Weight.ERROR]
    told = "; ".join(_line(found) for found in errors)
    if not errors:
        return REFUSED, False, "refused without a reason"
    if any(not found.problem.remedy(language) for found in errors for language in ("zh", "en")):
        return told, False, f"refused without a remedy: {told}"
    if expected == TAKEN and not all(found.row and found.code in NO_FORM for found in errors):
        return told, False, f"refused: {told}"
    return told, True, ""


def _line(found: Finding) -> str:
    place = " ".join(filter(None, (found.sheet, found.cell or (str(found.row) if found.row else ""))))
    return f"[{place or 'file'}] {found.problem}"
