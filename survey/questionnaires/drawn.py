"""Which questions this application can put to a person, and which it cannot.

Owns the list, so that an upload names the rows that cannot be answered here and the page that draws a form says so in
the question's place. Pure; knows nothing of how a question is drawn.
Types: https://docs.getodk.org/form-question-types/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from survey.questionnaires.definitions import Form, Question
from survey.questionnaires.views import QuestionView

NOT_DRAWN: Final = frozenset(
    {
        "audio",
        "video",
        "barcode",
        "geotrace",
        "geoshape",
        "osm",
        "select_one_external",
        "background-audio",
        "background-geopoint",
        "start-geopoint",
    }
)
"""Types, in XLSForm's words, for which there is no widget; a question of such a type stays open."""

NOT_DRAWN_IMAGES: Final = frozenset({"signature", "draw", "annotate"})
"""Appearances that ask for a drawn picture instead of a photo."""

DRAWN_PLAINLY: Final = ("ex:", "printer", "search(", "image-map")
"""Beginnings of appearances that are not followed: the question is drawn as if it had none."""


def is_drawn(kind: str, appearance: str = "") -> bool:
    """Whether a question of this type (XLSForm's word) with this appearance can be answered here.

    >>> is_drawn("image"), is_drawn("image", "signature"), is_drawn("geoshape"), is_drawn("text", "multiline")
    (True, False, False, True)
    """
    if kind == "image":
        return NOT_DRAWN_IMAGES.isdisjoint(appearance.lower().split())
    return kind not in NOT_DRAWN


def can_be_answered(question: Question | QuestionView) -> bool:
    """Whether a question of a compiled form can be answered here."""
    if question.control == "upload" and question.mediatype.startswith("osm"):
        return False
    if question.control == "input" and "query" in question.parameters:  # select_one_external
        return False
    return is_drawn(question.type, question.appearance)


def undrawn(form: Form) -> Iterator[Question]:
    """The questions of a compiled form that cannot be answered here."""
    return (question for question in form.questions() if not can_be_answered(question))
