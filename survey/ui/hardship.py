"""Hardship households on the screen: who is due, the files, one file with its contacts, the spread of the work.

Owns how they read, and the form of a file. Refuses to record a contact: that is a filling of its own questionnaire.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import streamlit as st

from survey import db, i18n
from survey.access.permissions import Action, Actor, Role, require
from survey.areas import register
from survey.fieldwork import assignments, hardship, households
from survey.fieldwork.hardship import ContactView, FilePage, FileRow, FileView, Workload
from survey.i18n import gettext as _
from survey.i18n import today
from survey.problems import Problem
from survey.rules import codes
from survey.ui import navigation, session, shell, state, wording
from survey.ui import register_fields as fields
from survey.ui.cases import section
from survey.ui.filters import Filters
from survey.ui.households import CONTACT_FORM, facts, title

DUE, FILES, WORK = "due", "files", "work"
FORM = "hardship_file"
_FIELDS = ("category", "main_cause", "causes", "needs", "measures", "next_contact_on")
_AT_THE_DOOR = frozenset({Role.VILLAGE_CADRE, Role.VILLAGE_HEAD, Role.STATIONED_CADRE})
_FILTER = Filters("mq_hardship_", (f"hardship_{DUE}", f"hardship_{FILES}"))


def part(actor: Actor) -> str:
    """Which part of the page is asked for: who is due, all files, or the spread of the work."""
    names = {DUE: _("Due for contact"), FILES: _("All files")}
    if actor.may(Action.ASSIGNMENTS_READ):
        names[WORK] = _("Who looks after how many")
    present = st.query_params.get("part", DUE)
    chosen = st.segmented_control(
        _("Show"),
        list(names),
        default=present if present in names else DUE,
        format_func=names.__getitem__,
        key="mq_hardship_part",
        on_change=_FILTER.keep,
        args=("part",),
        required=True,
        label_visibility="collapsed",
    )
    return chosen or DUE


def due(actor: Actor, on: date) -> None:
    """Who is due for a contact, one's own households first asked for at the door."""
    mine = _mine_only(actor)
    with db.reading() as store:
        page = hardship.due(
            store, actor, on, mine=mine, limit=shell.PAGE_SIZE, offset=shell.offset(f"hardship_{DUE}")
        )
    if page.rows:
        _rows(DUE, page, on)
    elif mine:
        shell.empty(_("None of your hardship households is due in the coming days."))
    else:
        shell.empty(_("No hardship household is due in the coming days."))


def files(actor: Actor, on: date) -> None:
    """All files, by village, category and lateness."""
    with db.reading() as store:
        villages = {area.code: area.short_name for area in register.villages(store, actor, on=on)}
        several = len(villages) > 1
        columns = st.columns([2, 2, 3] if several else [2, 3], vertical_alignment="bottom")
        village = None
        if several:
            with columns[0]:
                village = _FILTER.choice("village", _("Village"), villages)
        with columns[-2]:
            category = _FILTER.choice("category", _("Category"), codes.labels("hardship_category"))
        with columns[-1], st.container(horizontal=True, vertical_alignment="center"):
            overdue = _FILTER.switch("overdue", _("Overdue only"))
            closed = _FILTER.switch("closed", _("Closed files"))
        page = hardship.files(
            store,
            actor,
            on=on,
            area_code=village,
            category=category,
            overdue_only=overdue,
            closed=closed,
            limit=shell.PAGE_SIZE,
            offset=shell.offset(f"hardship_{FILES}"),
        )
    if page.rows:
        _rows(FILES, page, on)
    elif village or category or overdue or closed:
        shell.empty(_("No file fits these filters."))
    else:
        shell.empty(
            _("No hardship file yet. Open one from the household's page."),
            _("Household register"),
            to=navigation.HOUSEHOLDS,
        )


def work(actor: Actor, on: date) -> None:
    """How many hardship households each village cadre looks after; those outside the limits first."""
    with db.reading() as store:
        found = hardship.workload(store, actor, on)
    if not found:
        shell.empty(_("No village cadre holds a post here."))
        return
    limits = found[0]
    st.caption(
        _(
            "A village cadre looks after {fewest} to {most} hardship households.",
            fewest=limits.fewest,
            most=limits.most,
        )
    )
    outside = [one for one in found if one.too_few or one.too_many]
    if outside:
        st.warning(_("Cadres with too few or too many: {n}", n=len(outside)))
    else:
        st.success(_("Every village cadre is within the limits."))
    inside = [one for one in found if one not in outside]
    _work_table([*outside, *inside])


def file(actor: Actor, view: FileView, on: date) -> None:
    """One file: what is the matter, who looks after it, what was done."""
    fields.forget(FORM)
    _file_header(view, on)
    with st.container(horizontal=True):
        open_one = view.closed_on is None
        if (
            open_one
            and actor.may(Action.HARDSHIP_WRITE, view.area_code)
            and st.button(
                _("Record a contact"),
                type="primary",
                icon=":material/volunteer_activism:",
                key="mq_file_contact",
            )
        ):
            navigation.go(navigation.VISIT, household=view.household_id, form=CONTACT_FORM)
        if st.button(_("The household"), icon=":material/home:", key="mq_file_household"):
            navigation.go(navigation.HOUSEHOLDS, household=view.household_id)
        may_write = open_one and actor.may(Action.HARDSHIP_WRITE, view.area_code)
        if may_write and st.button(_("Edit"), icon=":material/edit:", key="mq_file_edit"):
            navigation.go(navigation.HARDSHIP, file=view.id, do="edit")
    _contact_cadre(actor, view, on)
    _contacts(actor, view)
    if may_write and shell.confirm(
        "file_close",
        _("Close the file"),
        _("Contacts will no longer fall due; the file and its contacts stay."),
    ):
        with db.session_scope() as store:
            hardship.close_file(store, actor, view.id, seen_version=view.version, on=on)
        shell.said(_("The file was closed."))
        st.rerun()


def edit(actor: Actor, view: FileView) -> None:
    """The form of an open file."""
    require(actor, Action.HARDSHIP_WRITE, view.area_code)
    seen: FileView = fields.begun(FORM, view)
    title(view.head_name)
    _form({field: getattr(seen, field) for field in _FIELDS}, _("Save"), view.id, None)


def open_new(actor: Actor, household_id: str, on: date) -> None:
    """The form of a new file for a household."""
    with db.reading() as store:
        family = households.household(store, actor, household_id, on=on)
    require(actor, Action.HARDSHIP_WRITE, family.area_code)
    title(f"{family.head_name} · {family.area_name}")
    _form(dict.fromkeys(_FIELDS), _("Open the file"), None, household_id)


def back() -> None:
    """The way back to the list."""
    if st.button(_("Back to the list"), icon=":material/arrow_back:", key="mq_hardship_back"):
        navigation.go(navigation.HARDSHIP, **_filters())


def _rows(name: str, page: FilePage, on: date) -> None:
    if page.more:
        st.caption(_("More than {n} files: choose a village or a category.", n=page.total))
    else:
        st.caption(_("files: {n}", n=page.total))
    tapped = shell.rows(f"hardship_{name}", [_as_row(row, on) for row in page.rows])
    shell.page_turner(f"hardship_{name}", page.total)
    if tapped:
        navigation.go(navigation.HARDSHIP, **_filters(), file=tapped)


def _as_row(row: FileRow, on: date) -> shell.Row:
    badge, color = urgency(row, on)
    last = (
        _("last contact {day}", day=i18n.day(row.last_contact_on))
        if row.last_contact_on
        else _("no contact yet")
    )
    details = [
        row.area_name,
        codes.label("hardship_category", row.category),
        last,
        row.contact_name or _("nobody assigned"),
    ]
    return shell.Row(row.id, row.head_name, " · ".join(details), badge, color)


def urgency(row: FileRow, on: date) -> tuple[str, shell.BadgeColor]:
    """When the next contact is due, in words and colour."""
    if row.closed_on is not None:
        return _("closed"), "gray"
    if row.next_contact_on is None:
        return _("no date set"), "orange"
    late = row.days_overdue(on)
    if late:
        return _("{n} days overdue", n=late), "red"
    left = (row.next_contact_on - on).days
    if left == 0:
        return _("due today"), "orange"
    return _("{n} days left", n=left), "orange" if left <= 3 else "gray"


def _work_table(found: list[Workload]) -> None:
    lines = "".join(
        f"<tr><td>{wording.escaped(one.name)}</td><td>{wording.escaped(codes.label('post', one.post))}</td>"
        f"<td>{wording.escaped(one.area_name)}</td><td class='mq-n'>{one.households}</td>"
        f"<td>{wording.escaped(_judged(one))}</td></tr>"
        for one in found
    )
    heads = (_("Cadre"), _("Post"), _("Village"), _("Hardship households"), "")
    st.html(
        "<style>.mq-work { width: 100%; border-collapse: collapse; } .mq-work td, .mq-work th { text-align: left;"
        " padding: .5rem; border-bottom: 1px solid var(--mq-line); } .mq-work .mq-n { font-weight: 700; }</style>"
        "<table class='mq-work'><thead><tr>"
        + "".join(f"<th>{wording.escaped(head)}</th>" for head in heads)
        + f"</tr></thead><tbody>{lines}</tbody></table>"
    )


def _judged(one: Workload) -> str:
    if one.too_few:
        return _("too few")
    return _("too many") if one.too_many else ""


def _file_header(view: FileView, on: date) -> None:
    closed = f" :gray-badge[{wording.plain(_('closed'))}]" if view.closed_on else ""
    title(view.head_name, closed)
    others = [codes.label("hardship_cause", cause) for cause in view.causes if cause != view.main_cause]
    overdue = view.closed_on is None and view.next_contact_on is not None and view.next_contact_on < on
    next_on = i18n.day(view.next_contact_on)
    if overdue:
        next_on = i18n.bracketed(next_on, _("overdue"))
    facts(
        {
            _("Place"): view.area_name,
            _("Category"): codes.label("hardship_category", view.category),
            _("Main cause"): codes.label("hardship_cause", view.main_cause),
            _("Other causes"): i18n.listed(others),
            _("Measures"): i18n.listed(codes.label("help_kind", measure) for measure in view.measures),
            _("Needs"): view.needs or "",
            _("Opened on"): i18n.day(view.opened_on),
            _("File closed on"): i18n.day(view.closed_on),
            _("Next contact"): "" if view.closed_on else next_on,
            _("Contact cadre"): view.contact_name or _("nobody assigned"),
        }
    )


def _contact_cadre(actor: Actor, view: FileView, on: date) -> None:
    """Give the household to a cadre, for whoever may assign."""
    if view.closed_on is not None or not actor.may(Action.ASSIGNMENTS_WRITE, view.area_code):
        return
    with st.expander(_("Choose the contact cadre"), icon=":material/person_pin:"):
        with db.reading() as store:
            choices = assignments.cadres_for(store, actor, view.area_code[:12], on=on)
        names = {
            one.id: i18n.bracketed(one.name, codes.label("post", one.post))
            for one in choices
            if one.id != view.contact_id
        }
        chosen = st.selectbox(
            _("Contact cadre"),
            list(names),
            index=None,
            format_func=names.__getitem__,
            placeholder=_("Choose one"),
            key="mq_file_cadre",
        )
        st.button(
            _("Make this cadre the contact"),
            width="stretch",
            key="mq_file_assign",
            disabled=chosen is None,
            on_click=_assign,
            args=(view.household_id,),
        )


@session.callback
def _assign(household_id: str) -> None:
    actor = session.actor()
    with db.session_scope() as store:
        made = assignments.assign_household(
            store, actor, st.session_state["mq_file_cadre"], household_id, on=today()
        )
    state.leave_notice("success", wording.plain(_("{name} is the contact now.", name=made.cadre_name)))


def _contacts(actor: Actor, view: FileView) -> None:
    section(_("Contacts"))
    with db.reading() as store:
        found = hardship.contacts(store, actor, view.id)
    if not found:
        st.caption(_("No contact recorded yet."))
        return
    st.html('<ol style="padding-left:1.2rem">' + "".join(_contact(one) for one in found) + "</ol>")


def _contact(one: ContactView) -> str:
    head = f"<b>{wording.escaped(i18n.day(one.contacted_on))}</b> · " + wording.escaped(
        f"{codes.label('contact_mode', one.mode)} · {one.cadre_name}"
    )
    given = i18n.listed(codes.label("help_kind", kind) for kind in one.help_given)
    lines = [_("Help given: {help}", help=given) if given else "", one.words or ""]
    if one.next_contact_on:
        lines.append(_("Next contact on {day}", day=i18n.day(one.next_contact_on)))
    body = "".join(
        f'<div style="white-space:pre-wrap">{wording.escaped(line)}</div>' for line in lines if line
    )
    return f'<li style="margin-bottom:.6rem">{head}{body}</li>'


def _form(began: Mapping[str, object], label: str, file_id: str | None, household_id: str | None) -> None:
    form = fields.Form(FORM, began)
    form.choice("category", _("Category"), codes.labels("hardship_category"))
    form.choice("main_cause", _("Main cause"), codes.labels("hardship_cause"))
    form.choices("causes", _("All causes"), codes.labels("hardship_cause"))
    form.text("needs", _("Needs"), longest=hardship.LONGEST_NEEDS, lines=4)
    form.choices("measures", _("Measures"), codes.labels("help_kind"))
    form.day("next_contact_on", _("Next contact"))
    if household_id:
        st.caption(_("Without a date the first contact falls due after the usual interval."))
    form.buttons(label, lambda: _save(file_id, household_id), _leave)


@session.callback
def _save(file_id: str | None, household_id: str | None) -> None:
    try:
        saved = _update(file_id) if file_id else _open(household_id or "")
    except Problem as problem:
        if problem.code == "hardship.changed_meanwhile" and file_id:
            with db.reading() as store:
                fields.conflict(FORM, hardship.file(store, session.actor(), file_id, on=today()))
        fields.refuse(FORM, problem)
        return
    _leave()
    st.query_params["file"] = saved.id
    st.query_params.pop("household", None)
    state.leave_notice("success", _("The file was saved."))


def _update(file_id: str) -> FileView:
    seen: FileView = state.kept(f"form_seen_{FORM}")
    changed = fields.changes(FORM, {field: getattr(seen, field) for field in _FIELDS})
    if not changed:
        return seen
    with db.session_scope() as store:
        return hardship.update_file(
            store, session.actor(), file_id, changed, seen_version=seen.version, on=today()
        )


def _open(household_id: str) -> FileView:
    entered = fields.changes(FORM, dict.fromkeys(_FIELDS))
    with db.session_scope() as store:
        return hardship.open_file(
            store,
            session.actor(),
            household_id,
            category=entered.get("category") or "",
            main_cause=entered.get("main_cause") or "",
            causes=entered.get("causes") or (),
            needs=entered.get("needs"),
            measures=entered.get("measures") or (),
            next_contact_on=entered.get("next_contact_on"),
            on=today(),
        )


def _leave() -> None:
    fields.forget(FORM)
    st.query_params.pop("do", None)


def _mine_only(actor: Actor) -> bool:
    if actor.cadre_id is None or not actor.roles & _AT_THE_DOOR:
        return False
    every = "all" in st.query_params
    return not st.toggle(
        _("Also households of others"),
        value=every,
        key="mq_hardship_all",
        on_change=_FILTER.keep,
        args=("all",),
    )


def _filters() -> dict[str, str]:
    names = ("part", "village", "category", "overdue", "closed", "all")
    return {name: st.query_params[name] for name in names if st.query_params.get(name)}
