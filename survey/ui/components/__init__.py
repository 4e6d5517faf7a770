"""Small scripts that run in the page itself (`st.components.v2`, no iframe): one file each beside this one.

Owns mounting them. Each is drawn by a function of its own name in this package; refuses any script from
elsewhere: everything comes from package data.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
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


def forget(*, prefix: str, keep: str = "") -> None:
    """Wipe what is kept in this browser's storage under a prefix, but for keys that begin with `keep`."""
    renderer("forget")(key=f"mq_forget_{prefix}", data={"prefix": prefix, "keep": keep})


def mirror(
    key: str,
    words: Mapping[str, str],
    *,
    prefix: str,
    fields: Mapping[str, Mapping[str, str]],
    on_typed: Callable[..., None],
) -> None:
    """Keep what is being typed in `fields` (by CSS class) in the browser and send it on.

    `on_typed` is called with what was typed under `st.session_state[key]["typed"]`: question → its `text`, and the
    texts it may replace (`over`).
    """
    mount = renderer(
        "mirror", html='<div class="mq-others mq-own" style="display:none"></div>', css=source("form.css")
    )
    mount(
        key=key,
        data={"words": dict(words), "prefix": prefix, "fields": dict(fields)},
        on_typed_change=functools.partial(on_typed, key),
    )


def place(
    key: str, words: Mapping[str, str], *, on_found: Callable[..., None], args: tuple[str, ...]
) -> None:
    """A button that asks the device for its position and gives the reason when there is none."""
    mount = renderer(
        "place",
        html='<div class="mq-place mq-own"><button type="button"></button><a hidden></a><p role="status" hidden></p></div>',
        css=source("form.css"),
    )
    mount(key=key, data={"words": dict(words)}, on_found_change=functools.partial(on_found, *args))


def photo(
    key: str,
    words: Mapping[str, str],
    *,
    received: str,
    several: bool,
    on_photo: Callable[..., None],
    args: tuple[str, ...],
) -> None:
    """A button that takes photos, reduces them in the browser and sends one after the other."""
    mount = renderer(
        "photo",
        html=(
            '<div class="mq-photo mq-own"><label><span></span>'
            '<input type="file" accept="image/*"></label>'
            '<progress hidden></progress><p role="status" hidden></p><small></small><a hidden></a></div>'
        ),
        css=source("form.css"),
    )
    mount(
        key=key,
        data={"words": dict(words), "received": received, "several": several},
        on_photo_change=functools.partial(on_photo, *args),
    )


def slider(
    key: str,
    words: Mapping[str, str],
    *,
    label: str,
    steps: Sequence[str],
    at: int | None,
    upright: bool,
    on_moved: Callable[..., None],
    args: tuple[Any, ...],
) -> None:
    """A slider over even steps that stands nowhere until it is touched; `at` is the step that is chosen."""
    mount = renderer(
        "slider",
        html=(
            '<div class="mq-slider mq-own"><output></output><div class="mq-track">'
            '<button type="button" class="mq-step">−</button><input type="range">'
            '<button type="button" class="mq-step">+</button></div>'
            '<div class="mq-ends"><span class="mq-first"></span><button type="button" class="mq-clear"></button>'
            '<span class="mq-last"></span></div></div>'
        ),
        css=source("form.css"),
    )
    first, second = float(steps[0]), float(steps[1])
    data = {
        "words": dict(words),
        "label": label,
        "count": len(steps),
        "first": first,
        "step": second - first,
        "decimals": max(len(step.partition(".")[2]) for step in (steps[0], steps[1], steps[-1])),
        "at": at,
        "upright": upright,
    }
    mount(key=key, data=data, on_moved_change=functools.partial(on_moved, *args))


def rank(
    key: str,
    words: Mapping[str, str],
    *,
    choices: Sequence[tuple[str, str]],
    ranked: Sequence[str],
    on_ranked: Callable[..., None],
    args: tuple[Any, ...],
) -> None:
    """Choices (value, label) that are put in order by tapping; `ranked` are the values in order so far."""
    mount = renderer(
        "rank",
        html='<div class="mq-rank mq-own"><ol></ol><p></p><div class="mq-rest"></div></div>',
        css=source("form.css"),
    )
    data = {"words": dict(words), "choices": [list(choice) for choice in choices], "ranked": list(ranked)}
    mount(key=key, data=data, on_ranked_change=functools.partial(on_ranked, *args))


def scroll(*, to: str, turn: int) -> None:
    """Bring a field (its CSS class; empty: the top) into view, once for each `turn`."""
    renderer("scroll")(key="mq_scroll", data={"to": to, "turn": turn})
