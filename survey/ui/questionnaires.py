"""Questionnaires on the screen: which are to be filled in where, and the versions an office keeps.

Owns the parts of the page and what stands in its address (`?part=`, `?form=`, `?version=`, `?show=`). Refuses to say
who may do what: the services do.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import streamlit as st

from survey import db, i18n
from survey.access.permissions import Action, Actor
from survey.areas import register
from survey.i18n import gettext as _
from survey.questionnaires import audiences, authoring
from survey.questionnaires.authoring import Version, VersionState
from survey.rules import codes
from survey.ui import authoring as forms
from survey.ui import navigation, questionnaire_results, shell, state, trial, wording

FILL, MANAGE = "fill", "manage"
_LIST = "households_due"
_COLORS: dict[VersionState, shell.BadgeColor] = {
    VersionState.DRAFT: "orange",
    VersionState.PUBLISHED: "green",
    VersionState.WITHDRAWN: "gray",
}


def part(actor: Actor) -> str:
    """Filling in or keeping, as far as the actor's posts let him; it stands in the address."""
    names = {FILL: _("To fill in"), MANAGE: _("Questionnaires of the office")}
    needed = {FILL: Action.VISITS_RECORD, MANAGE: Action.QUESTIONNAIRES_PUBLISH}
    offered = [key for key in names if actor.may(needed[key])]
    asked = st.query_params.get("part")
    current = asked if asked in offered else offered[-1]
    if len(offered) > 1:
        chosen = st.segmented_control(
            _("Part"), offered, default=current, format_func=names.__getitem__, key="mq_questionnaire_part",
            required=True, label_visibility="collapsed",
        )  # fmt: skip
        if chosen != current:
            navigation.go(navigation.QUESTIONNAIRES, part=str(chosen))
    return current


def to_fill_in(actor: Actor, on: date) -> None:
    """The forms with households still to be asked; one tap shows the households."""
    with db.reading() as store:
        found = audiences.waiting(store, actor, on)
    if not found:
        shell.empty(
            _("No questionnaire waits for households of yours."),
            _("To the households"),
            to=navigation.HOUSEHOLDS,
        )
        return
    tapped = shell.rows("waiting", waiting_rows(found))
    if tapped:
        navigation.go(navigation.QUESTIONNAIRES, part=FILL, form=tapped)


def waiting_rows(found: Sequence[audiences.Waiting]) -> list[shell.Row]:
    """Forms with households still to be asked, as big rows."""
    return [
        shell.Row(
            one.offer.form_id,
            one.offer.title,
            _("until {day}", day=i18n.day(one.offer.valid_until)) if one.offer.valid_until else "",
            badge=_("{n} households to ask", n=one.remaining),
            color="orange",
            icon=":material/checklist:",
        )
        for one in found
    ]


def households(actor: Actor, form_id: str, on: date) -> None:
    """The households still to be asked with a form; one tap begins."""
    if st.button(_("Back to the list"), icon=":material/arrow_back:", key="mq_questionnaires_back"):
        navigation.go(navigation.QUESTIONNAIRES, part=FILL)
    with db.reading() as store:
        one = next((w for w in audiences.waiting(store, actor, on) if w.offer.form_id == form_id), None)
        total = one.remaining if one else 0
        offset = shell.offset(_LIST)
        due = audiences.remaining(store, actor, form_id, on, limit=shell.PAGE_SIZE, offset=offset)
        places = register.names(store, {household.area_code for household in due})
    if one is None or not due:
        shell.empty(_("Every household has been asked."))
        return
    st.markdown(f"#### {wording.plain(one.offer.title)}", anchors=False)
    rows = [
        shell.Row(
            household.household_id,
            household.head_name,
            places[household.area_code],
            icon=":material/edit_note:",
        )
        for household in due
    ]
    tapped = shell.rows(_LIST, rows)
    shell.page_turner(_LIST, total)
    if tapped:
        navigation.go(navigation.VISIT, household=tapped, form=form_id)


def manage(actor: Actor, on: date) -> None:
    """Upload a questionnaire; under it every version the office sees."""
    with st.expander(_("Upload a questionnaire"), icon=":material/upload_file:", expanded=True):
        forms.upload(actor, on)
    with db.reading() as store:
        found = authoring.versions(store, actor)
    tapped = shell.rows("versions", [_row(version, on) for version in found])
    if tapped:
        navigation.go(navigation.QUESTIONNAIRES, version=tapped)


def _row(version: Version, on: date) -> shell.Row:
    details = [
        _("version {version}", version=version.version),
        _days(version) if version.state is not VersionState.DRAFT else "",
        _("{n} fillings", n=version.received) if version.received else "",
        "" if version.is_own else _("comes with the program"),
    ]
    return shell.Row(
        str(version.id),
        version.title,
        " · ".join(detail for detail in details if detail),
        badge=state_words(version, on),
        color=_color(version, on),
        icon=":material/assignment:" if version.is_own else ":material/home:",
    )


def state_words(version: Version, on: date) -> str:
    """A version's state in a word."""
    if version.state is VersionState.DRAFT:
        return _("draft")
    if version.state is VersionState.WITHDRAWN:
        return _("withdrawn")
    if version.valid_from > on:
        return _("not yet begun")
    return _("over") if version.valid_until and version.valid_until < on else _("being filled in")


def _color(version: Version, on: date) -> shell.BadgeColor:
    running = version.valid_from <= on and not (version.valid_until and version.valid_until < on)
    return _COLORS[version.state] if running or version.state is VersionState.DRAFT else "gray"


def _days(version: Version) -> str:
    if version.valid_until is None:
        return _("from {day}", day=i18n.day(version.valid_from))
    return _("{first} to {last}", first=i18n.day(version.valid_from), last=i18n.day(version.valid_until))


def show(actor: Actor, version_id: str, on: date) -> None:
    """One version: its facts, then the part of it that the address asks for."""
    if st.button(_("Back to the list"), icon=":material/arrow_back:", key="mq_questionnaires_back"):
        navigation.go(navigation.QUESTIONNAIRES, part=MANAGE)
    with db.reading() as store:
        found = authoring.versions(store, actor)
        version = authoring.version(store, actor, int(version_id) if version_id.isdecimal() else 0)
        places = register.names(store, version.area_codes)
    badge = f" :{_color(version, on)}-badge[{wording.plain(state_words(version, on))}]"
    st.markdown(f"#### {wording.plain(version.title)}{badge}", anchors=False)
    st.caption(wording.plain(_facts(version, places)))
    others = [other for other in found if other.form_id == version.form_id and other.id != version.id]
    _part_of(actor, version, others, on)


def _facts(version: Version, places: dict[str, str]) -> str:
    facts = [f"{version.form_id} · " + _("version {version}", version=version.version)]
    if version.state is not VersionState.DRAFT:
        facts.append(_days(version))
        facts.append(i18n.listed(places.values()) or _("all areas"))
        facts.append(i18n.listed(codes.label("post", post) for post in version.posts) or _("all posts"))
        if version.is_own:
            facts.append(forms.due_words()[version.due])
    return " · ".join(facts)


def _part_of(actor: Actor, version: Version, others: Sequence[Version], on: date) -> None:
    names = {
        "try": _("Try it"),
        "publish": _("Publish"),
        "progress": _("Progress"),
        "results": _("Answers"),
        "compare": _("Compare"),
        "more": _("File and dates"),
    }
    draft = version.state is VersionState.DRAFT
    offered = [key for key in names if key not in (("progress", "results") if draft else ("publish",))]
    asked = st.query_params.get("show")
    current = asked if asked in offered else ("try" if draft else "progress")
    chosen = st.segmented_control(
        _("Part"), offered, default=current, format_func=names.__getitem__, key=f"mq_show_{version.id}",
        required=True, label_visibility="collapsed",
    )  # fmt: skip
    if chosen != current:
        navigation.go(navigation.QUESTIONNAIRES, version=str(version.id), show=str(chosen))
    if current == "try":
        forms.findings(state.kept(f"findings_{version.id}") or ())
        trial.show(version.id)
    elif current == "publish":
        forms.publish(actor, version, on)
    elif current == "progress":
        questionnaire_results.show_progress(actor, version)
    elif current == "results":
        questionnaire_results.show_results(actor, version)
    elif current == "compare":
        questionnaire_results.show_comparison(actor, version, others)
    else:
        forms.keeping(actor, version)
