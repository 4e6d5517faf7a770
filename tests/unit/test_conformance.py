"""The judging of cases: right ones pass, wrong ones fail with their reason, none is lost."""

from __future__ import annotations

import csv
import json
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from survey.questionnaires.conformance import form_cases, scenario_cases, xpath_cases
from survey.questionnaires.conformance.random_fillings import NoFilling, matching, random_filling
from survey.questionnaires.context import Context
from survey.questionnaires.conversion import Authored
from survey.questionnaires.engine import Instance
from survey.questionnaires.xform import parse_form
from survey.questionnaires.xlsform import compile_form

HOUSE = "<house id='h1'><head>甲</head><people>4</people><well/></house>"


def case(identifier: str, expr: str, kind: str, expected: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": identifier,
        "expr": expr,
        "context_xml": HOUSE,
        "context": "/",
        "type": kind,
        "expected": expected,
        **more,
    }


RIGHT = (
    case("a", "/house/people > 3", "boolean", True),
    case("b", "/house/people div 0", "number", "Infinity"),
    case("c", "number(/house/head)", "number", "NaN"),
    case("d", "10 div 3", "number-rounded", 3.33, factor=100),
    case("e", "uuid(8)", "string-length", 8),
    case("f", "uuid()", "string-matches", "^[0-9a-f-]{36}$"),
    case("g", "*", "nodeset", ["/*[1]/*[1]", "/*[1]/*[2]", "/*[1]/*[3]"], context="/house"),
    case("h", "//@id | //well", "nodeset-unordered", ["/*[1]/*[3]", "/*[1]/@id"]),
    case("i", "//*", "nodeset-count", 4),
    case("j", "//people", "first-node", "/*[1]/*[2]"),
    case("k", "nonsense(1)", "throws", True),
    case("l", "today()", "string", "2026-03-05", clock="2026-03-05T01:00:00Z", tz="Asia/Shanghai"),
    case("m", "/people", "number", 4, root="/house"),
    case("n", "3.1415926", "number", 3.1416, approx=True),
    case("o", "'ABC'", "string", "abc", casefold=True),
)
WRONG = (
    case("a", "/house/people > 3", "boolean", False),
    case("b", "1", "number", 1.0001),
    case("c", "*", "nodeset", ["/*[1]/*[2]", "/*[1]/*[1]"], context="/house"),
    case("d", "1 + 1", "throws", True),
    case("e", "nonsense(1)", "number", 1),
    case("f", "1", "nodeset", []),
    case("g", "1", "number", 1, context="/nowhere"),
    case("h", "'a'", "string", "a", context_xml="<broken>"),
)


def lines(folder: Path, cases: tuple[dict[str, Any], ...]) -> Path:
    path = folder / "cases.jsonl"
    path.write_text("\n".join(json.dumps(c, ensure_ascii=False) for c in cases), encoding="utf-8")
    return path


def test_right_expressions_pass__ok(tmp_path: Path) -> None:
    assert [
        (v.id, v.reason, v.actual) for v in xpath_cases.verdicts(lines(tmp_path, RIGHT)) if not v.passed
    ] == []


def test_wrong_expressions_fail_with_a_reason__error(tmp_path: Path) -> None:
    found = list(xpath_cases.verdicts(lines(tmp_path, WRONG)))
    assert [v.id for v in found] == [c["id"] for c in WRONG]
    assert not any(v.passed for v in found)
    assert "unknown function" in found[4].reason


FORM = """<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"
 xmlns:jr="http://openrosa.org/javarosa"><h:head><h:title>t</h:title><model>
 <instance><data id="d"><people/><agreed/><kind/><member><name/></member></data></instance>
 <bind nodeset="/data/people" type="int" constraint=". &lt; 20" jr:constraintMsg="too many"/>
 <bind nodeset="/data/kind" relevant="/data/people > 1"/>
 </model></h:head><h:body><input ref="/data/people" appearance="numbers w1"><label>People</label></input>
 <trigger ref="/data/agreed"/>
 <select1 ref="/data/kind"><item><label>Road</label><value>road</value></item></select1>
 <repeat nodeset="/data/member"><input ref="/data/member/name"/></repeat></h:body></h:html>"""
STEPS = (
    {"op": "expect", "assert": "nonrelevant", "ref": "/data/kind", "expected": True},
    {"op": "answer", "ref": "/data/people", "value": 3},
    {"op": "expect", "assert": "answer", "ref": "/data/people", "expected": 3},
    {"op": "expect", "assert": "relevant", "ref": "/data/kind", "expected": True},
    {"op": "expect", "assert": "appearance", "ref": "/data/people", "expected": "w1"},
    {"op": "expect", "assert": "label", "ref": "/data/people", "expected": "People"},
    {"op": "expect", "assert": "toHaveConstraintMessage", "ref": "/data/people", "expected": None},
    {"op": "answer", "ref": "/data/people", "value": "30"},
    {"op": "expect", "assert": "toHaveConstraintMessage", "ref": "/data/people", "expected": "too many"},
    {"op": "answer", "ref": "/data/agreed", "value": True},
    {"op": "expect", "assert": "answer", "ref": "/data/agreed", "expected": True},
    {
        "op": "expect",
        "assert": "choices_in_order",
        "ref": "/data/kind",
        "expected": [{"value": "road", "label": "Road"}],
    },
    {"op": "add_repeat", "ref": "/data/member"},
    {"op": "expect", "assert": "repeat_count", "ref": "/data/member", "expected": 2},
    {"op": "expect", "assert": "repeat_count", "ref": "/data/member", "expected": 1, "not": True},
    {"op": "next", "ref": "/data/member[2]/name"},
    {"op": "answer_current", "value": "乙"},
    {"op": "expect", "assert": "answer", "ref": "/data/member[2]/name", "expected": "乙"},
    {"op": "remove_repeat", "ref": "/data/member[1]"},
    {"op": "expect", "assert": "answer", "ref": "/data/member[1]/name", "expected": "乙"},
)


def scripts(folder: Path, *scripts: tuple[dict[str, Any], ...]) -> list[Any]:
    made = tuple({"id": f"s{at}", "form_xml": FORM, "steps": list(steps)} for at, steps in enumerate(scripts))
    return list(scenario_cases.verdicts(lines(folder, made)))


def test_a_right_script_passes__ok(tmp_path: Path) -> None:
    (verdict,) = scripts(tmp_path, STEPS)
    assert verdict.passed, verdict.reason


@pytest.mark.parametrize("number", [n for n, step in enumerate(STEPS) if step["op"] == "expect"])
def test_every_expectation_can_fail__error(tmp_path: Path, number: int) -> None:
    turned = tuple(
        {**step, "not": not step.get("not", False)} if at == number else step for at, step in enumerate(STEPS)
    )
    (verdict,) = scripts(tmp_path, turned)
    assert not verdict.passed
    assert f"step {number + 1}," in verdict.reason


@pytest.mark.parametrize(
    "step",
    [
        {"op": "dance"},
        {"op": "expect", "assert": "smells", "ref": "/data/people", "expected": 1},
        {"op": "next", "ref": "/data/nowhere"},
        {"op": "answer", "ref": "/data/nowhere", "value": "1"},
    ],
)
def test_what_is_not_known_fails__error(tmp_path: Path, step: dict[str, Any]) -> None:
    (verdict,) = scripts(tmp_path, (step,))
    assert not verdict.passed
    assert verdict.reason


GOOD = """
| survey |
| | type | name | label | constraint | required |
| | text | number | Number | regex(., '^[A-C]{2}-[0-9]{4}$') | yes |
| | integer | share | Share | . >= 40 and . <= 45 | yes |
| | begin_repeat | member | Member | | |
| | date | born | Born | . <= today() | yes |
| | end_repeat | | | | |
"""
BROKEN = """
| survey |
| | type | name | label |
| | begin_group | g | G |
| | text | a | A |
"""
MISSPELT = """
| survey |
| | type | name | label | relevant |
| | text | a | A | cocnat('a') = 'a' |
"""
FROM_FILE = """
| survey |
| | type | name | label | required |
| | select_one_from_file wells.csv | well | Well | yes |
"""
IMPOSSIBLE = """
| survey |
| | type | name | label | constraint | required |
| | integer | a | A | . > 5 and . < 4 | yes |
"""


def forms(folder: Path, **sources: tuple[str, str]) -> dict[str, Any]:
    path = folder / "forms.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "converts"])
        for name, (source, converts) in sources.items():
            (folder / f"{name}.md").write_text(source, encoding="utf-8")
            writer.writerow([f"{name}.md", converts])
    return {verdict.id: verdict for verdict in form_cases.verdicts(path)}


@contextmanager
def only_filled() -> Iterator[Callable[[form_cases.Trial], str]]:
    """A trial that fills the form in and reads it back, without a store."""

    def trial(tried: form_cases.Trial) -> str:
        instance = tried.fill(tried.form, Context(), "h1")
        reread = Instance.load(tried.form, instance.to_xml(final=True), Context())
        return "; ".join(error.ref for error in reread.errors())

    yield trial


def test_forms_are_opened_filled_in_and_refused_as_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(form_cases, "trials", lambda: {"filled": only_filled})
    found = forms(
        tmp_path,
        good=(GOOD, "y"),
        broken=(BROKEN, "n"),
        other=(BROKEN, "y"),
        misspelt=(MISSPELT, "y"),
        no=(IMPOSSIBLE, "y"),
    )
    assert {name: verdict.passed for name, verdict in found.items()} == {
        "good.md": True,
        "broken.md": True,
        "other.md": False,
        "misspelt.md": True,
        "no.md": False,
    }
    assert "[survey A2]" in found["broken.md"].actual
    assert "[survey D2]" in found["misspelt.md"].actual
    assert "/a: required" in found["no.md"].reason


def test_a_trial_of_a_layer_above_can_fail_a_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = nullcontext(lambda tried: f"no place for {tried.authored.name}")
    monkeypatch.setattr(form_cases, "trials", lambda: {"store": lambda: trial})
    assert forms(tmp_path, good=(GOOD, "y"))["good.md"].reason == "store: no place for good.md"


def test_no_form_passes_untried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form_cases, "trials", dict)
    with pytest.raises(RuntimeError, match="no trial is registered"):
        forms(tmp_path, good=(GOOD, "y"))


def test_a_form_comes_with_the_files_of_choices_it_names(tmp_path: Path) -> None:
    files = form_cases._missing_files(Authored("f.md", FROM_FILE.encode()))
    assert list(files) == ["wells.csv"]
    assert files["wells.csv"].decode().splitlines()[0] == "label,name"


def test_a_store_publishes_the_form_and_accepts_the_filling(tmp_path: Path) -> None:
    assert "store" in form_cases.trials()
    found = forms(tmp_path, good=(GOOD, "y"), wells=(FROM_FILE, "y"))
    assert {name: (verdict.passed, verdict.reason) for name, verdict in found.items()} == {
        "good.md": (True, ""),
        "wells.md": (True, ""),
    }


def test_a_random_filling_is_valid_and_the_same_for_the_same_seed() -> None:
    form = parse_form(compile_form(GOOD).xform)
    first, second, other = (random_filling(form, seed) for seed in (1, 1, 2))
    assert first.errors() == ()
    strip = re.compile(r"<instanceID>.*?</instanceID>")
    assert strip.sub("", first.to_xml()) == strip.sub("", second.to_xml())
    assert strip.sub("", first.to_xml()) != strip.sub("", other.to_xml())


def test_no_filling_names_the_question() -> None:
    with pytest.raises(NoFilling, match="/data/a: required"):
        random_filling(parse_form(compile_form(IMPOSSIBLE).xform), 1)


@pytest.mark.parametrize("pattern", [r"^\d{3}-[A-F]+$", r"(ab|cd)*x?", r"[^0-9]{2}", r"\w+@\w+\.(cn|com)"])
def test_matching_makes_what_a_pattern_matches(pattern: str) -> None:
    draw = random.Random(3)
    assert all(re.search(pattern, matching(pattern, draw)) for _ in range(50))


def test_the_command_counts_and_writes_json(tmp_path: Path) -> None:
    path = lines(tmp_path, (RIGHT[0], WRONG[0]))
    out = tmp_path / "out.jsonl"
    done = subprocess.run(
        [sys.executable, "-m", "survey.questionnaires.conformance", "xpath", str(path), "--json", str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "1 passed, 1 failed"
    written = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [(row["id"], row["passed"], row["expected"], row["actual"]) for row in written] == [
        ("a", True, True, True),
        ("a", False, False, True),
    ]
    assert all(row["seconds"] >= 0 for row in written)
