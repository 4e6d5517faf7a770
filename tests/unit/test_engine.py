"""Running a form: relevance, calculation, repeats, checks, entities, reading back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from survey.problems import Problem
from survey.questionnaires.engine import Context, Instance, ItemView, ListInstance, QuestionView
from survey.questionnaires.views import GroupView, RepeatView
from survey.questionnaires.xform import Form, parse_form
from survey.questionnaires.xlsform import compile_form

VISIT = """
| survey   |
|          | type                | name         | label::中文 (zh) | label::English (en) | required | relevant         | constraint | constraint_message::中文 (zh) | constraint_message::English (en) | calculation                  | default | repeat_count | choice_filter    | save_to           | trigger |
|          | start               | start        |                  |                     |          |                  |            |                               |                                  |                              |         |              |                  |                   |         |
|          | username            | username     |                  |                     |          |                  |            |                               |                                  |                              |         |              |                  |                   |         |
|          | hidden              | household_id |                  |                     |          |                  |            |                               |                                  |                              |         |              |                  |                   |         |
|          | date                | visited_on   | 走访日期         | Visited on          | yes      |                  | . <= today() | 日期不能晚于今天            | Not in the future                |                              | today() |              |                  |                   |         |
|          | text                | head         | 户主             | Head                | yes      |                  |            |                               |                                  | instance('households')/root/item[name = ${household_id}]/head | | | | households#head_name | |
|          | select_one yes_no   | difficulty   | 是否有困难       | Any difficulty      | yes      |                  |            |                               |                                  |                              |         |              |                  |                   |         |
|          | begin group         | about        | 困难情况         | Difficulties        |          | ${difficulty} = 'yes' |       |                               |                                  |                              |         |              |                  |                   |         |
|          | select_multiple kinds | kinds      | 困难类型         | Kinds               | yes      |                  | count-selected(.) <= 2 | 最多选两项        | Two at most                      |                              |         |              |                  |                   |         |
|          | integer             | severity     | 严重程度（${head}） | Severity (${head}) |          |                  | . > 0 and . < 6 |                          |                                  |                              |         |              |                  |                   |         |
|          | end group           |              |                  |                     |          |                  |            |                               |                                  |                              |         |              |                  |                   |         |
|          | select_one county   | county       | 县               | County              |          |                  |            |                               |                                  |                              |         |              |                  |                   |         |
|          | select_one town     | town         | 镇               | Town                |          |                  |            |                               |                                  |                              |         |              | county = ${county} |                 |         |
|          | begin repeat        | request      | 诉求             | Request             |          |                  |            |                               |                                  |                              |         |              |                  |                   |         |
|          | text                | words        | 内容             | Words               | yes      |                  |            |                               |                                  |                              |         |              |                  | cases#title       |         |
|          | integer             | people       | 人数             | People              |          |                  |            |                               |                                  |                              |         |              |                  | cases#people      |         |
|          | calculate           | line         |                  |                     |          |                  |            |                               |                                  | concat(position(..), '. ', ${words}) |  |              |                  |                   |         |
|          | calculate           | noted        |                  |                     |          |                  |            |                               |                                  | now()                        |         |              |                  |                   | ${words} |
|          | end repeat          |              |                  |                     |          |                  |            |                               |                                  |                              |         |              |                  |                   |         |
|          | calculate           | affected     |                  |                     |          |                  |            |                               |                                  | sum(${people})               |         |              |                  |                   |         |
|          | integer             | members      | 家庭人口         | Members             |          |                  |            |                               |                                  |                              |         |              |                  |                   |         |
|          | begin repeat        | member       | 成员             | Member              |          |                  |            |                               |                                  |                              |         | ${members}   |                  |                   |         |
|          | text                | name         | 姓名             | Name                |          |                  |            |                               |                                  |                              |         |              |                  |                   |         |
|          | end repeat          |              |                  |                     |          |                  |            |                               |                                  |                              |         |              |                  |                   |         |
|          | note                | summary      | 共 ${affected} 人 | ${affected} people  |          |                  |            |                               |                                  |                              |         |              |                  |                   |         |
| choices  |
|          | list_name | name   | label::中文 (zh) | label::English (en) | county |
|          | yes_no    | yes    | 是     | Yes     |    |
|          | yes_no    | no     | 否     | No      |    |
|          | kinds     | road   | 行路难 | Road    |    |
|          | kinds     | water  | 饮水难 | Water   |    |
|          | kinds     | health | 就医难 | Health  |    |
|          | county    | c1     | 平昌县 | Pingchang |  |
|          | county    | c2     | 通江县 | Tongjiang |  |
|          | town      | t1     | 星马镇 | Xingma  | c1 |
|          | town      | t2     | 白衣镇 | Baiyi   | c1 |
|          | town      | t3     | 诺水河镇 | Nuoshuihe | c2 |
| settings |
|          | form_title | form_id | version | default_language |
|          | 入户走访   | visit   | 1       | 中文 (zh)        |
| entities |
|          | list_name  | entity_id        | label     | update_if               | create_if | repeat      |
|          | households | ${household_id}  | ${head}   | ${household_id} != ''   |           |             |
|          | cases      |                  | ${words}  |                         | ${words} != '' | ${request} |
"""

HOUSEHOLDS = (
    {"name": "h1", "head": "李四", "__version": "3"},
    {"name": "h2", "head": "王五", "__version": "1"},
)
MORNING = datetime(2026, 3, 5, 1, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def form() -> Form:
    return parse_form(compile_form(VISIT).xform)


@pytest.fixture
def context() -> Context:
    return Context(now=lambda: MORNING, username="wang", lists={"households": HOUSEHOLDS})


@pytest.fixture
def visit(form: Form, context: Context) -> Instance:
    return Instance.new(form, context, prefill={"household_id": "h1"})


def questions(items: tuple[ItemView, ...]) -> Iterator[QuestionView]:
    for item in items:
        if isinstance(item, QuestionView):
            yield item
        elif isinstance(item, GroupView):
            yield from questions(item.children)
        else:
            for instance in item.instances:
                yield from questions(instance.children)


def shown(instance: Instance) -> dict[str, QuestionView]:
    return {q.ref: q for q in questions(instance.items())}


def small(
    rows: str, head: str = "type | name | label | relevant | calculation | constraint | default | trigger"
) -> Instance:
    return Instance.new(
        parse_form(compile_form(f"| survey |\n| | {head} |\n{rows}").xform), Context(now=lambda: MORNING)
    )


def test_new_fills_metadata_defaults_and_prefill__ok(visit: Instance) -> None:
    assert visit.value("/data/start") == "2026-03-05T09:00:00.000+08:00"
    assert visit.value("/data/username") == "wang"
    assert visit.value("/data/visited_on") == "2026-03-05"
    assert visit.value("/data/head") == "李四"
    assert visit.instance_id.startswith("uuid:")


def test_new_takes_a_given_instance_id__ok(form: Form, context: Context) -> None:
    assert Instance.new(form, context, instance_id="uuid:1").instance_id == "uuid:1"


def test_prefill_of_unknown_question__error(form: Form, context: Context) -> None:
    with pytest.raises(Problem) as raised:
        Instance.new(form, context, prefill={"nowhere": "x"})
    assert raised.value.code == "questionnaire.unknown_question"


def test_relevance_is_inherited_and_answers_are_kept__ok(visit: Instance) -> None:
    assert "/data/about/kinds" not in shown(visit)
    visit.answer("/data/difficulty", "yes")
    visit.answer("/data/about/kinds", "road")
    assert shown(visit)["/data/about/kinds"].value == "road"
    visit.answer("/data/difficulty", "no")
    assert "<kinds>" not in visit.to_xml(final=True)
    assert "<kinds>road</kinds>" in visit.to_xml()
    assert visit.value("/data/about/kinds") == ""
    visit.answer("/data/difficulty", "yes")
    assert visit.value("/data/about/kinds") == "road"


def test_labels_hold_answers_in_the_language_in_use__ok(
    form: Form, context: Context, visit: Instance
) -> None:
    visit.answer("/data/difficulty", "yes")
    assert shown(visit)["/data/about/severity"].label == "严重程度（李四）"
    english = Instance.new(form, replace(context, language="en"), prefill={"household_id": "h2"})
    english.answer("/data/difficulty", "yes")
    assert shown(english)["/data/about/severity"].label == "Severity (王五)"


def test_choices_follow_the_answer_above__ok(visit: Instance) -> None:
    assert shown(visit)["/data/town"].choices == ()
    visit.answer("/data/county", "c1")
    assert [c.label for c in shown(visit)["/data/town"].choices] == ["星马镇", "白衣镇"]
    visit.answer("/data/town", "t1")
    visit.answer("/data/county", "c2")
    assert visit.value("/data/town") == ""
    assert [c.label for c in shown(visit)["/data/town"].choices] == ["诺水河镇"]


def test_a_received_answer_outside_the_choices_is_kept_and_told__error(visit: Instance) -> None:
    visit.answer("/data/county", "c1")
    visit.answer("/data/town", "t1")
    received = visit.to_xml().replace("<county>c1</county>", "<county>c2</county>")
    reread = Instance.load(visit.form, received, visit.context)
    assert reread.value("/data/town") == "t1"
    assert [(e.ref, e.kind) for e in reread.errors() if e.ref == "/data/town"] == [("/data/town", "choice")]


def test_choices_may_exclude_each_other__ok() -> None:
    form = parse_form(
        compile_form(
            "| survey |\n| | type | name | label | choice_filter |\n"
            "| | select_one k | first | First | name != ${second} |\n"
            "| | select_one k | second | Second | name != ${first} |\n"
            "| choices |\n| | list_name | name | label |\n| | k | a | A |\n| | k | b | B |\n"
        ).xform
    )
    instance = Instance.new(form, Context(now=lambda: MORNING))
    instance.answer("/data/first", "a")
    assert [c.value for c in instance.choices("/data/second")] == ["b"]
    instance.answer("/data/second", "b")
    assert instance.errors() == ()
    assert (instance.value("/data/first"), instance.value("/data/second")) == ("a", "b")


def test_a_selection_loses_only_what_is_no_choice_any_more__ok() -> None:
    form = parse_form(
        compile_form(
            "| survey |\n| | type | name | label | choice_filter |\n"
            "| | select_multiple town | towns | Towns | |\n"
            "| | select_multiple village | villages | Villages | selected(${towns}, town) |\n"
            "| | rank village | order | Order | selected(${villages}, name) |\n"
            "| choices |\n| | list_name | name | label | town |\n| | town | t1 | T1 | |\n| | town | t2 | T2 | |\n"
            "| | village | v1 | V1 | t1 |\n| | village | v2 | V2 | t2 |\n| | village | v3 | V3 | t2 |\n"
        ).xform
    )
    instance = Instance.new(form, Context(now=lambda: MORNING))
    instance.answer("/data/towns", "t1 t2")
    instance.answer("/data/villages", "v1 v2 v3")
    instance.answer("/data/order", "v3 v1")
    assert [(e.ref, e.message) for e in instance.errors()] == [("/data/order", "请给每一个选项排序。")]
    instance.answer("/data/order", "v3 v1 v2")
    assert instance.errors() == ()
    instance.answer("/data/towns", "t2")
    assert instance.value("/data/villages") == "v2 v3"
    assert instance.accepted_value("/data/order") == "v3 v2"
    instance.answer("/data/towns", "t1 t2")
    instance.answer("/data/villages", "v1 v2 v3")
    assert instance.accepted_value("/data/order") == "v3 v1 v2"


def test_a_message_found_by_a_computed_name_holds_answers__ok() -> None:
    xform = """<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"
    xmlns:jr="http://openrosa.org/javarosa"><h:head><h:title>t</h:title><model>
    <itext><translation lang="zh"><text id="age:wrong"><value><output value="/data/name"/>不满 18 岁</value></text>
    </translation></itext><instance><data id="d"><name/><age/></data></instance>
    <bind nodeset="/data/age" type="int" constraint=". &gt;= 18" jr:constraintMsg="jr:itext(concat('age:', 'wrong'))"/>
    </model></h:head><h:body><input ref="/data/name"/><input ref="/data/age"/></h:body></h:html>"""
    instance = Instance.new(parse_form(xform), Context(now=lambda: MORNING))
    instance.answer("/data/name", "李四")
    instance.answer("/data/age", "9")
    assert [e.message for e in instance.errors()] == ["李四不满 18 岁"]


def test_whether_a_value_would_do_is_asked_without_answering__ok(visit: Instance) -> None:
    visit.answer("/data/difficulty", "yes")
    assert visit.would_accept("/data/about/severity", "3")
    assert not visit.would_accept("/data/about/severity", "9")
    assert not visit.would_accept("/data/about/kinds", "moon")
    assert visit.value("/data/about/severity") == ""
    assert visit.repeat_count("/data/member") == 0
    assert visit.values_at(("data", "difficulty")) == ("yes",)
    assert visit.data_type("/data/visited_on") == "date"


def test_errors_name_question_kind_and_message__ok(form: Form, context: Context) -> None:
    visit = Instance.new(form, context)
    visit.answer("/data/visited_on", "2026-03-06")
    visit.answer("/data/difficulty", "yes")
    visit.answer("/data/about/kinds", "road water health")
    visit.answer("/data/about/severity", "abc")
    found = {e.ref: (e.kind, e.message) for e in visit.errors()}
    assert found["/data/visited_on"] == ("constraint", "日期不能晚于今天")
    assert found["/data/about/kinds"] == ("constraint", "最多选两项")
    assert found["/data/about/severity"] == ("type", "请填写整数。")
    assert found["/data/head"][0] == "required"
    visit.answer("/data/about/severity", "9")
    assert shown(visit)["/data/about/severity"].error == "填写的内容不符合要求。"
    visit.answer("/data/about/kinds", "road moon")
    assert {e.ref: e.kind for e in visit.errors()}["/data/about/kinds"] == "choice"


def test_repeats_grow_shrink_and_recalculate__ok(visit: Instance) -> None:
    visit.answer("/data/request[1]/words", "修路")
    visit.answer("/data/request[1]/people", "40")
    assert visit.add_repeat("/data/request") == "/data/request[2]"
    visit.answer("/data/request[2]/words", "饮水")
    visit.answer("/data/request[2]/people", "12")
    assert visit.value("/data/affected") == "52"
    assert visit.value("/data/request[2]/line") == "2. 饮水"
    assert shown(visit)["/data/summary"].label == "共 52 人"
    visit.remove_repeat("/data/request[1]")
    assert visit.value("/data/affected") == "12"
    assert visit.value("/data/request[1]/line") == "1. 饮水"


def test_trigger_sets_a_value_in_its_own_repeat_instance__ok(visit: Instance) -> None:
    visit.add_repeat("/data/request")
    visit.answer("/data/request[2]/words", "饮水")
    assert visit.value("/data/request[2]/noted") == "2026-03-05T09:00:00.000+08:00"
    assert visit.value("/data/request[1]/noted") == ""


def test_counted_repeat_follows_its_count__ok(visit: Instance) -> None:
    visit.answer("/data/members", "3")
    visit.answer("/data/member[3]/name", "丙")
    view = next(i for i in visit.items() if isinstance(i, RepeatView) and i.ref == "/data/member")
    assert view.fixed_count
    assert [i.position for i in view.instances] == [1, 2, 3]
    visit.answer("/data/members", "1")
    with pytest.raises(Problem) as raised:
        visit.answer("/data/member[3]/name", "x")
    assert raised.value.code == "questionnaire.unknown_question"
    for change in (lambda: visit.add_repeat("/data/member"), lambda: visit.remove_repeat("/data/member[1]")):
        with pytest.raises(Problem) as raised:
            change()
        assert raised.value.code == "questionnaire.fixed_repeat"


def test_count_beyond_all_bounds_is_capped_and_told__ok(visit: Instance) -> None:
    visit.answer("/data/members", "999999999")
    assert [e.ref for e in visit.errors() if "1000" in e.message] == ["/data/member"]
    visit.answer("/data/members", "2")
    assert not [e for e in visit.errors() if e.ref == "/data/member"]


def test_entities_say_what_is_written__ok(visit: Instance) -> None:
    visit.answer("/data/request[1]/words", "修路")
    visit.add_repeat("/data/request")
    rows = visit.entities()
    assert [(r.list_name, r.action, r.ref, r.repeat_position) for r in rows] == [
        ("cases", "create", "/data/request[1]", 1),
        ("households", "update", "/data", None),
    ]
    case, household = rows
    assert case.label == "修路"
    assert case.properties == {"title": "修路", "people": ""}
    assert len(case.entity_id) == 36
    assert (household.entity_id, household.base_version) == ("h1", "3")
    assert household.properties == {"head_name": "李四"}


def test_entity_ids_differ_between_repeat_instances__ok(visit: Instance) -> None:
    visit.add_repeat("/data/request")
    for at in (1, 2):
        visit.answer(f"/data/request[{at}]/words", "x")
    assert len({r.entity_id for r in visit.entities() if r.list_name == "cases"}) == 2


def test_load_reads_back_what_was_written__ok(form: Form, context: Context, visit: Instance) -> None:
    visit.answer("/data/difficulty", "yes")
    visit.answer("/data/about/kinds", "road")
    visit.answer("/data/request[1]/words", "a < b & c\n第二行")
    xml = visit.to_xml(final=True)
    again = Instance.load(form, xml, context)
    assert again.to_xml(final=True) == xml
    assert again.instance_id == visit.instance_id
    assert again.errors() == visit.errors()
    assert again.entities() == visit.entities()


def test_load_keeps_answers_that_are_not_relevant__ok(form: Form, context: Context, visit: Instance) -> None:
    visit.answer("/data/difficulty", "yes")
    visit.answer("/data/about/kinds", "road")
    visit.answer("/data/difficulty", "no")
    again = Instance.load(form, visit.to_xml(), context)
    again.answer("/data/difficulty", "yes")
    assert again.value("/data/about/kinds") == "road"


def test_load_computes_again_what_the_sender_claims__ok(
    form: Form, context: Context, visit: Instance
) -> None:
    visit.answer("/data/request[1]/people", "40")
    forged = visit.to_xml(final=True).replace("<affected>40<", "<affected>4000<")
    forged = forged.replace('dataset="households"', 'dataset="cases"').replace(">李四<", ">别人<")
    again = Instance.load(form, forged, context)
    assert again.value("/data/affected") == "40"
    assert again.value("/data/head") == "李四"
    assert [r.list_name for r in again.entities()] == ["households"]


def test_load_does_not_open_the_form_anew__ok(form: Form, context: Context, visit: Instance) -> None:
    visit.answer("/data/visited_on", "2026-03-01")
    later = replace(context, now=lambda: datetime(2026, 6, 1, tzinfo=UTC), username="other")
    again = Instance.load(form, visit.to_xml(final=True), later)
    assert again.value("/data/visited_on") == "2026-03-01"
    assert again.value("/data/username") == "wang"
    assert again.value("/data/start") == "2026-03-05T09:00:00.000+08:00"


@pytest.mark.parametrize(
    ("change", "code", "fact"),
    [
        (("<data ", "<other "), "questionnaire.malformed_xml", ""),
        (('id="visit"', 'id="tour"'), "questionnaire.other_form", "tour"),
        (('version="1"', 'version="2"'), "questionnaire.other_version", "2"),
        (("<county/>", "<county/><secret>1</secret>"), "questionnaire.unknown_element", "/data/secret"),
        (("<words/>", "<words/><words/>"), "questionnaire.duplicate_element", "/data/request[1]/words"),
        (
            ("<words/>", "<words><b>x</b></words>"),
            "questionnaire.unknown_element",
            "/data/request[1]/words/b",
        ),
        (("<request>", "<request>loose"), "questionnaire.unexpected_text", "/data/request[1]"),
        (("</data>", ""), "questionnaire.malformed_xml", ""),
    ],
)
def test_load_refuses_what_is_no_filling__error(
    form: Form, context: Context, visit: Instance, change: tuple[str, str], code: str, fact: str
) -> None:
    with pytest.raises(Problem) as raised:
        Instance.load(form, visit.to_xml(final=True).replace(*change), context)
    assert raised.value.code == code
    assert fact in raised.value.message("zh")


@pytest.mark.parametrize(
    ("ref", "code"),
    [
        ("/data/nowhere", "questionnaire.unknown_question"),
        ("/data/about", "questionnaire.unknown_question"),
        ("/data/request[7]/words", "questionnaire.unknown_question"),
        ("/elsewhere/head", "questionnaire.unknown_question"),
        ("/data/affected", "questionnaire.readonly"),
        ("/data/summary", "questionnaire.readonly"),
    ],
)
def test_answer_where_none_belongs__error(visit: Instance, ref: str, code: str) -> None:
    with pytest.raises(Problem) as raised:
        visit.answer(ref, "x")
    assert raised.value.code == code


def test_control_characters__error(visit: Instance) -> None:
    with pytest.raises(Problem) as raised:
        visit.answer("/data/request[1]/words", "a\x00b")
    assert raised.value.code == "questionnaire.unwritable_text"


def test_note_acknowledge_and_types__ok() -> None:
    instance = small(
        "| | note | hello | Hello | | | | | |\n| | acknowledge | ok | Agreed | | | | | |\n| | geopoint | place | Place | | | | | |\n"
    )
    kinds = {q.name: q.type for q in questions(instance.items())}
    assert kinds == {"hello": "note", "ok": "acknowledge", "place": "geopoint"}
    instance.answer("/data/ok", "yes")
    instance.answer("/data/place", "31.2 999")
    assert [(e.ref, e.kind) for e in instance.errors()] == [("/data/ok", "type"), ("/data/place", "type")]
    instance.answer("/data/ok", "OK")
    instance.answer("/data/place", "31.2 107.1 0 5")
    assert instance.errors() == ()


def test_range_is_checked_by_bounds_and_step__ok() -> None:
    instance = small(
        "| | range | score | Score | start=0 end=10 step=2 |\n", head="type | name | label | parameters"
    )
    question = next(questions(instance.items()))
    assert (question.bound("start"), question.bound("end"), question.bound("step")) == (0, 10, 2)
    for value, wrong in (("4", False), ("5", True), ("12", True)):
        instance.answer("/data/score", value)
        assert bool(instance.errors()) is wrong


def test_running_total_over_a_repeat__ok() -> None:
    instance = small(
        "| | begin repeat | row | Row | | | | | |\n"
        "| | integer | n | N | | | | | |\n"
        "| | calculate | before | | | sum(/data/row[position() < position(current()/..)]/n) | | | |\n"
        "| | end repeat | | | | | | | |\n"
    )
    for at, value in enumerate(("5", "7", "9"), 1):
        if at > 1:
            instance.add_repeat("/data/row")
        instance.answer(f"/data/row[{at}]/n", value)
    assert [instance.value(f"/data/row[{at}]/before") for at in (1, 2, 3)] == ["0", "5", "12"]
    instance.remove_repeat("/data/row[1]")
    assert instance.value("/data/row[2]/before") == "7"


def test_failing_expression_names_question__error() -> None:
    with pytest.raises(Problem) as raised:
        small("| | calculate | b | | | uuid(100000) | | | |\n| | text | a | A | | | | | |\n")
    assert raised.value.code == "questionnaire.expression_failed"
    assert raised.value.facts["question"] == "/data/b"


def test_choice_name_and_shared_list__ok() -> None:
    form = parse_form(
        compile_form(
            "| survey |\n| | type | name | label | calculation |\n"
            "| | select_one_from_file villages.csv | village | Village | |\n"
            "| | calculate | shown | | jr:choice-name(${village}, '${village}') |\n"
        ).xform
    )
    villages = ListInstance([{"name": f"v{n}", "label": f"村{n}"} for n in range(8000)])
    instance = Instance.new(form, Context(lists={"villages": villages}))
    instance.answer("/data/village", "v7999")
    assert instance.value("/data/shown") == "村7999"
    started = time.perf_counter()
    instance.errors()
    assert time.perf_counter() - started < 0.1


def test_one_answer_in_a_long_form_is_quick__ok() -> None:
    rows = "| | integer | q0 | Q | | | | | |\n" + "".join(
        f"| | calculate | q{n} | | | ${{q{n - 1}}} + 1 | | | |\n| | text | t{n} | T | ${{q{n}}} > 5 | | | | |\n"
        for n in range(1, 500)
    )
    instance = small(rows)
    started = time.perf_counter()
    instance.answer("/data/q0", "1")
    assert instance.value("/data/q499") == "500"
    assert time.perf_counter() - started < 1
