"""The visit page: what the address asks for, the form of a draft, what became of it, what is unfinished.

Owns the address (`?household=…` begins, `?instance=…` continues on any device).
The form itself is drawn by `survey.ui.form_page`; answers are in the draft, given and read through `survey.ui.filling`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st

from survey import db, i18n
from survey.access.permissions import Actor
from survey.fieldwork import visits
from survey.i18n import gettext as _
from survey.problems import Problem
from survey.questionnaires import drafts, library, submissions
from survey.questionnaires.registry import Written
from survey.ui import components, form_page, navigation, session, shell, wording
from survey.ui.filling import Draft


@dataclass(frozen=True)
class Task:
    """What the address asks for: begin at a household, or continue an instance."""

    household_id: str | None = None
    form_id: str = library.VISIT_FORM
    instance_id: str | None = None


def task() -> Task:
    """What the address asks for."""
    query = st.query_params
    return Task(
        household_id=query.get("household"),
        form_id=query.get("form") or library.VISIT_FORM,
        instance_id=query.get("instance"),
    )


def begin(actor: Actor, household_id: str, form_id: str) -> None:
    """Begin or continue a filling for a household and name it in the address."""
    with db.session_scope() as store:
        draft = drafts.start(store, actor, form_id, household_id, now=datetime.now(UTC))
    st.query_params.from_dict({"instance": draft.instance_id})
    fill(actor, draft.instance_id)


def fill(actor: Actor, instance_id: str) -> None:
    """The form of a draft; what was handed in already shows what became of it."""
    try:
        with db.reading() as store:
            draft = drafts.load(store, actor, instance_id)
    except Problem as problem:
        if problem.code != "draft.submitted":
            raise
        outcome(actor, instance_id)
        return
    st.html(
        f'<p class="mq-subject">{wording.escaped(draft.title)} · <b>{wording.escaped(draft.head_name)}</b></p>'
    )
    _form(instance_id)
    throw_away(actor, instance_id)


@session.fragment
def _form(instance_id: str) -> None:
    draft = Draft(instance_id)
    if draft.accepted is not None:
        st.rerun()
    form_page.show(draft, session.actor())


def outcome(actor: Actor, instance_id: str) -> None:
    """What a filling that was handed in wrote, and where to go from here."""
    # Handing in again changes nothing and finds what was accepted.
    with db.session_scope() as store:
        accepted = Draft(instance_id).accepted or submissions.submit_draft(
            store, actor, instance_id, now=datetime.now(UTC)
        )
    assert accepted.household_id is not None, "every accepted filling names its household"
    with db.reading() as store:
        written = visits.of_filling(store, actor, instance_id)
    components.forget(prefix=form_page.mirrored_under(actor, instance_id))
    st.success(_("Handed in. Thank you."), icon=":material/check_circle:")
    lines = []
    if written is not None:
        lines.append(_("Visit of {day} kept in the household's history", day=i18n.day(written.visited_on)))
    numbers = _case_numbers(accepted.written, written)
    lines += [_("Case {number} is on the list of unresolved cases", number=number) for number in numbers]
    if any(entry.kind == "contact" for entry in accepted.written):
        lines.append(_("Contact kept in the hardship file"))
    if written is not None and written.follow_up_on:
        lines.append(_("Follow-up promised for {day}", day=i18n.day(written.follow_up_on)))
    st.markdown("\n".join(f"- {wording.plain(line)}" for line in lines))
    kept = [entry.title for entry in accepted.written if entry.kind == "conflict"]
    if kept:
        st.warning(
            _(
                "{fields}: somebody else changed this meanwhile, so the register keeps that value. Your answer stays "
                "with this visit; please compare the two on the household's page.",
                fields=i18n.listed(kept),
            )
        )
    _ways_on(accepted.household_id, numbers)


def _ways_on(household_id: str, numbers: tuple[str, ...]) -> None:
    with st.container(horizontal=True):
        if st.button(_("To the household"), key="mq_to_household", type="primary", width="stretch"):
            navigation.go(navigation.HOUSEHOLDS, household=household_id)
        if numbers and st.button(_("To the cases"), key="mq_to_cases", width="stretch"):
            navigation.go(navigation.CASES)
        if st.button(_("To today's list"), key="mq_to_today", width="stretch"):
            navigation.go(navigation.TODAY)


def _case_numbers(written: tuple[Written, ...], visit: visits.VisitView | None) -> tuple[str, ...]:
    found = [entry.title for entry in written if entry.kind == "case"]
    if visit is not None:
        found += [seen.case_number for seen in visit.observations if seen.case_number]
    return tuple(dict.fromkeys(found))


def unfinished(actor: Actor) -> None:
    """One's own drafts to continue or throw away, and the way to a household for a new one."""
    with db.reading() as store:
        mine = drafts.mine(store, actor)
    if not mine:
        shell.empty(_("No unfinished visit."), _("Choose a household"), to=navigation.HOUSEHOLDS)
        return
    st.subheader(_("Unfinished"), anchor=False)
    chosen = shell.rows(
        "drafts",
        [
            shell.Row(
                draft.instance_id,
                draft.head_name or draft.title,
                f"{draft.title} · {i18n.moment(draft.updated_at)}",
                icon=":material/edit_note:",
            )
            for draft in mine
        ],
    )
    if chosen:
        st.query_params.from_dict({"instance": chosen})
        st.rerun()
    if st.button(_("Choose a household"), key="mq_choose", width="stretch", icon=":material/home:"):
        navigation.go(navigation.HOUSEHOLDS)


def throw_away(actor: Actor, instance_id: str) -> None:
    """Offer to throw a draft away, after asking."""
    if shell.confirm(
        f"discard_{instance_id[-12:]}",
        _("Throw this draft away"),
        _("Everything entered in it will be gone. Throw it away?"),
        icon=":material/delete:",
    ):
        with db.session_scope() as store:
            drafts.discard(store, actor, instance_id)
        shell.said(_("The draft was thrown away."))
        navigation.go(navigation.TODAY)
