"""Photos and files on the screen: taken in, shown, removed.

Owns the questions of types image and file, alone or as a repeat of nothing but photos. Refuses to keep them: they go
to the filling at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from survey.i18n import gettext as _
from survey.questionnaires import file_answers
from survey.questionnaires.views import QuestionView, RepeatInstanceView, RepeatView
from survey.ui import components, form_labels, wording
from survey.ui.form_answers import Filling, key_of


def draw_photo(view: QuestionView, filling: Filling, mistakes: Mapping[str, str]) -> None:
    """A question that one photo answers."""
    _photos([view], None, filling, mistakes)


def draw_photos(repeat: RepeatView, filling: Filling, mistakes: Mapping[str, str]) -> None:
    """A repeat of photos as a row of them, with one button for more."""
    _photos([_photo_of(instance) for instance in repeat.instances], repeat, filling, mistakes)


def is_of_photos(repeat: RepeatView) -> bool:
    """Whether each instance of a repeat is one photo, however many are added."""
    return not repeat.fixed_count and bool(repeat.instances) and all(map(_photo_of, repeat.instances))


def draw_file(view: QuestionView, filling: Filling) -> None:
    """A question that a file answers: its name, or the way to choose it."""
    key = key_of(filling.instance_id, view.ref)
    if not view.value:
        st.file_uploader(
            form_labels.label_of(view),
            type=list(file_answers.TYPES),
            max_upload_size=file_answers.MOST_MB,
            key=f"{key}_file",
            on_change=filling.take_file,
            args=(f"{key}_file", view.ref),
        )
        return
    st.markdown(form_labels.label_of(view))
    stored = filling.photos().get(view.value)
    name = wording.escaped(view.value)
    with st.container(horizontal=True, wrap=False, vertical_alignment="center"):
        address = f"/attachment/{wording.escaped(stored)}" if stored else ""
        st.html(f'<a class="mq-file" href="{address}" download>{name}</a>' if address else f"<p>{name}</p>")
        st.button(
            _("Remove"),
            key=f"{key}_drop",
            icon=":material/delete:",
            on_click=filling.remove_file,
            args=(view.ref,),
        )


def _photos(
    views: Sequence[QuestionView], repeat: RepeatView | None, filling: Filling, mistakes: Mapping[str, str]
) -> None:
    first = views[0]
    st.markdown(form_labels.label_of(first))
    taken = [view for view in views if view.value]
    if taken:
        stored = filling.photos()
        with st.container(horizontal=True, key=f"{key_of(filling.instance_id, first.ref)}_photos"):
            for view in taken:
                with st.container(width="content"):
                    _thumbnail(view, stored.get(view.value), filling)
    target = repeat.ref if repeat is not None else first.ref
    if repeat is None and taken:
        return
    key = f"{key_of(filling.instance_id, target)}_camera"
    words = {
        "add": _("Add photos"),
        "working": _("Preparing photo {n} of {total}", n="{n}", total="{total}"),
        "again": _("The photo has not arrived yet and is sent again. Please leave this page open."),
        "insecure": _(
            "The page was opened without encryption (http), so the browser may give no camera, only photos taken before. "
            "Open it by its https address; the link tells how to set this tablet up."
        ),
        "install": _("Set up this tablet"),
        "broken": _("“{name}” is not a readable photo or is damaged. Take it again.", name="{name}"),
    }
    components.photo(
        key,
        words,
        received=filling.received(key),
        several=repeat is not None,
        on_photo=filling.photograph,
        args=(key, target),
    )
    for view in views:
        form_labels.draw_mistake(view, mistakes)


def _thumbnail(view: QuestionView, attachment_id: str | None, filling: Filling) -> None:
    if attachment_id:
        st.html(f'<img class="mq-thumb" src="/attachment/{wording.escaped(attachment_id)}" alt="">')
    if view.readonly:
        return
    st.button(
        _("Remove"),
        key=f"{key_of(filling.instance_id, view.ref)}_drop",
        icon=":material/delete:",
        on_click=filling.remove_photo,
        args=(view.ref,),
    )


def _photo_of(instance: RepeatInstanceView) -> Any:
    """The photo that is all there is in an instance, or nothing."""
    if len(instance.children) != 1:
        return None
    child = instance.children[0]
    return child if isinstance(child, QuestionView) and child.type == "image" else None
