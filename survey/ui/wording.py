"""Words on the screen that gettext does not reach: Streamlit's own, and names inside markdown.

Owns the list of Streamlit's built-in English with our translation, the small script that puts them in place,
and escaping of names for markdown and HTML. Refuses to guess: a word not on the list is left as it is.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

from survey import i18n
from survey.i18n import gettext as _
from survey.ui import components

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:])")


def plain(text: str) -> str:
    r"""The text so that markdown shows it as it is.

    >>> plain("1. *Li*")
    '1\\. \\*Li\\*'
    """
    return _MARKDOWN.sub(r"\\\1", text)


def escaped(text: str) -> str:
    """The text so that HTML shows it as it is."""
    return html.escape(text, quote=True)


def far(km: float) -> str:
    """That a position lies far from its village."""
    return _("{n} km from the village", n=f"{km:.1f}" if km < 10 else f"{km:.0f}")


def of_two_texts() -> dict[str, str]:
    """What the mirror of typed text says where two devices wrote into one field."""
    return {
        "two": _("{label}: another device wrote here meanwhile", label="{label}"),
        "here": _("Typed on this device, {when}, and not handed over:", when="{when}"),
        "draft": _("In the draft now:"),
        "empty": _("nothing"),
        "use": _("Use the text of this device"),
        "keep": _("Keep what the draft holds"),
    }


def of_place(*, again: bool = False) -> dict[str, str]:
    """What the place component says: its button, and why there is no position."""
    return {
        "ask": _("Find again") if again else _("Use this device's position"),
        "working": _("Looking for the position"),
        "waiting": _("Stay still for a moment; it is best under the open sky."),
        "denied": _(
            "The browser may not use the position. Allow it in the browser's settings, or tap on the map."
        ),
        "unavailable": _("This device finds no position here. Go outside and try again, or tap on the map."),
        "slow": _("No position was found in time. Try again in the open, or tap on the map."),
        "insecure": _(
            "The page was opened without encryption (http), so the browser gives no position. "
            "Open it by its https address; the link tells how to set this tablet up."
        ),
        "install": _("Set up this tablet"),
    }


def built_in() -> Mapping[str, str]:
    """Streamlit's own words → ours, in the language in force (whole texts, as they stand in the page)."""
    return {
        "Choose an option": _("Choose one"),
        "Choose options": _("Choose"),
        "No results": _("Nothing found"),
        "No options to select": _("Nothing to choose"),
        "Select all": _("Choose all"),
        "Clear all": _("Clear"),
        "Clear value": _("Clear"),
        "Press Enter to apply": _("Kept when you leave the field"),
        "Press Enter to submit form": _("Press Enter to send"),
        "Press Ctrl+Enter to apply": _("Kept when you leave the field"),
        "Press ⌘+Enter to apply": _("Kept when you leave the field"),
        "Drag and drop file here": _("Drop the file here"),
        "Drag and drop a file here": _("Drop the file here"),
        "Drag and drop files here": _("Drop the files here"),
        "Browse files": _("Choose a file"),
        "Upload": _("Choose a file"),
        "Connecting": _("Connecting"),
        "Connecting...": _("Connecting"),
        "CONNECTING": _("Connecting"),
        "Running...": _("Working"),
        "RUNNING...": _("Working"),
        "Stop": _("Stop"),
        "Rerun": _("Reload"),
        "Connection error": _("No connection"),
        "Connection Error": _("No connection"),
        "Streamlit server is not responding. Are you connected to the internet?": _(
            "The server does not answer. What you type is kept in this device; check the network."
        ),
        "Is Streamlit still running? If you accidentally stopped Streamlit, just restart it in your terminal:": _(
            "The server does not answer. What you type is kept in this device; check the network."
        ),
        "Page not found": _("There is no such page"),
        "The page that you have requested does not seem to exist. Running the app's main page.": _(
            "The page does not exist or is not open to your post; this is the first page."
        ),
        "SMTWTFS": _("S M T W T F S"),
        "Close": _("Close"),
        "Open": _("Open the list"),
        "Decrement": _("One less"),
        "Increment": _("One more"),
        "Help for": _("Help for {name}", name="{name}"),
        "Link to heading": _("Link to this heading"),
        "Choose date": _("Choose a date"),
        "Choose date range": _("Choose the dates"),
        "Clear date": _("Clear"),
        "Clear dates": _("Clear"),
        "Previous month": _("Previous month"),
        "Next month": _("Next month"),
        "yyyy": _("year"),
        "mm": _("month"),
        "dd": _("day"),
        "Empty": _("not filled in"),
        "Use arrow keys to navigate dates. Enter to select. Escape to close.": _(
            "Tap a day to choose it; Escape closes."
        ),
        "Copy to clipboard": _("Copy"),
        "Fullscreen": _("Full screen"),
        "View fullscreen": _("Full screen"),
        "Close fullscreen": _("Leave full screen"),
        "Skip to main content": _("To the content"),
        "Limit": _("at most {n} MB a file", n="{n}"),
        "January": _("January"),
        "February": _("February"),
        "March": _("March"),
        "April": _("April"),
        "May": _("May"),
        "June": _("June"),
        "July": _("July"),
        "August": _("August"),
        "September": _("September"),
        "October": _("October"),
        "November": _("November"),
        "December": _("December"),
    }


def replace_built_in() -> None:
    """Mount the script that puts our words in place of Streamlit's; nothing to do in English."""
    if i18n.language() != "en":
        components.wording(words=built_in(), language=i18n.language())
