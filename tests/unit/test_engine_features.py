"""What a form can ask of the engine, one feature a test. https://xlsform.org/en/ref-table/, https://getodk.github.io/xforms-spec/"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from survey.questionnaires.engine import Context, Instance, ListInstance
from survey.questionnaires.xform import parse_form
from survey.questionnaires.xlsform import compile_form

MORNING = datetime(2026, 3, 5, 1, 0, tzinfo=UTC)
HEADER = (
    '<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"'
    ' xmlns:jr="http://openrosa.org/javarosa" xmlns:odk="http://www.opendatakit.org/xforms"><h:head><h:title>t</h:title>'
)


def opened(md: str, context: Context | None = None, **prefill: str) -> Instance:
    form = parse_form(compile_form(md).xform)
    return Instance.new(form, context or Context(now=lambda: MORNING), prefill=prefill)


def built(model: str, body: str, context: Context | None = None) -> Instance:
    xform = f"{HEADER}<model>{model}</model></h:head><h:body>{body}</h:body></h:html>"
    return Instance.new(parse_form(xform), context or Context(now=lambda: MORNING))


def test_or_other_asks_for_the_other() -> None:
    instance = opened(
        "| survey |\n| | type | name | label |\n| | select_one k or_other | kind | Kind |\n"
        "| choices |\n| | list_name | name | label |\n| | k | a | A |\n"
    )
    assert [c.value for c in instance.choices("/data/kind")] == ["a", "other"]
    assert not instance.is_relevant("/data/kind_other")
    instance.answer("/data/kind", "other")
    assert instance.is_relevant("/data/kind_other")
    instance.answer("/data/kind_other", "路灯")
    assert "<kind_other>路灯</kind_other>" in instance.to_xml(final=True)


def test_metadata_is_preloaded_once() -> None:
    context = Context(
        now=lambda: MORNING,
        username="wang",
        device_id="minqing:7",
        email="w@x.cn",
        phone_number="13800000000",
    )
    instance = opened(
        "| survey |\n| | type | name | label |\n| | start | start | |\n| | end | end | |\n| | today | today | |\n"
        "| | deviceid | device | |\n| | username | user | |\n| | email | email | |\n| | phonenumber | phone | |\n"
        "| | text | q | Q |\n",
        context,
    )
    values = {
        name: instance.value(f"/data/{name}")
        for name in ("start", "today", "device", "user", "email", "phone")
    }
    assert values == {
        "start": "2026-03-05T09:00:00.000+08:00",
        "today": "2026-03-05",
        "device": "minqing:7",
        "user": "wang",
        "email": "w@x.cn",
        "phone": "13800000000",
    }
    assert instance.value("/data/end") == ""
    later = Context(now=lambda: datetime(2026, 3, 6, 1, 0, tzinfo=UTC), username="li")
    again = Instance.load(instance.form, instance.to_xml(final=True), later)
    assert again.value("/data/user") == "wang"
    assert again.value("/data/start") == "2026-03-05T09:00:00.000+08:00"
    assert again.value("/data/end") == "2026-03-05T09:00:00.000+08:00"


PLACE = (
    '<instance><data id="d"><at/><q/><seen/><m jr:template=""><here/></m></data></instance>'
    '<odk:setgeopoint event="odk-instance-first-load" ref="/data/at"/>'
)
PLACE_BODY = (
    '<input ref="/data/q"><odk:setgeopoint event="xforms-value-changed" ref="/data/seen"/></input>'
    '<repeat nodeset="/data/m"><odk:setgeopoint event="odk-new-repeat" ref="/data/m/here"/><input ref="/data/m/here"/></repeat>'
)


def test_the_place_is_set_by_events() -> None:
    places = iter(["31.9 107.1 0 5", "31.8 107.2 0 5", "31.7 107.3 0 5"])
    instance = built(PLACE, PLACE_BODY, Context(now=lambda: MORNING, place=lambda: next(places)))
    assert instance.value("/data/at") == "31.9 107.1 0 5"
    instance.answer("/data/q", "x")
    assert instance.value("/data/seen") == "31.8 107.2 0 5"
    instance.add_repeat("/data/m")
    assert instance.value("/data/m[1]/here") == "31.7 107.3 0 5"


def test_no_place_leaves_it_empty_and_a_foreign_action_does_nothing() -> None:
    assert built(PLACE, PLACE_BODY).value("/data/at") == ""
    foreign = PLACE.replace("odk:setgeopoint", "setgeopoint")
    assert built(foreign, PLACE_BODY, Context(place=lambda: "1 1")).value("/data/at") == ""


def test_an_attribute_set_by_an_action_is_read_back() -> None:
    instance = built(
        '<instance><data id="d"><q kind=""/></data></instance>'
        '<setvalue event="odk-instance-first-load" ref="/data/q/@kind" value="3 + 4"/>',
        '<input ref="/data/q"/>',
    )
    assert instance.value("/data/q/@kind") == "7"
    assert Instance.load(instance.form, instance.to_xml(), instance.context).value("/data/q/@kind") == "7"


@pytest.mark.parametrize(
    ("calculation", "expected"),
    [
        ("count(/data/m[a &gt; 1])", ["2", "2"]),
        ("count(../../m[a &gt; 1])", ["2", "2"]),
        ("count((/data/m)[a &gt; 1])", ["2", "2"]),
        ("sum(/data/m[a &gt; 1 and a &lt; 5]/a)", ["3", "3"]),
        ("/data/m[position() = last()]/a", ["5", "5"]),
        ("../preceding-sibling::m[1]/a", ["", "3"]),
        ("count(/data/m[a = current()/../a])", ["1", "1"]),
    ],
)
def test_what_a_predicate_looks_at_in_other_instances_is_followed(
    calculation: str, expected: list[str]
) -> None:
    instance = built(
        '<instance><data id="d"><m><a/><k/></m><m><a/><k/></m></data></instance>'
        f'<bind nodeset="/data/m/a" type="int"/><bind nodeset="/data/m/k" calculate="{calculation}"/>',
        '<repeat nodeset="/data/m"><input ref="/data/m/a"/></repeat>',
    )
    instance.answer("/data/m[1]/a", "3")
    instance.answer("/data/m[2]/a", "5")
    assert [instance.value(f"/data/m[{at}]/k") for at in (1, 2)] == expected


def test_repeats_inside_repeats_are_counted_and_summed() -> None:
    instance = opened(
        "| survey |\n| | type | name | label | repeat_count | calculation |\n"
        "| | begin_repeat | house | House | | |\n| | integer | people | People | | |\n"
        "| | begin_repeat | person | Person | ${people} | |\n| | integer | age | Age | | |\n"
        "| | calculate | place | | | concat(position(../..), '.', position(..)) |\n| | end_repeat | person | | | |\n"
        "| | calculate | ages | | | sum(${age}) |\n| | end_repeat | house | | | |\n"
        "| | calculate | everybody | | | count(${person}) |\n"
    )
    instance.answer("/data/house[1]/people", "2")
    instance.add_repeat("/data/house")
    instance.answer("/data/house[2]/people", "3")
    instance.answer("/data/house[2]/person[3]/age", "30")
    instance.answer("/data/house[2]/person[1]/age", "12")
    instance.answer("/data/house[2]/person[2]/age", "0")
    assert instance.value("/data/house[2]/ages") == "42"
    assert instance.value("/data/house[2]/person[3]/place") == "2.3"
    assert instance.value("/data/everybody") == "5"
    instance.remove_repeat("/data/house[1]")
    assert instance.value("/data/house[1]/person[3]/place") == "1.3"
    assert instance.value("/data/everybody") == "3"


VILLAGES = ListInstance(
    [
        {"name": "v1", "id": "v1", "label": "杏马村", "title": "杏马村", "town": "t1", "people": "812"},
        {"name": "v2", "id": "v2", "label": "石桥村", "title": "石桥村", "town": "t1", "people": "640"},
        {"name": "v3", "id": "v3", "label": "柏林村", "title": "柏林村", "town": "t2", "people": "77"},
    ]
)


@pytest.mark.parametrize("file", ["villages.csv", "villages.xml", "villages.geojson"])
def test_choices_come_from_a_list_outside(file: str) -> None:
    instance = opened(
        "| survey |\n| | type | name | label | choice_filter | calculation |\n"
        f"| | select_one_from_file {file} | village | Village | people > 100 | |\n"
        "| | calculate | people | | | instance('villages')/root/item[name = ${village}]/people |\n"
        "| | calculate | shown | | | jr:choice-name(${village}, '${village}') |\n",
        Context(now=lambda: MORNING, lists={"villages": VILLAGES}),
    )
    assert [c.label for c in instance.choices("/data/village")] == ["杏马村", "石桥村"]
    instance.answer("/data/village", "v2")
    assert (instance.value("/data/people"), instance.value("/data/shown")) == ("640", "石桥村")
    instance.answer("/data/village", "v3")
    assert [e.kind for e in instance.errors()] == ["choice"]


def test_a_list_that_is_not_there_is_empty() -> None:
    instance = opened(
        "| survey |\n| | type | name | label |\n| | select_one_from_file villages.csv | village | Village |\n"
    )
    assert instance.choices("/data/village") == ()


def test_pulldata_looks_up_and_follows_the_key() -> None:
    instance = opened(
        "| survey |\n| | type | name | label | calculation |\n| | text | code | Code | |\n"
        "| | calculate | name | | pulldata('villages', 'label', 'name', ${code}) |\n",
        Context(now=lambda: MORNING, lists={"villages": VILLAGES}),
    )
    instance.answer("/data/code", "v3")
    assert instance.value("/data/name") == "柏林村"
    instance.answer("/data/code", "none")
    assert instance.value("/data/name") == ""


ENTITY = (
    "| survey |\n| | type | name | label | save_to |\n"
    "| | select_one_from_file wells.csv | well | Well | |\n| | integer | depth | Depth | depth |\n"
    "| entities |\n| | list_name | entity_id | label | update_if |\n"
    "| | wells | ${well} | concat('Well ', ${well}) | ${depth} > 0 |\n"
)


def test_an_update_names_the_version_it_was_made_from() -> None:
    wells = ListInstance([{"name": "w1", "label": "Old", "__version": "4", "depth": "3"}])
    instance = opened(ENTITY, Context(now=lambda: MORNING, lists={"wells": wells}))
    instance.answer("/data/well", "w1")
    assert instance.entities() == ()
    instance.answer("/data/depth", "9")
    (row,) = instance.entities()
    assert (row.list_name, row.action, row.entity_id, row.base_version, row.label, dict(row.properties)) == (
        "wells",
        "update",
        "w1",
        "4",
        "Well w1",
        {"depth": "9"},
    )
    newer = ListInstance([{"name": "w1", "label": "Old", "__version": "5", "depth": "7"}])
    received = Instance.load(instance.form, instance.to_xml(final=True), Context(lists={"wells": newer}))
    assert received.entities()[0].base_version == "4", "what the person saw, not what is there now"


def test_a_static_and_a_dynamic_default_stay_what_the_person_makes_of_them() -> None:
    instance = opened(
        "| survey |\n| | type | name | label | default |\n| | integer | a | A | 3 |\n| | date | b | B | today() |\n"
        "| | integer | c | C | ${a} * 2 |\n"
    )
    assert [instance.value(f"/data/{name}") for name in "abc"] == ["3", "2026-03-05", "6"]
    instance.answer("/data/a", "10")
    assert instance.value("/data/c") == "6"


def test_required_and_constraint_speak_the_language_in_use() -> None:
    md = (
        "| survey |\n| | type | name | label::中文 (zh) | label::English (en) | required | required_message::中文 (zh) |"
        " required_message::English (en) | constraint | constraint_message::中文 (zh) | constraint_message::English (en) |\n"
        "| | integer | age | 年龄 | Age | yes | 请填年龄 | Age, please | . < 120 | 太大：${age} | Too old: ${age} |\n"
    )
    for language, missing, wrong in (("zh", "请填年龄", "太大：130"), ("en", "Age, please", "Too old: 130")):
        instance = opened(md, Context(language=language, now=lambda: MORNING))
        assert [e.message for e in instance.errors()] == [missing]
        instance.answer("/data/age", "130")
        assert [e.message for e in instance.errors()] == [wrong]


def test_readonly_is_inherited_and_follows_answers() -> None:
    instance = built(
        '<instance><data id="d"><lock/><g><a/></g></data></instance><bind nodeset="/data/g" readonly="/data/lock = 1"/>',
        '<input ref="/data/lock"/><group ref="/data/g"><input ref="/data/g/a"/></group>',
    )
    assert not instance.is_readonly("/data/g/a")
    instance.answer("/data/lock", "1")
    assert instance.is_readonly("/data/g/a")


def test_choices_are_drawn_in_a_seeded_order() -> None:
    rows = "".join(f"| | k | c{n} | C{n} |\n" for n in range(9))
    md = (
        "| survey |\n| | type | name | label | parameters |\n| | select_one k | a | A | randomize=true, seed=7 |\n"
        "| | select_one k | b | B | randomize=true, seed=7 |\n| choices |\n| | list_name | name | label |\n"
        + rows
    )
    instance = opened(md)
    first = [c.value for c in instance.choices("/data/a")]
    assert first == [c.value for c in instance.choices("/data/b")]
    assert first != sorted(first)
    assert sorted(first) == [f"c{n}" for n in range(9)]
