"""A filling on its page: the outline, the part that is shown, what is open, the bar under the thumb.

Owns which part is shown and the order of things on it. Only that part is computed and drawn; of the others no more
than whether anything is there and what is open. Draws any filling: one that is kept, and one that is only tried.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from survey import i18n
from survey.access.permissions import Actor
from survey.i18n import gettext as _
from survey.questionnaires.engine import Instance
from survey.ui import components, form_labels, form_outline, form_parts, forms, state, wording
from survey.ui.filling import Draft
from survey.ui.form_outline import Shown

_PREFIX = "minqing"


def mirrored_under(actor: Actor, instance_id: str) -> str:
    """Under which prefix the browser keeps what is typed into a filling."""
    return f"{_PREFIX}:{actor.cadre_id}:{instance_id}:"


def show(draft: Draft, actor: Actor) -> None:
    """The form as it is now, in its part or in its overview."""
    with draft.opened(actor) as instance:
        shown = _look(draft, instance)
        languages = _languages(instance)
    if languages:
        _language(draft, languages, instance.language)
    form_outline.draw(draft, shown)
    for notice in state.take_notices():
        {"success": st.success, "warning": st.warning, "error": st.error}[notice.kind](notice.text)
    if draft.overview:
        form_outline.draw_overview(draft, shown)
    else:
        _part(draft, actor, shown)
        form_outline.draw_bar(draft, shown)
    field, turn = draft.scroll
    components.scroll(to=field, turn=turn)


def _look(draft: Draft, instance: Instance) -> Shown:
    """What is to be drawn of the running form."""
    parts = form_parts.parts(instance.form)
    filled, at = form_parts.shown(instance, parts, draft.part)
    return Shown(
        parts=parts,
        filled=filled,
        at=at,
        titles=tuple(_title(instance, part) for part in parts),
        items=() if draft.overview else instance.items(parts[at].body, unfolded=draft.unfolded),
        mistakes=instance.errors(),
    )


def _title(instance: Instance, part: form_parts.Part) -> str:
    """The labels of what is in a part."""
    named = [form_labels.as_text(instance.heading(item)) for item in part.named_by]
    return " · ".join(name for name in named if name)


def _part(draft: Draft, actor: Actor, shown: Shown) -> None:
    marked = {mistake.ref: mistake.message for mistake in shown.mistakes if draft.checked}
    with st.container(key=f"mq_part_{draft.instance_id[-12:]}_{shown.at}"):
        forms.draw(shown.items, draft, marked)
    components.mirror(
        f"mq_mirror_{draft.instance_id[-12:]}",
        wording.of_two_texts(),
        prefix=mirrored_under(actor, draft.instance_id),
        fields=forms.typed_fields(shown.items, draft.instance_id),
        on_typed=draft.typed,
    )


def _languages(instance: Instance) -> tuple[str, ...]:
    """The form's languages, where it has one that the interface's language does not lead to."""
    known = instance.form.languages
    reached = {instance.form.language(code) for code in i18n.LANGUAGES}
    return known if set(known) - reached else ()


def _language(draft: Draft, languages: Sequence[str], now: str) -> None:
    key = f"mq_form_language_{draft.instance_id[-12:]}"
    st.session_state.setdefault(key, now if now in languages else None)
    st.selectbox(
        _("Language of the form"), languages, key=key, index=None, on_change=draft.speak, args=(key,)
    )
