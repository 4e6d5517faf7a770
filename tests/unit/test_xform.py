"""Reading forms: compiled XLSForms become definitions, mistakes name their place."""

from __future__ import annotations

import pytest

from survey.problems import Problem
from survey.questionnaires.tree import parse, serialise
from survey.questionnaires.xform import Form, Repeat, parse_form
from survey.questionnaires.xlsform import compile_form

FORM = """
| survey |
|        | type            | name     | label::中文 (zh) | label::English (en) | relevant       | repeat_count | choice_filter |
|        | text            | head     | 户主             | Head                |                |              |               |
|        | integer         | size     | 人数             | Size                |                |              |               |
|        | begin repeat    | member   | 成员             | Member              |                | ${size}      |               |
|        | text            | name     | 姓名             | Name                | ${head} != ''  |              |               |
|        | select_one town | town     | 镇               | Town                |                |              | county = ${name} |
|        | end repeat      |          |                  |                     |                |              |               |
|        | note            | thanks   | 谢谢 ${head}     | Thanks ${head}      |                |              |               |
| choices |
|        | list_name | name | label::中文 (zh) | label::English (en) | county |
|        | town      | t1   | 星马镇           | Xingma              | c1     |
| settings |
|        | form_title | form_id | version | default_language |
|        | 走访       | visit   | 7       | 中文 (zh)        |
"""


def compiled(table: str) -> Form:
    return parse_form(compile_form(table).xform)


def survey(rows: str) -> str:
    return f"| survey |\n| | type | name | label | relevant | calculation |\n{rows}"


def test_compile_names_the_form__ok() -> None:
    result = compile_form(FORM)
    assert (result.form_id, result.version, result.title) == ("visit", "7", "走访")


def test_definition__ok() -> None:
    form = compiled(FORM)
    assert form.languages == ("中文 (zh)", "English (en)")
    assert form.default_language == "中文 (zh)"
    assert form.language("en") == "English (en)"
    assert form.language("fr") == "中文 (zh)"
    assert [q.type for q in form.questions()] == ["text", "integer", "text", "select_one", "note"]
    repeat = next(item for item in form.body if isinstance(item, Repeat))
    assert repeat.fixed
    assert repeat.count is not None
    assert repeat.field.ref == "/data/member"


def test_static_and_filtered_choices_are_told_apart__ok() -> None:
    form = compiled(FORM)
    town = form.fields[("data", "member", "town")].question
    assert town is not None and town.itemset is not None
    assert town.itemset.static is False
    assert town.itemset.itext_column == "itextId"


def test_external_lists_are_named__ok() -> None:
    form = compiled(
        "| survey |\n| | type | name | label |\n| | select_one_from_file villages.csv | village | Village |\n"
    )
    assert form.externals == {"villages": "villages"}


def test_unknown_question_type__error() -> None:
    with pytest.raises(Problem) as raised:
        compile_form("| survey |\n| | type | name | label |\n| | text | a | A |\n| | telepathy | b | B |\n")
    assert raised.value.code.startswith("questionnaire.")
    assert "telepathy" in raised.value.message("zh")


def test_unnamed_question_names_its_row__error() -> None:
    with pytest.raises(Problem) as raised:
        compile_form("| survey |\n| | type | name | label |\n| | text | a | A |\n| | text | | B |\n")
    assert raised.value.code == "questionnaire.not_compiled"
    assert raised.value.facts["row"] == "3"
    assert raised.value.facts["sheet"] == "survey"


def test_workbook_that_is_none__error() -> None:
    with pytest.raises(Problem) as raised:
        compile_form(b"\xd0\xcf\x11\xe0 not a workbook", file_type=".xlsx")
    assert raised.value.code.startswith("questionnaire.")


def test_other_file_type__error() -> None:
    with pytest.raises(Problem) as raised:
        compile_form(b"", file_type=".docx")
    assert raised.value.code == "questionnaire.file_type"


def test_unknown_function_names_the_question__error() -> None:
    with pytest.raises(Problem) as raised:
        compiled(survey("| | text | a | A | | |\n| | calculate | b | | | explode(${a}) |\n"))
    assert raised.value.code == "questionnaire.unknown_function"
    assert raised.value.facts["question"] == "/data/b"


def test_unreadable_expression_names_the_question__error() -> None:
    with pytest.raises(Problem) as raised:
        compiled(survey("| | text | a | A | 1 + | |\n"))
    assert raised.value.code == "questionnaire.bad_expression"
    assert raised.value.facts["question"] == "/data/a"


def test_calculations_in_a_circle__error() -> None:
    with pytest.raises(Problem) as raised:
        compiled(
            survey(
                "| | calculate | a | | | ${c} + 1 |\n| | calculate | b | | | ${a} + 1 |\n| | calculate | c | | | ${b} |\n"
            )
        )
    assert raised.value.code == "questionnaire.cycle"
    for name in ("/data/a", "/data/b", "/data/c"):
        assert name in str(raised.value.facts["questions"])


def test_relevance_that_hides_its_own_condition__error() -> None:
    with pytest.raises(Problem) as raised:
        compiled(survey("| | text | a | A | ${b} = 'x' | |\n| | text | b | B | ${a} = 'x' | |\n"))
    assert raised.value.code == "questionnaire.cycle"


def test_control_without_node__error() -> None:
    xform = compile_form(survey("| | text | a | A | | |\n")).xform.replace(
        'input ref="/data/a"', 'input ref="/data/z"'
    )
    with pytest.raises(Problem) as raised:
        parse_form(xform)
    assert raised.value.code == "questionnaire.missing_node"
    assert raised.value.facts["ref"] == "/data/z"


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        ("<a><b></a>", "questionnaire.malformed_xml"),
        ("<a>\x00</a>", "questionnaire.malformed_xml"),
        ("", "questionnaire.malformed_xml"),
        ("<p:a/>", "questionnaire.malformed_xml"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "questionnaire.forbidden_xml"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "questionnaire.forbidden_xml"),
        ("<a>" * 500 + "</a>" * 500, "questionnaire.too_deep"),
    ],
)
def test_hostile_xml__error(xml: str, code: str) -> None:
    with pytest.raises(Problem) as raised:
        parse(xml)
    assert raised.value.code == code


def test_serialised_text_reads_back__ok() -> None:
    source = '<a xmlns:p="urn:p" p:k="1 &lt; &quot;2&quot;"><b>x &amp; &lt;y&gt;</b><p:c/></a>'
    assert serialise(parse(serialise(parse(source)))) == serialise(parse(source))
    assert parse(source).elements()[0].elements("b")[0].text() == "x & <y>"
