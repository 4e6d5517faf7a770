"""Administration on the screen: accounts and posts, the audit trail, a snapshot to take away.

Areas are in `survey.ui.area_admin`. Owns how these read and the forms that change an account. Refuses to keep a one-time password: it is drawn once, in the
run that made it, and stands nowhere afterwards. Which parts somebody sees follows from his posts; the services decide.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

import streamlit as st

from survey import db, i18n
from survey.access import accounts
from survey.access.accounts import AccountView, Post, PostingView
from survey.access.permissions import Action, Actor
from survey.access.trail import EntryFilter, EntryView
from survey.analysis import snapshot
from survey.areas import register
from survey.areas.register import AreaView
from survey.i18n import gettext as _
from survey.i18n import today
from survey.problems import Problem
from survey.rules import codes
from survey.ui import navigation, session, shell, wording

ACCOUNTS, AREAS, TRAIL, SNAPSHOT = "accounts", "areas", "trail", "snapshot"
_NEEDED = {
    ACCOUNTS: Action.ACCOUNTS_MANAGE,
    AREAS: Action.AREAS_WRITE,
    TRAIL: Action.AUDIT_READ,
    SNAPSHOT: Action.SNAPSHOT_MAKE,
}


def part(actor: Actor) -> str | None:
    """The choice between the parts the actor may use; it stands in the address. Nothing if he may use none."""
    names = {
        ACCOUNTS: _("Accounts"),
        AREAS: _("Areas"),
        TRAIL: _("Audit trail"),
        SNAPSHOT: _("Snapshot"),
    }
    offered = [key for key in names if actor.may(_NEEDED[key])]
    if not offered:
        return None
    asked = st.query_params.get("part")
    current = asked if asked in offered else offered[0]
    chosen = st.segmented_control(
        _("Part"),
        offered,
        default=current,
        format_func=names.__getitem__,
        key="mq_part",
        required=True,
        label_visibility="collapsed",
    )
    if chosen != current:
        navigation.go(navigation.ADMINISTRATION, part=str(chosen))
    return current


def account_rows(rows: Sequence[AccountView], places: Mapping[str, str]) -> str | None:
    """Accounts as big rows; the id of the one just tapped."""
    return shell.rows(ACCOUNTS, [_account_row(row, places) for row in rows])


def _account_row(row: AccountView, places: Mapping[str, str]) -> shell.Row:
    held = [posting for posting in row.postings if _holds(posting, today())]
    posts = i18n.listed(_post_words(posting, places) for posting in held) or _("no post at present")
    seen = (
        _("last used {moment}", moment=i18n.moment(row.last_seen_at)) if row.last_seen_at else _("never used")
    )
    badge = _("locked") if row.locked else _("initial password") if row.must_change_password else ""
    return shell.Row(
        key=str(row.cadre_id),
        title=f"{row.name} · {row.username}",
        detail=f"{posts} · {seen}",
        badge=badge,
        color="red" if row.locked else "orange",
    )


def _holds(posting: PostingView, on: date) -> bool:
    return posting.starts_on <= on and (posting.ends_on is None or on <= posting.ends_on)


def _post_words(posting: PostingView, places: Mapping[str, str]) -> str:
    return f"{places.get(posting.area_code, posting.area_code)} {codes.label('post', posting.post)}"


def places_of(rows: Sequence[AccountView]) -> dict[str, str]:
    """The names of the areas of these accounts' posts."""
    with db.reading() as reading:
        return register.names(reading, {p.area_code for row in rows for p in row.postings})


def new_account(areas: Sequence[AreaView]) -> None:
    """The form for a new account; its one-time password is shown once below."""
    # The post stands before the form: choosing it decides at once which areas the form offers.
    with st.expander(_("New account"), icon=":material/person_add:"):
        post = _post_choice("mq_new_post")
        _new_account_form(post, areas)


def _new_account_form(post: Post | None, areas: Sequence[AreaView]) -> None:
    with st.form("mq_new_account", border=False):
        username = st.text_input(
            _("User name"), key="mq_new_username", help=_("Lower case letters and digits")
        )
        name = st.text_input(_("Name"), key="mq_new_name")
        area = _area_choice("mq_new_area", areas, post)
        starts_on = st.date_input(_("First day"), today(), key="mq_new_starts", format="YYYY-MM-DD")
        if st.form_submit_button(_("Create the account"), type="primary", width="stretch"):
            _create(username, name, post, area, starts_on)


def _create(username: str, name: str, post: Post | None, area: str | None, starts_on: date) -> None:
    if post is None or area is None:
        st.error(_("Choose post and area first."))
        return
    try:
        with db.session_scope() as store:
            view, one_time = accounts.create_account(
                store, session.actor(), username, name, post, area, starts_on=starts_on
            )
    except Problem as problem:
        shell.problem(problem)
        return
    show_password(view.username, one_time)


def show_password(username: str, one_time: str) -> None:
    """A one-time password, drawn in this run only."""
    st.success(
        _(
            "Write down or read out this one-time password for {username} now; it is not shown again.",
            username=wording.plain(username),
        )
    )
    st.code(one_time, language=None)


def _post_choice(key: str) -> Post | None:
    return st.selectbox(
        _("Post"),
        list(Post),
        index=None,
        key=key,
        format_func=lambda post: codes.label("post", post),
        placeholder=_("Choose"),
    )


def _area_choice(key: str, areas: Sequence[AreaView], post: Post | None) -> str | None:
    """One of the areas in which the post can be held; all of them before a post is chosen."""
    names = {area.code: area for area in areas}
    fitting = [area.code for area in areas if post is None or area.level in accounts.LEVELS_OF_POST[post]]
    return st.selectbox(
        _("Area"),
        fitting,
        index=None,
        key=key,
        format_func=lambda code: _spoken(names[code], names),
        placeholder=_("Choose"),
    )


def _spoken(area: AreaView, names: Mapping[str, AreaView]) -> str:
    above = names.get(area.parent_code or "")
    return f"{above.short_name} {area.short_name}" if above else area.short_name


def account_page(view: AccountView, areas: Sequence[AreaView]) -> None:
    """One account: its state, its posts and what may be done with it."""
    state = (
        _("locked") if view.locked else _("initial password") if view.must_change_password else _("in use")
    )
    color = "red" if view.locked else "orange" if view.must_change_password else "green"
    st.markdown(
        f"### {wording.plain(view.name)} · {wording.plain(view.username)} :{color}-badge[{wording.plain(state)}]"
    )
    _posts(view)
    _add_post(view, areas)
    _keys(view)


def _posts(view: AccountView) -> None:
    st.subheader(_("Posts"), anchor=False)
    places = places_of([view])
    for posting in view.postings:
        until = i18n.day(posting.ends_on) if posting.ends_on else _("open")
        words, button = st.columns([3, 1], vertical_alignment="center")
        words.write(
            f"{wording.plain(_post_words(posting, places))}  \n{i18n.day(posting.starts_on)} – {until}"
        )
        if posting.ends_on is None:
            with button:
                _end_post(posting)


def _end_post(posting: PostingView) -> None:
    if shell.confirm(f"end_{posting.id}", _("End today"), _("Today will be the last day of this post.")):
        with db.session_scope() as store:
            accounts.end_posting(store, session.actor(), posting.id, ends_on=max(today(), posting.starts_on))
        shell.said(_("The post ends today."))
        st.rerun()


def _add_post(view: AccountView, areas: Sequence[AreaView]) -> None:
    with st.expander(_("Add a post"), icon=":material/add:"):
        post = _post_choice("mq_post")
        _add_post_form(view, post, areas)


def _add_post_form(view: AccountView, post: Post | None, areas: Sequence[AreaView]) -> None:
    with st.form(f"mq_post_{view.cadre_id}", border=False):
        area = _area_choice("mq_post_area", areas, post)
        starts_on = st.date_input(_("First day"), today(), key="mq_post_starts", format="YYYY-MM-DD")
        if not st.form_submit_button(_("Add the post"), type="primary", width="stretch"):
            return
        if post is None or area is None:
            st.error(_("Choose post and area first."))
            return
        with db.session_scope() as store:
            accounts.add_posting(store, session.actor(), view.cadre_id, post, area, starts_on=starts_on)
    shell.said(_("The post was added."))
    st.rerun()


def _keys(view: AccountView) -> None:
    st.subheader(_("Sign-in"), anchor=False)
    lock, password = st.columns(2)
    now = datetime.now(UTC)
    with lock:
        if view.locked:
            if shell.confirm(
                "unlock", _("Unlock"), _("The account may sign in again."), icon=":material/lock_open:"
            ):
                with db.session_scope() as store:
                    accounts.unlock(store, session.actor(), view.cadre_id, now=now)
                _said_and_again(_("The account is unlocked."))
        elif shell.confirm(
            "lock", _("Lock"), _("The person is signed out everywhere at once."), icon=":material/lock:"
        ):
            with db.session_scope() as store:
                accounts.lock(store, session.actor(), view.cadre_id, now=now)
            _said_and_again(_("The account is locked."))
    with password:
        question = _("The present password stops working and the person is signed out everywhere.")
        if shell.confirm("reset", _("New one-time password"), question, icon=":material/key:"):
            with db.session_scope() as store:
                one_time = accounts.reset_password(store, session.actor(), view.cadre_id, now=now)
            show_password(view.username, one_time)


def _said_and_again(text: str) -> None:
    shell.said(text)
    st.rerun()


def trail_filter() -> EntryFilter:
    """Draw the filters of the audit trail."""
    kind, since, refused = st.columns([2, 2, 2], vertical_alignment="bottom")
    subject = kind.selectbox(
        _("Kind"),
        codes.keys("audit_subject"),
        index=None,
        key="mq_trail_kind",
        format_func=lambda key: codes.label("audit_subject", key),
        placeholder=_("All"),
        on_change=shell.first_part(TRAIL),
    )
    start = since.date_input(
        _("Since"), None, key="mq_trail_since", format="YYYY-MM-DD", on_change=shell.first_part(TRAIL)
    )
    only = refused.toggle(_("Refused only"), key="mq_trail_refused", on_change=shell.first_part(TRAIL))
    return EntryFilter(subject=subject or "", since=start, refused_only=only)


def trail_rows(rows: Sequence[EntryView]) -> None:
    """Entries of the audit trail as a plain list."""
    with db.reading() as reading:
        places = register.names(reading, {row.area_code for row in rows if row.area_code})
    items = "".join(_entry(row, places) for row in rows)
    st.html(
        "<style>.mq-trail { list-style: none; padding: 0; margin: 0; } .mq-trail li { margin: 0; border-bottom: 1px solid var(--mq-line); "
        "padding: .5rem 0; } .mq-trail small { color: var(--mq-soft); overflow-wrap: anywhere; }</style>"
        f'<ul class="mq-trail">{items}</ul>'
    )


def _entry(row: EntryView, places: Mapping[str, str]) -> str:
    result = (
        f" · <b>{wording.escaped(codes.label('audit_result', row.result))}</b>"
        if row.result != "done"
        else ""
    )
    number = _("No. {id}", id=row.object_id) if row.object_id.isdecimal() else row.object_id
    needed = codes.label("action", str(row.details["needed"])) if "needed" in row.details else ""
    facts = (i18n.moment(row.at), row.who, needed, places.get(row.area_code, ""), number)
    words = " · ".join(wording.escaped(fact) for fact in facts if fact)
    return (
        f'<li><span class="mq-number">{row.sequence}</span> '
        f"{wording.escaped(codes.label('audit_action', row.action))}{result}<br><small>{words}</small></li>"
    )


def snapshot_part(actor: Actor) -> None:
    """Make a de-identified snapshot and offer it for download."""
    st.write(_("A snapshot holds no names, numbers, exact places or free text. Making one is recorded."))
    if not st.button(_("Make a snapshot"), type="primary", icon=":material/dataset:", key="mq_snapshot"):
        return
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "snapshot"
        with db.session_scope() as store:
            announcement = snapshot.announce(store, actor)
        with db.reading() as reading:
            made = snapshot.export(reading, actor, announcement, out)
        content = _zipped(out)
    st.success(_("{n} rows in {tables} tables.", n=sum(made.counts.values()), tables=len(made.counts)))
    name = f"minqing-snapshot-{i18n.local(made.made_at):%Y%m%d-%H%M}.zip"
    st.download_button(
        _("Download the snapshot"), content, name, "application/zip", on_click="ignore", width="stretch"
    )


def _zipped(folder: Path) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
    return buffer.getvalue()
