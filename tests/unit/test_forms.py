"""Parts of a form and the text of answers: pure pieces of drawing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from survey.questionnaires import xform, xlsform
from survey.questionnaires.engine import Context, Instance
from survey.ui import form_widgets, forms

INSTANCE_ID = "uuid:11111111-2222-3333-4444-555555555555"


def form_of(*rows: str) -> xform.Form:
    """A form from the rows of its survey sheet: type, name, label, appearance."""
    table = "\n".join(f"| | {row} |" for row in rows)
    source = (
        "| survey | | | | |\n| | type | name | label | appearance |\n"
        f"{table}\n"
        "| choices | | | |\n| | list_name | name | label |\n| | yn | yes | Yes |\n| | yn | no | No |\n"
        "| settings | | |\n| | form_title | form_id | version |\n| | Test | test | 1 |\n"
    )
    return xform.parse_form(xlsform.compile_form(source).xform)


def started(form: xform.Form) -> Instance:
    return Instance.new(form, Context(now=lambda: datetime(2026, 5, 6, tzinfo=UTC)), instance_id=INSTANCE_ID)


def group(name: str, questions: int) -> list[str]:
    inner = [f"text | {name}_{at} | Question | |" for at in range(questions)]
    return [f"begin_group | {name} | Group | |", *inner, f"end_group | {name} | | |"]


def test_short_groups_share_a_part_and_long_ones_stand_alone() -> None:
    form = form_of(*group("a", 4), *group("b", 6), *group("c", 1), *group("d", 12), *group("e", 2))
    assert forms.parts(form.body) == (("/data/a", "/data/b"), ("/data/c",), ("/data/d",), ("/data/e",))


def test_questions_outside_groups_are_packed_too() -> None:
    form = form_of(*(f"text | q{at} | Question | |" for at in range(12)))
    packed = forms.parts(form.body)
    assert [len(part) for part in packed] == [10, 2]
    assert sum(packed, ()) == tuple(f"/data/q{at}" for at in range(12))


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("/data/a/x", True),
        ("/data/a", True),
        ("/data/ab/x", False),
        ("/data/r[2]/x", True),
        ("/data/b/r[1]/x", False),
    ],
)
def test_a_question_belongs_to_the_part_that_holds_it(ref: str, expected: bool) -> None:
    assert forms.belongs(ref, ("/data/a", "/data/r")) is expected


def test_only_typed_questions_are_mirrored() -> None:
    form = form_of(
        "text | words | Words | multiline |",
        "integer | people | People | |",
        "select_one yn | agreed | Agreed | |",
        "date | on | On | |",
        "begin_repeat | wish | Wish | |",
        "text | what | What | |",
        "end_repeat | wish | | |",
    )
    instance = started(form)
    instance.answer("/data/words", "水")
    mirrored = forms.typed_fields(instance.items(), INSTANCE_ID)
    assert {field["ref"]: field["text"] for field in mirrored.values()} == {
        "/data/words": "水",
        "/data/wish[1]/what": "",
    }


def test_keys_differ_where_references_do() -> None:
    refs = [
        "/data/a/b",
        "/data/a_b",
        "/data/a-b",
        "/data/a[1]/b",
        "/data/a[11]/b",
        "/data/a__b",
        "/data/a.b",
        "/data/甲",
    ]
    keys = {form_widgets.key_of(INSTANCE_ID, ref) for ref in refs}
    assert len(keys) == len(refs)
    assert all("__" not in key and key.isascii() for key in keys)


def test_several_choices_are_kept_in_the_order_of_the_form() -> None:
    form = form_of("select_multiple yn | some | Some | |")
    (view,) = forms.questions(started(form).items())
    to_text = form_widgets._in_order(view.choices)
    assert to_text(["no", "yes"]) == "yes no"
    assert to_text([]) == ""
    assert to_text(None) == ""


def test_the_label_shows_what_is_written_and_not_markdown() -> None:
    form = form_of("text | q | 1. *Who* [x](y) | |")
    (view,) = forms.questions(started(form).items())
    assert form_widgets.label_of(view) == r"**1\. \*Who\* \[x\]\(y\)**"
