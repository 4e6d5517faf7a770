"""Every function of the ODK XForms specification, in the order of its table. https://getodk.github.io/xforms-spec/#xpath-functions"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from survey.questionnaires.tree import Node, parse
from survey.questionnaires.xpath import Environment, Scope, compile_xpath
from survey.questionnaires.xpath_values import to_text

FORM = """<data lang="x"><a>12</a><b>well rain</b><c/><d>2026-03-05</d><t>2026-03-05T10:30:15.250+08:00</t>
<m><n>甲</n><p>1 2</p></m><m><n>乙</n><p>1 3</p></m><m><n/><p>1 4</p></m></data>"""


class World(Environment):
    timezone = ZoneInfo("Asia/Shanghai")
    language = "en"
    wells = parse(
        "<instance><root><item id='1'><name>w1</name><label>Old well</label></item>"
        "<item id='2'><name>w2</name><label>New well</label></item></root></instance>"
    ).elements()[0]
    texts = parse("<text><value>Hello</value><value form='image'>h.jpg</value></text>").elements()[0]

    def now(self) -> datetime:
        return datetime(2026, 3, 5, 2, 30, tzinfo=UTC)

    def instance(self, name: str) -> Node | None:
        return self.wells if name == "wells" else None

    def itext(self, identifier: str) -> list[Node]:
        return self.texts.elements("value") if identifier == "greeting" else []

    def choice_name(self, value: str, path: str, node: Node) -> str:
        return f"{path}:{value}"


CASES = {
    "string": [
        ("string(1 div 3)", "0.3333333333333333"),
        ("string(/data/m/n)", "甲"),
        ("string(true())", "true"),
    ],
    "concat": [("concat('a')", "a"), ("concat(/data/m/n, 1, true())", "甲乙1true"), ("concat()", "")],
    "join": [("join(' - ', 'a', /data/m/n)", "a - 甲 - 乙 - "), ("join(',')", "")],
    "substr": [
        ("substr('hello', 1, 3)", "el"),
        ("substr('hello', -3, -1)", "ll"),
        ("substr('hello', 4, 2)", ""),
    ],
    "substring-before": [("substring-before('1999/04', '/')", "1999"), ("substring-before('a', '/')", "")],
    "substring-after": [("substring-after('1999/04', '/')", "04"), ("substring-after('a', '')", "a")],
    "translate": [("translate('bar', 'abc', 'AB')", "BAr"), ("translate('aa', 'aa', 'bc')", "bb")],
    "string-length": [("string-length('村a')", "2"), ("string-length(/data/c)", "0")],
    "normalize-space": [("normalize-space(' a \t\n b ')", "a b")],
    "contains": [
        ("contains('abc', 'b')", "true"),
        ("contains('abc', '')", "true"),
        ("contains('', 'b')", "false"),
    ],
    "starts-with": [("starts-with('abc', 'ab')", "true"), ("starts-with('abc', 'b')", "false")],
    "ends-with": [("ends-with('abc', 'bc')", "true"), ("ends-with('abc', 'abcd')", "false")],
    "uuid": [("string-length(uuid())", "36"), ("string-length(uuid(5))", "5"), ("uuid() = uuid()", "false")],
    "digest": [
        ("digest('abc', 'SHA-1', 'hex')", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("digest('abc', 'MD5')", "kAFQmDzST7DWlj99KOF/cg=="),
        ("string-length(digest('', 'SHA-256', 'hex'))", "64"),
        ("string-length(digest('', 'SHA-384', 'hex'))", "96"),
        ("string-length(digest('', 'SHA-512', 'hex'))", "128"),
    ],
    "base64-decode": [("base64-decode('5p2R')", "村"), ("base64-decode('SGVsbG8=')", "Hello")],
    "pulldata": [
        ("pulldata('wells', 'label', 'name', 'w2')", "New well"),
        ("pulldata('x', 'a', 'b', 'c')", ""),
    ],
    "if": [("if(/data/a > 3, 'many', 'few')", "many"), ("if('', 1, 2)", "2")],
    "coalesce": [("coalesce(/data/c, 'x')", "x"), ("coalesce('', '', 'z')", "z"), ("coalesce('', '')", "")],
    "once": [("once('x')", "12"), ("once(random())", "12")],
    "true": [("true()", "true")],
    "false": [("false()", "false")],
    "boolean": [
        ("boolean('false')", "true"),
        ("boolean(/data/nothing)", "false"),
        ("boolean(0 div 0)", "false"),
    ],
    "boolean-from-string": [("boolean-from-string('true')", "true"), ("boolean-from-string('yes')", "false")],
    "not": [("not(0)", "true"), ("not(/data/c)", "false")],
    "regex": [
        ("regex('abc', 'b')", "true"),
        ("regex('abc', '^b')", "false"),
        ("regex('2026', '[0-9]{4}')", "true"),
    ],
    "checklist": [
        ("checklist(2, 2, 1, 0, 1)", "true"),
        ("checklist(-1, -1, 0)", "true"),
        ("checklist(3, -1, 1)", "false"),
    ],
    "weighted-checklist": [
        ("weighted-checklist(3, 4, 1, 3, 0, 9)", "true"),
        ("weighted-checklist(-1, 2, 1, 3)", "false"),
    ],
    "number": [
        ("number('1.50')", "1.5"),
        ("number('x')", "NaN"),
        ("number('1970-01-02')", "1"),
        ("number(true())", "1"),
    ],
    "random": [("random() >= 0 and random() < 1", "true")],
    "int": [("int(-1.9)", "-1"), ("int('3.7')", "3"), ("int('x')", "NaN")],
    "sum": [("sum(/data/a | /data/a)", "12"), ("sum(/data/nothing)", "0")],
    "max": [("max(1, 3, 2)", "3"), ("max(/data/nothing)", "NaN")],
    "min": [("min(1, 3, 2)", "1"), ("min(/data/a, 5)", "5")],
    "round": [("round(1.2345, 3)", "1.235"), ("round(1250, -2)", "1300"), ("round(-0.5)", "-1")],
    "floor": [("floor(-1.5)", "-2")],
    "ceiling": [("ceiling(-1.5)", "-1")],
    "pow": [("pow(2, -1)", "0.5"), ("pow(0, 0)", "1"), ("pow(-8, 1 div 3)", "NaN")],
    "log": [("log(exp(2))", "2"), ("log(0)", "-Infinity"), ("log(-1)", "NaN")],
    "log10": [("log10(1000)", "3")],
    "abs": [("abs(-3.5)", "3.5")],
    "sin": [("sin(0)", "0")],
    "cos": [("cos(0)", "1")],
    "tan": [("tan(0)", "0")],
    "asin": [("asin(2)", "NaN")],
    "acos": [("acos(1)", "0")],
    "atan": [("atan(0)", "0")],
    "atan2": [("atan2(0, -1) = pi()", "true")],
    "sqrt": [("sqrt(2.25)", "1.5"), ("sqrt(-1)", "NaN")],
    "exp": [("exp(0)", "1")],
    "exp10": [("exp10(2)", "100"), ("exp10(-1)", "0.1")],
    "pi": [("pi()", "3.141592653589793")],
    "count": [("count(/data/m)", "3"), ("count(/data/nothing)", "0")],
    "count-non-empty": [("count-non-empty(/data/m/n)", "2")],
    "position": [("position(/data/m[3])", "3"), ("/data/m[position() = 2]/n", "乙")],
    "last": [("/data/m[last()]/p", "1 4")],
    "instance": [("count(instance('wells')/root/item)", "2"), ("count(instance('nothing'))", "0")],
    "current": [("instance('wells')/root/item[@id = current()/../m[1]/p]/label", ""), ("current()", "12")],
    "randomize": [
        ("count(randomize(/data/m))", "3"),
        ("string-length(join('', randomize(/data/m/n, 42)))", "2"),
    ],
    "today": [("today()", "2026-03-05")],
    "now": [("now()", "2026-03-05T10:30:00.000+08:00")],
    "format-date": [
        ("format-date(/data/d, '%Y %y %m %n %b %d %e %a')", "2026 26 03 3 Mar 05 5 Thu"),
        ("format-date('', '%Y')", ""),
    ],
    "format-date-time": [("format-date-time(/data/t, '%H %h %M %S %3')", "10 10 30 15 250")],
    "date": [
        ("date(20000)", "2024-10-04T08:00:00.000+08:00"),
        ("date(/data/d)", "2026-03-05"),
        ("date('')", ""),
    ],
    "decimal-date-time": [
        ("decimal-date-time('1970-01-02T00:00:00Z')", "1"),
        ("decimal-date-time('x')", "NaN"),
    ],
    "decimal-time": [("decimal-time('18:00:00.000+08:00')", "0.75"), ("decimal-time('25:00')", "NaN")],
    "selected": [("selected(/data/b, 'rain')", "true"), ("selected(/data/b, 'ra')", "false")],
    "selected-at": [("selected-at(/data/b, 0)", "well"), ("selected-at(/data/b, -1)", "")],
    "count-selected": [("count-selected(/data/b)", "2"), ("count-selected(/data/c)", "0")],
    "jr:choice-name": [("jr:choice-name('well', '/data/b')", "/data/b:well")],
    "jr:itext": [("jr:itext('greeting')", "Hello"), ("jr:itext('nothing')", "")],
    "indexed-repeat": [
        ("indexed-repeat(/data/m/n, /data/m, 2)", "乙"),
        ("indexed-repeat(/data/m/n, /data/m, 0)", ""),
    ],
    "area": [("area('0 0;0 0.001;0.001 0.001;0.001 0')", "12391.89")],
    "distance": [("distance('0 0;0 0.001')", "111.32"), ("distance('')", "0")],
    "geofence": [("geofence('0.5 0.5', '0 0;0 1;1 1;1 0;0 0')", "true"), ("geofence('', '')", "false")],
}


@pytest.mark.parametrize(
    ("name", "expression", "expected"),
    [(name, expression, expected) for name, cases in CASES.items() for expression, expected in cases],
)
def test_function(name: str, expression: str, expected: str) -> None:
    document = parse(FORM)
    scope = Scope(document, World())
    node = compile_xpath("/data/a").nodes(scope, document)[0]
    compiled = compile_xpath(expression)
    assert name in compiled.functions
    assert compiled.unknown == frozenset()
    assert to_text(compiled.value(scope, node)) == expected
