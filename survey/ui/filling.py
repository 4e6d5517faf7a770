"""One filling in progress: every answer to the engine and into the draft, in one transaction, the moment it is given.

Owns the callbacks of widgets and components, and what the page remembers of a filling: the part shown, what to bring
into view, whether gaps are marked. Refuses to keep answers: an answer that could not be saved (full disk, busy store)
waits and is saved with the next one.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from survey import db, i18n
from survey.access.permissions import Actor
from survey.fieldwork import places
from survey.problems import Problem
from survey.questionnaires import attachments, drafts, running, submissions
from survey.questionnaires.engine import Instance
from survey.ui import form_widgets, forms, session, state

# What no second sending mends: the browser may go on to the next photo.
_PHOTO_AT_FAULT = frozenset({"attachment.not_image", "attachment.too_large"})


@dataclass(frozen=True)
class _Typed:
    """A text typed into a field, and the texts it may replace: what it was typed over, what was sent of it before."""

    text: str
    over: tuple[str, ...]


@dataclass(frozen=True)
class Draft:
    """A filling in progress, known by its id alone; every call reads and writes the store."""

    instance_id: str

    @contextmanager
    def opened(self, actor: Actor) -> Iterator[Instance]:
        """The running form to read from, with what could not be saved yet."""
        waiting = state.unsaved(self.instance_id)
        with db.reading() as store:
            form = running.take(store, actor, self.instance_id)
            for ref, text in waiting.items():
                form.instance.answer(ref, text)
            yield form.instance
            if not waiting:
                running.give_back(store, form)

    def change(self, edit: Callable[[Any, Actor, Instance], None]) -> None:
        """Edit the filling and save it in one transaction, together with what could not be saved before."""
        actor = session.actor()
        waiting = state.unsaved(self.instance_id)
        with db.session_scope() as store:
            form = running.take(store, actor, self.instance_id)
            for ref, text in waiting.items():
                form.instance.answer(ref, text)
            edit(store, actor, form.instance)
            form = running.save(store, actor, form, now=datetime.now(UTC))
        waiting.clear()
        running.give_back(store, form)

    def answer(self, answers: Mapping[str, str]) -> None:
        """Give answers and save; what cannot be saved waits, and the problem is told."""
        try:
            self.change(lambda _store, _actor, instance: _answer_all(instance, answers))
        except Problem as problem:
            if problem.entry.status < 500:
                raise
            state.unsaved(self.instance_id).update(answers)
            raise

    @session.callback
    def give(self, key: str, ref: str, to_text: form_widgets.ToText) -> None:
        """Take over what the widget under this key now holds."""
        self._give(key, ref, to_text)

    @session.harmless_callback
    def give_typed(self, key: str, ref: str, to_text: form_widgets.ToText) -> None:
        """Take over text that left its field; the browser keeps a copy until it is in the draft."""
        if self.accepted is not None:
            return
        text = to_text(st.session_state[key])
        before = state.shown(self.instance_id).get(key, "")
        state.committed(self.instance_id)[key] = text
        self._take_typed({ref: _Typed(text, (before,))})

    def _give(self, key: str, ref: str, to_text: form_widgets.ToText) -> None:
        if self.accepted is not None:
            return
        text = to_text(st.session_state[key])
        state.shown(self.instance_id)[key] = state.committed(self.instance_id)[key] = text
        self.answer({ref: text})

    @session.harmless_callback
    def typed(self, key: str) -> None:
        """Take over text that is still being typed."""
        self._take_typed(_typed(key))

    def _take_typed(self, typed: Mapping[str, _Typed]) -> None:
        """Take over typed text where the draft still holds what it was typed over.

        Where it does not, another device wrote meanwhile: the draft stays, and the browser shows both texts.
        """
        with self.opened(session.actor()) as instance:
            answers = {
                ref: one.text for ref, one in typed.items() if instance.value(ref) in (one.text, *one.over)
            }
        for ref, text in answers.items():
            state.shown(self.instance_id)[form_widgets.key_of(self.instance_id, ref)] = text
        if answers:
            self.answer(answers)

    @session.callback
    def add(self, ref: str) -> None:
        """Add an instance of a repeat."""
        self.change(lambda _store, _actor, instance: _added(instance, ref))

    @session.callback
    def remove(self, ref: str) -> None:
        """Remove an instance of a repeat."""
        self.change(lambda _store, _actor, instance: instance.remove_repeat(ref))

    @session.callback
    def locate(self, ref: str, place: Mapping[str, float] | None, source: str) -> None:
        """Set or clear a place, and by which way it was found."""
        self._locate(ref, place, source)

    @session.callback
    def locate_from(self, key: str, ref: str) -> None:
        """Take over the position the device found."""
        found = _sent(key, "found")
        if found:
            self._locate(
                ref, {name: float(found[name]) for name in ("lat", "lon", "altitude", "accuracy")}, "gps"
            )

    def _locate(self, ref: str, place: Mapping[str, float] | None, source: str) -> None:
        parts = ("lat", "lon", "altitude", "accuracy")
        text = " ".join(form_widgets.number_text(place.get(part, 0.0)) for part in parts) if place else ""

        def edit(_store: Any, _actor: Actor, instance: Instance) -> None:
            instance.answer(ref, text)
            if tuple(f"{ref}_source".strip("/").split("/")) in instance.form.fields:
                instance.answer(f"{ref}_source", source)

        self.change(edit)

    def far_from_village(self, lat: float, lon: float) -> float | None:
        """How many kilometres a position lies from the household's village, where that is too far to be the house."""
        actor = session.actor()
        with db.reading() as store:
            household_id = drafts.load(store, actor, self.instance_id).household_id
            if household_id is None:
                return None
            return places.far_from_village(store, actor, household_id, lat, lon, on=i18n.today())

    @session.callback
    def photograph(self, key: str, ref: str) -> None:
        """Take in a photo the browser reduced, as an answer and as an attachment."""
        sent = _sent(key, "photo")
        if not sent:
            return
        try:
            self._photograph(ref, sent)
        except Problem as problem:
            if problem.code in _PHOTO_AT_FAULT:
                state.keep(f"received_{key}", str(sent["id"]))
            raise
        # Only now: until it is named here, the browser keeps the photo and sends it again.
        state.keep(f"received_{key}", str(sent["id"]))

    def _photograph(self, ref: str, sent: Mapping[str, Any]) -> None:
        name = f"photo-{sent['id']}.jpg"
        try:
            content = base64.b64decode(str(sent["content"]), validate=True)
        except binascii.Error as error:
            raise Problem("attachment.not_image", question="—", name=str(sent.get("name", ""))) from error
        place = (float(sent["lat"]), float(sent["lon"])) if "lat" in sent and "lon" in sent else None

        def edit(store: Any, actor: Actor, instance: Instance) -> None:
            if any(view.value == name for view in forms.questions(instance.items())):
                return  # It had arrived; only the answer was lost on the way.
            question = _empty_photo(instance, ref)
            attachments.store(
                store, actor, self.instance_id, question, name, content, taken_at=_taken(sent), place=place
            )
            instance.answer(question, name)

        self.change(edit)

    @session.callback
    def remove_photo(self, ref: str) -> None:
        """Remove a photo, and its place in the repeat unless it is the only one."""

        def edit(store: Any, actor: Actor, instance: Instance) -> None:
            attachments.remove(store, actor, self.instance_id, instance.value(ref))
            instance.answer(ref, "")
            holder, bracket, _rest = ref.rpartition("[")
            above = ref.rpartition("/")[0]
            if bracket and above.endswith("]") and holder == above.rpartition("[")[0]:
                others = [
                    view.ref
                    for view in forms.questions(instance.items())
                    if view.ref.startswith(f"{holder}[")
                ]
                if len(others) > 1:
                    instance.remove_repeat(above)

        self.change(edit)

    def photos(self) -> Mapping[str, str]:
        """Photo name → id of what is stored."""
        actor = session.actor()
        with db.reading() as store:
            return {view.name: view.id for view in attachments.of_instance(store, actor, self.instance_id)}

    def received(self, key: str) -> str:
        """The id under which a photo component last sent a photo that was dealt with."""
        return str(state.kept(f"received_{key}", ""))

    @session.harmless_callback
    def turn_to(self, part: int, field: str = "") -> None:
        """Show a part of the form, from its top or at a field."""
        state.keep(self._name("part"), part)
        self._scroll(field)

    @session.callback
    def submit(self) -> None:
        """Hand the filling in; when answers are missing or wrong, go to the first of them."""
        actor = session.actor()
        self._take_the_last_answers(actor)
        try:
            with db.session_scope() as store:
                accepted = submissions.submit_draft(store, actor, self.instance_id, now=datetime.now(UTC))
        except Problem as problem:
            if problem.code != "submission.invalid":
                raise
            state.keep(self._name("checked"), True)
            self._turn_to_first_mistake(actor)
            raise
        state.keep(self._name("accepted"), accepted)

    def _take_the_last_answers(self, actor: Actor) -> None:
        """Give what left its field in the same moment as submit was tapped, and what could not be saved yet.

        Streamlit may deliver both in one message and promises no order among callbacks.
        """
        known, late = state.committed(self.instance_id), {}
        with self.opened(actor) as instance:
            asked = tuple(forms.questions(instance.items()))
        for view in asked:
            key = form_widgets.key_of(self.instance_id, view.ref)
            if key in known and key in st.session_state:
                text = form_widgets.reader(view)(st.session_state[key])
                if text != known[key]:
                    late[view.ref] = known[key] = text
        if late or state.unsaved(self.instance_id):
            self.answer(late)

    @session.harmless_callback
    def to_next_open(self) -> None:
        """Go to the first question that still needs an answer, and mark them all."""
        state.keep(self._name("checked"), True)
        self._turn_to_first_mistake(session.actor())

    def _turn_to_first_mistake(self, actor: Actor) -> None:
        with self.opened(actor) as instance:
            mistakes = instance.errors()
            parts = forms.parts(instance.form.body)
        if not mistakes:
            return
        ref = mistakes[0].ref
        for at, part in enumerate(parts):
            if forms.belongs(ref, part):
                state.keep(self._name("part"), at)
        self._scroll(f"st-key-{form_widgets.key_of(self.instance_id, ref)}")

    def _scroll(self, field: str) -> None:
        state.keep(self._name("scroll"), field)
        state.keep(self._name("turn"), int(state.kept(self._name("turn"), 0)) + 1)

    @property
    def part(self) -> int:
        """The part of the form that is shown."""
        return int(state.kept(self._name("part"), 0))

    @property
    def scroll(self) -> tuple[str, int]:
        """The field to bring into view, and the turn that asked for it."""
        return str(state.kept(self._name("scroll"), "")), int(state.kept(self._name("turn"), 0))

    @property
    def checked(self) -> bool:
        """Whether missing answers are marked: only once the cadre asked for what is missing."""
        return bool(state.kept(self._name("checked"), False))

    @property
    def accepted(self) -> submissions.Accepted | None:
        """What became of it, once it was handed in on this page."""
        found: submissions.Accepted | None = state.kept(self._name("accepted"))
        return found

    def _name(self, what: str) -> str:
        return f"{what}_{self.instance_id[-12:]}"


def _answer_all(instance: Instance, answers: Mapping[str, str]) -> None:
    for ref, text in answers.items():
        instance.answer(ref, text)


def _added(instance: Instance, ref: str) -> None:
    instance.add_repeat(ref)


def _empty_photo(instance: Instance, ref: str) -> str:
    """The image question for a new photo: the question itself, or one without a photo in the repeat, added if need be."""
    images = [
        view
        for view in forms.questions(instance.items())
        if view.type == "image" and (view.ref == ref or view.ref.startswith(f"{ref}["))
    ]
    for view in images:
        if not view.value:
            return view.ref
    if images and images[0].ref == ref:
        return ref
    added = instance.add_repeat(ref)
    return next(
        view.ref
        for view in forms.questions(instance.items())
        if view.type == "image" and view.ref.startswith(f"{added}/")
    )


def _sent(key: str, event: str) -> dict[str, Any] | None:
    """What a component sent with this event, in its callback."""
    value = (st.session_state.get(key) or {}).get(event)
    return value if isinstance(value, dict) else None


def _typed(key: str) -> dict[str, _Typed]:
    """What the mirror sent: question → what was typed over what."""
    sent = _sent(key, "typed") or {}
    return {str(ref): _Typed(str(one["text"]), tuple(map(str, one["over"]))) for ref, one in sent.items()}


def _taken(sent: Mapping[str, Any]) -> datetime | None:
    """EXIF's local time; what is no time counts as none (a camera whose clock was never set)."""
    try:
        taken = datetime.strptime(str(sent.get("taken", "")), "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    return taken.replace(tzinfo=i18n.TIMEZONE)
