"""A compiled questionnaire on the screen: what the engine says is there, in order, as widgets.

Owns dividing a form into parts a thumb can scroll, groups, repeats, messages under questions, place and photos.
Draws from the engine's views alone, never from knowledge of a certain questionnaire. Refuses to keep answers: each
goes at once to the draft behind `Filling`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import streamlit as st

from survey.i18n import gettext as _
from survey.questionnaires.definitions import BodyItem, Question
from survey.questionnaires.views import GroupView, ItemView, QuestionView, RepeatInstanceView, RepeatView
from survey.ui import components, form_widgets, wording
from survey.ui import map as maps
from survey.ui.form_widgets import Answers, key_of

MOST_QUESTIONS_A_PART = 10
_UNSUPPORTED = ("geotrace", "geoshape", "audio", "video", "file")


class Filling(Answers, Protocol):
    """The draft behind the form: answers, repeats, place and photos, each saved at once."""

    def add(self, ref: str) -> None:
        """Add an instance of a repeat; a widget callback."""
        ...

    def remove(self, ref: str) -> None:
        """Remove an instance of a repeat; a widget callback."""
        ...

    def locate(self, ref: str, place: Mapping[str, float] | None, source: str) -> None:
        """Set or clear a place, and by which way it was found."""
        ...

    def locate_from(self, key: str, ref: str) -> None:
        """Take over the position a place component sent; a widget callback."""
        ...

    def far_from_village(self, lat: float, lon: float) -> float | None:
        """How many kilometres a position lies from the village, where that is too far."""
        ...

    def photograph(self, key: str, ref: str) -> None:
        """Take in the photo a photo component sent; a widget callback."""
        ...

    def remove_photo(self, ref: str) -> None:
        """Remove the photo of a question; a widget callback."""
        ...

    def photos(self) -> Mapping[str, str]:
        """Photo name → id of what is stored."""
        ...

    def received(self, key: str) -> str:
        """The id under which a photo component last sent a photo that was dealt with."""
        ...


def parts(body: Sequence[BodyItem]) -> tuple[tuple[str, ...], ...]:
    """The form's top-level items, packed into parts of about ten questions: their references, part by part.

    By the definition and not by what is relevant now, so that parts do not shift under the finger.
    """
    packed: list[list[str]] = []
    room = 0
    for item in body:
        size = sum(1 for _question in _questions(item))
        if not packed or size > room:
            packed.append([])
            room = MOST_QUESTIONS_A_PART
        packed[-1].append(_ref(item))
        room -= size
    return tuple(tuple(part) for part in packed)


def belongs(ref: str, part: Iterable[str]) -> bool:
    """Whether a question lies in a part."""
    plain = "/".join(step.partition("[")[0] for step in ref.split("/"))
    return any(plain == top or plain.startswith(f"{top}/") for top in part)


def typed_fields(items: Iterable[ItemView], instance_id: str) -> dict[str, dict[str, str]]:
    """CSS class of a field → its question, label and what the draft holds: what the mirror looks after."""
    return {
        f"st-key-{key_of(instance_id, view.ref)}": {"ref": view.ref, "text": view.value, "label": view.label}
        for view in questions(items)
        if form_widgets.is_typed(view) and not view.readonly
    }


def questions(items: Iterable[ItemView]) -> Iterator[QuestionView]:
    """Every question among the items, in order."""
    for item in items:
        if isinstance(item, QuestionView):
            yield item
        elif isinstance(item, GroupView):
            yield from questions(item.children)
        else:
            for instance in item.instances:
                yield from questions(instance.children)


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
    if not group.children:
        return
    if group.label:
        hint = f"<small>{wording.escaped(group.hint)}</small>" if group.hint else ""
        st.html(f'<h2 class="mq-group">{wording.escaped(group.label)}{hint}</h2>')
    draw(group.children, filling, mistakes)


def _repeat(repeat: RepeatView, filling: Filling, mistakes: Mapping[str, str]) -> None:
    if not repeat.fixed_count and repeat.instances and all(map(_is_photo, repeat.instances)):
        _photos([_photo_of(instance) for instance in repeat.instances], repeat, filling, mistakes)
        return
    if repeat.label and not repeat.fixed_count:
        st.html(f'<h3 class="mq-repeat">{wording.escaped(repeat.label)}</h3>')
    for instance in repeat.instances:
        with st.container(border=True, key=f"{key_of(filling.instance_id, instance.ref)}_box"):
            if not repeat.fixed_count:
                _instance_head(repeat, instance, filling)
            draw(instance.children, filling, mistakes)
    if not repeat.fixed_count:
        st.button(
            _("Add {name}", name=wording.plain(repeat.label)),
            key=f"{key_of(filling.instance_id, repeat.ref)}_add",
            icon=":material/add:",
            width="stretch",
            on_click=filling.add,
            args=(repeat.ref,),
        )


def _instance_head(repeat: RepeatView, instance: RepeatInstanceView, filling: Filling) -> None:
    title, button = st.columns([3, 1], vertical_alignment="center", wrap=False)
    title.markdown(f"**{wording.plain(instance.label or repeat.label)} {instance.position}**")
    button.button(
        _("Remove"),
        key=f"{key_of(filling.instance_id, instance.ref)}_remove",
        icon=":material/delete:",
        width="stretch",
        on_click=filling.remove,
        args=(instance.ref,),
    )


def _question(view: QuestionView, filling: Filling, mistakes: Mapping[str, str]) -> None:
    if view.type == "note" or (view.readonly and not view.value and view.control == "input"):
        _note(view)
        return
    if view.type == "geopoint":
        _place(view, filling)
    elif view.type == "image":
        _photos([view], None, filling, mistakes)
        return
    elif view.type in _UNSUPPORTED:
        _note(view)
        st.caption(_("This question cannot be answered on this page; leave it open."))
    else:
        form_widgets.draw(view, filling)
    _mistake(view, mistakes)


def _note(view: QuestionView) -> None:
    hint = f"  \n:gray[:small[{wording.plain(view.hint)}]]" if view.hint else ""
    st.markdown(f"{wording.plain(view.label)}{hint}")


def _mistake(view: QuestionView, mistakes: Mapping[str, str]) -> None:
    message = view.error or mistakes.get(view.ref)
    if message:
        st.html(f'<p class="mq-mistake" role="alert">{wording.escaped(message)}</p>')


def _place(view: QuestionView, filling: Filling) -> None:
    key = key_of(filling.instance_id, view.ref)
    st.markdown(form_widgets.label_of(view))
    numbers = [float(part) for part in view.value.split()]
    if len(numbers) >= 2:
        _known_place(view, numbers, filling, key)
    words = wording.of_place(again=len(numbers) >= 2)
    components.place(f"{key}_gps", words, on_found=filling.locate_from, args=(f"{key}_gps", view.ref))
    if st.toggle(_("Tap on the map"), key=f"{key}_map_open"):
        at = (numbers[0], numbers[1]) if len(numbers) >= 2 else (None, None)
        tapped = maps.pick_place(*at, key=f"{key}_map")
        if tapped:
            filling.locate(view.ref, {"lat": tapped[0], "lon": tapped[1]}, "map")
            st.rerun(scope="fragment")


def _known_place(view: QuestionView, numbers: Sequence[float], filling: Filling, key: str) -> None:
    accuracy = numbers[3] if len(numbers) > 3 else 0.0
    known = (
        _("Position kept, accurate to {m} m", m=round(accuracy))
        if accuracy
        else _("Position kept, tapped on the map")
    )
    text, button = st.columns([3, 1], vertical_alignment="center", wrap=False)
    text.markdown(
        f":green[:material/location_on: {wording.plain(known)}]  \n:small[{numbers[0]:.5f}, {numbers[1]:.5f}]"
    )
    button.button(
        _("Remove"),
        key=f"{key}_clear",
        icon=":material/delete:",
        width="stretch",
        on_click=filling.locate,
        args=(view.ref, None, ""),
    )
    far_km = filling.far_from_village(numbers[0], numbers[1])
    if far_km is not None:
        st.warning(
            wording.plain(
                _(
                    "{far}. The position stays with the visit and is not taken for the household's.",
                    far=wording.far(far_km),
                )
            )
        )


def _photos(
    views: Sequence[QuestionView], repeat: RepeatView | None, filling: Filling, mistakes: Mapping[str, str]
) -> None:
    first = views[0]
    st.markdown(form_widgets.label_of(first))
    stored = filling.photos()
    taken = [view for view in views if view.value]
    if taken:
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
        _mistake(view, mistakes)


def _thumbnail(view: QuestionView, attachment_id: str | None, filling: Filling) -> None:
    if attachment_id:
        st.html(f'<img class="mq-thumb" src="/attachment/{wording.escaped(attachment_id)}" alt="">')
    st.button(
        _("Remove"),
        key=f"{key_of(filling.instance_id, view.ref)}_drop",
        icon=":material/delete:",
        on_click=filling.remove_photo,
        args=(view.ref,),
    )


def _is_photo(instance: RepeatInstanceView) -> bool:
    return len(instance.children) == 1 and _photo_of(instance) is not None


def _photo_of(instance: RepeatInstanceView) -> Any:
    child = instance.children[0]
    return child if isinstance(child, QuestionView) and child.type == "image" else None


def _questions(item: BodyItem) -> Iterator[Question]:
    if isinstance(item, Question):
        yield item
        return
    for child in item.children:
        yield from _questions(child)


def _ref(item: BodyItem) -> str:
    """The reference of a top-level item; a group only for show is known by its first question."""
    if item.field is not None:
        return item.field.ref
    return next((_ref(child) for child in item.children), "")
