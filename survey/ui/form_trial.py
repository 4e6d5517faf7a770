"""The drawing of any form tried out: every part of it, empty and filled in, run as a page.

Owns the trial `drawing` of the conformance runner (entry point `minqing.form_trials`). A page that raises, or on
which a question that can be answered has no widget, is what was wrong. Nothing is stored.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from streamlit import config
from streamlit.testing.v1 import AppTest

from survey.access.permissions import Actor
from survey.questionnaires import drawn
from survey.questionnaires.conformance.form_cases import Trial
from survey.questionnaires.conformance.random_fillings import NOW, invented_lists
from survey.questionnaires.context import Context
from survey.questionnaires.definitions import Repeat
from survey.questionnaires.engine import Instance
from survey.questionnaires.views import QuestionView
from survey.ui import form_page, form_parts, form_repeats, form_texts
from survey.ui.form_answers import key_of
from survey.ui.rehearsal import Rehearsal

TIMEOUT_S: Final = 60
INSTANCE_ID: Final = "uuid:00000000-0000-0000-0000-000000000000"
_NOBODY: Final = Actor(cadre_id=None, username="trial", name="", grants=())
_PAGE: Final = "from survey.ui import form_trial\nform_trial.draw()\n"
_WIDGETS: Final = (
    *("text_input", "text_area", "number_input", "date_input", "time_input", "datetime_input"),
    *("selectbox", "multiselect", "button_group", "checkbox"),
)
_DETAILS: Final = "client.showErrorDetails"
_NOT_ONE_WIDGET: Final = frozenset({"note", "geopoint", "image", "file", "rank", "range"})


@dataclass(frozen=True)
class _Page:
    """What the page under trial shows: a filling, which of its parts (none: its overview), how its repeats."""

    instance: Instance
    part: int | None
    one_by_one: bool = False


@dataclass
class _Rehearsal(Rehearsal):
    """A rehearsal whose repeats are shown one by one, when they are to be."""

    one_by_one: bool = False

    def unfolded(self, repeat: Repeat, ref: str, positions: Sequence[int]) -> Collection[int]:
        """The first instance alone, or what is usual."""
        return positions[:1] if self.one_by_one else super().unfolded(repeat, ref, positions)


_SHOWN: list[_Page] = []
"""The page under trial; AppTest runs its script on a thread of its own."""


@contextmanager
def drawing() -> Iterator[Callable[[Trial], str]]:
    """A function that draws every part of a form, empty and filled in; it returns what was wrong."""
    before = config.get_option(_DETAILS)
    # AppTest leaves the page as the main module, and a process spawned later would run it.
    main = sys.modules["__main__"]
    config.set_option(_DETAILS, "full")
    try:
        yield _tried
    finally:
        config.set_option(_DETAILS, before)
        sys.modules["__main__"] = main


def _tried(trial: Trial) -> str:
    form = trial.form
    context = Context(now=lambda: NOW, username=_NOBODY.username, lists=invented_lists(form))
    empty = Instance.new(form, context, instance_id=INSTANCE_ID)
    for state, instance in (("empty", empty), ("filled in", trial.fill(form, context, ""))):
        for page in _pages(instance):
            wrong = _wrong(page)
            if wrong:
                where = "the overview" if page.part is None else f"part {page.part + 1}"
                return f"{where}, {state}: {wrong}"
    return ""


def draw() -> None:
    """The page under trial; its script calls this."""
    page = _SHOWN[-1]
    rehearsal = _Rehearsal(
        INSTANCE_ID,
        form=page.instance.form,
        media_names=frozenset(),
        context=page.instance.context,
        one_by_one=page.one_by_one,
    )
    rehearsal.keep(page.instance)
    if page.part is None:
        rehearsal.show_overview(True)
    else:
        rehearsal.show_part(page.part)
    form_page.show(rehearsal, _NOBODY)


def _pages(instance: Instance) -> Iterator[_Page]:
    """Every part that holds anything, the overview, and the parts with repeats once more, one by one."""
    parts = form_parts.parts(instance.form)
    filled, _at = form_parts.shown(instance, parts, 0)
    for at in filled:
        yield _Page(instance, at)
        if any(not isinstance(item, QuestionView) for item in instance.items(parts[at].body)):
            yield _Page(instance, at, one_by_one=True)
    yield _Page(instance, None)


def _wrong(page: _Page) -> str:
    """What a run of the page shows to be wrong."""
    _SHOWN[:] = [page]
    test = AppTest.from_string(_PAGE, default_timeout=TIMEOUT_S).run()
    if test.exception:
        return f"{test.exception[0].message}"
    if page.part is None:
        return ""
    keys = {str(getattr(element, "key", None)) for element in _widgets(test)}
    missing = [view.name for view in _answerable(page) if key_of(INSTANCE_ID, view.ref) not in keys]
    return f"no widget for {', '.join(missing)}" if missing else ""


def _widgets(test: AppTest) -> Iterator[object]:
    for kind in _WIDGETS:
        yield from test.get(kind)


def _answerable(page: _Page) -> Iterator[QuestionView]:
    """The questions of a page that one widget of Streamlit's answers."""
    body = form_parts.parts(page.instance.form)[page.part or 0].body

    def unfolded(repeat: Repeat, _ref: str, positions: Sequence[int]) -> Collection[int]:
        return positions[:1] if page.one_by_one else form_repeats.unfolded(repeat, positions, 0)

    for view in form_parts.questions(page.instance.items(body, unfolded=unfolded)):
        by_widget = view.type not in _NOT_ONE_WIDGET and not form_texts.is_month(view)
        if by_widget and not view.readonly and drawn.can_be_answered(view) and not _is_heading(view):
            yield view


def _is_heading(view: QuestionView) -> bool:
    return "label" in view.appearance.split()
