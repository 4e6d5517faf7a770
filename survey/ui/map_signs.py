"""The signs on the map and what they mean.

A category is told by its colour, its shape and its character, so that no colour needs to be told from another; what is
late has a red ring.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from survey import i18n
from survey.cases import categories
from survey.i18n import gettext as _
from survey.maps.layers import HARDSHIP
from survey.ui import wording


@dataclass(frozen=True)
class Look:
    """How a category is drawn: fill colour, shape and one character."""

    color: str
    shape: str
    sign_zh: str
    sign_en: str


_SHAPES = {
    "circle": '<circle cx="22" cy="22" r="14"/>',
    "square": '<rect x="9" y="9" width="26" height="26" rx="3"/>',
    "diamond": '<path d="M22 5 39 22 22 39 5 22Z"/>',
    "triangle": '<path d="M22 4 40 37H4Z"/>',
    "house": '<path d="M22 5 38 19V38H6V19Z"/>',
}
_REQUEST_COLOR = "#5a5560"
LOOKS = {
    "road": Look("#8a4b08", "square", "路", "R"),
    "water": Look("#005fa3", "circle", "水", "W"),
    "health": Look("#a3124f", "diamond", "医", "H"),
    "school": Look("#00674a", "triangle", "学", "S"),
    "policy_question": Look(_REQUEST_COLOR, "circle", "策", "P"),
    "market_information": Look(_REQUEST_COLOR, "circle", "市", "M"),
    "technical_guidance": Look(_REQUEST_COLOR, "circle", "技", "T"),
    "formalities": Look(_REQUEST_COLOR, "circle", "办", "F"),
    "environment": Look(_REQUEST_COLOR, "circle", "环", "E"),
    "culture": Look(_REQUEST_COLOR, "circle", "文", "C"),
    "dispute": Look(_REQUEST_COLOR, "circle", "纷", "D"),
    "other": Look(_REQUEST_COLOR, "circle", "他", "O"),
    HARDSHIP: Look("#6a3d9a", "house", "困", "!"),
}
PLACE_LOOK = Look("#b3261e", "diamond", "★", "★")


def name(look: str) -> str:
    """What the sign of a category or of the hardship layer means."""
    return _("Hardship household") if look == HARDSHIP else categories.label(look)


def legend(looks: Sequence[str]) -> None:
    """What the signs mean, for these categories and layers, and how an overdue one looks."""
    entries = [(pin(LOOKS[look]), name(look)) for look in looks if look in LOOKS]
    entries.append((_ring(), _("Overdue (red ring)")))
    items = "".join(
        f'<span class="mq-legend-item"><img alt="" src="{_picture(svg)}">{wording.escaped(meaning)}</span>'
        for svg, meaning in entries
    )
    st.html(
        "<style>.mq-legend { display: flex; flex-wrap: wrap; gap: .15rem .9rem; align-items: center; }"
        ".mq-legend-item { display: inline-flex; align-items: center; gap: .2rem; }"
        ".mq-legend img { width: 32px; height: 32px; }</style>"
        f'<div class="mq-legend">{items}</div>'
    )


def pin(look: Look, *, late: bool = False) -> str:
    """The sign of a place as SVG, 44 px wide; with a red ring when it is late."""
    sign = look.sign_en if i18n.language() == "en" else look.sign_zh
    ring = '<circle cx="22" cy="22" r="20" fill="none" stroke="#d40000" stroke-width="4"/>' if late else ""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="44" height="44" viewBox="0 0 44 44">'
        f'<g fill="{look.color}" stroke="#fff" stroke-width="2">{_SHAPES[look.shape]}</g>'
        f'<text x="22" y="28" text-anchor="middle" font-size="16" font-weight="700" fill="#fff">{sign}</text>{ring}</svg>'
    )


def _picture(svg: str) -> str:
    # Streamlit takes drawings out of HTML, but leaves pictures with their content in the address.
    return "data:image/svg+xml;base64," + b64encode(svg.encode()).decode()


def _ring() -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 44 44">'
        '<circle cx="22" cy="22" r="17" fill="none" stroke="#d40000" stroke-width="5"/></svg>'
    )
