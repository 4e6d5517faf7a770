"""Which questions can be answered here."""

from __future__ import annotations

from survey.questionnaires import drawn, xform, xlsform

_FORM = """
| survey  |                             |          |          |            |  |
|         | type                        | name     | label    | appearance | choice_filter |
|         | text                        | word     | Word     |            |  |
|         | image                       | photo    | Photo    |            |  |
|         | image                       | sign     | Sign     | signature  |  |
|         | image                       | sketch   | Sketch   | Draw       |  |
|         | file                        | paper    | Paper    |            |  |
|         | audio                       | voice    | Voice    |            |  |
|         | video                       | film     | Film     |            |  |
|         | barcode                     | code     | Code     |            |  |
|         | geopoint                    | place    | Place    | maps       |  |
|         | geotrace                    | way      | Way      |            |  |
|         | geoshape                    | field    | Field    |            |  |
|         | select_one_external streets | street   | Street   |            | town=${word}  |
|         | begin repeat                | member   | Member   |            |  |
|         | audio                       | saying   | Saying   |            |  |
|         | end repeat                  |          |          |            |  |
| external_choices |           |          |          |            |  |
|         | list name                   | name     | label |            | town |
|         | streets                     | main     | Main     |            | x |
"""


def test_every_undrawn_question_of_a_form_is_named_repeats_too() -> None:
    form = xform.parse_form(xlsform.compile_form(_FORM).xform)
    assert [question.field.local for question in drawn.undrawn(form)] == [
        "sign",
        "sketch",
        "voice",
        "film",
        "code",
        "way",
        "field",
        "street",
        "saying",
    ]
