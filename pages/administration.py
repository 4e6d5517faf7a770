"""Administration: accounts and posts, areas, the audit trail, snapshots (`?part=…`)."""

import streamlit as st

from survey import db
from survey.access import accounts, trail
from survey.access.permissions import Actor
from survey.areas import register
from survey.i18n import gettext as _
from survey.i18n import today
from survey.ui import administration, area_admin, navigation, shell


def show_accounts(actor: Actor) -> None:
    """The accounts of the actor's area, and the form for a new one."""
    query = st.text_input(_("Search by name or user name"), key="mq_account_query")
    locked = st.toggle(_("Locked only"), key="mq_account_locked")
    with db.reading() as session:
        offset = shell.offset(administration.ACCOUNTS)
        page = accounts.accounts(
            session, actor, query=query, locked_only=locked, limit=shell.PAGE_SIZE, offset=offset
        )
        areas = register.areas(session, actor, on=today())
    administration.new_account(areas)
    if not page.rows:
        shell.empty(_("No account matches."))
    tapped = administration.account_rows(page.rows, administration.places_of(page.rows))
    shell.page_turner(administration.ACCOUNTS, page.total)
    if tapped:
        navigation.go(navigation.ADMINISTRATION, part=administration.ACCOUNTS, account=tapped)


def show_account(actor: Actor, cadre_id: str) -> None:
    """One account with its posts."""
    if st.button(_("Back to the list"), icon=":material/arrow_back:", key="mq_account_back"):
        navigation.go(navigation.ADMINISTRATION, part=administration.ACCOUNTS)
    with db.reading() as session:
        view = accounts.account(session, actor, int(cadre_id) if cadre_id.isdecimal() else 0)
        areas = register.areas(session, actor, on=today())
    administration.account_page(view, areas)


def show_trail(actor: Actor) -> None:
    """The audit trail, newest first."""
    chosen = administration.trail_filter()
    with db.reading() as session:
        offset = shell.offset(administration.TRAIL)
        page = trail.entries(session, actor, chosen, limit=shell.PAGE_SIZE, offset=offset)
    if not page.rows:
        shell.empty(_("No entry under these filters."))
        return
    administration.trail_rows(page.rows)
    shell.page_turner(administration.TRAIL, page.total)


actor = shell.page(_("Administration"))
part = administration.part(actor)
asked = st.query_params.get("account")
if part == administration.ACCOUNTS and asked:
    show_account(actor, asked)
elif part == administration.ACCOUNTS:
    show_accounts(actor)
elif part == administration.AREAS:
    area_admin.show(actor)
elif part == administration.TRAIL:
    show_trail(actor)
elif part == administration.SNAPSHOT:
    administration.snapshot_part(actor)
else:
    shell.empty(_("Your post has nothing to administer."))
