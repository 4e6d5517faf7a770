"""Repeats on the screen: all instances under each other while they are few, one by one from a compact list beyond.

Owns which of the two a repeat gets, the list, and the way from one instance to the next. Only instances that are drawn
whole are computed whole: a long repeat costs what is shown of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

import streamlit as st

from survey.i18n import gettext as _
from survey.questionnaires.definitions import Question, Repeat
from survey.questionnaires.views import ItemView, RepeatInstanceView, RepeatView
from survey.ui import form_labels, form_parts, wording
from survey.ui.form_answers import Filling, key_of

MOST_WHOLE: Final = 24
"""How many questions the instances of a repeat may have together to be drawn under each other."""
_MOST_ROWS: Final = 100
_Draw = Callable[[Iterable[ItemView], Filling, Mapping[str, str]], None]


def unfolded(repeat: Repeat, positions: Sequence[int], chosen: int) -> Collection[int]:
    """Which instances are drawn whole: all of them while they are few, else the chosen one alone."""
    size = form_parts.size_of(repeat)
    if len(positions) * size <= MOST_WHOLE or len(positions) == 1 or _is_of_photos(repeat):
        return positions
    return (chosen,) if chosen in positions else ()


def _is_of_photos(repeat: Repeat) -> bool:
    only = next(iter(repeat.children), None)
    return len(repeat.children) == 1 and isinstance(only, Question) and only.type == "image"


def draw(repeat: RepeatView, filling: Filling, mistakes: Mapping[str, str], draw_items: _Draw) -> None:
    """A repeat with its instances, and the button for a further one."""
    folded = [instance for instance in repeat.instances if instance.folded]
    whole = [instance for instance in repeat.instances if not instance.folded]
    if repeat.label and (folded or not repeat.fixed_count):
        st.html(f'<h3 class="mq-repeat">{wording.escaped(form_labels.as_text(repeat.label))}</h3>')
    if folded and not whole:
        _list(repeat, filling, mistakes)
    for instance in whole:
        with st.container(border=True, key=f"{key_of(filling.instance_id, instance.ref)}_box"):
            if folded:
                _way(repeat, instance, filling)
            if not repeat.fixed_count or folded:
                _head(repeat, instance, filling)
            draw_items(instance.children, filling, mistakes)
    if not repeat.fixed_count:
        st.button(
            _("Add {name}", name=wording.plain(form_labels.as_text(repeat.label))),
            key=f"{key_of(filling.instance_id, repeat.ref)}_add",
            icon=":material/add:",
            width="stretch",
            on_click=filling.add,
            args=(repeat.ref,),
        )


def _list(repeat: RepeatView, filling: Filling, mistakes: Mapping[str, str]) -> None:
    """Each instance as one line to tap: its number, its first answers, whether something is open in it."""
    key = key_of(filling.instance_id, repeat.ref)
    with st.container(key=f"mq_rows_{key}"):
        for instance in repeat.instances[:_MOST_ROWS]:
            st.button(
                _line(repeat, instance, mistakes),
                key=f"{key_of(filling.instance_id, instance.ref)}_open",
                width="stretch",
                on_click=filling.unfold,
                args=(repeat.ref, instance.position),
            )
    if len(repeat.instances) > _MOST_ROWS:
        st.selectbox(
            _("Further entries"),
            [instance.position for instance in repeat.instances[_MOST_ROWS:]],
            index=None,
            key=f"{key}_further",
            placeholder=_("Choose one"),
            on_change=_unfold_further,
            args=(filling, repeat.ref, f"{key}_further"),
        )


def _unfold_further(filling: Filling, ref: str, key: str) -> None:
    if st.session_state[key]:
        filling.unfold(ref, st.session_state[key])


def _line(repeat: RepeatView, instance: RepeatInstanceView, mistakes: Mapping[str, str]) -> str:
    title = form_labels.as_text(instance.label or repeat.label)
    answers = " · ".join(wording.plain(answer) for answer in instance.summary)
    open_here = sum(1 for ref in mistakes if ref.startswith(f"{instance.ref}/"))
    still_open, nothing = _("{n} open", n=open_here), _("nothing entered yet")
    mark = f" :red-badge[{still_open}]" if open_here else ""
    detail = answers or f":gray[{nothing}]"
    return f"**{wording.plain(title)} {instance.position}**{mark}  \n:small[{detail}]"


def _way(repeat: RepeatView, instance: RepeatInstanceView, filling: Filling) -> None:
    """Back to the list, to the instance before and to the one after."""
    key = key_of(filling.instance_id, instance.ref)
    positions = [other.position for other in repeat.instances]
    at = positions.index(instance.position)
    with st.container(horizontal=True, wrap=False, key=f"mq_way_{key}"):
        for name, label, icon, goal in (
            ("list", _("All entries"), ":material/list:", 0),
            ("before", _("The one before"), ":material/chevron_left:", positions[at - 1] if at else None),
            (
                "after",
                _("The one after"),
                ":material/chevron_right:",
                positions[at + 1] if at + 1 < len(positions) else None,
            ),
        ):
            st.button(
                label,
                key=f"{key}_{name}",
                icon=icon,
                width="stretch",
                disabled=goal is None,
                on_click=filling.unfold,
                args=(repeat.ref, goal or 0),
            )


def _head(repeat: RepeatView, instance: RepeatInstanceView, filling: Filling) -> None:
    title = wording.plain(form_labels.as_text(instance.label or repeat.label))
    if repeat.fixed_count:
        st.markdown(f"**{title} {instance.position}**")
        return
    text, button = st.columns([3, 1], vertical_alignment="center", wrap=False)
    text.markdown(f"**{title} {instance.position}**")
    button.button(
        _("Remove"),
        key=f"{key_of(filling.instance_id, instance.ref)}_remove",
        icon=":material/delete:",
        width="stretch",
        on_click=filling.remove,
        args=(instance.ref,),
    )
