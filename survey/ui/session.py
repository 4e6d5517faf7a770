"""Who is signed in, for pages: the cookie resolved anew at every rerun, fragment rerun and callback.

Owns the one accessor of the session cookie, `actor`, and the `fragment` and `callback` wrappers that check
again before anything of theirs runs. Refuses to remember an actor: a session ended elsewhere ends here at
the next touch. The websocket alone proves nothing, since only its handshake passed the gate.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NoReturn, ParamSpec, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import streamlit as st

from survey import i18n
from survey.access import accounts
from survey.access.permissions import Actor
from survey.i18n import gettext as _
from survey.problems import Problem
from survey.ui import state, wording

P = ParamSpec("P")
R = TypeVar("R")


def cookie_token() -> str | None:
    """The session token the browser sent, or nothing. Page tests patch this function and no other."""
    return st.context.cookies.get(accounts.COOKIE)


def actor() -> Actor:
    """The signed-in actor, with the interface set to his language.

    Without a live session the page shows one sentence and the way to sign in, and stops; so it does while an
    initial password waits to be changed.
    """
    found = accounts.present(cookie_token())
    if found is None:
        _stop_at(
            _("You are signed out. What you entered is kept as a draft."),
            _("Sign in"),
            f"/sign-in?next={_here()}",
        )
    i18n.use(found.language)
    if found.must_change_password:
        _stop_at(_("Please choose a password of your own first."), _("Change the password"), "/password")
    return found


def fragment(function: Callable[P, R]) -> Callable[P, R | None]:
    """`st.fragment` that checks the session before each run of its own, and shows a problem as a sentence."""

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R | None:
        actor()
        try:
            return function(*args, **kwargs)
        except Problem as problem:
            show(problem)
            return None

    return st.fragment(checked)


def callback(function: Callable[P, Any]) -> Callable[P, None]:
    """A widget callback that checks the session first; its problem is shown at the top of the rerun."""

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> None:
        actor()
        try:
            function(*args, **kwargs)
        except Problem as problem:
            state.leave_notice("error", problem.text(i18n.language()))

    return checked


def show(problem: Problem) -> None:
    """A problem as a person reads it: what happened, and below it what to do."""
    language = i18n.language()
    st.error(f"**{wording.plain(problem.message(language))}**  \n{wording.plain(problem.remedy(language))}")


def _here() -> str:
    """The address of the page, so that signing in leads back to it."""
    path = urlsplit(st.context.url or "").path or "/"
    query = urlencode(st.query_params.to_dict())
    return quote(path + (f"?{query}" if query else ""), safe="")


def _stop_at(sentence: str, link: str, address: str) -> NoReturn:
    st.html(
        f'<div class="mq-stop"><p>{wording.escaped(sentence)}</p>'
        f'<a class="mq-button" href="{wording.escaped(address)}" target="_self">{wording.escaped(link)}</a></div>'
    )
    st.stop()
    raise AssertionError("a stopped page does not go on")
