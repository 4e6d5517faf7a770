"""Trying a questionnaire: the same drawing as at the door, with answers that go nowhere.

Owns the page of a trial and what its answers would write. Refuses to write: no draft, no photo, no register.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st

from survey import db
from survey.i18n import gettext as _
from survey.questionnaires import authoring
from survey.questionnaires.engine import Instance
from survey.ui import form_page, session, wording
from survey.ui.rehearsal import Rehearsal


@dataclass
class Trial(Rehearsal):
    """A filling of a version that belongs to no household."""

    version_id: int = 0

    def _begun(self, payload: str) -> Instance:
        with db.reading() as store:
            return authoring.trial(store, session.actor(), self.version_id, payload, now=datetime.now(UTC))


def show(version_id: int) -> None:
    """The form of a version to be tried, with a way to begin anew."""
    trial = _trial(version_id)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_("This is a trial: nothing you enter is saved, and no household is changed."))
        st.button(
            _("Begin anew"),
            key="mq_trial_anew",
            icon=":material/restart_alt:",
            on_click=trial.begin_anew,
        )
    _form(version_id)


@session.fragment
def _form(version_id: int) -> None:
    actor, trial = session.actor(), _trial(version_id)
    form_page.show(trial, actor)
    with trial.opened(actor) as instance:
        shows, complete = instance.shows(instance.form.body), not instance.errors()
    if not shows:
        st.caption(_("The questionnaire shows no question."))
    elif complete:
        _outcome(instance)


def _trial(version_id: int) -> Trial:
    return Trial(f"trial-{version_id:012d}", version_id=version_id)


def _outcome(instance: Instance) -> None:
    """What the answers would write if they were handed in at a household."""
    rows = instance.entities()
    st.success(_("Nothing is missing: it could be handed in."))
    if not rows:
        st.caption(_("The answers stay in the results; they change no register and open no case."))
    lines = [
        f"- {wording.plain(_act(row.list_name, row.action))}"
        + "".join(
            f"  \n  {wording.plain(name)} = {wording.plain(value)}"
            for name, value in row.properties.items()
            if value
        )
        for row in rows
    ]
    st.markdown("\n".join(lines))


def _act(list_name: str, action: str) -> str:
    if action == "create":
        return _("would add an entry to the list {list}", list=list_name)
    return _("would update the entry of the list {list}", list=list_name)
