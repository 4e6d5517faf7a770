"""Forms of the register: a new household, its fields, its people, its head, its place, its status.

Owns which fields stand where, the warning of a near duplicate and what happens when two cadres change one household.
Refuses to check or to write: the services of `survey.fieldwork.households` do. A refused form keeps what was typed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import streamlit as st

from survey import db
from survey.access.permissions import Action, Actor, require
from survey.areas import register
from survey.fieldwork import households
from survey.fieldwork.household_checks import (
    LONGEST_ADDRESS,
    LONGEST_NOTE,
    MOST_CHILDREN,
    SEX_NOT_STATED,
)
from survey.fieldwork.households import HouseholdStatus, HouseholdView, MemberView, PlaceSource, Residence
from survey.i18n import gettext as _
from survey.i18n import today
from survey.problems import Problem
from survey.rules import codes
from survey.ui import components, map, navigation, session, shell, state, wording
from survey.ui import register_fields as fields
from survey.ui.households import title

NEW = "new_household"
_HOUSEHOLD = ("address", "housing", "water_source", "medical_insurance", "children_in_school")
_MEMBER = ("name", "relation", "sex", "birth_on", "ethnic_group", "education", "residence")
_LONGEST_NAME = 40
# Those who live together in most households, before the other seventy of the standard.
_USUAL = ("12", "11", "20", "30", "38", "28", "51", "52", "41", "42", "43", "44")
_GONE = (Residence.MOVED_OUT, Residence.DECEASED)
_NOT_STATED = (SEX_NOT_STATED, Residence.NOT_STATED)


def add(actor: Actor, on: date) -> None:
    """The form of a new household with its head."""
    require(actor, Action.HOUSEHOLDS_WRITE)
    with db.reading() as store:
        villages = {area.code: area.short_name for area in register.villages(store, actor, on=on)}
    if not villages:
        shell.empty(_("No village is registered for your posts. Ask the administrator."))
        return
    form = fields.Form(NEW, {"area_code": None, **dict.fromkeys((*_HOUSEHOLD, *_MEMBER))})
    area_code = _area(actor, villages, on)
    st.subheader(_("The head"))
    _person_fields(form, actor, area_code or next(iter(villages)), head=True)
    st.subheader(_("This household"))
    _household_fields(form, "")
    _duplicates(NEW)
    form.buttons(_("Save the household"), lambda: _add(area_code), lambda: _leave(NEW))


def edit(actor: Actor, view: HouseholdView, on: date) -> None:
    """The fields of a household, its group and whether it is still here."""
    require(actor, Action.HOUSEHOLDS_WRITE, view.area_code)
    seen: HouseholdView = fields.begun("household", view)
    title(f"{view.head_name} · {view.area_name}")
    form = fields.Form("household", {**_values(seen, _HOUSEHOLD), "area_code": seen.area_code})
    with db.reading() as store:
        groups = {a.code: a.short_name for a in register.groups(store, actor, seen.area_code[:12], on=on)}
    if groups:
        form.choice("area_code", _("Group"), groups, needed=True)
    _household_fields(form, seen.phone_masked)
    form.buttons(_("Save"), lambda: _save_household(view.id), lambda: _leave("household"))
    _status_buttons(view)


def person(actor: Actor, view: HouseholdView, member_id: str | None) -> None:
    """The fields of a member, or of a new one."""
    require(actor, Action.HOUSEHOLDS_WRITE, view.area_code)
    known = next((member for member in view.members if member.id == member_id), None)
    if member_id and known is None:
        raise Problem("access.not_found")
    seen: MemberView | None = fields.begun("member", known) if known else None
    title(_("{name}'s household", name=view.head_name))
    began = _values(seen, _MEMBER) if seen else dict.fromkeys(_MEMBER)
    if seen and seen.health_readable:
        began["health_note"] = seen.health_note
    form = fields.Form("member", began)
    is_head = bool(seen and seen.relation == households.HEAD)
    _person_fields(
        form,
        actor,
        view.area_code,
        head=is_head,
        id_masked=seen.id_masked if seen else "",
        phone_masked=seen.phone_masked if seen else "",
    )
    _duplicates("member")
    form.buttons(_("Save"), lambda: _save_member(view.id, member_id), lambda: _leave("member"))
    if known and not is_head:
        _gone_buttons(known)


def head(actor: Actor, view: HouseholdView) -> None:
    """Choose another head, and what the present one is to him."""
    require(actor, Action.HOUSEHOLDS_WRITE, view.area_code)
    title(_("{name}'s household", name=view.head_name))
    others = {member.id: member.name for member in view.present if member.relation != households.HEAD}
    if not others:
        shell.empty(_("There is no other member. Add the new head as a member first."))
        _cancel("head")
        return
    form = fields.Form("head", {"new_head": None, "former_relation": None})
    form.choice("new_head", _("New head"), others)
    form.choice("former_relation", _("The former head is to the new one"), _relations())
    st.caption(_("Afterwards, look through the other members' relations: they are told to the head."))
    form.buttons(_("Save"), lambda: _change_head(view.id), lambda: _leave("head"))


def place(actor: Actor, view: HouseholdView) -> None:
    """Set the place by the device or by a tap on the map."""
    require(actor, Action.HOUSEHOLDS_WRITE, view.area_code)
    title(_("{name}'s household", name=view.head_name))
    st.caption(_("Stand at the house and use the device, or tap the house on the map."))
    components.place("mq_household_place", wording.of_place(), on_found=_found, args=(view.id,))
    tapped = map.pick_place(view.lat, view.lon, key=f"household_{view.id}")
    if tapped:
        _set_place(view.id, *tapped, None, PlaceSource.MAP)
        st.rerun()
    _cancel("place")


def _cancel(name: str) -> None:
    st.button(
        _("Back to the household"), width="stretch", key=f"mq_cancel_{name}", on_click=_leave, args=(name,)
    )


def _household_fields(form: fields.Form, phone_masked: str) -> None:
    form.text("address", _("Address"), longest=LONGEST_ADDRESS)
    form.number_text("household_phone", _("Phone of the household"), phone_masked)
    form.choice("housing", _("Housing"), codes.labels("housing"))
    form.choice("water_source", _("Drinking water"), codes.labels("water_source"))
    form.choice("medical_insurance", _("Medical insurance"), codes.labels("medical_insurance"))
    form.count("children_in_school", _("Children in school"), most=MOST_CHILDREN)


def _person_fields(
    form: fields.Form,
    actor: Actor,
    area_code: str,
    *,
    head: bool,
    id_masked: str = "",
    phone_masked: str = "",
) -> None:
    form.text("name", _("Name of the head") if head else _("Name"), longest=_LONGEST_NAME)
    if not head:
        form.choice("relation", _("Relation to the head"), _relations())
    form.number_text("id_number", _("Identity number"), id_masked)
    st.caption(_("Birth date and sex follow from the identity number; fill them in only without one."))
    sexes = codes.labels("sex")
    form.choice("sex", _("Sex"), {key: sexes[key] for key in ("1", "2")})
    form.day("birth_on", _("Birth date"), latest=today())
    form.number_text("phone", _("Phone"), phone_masked)
    form.choice("education", _("Education"), codes.labels("education"))
    form.choice("ethnic_group", _("Ethnic group"), codes.labels("ethnic_group"))
    present = form.began.get("residence")
    hidden = {*_GONE, Residence.NOT_STATED} - {present}
    here = {k: label for k, label in codes.labels("residence").items() if k not in hidden}
    form.choice("residence", _("Residence"), here)
    if actor.may(Action.HEALTH_READ, area_code):
        form.text("health_note", _("Health note"), longest=LONGEST_NOTE, lines=3)


def _relations() -> dict[str, str]:
    labels = codes.labels("relation")
    rest = [key for key in households.RELATIONS if key not in _USUAL and key != households.HEAD]
    return {key: labels[key] for key in (*_USUAL, *rest)}


def _values(view: HouseholdView | MemberView, names: tuple[str, ...]) -> dict[str, Any]:
    """What the fields of a form begin with; nothing where the register states nothing."""
    values = {name: getattr(view, name) for name in names}
    return {name: None if value in _NOT_STATED else value for name, value in values.items()}


def _area(actor: Actor, villages: Mapping[str, str], on: date) -> str | None:
    """The group chosen for a new household; the village where it has none. None of several is chosen for anybody."""
    preset = st.query_params.get("village", "")
    codes_of_villages = list(villages)
    village = codes_of_villages[0]
    if len(villages) > 1:
        village = st.selectbox(
            _("Village"),
            codes_of_villages,
            index=codes_of_villages.index(preset) if preset in villages else 0,
            format_func=villages.__getitem__,
            key="mq_new_village",
        )
    with db.reading() as store:
        groups = {area.code: area.short_name for area in register.groups(store, actor, village, on=on)}
    if not groups:
        return village
    options = list(groups)
    preset = st.query_params.get("group", "")
    only = 0 if len(options) == 1 else None
    chosen: str | None = st.selectbox(
        _("Group"),
        options,
        index=options.index(preset) if preset in groups else only,
        format_func=groups.__getitem__,
        placeholder=_("Choose one"),
        key="mq_new_group",
    )
    return chosen


def _duplicates(name: str) -> None:
    """Whom the register may hold already: each can be opened, or the whole warning confirmed."""
    found = state.kept(f"duplicates_{name}")
    if not found:
        return
    named = {one.household_id: one for one in found if one.household_id}
    if named:
        st.warning(_("Is it one of these? Open and compare before you save."))
    labels = {
        households.DuplicateReason.SAME_ID_NUMBER: _("Same identity number"),
        households.DuplicateReason.SAME_HEAD: _("Same head in this village"),
        households.DuplicateReason.SAME_NAME_AND_BIRTH_YEAR: _("Same name and birth year"),
    }
    entries = [
        shell.Row(
            one.household_id,
            f"{one.name} · {one.area_name}",
            _("{name}'s household", name=one.head_name),
            labels[one.reason],
            "orange",
        )
        for one in named.values()
    ]
    tapped = shell.rows(f"duplicates_{name}", entries)
    if tapped:
        navigation.go(navigation.HOUSEHOLDS, household=tapped)
    question = (
        _("It is none of these: save all the same")
        if named
        else _("The office checked it: save all the same")
    )
    st.checkbox(question, key=f"mq_confirm_{name}")


def _confirmed(name: str) -> tuple[str, ...]:
    found = state.kept(f"duplicates_{name}") or ()
    return tuple(one.key for one in found) if st.session_state.get(f"mq_confirm_{name}") else ()


def _status_buttons(view: HouseholdView) -> None:
    st.divider()
    questions = {
        HouseholdStatus.MOVED_AWAY: (
            _("The household moved away"),
            _("It leaves the lists of those to be visited; its records stay."),
        ),
        HouseholdStatus.DISSOLVED: (
            _("The household is dissolved"),
            _("It leaves the lists of those to be visited; its records stay."),
        ),
    }
    for status, (label, question) in questions.items():
        if shell.confirm(f"status_{status}", label, question):
            _set_status(view.id, status)
            _leave("household")
            st.rerun()


def back_again(actor: Actor, view: HouseholdView) -> None:
    """For a household that left: the way back into the register."""
    if view.status is HouseholdStatus.ACTIVE or not actor.may(Action.HOUSEHOLDS_WRITE, view.area_code):
        return
    if shell.confirm(
        "status_active", _("The household is back"), _("It returns to the lists of those to be visited.")
    ):
        _set_status(view.id, HouseholdStatus.ACTIVE)
        st.rerun()


def _gone_buttons(member: MemberView) -> None:
    st.divider()
    labels = {Residence.MOVED_OUT: _("Moved out for good"), Residence.DECEASED: _("Has died")}
    for residence, label in labels.items():
        question = _("{name} will no longer belong to the household; the record stays.", name=member.name)
        if shell.confirm(f"gone_{residence}", label, question):
            actor = session.actor()
            with db.session_scope() as store:
                households.member_left(store, actor, member.id, residence, on=today())
            _leave("member")
            st.rerun()


@session.callback
def _add(area_code: str | None) -> None:
    def write() -> str:
        if area_code is None:
            raise Problem("households.choose_group")
        began = {**dict.fromkeys((*_HOUSEHOLD, *_MEMBER, "health_note"))}
        entered = fields.changes(NEW, began, ("id_number", "phone", "household_phone"))
        head = {key: value for key, value in entered.items() if key not in (*_HOUSEHOLD, "household_phone")}
        rest = {key: entered[key] for key in _HOUSEHOLD if key in entered}
        rest |= {"phone": entered["household_phone"]} if "household_phone" in entered else {}
        actor = session.actor()
        with db.session_scope() as store:
            made = households.add_household(
                store, actor, area_code, {"name": "", **head}, rest, on=today(), confirmed=_confirmed(NEW)
            )
        st.query_params["household"] = made.id
        return _("The household of {name} was added.", name=made.head_name)

    _try(NEW, write, None)


@session.callback
def _save_household(household_id: str) -> None:
    def write() -> str:
        seen: HouseholdView = state.kept("form_seen_household")
        began = {**_values(seen, _HOUSEHOLD), "area_code": seen.area_code}
        changed = fields.changes("household", began, ("household_phone",))
        if "household_phone" in changed:
            changed["phone"] = changed.pop("household_phone")
        if changed:
            with db.session_scope() as store:
                households.save_household(
                    store, session.actor(), household_id, changed, seen=seen, on=today()
                )
        return _("Saved.")

    _try("household", write, lambda: _present(household_id))


@session.callback
def _save_member(household_id: str, member_id: str | None) -> None:
    def write() -> str:
        actor, confirmed = session.actor(), _confirmed("member")
        seen: MemberView | None = state.kept("form_seen_member") if member_id else None
        began = _values(seen, _MEMBER) if seen else dict.fromkeys(_MEMBER)
        began["health_note"] = seen.health_note if seen else None
        changed = fields.changes("member", began, ("id_number", "phone"))
        with db.session_scope() as store:
            if seen is None:
                households.add_member(
                    store, actor, household_id, {"name": "", **changed}, on=today(), confirmed=confirmed
                )
            elif changed:
                households.save_member(
                    store, actor, seen.id, changed, seen=seen, on=today(), confirmed=confirmed
                )
        return _("Saved.")

    def now() -> MemberView | None:
        return next((member for member in _present(household_id).members if member.id == member_id), None)

    _try("member", write, now)


@session.callback
def _change_head(household_id: str) -> None:
    def write() -> str:
        chosen = fields.changes("head", {"new_head": None, "former_relation": None})
        with db.session_scope() as store:
            households.change_head(
                store,
                session.actor(),
                household_id,
                chosen.get("new_head", ""),
                former_relation=chosen.get("former_relation", ""),
                on=today(),
            )
        return _("Saved. Look through the other members' relations.")

    _try("head", write, None)


def _try(name: str, write: Callable[[], str], now: Callable[[], Any] | None) -> None:
    """Write; when it is refused, keep the form and say why above its button."""
    try:
        said = write()
    except Problem as problem:
        state.keep(f"duplicates_{name}", problem.facts.get("found"))
        if problem.code == "households.changed_meanwhile" and now:
            fields.conflict(name, now())
        fields.refuse(name, problem)
        return
    _leave(name)
    state.leave_notice("success", wording.plain(said))


def _leave(name: str) -> None:
    """Close the form: nothing of it is kept."""
    fields.forget(name)
    state.keep(f"duplicates_{name}", None)
    for part in ("do", "member"):
        st.query_params.pop(part, None)


def _present(household_id: str) -> HouseholdView:
    with db.reading() as store:
        return households.household(store, session.actor(), household_id, on=today())


def _set_status(household_id: str, status: HouseholdStatus) -> None:
    seen = _present(household_id)
    with db.session_scope() as store:
        households.set_status(store, session.actor(), household_id, status, seen=seen, on=today())
    state.leave_notice("success", _("Saved."))


@session.callback
def _found(household_id: str) -> None:
    sent = st.session_state["mq_household_place"]["found"]
    accuracy = float(sent["accuracy"]) if sent.get("accuracy") is not None else None
    _set_place(household_id, float(sent["lat"]), float(sent["lon"]), accuracy, PlaceSource.GPS)


def _set_place(
    household_id: str, lat: float, lon: float, accuracy_m: float | None, source: PlaceSource
) -> None:
    with db.session_scope() as store:
        households.set_place(
            store,
            session.actor(),
            household_id,
            lat=lat,
            lon=lon,
            accuracy_m=accuracy_m,
            source=source,
            on=today(),
        )
    _leave("place")
    state.leave_notice("success", _("The place was saved."))
