"""The pages, declared once: address, title, sign, and which actions let a person open them.

Owns the stable addresses (`/visit?household=…`) and moving between pages. Refuses nobody: the services do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import urlencode

import streamlit as st

from survey.access.permissions import Action, Actor
from survey.i18n import gettext as _

TODAY, VISIT, HOUSEHOLDS, HARDSHIP, CASES, QUESTIONNAIRES, MAP, SUBMISSIONS, DEVICES, ADMINISTRATION = (
    "today",
    "visit",
    "households",
    "hardship",
    "cases",
    "questionnaires",
    "map",
    "submissions",
    "devices",
    "administration",
)


@dataclass(frozen=True)
class Place:
    """One page: its address, its sign, and the actions of which one opens it (none: everybody)."""

    key: str
    icon: str
    actions: frozenset[Action] = frozenset()

    @property
    def script(self) -> str:
        """The page's file, relative to the application."""
        return f"pages/{self.key}.py"


PLACES: tuple[Place, ...] = (
    Place(TODAY, ":material/today:"),
    Place(VISIT, ":material/edit_note:", frozenset({Action.VISITS_RECORD})),
    Place(HOUSEHOLDS, ":material/home:", frozenset({Action.HOUSEHOLDS_READ})),
    Place(HARDSHIP, ":material/volunteer_activism:", frozenset({Action.HARDSHIP_READ})),
    Place(CASES, ":material/assignment:", frozenset({Action.CASES_READ})),
    Place(
        QUESTIONNAIRES,
        ":material/checklist:",
        frozenset({Action.VISITS_RECORD, Action.QUESTIONNAIRES_PUBLISH}),
    ),
    Place(MAP, ":material/map:", frozenset({Action.CASES_READ})),
    Place(SUBMISSIONS, ":material/fact_check:", frozenset({Action.SUBMISSIONS_REVIEW})),
    Place(DEVICES, ":material/tablet_android:", frozenset({Action.VISITS_RECORD, Action.ACCOUNTS_MANAGE})),
    Place(
        ADMINISTRATION,
        ":material/settings:",
        frozenset(
            {
                Action.ACCOUNTS_MANAGE,
                Action.AREAS_WRITE,
                Action.AUDIT_READ,
                Action.STORE_KEEP,
                Action.SNAPSHOT_MAKE,
            }
        ),
    ),
)


def titles() -> Mapping[str, str]:
    """Page → its title in the language in force."""
    return {
        TODAY: _("Today"),
        VISIT: _("Visit"),
        HOUSEHOLDS: _("Household register"),
        HARDSHIP: _("Hardship"),
        CASES: _("Cases"),
        QUESTIONNAIRES: _("Questionnaires"),
        MAP: _("Map"),
        SUBMISSIONS: _("Submissions"),
        DEVICES: _("Offline devices"),
        ADMINISTRATION: _("Administration"),
    }


def open_to(actor: Actor) -> tuple[Place, ...]:
    """The pages an actor's posts let him open, in their order."""
    return tuple(
        place for place in PLACES if not place.actions or any(actor.may(action) for action in place.actions)
    )


def declare(actor: Actor) -> st.Page:
    """Declare the actor's pages to Streamlit; the page asked for, to be run by the application."""
    names = titles()
    return st.navigation(
        [
            st.Page(
                place.script,
                title=names[place.key],
                icon=place.icon,
                url_path=place.key,
                default=place.key == TODAY,
            )
            for place in open_to(actor)
        ],
        position="hidden",
    )


def go(key: str, **query: str) -> NoReturn:
    """Move to a page, with its query string, such as `go("visit", household=…)`."""
    st.switch_page(f"pages/{key}.py", query_params=query)
    raise AssertionError("switching pages ends the run")


def address(key: str, **query: str) -> str:
    """The address of a page with its query string, for a plain link."""
    path = "/" if key == TODAY else f"/{key}"
    return f"{path}?{urlencode(query)}" if query else path
