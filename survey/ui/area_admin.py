"""Areas in administration: the tree one level at a time, and what may be done with a village and its groups.

Owns how the tree reads, the forms that add, rename and close groups and name the successor of a closed area, and the
way back into use.
Refuses to close a village here: that comes with a newer list of the county.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st
from sqlmodel import Session

from survey import db, i18n
from survey.access.permissions import Action, Actor
from survey.areas import codes as area_codes
from survey.areas import register
from survey.areas.register import AreaLevel, AreaView
from survey.i18n import gettext as _
from survey.i18n import today
from survey.problems import Problem
from survey.rules import codes
from survey.ui import navigation, session, shell, wording
from survey.ui.administration import AREAS


def show(actor: Actor) -> None:
    """The area asked for (`&area=…`), what lies below it, and what the actor may do with it."""
    with db.reading() as store:
        areas = register.areas(store, actor)
    known = {area.code: area for area in areas}
    here = known.get(st.query_params.get("area", ""))
    tapped = area_tree(areas, here)
    if tapped is not None:
        navigation.go(navigation.ADMINISTRATION, part=AREAS, area=tapped)
    if here is not None and actor.may(Action.AREAS_WRITE, here.code):
        _acts(here, areas)


def area_tree(areas: Sequence[AreaView], here: AreaView | None) -> str | None:
    """The areas directly under one (the topmost without), with the way up; the code just tapped."""
    known = {area.code: area for area in areas}
    if here is not None:
        until = _until(here)
        badge = f" :gray-badge[{wording.plain(until)}]" if until else ""
        st.markdown(f"**{wording.plain(here.name)}**{badge}  \n:small[{here.code}]")
        if st.button(_("One level up"), icon=":material/arrow_upward:", key="mq_area_up"):
            return here.parent_code if here.parent_code in known else ""
    below = [area for area in areas if _is_below(area, here, known)]
    if not below and (here is None or here.level is not AreaLevel.GROUP):
        shell.empty(_("No area lies below this one."))
    return shell.rows(AREAS, [_area_row(area, areas) for area in below])


def _is_below(area: AreaView, here: AreaView | None, known: Mapping[str, AreaView]) -> bool:
    return area.parent_code == here.code if here else area.parent_code not in known


def _area_row(area: AreaView, areas: Sequence[AreaView]) -> shell.Row:
    below = sum(1 for other in areas if other.parent_code == area.code)
    details = (area.code, codes.label("area_level", area.level), _("{n} below", n=below) if below else "")
    return shell.Row(
        key=area.code,
        title=area.short_name,
        detail=" · ".join(part for part in details if part),
        badge=_until(area),
    )


def _until(area: AreaView) -> str:
    return _("until {day}", day=i18n.day(area.valid_until)) if area.valid_until else ""


def _acts(here: AreaView, areas: Sequence[AreaView]) -> None:
    if here.level not in (AreaLevel.VILLAGE, AreaLevel.GROUP):
        return
    if here.valid_until is not None:
        _successor(here, areas)
        _reopen(here)
    elif here.level is AreaLevel.VILLAGE:
        _add_group(here, areas)
        _add_groups(here)
    else:
        _rename(here)
        _close(here)


def _add_group(village: AreaView, areas: Sequence[AreaView]) -> None:
    taken = {int(area.code[12:]) for area in areas if area.parent_code == village.code}
    numbers = range(1, area_codes.HIGHEST_GROUP + 1)
    following = next((number for number in numbers if number not in taken), 1)
    # The key names the next number: after adding one, the form begins again with the next.
    form = f"{village.code}_{following}"
    with (
        st.expander(_("Add a group"), icon=":material/add:"),
        st.form(f"mq_group_add_{form}", border=False),
    ):
        number = st.number_input(
            _("Number of the group"),
            min_value=1,
            max_value=area_codes.HIGHEST_GROUP,
            value=following,
            step=1,
            key=f"mq_group_number_{form}",
        )
        name = st.text_input(
            _("Name (without one it is called by its number)"),
            max_chars=register.LONGEST_NAME,
            key=f"mq_group_name_{form}",
        )
        if st.form_submit_button(_("Add the group"), type="primary", width="stretch"):
            _write(
                lambda store, actor: register.add_group(
                    store, actor, village.code, int(number), name=name, on=today()
                ),
                _("The group was added."),
            )


def _add_groups(village: AreaView) -> None:
    with (
        st.expander(_("Add all groups at once"), icon=":material/playlist_add:"),
        st.form(f"mq_groups_add_{village.code}", border=False),
    ):
        count = st.number_input(
            _("Number of groups in the village"),
            min_value=1,
            max_value=area_codes.HIGHEST_GROUP,
            value=None,
            step=1,
            placeholder=_("Enter a number"),
            key=f"mq_groups_count_{village.code}",
        )
        st.caption(_("Groups that the village has already stay as they are."))
        if not st.form_submit_button(_("Add the groups"), type="primary", width="stretch"):
            return
        if count is None:
            st.error(_("Enter how many groups the village has."))
            return
        _write(
            lambda store, actor: register.add_groups(store, actor, village.code, int(count), on=today()),
            _("The groups were added."),
        )


def _rename(group: AreaView) -> None:
    with (
        st.expander(_("Rename the group"), icon=":material/edit:"),
        st.form(f"mq_group_rename_{group.code}", border=False),
    ):
        name = st.text_input(
            _("Name"), group.short_name, max_chars=register.LONGEST_NAME, key=f"mq_rename_{group.code}"
        )
        if st.form_submit_button(_("Rename"), type="primary", width="stretch"):
            _write(
                lambda store, actor: register.rename(store, actor, group.code, name),
                _("The group was renamed."),
            )


def _close(group: AreaView) -> None:
    with st.expander(_("Close the group"), icon=":material/block:"):
        day = st.date_input(
            _("Not in use from this day on"),
            today(),
            min_value=group.valid_from,
            key=f"mq_close_day_{group.code}",
            format="YYYY-MM-DD",
        )
        question = _("A closed group takes no households. It stays in the register and can be reopened.")
        if shell.confirm(f"close_{group.code}", _("Close"), question):
            _write(
                lambda store, actor: register.close(store, actor, group.code, on=day),
                _("The group was closed."),
            )


def _reopen(closed: AreaView) -> None:
    question = (
        _("The village is in use again, with the groups that were closed on the same day.")
        if closed.level is AreaLevel.VILLAGE
        else _("The group is in use again and takes households.")
    )
    if shell.confirm(f"reopen_{closed.code}", _("Put in use again"), question, icon=":material/undo:"):
        _write(lambda store, actor: register.reopen(store, actor, closed.code), _("It is in use again."))


def _successor(closed: AreaView, areas: Sequence[AreaView]) -> None:
    names = {area.code: area for area in areas}
    fitting = [area.code for area in areas if area.level is closed.level and area.valid_until is None]
    present = closed.successor_code
    with st.form(f"mq_successor_{closed.code}", border=False):
        chosen = st.selectbox(
            _("Succeeded by"),
            fitting,
            index=fitting.index(present) if present in fitting else None,
            format_func=lambda code: _with_parent(names[code], names),
            placeholder=_("Not known"),
            key=f"mq_successor_of_{closed.code}",
        )
        if st.form_submit_button(_("Save the successor"), type="primary", width="stretch"):
            _write(
                lambda store, actor: register.set_successor(store, actor, closed.code, chosen), _("Saved.")
            )


def _with_parent(area: AreaView, names: Mapping[str, AreaView]) -> str:
    above = names.get(area.parent_code or "")
    return f"{above.short_name} {area.short_name}" if above else area.short_name


def _write(act: Callable[[Session, Actor], object], said: str) -> None:
    """Do it and draw the page anew; a refusal is shown where the person is, with what was typed still there."""
    try:
        with db.session_scope() as store:
            act(store, session.actor())
    except Problem as problem:
        shell.problem(problem)
        return
    shell.said(said)
    st.rerun()
