"""Trying a questionnaire: the same drawing as at the door, with answers that go nowhere.

Owns the filling of a trial, kept in the browser's session alone. Refuses to write: no draft, no photo, no register.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from survey import db
from survey.access.permissions import Actor
from survey.i18n import gettext as _
from survey.questionnaires import authoring
from survey.questionnaires.engine import Instance
from survey.questionnaires.views import ItemView
from survey.ui import filling, forms, session, state, wording


@dataclass(frozen=True)
class Trial(filling.Draft):
    """A filling of a version that belongs to no household."""

    version_id: int = 0

    @contextmanager
    def opened(self, actor: Actor) -> Iterator[Instance]:
        """The running form, from what this browser session holds."""
        yield _instance(actor, self.version_id, _payload(self.version_id))

    def change(self, edit: Callable[[Any, Actor, Instance], None]) -> None:
        """Edit the trial's filling; nothing is saved."""
        actor = session.actor()
        with self.opened(actor) as instance:
            edit(None, actor, instance)
            state.keep(_name(self.version_id), instance.to_xml())

    @session.callback
    def photograph(self, key: str, ref: str) -> None:
        """Take note of a photo without keeping it."""
        sent = (st.session_state.get(key) or {}).get("photo")
        if sent:
            state.keep(f"received_{key}", str(sent["id"]))
            self.change(lambda _store, _actor, instance: _add_photo(instance, ref, str(sent["id"])))

    @session.callback
    def remove_photo(self, ref: str) -> None:
        """Forget the note of a photo."""
        self.change(lambda _store, _actor, instance: instance.answer(ref, ""))

    def photos(self) -> Mapping[str, str]:
        """Nothing is stored, so there is nothing to show."""
        return {}


def show(version_id: int) -> None:
    """The form of a version to be tried, with a way to begin anew."""
    if not _payload(version_id):
        _begin(version_id)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_("This is a trial: nothing you enter is saved, and no household is changed."))
        st.button(
            _("Begin anew"),
            key="mq_trial_anew",
            icon=":material/restart_alt:",
            on_click=_begin,
            args=(version_id,),
        )
    _form(version_id)


@session.fragment
def _form(version_id: int) -> None:
    actor = session.actor()
    instance = _instance(actor, version_id, _payload(version_id))
    draft = Trial(instance.instance_id, version_id)
    parts, items = forms.parts(instance.form.body), instance.items()
    filled = [at for at, part in enumerate(parts) if _of_part(items, part)]
    if not filled:
        st.caption(_("The questionnaire shows no question."))
        return
    at = max((part for part in filled if part <= draft.part), default=filled[0])
    for notice in state.take_notices():
        {"success": st.success, "warning": st.warning, "error": st.error}[notice.kind](notice.text)
    mistakes = instance.errors()
    marked = {mistake.ref: mistake.message for mistake in mistakes if draft.checked}
    with st.container(key=f"mq_part_{draft.instance_id[-12:]}_{at}"):
        forms.draw(_of_part(items, parts[at]), draft, marked)
    place = filled.index(at)
    with st.container(key="mq_trial_bar", horizontal=True, wrap=False, vertical_alignment="center"):
        if place > 0:
            st.button(
                _("Back"), key="mq_back", width="stretch", on_click=draft.turn_to, args=(filled[place - 1],)
            )
        if mistakes:
            st.button(
                _("{n} still to answer", n=len(mistakes)), key="mq_open", width="stretch",
                icon=":material/arrow_downward:", on_click=draft.to_next_open,
            )  # fmt: skip
        if place < len(filled) - 1:
            st.button(
                _("Next"),
                key="mq_next",
                type="primary",
                width="stretch",
                on_click=draft.turn_to,
                args=(filled[place + 1],),
            )
    st.caption(_("Part {n} of {total}", n=place + 1, total=len(filled)))
    if not mistakes:
        _outcome(instance)


def _outcome(instance: Instance) -> None:
    """What the answers would write if they were handed in at a household."""
    rows = instance.entities()
    st.success(_("Nothing is missing: it could be handed in."))
    if not rows:
        st.caption(_("The answers stay in the results; they change no register and open no case."))
    lines = [
        f"- {wording.plain(_act(row.list_name, row.action))}"
        + "".join(
            f"  \n  {wording.plain(name)} = {wording.plain(value)}"
            for name, value in row.properties.items()
            if value
        )
        for row in rows
    ]
    st.markdown("\n".join(lines))


def _act(list_name: str, action: str) -> str:
    if action == "create":
        return _("would add an entry to the list {list}", list=list_name)
    return _("would update the entry of the list {list}", list=list_name)


@session.harmless_callback
def _begin(version_id: int) -> None:
    instance = _instance(session.actor(), version_id, "")
    state.keep(_name(version_id), instance.to_xml())


def _instance(actor: Actor, version_id: int, payload: str) -> Instance:
    with db.reading() as store:
        return authoring.trial(store, actor, version_id, payload, now=datetime.now(UTC))


def _payload(version_id: int) -> str:
    return str(state.kept(_name(version_id), ""))


def _name(version_id: int) -> str:
    return f"trial_{version_id}"


def _of_part(items: tuple[ItemView, ...], part: tuple[str, ...]) -> tuple[ItemView, ...]:
    return tuple(
        item for item in items if any(forms.belongs(view.ref, part) for view in forms.questions((item,)))
    )


def _add_photo(instance: Instance, ref: str, identifier: str) -> None:
    images = [
        view.ref for view in forms.questions(instance.items()) if view.type == "image" and not view.value
    ]
    below = [found for found in images if found == ref or found.startswith(f"{ref}[")]
    if not below:
        added = instance.add_repeat(ref)
        below = [
            view.ref
            for view in forms.questions(instance.items())
            if view.type == "image" and view.ref.startswith(added)
        ]
    instance.answer(below[0], f"photo-{identifier}.jpg")
