"""One question as one Streamlit widget.

Owns which widget a type gets, its size and its Chinese placeholder. Nothing is ever preselected: a widget shows what
the filling holds and otherwise nothing. Refuses to judge an answer: the engine does.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

import streamlit as st

from survey.i18n import gettext as _
from survey.questionnaires.views import QuestionView
from survey.ui import form_choices, form_texts
from survey.ui.form_answers import Common, Filling, changed_elsewhere, key_of, show
from survey.ui.form_labels import label_of

_TEXT_AREA_PX: Final = 120
_LINE_PX: Final = 26
_MOST_LINES: Final = 30
_EARLIEST, _LATEST = date(1900, 1, 1), date(2100, 12, 31)


def is_typed(view: QuestionView) -> bool:
    """Whether the question is answered by typing text, which is mirrored while it is typed."""
    return view.control == "textarea" or (
        view.control == "input" and view.type not in form_texts.MOMENTS and not form_texts.is_number(view)
    )


def draw(view: QuestionView, filling: Filling) -> None:
    """Draw the widget of a question that is answered by a widget (all but place, photo, file and note)."""
    key = key_of(filling.instance_id, view.ref)
    taken = filling.give_typed if is_typed(view) else filling.give
    if view.control == "select1" and any(look.startswith("quick") for look in view.appearance.split()):
        taken = filling.give_and_go_on
    common: Common = {
        "label": label_of(view),
        "key": key,
        "on_change": taken,
        "args": (key, view.ref, form_texts.reader(view)),
    }
    if view.control in ("select1", "select"):
        form_choices.draw_choices(view, filling, common)
    elif view.control == "rank":
        form_choices.draw_rank(view, filling, common)
    elif view.control == "range":
        form_choices.draw_range(view, filling, common)
    elif view.control == "trigger":
        show(view, key, view.value == "OK", filling)
        st.checkbox(**common)
    elif view.type in form_texts.MOMENTS:
        _moment(view, filling, common)
    elif form_texts.is_number(view):
        _number(view, filling, common)
    else:
        _text(view, filling, common)


def _moment(view: QuestionView, filling: Filling, common: Common) -> None:
    if form_texts.is_month(view):
        _month(view, filling, common)
    elif form_texts.is_year(view):
        found = form_texts.date_in(view.value)
        show(view, common["key"], found.year if found else None, filling)
        st.number_input(**common, value=None, step=1, format="%d", placeholder=_("Year, such as 2026"))
    elif view.type == "date":
        given = form_texts.date_in(view.value)
        show(view, common["key"], given, filling)
        earliest, latest = min(_EARLIEST, given or _EARLIEST), max(_LATEST, given or _LATEST)
        st.date_input(**common, value=None, min_value=earliest, max_value=latest, format="YYYY/MM/DD")
    elif view.type == "time":
        show(view, common["key"], form_texts.time_in(view.value), filling)
        st.time_input(**common, value=None, step=60)
    else:
        _instant(view, filling, common)


def _instant(view: QuestionView, filling: Filling, common: Common) -> None:
    given = form_texts.instant_in(view.value)
    show(view, common["key"], given, filling)
    earliest, latest = datetime(_EARLIEST.year, 1, 1), datetime(_LATEST.year, 12, 31, 23, 59)
    st.datetime_input(
        **common,
        value=None,
        min_value=min(earliest, given or earliest),
        max_value=max(latest, given or latest),
        step=60,
        format="YYYY/MM/DD",
    )


def _month(view: QuestionView, filling: Filling, common: Common) -> None:
    """A month in two widgets; the answer is given once both are filled in."""
    keys = f"{common['key']}_year", f"{common['key']}_month"
    found = form_texts.date_in(view.value)
    if changed_elsewhere(view, common["key"], filling) or keys[0] not in st.session_state:
        st.session_state[keys[0]] = found.year if found else None
        st.session_state[keys[1]] = found.month if found else None
    st.markdown(common["label"])
    taken: Common = {"on_change": filling.give_month, "args": (*keys, view.ref)}
    with st.container(horizontal=True, key=f"mq_month_{common['key']}"):
        st.number_input(
            _("Year"),
            key=keys[0],
            value=None,
            step=1,
            format="%d",
            placeholder=_("Year, such as 2026"),
            **taken,
        )
        st.selectbox(_("Month"), range(1, 13), key=keys[1], index=None, placeholder=_("Choose one"), **taken)


def _number(view: QuestionView, filling: Filling, common: Common) -> None:
    if view.data_type == "decimal":
        show(view, common["key"], form_texts.decimal_in(view.value), filling)
        # %g of the browser's formatter shows every digit.
        st.number_input(**common, value=None, step=1.0, format="%g", placeholder=_("Enter a number"))
    else:
        show(view, common["key"], form_texts.integer_in(view.value), filling)
        st.number_input(**common, value=None, step=1, placeholder=_("Enter a number"))


def _text(view: QuestionView, filling: Filling, common: Common) -> None:
    show(view, common["key"], view.value, filling)
    looks = view.appearance.split()
    rows = view.parameters.get("rows", "")
    if "multiline" in looks or rows or view.control == "textarea":
        lines = min(int(rows), _MOST_LINES) if rows.isdecimal() else 0
        st.text_area(**common, height=max(_TEXT_AREA_PX, lines * _LINE_PX), placeholder=_("Tap to write"))
    elif "masked" in looks:
        st.text_input(**common, type="password", autocomplete="off", placeholder=_("Tap to write"))
    elif "numbers" in looks:
        # The keyboard of telephones is the numeric one.
        st.text_input(**common, type="phone", autocomplete="off", placeholder=_("Tap to write"))
    else:
        st.text_input(**common, placeholder=_("Tap to write"))


__all__ = ["draw", "is_typed", "key_of"]
