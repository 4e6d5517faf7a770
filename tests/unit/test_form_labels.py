"""What of a form's own markup is followed, and what never reaches the page."""

from __future__ import annotations

import pytest

from survey.questionnaires.views import QuestionView
from survey.ui import form_labels, form_parts
from tests.unit.drawn_forms import form_of, started


def the_question(*rows: str, **answers: str) -> QuestionView:
    instance = started(form_of(*rows))
    for name, value in answers.items():
        instance.answer(f"/data/{name}", value)
    return list(form_parts.questions(instance.items()))[-1]


def test_the_label_shows_what_is_written_and_not_markdown() -> None:
    assert form_labels.label_of(the_question("text | q | 1. *Who* [x](y)")) == r"**1\. \*Who\* \[x\]\(y\)**"


def test_a_required_question_has_a_star() -> None:
    assert form_labels.label_of(the_question("text | q | Who | | yes")) == "**Who** :red[*]"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("plain", "plain"),
        ("**bold** and *slanted*", "**bold** and *slanted*"),
        ("__bold__", "**bold**"),
        ("## Part one", "**Part one**"),
        ("a<br>b", "a  \nb"),
        ("first\n\nsecond", "first  \nsecond"),
        ('<span style="color:red">red</span>', "red"),
        ("110***1234***5", r"110\*\*\*1234\*\*\*5"),
        ("2 * 3 * 4", r"2 \* 3 \* 4"),
        ("snake_case_name", r"snake\_case\_name"),
        ("a < b and b > c", r"a \< b and b \> c"),
        ("![](http://elsewhere.example/x.png)", r"\!\[\]\(http\://elsewhere\.example/x\.png\)"),
        ("<script>alert(1)</script>", r"alert\(1\)"),
        (":red[x]", r"\:red\[x\]"),
    ],
)
def test_markup_that_is_followed_and_markup_that_is_not(written: str, shown: str) -> None:
    assert form_labels.marked(written) == shown


def test_an_answer_in_a_label_is_shown_as_it_was_typed() -> None:
    view = the_question("text | who | Who", "note | q | Hello ${who}", who="[x](http://elsewhere.example)")
    assert form_labels.marked(view.label) == r"Hello \[x\]\(http\://elsewhere\.example\)"


@pytest.mark.parametrize(
    ("row", "value", "told"),
    [
        ("select_multiple yn | q | Q", "yes no", "Yes、No"),
        ("select_one yn | q | Q", "yes", "Yes"),
        ("acknowledge | q | Q", "OK", "已确认"),
        ("geopoint | q | Q", "31.2 107.5 0 0", "31.2, 107.5"),
        ("dateTime | q | Q", "2026-05-06T08:30:00.000+08:00", "2026-05-06 08:30:00"),
        ("text | q | Q", "水", "水"),
    ],
)
def test_an_answer_that_cannot_be_changed_reads_as_people_say_it(row: str, value: str, told: str) -> None:
    assert form_labels.told(the_question(row, q=value)) == told
