"""What is found in an authored questionnaire: each mistake at its cell, in one reading, with its remedy."""

from __future__ import annotations

import pytest

from survey.problems import Problem
from survey.questionnaires import choice_files, compiler_words, results
from survey.questionnaires.findings import Weight
from tests.authored import WATER, checked, found


def a_form(*rows: str, choices: str = "", more: str = "") -> str:
    """A form of these rows: `type | name | label | relevant | calculation`."""
    survey = "\n".join(f"| | {row} |" for row in rows)
    return f"""
| survey | | | | | |
| | type | name | label | relevant | calculation |
{survey}
| choices | | | |
| | list_name | name | label |
{choices}
{more}
"""


YES_NO = "| | yn | yes | 是 |\n| | yn | no | 否 |"


def test_a_form_without_mistake_has_none__ok() -> None:
    assert checked(WATER).usable
    assert checked(WATER).findings == ()


@pytest.mark.parametrize(
    ("row", "code", "cell"),
    [
        ("text | | 问题 | |", "no_name", "B2"),
        ("text | 1a | 问题 | |", "bad_name", "B2"),
        ("text | a b | 问题 | |", "bad_name", "B2"),
        (" | a | 问题 | |", "no_type", "A2"),
        ("txet | a | 问题 | |", "unknown_type_like", "A2"),
        ("school name | a | 问题 | |", "unknown_type", "A2"),
        ("select_one | a | 问题 | |", "no_choices", "A2"),
        ("select_one nowhere | a | 问题 | |", "unknown_choices", "A2"),
        ("select_one_from_file villages.csv | a | 问题 | |", "missing_file", "A2"),
        ("select_one_from_file villages.txt | a | 问题 | |", "choices_file_type", "A2"),
        ("begin_group | a | 组 | |", "unmatched_begin", "A2"),
        ("end_repeat | | | |", "unmatched_end", "A2"),
        ("calculate | a | | |", "no_calculation", "E2"),
        ("text | a | | |", "no_label", "C2"),
        ("text | a | 问题 | ${b} = 1 |", "unknown_reference", "D2"),
        ("text | abcd | 问题 | ${abce} = 1 |", "unknown_reference_like", "D2"),
        ("text | a | 问题 | ${a = 1 |", "broken_reference", "D2"),
        ("text | a | 问题 | (1 = 1 |", "bad_expression", "D2"),
        ("text | a | 问题 | selectde(${a}, 'x') |", "unknown_function", "D2"),
        ("text | a | 问题 | ${a}＝'x' |", "full_width", "D2"),
        ("text | a | 问题 | ${a} = '是（否）' |", "cycle", "B2"),
        ("include | a | | |", "include", "A2"),
        ("calculate | a | | | #REF!", "failed_cell", "E2"),
        ("audio | a | 录音 | |", "not_drawn", "A2"),
    ],
)
def test_a_mistake_is_told_at_its_cell__error(row: str, code: str, cell: str) -> None:
    finding = found(a_form(row))[code]
    assert (finding.sheet, finding.row, finding.cell) == ("survey", 2, cell)
    assert finding.problem.remedy("zh")


def test_all_mistakes_are_told_at_once__error() -> None:
    source = a_form(
        "text | 1a | 问题 | |",
        "selectone x | b | 问题 | |",
        "calculate | c | | |",
        "text | d | 问题 | ${e} = 1 |",
    )
    errors = [finding for finding in checked(source).findings if finding.weight is Weight.ERROR]
    assert [finding.row for finding in errors] == [2, 3, 4, 5]


def test_a_column_under_its_former_name_is_told__error() -> None:
    source = "| survey | | | |\n| | type | name | text:english |\n| | text | a | Question |"
    told = found(source)
    assert (told["no_label"].row, told["no_label"].facts) == (2, {"name": "a"})
    assert (told["unknown_column"].cell, told["unknown_column"].facts["like"]) == ("C1", "label")


def test_two_questions_of_one_name_are_told_but_not_in_two_groups__error() -> None:
    twice = a_form("text | a | 问题 | |", "text | a | 问题 | |")
    assert found(twice)["name_twice"].row == 3
    apart = a_form(
        "text | a | 问题 | |", "begin_group | g | 组 | |", "text | a | 问题 | |", "end_group | | | |"
    )
    assert checked(apart).usable


def test_calculations_in_a_circle_are_told_by_row__error() -> None:
    circle = a_form("calculate | a | | | ${b} + 1", "calculate | b | | | ${a} + 1")
    finding = found(circle)["cycle"]
    assert finding.row in (2, 3)
    assert "a" in finding.facts["questions"]


@pytest.mark.parametrize(
    ("choices", "code", "cell"),
    [
        ("| | yn | | 是 |", "choice_without_name", "B2"),
        ("| | yn | 1 | 是 |\n| | yn | 1 | 否 |", "choice_twice", "B3"),
    ],
)
def test_a_mistake_among_choices_is_told_at_its_cell__error(choices: str, code: str, cell: str) -> None:
    finding = found(a_form("select_one yn | a | 问题 | |", choices=choices))[code]
    assert (finding.sheet, finding.cell) == ("choices", cell)


def test_a_space_in_the_code_of_a_multiple_selection_is_told__error() -> None:
    source = a_form("select_multiple yn | a | 问题 | |", choices="| | yn | a b | 是 |")
    assert found(source)["choice_with_space"].row == 2


def test_what_cannot_be_written_is_told_with_what_can__error() -> None:
    unknown = found(WATER.replace("households#water_source", "households#colour"))["unknown_property"]
    assert (unknown.row, unknown.cell) == (2, "F2")
    assert "water_source" in unknown.facts["known"]
    nowhere = found(WATER.replace("| cases |", "| gifts |").replace("cases#", "gifts#"))["unknown_list"]
    assert (nowhere.sheet, nowhere.row) == ("entities", 3)


def test_a_required_question_that_is_not_drawn_forbids_publishing__error() -> None:
    source = "| survey | | | | |\n| | type | name | label | required |\n| | audio | a | 录音 | yes |"
    assert not checked(source).usable
    assert checked(source.replace("yes", "no")).usable


def test_a_signature_is_told_as_one_that_is_not_drawn__error() -> None:
    source = "| survey | | | | |\n| | type | name | label | appearance |\n| | image | a | 签名 | signature |"
    assert found(source)["not_drawn"].facts["type"] == "image (signature)"
    assert "not_drawn" not in found(source.replace("signature", "new"))


def test_a_picture_that_did_not_come_with_the_form_is_told__error() -> None:
    source = "| survey | | | | |\n| | type | name | label | media::image |\n| | note | a | 看图 | well.png |"
    assert found(source)["media_not_shown"].facts["file"] == "well.png"


def test_too_many_rows_are_refused_and_many_choices_remarked() -> None:
    many = "\n".join(f"| | v | c{n} | 村{n} |" for n in range(600))
    assert found(a_form("select_one v | a | 问题 | |", choices=many))["many_choices"].weight is Weight.NOTICE
    too_many = "\n".join(f"| | v | c{n} | 村{n} |" for n in range(50_000))
    assert (
        found(a_form("select_one v | a | 问题 | |", choices=too_many))["too_many_rows"].weight is Weight.ERROR
    )


def test_what_every_form_needs_is_added_and_told() -> None:
    form = checked(a_form("text | a | 问题 | |"), "村民调查.md")
    assert (form.form_id, form.title) == ("村民调查", "村民调查")
    assert form.version.startswith("20260506-")
    assert "<household_id/>" in form.xform
    assert 'jr:preloadParams="start"' in form.xform
    assert {finding.facts["setting"] for finding in form.findings} == {"form_id", "form_title", "version"}


def test_choices_of_a_sheet_of_their_own_become_ordinary_ones() -> None:
    external = (
        "| external_choices | | | |\n| | list_name | name | label |\n| | v | a | 甲村 |\n| | v | a | 甲村 |"
    )
    form = checked(a_form("select_one_external v | a | 村 | |", more=external))
    assert form.usable
    assert "甲村" in form.xform


def test_a_file_of_choices_is_put_into_the_form() -> None:
    form = checked(
        a_form("select_one_from_file wells.csv | a | 井 | |"),
        wells="name,label\nw1,东井 & 西井\n".encode("gb18030"),
    )
    assert form.usable
    assert "<label>东井 &amp; 西井</label>" in form.xform


HUGE_CELL = b"name,label\na," + b"x" * 200_000


@pytest.mark.parametrize(
    "content",
    [b"label\nx\n", b"name,a b\nx,y\n", b"name,name\n1,2\n", b"\xff\xff", HUGE_CELL],
    ids=["no name", "space", "twice", "no text", "huge cell"],
)
def test_a_file_that_holds_no_choices_is_told__error(content: bytes) -> None:
    assert "bad_choices_file" in found(a_form("select_one_from_file wells.csv | a | 井 | |"), wells=content)


@pytest.mark.parametrize(
    ("text", "code", "row"),
    [
        ("[row : 7] Missing calculation.", "authoring.no_calculation", 7),
        ("[row : 3] On the 'survey' sheet, the 'relevant' value is invalid. Reference variables must contain a name from the 'survey' sheet. Could not find the name 'x'.", "authoring.unknown_reference", 3),
        ("[row : 4] Unmatched 'end_group'. No matching 'begin_group' was found for the name 'None'.", "authoring.unmatched_end", 4),
        ("[row : 5] On the 'survey' sheet, the 'parameters' value is invalid. For the 'range' question type, the parameter 'step' must be a number.", "authoring.bad_parameter", 5),
        ("something nobody has seen yet", "authoring.compiler", None),
    ],
)  # fmt: skip
def test_the_compilers_words_are_recast_and_none_is_lost(text: str, code: str, row: int | None) -> None:
    finding = compiler_words.recast(text, {})
    assert (finding.code, finding.row) == (code, row)
    assert finding.problem.text("zh")


def test_every_finding_has_a_sentence_in_both_languages() -> None:
    for code, (ours, _column) in compiler_words._CODES.items():
        assert ours.startswith("authoring."), code


def test_a_list_of_places_without_places_is_told_with_its_name__error() -> None:
    with pytest.raises(Problem) as caught:
        choice_files._root("wells.geojson", b'{"features": ["x"]}')
    assert (caught.value.code, caught.value.facts["file"]) == ("authoring.bad_choices_file", "wells.geojson")


def test_a_csv_with_a_huge_cell_is_damaged_and_not_too_heavy__error() -> None:
    assert "damaged" in found(b"survey,type,name\n,text," + b"x" * 200_000, "form.csv")


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "007", "1e400"])
def test_what_a_cell_could_not_hold_as_a_number_stays_text(text: str) -> None:
    assert results._number(text) == text
