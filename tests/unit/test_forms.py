"""Which fields are mirrored, how widgets are called, how repeats are folded."""

from __future__ import annotations

from collections.abc import Sequence

from survey.questionnaires.definitions import Repeat
from survey.questionnaires.views import RepeatView
from survey.ui import form_answers, form_parts, form_repeats, forms
from tests.unit.drawn_forms import INSTANCE_ID, form_of, started


def test_only_typed_questions_that_are_drawn_are_mirrored() -> None:
    form = form_of(
        "text | words | Words | multiline",
        "text | phone | Phone | numbers",
        "barcode | code | Code",
        "integer | people | People",
        "select_one yn | agreed | Agreed",
        "date | on | On",
        "begin_repeat | wish | Wish",
        "text | what | What",
        "end_repeat",
    )
    instance = started(form)
    instance.answer("/data/words", "水")
    mirrored = forms.typed_fields(instance.items(), INSTANCE_ID)
    assert {field["ref"]: field["text"] for field in mirrored.values()} == {
        "/data/words": "水",
        "/data/phone": "",
        "/data/wish[1]/what": "",
    }


def test_keys_differ_where_references_do() -> None:
    refs = [
        "/data/a/b",
        "/data/a_b",
        "/data/a-b",
        "/data/a[1]/b",
        "/data/a[11]/b",
        "/data/a__b",
        "/data/a.b",
        "/data/甲",
    ]
    keys = {form_answers.key_of(INSTANCE_ID, ref) for ref in refs}
    assert len(keys) == len(refs)
    assert all("__" not in key and key.isascii() for key in keys)


MEMBERS = (
    "begin_repeat | member | Member",
    "text | name | Name",
    "integer | age | Age",
    "select_one yn | ill | Ill",
    "end_repeat",
)


def member_repeat() -> Repeat:
    repeat = form_of(*MEMBERS).body[0]
    assert isinstance(repeat, Repeat)
    return repeat


def test_few_instances_are_drawn_whole_and_many_one_by_one() -> None:
    repeat = member_repeat()
    assert form_repeats.unfolded(repeat, range(1, 9), 0) == range(1, 9)
    assert form_repeats.unfolded(repeat, range(1, 10), 0) == ()
    assert form_repeats.unfolded(repeat, range(1, 10), 4) == (4,)
    assert form_repeats.unfolded(repeat, range(1, 10), 12) == ()


def test_a_repeat_of_photos_is_never_folded() -> None:
    repeat = form_of("begin_repeat | photo | Photo", "image | image | Image", "end_repeat").body[0]
    assert isinstance(repeat, Repeat)
    assert len(form_repeats.unfolded(repeat, range(1, 60), 0)) == 59


def test_a_folded_instance_tells_its_first_answers_and_computes_nothing_else() -> None:
    instance = started(form_of(*MEMBERS))
    instance.add_repeat("/data/member")
    for ref, value in (("name", "张三"), ("age", "45"), ("ill", "yes")):
        instance.answer(f"/data/member[1]/{ref}", value)

    def second(_repeat: Repeat, ref: str, positions: Sequence[int]) -> Sequence[int]:
        assert ref == "/data/member"
        return positions[1:]

    (repeat,) = instance.items(unfolded=second)
    assert isinstance(repeat, RepeatView)
    first, other = repeat.instances
    assert (first.folded, first.children, first.summary) == (True, (), ("张三", "45", "Yes"))
    assert (other.folded, len(other.children), other.summary) == (False, 3, ())
    assert [view.ref for view in form_parts.questions((repeat,))] == [
        f"/data/member[2]/{name}" for name in ("name", "age", "ill")
    ]


def test_the_form_goes_on_in_another_of_its_languages_with_its_answers() -> None:
    form = form_of("text | q | Q")
    instance = started(form)
    instance.answer("/data/q", "x")
    instance.speak("en")
    assert instance.value("/data/q") == "x"
