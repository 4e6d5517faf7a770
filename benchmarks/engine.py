"""How long a questionnaire takes to open, and an answer to have its consequences, in a large form.

Beside it, in the same run, the engine of ODK Web Forms (`@getodk/xforms-engine`) in Node: the same form, the same answers in the
same order. It is installed by npm for this measurement alone, in a temporary folder; where Node or npm is
missing, or nothing can be installed, the table says so. The form is one made here; `CASES=DIR` takes the largest
of that folder instead.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import large_forms
from benchmarks.tables import percentile, table
from survey.questionnaires.conformance.random_fillings import NOW, Step, invented_lists, recorded_filling
from survey.questionnaires.context import Context
from survey.questionnaires.definitions import Form
from survey.questionnaires.engine import Instance
from survey.questionnaires.xform import parse_form

WEB_FORMS = Path(__file__).parent / "web_forms"
INSTALL_SECONDS = 300
RUN_SECONDS = 900


@dataclass(frozen=True)
class Times:
    """Seconds: of each opening, of each answer; steps that could not be carried out."""

    opened: Sequence[float]
    answers: Sequence[float]
    refused: int = 0


def measure(folder: Path, *, fillings: int) -> str:
    """The table: our engine, and the other beside it."""
    cases = os.environ.get("CASES")
    name, xform = large_forms.largest(Path(cases)) if cases else large_forms.own()
    form = parse_form(xform)
    steps = max((recorded_filling(form, seed).steps for seed in range(fillings)), key=len)
    ours = _ours(xform, steps)
    theirs = _theirs(folder / "web_forms", xform, steps)
    rows = [_row("this engine", ours)]
    if isinstance(theirs, Times):
        rows.append(_row("@getodk/xforms-engine", theirs))
        rows.append(_ratios(ours, theirs))
    header = ("engine", "opened", "answers", "median", "p95", "longest", "refused")
    note = theirs if isinstance(theirs, str) else ""
    return "\n".join(filter(None, (f"{name}, {len(form.fields):,} nodes", table(header, rows), note)))


def _ours(xform: str, steps: Sequence[Step]) -> Times:
    opened = []
    for _ in range(3):
        began = time.perf_counter()
        form = parse_form(xform)
        instance = Instance.new(form, _context(form))
        opened.append(time.perf_counter() - began)
    answers = []
    for step in steps:
        if step.kind == "add":
            instance.add_repeat(step.ref)
            continue
        began = time.perf_counter()
        instance.answer(step.ref, step.value)
        answers.append(time.perf_counter() - began)
    return Times(opened, answers)


def _context(form: Form) -> Context:
    return Context(now=lambda: NOW, username="tester", lists=invented_lists(form))


def _theirs(folder: Path, xform: str, steps: Sequence[Step]) -> Times | str:
    """The other engine's times, or why there are none."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return "not measured beside it: Node and npm are needed on PATH for @getodk/xforms-engine"
    shutil.copytree(WEB_FORMS, folder)
    installed = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
    )
    if installed.returncode != 0:
        return (
            f"not measured beside it: npm could not install @getodk/xforms-engine ({_last(installed.stderr)})"
        )
    (folder / "form.xml").write_text(xform, encoding="utf-8")
    (folder / "steps.json").write_text(json.dumps(steps), encoding="utf-8")
    done = subprocess.run(
        [node, "measure.mjs", "form.xml", "steps.json"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        return f"not measured beside it: @getodk/xforms-engine ended with an error ({_last(done.stderr)})"
    found = json.loads(done.stdout.splitlines()[-1])
    return Times(
        [milliseconds / 1000 for milliseconds in found["opened"]],
        [milliseconds / 1000 for milliseconds in found["times"]],
        sum(found["left"].values()),
    )


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no reason given"


def _row(name: str, times: Times) -> tuple[object, ...]:
    return (
        name,
        f"{min(times.opened):.2f} s",
        len(times.answers),
        *(f"{percentile(times.answers, share) * 1000:.3f} ms" for share in (0.5, 0.95, 1.0)),
        times.refused,
    )


def _ratios(ours: Times, theirs: Times) -> tuple[object, ...]:
    """Our times by theirs: below 1 ours is the faster."""
    shares = [percentile(ours.answers, s) / percentile(theirs.answers, s) for s in (0.5, 0.95, 1.0)]
    return ("ratio", f"{min(ours.opened) / min(theirs.opened):.2f}", "", *(f"{s:.2f}" for s in shares), "")
