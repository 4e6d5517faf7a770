"""What is read at a question: label, hint, guidance, pictures and sound, and an answer that cannot be changed.

Owns the little of a form's own markup that is followed (bold, italic, headings, line breaks) and the addresses of its
media. Refuses everything else in a text of a form: no link, no picture and no HTML of its own reaches the page.
https://docs.getodk.org/form-styling/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

import streamlit as st

from survey import i18n
from survey.i18n import gettext as _
from survey.questionnaires.views import GroupView, QuestionView
from survey.ui import wording

Address = Callable[[str], str]
"""Where a file that a form names is served; empty where there is none."""

_TAG: Final = re.compile(r"</?[A-Za-z][^<>]*>")
_BREAK: Final = re.compile(r"<br\s*/?>", re.IGNORECASE)
_HEADING: Final = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
_BOLD: Final = re.compile(
    r"(?<!\*)\*\*(?=[^\s*])(.+?)(?<=[^\s*])\*\*(?!\*)|(?<!\w)__(?=[^\s_])(.+?)(?<=[^\s_])__(?!\w)"
)
_ITALIC: Final = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*]+?)(?<=[^\s*])\*(?![\w*])")


def label_of(view: QuestionView) -> str:
    """The label as markdown: text, a star where an answer is required, and the hint in a second line."""
    star = " :red[*]" if view.required else ""
    return f"{in_bold(view.label or view.name)}{star}{hint_of(view)}"


def hint_of(view: QuestionView) -> str:
    """The hint as a further line of markdown."""
    return f"  \n:gray[:small[{marked(view.hint)}]]" if view.hint else ""


def in_bold(text: str) -> str:
    r"""A text of a form as bold markdown.

    >>> in_bold("1. Who\n**now**")
    '**1\\. Who**  \n**now**'
    """
    lines = [_plain(_unmarked(line)) for line in _lines(text)]
    return "  \n".join(f"**{line}**" for line in lines if line)


def marked(text: str) -> str:
    r"""A text of a form as markdown that follows its bold, italics, headings and line breaks, and nothing else.

    >>> marked("# Part\n**Ask** <b>all</b> [x](y)")
    '**Part**  \n**Ask** all \\[x\\]\\(y\\)'
    """
    return "  \n".join(_marked_line(line) for line in _lines(text))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in _TAG.sub("", _BREAK.sub("\n", text)).split("\n") if line.strip()]


def _marked_line(line: str) -> str:
    heading = _HEADING.match(line)
    if heading:
        return f"**{_plain(_unmarked(heading[1]))}**"
    out, at = [], 0
    for found in _BOLD.finditer(line):
        out += [_italics(line[at : found.start()]), f"**{_plain(found[1] or found[2])}**"]
        at = found.end()
    return "".join([*out, _italics(line[at:])])


def _italics(text: str) -> str:
    out, at = [], 0
    for found in _ITALIC.finditer(text):
        out += [_plain(text[at : found.start()]), f"*{_plain(found[1])}*"]
        at = found.end()
    return "".join([*out, _plain(text[at:])])


def _unmarked(line: str) -> str:
    heading = _HEADING.match(line)
    text = heading[1] if heading else line
    return _BOLD.sub(lambda found: found[1] or found[2], text)


def _plain(text: str) -> str:
    return wording.plain(text)


def as_text(text: str) -> str:
    """A text of a form on one line and without its markup, for a title or a button.

    >>> as_text("## **Members**<br>of the household")
    'Members of the household'
    """
    return " ".join(_unmarked(line) for line in _lines(text))


def draw_heading(group: GroupView) -> None:
    """The label and the hint of a group."""
    if group.label:
        hint = f"<small>{wording.escaped(as_text(group.hint))}</small>" if group.hint else ""
        st.html(f'<h2 class="mq-group">{wording.escaped(as_text(group.label))}{hint}</h2>')


def draw_note(view: QuestionView) -> None:
    """A text to read, with nothing to answer."""
    text = marked(view.label) if view.label else ""
    if text or view.hint:
        st.markdown(f"{text}{hint_of(view)}")


def draw_readonly(view: QuestionView) -> None:
    """An answer that cannot be changed here, as it reads."""
    value = "  \n".join(_plain(line) for line in told(view).split("\n"))
    st.markdown(f"{in_bold(view.label or view.name)}{hint_of(view)}  \n{value}")


def told(view: QuestionView) -> str:
    """An answer as it reads: labels of what was chosen, dates as people write them."""
    value = view.value
    if view.control == "trigger":
        return _("Confirmed") if value else ""
    if view.control in ("select1", "select", "rank"):
        labels = {choice.value: choice.label for choice in view.choices}
        chosen = [value] if view.control == "select1" else value.split()
        return i18n.listed([labels.get(one, one) for one in chosen])
    if view.type == "geopoint":
        return ", ".join(value.split()[:2])
    if view.type in ("date", "time", "dateTime"):
        return value.partition(".")[0].replace("T", " ")
    return value


def draw_media(media: Mapping[str, str], address: Address) -> None:
    """The picture, sound or film of a label, where the form's files have it."""
    picture = address(media.get("big-image") or media.get("image") or "")
    parts = []
    if picture:
        parts.append(f'<img class="mq-picture" src="{wording.escaped(picture)}" alt="" loading="lazy">')
    for kind in ("audio", "video"):
        source = address(media.get(kind, ""))
        if source:
            parts.append(
                f'<{kind} class="mq-{kind}" controls preload="none" src="{wording.escaped(source)}"></{kind}>'
            )
    if parts:
        st.html("".join(parts))


def draw_guidance(view: QuestionView) -> None:
    """Guidance for the person asking, folded away until it is wanted."""
    if view.guidance:
        lines = "<br>".join(wording.escaped(line) for line in _lines(view.guidance))
        summary = _("Guidance")
        st.html(
            f'<details class="mq-guidance"><summary>{wording.escaped(summary)}</summary><p>{lines}</p></details>'
        )


def draw_mistake(view: QuestionView, mistakes: Mapping[str, str]) -> None:
    """What is wrong with an answer, under its question."""
    message = view.error or mistakes.get(view.ref)
    if message:
        st.html(f'<p class="mq-mistake" role="alert">{wording.escaped(message)}</p>')
