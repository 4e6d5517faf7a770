"""Cases: the list of those not finished, or one case with its steps (`?case=…`)."""

import streamlit as st

from survey import db
from survey.access.permissions import Actor
from survey.areas import register
from survey.cases import worklists
from survey.i18n import gettext as _
from survey.i18n import today
from survey.ui import cases, navigation, shell


def show_list(actor: Actor) -> None:
    """The cases not finished, most urgent first."""
    on = today()
    with db.reading() as session:
        chosen = cases.filters(register.villages(session, actor, on=on))
        page = worklists.unresolved(
            session, actor, chosen, on, limit=shell.PAGE_SIZE, offset=shell.offset(cases.LIST)
        )
    if not page.rows:
        shell.empty(_("No case waits here under these filters."))
        return
    st.caption(_("{n} cases not finished, the most urgent first", n=page.total))
    tapped = cases.list_rows(page.rows)
    shell.page_turner(cases.LIST, page.total)
    if tapped:
        navigation.go(navigation.CASES, **cases.chosen_filters(), case=tapped)


def show_case(case_id: str) -> None:
    """One case: what it is, what may be done now, what was done."""
    if st.button(_("Back to the list"), icon=":material/arrow_back:", key="mq_case_back"):
        navigation.go(navigation.CASES, **cases.chosen_filters())
    view, owners = cases.shown(case_id)
    cases.header(view)
    cases.actions(view, owners)
    cases.steps(view)


actor = shell.page(_("Cases"))
case_id = st.query_params.get("case")
if case_id:
    show_case(case_id)
else:
    show_list(actor)
