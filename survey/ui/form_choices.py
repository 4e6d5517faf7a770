"""Questions answered by choosing: buttons while they are few, a list beyond, a search where the list is long.

Owns which of these a question gets, by its appearance and the number of its choices, and how many choices go to the
browser. Refuses to choose for anybody: nothing is chosen until it is tapped.
https://docs.getodk.org/form-question-types/#select-widgets
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import streamlit as st
from pypinyin import Style, lazy_pinyin

from survey.i18n import gettext as _
from survey.questionnaires.views import Choice, QuestionView
from survey.ui import components, form_labels, form_texts, state
from survey.ui.form_answers import Common, Filling, show

MOST_BUTTONS: Final = 16
MOST_LISTED: Final = 100
"""A longer list stays on the server: the browser gets what matches the search."""
MOST_FOUND: Final = 20
_COLUMNS: Final = re.compile(r"^(?:quick)?(?:columns|compact)(?:-(\d))?$")
_MOST_STEP_BUTTONS: Final = 11
MOST_STEPS: Final = 10_000
"""A range of more steps is no range a finger could set."""


def draw_choices(view: QuestionView, filling: Filling, common: Common) -> None:
    """A selection of one or several, as its appearance and the number of its choices ask for."""
    looks = set(view.appearance.split())
    if len(view.choices) > MOST_LISTED:
        _search(view, filling, common)
    elif looks & {"minimal", "autocomplete"} or len(view.choices) > MOST_BUTTONS:
        _list(view, filling, common)
    else:
        _buttons(view, filling, common, looks)


def _given(view: QuestionView) -> Any:
    """What is chosen, as a widget holds it: a value or none, or several values."""
    known = {choice.value for choice in view.choices}
    if view.control == "select":
        return [value for value in view.value.split() if value in known]
    return view.value if view.value in known else None


def _mode(view: QuestionView, choices: Sequence[Choice], filling: Filling) -> dict[str, Any]:
    """What buttons have in common."""
    labels = {choice.value: _button_label(choice, filling) for choice in choices}
    mode: dict[str, Any] = {"options": list(labels), "format_func": labels.__getitem__}
    if view.control == "select":
        return mode | {"selection_mode": "multi"}
    # A second tap on an answer that is required does not take it back; a tap on another one changes it.
    return mode | {"required": view.required}


def _button_label(choice: Choice, filling: Filling) -> str:
    picture = filling.address(choice.media.get("image", "")) if choice.media else ""
    text = form_labels.marked(choice.label)
    return f"![]({picture}) {text}" if picture else text


def _buttons(view: QuestionView, filling: Filling, common: Common, looks: set[str]) -> None:
    key = common["key"]
    show(view, key, _given(view), filling)
    mode = _mode(view, view.choices, filling)
    layout = _layout(view, looks)
    if not layout:
        st.pills(**common, **mode)
        return
    with st.container(key=f"mq_{layout}_{key}"):
        st.pills(**common, **mode, width="stretch")


def _layout(view: QuestionView, looks: set[str]) -> str:
    """The name of the arrangement an appearance or pictures ask for, as the style sheet knows it; empty: as they fit."""
    if looks & {"likert"}:
        return "likert"
    if looks & {"list-nolabel"}:
        return "table"
    for look in looks:
        found = _COLUMNS.match(look)
        if found and found[1]:
            return f"columns{min(max(int(found[1]), 1), 6)}"
        if found and look.endswith("columns"):
            return "columns"
    if looks & {"vertical", "vertical-compact"}:
        return "columns1"
    return "pictures" if any("image" in choice.media for choice in view.choices) else ""


def _list(view: QuestionView, filling: Filling, common: Common) -> None:
    labels = {choice.value: choice.label for choice in view.choices}
    show(view, common["key"], _given(view), filling)
    shared: dict[str, Any] = {
        "options": list(labels),
        "format_func": labels.__getitem__,
        "filter_mode": "contains",
    }
    if view.control == "select":
        st.multiselect(**common, **shared, placeholder=_("Choose"), select_all=False)
    else:
        st.selectbox(**common, **shared, index=None, placeholder=_("Choose one"))


# -- long lists --------------------------------------------------------------------------------------


def _search(view: QuestionView, filling: Filling, common: Common) -> None:
    """A field to search in, and under it what is chosen and what matches, as buttons."""
    key = common["key"]
    asked = st.text_input(
        common["label"],
        key=search_key(key),
        type="search",
        live=True,
        placeholder=_("Type a few characters to search among {n}", n=len(view.choices)),
        autocomplete="off",
    )
    given = _given(view)
    chosen = set(given if isinstance(given, list) else [given] if given else [])
    found, total = matching(view.choices, asked or "")
    shown = [choice for choice in view.choices if choice.value in chosen]
    shown += [choice for choice in found if choice.value not in chosen]
    # The draft says what is chosen: the choices offered change from one letter to the next.
    st.session_state[key] = given
    state.committed(filling.instance_id)[key] = form_texts.reader(view)(given)
    if shown:
        with st.container(key=f"mq_found_{key}"):
            st.pills(
                **common | {"label_visibility": "collapsed"}, **_mode(view, shown, filling), width="stretch"
            )
    if not total:
        st.caption(_("Nothing found; try fewer characters."))
    elif total > len(found):
        st.caption(_("{n} further matches; type more to narrow them down.", n=total - len(found)))


def search_key(key: str) -> str:
    """The key of the field in which a question's choices are searched."""
    return f"{key}_find"


def matching(choices: Sequence[Choice], asked: str, *, most: int = MOST_FOUND) -> tuple[list[Choice], int]:
    """The first choices that hold every word asked for, in their label or by its sound, and how many there are.

    >>> villages = [Choice("1", "李家坪村"), Choice("2", "王家湾村")]
    >>> [[choice.value for choice in matching(villages, words)[0]] for words in ("家", "王", "ljp", "wangjia", "9")]
    [['1', '2'], ['2'], ['1'], ['2'], []]
    """
    words = asked.casefold().split()
    found = (
        [choice for choice in choices if all(_holds(choice.label, word) for word in words)]
        if words
        else choices
    )
    return list(found[:most]), len(found)


def _holds(label: str, word: str) -> bool:
    if word in label.casefold():
        return True
    return word.isascii() and word.isalpha() and any(word in sound for sound in _sounds(label))


@lru_cache(maxsize=50_000)
def _sounds(label: str) -> tuple[str, str]:
    """A label in pinyin, and the initials of its characters."""
    return "".join(lazy_pinyin(label)).casefold(), "".join(
        lazy_pinyin(label, style=Style.FIRST_LETTER)
    ).casefold()


# -- ranges and ranks --------------------------------------------------------------------------------


def draw_range(view: QuestionView, filling: Filling, common: Common) -> None:
    """A range: its steps as buttons while they are few, else a slider without a position until it is touched."""
    steps = steps_of(view)
    looks = set(view.appearance.split())
    if steps is None:
        st.markdown(common["label"])
        st.caption(_("The range of this question is not valid."))
    elif looks & {"picker"} and len(steps) <= MOST_LISTED:
        show(view, common["key"], view.value if view.value in steps else None, filling)
        st.selectbox(**common, options=steps, index=None, placeholder=_("Choose one"))
    elif len(steps) <= _MOST_STEP_BUTTONS:
        _steps(view, filling, common, steps, looks)
    else:
        _slider(view, filling, common, steps)


def steps_of(view: QuestionView) -> tuple[str, ...] | None:
    """The values of a range as the engine keeps them, in order; none where its bounds make no range.

    One of more than `MOST_STEPS` counts as none.
    """
    try:
        start, end, step = (float(view.parameters.get(name, "") or usual) for name, usual in _USUAL)
    except ValueError:
        return None
    if not (math.isfinite(start) and math.isfinite(end) and step and math.isfinite(step)):
        return None
    count = math.floor(abs(end - start) / abs(step) + 1e-9)
    if count > MOST_STEPS:
        return None
    sign = math.copysign(abs(step), end - start)
    whole = view.data_type in ("int", "integer")
    return tuple(_step_text(start + at * sign, whole=whole) for at in range(count + 1))


_USUAL: Final = (("start", "1"), ("end", "10"), ("step", "1"))


def _step_text(value: float, *, whole: bool) -> str:
    return str(round(value)) if whole else f"{round(value, 9):.12g}"


def _steps(
    view: QuestionView, filling: Filling, common: Common, steps: tuple[str, ...], looks: set[str]
) -> None:
    stars = "rating" in looks
    show(view, common["key"], view.value if view.value in steps else None, filling)
    with st.container(key=f"mq_likert_{common['key']}"):
        st.pills(
            **common,
            options=steps,
            format_func=(lambda step: f"{step} ★") if stars else str,
            required=view.required,
            width="stretch",
        )


def _slider(view: QuestionView, filling: Filling, common: Common, steps: tuple[str, ...]) -> None:
    st.markdown(common["label"])
    components.slider(
        f"{common['key']}_slider",
        {
            "untouched": _("Tap or drag to choose"),
            "clear": _("Clear"),
            "less": _("One less"),
            "more": _("One more"),
        },
        label=form_labels.as_text(view.label or view.name),
        steps=steps,
        at=steps.index(view.value) if view.value in steps else None,
        upright="vertical" in view.appearance.split(),
        on_moved=filling.slide,
        args=(f"{common['key']}_slider", view.ref, steps),
    )


def draw_rank(view: QuestionView, filling: Filling, common: Common) -> None:
    """Choices to be put in order: tapped one after the other, moved up and down."""
    st.markdown(common["label"])
    labels = {choice.value: choice.label for choice in view.choices}
    components.rank(
        f"{common['key']}_rank",
        {
            "rest": _("Tap in order, the first one first"),
            "up": _("One place up"),
            "down": _("One place down"),
            "out": _("Take out"),
        },
        choices=list(labels.items()),
        ranked=[value for value in view.value.split() if value in labels],
        on_ranked=filling.rank,
        args=(f"{common['key']}_rank", view.ref),
    )
