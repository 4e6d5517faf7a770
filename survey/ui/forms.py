"""A compiled questionnaire on the screen: what the engine says is there, in order.

Owns groups, repeats, and which drawing a question gets. Draws from the engine's views alone, never from knowledge of a
certain questionnaire. Refuses to keep answers: each goes at once to the `Filling` behind the form. A question of a type
that is not drawn is a sentence that says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import streamlit as st

from survey.i18n import gettext as _
from survey.questionnaires import drawn
from survey.questionnaires.views import GroupView, ItemView, QuestionView, RepeatView
from survey.ui import form_files, form_labels, form_places, form_repeats, form_widgets
from survey.ui.form_answers import Filling, key_of
from survey.ui.form_parts import questions


def typed_fields(items: Iterable[ItemView], instance_id: str) -> dict[str, dict[str, str]]:
    """CSS class of a field → its question, label and what the draft holds: what the mirror looks after."""
    return {
        f"st-key-{key_of(instance_id, view.ref)}": {"ref": view.ref, "text": view.value, "label": view.label}
        for view in questions(items)
        if form_widgets.is_typed(view) and not view.readonly and drawn.can_be_answered(view)
    }


def draw(items: Iterable[ItemView], filling: Filling, mistakes: Mapping[str, str]) -> None:
    """Draw items in order; `mistakes` are messages by question that stand under it."""
    for item in items:
        if isinstance(item, QuestionView):
            _question(item, filling, mistakes)
        elif isinstance(item, GroupView):
            _group(item, filling, mistakes)
        else:
            _repeat(item, filling, mistakes)


def _group(group: GroupView, filling: Filling, mistakes: Mapping[str, str]) -> None:
    if group.children:
        form_labels.draw_heading(group)
        draw(group.children, filling, mistakes)


def _repeat(repeat: RepeatView, filling: Filling, mistakes: Mapping[str, str]) -> None:
    if form_files.is_of_photos(repeat):
        form_files.draw_photos(repeat, filling, mistakes)
    else:
        form_repeats.draw(repeat, filling, mistakes, draw)


def _question(view: QuestionView, filling: Filling, mistakes: Mapping[str, str]) -> None:
    if view.media:
        form_labels.draw_media(view.media, filling.address)
    if not drawn.can_be_answered(view):
        form_labels.draw_note(view)
        st.caption(_("This question cannot be answered on this page; leave it open."))
    elif view.type == "note" or "label" in view.appearance.split():
        form_labels.draw_note(view)
    elif view.type == "image":
        form_files.draw_photo(view, filling, mistakes)
        return
    elif view.readonly:
        (form_labels.draw_readonly if view.value else form_labels.draw_note)(view)
    elif view.type == "geopoint":
        form_places.draw(view, filling)
    elif view.type == "file":
        form_files.draw_file(view, filling)
    else:
        form_widgets.draw(view, filling)
    form_labels.draw_guidance(view)
    form_labels.draw_mistake(view, mistakes)
