"""One question as one Streamlit widget, and an answer as the text the engine keeps.

Owns which widget a type gets, its size, its Chinese placeholder, and the translation both ways. Nothing is ever
preselected: a widget shows what the filling holds and otherwise nothing. Refuses to judge an answer: the engine does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from typing import Any, Protocol

import streamlit as st

from survey import i18n
from survey.i18n import gettext as _
from survey.questionnaires.views import Choice, QuestionView
from survey.ui import state, wording

_MOST_BUTTONS = 16
_TEXT_AREA_PX = 120
_EARLIEST, _LATEST = date(1900, 1, 1), date(2100, 12, 31)
_MOMENTS = ("date", "time", "dateTime", "datetime")
_UNSAFE = re.compile(r"[^A-Za-z0-9_/]|_(?=_)")
ToText = Callable[[Any], str]


class Answers(Protocol):
    """Where answers go: the draft of one instance."""

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


def key_of(instance_id: str, ref: str) -> str:
    """The widget key of a question: stable over reruns, usable as a CSS class (`st-key-…`).

    No name in XML begins with a digit, so a hyphen before a digit is a character's code, before a letter a step.
    Two underscores never follow each other: Streamlit keeps them for itself.

    >>> key_of("uuid:11111111-2222-3333-4444-555555555555", "/data/member[2]/first__name")
    'mqf_555555555555_data-member-5b2-5d-first-5f_name'
    """
    path = _UNSAFE.sub(lambda found: f"-{ord(found[0]):x}", ref.strip("/"))
    return f"mqf_{instance_id[-12:]}_{path.replace('/', '-')}"


def label_of(view: QuestionView) -> str:
    """The label as markdown: text, a star where an answer is required, and the hint in a second line."""
    star = " :red[*]" if view.required else ""
    hint = f"  \n:gray[:small[{wording.plain(view.hint)}]]" if view.hint else ""
    return f"**{wording.plain(view.label or view.name)}**{star}{hint}"


def is_typed(view: QuestionView) -> bool:
    """Whether the question is answered by typing text, which is mirrored while it is typed."""
    return view.type in ("text", "barcode") or (view.control == "input" and view.data_type == "string")


def draw(view: QuestionView, answers: Answers) -> None:
    """Draw the widget of a question that is answered by a widget (all but place, photo and note)."""
    key = key_of(answers.instance_id, view.ref)
    common: dict[str, Any] = {
        "label": label_of(view),
        "key": key,
        "disabled": view.readonly,
        "on_change": answers.give_typed if is_typed(view) else answers.give,
        "args": (key, view.ref, reader(view)),
    }
    if view.control in ("select1", "select"):
        _choices(view, key, answers, common)
    elif view.control == "rank":
        _show(view, key, view.value.split(), answers)
        _multiselect(view, common)
    elif view.control == "trigger":
        _show(view, key, view.value == "OK", answers)
        st.checkbox(**common)
    elif view.type in _MOMENTS:
        _moment(view, key, answers, common)
    elif _is_number(view):
        _number(view, key, answers, common)
    else:
        _text(view, key, answers, common)


def reader(view: QuestionView) -> ToText:
    """How what the question's widget holds becomes the text the engine keeps."""
    if view.control == "select":
        return _in_order(view.choices)
    if view.control == "rank":
        return lambda chosen: " ".join(chosen or ())
    if view.control == "trigger":
        return lambda on: "OK" if on else ""
    if view.type in _MOMENTS:
        return moment_text
    if _is_number(view):
        return number_text
    return lambda value: value or ""


def _is_number(view: QuestionView) -> bool:
    return view.data_type in ("int", "integer", "decimal") or view.control == "range"


def _show(view: QuestionView, key: str, value: Any, answers: Answers) -> None:
    """Let the widget show what the filling holds, when it is new or was changed elsewhere; never while it is the same."""
    shown = state.shown(answers.instance_id)
    if key not in st.session_state or shown.get(key) != view.value:
        st.session_state[key] = value
        state.committed(answers.instance_id)[key] = reader(view)(value)
    shown[key] = view.value


def _choices(view: QuestionView, key: str, answers: Answers, common: dict[str, Any]) -> None:
    labels = {choice.value: choice.label for choice in view.choices}
    options = list(labels)
    if view.control == "select":
        given = [value for value in view.value.split() if value in labels]
        _show(view, key, given, answers)
        if _as_list(view):
            _multiselect(view, common)
        else:
            st.pills(
                **common,
                options=options,
                selection_mode="multi",
                format_func=labels.__getitem__,
            )
        return
    _show(view, key, view.value if view.value in labels else None, answers)
    if _as_list(view):
        st.selectbox(
            **common,
            options=options,
            index=None,
            format_func=labels.__getitem__,
            placeholder=_("Choose one"),
        )
    else:
        # A second tap on an answer that is required does not take it back; a tap on another one changes it.
        st.pills(**common, options=options, format_func=labels.__getitem__, required=view.required)


def _as_list(view: QuestionView) -> bool:
    """Buttons while they fit a screen; a list to search in beyond, or where the form asks for one."""
    return (
        len(view.choices) > _MOST_BUTTONS or "minimal" in view.appearance or "autocomplete" in view.appearance
    )


def _multiselect(view: QuestionView, common: dict[str, Any]) -> None:
    labels = {choice.value: choice.label for choice in view.choices}
    st.multiselect(
        **common,
        options=list(labels),
        format_func=labels.__getitem__,
        placeholder=_("Choose"),
    )


def _in_order(choices: Sequence[Choice]) -> ToText:
    """Several choices as text, in the form's order whatever the order of tapping."""

    def to_text(chosen: Sequence[str] | None) -> str:
        picked = set(chosen or ())
        return " ".join(choice.value for choice in choices if choice.value in picked)

    return to_text


def _moment(view: QuestionView, key: str, answers: Answers, common: dict[str, Any]) -> None:
    if view.type == "date":
        _show(view, key, _read(date.fromisoformat, view.value[:10]), answers)
        st.date_input(**common, value=None, min_value=_EARLIEST, max_value=_LATEST, format="YYYY/MM/DD")
    elif view.type == "time":
        _show(view, key, _read(time.fromisoformat, view.value[:5]), answers)
        st.time_input(**common, value=None)
    else:
        _show(view, key, _read(datetime.fromisoformat, view.value[:16]), answers)
        st.datetime_input(**common, value=None)


def moment_text(value: date | time | datetime | None) -> str:
    """A date, a time or an instant as the engine keeps it; the township's clock is meant.

    >>> moment_text(date(2026, 5, 6)), moment_text(time(8, 30)), moment_text(None)
    ('2026-05-06', '08:30:00.000+08:00', '')
    """
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.replace(tzinfo=i18n.TIMEZONE).isoformat(timespec="milliseconds")
    if isinstance(value, time):
        return f"{value:%H:%M:%S}.000+08:00"
    return value.isoformat()


def _number(view: QuestionView, key: str, answers: Answers, common: dict[str, Any]) -> None:
    whole = view.data_type in ("int", "integer")
    start, end, step = (view.bound(name) for name in ("start", "end", "step"))
    if whole:
        _show(view, key, _read(int, view.value), answers)
        st.number_input(
            **common,
            value=None,
            step=int(step or 1),
            min_value=None if start is None else int(start),
            max_value=None if end is None else int(end),
            placeholder=_("Enter a number"),
        )
        return
    _show(view, key, _read(float, view.value), answers)
    st.number_input(
        **common,
        value=None,
        step=step or 1.0,
        min_value=start,
        max_value=end,
        format="%g",
        placeholder=_("Enter a number"),
    )


def number_text(value: float | None) -> str:
    """A number as the engine keeps it.

    >>> number_text(3), number_text(2.50), number_text(None)
    ('3', '2.5', '')
    """
    return "" if value is None else f"{value:.12g}"


def _text(view: QuestionView, key: str, answers: Answers, common: dict[str, Any]) -> None:
    _show(view, key, view.value, answers)
    if "multiline" in view.appearance or view.control == "textarea":
        st.text_area(**common, height=_TEXT_AREA_PX, placeholder=_("Tap to write"))
    else:
        st.text_input(**common, placeholder=_("Tap to write"))


def _read(convert: Callable[[str], Any], text: str) -> Any:
    """The value a text stands for, or nothing where it stands for none: the engine's message says so beside it."""
    try:
        return convert(text)
    except ValueError:
        return None
