"""Where the answers of a drawn form go: what a filling must offer, how its widgets are called, what they show.

Owns the protocol between the drawing of a form and what keeps its answers, and the rule that a widget shows what the
filling holds: it is set only when it is new or the answer was changed elsewhere, never while it is the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Protocol

import streamlit as st

from survey.questionnaires.definitions import Repeat
from survey.questionnaires.views import QuestionView
from survey.ui import state
from survey.ui.form_texts import ToText, reader

Common = dict[str, Any]
"""What every widget of a question gets: label, key, callback and its arguments."""
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_/]|_(?=_)")


class Filling(Protocol):
    """A filling behind a drawn form; what is called on a change saves at once and is a widget's callback."""

    @property
    def instance_id(self) -> str:
        """The filling's id."""
        ...

    def give(self, key: str, ref: str, to_text: ToText) -> None:
        """Take over what the widget under this key now holds; a widget callback."""
        ...

    def give_typed(self, key: str, ref: str, to_text: ToText) -> None:
        """Take over text that left its field, which the browser keeps until then; a widget callback."""
        ...

    def give_and_go_on(self, key: str, ref: str, to_text: ToText) -> None:
        """Take over an answer and go on to the next question; a widget callback."""
        ...

    def give_month(self, year_key: str, month_key: str, ref: str) -> None:
        """Take over a month from the two widgets that hold its year and its number; a widget callback."""
        ...

    def slide(self, key: str, ref: str, steps: Sequence[str]) -> None:
        """Take over where a slider was moved to; a component callback."""
        ...

    def rank(self, key: str, ref: str) -> None:
        """Take over the order a rank component sent; a component callback."""
        ...

    def add(self, ref: str) -> None:
        """Add an instance of a repeat; a widget callback."""
        ...

    def remove(self, ref: str) -> None:
        """Remove an instance of a repeat; a widget callback."""
        ...

    def unfolded(self, repeat: Repeat, ref: str, positions: Sequence[int]) -> Collection[int]:
        """The positions of the instances of a repeat that are drawn whole."""
        ...

    def unfold(self, ref: str, position: int) -> None:
        """Show one instance of a repeat; 0: all of them as a compact list. A widget callback."""
        ...

    def locate(self, ref: str, place: Mapping[str, float] | None, source: str) -> None:
        """Set or clear a place, and by which way it was found."""
        ...

    def locate_from(self, key: str, ref: str) -> None:
        """Take over the position a place component sent; a component callback."""
        ...

    def far_from_village(self, lat: float, lon: float) -> float | None:
        """How many kilometres a position lies from the village, where that is too far."""
        ...

    def photograph(self, key: str, ref: str) -> None:
        """Take in the photo a photo component sent; a component callback."""
        ...

    def remove_photo(self, ref: str) -> None:
        """Remove the photo of a question; a widget callback."""
        ...

    def take_file(self, key: str, ref: str) -> None:
        """Take in the file chosen in the widget under this key; a widget callback."""
        ...

    def remove_file(self, ref: str) -> None:
        """Remove the file of a question; a widget callback."""
        ...

    def photos(self) -> Mapping[str, str]:
        """Name of a photo or file → id of what is stored."""
        ...

    def received(self, key: str) -> str:
        """The id under which a photo component last sent a photo that was dealt with."""
        ...

    def address(self, name: str) -> str:
        """Where a picture, sound or film that the form names is served; empty where it has none."""
        ...


def key_of(instance_id: str, ref: str) -> str:
    """The widget key of a question: stable over reruns, usable as a CSS class (`st-key-…`).

    No name in XML begins with a digit, so a hyphen before a digit is a character's code, before a letter a step.
    Two underscores never follow each other: Streamlit keeps them for itself.

    >>> key_of("uuid:11111111-2222-3333-4444-555555555555", "/data/member[2]/first__name")
    'mqf_555555555555_data-member-5b2-5d-first-5f_name'
    """
    path = _UNSAFE.sub(lambda found: f"-{ord(found[0]):x}", ref.strip("/"))
    return f"mqf_{instance_id[-12:]}_{path.replace('/', '-')}"


def show(view: QuestionView, key: str, value: Any, filling: Filling) -> None:
    """Let the widget show what the filling holds, when it is new or was changed elsewhere; never while it is the same."""
    if changed_elsewhere(view, key, filling) or key not in st.session_state:
        st.session_state[key] = value
        state.committed(filling.instance_id)[key] = reader(view)(value)


def changed_elsewhere(view: QuestionView, key: str, filling: Filling) -> bool:
    """Whether the filling holds another answer than the widget last showed; from here on it counts as shown."""
    shown = state.shown(filling.instance_id)
    changed = shown.get(key) != view.value
    shown[key] = view.value
    return changed
