"""The outline of a filling: its parts, what is unanswered or wrong in each, the way there, and the bar under the form.

Owns the row of parts (one button for a form of many), the overview with every open question, and back, next, submit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from survey import i18n
from survey.i18n import gettext as _
from survey.questionnaires.views import AnswerError, ItemView
from survey.ui import form_labels, wording
from survey.ui.filling import Draft
from survey.ui.form_parts import Part, instances_above, part_of

MOST_BUTTONS: Final = 6
"""A form of more parts has one button that leads to the overview."""
MOST_OPEN: Final = 100


@dataclass(frozen=True)
class Shown:
    """What is drawn of a filling: its parts, which of them hold anything now, the one in view and its items."""

    parts: Sequence[Part]
    filled: Sequence[int]
    at: int
    titles: Sequence[str]
    items: Sequence[ItemView]
    mistakes: Sequence[AnswerError]

    def open_in(self) -> Mapping[int, list[AnswerError]]:
        """Part → what is unanswered or wrong in it."""
        found: dict[int, list[AnswerError]] = {}
        for mistake in self.mistakes:
            at = part_of(self.parts, mistake.ref)
            if at is not None:
                found.setdefault(at, []).append(mistake)
        return found


def draw(draft: Draft, shown: Shown) -> None:
    """The parts of the form in a row, each with what is open in it; nothing for a form of one part."""
    if len(shown.filled) < 2:
        return
    open_in = shown.open_in()
    with st.container(key="mq_outline", horizontal=True, wrap=False):
        if len(shown.filled) <= MOST_BUTTONS:
            for number, part in enumerate(shown.filled, 1):
                st.button(
                    f"{_name(number, shown.titles[part])}{_mark(open_in.get(part, ()))}",
                    key=f"mq_part_button_{part}",
                    type="primary" if part == shown.at and not draft.overview else "secondary",
                    width="stretch",
                    on_click=draft.turn_to,
                    args=(part,),
                )
        else:
            st.html(f'<p class="mq-where">{wording.escaped(_where(shown))}</p>')
        st.button(
            _("Overview"),
            key="mq_overview",
            type="primary" if draft.overview else "secondary",
            icon=":material/list:",
            on_click=draft.look_over,
            args=(not draft.overview,),
        )


def draw_overview(draft: Draft, shown: Shown) -> None:
    """Every part with the questions that are unanswered or wrong in it; a tap leads there."""
    open_in = shown.open_in()
    left = MOST_OPEN
    for number, part in enumerate(shown.filled, 1):
        mistakes = open_in.get(part, [])
        with st.container(key=f"mq_rows_part_{part}"):
            st.button(
                f"**{_name(number, shown.titles[part])}**{_mark(mistakes) or _done()}",
                key=f"mq_part_button_{part}"
                if len(shown.filled) > MOST_BUTTONS
                else f"mq_overview_part_{part}",
                width="stretch",
                on_click=draft.turn_to,
                args=(part,),
            )
            for mistake in mistakes[:left]:
                st.button(
                    f":gray[{_question(mistake)}]  \n:small[:red[{wording.plain(mistake.message)}]]",
                    key=f"mq_jump_{mistake.ref}",
                    icon=":material/subdirectory_arrow_right:",
                    width="stretch",
                    on_click=draft.jump_to,
                    args=(mistake.ref,),
                )
        left = max(0, left - len(mistakes))
    if len(shown.mistakes) > MOST_OPEN:
        st.caption(_("{n} further open questions are not listed.", n=len(shown.mistakes) - MOST_OPEN))


def draw_bar(draft: Draft, shown: Shown) -> None:
    """Back, what is still open, next or submit: under the thumb on every part."""
    filled = shown.filled
    place = filled.index(shown.at) if shown.at in filled else 0
    with st.container(key="mq_bar", horizontal=True, wrap=False, vertical_alignment="center"):
        if place > 0:
            st.button(
                _("Back"), key="mq_back", width="stretch", on_click=draft.turn_to, args=(filled[place - 1],)
            )
        if shown.mistakes:
            st.button(
                _("{n} still to answer", n=len(shown.mistakes)),
                key="mq_open",
                width="stretch",
                icon=":material/arrow_downward:",
                on_click=draft.to_next_open,
            )
        if place < len(filled) - 1:
            st.button(
                _("Next"),
                key="mq_next",
                type="primary",
                width="stretch",
                on_click=draft.turn_to,
                args=(filled[place + 1],),
            )
        else:
            st.button(
                draft.ending,
                key="mq_submit",
                type="primary",
                width="stretch",
                icon=":material/check:",
                on_click=draft.submit,
            )


def _name(number: int, title: str) -> str:
    return f"{number} {wording.plain(title)}"


def _where(shown: Shown) -> str:
    place = shown.filled.index(shown.at) + 1 if shown.at in shown.filled else 1
    title = shown.titles[shown.at]
    where = _("Part {n} of {total}", n=place, total=len(shown.filled))
    return f"{where} · {title}" if title else where


def _mark(mistakes: Sequence[AnswerError]) -> str:
    """How many questions are open, and whether one of them is wrong."""
    if not mistakes:
        return ""
    wrong = any(mistake.kind != "required" for mistake in mistakes)
    return f" :{'red' if wrong else 'gray'}-badge[{len(mistakes)}]"


def _done() -> str:
    return " :green[:material/check:]"


def _question(mistake: AnswerError) -> str:
    """What a question is called in a list: its label, and which instances of repeats it lies in."""
    places = i18n.listed(str(position) for _repeat, position in instances_above(mistake.ref))
    label = wording.plain(form_labels.as_text(mistake.label) or mistake.ref.rpartition("/")[2])
    return f"{label} ({places})" if places else label
