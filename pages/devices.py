"""Offline devices: one's own, issued by QR code, and those of an administrator's area; each can be revoked."""

from datetime import UTC, datetime

import streamlit as st

from survey import db
from survey.access import devices
from survey.access.devices import DeviceView
from survey.access.permissions import Action, Actor
from survey.i18n import gettext as _
from survey.ui import devices as drawn
from survey.ui import shell


def show_own(actor: Actor) -> None:
    """The form for a new device, and one's own."""

    def revoke(device_id: str) -> DeviceView:
        with db.session_scope() as session:
            return devices.revoke_own(session, actor, device_id, now=datetime.now(UTC))

    st.write(_("Fill in questionnaires where there is no signal, with ODK Collect on a tablet of your own."))
    drawn.issue_form(actor)
    with db.reading() as session:
        views = devices.mine(session, actor)
    if not views:
        shell.empty(_("You have no device yet."))
    drawn.rows(views, revoke)


def show_area(actor: Actor) -> None:
    """The devices of the area, for whoever administers its accounts."""

    def revoke(device_id: str) -> DeviceView:
        with db.session_scope() as session:
            return devices.revoke(session, actor, device_id, now=datetime.now(UTC))

    st.subheader(_("Devices of the area"), anchor=False)
    with db.reading() as session:
        views = devices.of_area(session, actor)
    if not views:
        shell.empty(_("Nobody in the area has a device."))
    drawn.rows(views, revoke, owners=True)


actor = shell.page(_("Offline devices"))
if actor.may(Action.VISITS_RECORD):
    show_own(actor)
if actor.may(Action.ACCOUNTS_MANAGE):
    show_area(actor)
