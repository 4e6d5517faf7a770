"""Offline devices on the screen: issuing one with its QR code, the list of one's own, and those of an area.

Owns how these read. Refuses to keep a token: its code is drawn once, in the run that made it. Who may issue and revoke
what is decided by `survey.access.devices`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

import segno
import streamlit as st

from survey import db, i18n
from survey.access import collect_settings, devices
from survey.access.devices import DeviceScope, DeviceView, Issued
from survey.access.permissions import Action, Actor
from survey.areas import register
from survey.i18n import gettext as _
from survey.problems import Problem
from survey.rules import codes
from survey.ui import shell, wording

_SCOPES: tuple[DeviceScope, ...] = tuple(DeviceScope)
_DAYS = (30, 90, 180, 366)
_USUAL_DAYS = 180
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")

Revoke = Callable[[str], DeviceView]


def issue_form(actor: Actor) -> None:
    """The form for a new device of one's own; its code when it was issued."""
    with db.reading() as session:
        areas = register.areas(session, actor, on=i18n.today())
        names = register.names(session, [area.code for area in areas])
    parts = [area.code for area in areas if actor.may(Action.VISITS_RECORD, area.code)]
    with st.expander(_("New device"), icon=":material/add:"), st.form("mq_device", border=False):
        name = st.text_input(
            _("Name of the device"),
            key="mq_device_name",
            max_chars=devices.LONGEST_NAME,
            placeholder=_("Such as: the village's tablet"),
        )
        scope = st.radio(
            _("What it is for"),
            _SCOPES,
            key="mq_device_scope",
            format_func=lambda key: codes.label("device_scope", key),
        )
        area = st.selectbox(
            _("Households on the device"),
            parts,
            index=None,
            key="mq_device_area",
            format_func=names.__getitem__,
            placeholder=_("All of my area"),
        )
        days = st.selectbox(
            _("Valid for"),
            _DAYS,
            index=_DAYS.index(_USUAL_DAYS),
            key="mq_device_days",
            format_func=lambda days: _("{n} days", n=days),
        )
        if not st.form_submit_button(_("Issue"), type="primary", width="stretch"):
            return
    try:
        with db.session_scope() as session:
            issued = devices.issue(
                session, actor, name, scope=scope, days=days, area_code=area, now=datetime.now(UTC)
            )
    except Problem as problem:
        shell.problem(problem)
        return
    show_code(issued, actor, address())


def address() -> str:
    """This server's address as the browser has it."""
    parts = urlsplit(st.context.url or "")
    return f"{parts.scheme}://{parts.netloc}"


def show_code(issued: Issued, actor: Actor, server: str) -> None:
    """The QR code of a new device and the same in words, drawn in this run only."""
    st.success(_("Scan this code with ODK Collect now (add project); it is not shown again."))
    text = collect_settings.encoded(collect_settings.of(issued, actor, server))
    st.image(segno.make(text, error="m", micro=False).svg_inline(scale=5, border=4), width=340)
    parts = urlsplit(server)
    if parts.hostname in _LOCAL_HOSTS:
        st.warning(
            _(
                "A tablet cannot reach {address}. Open this page by the server's name and issue again.",
                address=server,
            )
        )
    elif parts.scheme != "https":
        st.warning(
            _(
                "This address is not encrypted: Collect on a present tablet refuses it. Ask for an https address."
            )
        )
    with st.expander(_("Enter it by hand"), icon=":material/keyboard:"):
        for label, value in (
            (_("Server"), f"{server}{collect_settings.PATH}"),
            (_("User name"), issued.device.id),
            (_("Password"), issued.token),
        ):
            st.caption(wording.plain(label))
            st.code(value, language=None)


def rows(views: Sequence[DeviceView], revoke: Revoke, *, owners: bool = False) -> None:
    """Devices, each with the button that ends it; `owners` names whose they are."""
    now = datetime.now(UTC)
    for view in views:
        words, button = st.columns([3, 1], vertical_alignment="center")
        words.markdown(_described(view, now, owners=owners))
        with button:
            if view.is_live(now) and _agreed(view):
                revoke(view.id)
                shell.said(_("The device is revoked; it is refused from now on."))
                st.rerun()


def _agreed(view: DeviceView) -> bool:
    question = _("The device cannot fetch or send any more. What is filled in on it stays there.")
    return shell.confirm(f"revoke_{view.id}", _("Revoke"), question, icon=":material/block:")


def _described(view: DeviceView, now: datetime, *, owners: bool) -> str:
    state, color = (
        (_("revoked"), "red")
        if view.revoked_at
        else (_("in use"), "green")
        if view.is_live(now)
        else (_("expired"), "orange")
    )
    seen = i18n.moment(view.seen_at) if view.seen_at else _("not yet")
    facts = [
        *([view.owner] if owners else []),
        codes.label("device_scope", view.scope),
        _("valid until {day}", day=i18n.day(i18n.local(view.expires_at).date())),
        _("last contact: {moment}", moment=seen),
        _("No. {id}", id=view.id),
    ]
    detail = wording.plain(" · ".join(facts))
    return f"**{wording.plain(view.name)}** :{color}-badge[{wording.plain(state)}]  \n{detail}"
