"""Any sequence of answers: recomputing a part equals computing everything, and what is written reads back."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from survey.problems import Problem
from survey.questionnaires.engine import Context, Instance
from survey.questionnaires.tree import parse
from survey.questionnaires.xform import parse_form
from survey.questionnaires.xlsform import compile_form
from survey.questionnaires.xpath import Scope, XPathError, compile_xpath

FORM = parse_form(
    compile_form(
        """
| survey |
|  | type              | name  | label | relevant        | calculation                                | constraint | repeat_count |
|  | integer           | a     | A     |                 |                                            | . < 50     |              |
|  | text              | b     | B     | ${a} > 3        |                                            |            |              |
|  | begin group       | g     | G     | ${b} != ''      |                                            |            |              |
|  | select_one yn     | c     | C     |                 |                                            |            |              |
|  | calculate         | d     |       |                 | concat(${c}, ${b})                         |            |              |
|  | end group         |       |       |                 |                                            |            |              |
|  | begin repeat      | r     | R     |                 |                                            |            |              |
|  | integer           | n     | N     | ${c} != 'no'    |                                            |            |              |
|  | calculate         | m     |       |                 | if(${n} != '', ${n} * position(..), 0)     |            |              |
|  | end repeat        |       |       |                 |                                            |            |              |
|  | begin repeat      | k     | K     |                 |                                            |            | ${a} mod 4   |
|  | text              | t     | T     | ${d} != ''      |                                            |            |              |
|  | end repeat        |       |       |                 |                                            |            |              |
|  | calculate         | total |       |                 | sum(${m}) + count(${k})                    |            |              |
|  | text              | last  | Last  | ${total} > 5    |                                            |            |              |
| choices |
|  | list_name | name | label |
|  | yn        | yes  | Yes   |
|  | yn        | no   | No    |
"""
    ).xform
)
CONTEXT = Context(now=lambda: datetime(2026, 3, 5, tzinfo=UTC))

WRITABLE = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"),
    max_size=8,
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("/data/a"), st.integers(-5, 60).map(str) | WRITABLE),
        st.tuples(st.sampled_from(["/data/b", "/data/last", "/data/k[1]/t", "/data/k[2]/t"]), WRITABLE),
        st.tuples(st.just("/data/g/c"), st.sampled_from(["yes", "no", "", "perhaps"])),
        st.tuples(
            st.sampled_from(["/data/r[1]/n", "/data/r[2]/n", "/data/r[3]/n"]), st.integers(0, 9).map(str)
        ),
        st.tuples(st.sampled_from(["add", "remove 1", "remove 2"]), st.just("")),
    ),
    max_size=25,
)


def fill(steps: list[tuple[str, str]]) -> Instance:
    instance = Instance.new(FORM, CONTEXT, instance_id="uuid:1")
    for ref, value in steps:
        try:
            if ref == "add":
                instance.add_repeat("/data/r")
            elif ref.startswith("remove"):
                instance.remove_repeat(f"/data/r[{ref[-1]}]")
            else:
                instance.answer(ref, value)
        except Problem as problem:
            assert problem.code == "questionnaire.unknown_question", problem
    return instance


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_recomputing_a_part_equals_computing_everything__ok(steps: list[tuple[str, str]]) -> None:
    instance = fill(steps)
    anew = Instance.load(FORM, instance.to_xml(), CONTEXT)
    assert anew.to_xml() == instance.to_xml()
    assert anew.to_xml(final=True) == instance.to_xml(final=True)
    assert anew.errors() == instance.errors()
    assert anew.items() == instance.items()


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_a_final_filling_is_a_fixed_point__ok(steps: list[tuple[str, str]]) -> None:
    final = fill(steps).to_xml(final=True)
    assert Instance.load(FORM, final, CONTEXT).to_xml(final=True) == final


@settings(max_examples=300, deadline=None)
@given(st.text("0123456789.+-*/=<>!()[]'\", |@:$abcdivmodor", max_size=30))
def test_any_text_compiles_or_is_refused__ok(source: str) -> None:
    document = parse("<data><a>1</a></data>")
    try:
        compile_xpath(source).value(Scope(document), document)
    except XPathError as error:
        assert str(error)


@settings(max_examples=200, deadline=None)
@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_arithmetic_agrees_with_python__ok(a: int, b: int) -> None:
    document = parse(f"<data><a>{a}</a><b>{b}</b></data>")
    scope = Scope(document)
    assert compile_xpath("/data/a + /data/b * 2").number(scope, document) == a + b * 2
    assert compile_xpath("/data/a < /data/b").boolean(scope, document) is (a < b)
