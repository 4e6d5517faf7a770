"""The trial of drawing: a form that draws passes, one that does not says where and why."""

from __future__ import annotations

from typing import Any

import pytest

from survey.questionnaires import xform, xlsform
from survey.questionnaires.conformance.form_cases import Trial
from survey.questionnaires.conversion import Authored, Checked
from survey.ui import form_trial, form_widgets, forms

FORM = """
| survey |              |        |         |            |            |
|        | type         | name   | label   | appearance | parameters |
|        | text         | who    | 姓名    |            |            |
|        | range        | far    | 远近    |            | start=0 end=50 step=1 |
|        | rank yn      | order  | 排序    |            |            |
|        | geoshape     | field  | 地块    |            |            |
|        | date         | month  | 月份    | month-year |            |
|        | begin repeat | member | 成员    |            |            |
|        | text         | name   | 名字    |            |            |
|        | select_one yn | ill   | 生病    | quick      |            |
|        | end repeat   |        |         |            |            |
| choices |             |        |         |            |            |
|        | list_name    | name   | label   |            |            |
|        | yn           | yes    | 是      |            |            |
|        | yn           | no     | 否      |            |            |
"""


def trial() -> Trial:
    compiled = xlsform.compile_form(
        FORM.replace("| text         | who ", "| hidden | household_id | | | |\n| | text | who")
    )
    return Trial(Authored("form.md", FORM.encode()), Checked(()), xform.parse_form(compiled.xform))


def test_a_form_of_many_types_draws_empty_and_filled_in() -> None:
    with form_trial.drawing() as draws:
        assert draws(trial()) == ""


def test_a_page_that_raises_is_told_with_its_part(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: Any) -> None:
        raise LookupError("no such widget")

    monkeypatch.setattr(form_widgets, "draw", broken)
    with form_trial.drawing() as draws:
        assert draws(trial()) == "part 1, empty: no such widget"


def test_a_question_without_its_widget_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "draw", lambda *_arguments: None)
    with form_trial.drawing() as draws:
        assert draws(trial()) == "part 1, empty: no widget for who, name, ill"
