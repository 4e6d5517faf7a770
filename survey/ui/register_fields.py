"""Fields of an office form: drawn from what stands in the register, read back as what was changed.

Owns the widgets of the register's forms, what a person was looking at when he began, and the sentence shown above
the button when saving was refused. Refuses to write: a page's callback takes `changes` to a service. A form is known
by its `name`; what was typed stays in its fields until it is saved or left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import streamlit as st

from survey import i18n
from survey.i18n import gettext as _
from survey.problems import Problem
from survey.ui import state, wording

_EARLIEST = date(1900, 1, 1)
_LATEST = date(2100, 12, 31)
_MOST_BUTTONS = 8


@dataclass(frozen=True)
class Form:
    """A form: its name, the values it began with, and whether somebody else changed the record meanwhile."""

    name: str
    began: Mapping[str, Any]

    def key(self, field: str) -> str:
        """The key of a field's widget."""
        return f"mq_form_{self.name}_{field}"

    def text(self, field: str, label: str, *, longest: int, lines: int = 1) -> None:
        """A text field; `lines` above one makes it a larger box."""
        common: dict[str, Any] = {
            "label": label,
            "value": self.began.get(field) or "",
            "max_chars": longest,
            "key": self.key(field),
            "placeholder": _("Tap to write"),
        }
        if lines > 1:
            st.text_area(**common, height=34 * lines)
        else:
            st.text_input(**common)
        self._meanwhile(field, str)

    def number_text(self, field: str, label: str, masked: str) -> None:
        """A number that is shown masked: typing replaces it, a mark removes it."""
        st.text_input(
            label,
            key=self.key(field),
            max_chars=30,
            placeholder=_("{masked} (leave empty to keep)", masked=masked) if masked else _("Tap to write"),
            autocomplete="off",
        )
        if masked:
            st.checkbox(_("Remove: {label}", label=label), key=self.key(f"{field}_removed"))

    def choice(self, field: str, label: str, labels: Mapping[str, str], *, needed: bool = False) -> None:
        """One of a code list: buttons while they are few, else a list to search in."""
        options = list(labels)
        present = self.began.get(field)
        given = present if present in labels else None
        if len(options) <= _MOST_BUTTONS:
            st.pills(
                label,
                options,
                default=given,
                format_func=labels.__getitem__,
                key=self.key(field),
                required=needed and given is not None,
            )
        else:
            st.selectbox(
                label,
                options,
                index=options.index(given) if given else None,
                format_func=labels.__getitem__,
                placeholder=_("Choose one"),
                key=self.key(field),
            )
        self._meanwhile(field, lambda value: labels.get(value, value))

    def choices(self, field: str, label: str, labels: Mapping[str, str]) -> None:
        """Any number of a code list, as buttons."""
        given = [value for value in self.began.get(field) or () if value in labels]
        st.pills(
            label,
            list(labels),
            selection_mode="multi",
            default=given,
            format_func=labels.__getitem__,
            key=self.key(field),
        )

    def day(self, field: str, label: str, *, latest: date | None = None) -> None:
        """A date, which may be empty."""
        st.date_input(
            label,
            value=self.began.get(field),
            min_value=_EARLIEST,
            max_value=latest or _LATEST,
            format="YYYY/MM/DD",
            key=self.key(field),
        )
        self._meanwhile(field, i18n.day)

    def count(self, field: str, label: str, *, most: int) -> None:
        """A whole number from 0 to `most`, which may be empty."""
        st.number_input(
            label,
            value=self.began.get(field),
            min_value=0,
            max_value=most,
            step=1,
            placeholder=_("Enter a number"),
            key=self.key(field),
        )
        self._meanwhile(field, str)

    def buttons(self, label: str, save: Callable[[], None], leave: Callable[[], None]) -> None:
        """What was refused, if anything, and the two ways out of the form."""
        refused = state.kept(_problem_key(self.name))
        if refused:
            st.error(wording.plain(refused))
        yes, no = st.columns(2, wrap=False)
        yes.button(label, type="primary", width="stretch", key=self.key("save"), on_click=save)
        no.button(_("Cancel"), width="stretch", key=self.key("leave"), on_click=leave)

    def _meanwhile(self, field: str, spoken: Callable[[Any], str]) -> None:
        """After a conflict, what the register holds now beside what was typed."""
        if not state.kept(_conflict_key(self.name)):
            return
        now, typed = self.began.get(field), st.session_state.get(self.key(field))
        if (typed or None) != (now or None):
            st.caption(_("In the register now: {value}", value=spoken(now) if now else _("nothing")))


def begun(name: str, seen: Any) -> Any:
    """What the person saw when he opened the form: kept at the first draw, given back at the others."""
    if state.kept(_seen_key(name)) is None:
        state.keep(_seen_key(name), seen)
    return state.kept(_seen_key(name))


def forget(name: str) -> None:
    """The form was left or saved: the next opening begins from the register."""
    for key in (_seen_key(name), _problem_key(name), _conflict_key(name)):
        state.keep(key, None)


def refuse(name: str, problem: Problem) -> None:
    """Show above the form's button why it was not saved."""
    state.keep(_problem_key(name), problem.text(i18n.language()))


def conflict(name: str, now: Any) -> None:
    """Somebody else changed the record: from here on the form stands against what is there now."""
    state.keep(_seen_key(name), now)
    state.keep(_conflict_key(name), True)


def changes(name: str, began: Mapping[str, Any], masked: Sequence[str] = ()) -> dict[str, Any]:
    """The fields whose widget differs from what the form began with; emptied ones are none.

    Masked numbers count when something was typed, or when they were marked for removal.
    """
    form = Form(name, began)
    found: dict[str, Any] = {}
    for field, before in began.items():
        if form.key(field) not in st.session_state:
            continue
        after = _normal(st.session_state[form.key(field)])
        if after != _normal(before):
            found[field] = after
    for field in masked:
        typed = _normal(st.session_state.get(form.key(field)))
        if typed:
            found[field] = typed
        elif st.session_state.get(form.key(f"{field}_removed")):
            found[field] = None
    return found


def _normal(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, list | tuple):
        return list(value)
    return value


def _seen_key(name: str) -> str:
    return f"form_seen_{name}"


def _problem_key(name: str) -> str:
    return f"form_problem_{name}"


def _conflict_key(name: str) -> str:
    return f"form_conflict_{name}"
