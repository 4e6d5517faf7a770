"""Who is signed in, for pages: the cookie resolved anew at every rerun and every rerun of a fragment.

Owns the one accessor of the session cookie, `actor`, the `fragment` and `callback` wrappers that check
before anything of theirs runs, and the notice that covers a page whose session ended. Refuses to remember an
actor: a session ended elsewhere ends here at the next touch. The websocket alone proves nothing, since only its
handshake passed the gate.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, NoReturn, ParamSpec, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from survey import i18n
from survey.access import accounts
from survey.access.permissions import Actor
from survey.i18n import gettext as _
from survey.problems import Problem
from survey.ui import components, state, wording

P = ParamSpec("P")
R = TypeVar("R")
_LOST = "choice_lost"
_RUN = threading.local()


def cookie_token() -> str | None:
    """The session token the browser sent, or nothing. Page tests patch this function and no other."""
    return st.context.cookies.get(accounts.COOKIE)


def actor() -> Actor:
    """The signed-in actor, with the interface set to his language.

    Without a live session the page shows one sentence and the way to sign in, and stops; so it does while an
    initial password waits to be changed. A choice that a callback could not save is named there, or at the top of
    the page when the session turns out to be alive after all.
    """
    found = _present()
    if found is None:
        _stop_at(
            _("You are signed out. What you entered in a visit is kept as a draft."),
            _("Sign in"),
            f"/sign-in?next={_here()}",
        )
    i18n.use(found.language)
    if found.must_change_password:
        _stop_at(_("Please choose a password of your own first."), _("Change the password"), "/password")
    if state.kept(_LOST):
        state.keep(_LOST, False)
        state.leave_notice("error", _lost())
    return found


def fragment(function: Callable[P, R]) -> Callable[P, R | None]:
    """`st.fragment` that checks the session before each run of its own, and shows a problem as a sentence.

    Without a live session the whole page runs again and stops, so that nothing of it stays in view.
    """

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R | None:
        if not _is_live():
            st.rerun()
        actor()
        try:
            return function(*args, **kwargs)
        except Problem as problem:
            show(problem)
            return None

    return st.fragment(checked)


def callback(function: Callable[P, Any]) -> Callable[P, None]:
    """A widget callback that checks the session first; its problem is shown at the top of the rerun.

    Without a live session nothing is done, the rerun that follows says so, and no widget goes on showing it.
    """
    return _checked(function, loses=True)


def harmless_callback(function: Callable[P, Any]) -> Callable[P, None]:
    """`callback` for what is not lost without a session: turning a part, and text the browser keeps a copy of."""
    return _checked(function, loses=False)


def _checked(function: Callable[P, Any], *, loses: bool) -> Callable[P, None]:
    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> None:
        if not _is_live():
            # Nothing is drawn here: a callback has no place on the page. The rerun that follows stops.
            if loses:
                state.keep(_LOST, True)
                state.forget_shown()
            return
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


def look_again() -> None:
    """Resolve the cookie once more in this run: the actor's preferences were changed."""
    _RUN.cursors = None


def _is_live() -> bool:
    found = _present()
    return found is not None and not found.must_change_password


def _present() -> Actor | None:
    """Who is signed in, resolved once in each run of the script: a rerun, with its callbacks and fragments."""
    context = get_script_run_ctx()
    # Streamlit begins every run with new cursors, on the run's own thread.
    cursors = context.cursors if context else None
    if cursors is None or getattr(_RUN, "cursors", None) is not cursors:
        _RUN.found = accounts.present(cookie_token())
        _RUN.cursors = cursors
    found: Actor | None = _RUN.found
    return found


def _lost() -> str:
    return _("What you chose last was not saved. Please choose it again after signing in.")


def _here() -> str:
    """The address of the page, so that signing in leads back to it."""
    path = urlsplit(st.context.url or "").path or "/"
    query = urlencode(st.query_params.to_dict())
    return quote(path + (f"?{query}" if query else ""), safe="")


def _stop_at(sentence: str, link: str, address: str) -> NoReturn:
    """Cover the page with a sentence and one way on; with its own style, since the frame is not drawn yet."""
    lost = f"<p><b>{wording.escaped(_lost())}</b></p>" if state.kept(_LOST) else ""
    st.html(
        f"<style>{components.source('stop.css')}</style>"
        f'<div class="mq-stop" role="alert"><div class="mq-stop-notice"><p>{wording.escaped(sentence)}</p>{lost}'
        f'<a href="{wording.escaped(address)}" target="_self">{wording.escaped(link)}</a></div></div>'
    )
    st.stop()
    raise AssertionError("a stopped page does not go on")
