"""Submissions: what to look at and why, all of them, conflicts of updates, or one in full (`?submission=…`)."""

from datetime import UTC, datetime

import streamlit as st

from survey import db
from survey.access.permissions import Actor
from survey.areas import register
from survey.fieldwork import conflicts, quality
from survey.i18n import gettext as _
from survey.i18n import today
from survey.questionnaires import reviews
from survey.ui import navigation, shell, submissions


def show_noticed(actor: Actor) -> str | None:
    """Undecided submissions with a reason to look at them."""
    on = today()
    with db.reading() as session:
        village = submissions.village(register.villages(session, actor, on=on))
        at = shell.offset(submissions.LOOK)
        page = quality.to_look_at(session, actor, on, now=datetime.now(UTC), village=village, offset=at)
    tapped = submissions.noticed_rows(page.rows)
    if not page.rows:
        shell.empty(_("Nothing was noticed among these submissions."))
    submissions.looked_at(page)
    return tapped


def show_all(actor: Actor) -> str | None:
    """Every submission under the filters, the latest first."""
    with db.reading() as session:
        chosen = submissions.filters(register.villages(session, actor, on=today()), datetime.now(UTC))
        at = shell.offset(submissions.ALL)
        page = reviews.submissions_page(session, actor, chosen, limit=shell.PAGE_SIZE, offset=at)
    if not page.rows:
        shell.empty(_("There is no submission under these filters."))
    tapped = submissions.submission_rows(page.rows)
    shell.page_turner(submissions.ALL, page.total)
    return tapped


def show_conflicts(actor: Actor) -> None:
    """Conflicts that wait for somebody to choose."""
    with db.reading() as session:
        village = submissions.village(register.villages(session, actor, on=today()))
        at = shell.offset(submissions.CONFLICTS)
        page = conflicts.waiting(session, actor, village=village, limit=shell.PAGE_SIZE, offset=at)
    if not page.rows:
        shell.empty(_("No conflict waits for a choice."))
    for view in page.rows:
        submissions.conflict(view)
    shell.page_turner(submissions.CONFLICTS, page.total)


def show_one(actor: Actor, instance_id: str) -> None:
    """One submission: why, what it says, what may be decided, what happened."""
    if st.button(_("Back to the list"), icon=":material/arrow_back:", key="mq_review_back"):
        navigation.go(navigation.SUBMISSIONS, **submissions.kept_filters())
    view, reasons, met = submissions.shown(actor, instance_id)
    submissions.header(view, reasons)
    for conflict in met:
        submissions.conflict(conflict)
    submissions.decision(view)
    submissions.answers(view)
    submissions.feed(view)


signed_in = shell.page(_("Submissions"))
asked = st.query_params.get("submission")
if asked:
    show_one(signed_in, asked)
else:
    draw = {submissions.LOOK: show_noticed, submissions.ALL: show_all, submissions.CONFLICTS: show_conflicts}
    tapped_id = draw[submissions.chosen_list()](signed_in)
    if tapped_id:
        navigation.go(navigation.SUBMISSIONS, **submissions.kept_filters(), submission=tapped_id)
