"""An uploaded file becomes a checked, compiled questionnaire, in a process of its own with bounded time and memory.

Owns the order of the checks, what is added to every form (the household it is filled in for, when it was begun, a form
id and a version where the author gave none) and the bounds. Refuses nothing by raising: whatever is wrong is a
finding, also when the process dies of the file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import resource
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import PurePath
from typing import Any, Final

from pyxform.errors import PyXFormError

from survey.problems import Problem
from survey.questionnaires import choice_files, compiler_words, form_checks, workbook_reading, xform, xlsform
from survey.questionnaires.context import Context
from survey.questionnaires.engine import Instance
from survey.questionnaires.findings import Finding, Weight, in_order
from survey.questionnaires.form_checks import HOUSEHOLD, Surroundings
from survey.questionnaires.sheets import Row, Sheet, Sheets, for_compiler

SECONDS: Final = 60
MEMORY_BYTES: Final = 1536 * 2**20
# Two uploads at once are enough for an office, and bound what all of them take together.
_AT_ONCE = threading.BoundedSemaphore(2)


@dataclass(frozen=True)
class Authored:
    """A file as it was uploaded, with the files of choices that came with it."""

    name: str
    content: bytes
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """The hash of everything that was uploaded."""
        digest = hashlib.sha256(self.content)
        for name, content in sorted(self.files.items()):
            digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
        return digest.hexdigest()


@dataclass(frozen=True)
class Checked:
    """What became of a file: findings in order, and the form where nothing forbids it."""

    findings: tuple[Finding, ...]
    form_id: str = ""
    version: str = ""
    title: str = ""
    xform: str = ""
    questions: int = 0

    @property
    def usable(self) -> bool:
        """Whether there is a form and no error."""
        return bool(self.xform) and all(found.weight is not Weight.ERROR for found in self.findings)


def convert(
    authored: Authored,
    known: Surroundings,
    *,
    on: date,
    seconds: float = SECONDS,
    memory_bytes: int = MEMORY_BYTES,
) -> Checked:
    """Check and compile a file in a process of its own; a file that breaks the process is a finding like any other."""
    order = {
        "name": authored.name,
        "content": base64.b64encode(authored.content).decode(),
        "files": {name: base64.b64encode(content).decode() for name, content in authored.files.items()},
        "writable": {name: sorted(properties) for name, properties in known.writable.items()},
        "readable": sorted(known.readable),
        "on": on.isoformat(),
        "sha256": authored.sha256,
        "memory_bytes": memory_bytes,
    }
    with _AT_ONCE:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "survey.questionnaires.conversion"],
                input=json.dumps(order).encode(),
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Checked((Finding("authoring.too_slow", facts={"seconds": f"{seconds:g}"}),))
    if done.returncode != 0:
        return Checked((Finding("authoring.too_heavy"),))
    answer = json.loads(done.stdout)
    findings = tuple(Finding.from_plain(found) for found in answer.pop("findings"))
    return Checked(findings, **answer)


def check(authored: Authored, known: Surroundings, on: date, sha256: str) -> Checked:
    """Check and compile a file in this process: what `convert` has done in its own."""
    try:
        read = workbook_reading.read(authored.content, authored.name)
    except Problem as problem:
        return Checked((_of_problem(problem),))
    findings = list(read.findings)
    if "survey" not in read.sheets or not read.sheets["survey"].headings:
        facts = {"sheets": "、".join(read.names)[:200]}
        return Checked(in_order([*findings, Finding("authoring.no_survey", facts=facts)]))
    findings += form_checks.check(read.sheets, known)
    completed, added = complete(read.sheets, PurePath(authored.name).stem, f"{on:%Y%m%d}-{sha256[:4]}")
    findings += added
    try:
        compiled = xlsform.compile_sheets(for_compiler(completed, read.names))
    except PyXFormError as error:
        findings += _unless_told(compiler_words.recast(error, read.sheets), findings)
        return Checked(in_order(findings))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        # The compiler's own mistakes over forms it did not foresee, such as one where nothing has a label.
        bare = [
            replace(found, weight=Weight.ERROR) for found in findings if found.code == "authoring.no_label"
        ]
        if not _errors(findings):
            facts = {"reason": f"{type(error).__name__}: {error}"[:200]}
            findings += bare or [Finding("authoring.compiler", facts=facts)]
        return Checked(in_order(findings))
    findings += [
        found
        for text in compiler_words.advice(list(compiled.warnings), read.sheets)
        for found in _unless_told(text, findings)
    ]
    return _checked(compiled, authored, completed, findings)


def _checked(
    compiled: xlsform.CompiledForm, authored: Authored, sheets: Sheets, findings: list[Finding]
) -> Checked:
    """The compiled form read and opened once with our own engine, unless something is wrong already."""
    questions, text = 0, compiled.xform
    if not _errors(findings):
        try:
            text = choice_files.embed(text, authored.files)
            form = xform.parse_form(text)
            Instance.new(form, Context(), prefill={HOUSEHOLD: "x"})
            questions = sum(1 for _question in form.questions())
        except Problem as problem:
            findings.append(_of_problem(problem, sheets))
    return Checked(in_order(findings), compiled.form_id, compiled.version, compiled.title, text, questions)


def complete(sheets: Sheets, stem: str, version: str) -> tuple[dict[str, Sheet], list[Finding]]:
    """The sheets with what every questionnaire needs, and what was added."""
    completed, findings = dict(sheets), []
    survey = sheets["survey"]
    kind, name = (compiler_words.heading_of(sheets, "survey", column) for column in ("type", "name"))
    names = {row.text(name) for row in survey.rows}
    last = survey.rows[-1].number if survey.rows else 1
    extra = []
    if HOUSEHOLD not in names:
        extra.append(Row(last + 1, {kind: "hidden", name: HOUSEHOLD}))
    if "start" not in names and all(row.text(kind) != "start" for row in survey.rows):
        extra.append(Row(last + 2, {kind: "start", name: "start"}))
    headings = (*survey.headings, *(heading for heading in (kind, name) if heading not in survey.headings))
    completed["survey"] = Sheet("survey", headings, (*survey.rows, *extra))
    settings = sheets.get("settings", Sheet("settings", (), ()))
    cells = dict(settings.rows[0].cells) if settings.rows else {}
    given = {heading.lower(): heading for heading in cells}
    for heading, spellings, value in (
        ("form_id", ("form_id", "id_string", "set_form_id"), stem[:60]),
        ("form_title", ("form_title", "title", "set_form_title"), stem[:80]),
        ("version", ("version",), version),
    ):
        if not any(spelling in given for spelling in spellings):
            cells[heading] = value
            findings.append(
                Finding(
                    "authoring.setting_given",
                    Weight.NOTICE,
                    "settings",
                    2,
                    heading,
                    facts={"setting": heading, "value": value},
                )
            )
    if _fold_external_choices(completed, kind):
        # The same village may stand under two townships there.
        cells.setdefault("allow_choice_duplicates", "yes")
    completed["settings"] = Sheet(
        "settings", tuple(dict.fromkeys((*settings.headings, *cells))), (Row(2, cells),)
    )
    return completed, findings


def _fold_external_choices(sheets: dict[str, Sheet], kind: str) -> bool:
    """Choices on a sheet of their own, for clients that cannot hold many, become choices like all others."""
    external = sheets.pop("external_choices", None)
    if external is None:
        return False
    survey, choices = sheets["survey"], sheets.get("choices", Sheet("choices", (), ()))
    spelling: dict[str, str] = {
        name: heading
        for heading in choices.headings
        for name in ("list_name", "name")
        if heading.lower().replace(" ", "_") == name
    }
    mapped = {
        heading: spelling.get(heading.lower().replace(" ", "_"), heading) for heading in external.headings
    }
    below = choices.rows[-1].number if choices.rows else 1
    more = [
        Row(below + at, {mapped.get(heading, heading): text for heading, text in row.cells.items()})
        for at, row in enumerate(external.rows, 1)
    ]
    headings = tuple(dict.fromkeys((*choices.headings, *mapped.values())))
    sheets["choices"] = Sheet("choices", headings, (*choices.rows, *more))
    external_type = re.compile(r"^select[_ ]one[_ ]external(?= )")
    rows = [
        Row(
            row.number,
            {**row.cells, kind: external_type.sub("select_one", row.text(kind))} if row.cells else {},
        )
        for row in survey.rows
    ]
    sheets["survey"] = Sheet("survey", survey.headings, tuple(rows))
    return True


def _errors(findings: list[Finding]) -> list[Finding]:
    return [found for found in findings if found.weight is Weight.ERROR]


def _unless_told(found: Finding, told: list[Finding]) -> list[Finding]:
    """The compiler's finding, unless that row, or the same thing, is told already."""
    known = {(f.sheet, f.row) for f in _errors(told)} | {(f.code, None) for f in _errors(told)}
    if (found.row is not None and (found.sheet, found.row) in known) or (found.code, None) in known:
        return []
    if found.row is None and found.code == "authoring.compiler" and _errors(told):
        return []
    return [found]


def _of_problem(problem: Problem, sheets: Sheets | None = None) -> Finding:
    """A problem of ours as a finding; one that names a question gets its row."""
    facts = {name: str(value) for name, value in problem.facts.items()}
    place = facts.get("question") or facts.get("questions") or facts.get("ref") or ""
    if sheets is None or not place:
        return Finding(problem.code, facts=facts)
    rows = form_checks.paths(sheets["survey"])
    first = place.split(",")[0].strip().partition("[")[0]
    row = rows.get("/".join(first.strip("/").split("/")[1:])) or next(
        (number for path, number in rows.items() if path.rpartition("/")[2] == first.rpartition("/")[2]), None
    )
    return compiler_words.placed(problem.code, sheets, "survey", row, "name", Weight.ERROR, **facts)


def _main() -> None:
    """Read an order from standard input, write the answer to standard output."""
    order: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    resource.setrlimit(resource.RLIMIT_AS, (order["memory_bytes"],) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    files = {name: base64.b64decode(content) for name, content in order["files"].items()}
    known = Surroundings(
        {name: frozenset(properties) for name, properties in order["writable"].items()},
        frozenset(order["readable"]),
        choice_files.named(list(files)),
    )
    authored = Authored(order["name"], base64.b64decode(order["content"]), files)
    checked = check(authored, known, date.fromisoformat(order["on"]), order["sha256"])
    answer = {**checked.__dict__, "findings": [found.plain() for found in checked.findings]}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    _main()
