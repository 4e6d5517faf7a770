"""The first page: what waits for the signed-in person today, each as one big row.

Owns gathering the lists that his posts let him have and how their entries read. Refuses to show anything to posts
without field work: those get the way to where their work is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import streamlit as st

from survey import db, i18n
from survey.access.permissions import Action, Actor, Role
from survey.areas import register
from survey.cases import worklists
from survey.cases.worklists import Attention, CaseFilter, CasePage
from survey.fieldwork import hardship, visits
from survey.fieldwork.hardship import FilePage, FileRow
from survey.fieldwork.visits import FollowUp
from survey.i18n import gettext as _
from survey.questionnaires import audiences, drafts, reviews
from survey.questionnaires.drafts import DraftView
from survey.questionnaires.reviews import Returned
from survey.rules import codes
from survey.ui import cases, navigation, questionnaires, shell, submissions

SHOWN = 8
_AT_THE_DOOR = frozenset({Role.GROUP_INFORMANT, Role.VILLAGE_CADRE, Role.VILLAGE_HEAD, Role.STATIONED_CADRE})


@dataclass(frozen=True)
class Work:
    """What waits: nothing where the posts do not let the actor have that list."""

    drafts: tuple[DraftView, ...]
    returned: tuple[Returned, ...]
    contacts: FilePage | None
    follow_ups: tuple[FollowUp, ...]
    questionnaires: tuple[audiences.Waiting, ...]
    cases: CasePage | None
    attention: Attention | None
    area_names: dict[str, str]
    mine: bool

    @property
    def nothing_waits(self) -> bool:
        """Whether every list is empty."""
        listed: list[object] = [*self.drafts, *self.returned, *self.follow_ups, *self.questionnaires]
        listed += self.contacts.rows if self.contacts else ()
        listed += self.cases.rows if self.cases else ()
        return not listed


def gather(actor: Actor, on: date) -> Work:
    """Ask for each list the actor may have: his own at the door, his whole area in an office."""
    mine = bool(actor.roles & _AT_THE_DOOR)
    records, reads_cases = actor.may(Action.VISITS_RECORD), actor.may(Action.CASES_READ)
    with db.reading() as session:
        follow_ups = visits.follow_ups(session, actor, on, limit=SHOWN) if records else ()
        return Work(
            drafts=drafts.mine(session, actor) if records else (),
            returned=reviews.returned(session, actor, limit=SHOWN) if records else (),
            contacts=hardship.due(session, actor, on, mine=mine, limit=SHOWN)
            if actor.may(Action.HARDSHIP_READ)
            else None,
            follow_ups=follow_ups,
            questionnaires=audiences.waiting(session, actor, on) if records else (),
            cases=worklists.unresolved(session, actor, CaseFilter(mine=mine), on, limit=SHOWN)
            if reads_cases
            else None,
            attention=worklists.attention(session, actor, on) if reads_cases else None,
            area_names=register.names(session, {promise.area_code for promise in follow_ups}),
            mine=mine,
        )


def attention(counts: Attention) -> None:
    """The counts of the area's cases, each a way to its list."""
    entries: tuple[tuple[str, str, int, dict[str, str]], ...] = (
        ("overdue", _("Overdue"), counts.overdue, {"overdue": "1"}),
        ("mine", _("With me"), counts.mine, {"mine": "1"}),
        ("all", _("Not finished"), counts.unresolved, {}),
    )
    with st.container(horizontal=True, key="mq_today_counts"):
        for key, label, count, query in entries:
            if st.button(f"{label} **{count}**", key=f"mq_today_{key}", disabled=count == 0):
                navigation.go(navigation.CASES, **query)


def to_correct(actor: Actor, found: tuple[Returned, ...]) -> None:
    """What the office returned, with its reason: one tap opens it again."""
    if not found:
        return
    cases.section(_("Came back to be corrected"))
    tapped = submissions.returned_rows(found)
    if tapped:
        submissions.correct(actor, tapped)


def unfinished(found: tuple[DraftView, ...]) -> None:
    """Visits begun and not handed in: one tap goes on with them."""
    if not found:
        return
    cases.section(_("Go on with what you began"))
    rows = [
        shell.Row(
            key=draft.instance_id,
            title=draft.head_name or draft.title,
            detail=f"{draft.title} · {i18n.moment(draft.updated_at)}",
            badge=_("not handed in"),
            color="orange",
            icon=":material/edit_note:",
        )
        for draft in found
    ]
    tapped = shell.rows("drafts", rows)
    for draft in found:
        if draft.instance_id == tapped:
            navigation.go(navigation.VISIT, instance=draft.instance_id)


def contacts(page: FilePage | None, on: date) -> None:
    """Hardship households whose contact is due: one tap begins the visit."""
    if page is None:
        return
    cases.section(_("Hardship households to contact"))
    if not page.rows:
        st.caption(_("No contact is due in the coming days."))
        return
    tapped = shell.rows("contacts", [_contact_row(row, on) for row in page.rows])
    _rest(len(page.rows), page.total, navigation.HARDSHIP)
    if tapped:
        navigation.go(navigation.VISIT, household=tapped)


def promised(found: tuple[FollowUp, ...], names: dict[str, str], on: date) -> None:
    """Returns promised at a visit and not yet kept: one tap begins the visit."""
    if not found:
        return
    cases.section(_("You promised to come back"))
    rows = [
        shell.Row(
            key=promise.household_id,
            title=promise.head_name,
            detail=_(
                "{area} · last visit {day}",
                area=names[promise.area_code],
                day=i18n.day(promise.visited_on),
            ),
            badge=_due(promise.promised_on, on),
            color="red" if promise.promised_on < on else "orange",
            icon=":material/event_repeat:",
        )
        for promise in _once_a_household(found)
    ]
    tapped = shell.rows("follow_ups", rows)
    if tapped:
        navigation.go(navigation.VISIT, household=tapped)


def to_ask(found: tuple[audiences.Waiting, ...]) -> None:
    """Questionnaires with households still to be asked: one tap shows the households."""
    if not found:
        return
    cases.section(_("Questionnaires to fill in"))
    tapped = shell.rows("questionnaires", questionnaires.waiting_rows(found))
    if tapped:
        navigation.go(navigation.QUESTIONNAIRES, part=questionnaires.FILL, form=tapped)


def to_act_on(page: CasePage | None, *, mine: bool) -> None:
    """The most urgent cases: one tap opens the case."""
    if page is None:
        return
    cases.section(_("Cases with me") if mine else _("Most urgent cases"))
    if not page.rows:
        st.caption(_("No case waits for you. New ones come from visits."))
        return
    tapped = cases.list_rows(page.rows, "today_cases")
    _rest(len(page.rows), page.total, navigation.CASES, **({"mine": "1"} if mine else {}))
    if tapped:
        navigation.go(navigation.CASES, case=tapped)


def elsewhere(actor: Actor) -> None:
    """For posts without field work: where their work is."""
    st.markdown(_where(actor))
    titles = navigation.titles()
    for place in navigation.open_to(actor):
        if place.key != navigation.TODAY:
            st.page_link(place.script, label=titles[place.key], icon=place.icon)


def has_field_work(actor: Actor) -> bool:
    """Whether any list of this page is the actor's business."""
    return actor.may(Action.VISITS_RECORD) or actor.may(Action.CASES_READ)


def _where(actor: Actor) -> str:
    if Role.ANALYST in actor.roles:
        return _(
            "Your work is in the notebooks: make a snapshot under Administration, then open them with `make lab`."
        )
    if Role.DISCIPLINE_INSPECTOR in actor.roles:
        return _("Your post reads the audit trail, under Administration. It sees no household and no case.")
    return _("Your post keeps accounts, areas and the store, under Administration. It sees no household.")


def _once_a_household(found: tuple[FollowUp, ...]) -> list[FollowUp]:
    first: dict[str, FollowUp] = {}
    for promise in found:
        first.setdefault(promise.household_id, promise)
    return list(first.values())


def _contact_row(row: FileRow, on: date) -> shell.Row:
    details = [row.area_name, codes.label("hardship_category", row.category), row.contact_name or ""]
    never = row.next_contact_on is None
    late = never or row.days_overdue(on) > 0
    return shell.Row(
        key=row.household_id,
        title=row.head_name,
        detail=" · ".join(part for part in details if part),
        badge=_("no date set") if row.next_contact_on is None else _due(row.next_contact_on, on),
        color="red" if late else "orange",
        icon=":material/volunteer_activism:",
    )


def _due(day: date, on: date) -> str:
    if day < on:
        return _("{n} days overdue", n=(on - day).days)
    return _("due today") if day == on else _("due on {day}", day=i18n.day(day))


def _rest(shown: int, total: int, page: str, **query: str) -> None:
    if total > shown and st.button(_("All {n}", n=total), key=f"mq_today_rest_{page}", width="stretch"):
        navigation.go(page, **query)
