"""A place on the screen: the device's position, a tap on the map, what is known so far.

Owns the question of type geopoint. Refuses to guess: without a position or a tap the question stays open.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from survey.i18n import gettext as _
from survey.questionnaires.views import QuestionView
from survey.ui import components, form_labels, form_texts, wording
from survey.ui import map as maps
from survey.ui.form_answers import Filling, key_of


def draw(view: QuestionView, filling: Filling) -> None:
    """The place, the way to find it and the way to tap it on the map."""
    key = key_of(filling.instance_id, view.ref)
    st.markdown(form_labels.label_of(view))
    numbers = form_texts.point_in(view.value)
    if numbers:
        _known(view, numbers, filling, key)
    words = wording.of_place(again=bool(numbers))
    components.place(f"{key}_gps", words, on_found=filling.locate_from, args=(f"{key}_gps", view.ref))
    if st.toggle(_("Tap on the map"), key=f"{key}_map_open"):
        at = (numbers[0], numbers[1]) if numbers else (None, None)
        tapped = maps.pick_place(*at, key=f"{key}_map")
        if tapped:
            filling.locate(view.ref, {"lat": tapped[0], "lon": tapped[1]}, "map")
            st.rerun(scope="fragment")


def _known(view: QuestionView, numbers: Sequence[float], filling: Filling, key: str) -> None:
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
