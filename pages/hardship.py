"""Hardship households: who is due, all files, one file (`?file=…`), a new one (`?household=…&do=open`)."""

import streamlit as st

from survey import db
from survey.access.permissions import Actor
from survey.fieldwork import hardship as register
from survey.i18n import gettext as _
from survey.i18n import today
from survey.ui import hardship, shell


def show_lists(actor: Actor) -> None:
    """Who is due first; all files and the spread of the work beside it."""
    on, part = today(), hardship.part(actor)
    if part == hardship.FILES:
        hardship.files(actor, on)
    elif part == hardship.WORK:
        hardship.work(actor, on)
    else:
        hardship.due(actor, on)


def show_file(actor: Actor, file_id: str, do: str | None) -> None:
    """One file, or its form."""
    on = today()
    with db.reading() as session:
        view = register.file(session, actor, file_id, on=on)
    if do == "edit":
        hardship.edit(actor, view)
    else:
        hardship.back()
        hardship.file(actor, view, on)


actor = shell.page(_("Hardship"))
file_id, household_id, do = (st.query_params.get(name) for name in ("file", "household", "do"))
if file_id:
    show_file(actor, file_id, do)
elif household_id and do == "open":
    hardship.open_new(actor, household_id, today())
else:
    show_lists(actor)
