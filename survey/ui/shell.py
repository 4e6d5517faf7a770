"""The frame of every page, and the few things all pages are made of.

Owns head, navigation, text size, notices, problems, empty states, lists of big rows, turning their pages, and
asking before something happens. Refuses queries and rules: it draws what it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import streamlit as st

from survey import db, i18n
from survey.access import accounts
from survey.access.permissions import Actor
from survey.i18n import gettext as _
from survey.problems import Problem
from survey.rules import codes
from survey.ui import components, navigation, session, state, wording

BadgeColor = Literal["red", "orange", "green", "blue", "violet", "gray"]
_TEXT_SIZES = {"normal": 16, "large": 19, "very_large": 22}
PAGE_SIZE = 20

problem = session.show


@dataclass(frozen=True)
class Row:
    """One entry of a list: what is tapped (`key`), its title, a line of detail, and a coloured word."""

    key: str
    title: str
    detail: str = ""
    badge: str = ""
    color: BadgeColor = "gray"
    icon: str | None = None


def page(title: str) -> Actor:
    """Draw the frame of a page with its title; the signed-in actor."""
    actor = session.actor()
    _style(actor.text_size)
    wording.replace_built_in()
    components.forget(prefix="minqing:", keep=f"minqing:{actor.cadre_id}:")
    _head(actor)
    _navigation(actor)
    st.html(f'<h1 class="mq-title">{wording.escaped(title)}</h1>')
    for notice in state.take_notices():
        {"success": st.success, "warning": st.warning, "error": st.error}[notice.kind](notice.text)
    return actor


def run(declared: st.Page) -> None:
    """Run the page asked for; a problem it raises is shown as what happened and what to do."""
    try:
        declared.run()
    except Problem as trouble:
        problem(trouble)


def said(text: str) -> None:
    """Say that something was done, at the top of the next page drawn."""
    state.leave_notice("success", wording.plain(text))


def warned(text: str) -> None:
    """Warn of something at the top of the next page drawn."""
    state.leave_notice("warning", wording.plain(text))


def empty(message: str, action: str | None = None, *, to: str | None = None, **query: str) -> None:
    """Say that there is nothing here and, if there is a next step, offer it (a button to page `to`)."""
    st.html(f'<p class="mq-empty">{wording.escaped(message)}</p>')
    if action and to and st.button(action, key=f"mq_empty_{to}_{action}", type="primary", width="stretch"):
        navigation.go(to, **query)


def rows(name: str, entries: Iterable[Row]) -> str | None:
    """A list of big rows, each a tap target over its whole width; the key of the row just tapped."""
    tapped = None
    with st.container(key=f"mq_rows_{name}"):
        for entry in entries:
            if st.button(
                _row_label(entry), key=f"mq_row_{name}_{entry.key}", width="stretch", icon=entry.icon
            ):
                tapped = entry.key
    return tapped


def page_turner(name: str, total: int, *, size: int = PAGE_SIZE) -> None:
    """Under a list: which entries are shown of how many, and the way to those before and after."""
    start = min(state.offset(name), max(0, total - 1))
    if total <= size:
        return
    before, middle, after = st.columns([1, 2, 1], vertical_alignment="center", wrap=False)
    before.button(
        _("Earlier entries"),
        key=f"mq_before_{name}",
        disabled=start == 0,
        width="stretch",
        on_click=state.set_offset,
        args=(name, start - size),
    )
    where = _("{first}–{last} of {total}", first=start + 1, last=min(start + size, total), total=total)
    middle.markdown(
        f"<div style='text-align:center'>{where}</div>",
        unsafe_allow_html=True,
    )
    after.button(
        _("More entries"),
        key=f"mq_after_{name}",
        disabled=start + size >= total,
        width="stretch",
        on_click=state.set_offset,
        args=(name, start + size),
    )


def offset(name: str) -> int:
    """How many entries of the named list stand before the part shown: the `offset` for its query."""
    return state.offset(name)


def first_part(name: str) -> Callable[[], None]:
    """A callback for filters: back to the beginning of the named list."""
    return lambda: state.set_offset(name, 0)


def confirm(name: str, action: str, question: str, *, icon: str | None = None) -> bool:
    """A button that asks before it acts; true in the one rerun in which the person agreed."""
    if not state.asked(name):
        st.button(
            action,
            key=f"mq_ask_{name}",
            icon=icon,
            width="stretch",
            on_click=state.set_asked,
            args=(name, True),
        )
        return False
    st.warning(wording.plain(question))
    yes, no = st.columns(2, wrap=False)
    # Not by a callback: it would close the question before this line could hear the answer.
    agreed = yes.button(action, key=f"mq_yes_{name}", type="primary", width="stretch")
    no.button(_("Do not"), key=f"mq_no_{name}", width="stretch", on_click=state.set_asked, args=(name, False))
    if agreed:
        state.set_asked(name, False)
    return agreed


@cache
def _sheet(px: int) -> str:
    return f"<style>html {{ font-size: {px}px !important; }}\n{components.source('frame.css')}</style>"


def _style(text_size: str) -> None:
    st.html(_sheet(_TEXT_SIZES.get(text_size, _TEXT_SIZES["normal"])))


def _head(actor: Actor) -> None:
    posts = i18n.listed(codes.label("role", role) for role in sorted(actor.roles))
    with st.container(key="mq_head", horizontal=True, wrap=False, vertical_alignment="center"):
        st.html(
            f'<div class="mq-head"><span class="mq-brand">{wording.escaped(_("Minqing"))}</span>'
            f'<span class="mq-who">{wording.escaped(actor.name)} · {wording.escaped(posts)}</span></div>'
        )
        with st.popover(_("My settings"), icon=":material/person:"):
            _settings(actor)


def _settings(actor: Actor) -> None:
    languages = list(i18n.LANGUAGES)
    st.segmented_control(
        _("Language"),
        languages,
        default=actor.language,
        format_func=i18n.LANGUAGES.__getitem__,
        key="mq_language",
        on_change=_save_settings,
        required=True,
    )
    sizes = {"normal": _("Normal"), "large": _("Large"), "very_large": _("Very large")}
    st.segmented_control(
        _("Text size"),
        list(sizes),
        default=actor.text_size if actor.text_size in sizes else "normal",
        format_func=sizes.__getitem__,
        key="mq_text_size",
        on_change=_save_settings,
        required=True,
    )
    st.html(
        f'<p><a class="mq-button mq-quiet" href="/password">{wording.escaped(_("Change the password"))}</a></p>'
        f'<p><a class="mq-button mq-quiet" href="/sign-out">{wording.escaped(_("Sign out"))}</a></p>'
        f'<p><a class="mq-button mq-quiet" href="/sign-out?everywhere=1">'
        f"{wording.escaped(_('Sign out on all devices'))}</a></p>"
    )


@session.callback
def _save_settings() -> None:
    actor = session.actor()
    with db.session_scope() as store:
        accounts.set_preferences(
            store,
            actor,
            language=st.session_state.get("mq_language") or actor.language,
            text_size=st.session_state.get("mq_text_size") or actor.text_size,
        )
    session.look_again()


def _navigation(actor: Actor) -> None:
    names = navigation.titles()
    with st.container(key="mq_nav", horizontal=True, wrap=True):
        for place in navigation.open_to(actor):
            st.page_link(place.script, label=names[place.key], icon=place.icon)


def _row_label(entry: Row) -> str:
    badge = f" :{entry.color}-badge[{wording.plain(entry.badge)}]" if entry.badge else ""
    detail = f"  \n:small[{wording.plain(entry.detail)}]" if entry.detail else ""
    return f"**{wording.plain(entry.title)}**{badge}{detail}"
