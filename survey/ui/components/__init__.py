"""Small scripts that run in the page itself (`st.components.v2`, no iframe): one file each beside this one.

Owns mounting them. Each is drawn by a function of its own name in this package; refuses any script from
elsewhere: everything comes from package data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import streamlit as st

Renderer = Callable[..., Any]


def source(name: str) -> str:
    """A script or style sheet of this package as text."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def renderer(name: str, *, html: str = "<div></div>", css: str | None = None) -> Renderer:
    """The mounting command of a component whose script is `<name>.js` in this package."""
    mount: Renderer = st.components.v2.component(
        f"minqing_{name}", html=html, css=css, js=source(f"{name}.js"), isolate_styles=False
    )
    return mount


def wording(*, words: Mapping[str, str], language: str) -> None:
    """Put our words in place of Streamlit's own wherever they appear in the page."""
    renderer("wording")(key="mq_wording", data={"words": dict(words), "language": language})
