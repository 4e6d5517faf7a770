"""Households: the search, one household (`?household=…`), and its forms (`&do=…`)."""

import streamlit as st

from survey import db
from survey.access.permissions import Actor
from survey.fieldwork import households as register
from survey.i18n import gettext as _
from survey.i18n import today
from survey.ui import household_forms, households, shell


def show_list(actor: Actor) -> None:
    """The search and what it finds."""
    on = today()
    page = households.listed(actor, on)
    if page.rows:
        households.rows(page, on)
    else:
        households.nothing_found()
    households.add_button(actor)


def show_household(actor: Actor, household_id: str, do: str | None) -> None:
    """One household, or the form asked for."""
    on = today()
    with db.reading() as session:
        view = register.household(session, actor, household_id, on=on)
    if do == "edit":
        household_forms.edit(actor, view, on)
    elif do == "member":
        household_forms.person(actor, view, st.query_params.get("member"))
    elif do == "head":
        household_forms.head(actor, view)
    elif do == "place":
        household_forms.place(actor, view)
    else:
        households.back()
        households.household(actor, view, on)
        household_forms.back_again(actor, view)


actor = shell.page(_("Household register"))
asked, do = st.query_params.get("household"), st.query_params.get("do")
if asked:
    show_household(actor, asked, do)
elif do == "new":
    household_forms.add(actor, today())
else:
    show_list(actor)
