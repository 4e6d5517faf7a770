"""Cases of XLSForms: each is compiled, opened, filled in at random and handed in; or refused with the place.

Owns the list of forms and the judging of each. What lies above this layer (a store that accepts, a page that draws)
registers a trial of its own as an entry point of the group `minqing.form_trials`: a function that takes a
`Trial` and returns what was wrong, or nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from survey.problems import Problem
from survey.questionnaires.conformance.random_fillings import random_filling
from survey.questionnaires.conformance.verdicts import Judgement, Verdict, judged
from survey.questionnaires.definitions import Form
from survey.questionnaires.engine import Instance
from survey.questionnaires.xform import parse_form
from survey.questionnaires.xlsform import compile_form

TRIALS: Final = "minqing.form_trials"
SEED: Final = 20_260_506
TAKEN, REFUSED = "opens and takes a filling", "is refused with the place and the remedy"


@dataclass(frozen=True)
class Trial:
    """A form that opened and a random valid filling of it."""

    source: Path
    xform: str
    form: Form
    instance: Instance


FormTrial = Callable[[Trial], str]
"""Tries a form somewhere else; returns what was wrong, empty if nothing was."""


def verdicts(path: Path) -> Iterator[Verdict]:
    """Run every form that a csv names, relative to the csv."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        source = path.parent / row["file"]
        expected = TAKEN if row["converts"] == "y" else REFUSED
        yield judged(row["file"], expected, lambda source=source, expected=expected: _judge(source, expected))  # type: ignore[misc]


def _judge(source: Path, expected: str) -> Judgement:
    try:
        compiled = compile_form(source.read_bytes(), file_type=source.suffix.lower())
        form = parse_form(compiled.xform)
    except Problem as problem:
        return _refused(problem, expected)
    if expected == REFUSED:
        return TAKEN, False, "opened, though the compiler is said to refuse it"
    instance = random_filling(form, SEED)
    reread = Instance.load(form, instance.to_xml(final=True), instance.context)
    if reread.errors():
        error = reread.errors()[0]
        return "not read back", False, f"read back with an error at {error.ref}: {error.message}"
    for name, trial in trials().items():
        wrong = trial(Trial(source, compiled.xform, form, instance))
        if wrong:
            return name, False, f"{name}: {wrong}"
    return TAKEN, True, ""


def _refused(problem: Problem, expected: str) -> Judgement:
    return f"{problem}", expected == REFUSED, f"refused: {problem}"


@cache
def trials() -> dict[str, FormTrial]:
    """The trials of the layers above, by name."""
    return {entry.name: entry.load() for entry in entry_points(group=TRIALS)}
