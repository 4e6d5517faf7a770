"""Filling in a questionnaire: from the address to the draft, from the draft to the page, from the page to submit.

Owns the fillings a page works on: `Draft` gives every answer to the engine and saves it in one transaction, the moment
it is given; the form is drawn from what was saved. The address names the instance, so that any device continues it.
Refuses to keep answers in the page: what could not be saved is tried again with the next one.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from survey import db, i18n
from survey.access.permissions import Actor
from survey.fieldwork import visits
from survey.i18n import gettext as _
from survey.problems import Problem
from survey.questionnaires import attachments, drafts, library, submissions
from survey.questionnaires.engine import Instance
from survey.questionnaires.registry import Written
from survey.questionnaires.views import ItemView
from survey.questionnaires.views import QuestionView as Question
from survey.ui import components, form_widgets, forms, navigation, session, shell, state, wording

_PREFIX = "minqing"
_RECENT = 10


@dataclass(frozen=True)
class Task:
    """What the address asks for: begin at a household, or continue an instance."""

    household_id: str | None = None
    form_id: str = library.VISIT_FORM
    instance_id: str | None = None


def task() -> Task:
    """What the address asks for."""
    query = st.query_params
    return Task(
        household_id=query.get("household"),
        form_id=query.get("form") or library.VISIT_FORM,
        instance_id=query.get("instance"),
    )


@dataclass(frozen=True)
class Draft:
    """A filling in progress, known by its id alone; every call reads and writes the store."""

    instance_id: str

    def load(self, actor: Actor) -> tuple[drafts.DraftView, Instance]:
        """The draft and its running form, with what could not be saved yet."""
        with db.reading() as store:
            draft = drafts.load(store, actor, self.instance_id)
            instance = drafts.open_instance(store, actor, draft)
        for ref, text in state.unsaved(self.instance_id).items():
            instance.answer(ref, text)
        return draft, instance

    def change(self, edit: Callable[[Any, Actor, Instance], None]) -> None:
        """Edit the filling and save it in one transaction, together with what could not be saved before."""
        actor = session.actor()
        waiting = state.unsaved(self.instance_id)
        with db.session_scope() as store:
            draft = drafts.load(store, actor, self.instance_id)
            instance = drafts.open_instance(store, actor, draft)
            for ref, text in waiting.items():
                instance.answer(ref, text)
            edit(store, actor, instance)
            drafts.save(
                store,
                actor,
                self.instance_id,
                instance.to_xml(),
                revision=draft.revision,
                now=datetime.now(UTC),
            )
        waiting.clear()

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
        text = to_text(st.session_state[key])
        state.shown(self.instance_id)[key] = text
        self.answer({ref: text})

    @session.callback
    def typed(self, key: str) -> None:
        """Take over text that is still being typed."""
        answers = {str(ref): str(text) for ref, text in (_sent(key, "typed") or {}).items()}
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

    @session.callback
    def photograph(self, key: str, ref: str) -> None:
        """Take in a photo the browser reduced, as an answer and as an attachment."""
        sent = _sent(key, "photo")
        if not sent:
            return
        # Dealt with from here on, whatever becomes of it: the browser may send the next one.
        state.keep(f"received_{key}", str(sent["id"]))
        name = f"photo-{sent['id']}.jpg"
        try:
            content = base64.b64decode(str(sent["content"]), validate=True)
        except binascii.Error as error:
            raise Problem("attachment.not_image", name=str(sent.get("name", ""))) from error
        place = (float(sent["lat"]), float(sent["lon"])) if "lat" in sent and "lon" in sent else None

        def edit(store: Any, actor: Actor, instance: Instance) -> None:
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

    @session.callback
    def turn_to(self, part: int, field: str = "") -> None:
        """Show a part of the form, from its top or at a field."""
        state.keep(self._name("part"), part)
        self._scroll(field)

    @session.callback
    def submit(self) -> None:
        """Hand the filling in; when answers are missing or wrong, go to the first of them."""
        actor = session.actor()
        if state.unsaved(self.instance_id):
            self.answer({})
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

    @session.callback
    def to_next_open(self) -> None:
        """Go to the first question that still needs an answer, and mark them all."""
        state.keep(self._name("checked"), True)
        self._turn_to_first_mistake(session.actor())

    def _turn_to_first_mistake(self, actor: Actor) -> None:
        _draft, instance = self.load(actor)
        mistakes = instance.errors()
        if not mistakes:
            return
        ref = mistakes[0].ref
        for at, part in enumerate(forms.parts(instance.form.body)):
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


def begin(actor: Actor, household_id: str, form_id: str) -> None:
    """Begin or continue a filling for a household and name it in the address."""
    with db.session_scope() as store:
        draft = drafts.start(store, actor, form_id, household_id, now=datetime.now(UTC))
    st.query_params.from_dict({"instance": draft.instance_id})
    fill(actor, draft.instance_id)


def fill(actor: Actor, instance_id: str) -> None:
    """The form of a draft; what was handed in already shows what became of it."""
    try:
        with db.reading() as store:
            draft = drafts.load(store, actor, instance_id)
    except Problem as problem:
        if problem.code != "draft.submitted":
            raise
        outcome(actor, instance_id)
        return
    st.html(
        f'<p class="mq-subject">{wording.escaped(draft.title)} · <b>{wording.escaped(draft.head_name)}</b></p>'
    )
    _form(instance_id)
    throw_away(actor, instance_id)


@session.fragment
def _form(instance_id: str) -> None:
    draft = Draft(instance_id)
    if draft.accepted is not None:
        st.rerun()
    actor = session.actor()
    _view, instance = draft.load(actor)
    parts = forms.parts(instance.form.body)
    items = instance.items()
    filled = [at for at, part in enumerate(parts) if _of_part(items, part)]
    at = max((part for part in filled if part <= draft.part), default=filled[0] if filled else 0)
    mistakes = instance.errors()
    shown = _of_part(items, parts[at])
    _outline(draft, items, parts, filled, at)
    for notice in state.take_notices():
        {"success": st.success, "warning": st.warning, "error": st.error}[notice.kind](notice.text)
    marked = {mistake.ref: mistake.message for mistake in mistakes if draft.checked}
    with st.container(key=f"mq_part_{instance_id[-12:]}_{at}"):
        forms.draw(shown, draft, marked)
    components.mirror(
        f"mq_mirror_{instance_id[-12:]}",
        prefix=f"{_PREFIX}:{actor.cadre_id}:{instance_id}:",
        fields=forms.typed_fields(shown, instance_id),
        on_typed=draft.typed,
    )
    _bar(draft, filled, at, len(mistakes))
    field, turn = draft.scroll
    components.scroll(to=field, turn=turn)


def _of_part(items: tuple[ItemView, ...], part: tuple[str, ...]) -> tuple[ItemView, ...]:
    return tuple(
        item for item in items if any(forms.belongs(view.ref, part) for view in forms.questions((item,)))
    )


def _outline(
    draft: Draft,
    items: tuple[ItemView, ...],
    parts: tuple[tuple[str, ...], ...],
    filled: list[int],
    at: int,
) -> None:
    if len(filled) < 2:
        return
    with st.container(key="mq_outline", horizontal=True, wrap=False):
        for number, part in enumerate(filled, 1):
            views = _of_part(items, parts[part])
            titles = [item.label for item in views if not isinstance(item, Question) and item.label]
            st.button(
                f"{number} {wording.plain(' · '.join(titles))}",
                key=f"mq_part_button_{part}",
                type="primary" if part == at else "secondary",
                width="stretch",
                on_click=draft.turn_to,
                args=(part,),
            )


def _bar(draft: Draft, filled: list[int], at: int, open_count: int) -> None:
    """Back, what is still open, next or submit: under the thumb on every part."""
    place = filled.index(at) if at in filled else 0
    with st.container(key="mq_bar", horizontal=True, wrap=False, vertical_alignment="center"):
        if place > 0:
            st.button(
                _("Back"), key="mq_back", width="stretch", on_click=draft.turn_to, args=(filled[place - 1],)
            )
        if open_count:
            st.button(
                _("{n} still to answer", n=open_count),
                key="mq_open",
                width="stretch",
                icon=":material/arrow_downward:",
                on_click=draft.to_next_open,
            )
        if place < len(filled) - 1:
            st.button(
                _("Next"),
                key="mq_next",
                type="primary",
                width="stretch",
                on_click=draft.turn_to,
                args=(filled[place + 1],),
            )
        if place == len(filled) - 1:
            st.button(
                _("Submit"),
                key="mq_submit",
                type="primary",
                width="stretch",
                icon=":material/check:",
                on_click=draft.submit,
            )


def outcome(actor: Actor, instance_id: str) -> None:
    """What a filling that was handed in wrote, and where to go from here."""
    # Handing in again changes nothing and finds what was accepted.
    with db.session_scope() as store:
        accepted = Draft(instance_id).accepted or submissions.submit_draft(
            store, actor, instance_id, now=datetime.now(UTC)
        )
    assert accepted.household_id is not None, "every accepted filling names its household"
    with db.reading() as store:
        recent = visits.history(store, actor, accepted.household_id, limit=_RECENT)
    written = next((visit for visit in recent if visit.instance_id == instance_id), None)
    components.forget(prefix=f"{_PREFIX}:{actor.cadre_id}:{instance_id}:")
    st.success(_("Handed in. Thank you."), icon=":material/check_circle:")
    lines = []
    if written is not None:
        lines.append(_("Visit of {day} kept in the household's history", day=i18n.day(written.visited_on)))
    numbers = _case_numbers(accepted.written, written)
    lines += [_("Case {number} is on the list of unresolved cases", number=number) for number in numbers]
    if any(entry.kind == "contact" for entry in accepted.written):
        lines.append(_("Contact kept in the hardship file"))
    if written is not None and written.follow_up_on:
        lines.append(_("Follow-up promised for {day}", day=i18n.day(written.follow_up_on)))
    st.markdown("\n".join(f"- {wording.plain(line)}" for line in lines))
    _ways_on(accepted.household_id, numbers)


def _ways_on(household_id: str, numbers: tuple[str, ...]) -> None:
    with st.container(horizontal=True):
        if st.button(_("To the household"), key="mq_to_household", type="primary", width="stretch"):
            navigation.go(navigation.HOUSEHOLDS, household=household_id)
        if numbers and st.button(_("To the cases"), key="mq_to_cases", width="stretch"):
            navigation.go(navigation.CASES)
        if st.button(_("To today's list"), key="mq_to_today", width="stretch"):
            navigation.go(navigation.TODAY)


def _case_numbers(written: tuple[Written, ...], visit: visits.VisitView | None) -> tuple[str, ...]:
    found = [entry.title for entry in written if entry.kind == "case"]
    if visit is not None:
        found += [seen.case_number for seen in visit.observations if seen.case_number]
    return tuple(dict.fromkeys(found))


def unfinished(actor: Actor) -> None:
    """One's own drafts to continue or throw away, and the way to a household for a new one."""
    with db.reading() as store:
        mine = drafts.mine(store, actor)
    if not mine:
        shell.empty(_("No unfinished visit."), _("Choose a household"), to=navigation.HOUSEHOLDS)
        return
    st.markdown(f"**{_('Unfinished')}**")
    chosen = shell.rows(
        "drafts",
        [
            shell.Row(
                draft.instance_id,
                draft.head_name or draft.title,
                f"{draft.title} · {i18n.moment(draft.updated_at)}",
                icon=":material/edit_note:",
            )
            for draft in mine
        ],
    )
    if chosen:
        st.query_params.from_dict({"instance": chosen})
        st.rerun()
    if st.button(_("Choose a household"), key="mq_choose", width="stretch", icon=":material/home:"):
        navigation.go(navigation.HOUSEHOLDS)


def throw_away(actor: Actor, instance_id: str) -> None:
    """Offer to throw a draft away, after asking."""
    if shell.confirm(
        f"discard_{instance_id[-12:]}",
        _("Throw this draft away"),
        _("Everything entered in it will be gone. Throw it away?"),
        icon=":material/delete:",
    ):
        with db.session_scope() as store:
            drafts.discard(store, actor, instance_id)
        shell.said(_("The draft was thrown away."))
        navigation.go(navigation.TODAY)


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


def _taken(sent: Mapping[str, Any]) -> datetime | None:
    """EXIF's local time; what is no time counts as none (a camera whose clock was never set)."""
    try:
        taken = datetime.strptime(str(sent.get("taken", "")), "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    return taken.replace(tzinfo=i18n.TIMEZONE)
