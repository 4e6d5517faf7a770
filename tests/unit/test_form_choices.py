"""Searching in long lists, and the steps of a range."""

from __future__ import annotations

import time

import pytest

from survey.questionnaires.views import Choice, QuestionView
from survey.ui import form_choices, form_parts
from tests.unit.drawn_forms import form_of, started

VILLAGES = [
    Choice(f"v{number}", f"{'赵钱孙李周吴'[number % 6]}家{'坪湾沟坝'[number % 4]}村{number}组")
    for number in range(8000)
]


def found(asked: str) -> list[str]:
    return [choice.label for choice in form_choices.matching(VILLAGES, asked)[0]]


def test_no_more_than_a_screenful_of_a_long_list_is_offered_and_the_rest_counted() -> None:
    shown, total = form_choices.matching(VILLAGES, "")
    assert (len(shown), total) == (form_choices.MOST_FOUND, 8000)


def test_every_word_asked_for_must_be_in_the_label() -> None:
    assert found("李家 4999组") == []
    assert found("李家 坝 4995组") == [VILLAGES[4995].label]
    assert found("没有这个村") == []


def test_villages_are_found_by_the_sound_of_their_name() -> None:
    assert form_choices.matching(VILLAGES, "ljb")[1] == form_choices.matching(VILLAGES, "李家坝")[1] > 0
    assert all("李家" in label for label in found("lijia"))


def test_a_search_among_8000_takes_little_time() -> None:
    form_choices.matching(VILLAGES, "ljb")
    began = time.process_time()
    for asked in ("李", "李家坪", "ljp", "x"):
        form_choices.matching(VILLAGES, asked)
    assert time.process_time() - began < 0.4


def range_of(parameters: str, kind: str = "range", appearance: str = "") -> QuestionView:
    (view,) = form_parts.questions(
        started(form_of(f"{kind} | q | Q | {appearance} | | {parameters}")).items()
    )
    return view


@pytest.mark.parametrize(
    ("parameters", "steps"),
    [
        ("start=1 end=5 step=1", ("1", "2", "3", "4", "5")),
        ("start=0 end=1 step=0.25", ("0", "0.25", "0.5", "0.75", "1")),
        ("start=0 end=1 step=0.3", ("0", "0.3", "0.6", "0.9")),
        ("start=5 end=1 step=2", ("5", "3", "1")),
        ("start=-1 end=1 step=1", ("-1", "0", "1")),
        ("start=0.1 end=0.3 step=0.1", ("0.1", "0.2", "0.3")),
        ("", tuple(str(number) for number in range(1, 11))),
    ],
)
def test_the_steps_of_a_range(parameters: str, steps: tuple[str, ...]) -> None:
    assert form_choices.steps_of(range_of(parameters)) == steps


@pytest.mark.parametrize("parameters", ["start=0 end=1 step=0.00001", "start=0 end=10000000 step=1"])
def test_a_range_that_no_finger_could_set_is_none(parameters: str) -> None:
    view = range_of(parameters)
    steps = form_choices.steps_of(view)
    assert steps is None or len(steps) <= form_choices.MOST_STEPS


def test_every_step_is_an_answer_the_engine_takes() -> None:
    form = form_of("range | q | Q | | | start=-0.5 end=2.5 step=0.1")
    instance = started(form)
    (view,) = form_parts.questions(instance.items())
    for step in form_choices.steps_of(view) or ():
        instance.answer("/data/q", step)
        assert instance.errors() == (), step
