"""A form in parts: what is packed together, what is divided, and what lies where."""

from __future__ import annotations

import pytest

from survey.questionnaires.views import GroupView
from survey.ui import form_parts
from tests.unit.drawn_forms import form_of, started


def group(name: str, questions: int, appearance: str = "") -> list[str]:
    inner = [f"text | {name}_{at} | Question" for at in range(questions)]
    return [f"begin_group | {name} | Group {name} | {appearance}", *inner, "end_group"]


def refs(*names: str) -> set[str]:
    return {f"/data/{name}" for name in names}


def test_short_groups_share_a_part_and_longer_ones_stand_alone() -> None:
    form = form_of(*group("a", 4), *group("b", 6), *group("c", 1), *group("d", 12), *group("e", 2))
    packed = form_parts.parts(form)
    assert [len(part.refs) for part in packed] == [10, 1, 12, 2]
    instance = started(form)
    titles = [[instance.heading(item) for item in part.named_by] for part in packed]
    assert titles == [["Group a", "Group b"], ["Group c"], ["Group d"], ["Group e"]]


def test_questions_outside_groups_are_packed_too() -> None:
    form = form_of(*(f"text | q{at} | Question" for at in range(12)))
    assert [len(part.refs) for part in form_parts.parts(form)] == [10, 2]


def test_a_long_group_is_divided_and_each_part_keeps_its_heading() -> None:
    form = form_of("text | before | Before", *group("long", 23), "text | after | After")
    packed = form_parts.parts(form)
    assert [len(part.refs) for part in packed] == [1, 10, 10, 3, 1]
    instance = started(form)
    for part in packed[1:4]:
        (view,) = instance.items(part.body)
        assert isinstance(view, GroupView)
        assert view.label == "Group long"
        assert len(view.children) == len(part.refs)


def test_groups_inside_a_long_group_stay_whole_and_name_their_part() -> None:
    form = form_of("begin_group | all | Everything", *group("x", 8), *group("y", 8), "end_group")
    packed = form_parts.parts(form)
    assert [len(part.refs) for part in packed] == [8, 8]
    instance = started(form)
    assert [[instance.heading(item) for item in part.named_by] for part in packed] == [
        ["Group x"],
        ["Group y"],
    ]


def test_a_group_that_the_form_keeps_on_one_page_is_not_divided() -> None:
    form = form_of(*group("page", 20, "field-list"))
    assert [len(part.refs) for part in form_parts.parts(form)] == [20]


def test_parts_hold_every_question_once_and_in_order() -> None:
    form = form_of(*group("a", 30), "begin_repeat | r | R", "text | s | S", "end_repeat", *group("b", 3))
    packed = form_parts.parts(form)
    instance = started(form)
    shown = [view.ref for part in packed for view in form_parts.questions(instance.items(part.body))]
    assert shown == [view.ref for view in form_parts.questions(instance.items())]


@pytest.mark.parametrize(
    ("ref", "part"),
    [("/data/a/x", 0), ("/data/r[2]/x", 0), ("/data/ab", 1), ("/data/r", 0), ("/data/nowhere", None)],
)
def test_a_question_is_found_in_its_part(ref: str, part: int | None) -> None:
    first = [
        "begin_group | a | A",
        "text | x | X",
        "end_group",
        "begin_repeat | r | R",
        "text | x | X",
        "end_repeat",
    ]
    form = form_of(*first, *(f"text | q{at} | Q" for at in range(8)), "text | ab | AB")
    assert form_parts.part_of(form_parts.parts(form), ref) == part


def test_a_part_without_anything_relevant_is_left_out() -> None:
    form = form_of(
        *group("a", 10),
        "begin_group | b | B | | | | ${a_0} = 'yes'",
        "text | inner | Inner",
        "end_group",
        *group("c", 10),
    )
    instance = started(form)
    packed = form_parts.parts(form)
    assert form_parts.shown(instance, packed, 1) == ([0, 2], 0)
    instance.answer("/data/a/a_0", "yes")
    assert form_parts.shown(instance, packed, 1) == ([0, 1, 2], 1)


def test_a_repeat_that_has_no_instance_yet_is_there_to_be_added_to() -> None:
    form = form_of("integer | n | N", "begin_repeat | r | R | | | | ${n} > 0", "text | s | S", "end_repeat")
    instance = started(form)
    (part,) = form_parts.parts(form)
    repeat = part.body[-1]
    assert not instance.shows([repeat])
    instance.answer("/data/n", "1")
    assert instance.shows([repeat])


def test_a_form_without_questions_is_one_empty_part() -> None:
    form = form_of("today | today")
    assert [part.body for part in form_parts.parts(form)] == [()]
