"""A filling that is only tried: drawn and answered like a draft, kept nowhere but in this browser session.

Owns the trial of a form before it is published. Refuses to hand anything in, and to keep photos and files: their names
stand for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from survey.access.permissions import Actor
from survey.i18n import gettext as _
from survey.problems import Problem
from survey.questionnaires.context import Context
from survey.questionnaires.engine import Instance
from survey.ui import session, state
from survey.ui.filling import Draft


@dataclass
class Rehearsal(Draft):
    """A filling to try its form with; `context` is what the form may know of the world."""

    context: Context = field(default_factory=Context, compare=False, repr=False)

    @contextmanager
    def opened(self, actor: Actor) -> Iterator[Instance]:
        """The running form to read from."""
        del actor
        yield self._instance()

    def change(self, edit: Callable[[Any, Actor, Instance], None]) -> None:
        """Edit the filling and keep it for this browser session."""
        instance = self._instance()
        edit(None, session.actor(), instance)
        self.keep(instance)

    def keep(self, instance: Instance) -> None:
        """Go on from this filling."""
        state.keep(self._name("rehearsal"), instance.to_xml())

    @session.harmless_callback
    def begin_anew(self) -> None:
        """Forget what was entered; a widget callback."""
        for what in ("rehearsal", "part", "checked", "overview", "complete"):
            state.keep(self._name(what), None)
        self._scroll("")

    def _instance(self) -> Instance:
        kept = str(state.kept(self._name("rehearsal")) or "")
        instance = self._begun(kept)
        if not kept:
            self.keep(instance)
        self.form = instance.form
        instance.speak(self.language or instance.context.language)
        return instance

    def _begun(self, payload: str) -> Instance:
        """The running form: begun where `payload` is empty, else continued."""
        assert self.form is not None, "a rehearsal is of a form"
        if payload:
            return Instance.load(self.form, payload, self.context)
        return Instance.new(self.form, self.context, instance_id=self.instance_id)

    @session.callback
    def submit(self) -> None:
        """Check the whole filling; with answers missing or wrong, go to the first of them."""
        actor = session.actor()
        self._take_the_last_answers(actor)
        with self.opened(actor) as instance:
            errors = instance.errors()
        state.keep(self._name("complete"), not errors)
        if not errors:
            state.leave_notice(
                "success", _("Everything is answered as the form asks; nothing was handed in.")
            )
            return
        state.keep(self._name("checked"), True)
        self._turn_to_first_mistake(actor)
        raise Problem(
            "submission.invalid", n=len(errors), first=f"{errors[0].label} {errors[0].message}", errors=errors
        )

    @property
    def is_complete(self) -> bool:
        """Whether the last check found nothing missing or wrong."""
        return bool(state.kept(self._name("complete"), False))

    @property
    def ending(self) -> str:
        """What the last button of the form is called."""
        return _("Check")

    def far_from_village(self, lat: float, lon: float) -> float | None:
        """A rehearsal has no household."""
        del lat, lon
        return None

    def photos(self) -> Mapping[str, str]:
        """Nothing is stored."""
        return {}

    def _keep_photo(self, *_photo: Any) -> None:
        """The name of the photo stands for it."""

    def _keep_file(self, *_file: Any) -> None:
        """The name of the file stands for it."""

    def _remove_attachment(self, *_file: Any) -> None:
        """Nothing is stored."""
