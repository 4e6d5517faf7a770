"""Households on the screen: the search, the list, one household with its people, its matters and its history.

Owns how they read and the recorded look at a full number. Forms are in `survey.ui.household_forms`. Refuses to put a
name or a number that was searched for into the address.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import streamlit as st
from sqlmodel import Session

from survey import db, i18n
from survey.access.permissions import Action, Actor
from survey.areas import register
from survey.cases import worklists
from survey.cases.lifecycle import CaseState
from survey.fieldwork import households, visits
from survey.fieldwork.households import (
    HouseholdPage,
    HouseholdRow,
    HouseholdStatus,
    HouseholdView,
    MemberView,
    Residence,
)
from survey.i18n import gettext as _
from survey.questionnaires import audiences, library
from survey.rules import codes
from survey.ui import cases, map, navigation, register_fields, session, shell, state, wording
from survey.ui.filters import Filters
from survey.ui.visits import entries

LIST = "households"
CONTACT_FORM = "hardship_contact"
_QUERY = "households_query"
_HISTORY_STEP = 10
_FILTER = Filters("mq_households_", (LIST,), under={"village": "group"})


def listed(actor: Actor, on: date) -> HouseholdPage:
    """Draw the search and its filters; the part of the list that is to be shown."""
    _search_box()
    with db.reading() as store:
        area_code, former = _filters(store, actor, on)
        return households.search(
            store,
            actor,
            state.kept(_QUERY) or "",
            area_code=area_code,
            with_former=former,
            limit=shell.PAGE_SIZE,
            offset=shell.offset(LIST),
        )


def rows(page: HouseholdPage, on: date) -> None:
    """The households as big rows; a tap opens one."""
    if page.more:
        st.caption(_("More than {n} households: search for a name or choose a group.", n=page.total))
    else:
        st.caption(_("households: {n}", n=page.total))
    tapped = shell.rows(LIST, [_as_row(row, on) for row in page.rows])
    shell.page_turner(LIST, page.total)
    if tapped:
        navigation.go(navigation.HOUSEHOLDS, **_place(), household=tapped)


def nothing_found() -> None:
    """Say what to do when no household fits."""
    if state.kept(_QUERY):
        shell.empty(_("No household fits. Check the spelling, or search by the beginning of the name."))
    else:
        shell.empty(_("No household is registered here yet. Add the first one."))


def add_button(actor: Actor) -> None:
    """The way to a new household, for whoever may add one."""
    if actor.may(Action.HOUSEHOLDS_WRITE) and st.button(
        _("Add a household"), icon=":material/add_home:", width="stretch", key="mq_household_add"
    ):
        navigation.go(navigation.HOUSEHOLDS, **_place(), do="new")


def back() -> None:
    """The way back to the list as it was filtered."""
    if st.button(_("Back to the list"), icon=":material/arrow_back:", key="mq_household_back"):
        navigation.go(navigation.HOUSEHOLDS, **_place())


def household(actor: Actor, view: HouseholdView, on: date) -> None:
    """Everything about one household, the next thing to do first."""
    for name in ("household", "member", "head"):
        register_fields.forget(name)
    _header(view)
    _to_do(actor, view)
    _people(actor, view, on)
    _matters(actor, view, on)
    _conditions(actor, view)
    _where(actor, view)
    _history(actor, view)


def _search_box() -> None:
    if "mq_households_query" not in st.session_state:
        st.session_state["mq_households_query"] = state.kept(_QUERY) or ""
    st.text_input(
        _("Search"),
        key="mq_households_query",
        placeholder=_("Name, pinyin initials (zsf), whole ID or phone number"),
        on_change=_searched,
        max_chars=60,
        icon=":material/search:",
        autocomplete="off",
    )


@session.callback
def _searched() -> None:
    state.keep(_QUERY, st.session_state.get("mq_households_query", "").strip())
    state.set_offset(LIST, 0)


def _filters(store: Session, actor: Actor, on: date) -> tuple[str | None, bool]:
    """Village, group and whether those who left count; kept in the address."""
    villages = {area.code: area.short_name for area in register.villages(store, actor, on=on)}
    village = next(iter(villages), None)
    several = len(villages) > 1
    columns = st.columns(3 if several else 2, vertical_alignment="bottom")
    if several:
        with columns[0]:
            village = _FILTER.choice("village", _("Village"), villages)
    groups = (
        {area.code: area.short_name for area in register.groups(store, actor, village, on=on)}
        if village
        else {}
    )
    with columns[-2]:
        group = _FILTER.choice("group", _("Group"), groups) if groups else None
    with columns[-1]:
        former = st.toggle(
            _("Also those who left"),
            value="former" in _place(),
            key="mq_households_former",
            on_change=_FILTER.keep,
            args=("former",),
        )
    return group or village, former


def _place() -> dict[str, str]:
    """The filters in the address: places, no persons."""
    return {
        name: st.query_params[name] for name in ("village", "group", "former") if st.query_params.get(name)
    }


def _as_row(row: HouseholdRow, on: date) -> shell.Row:
    visited = (
        _("last visited {when}", when=ago(row.last_visited_on, on))
        if row.last_visited_on
        else _("not visited yet")
    )
    badge, color = status_badge(row.status, hardship=row.hardship)
    members = _("members: {n}", n=row.members)
    return shell.Row(row.id, row.head_name, f"{row.area_name} · {members} · {visited}", badge, color)


def status_badge(status: HouseholdStatus, *, hardship: bool) -> tuple[str, shell.BadgeColor]:
    """The one coloured word beside a household's name."""
    if status is not HouseholdStatus.ACTIVE:
        return codes.label("household_status", status), "gray"
    return (_("Hardship"), "violet") if hardship else ("", "gray")


def ago(when: date, on: date) -> str:
    """How long ago a day was, in words."""
    days = (on - when).days
    if days <= 0:
        return _("today")
    if days == 1:
        return _("yesterday")
    return _("{n} days ago", n=days) if days < 60 else i18n.day(when)


def _header(view: HouseholdView) -> None:
    badge, color = status_badge(view.status, hardship=view.hardship_file_id is not None)
    mark = f" :{color}-badge[{wording.plain(badge)}]" if badge else ""
    title(view.head_name, mark)
    facts(
        {
            _("Place"): view.area_name,
            _("Address"): view.address or "",
            _("Phone"): view.phone_masked,
            _("Contact cadre"): view.contact_name or "",
            _("Number"): view.code,
        }
    )


def title(name: str, mark: str = "") -> None:
    """Whose page this is; `mark` is a badge in markdown."""
    st.markdown(f"#### {wording.plain(name)}{mark}", anchors=False)


def facts(shown: Mapping[str, str]) -> None:
    """Names and values side by side; empty ones are left out."""
    items = "".join(
        f"<div><small>{wording.escaped(name)}</small>{wording.escaped(value)}</div>"
        for name, value in shown.items()
        if value
    )
    st.html(
        "<style>.mq-known { display: flex; flex-wrap: wrap; gap: .35rem 2rem; }"
        ".mq-known > div { min-width: 9rem; overflow-wrap: anywhere; white-space: pre-wrap; }"
        ".mq-known small { display: block; color: var(--mq-soft); font-size: .9rem; }</style>"
        f'<div class="mq-known">{items}</div>'
    )


def _to_do(actor: Actor, view: HouseholdView) -> None:
    with st.container(horizontal=True):
        records = actor.may(Action.VISITS_RECORD, view.area_code) and view.status is HouseholdStatus.ACTIVE
        if records and st.button(
            _("Start a visit"), type="primary", icon=":material/edit_note:", key="mq_household_visit"
        ):
            navigation.go(navigation.VISIT, household=view.id)
        if (
            records
            and view.hardship_file_id
            and actor.may(Action.HARDSHIP_WRITE, view.area_code)
            and st.button(
                _("Record a hardship contact"),
                icon=":material/volunteer_activism:",
                key="mq_household_contact",
            )
        ):
            navigation.go(navigation.VISIT, household=view.id, form=CONTACT_FORM)
        if view.hardship_file_id:
            if st.button(_("Hardship file"), icon=":material/folder_open:", key="mq_household_file"):
                navigation.go(navigation.HARDSHIP, file=view.hardship_file_id)
        elif actor.may(Action.HARDSHIP_WRITE, view.area_code) and st.button(
            _("Open a hardship file"), icon=":material/create_new_folder:", key="mq_household_open_file"
        ):
            navigation.go(navigation.HARDSHIP, household=view.id, do="open")
    if actor.may(Action.VISITS_RECORD, view.area_code) and view.status is HouseholdStatus.ACTIVE:
        _questionnaires(actor, view)
    if view.phone_masked:
        _reveal(actor, "household", view.id, "phone", view.area_code)


def _questionnaires(actor: Actor, view: HouseholdView) -> None:
    """The other forms that may be begun here: those still due as buttons of their own, all under one name."""
    with db.reading() as store:
        offers = audiences.offered(store, actor, view.id, i18n.today())
    own = [offer for offer in offers if offer.form_id not in (library.VISIT_FORM, CONTACT_FORM)]
    with st.container(horizontal=True):
        for offer in own:
            label = _("{title} (asked)", title=offer.title) if offer.done else offer.title
            icon = ":material/check:" if offer.done else ":material/checklist:"
            if st.button(wording.plain(label), icon=icon, key=f"mq_household_form_{offer.version_id}"):
                navigation.go(navigation.VISIT, household=view.id, form=offer.form_id)


def _people(actor: Actor, view: HouseholdView, on: date) -> None:
    cases.section(_("Members"))
    for member in view.members:
        with st.expander(wording.plain(_one_line(member, on))):
            _person(actor, view, member)
    if not view.present:
        shell.empty(_("Nobody is registered in this household. Add its head first."))
    _edit_button(actor, view, _("Add a member"), ":material/person_add:", "member")


def _one_line(member: MemberView, on: date) -> str:
    age = member.age(on)
    parts = [
        member.name,
        codes.label("relation", member.relation),
        codes.label("sex", member.sex),
        _("{n} years", n=age) if age is not None else "",
        _("left on {day}", day=i18n.day(member.left_on)) if member.left_on else _residence(member),
    ]
    return " · ".join(part for part in parts if part)


def _residence(member: MemberView) -> str:
    return "" if member.residence is Residence.NOT_STATED else codes.label("residence", member.residence)


def _person(actor: Actor, view: HouseholdView, member: MemberView) -> None:
    facts(
        {
            _("Birth date"): i18n.day(member.birth_on),
            _("Identity number"): member.id_masked,
            _("Phone"): member.phone_masked,
            _("Ethnic group"): codes.label("ethnic_group", member.ethnic_group),
            _("Education"): codes.label("education", member.education),
            _("Health note"): member.health_note or "",
        }
    )
    for field, masked in (("id_number", member.id_masked), ("phone", member.phone_masked)):
        if masked:
            _reveal(actor, "member", member.id, field, view.area_code)
    if member.left_on is None:
        _edit_button(actor, view, _("Edit"), ":material/edit:", "member", member.id)


def _reveal(actor: Actor, kind: str, id: str, field: str, area_code: str) -> None:
    """The recorded look at a full number: a reason first, the number in that one rerun only."""
    if not actor.may(Action.IDENTIFIERS_REVEAL, area_code):
        return
    name = f"{kind}_{id}_{field}"
    if not state.asked(name):
        st.button(
            _("Show in full: {field}", field=households.field_label(field)),
            icon=":material/visibility:",
            key=f"mq_ask_{name}",
            on_click=state.set_asked,
            args=(name, True),
        )
        return
    reasons = codes.labels("reveal_reason")
    reason = st.pills(
        _("What do you need the full number for? The look is recorded."),
        list(reasons),
        format_func=reasons.__getitem__,
        key=f"mq_reason_{name}",
    )
    show, hide = st.columns(2, wrap=False)
    hide.button(
        _("Cancel"), key=f"mq_hide_{name}", width="stretch", on_click=state.set_asked, args=(name, False)
    )
    if show.button(_("Show"), key=f"mq_reveal_{name}", width="stretch", type="primary"):
        with db.session_scope() as store:
            number = households.reveal(store, actor, kind, id, field, reason or "")
        state.set_asked(name, False)
        st.code(number, language=None)


def _edit_button(
    actor: Actor, view: HouseholdView, label: str, icon: str, do: str, member: str | None = None
) -> None:
    if view.status is not HouseholdStatus.ACTIVE or not actor.may(Action.HOUSEHOLDS_WRITE, view.area_code):
        return
    if st.button(label, icon=icon, key=f"mq_edit_{do}_{member or ''}"):
        query = {"member": member} if member else {}
        navigation.go(navigation.HOUSEHOLDS, **_place(), household=view.id, do=do, **query)


def _matters(actor: Actor, view: HouseholdView, on: date) -> None:
    if not actor.may(Action.CASES_READ, view.area_code):
        return
    with db.reading() as store:
        found = worklists.of_household(store, actor, view.id, on)
    open_ones = [row for row in found if row.state is not CaseState.CLOSED]
    cases.section(_("Open cases"))
    if not open_ones:
        st.caption(_("No open case. A difficulty found at a visit opens one."))
        return
    tapped = cases.list_rows(open_ones, "household_cases")
    if tapped:
        navigation.go(navigation.CASES, case=tapped)


def _conditions(actor: Actor, view: HouseholdView) -> None:
    cases.section(_("Living conditions"))
    children = "" if view.children_in_school is None else str(view.children_in_school)
    known = {
        _("Housing"): codes.label("housing", view.housing),
        _("Drinking water"): codes.label("water_source", view.water_source),
        _("Medical insurance"): codes.label("medical_insurance", view.medical_insurance),
        _("Children in school"): children,
    }
    if any(known.values()):
        facts(known)
    else:
        st.caption(_("Not known yet. The next visit asks for it."))
    _edit_button(actor, view, _("Edit household"), ":material/edit:", "edit")
    _edit_button(actor, view, _("Change head"), ":material/switch_account:", "head")


def _where(actor: Actor, view: HouseholdView) -> None:
    cases.section(_("Place on the map"))
    if view.lat is None or view.lon is None:
        st.caption(_("No place yet. Set it here, or at the next visit."))
    else:
        map.small_map(view.lat, view.lon, key=f"mq_household_map_{view.id}")
        source = codes.label("place_source", view.place_source)
        accuracy = _("within {n} m", n=round(view.accuracy_m)) if view.accuracy_m else ""
        st.caption(" · ".join(part for part in (source, accuracy, i18n.day(view.place_on)) if part))
    _edit_button(actor, view, _("Set the place"), ":material/location_on:", "place")


def _history(actor: Actor, view: HouseholdView) -> None:
    if not actor.may(Action.VISITS_READ, view.area_code):
        return
    cases.section(_("Visits"))
    shown = state.kept(f"history_{view.id}") or _HISTORY_STEP
    with db.reading() as store:
        found = visits.history(store, actor, view.id, limit=shown + 1)
    if not found:
        st.caption(_("No visit yet. Start the first one above."))
        return
    entries(found[:shown])
    if len(found) > shown:
        st.button(
            _("Earlier visits"),
            width="stretch",
            key="mq_household_more",
            on_click=state.keep,
            args=(f"history_{view.id}", shown + _HISTORY_STEP),
        )
