"""One filling in progress: every answer to the engine and into the draft, in one transaction, the moment it is given.

Owns the callbacks of widgets and components, and what the page remembers of a filling: the part shown, what to bring
into view, whether gaps are marked. Refuses to keep answers: an answer that could not be saved (full disk, busy store)
waits and is saved with the next one.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import streamlit as st

from survey import db, i18n
from survey.access.permissions import Actor
from survey.fieldwork import places
from survey.i18n import gettext as _
from survey.problems import Problem
from survey.questionnaires import (
    attachments,
    drafts,
    drawn,
    file_answers,
    media,
    media_names,
    running,
    submissions,
)
from survey.questionnaires.definitions import Form, Repeat
from survey.questionnaires.engine import Instance
from survey.questionnaires.views import QuestionView
from survey.ui import form_parts, form_repeats, form_texts, session, state
from survey.ui.form_answers import key_of

# What no second sending mends: the browser may go on to the next photo.
_PHOTO_AT_FAULT = frozenset({"attachment.not_image", "attachment.too_large"})


@dataclass(frozen=True)
class _Typed:
    """A text typed into a field, and the texts it may replace: what it was typed over, what was sent of it before."""

    text: str
    over: tuple[str, ...]


@dataclass
class Draft:
    """A filling in progress, known by its id alone; every call reads and writes the store."""

    instance_id: str
    form: Form | None = field(default=None, compare=False, repr=False)
    """Its form, once it was opened."""
    media_names: frozenset[str] | None = field(default=None, compare=False, repr=False)
    """The files its form shows, once they were asked for."""

    @contextmanager
    def opened(self, actor: Actor) -> Iterator[Instance]:
        """The running form to read from, with what could not be saved yet."""
        waiting = state.unsaved(self.instance_id)
        with db.reading() as store:
            form = running.take(store, actor, self.instance_id)
            for ref, text in waiting.items():
                form.instance.answer(ref, text)
            self.form = form.instance.form
            form.instance.speak(self.language or i18n.language())
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
    def give(self, key: str, ref: str, to_text: form_texts.ToText) -> None:
        """Take over what the widget under this key now holds."""
        self._give(key, ref, to_text)

    @session.harmless_callback
    def give_typed(self, key: str, ref: str, to_text: form_texts.ToText) -> None:
        """Take over text that left its field; the browser keeps a copy until it is in the draft."""
        if self.accepted is not None:
            return
        text = to_text(st.session_state[key])
        before = state.shown(self.instance_id).get(key, "")
        state.committed(self.instance_id)[key] = text
        self._take_typed({ref: _Typed(text, (before,))})

    @session.callback
    def give_and_go_on(self, key: str, ref: str, to_text: form_texts.ToText) -> None:
        """Take over an answer and bring the next question into view, or the next part."""
        self._give(key, ref, to_text)
        if not st.session_state[key]:
            return
        with self.opened(session.actor()) as instance:
            parts = form_parts.parts(instance.form)
            at = form_parts.part_of(parts, ref) or 0
            views = form_parts.questions(instance.items(parts[at].body, unfolded=self.unfolded))
            refs = [view.ref for view in views if view.ref == ref or _is_answered_here(view)]
            later = next((n for n in range(at + 1, len(parts)) if instance.shows(parts[n].body)), None)
        following = refs[refs.index(ref) + 1 :] if ref in refs else []
        if following:
            self._scroll(f"st-key-{key_of(self.instance_id, following[0])}")
        elif later is not None:
            state.keep(self._name("part"), later)
            self._scroll("")

    @session.callback
    def give_month(self, year_key: str, month_key: str, ref: str) -> None:
        """Take over a month, once its year and its number are both filled in; without either there is none."""
        year, month = st.session_state[year_key], st.session_state[month_key]
        text = f"{year:04d}-{month:02d}-01" if year and month else ""
        state.shown(self.instance_id)[key_of(self.instance_id, ref)] = text
        self.answer({ref: text})

    @session.callback
    def slide(self, key: str, ref: str, steps: Sequence[str]) -> None:
        """Take over where a slider was moved to, or that it was cleared."""
        sent = _sent(key, "moved")
        if sent is not None:
            at = sent.get("at")
            self.answer({ref: steps[at] if isinstance(at, int) and 0 <= at < len(steps) else ""})

    @session.callback
    def rank(self, key: str, ref: str) -> None:
        """Take over the order a rank component sent."""
        sent = _sent(key, "ranked")
        if sent is not None:
            self.answer({ref: " ".join(str(value) for value in sent.get("order", ()))})

    def _give(self, key: str, ref: str, to_text: form_texts.ToText) -> None:
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
            state.shown(self.instance_id)[key_of(self.instance_id, ref)] = text
        if answers:
            self.answer(answers)

    @session.callback
    def add(self, ref: str) -> None:
        """Add an instance of a repeat, and show it where the repeat is shown one by one."""
        added: list[str] = []
        self.change(lambda _store, _actor, instance: added.append(instance.add_repeat(ref)))
        for repeat, position in form_parts.instances_above(added[0]):
            state.keep(self._name(f"open_{repeat}"), position)
        self._scroll(f"st-key-{key_of(self.instance_id, added[0])}_box")

    @session.callback
    def remove(self, ref: str) -> None:
        """Remove an instance of a repeat; one by one, the list of the others is shown."""
        self.change(lambda _store, _actor, instance: instance.remove_repeat(ref))
        state.keep(self._name(f"open_{ref.rpartition('[')[0]}"), 0)

    def unfolded(self, repeat: Repeat, ref: str, positions: Sequence[int]) -> Collection[int]:
        """The positions of the instances of a repeat that are drawn whole."""
        return form_repeats.unfolded(repeat, positions, int(state.kept(self._name(f"open_{ref}"), 0)))

    @session.harmless_callback
    def unfold(self, ref: str, position: int) -> None:
        """Show one instance of a repeat; 0: all of them as a compact list."""
        state.keep(self._name(f"open_{ref}"), position)
        box = f"{ref}[{position}]" if position else ref
        key = key_of(self.instance_id, box)
        self._scroll(f"st-key-{key}_box" if position else f"st-key-mq_rows_{key}")

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
        text = " ".join(form_texts.number_text(place.get(part, 0.0)) for part in parts) if place else ""

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
            if any(view.value == name for view in form_parts.questions(instance.items())):
                return  # It had arrived; only the answer was lost on the way.
            question = _empty_photo(instance, ref)
            self._keep_photo(store, actor, question, name, content, _taken(sent), place)
            instance.answer(question, name)

        self.change(edit)

    def _keep_photo(
        self,
        store: Any,
        actor: Actor,
        question: str,
        name: str,
        content: bytes,
        taken_at: datetime | None,
        place: tuple[float, float] | None,
    ) -> None:
        attachments.store(
            store, actor, self.instance_id, question, name, content, taken_at=taken_at, place=place
        )

    @session.callback
    def remove_photo(self, ref: str) -> None:
        """Remove a photo, and its place in the repeat unless it is the only one."""

        def edit(store: Any, actor: Actor, instance: Instance) -> None:
            self._remove_attachment(store, actor, instance.value(ref))
            instance.answer(ref, "")
            holder, bracket, _rest = ref.rpartition("[")
            above = ref.rpartition("/")[0]
            if bracket and above.endswith("]") and holder == above.rpartition("[")[0]:
                others = [
                    view.ref
                    for view in form_parts.questions(instance.items())
                    if view.ref.startswith(f"{holder}[")
                ]
                if len(others) > 1:
                    instance.remove_repeat(above)

        self.change(edit)

    @session.callback
    def take_file(self, key: str, ref: str) -> None:
        """Take in a file as an answer and as an attachment."""
        sent = st.session_state[key]
        if sent is None:
            return
        name = file_answers.name_for(sent.name)

        def edit(store: Any, actor: Actor, instance: Instance) -> None:
            self._keep_file(store, actor, ref, name, sent.getvalue())
            instance.answer(ref, name)

        self.change(edit)

    def _keep_file(self, store: Any, actor: Actor, ref: str, name: str, content: bytes) -> None:
        file_answers.store(store, actor, self.instance_id, ref, name, content)

    @session.callback
    def remove_file(self, ref: str) -> None:
        """Remove the file of a question."""

        def edit(store: Any, actor: Actor, instance: Instance) -> None:
            self._remove_attachment(store, actor, instance.value(ref))
            instance.answer(ref, "")

        self.change(edit)

    def _remove_attachment(self, store: Any, actor: Actor, name: str) -> None:
        attachments.remove(store, actor, self.instance_id, name)

    def address(self, name: str) -> str:
        """Where a picture, sound or film that the form names is served; empty where it has none."""
        if not name or self.form is None:
            return ""
        if self.media_names is None:
            with db.reading() as store:
                self.media_names = media.names(store, session.actor(), self.form.form_id, self.form.version)
        file = media_names.file_name(name)
        if file not in self.media_names:
            return ""
        return "/form-media/" + "/".join(
            quote(part, safe="") for part in (self.form.form_id, self.form.version or "-", file)
        )

    def photos(self) -> Mapping[str, str]:
        """Photo name → id of what is stored."""
        actor = session.actor()
        with db.reading() as store:
            return {view.name: view.id for view in attachments.of_instance(store, actor, self.instance_id)}

    def received(self, key: str) -> str:
        """The id under which a photo component last sent a photo that was dealt with."""
        return str(state.kept(f"received_{key}", ""))

    @session.harmless_callback
    def turn_to(self, part: int) -> None:
        """Show a part of the form from its top; a widget callback."""
        self.show_part(part)

    def show_part(self, part: int) -> None:
        """Show a part of the form from its top."""
        state.keep(self._name("part"), part)
        state.keep(self._name("overview"), False)
        self._scroll("")

    @session.harmless_callback
    def jump_to(self, ref: str) -> None:
        """Show a question: its part, the instances it lies in, the question itself; what is open is marked."""
        state.keep(self._name("checked"), True)
        with self.opened(session.actor()) as instance:
            parts = form_parts.parts(instance.form)
        self._jump(parts, ref)

    def _jump(self, parts: Sequence[form_parts.Part], ref: str) -> None:
        at = form_parts.part_of(parts, ref)
        if at is not None:
            state.keep(self._name("part"), at)
        for repeat, position in form_parts.instances_above(ref):
            state.keep(self._name(f"open_{repeat}"), position)
        state.keep(self._name("overview"), False)
        self._scroll(f"st-key-{key_of(self.instance_id, ref)}")

    @session.harmless_callback
    def look_over(self, overview: bool) -> None:
        """Show the overview of the whole form, or the form again; a widget callback."""
        self.show_overview(overview)

    def show_overview(self, overview: bool) -> None:
        """Show the overview of the whole form, or the form again."""
        state.keep(self._name("overview"), overview)
        self._scroll("")

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
            parts = form_parts.parts(instance.form)
            _filled, at = form_parts.shown(instance, parts, self.part)
            asked = tuple(form_parts.questions(instance.items(parts[at].body, unfolded=self.unfolded)))
        for view in asked:
            key = key_of(self.instance_id, view.ref)
            if key in known and key in st.session_state:
                text = form_texts.reader(view)(st.session_state[key])
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
            parts = form_parts.parts(instance.form)
        if mistakes:
            self._jump(parts, mistakes[0].ref)

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
    def ending(self) -> str:
        """What the last button of the form is called."""
        return _("Submit")

    @property
    def overview(self) -> bool:
        """Whether the overview of the whole form is shown instead of a part."""
        return bool(state.kept(self._name("overview"), False))

    @property
    def language(self) -> str:
        """The language chosen for this filling, where its form has others than the interface's; empty: none."""
        return str(state.kept(self._name("language"), ""))

    @session.harmless_callback
    def speak(self, key: str) -> None:
        """Show the form in the language that the widget under this key now holds."""
        state.keep(self._name("language"), st.session_state[key] or "")

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


def _is_answered_here(view: QuestionView) -> bool:
    return view.type != "note" and not view.readonly and drawn.can_be_answered(view)


def _empty_photo(instance: Instance, ref: str) -> str:
    """The image question for a new photo: the question itself, or one without a photo in the repeat, added if need be."""
    images = [
        view
        for view in form_parts.questions(instance.items())
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
        for view in form_parts.questions(instance.items())
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
