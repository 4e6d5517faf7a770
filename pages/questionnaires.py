"""Questionnaires: to fill in (`?form=…`), and those an office uploads, publishes and reads (`?version=…`)."""

import streamlit as st

from survey.i18n import gettext as _
from survey.i18n import today
from survey.ui import questionnaires, shell

actor = shell.page(_("Questionnaires"))
on = today()
form_id, version_id = st.query_params.get("form"), st.query_params.get("version")
if version_id:
    questionnaires.show(actor, version_id, on)
elif questionnaires.part(actor) == questionnaires.MANAGE:
    questionnaires.manage(actor, on)
elif form_id:
    questionnaires.households(actor, form_id, on)
else:
    questionnaires.to_fill_in(actor, on)
