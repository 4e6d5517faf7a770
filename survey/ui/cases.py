"""Cases on the screen: filters kept in the address, big rows, one case with its steps and what may be done.

Owns how a case reads and the form that records a step. Refuses to decide: which steps are offered and whether one
is done is the services' business. What was typed stays in its field when a step is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from survey import db, i18n
from survey.areas.register import AreaView
from survey.cases import categories, lifecycle, service, worklists
from survey.cases.lifecycle import CaseState, StepKind
from survey.cases.worklists import CaseFilter, CaseRow, CaseView, Owner
from survey.i18n import gettext as _
from survey.i18n import today
from survey.rules import codes
from survey.ui import navigation, session, shell, state, wording
from survey.ui.filters import Filters

LIST = "cases"
_FILTERS = ("village", "category", "overdue", "mine")
_FILTER = Filters("mq_filter_", (LIST,))
_WORDS_KEY = "mq_case_words"
_STEP_KEY = "mq_case_step"
_OWNER_KEY = "mq_case_owner"
_NEXT_STEP = {
    CaseState.TAKEN_IN: StepKind.START,
    CaseState.ACCEPTED: StepKind.START,
    CaseState.ASSIGNED: StepKind.START,
    CaseState.IN_PROGRESS: StepKind.RESOLVE,
    CaseState.RESOLVED: StepKind.REPLY,
    CaseState.UNRESOLVABLE: StepKind.REPLY,
    CaseState.NOT_ACCEPTED: StepKind.REPLY,
    CaseState.REPLIED: StepKind.CLOSE,
    CaseState.CLOSED: StepKind.REOPEN,
}


def chosen_filters() -> dict[str, str]:
    """The filters that stand in the address, so that a link shows the same view."""
    return {name: st.query_params[name] for name in _FILTERS if st.query_params.get(name)}


def filters(villages: Sequence[AreaView], *, with_mine: bool = True) -> CaseFilter:
    """Draw the filters and keep what is chosen in the address."""
    village, category, marks = st.columns([2, 2, 3], vertical_alignment="bottom")
    with village:
        code = _FILTER.choice("village", _("Village"), {area.code: area.short_name for area in villages})
    with category:
        kind = _FILTER.choice(
            "category", _("Category"), {key: categories.label(key) for key in categories.every()}
        )
    with marks, st.container(horizontal=True, vertical_alignment="center"):
        overdue = _FILTER.switch("overdue", _("Overdue only"))
        mine = _FILTER.switch("mine", _("Mine only")) if with_mine else False
    return CaseFilter(village=code, category=kind, overdue=overdue, mine=mine)


def section(title: str) -> None:
    """The heading of a part of a page."""
    st.html(
        f'<h2 style="font-size: 1.2rem; font-weight: 700; padding: .5rem 0 0">{wording.escaped(title)}</h2>'
    )


def list_rows(cases: Sequence[CaseRow], name: str = LIST) -> str | None:
    """Cases as big rows; the id of the one just tapped."""
    return shell.rows(name, [as_row(row) for row in cases])


def as_row(row: CaseRow) -> shell.Row:
    """A case as one entry of a list: what and where, how urgent."""
    badge, color = urgency(row)
    details = [row.area_name, codes.label("case_state", row.state), row.owner_name or "", row.number]
    title = categories.label(row.category)
    return shell.Row(
        key=row.id,
        title=f"{title} · {row.head_name}" if row.head_name else title,
        detail=" · ".join(part for part in details if part),
        badge=badge,
        color=color,
    )


def urgency(row: CaseRow) -> tuple[str, shell.BadgeColor]:
    """How many days are left or lost, in words and colour; nothing where no reply is owed."""
    if row.days_left is None:
        return ("", "gray") if row.due_on is None else (codes.label("case_state", row.state), "green")
    if row.days_left < 0:
        late = -row.days_left
        owes_reply = StepKind.REPLY in lifecycle.steps_from(row.state)
        return (_("reply {n} days overdue", n=late) if owes_reply else _("{n} days overdue", n=late)), "red"
    if row.days_left == 0:
        return _("due today"), "orange"
    return _("{n} days left", n=row.days_left), "orange" if row.days_left <= 3 else "gray"


def header(view: CaseView) -> None:
    """What the case is, where it stands, who has it, until when."""
    row = view.row
    badge, color = urgency(row)
    st.markdown(
        f"#### {wording.plain(categories.label(row.category))}"
        f" :gray-badge[{wording.plain(codes.label('case_state', row.state))}]"
        + (f" :{color}-badge[{wording.plain(badge)}]" if badge and row.days_left is not None else ""),
        anchors=False,
    )
    facts = {
        _("Number"): row.number,
        _("Place"): row.area_name,
        _("Severity"): codes.label("severity", str(row.severity) if row.severity else None),
        _("Raised on"): i18n.day(row.opened_on),
        _("Answer due on"): i18n.day(row.due_on),
        _("Handled by"): row.owner_name or "",
        _("First handler"): view.first_handler_name or "",
        _("Closed on"): i18n.day(view.closed_on),
    }
    st.html(_facts(facts))
    for year in view.years_without_holidays:
        st.caption(
            _(
                "The public holidays of {year} are not known yet: its workdays are counted as Monday to Friday.",
                year=year,
            )
        )
    if view.words:
        st.html(f'<blockquote class="mq-words">{wording.escaped(view.words)}</blockquote>')
    if row.household_id and st.button(
        _("{name}'s household", name=row.head_name or ""), icon=":material/home:", key="mq_case_household"
    ):
        navigation.go(navigation.HOUSEHOLDS, household=row.household_id)


def steps(view: CaseView) -> None:
    """Every act on the case, the first at the top."""
    section(_("Steps so far"))
    items = "".join(
        f"<li><b>{wording.escaped(codes.label('step_kind', step.kind))}</b> "
        f'<span class="mq-when">{wording.escaped(i18n.day(step.acted_on))} {wording.escaped(step.name or "")}</span>'
        + (f"<div>{wording.escaped(step.words)}</div>" if step.words else "")
        + "</li>"
        for step in view.steps
    )
    st.html(
        "<style>.mq-steps { padding-left: 1.2rem; } .mq-steps li { margin-bottom: .5rem; }"
        ".mq-steps div { white-space: pre-wrap; overflow-wrap: anywhere; } .mq-when { color: var(--mq-soft); }"
        f'</style><ol class="mq-steps">{items}</ol>'
    )


def actions(view: CaseView, owners: Sequence[Owner]) -> None:
    """The form for the next step, and for giving the case to somebody; nothing to whoever may only read."""
    if view.actions:
        _step_form(view)
    if view.may_assign and owners:
        _owner_form(view, owners)


def _step_form(view: CaseView) -> None:
    section(_("Next step"))
    offered = list(view.actions)
    key = f"{_STEP_KEY}_{view.row.id}_{view.version}"
    kind = st.pills(
        _("What was done"),
        offered,
        default=_NEXT_STEP.get(view.row.state, offered[0]),
        format_func=lambda step: codes.label("step_kind", step),
        required=True,
        key=key,
    )
    words_key = f"{_WORDS_KEY}_{view.row.id}"
    st.text_area(
        _("In words"),
        key=words_key,
        max_chars=service.WORDS_LIMIT,
        placeholder=_("What was done, or what was answered to whom and how"),
    )
    st.button(
        _("Record: {step}", step=codes.label("step_kind", kind)),
        type="primary",
        width="stretch",
        key="mq_case_record",
        on_click=_record,
        args=(view.row.id, view.version, kind, words_key),
    )


def _owner_form(view: CaseView, owners: Sequence[Owner]) -> None:
    names = {owner.cadre_id: owner.name for owner in owners}
    key = f"{_OWNER_KEY}_{view.row.id}_{view.version}"
    with st.expander(_("Give to somebody else"), icon=":material/forward:"):
        st.selectbox(
            _("Handled by"),
            list(names),
            index=None,
            format_func=lambda cadre_id: names[cadre_id],
            placeholder=_("Choose one"),
            key=key,
        )
        st.button(
            _("Give the case"),
            width="stretch",
            key="mq_case_assign",
            on_click=_assign,
            args=(view.row.id, view.version, key),
        )


@session.callback
def _record(case_id: str, version: int, kind: StepKind, words_key: str) -> None:
    actor = session.actor()
    words = st.session_state.get(words_key)
    with db.session_scope() as store:
        service.record_step(store, actor, case_id, kind, words, on=today(), expected_version=version)
    st.session_state[words_key] = ""
    state.leave_notice("success", _("Recorded: {step}", step=codes.label("step_kind", kind)))


@session.callback
def _assign(case_id: str, version: int, key: str) -> None:
    owner_id = st.session_state.get(key)
    if owner_id is None:
        state.leave_notice("warning", _("Choose who is to handle the case."))
        return
    actor = session.actor()
    with db.session_scope() as store:
        service.assign(store, actor, case_id, owner_id, on=today(), expected_version=version)
    state.leave_notice("success", _("The case was given over."))


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(
        f'<div><div class="mq-fact">{wording.escaped(name)}</div>{wording.escaped(value)}</div>'
        for name, value in facts.items()
        if value
    )
    return (
        "<style>.mq-facts { display: flex; flex-wrap: wrap; gap: .25rem 2rem; }"
        ".mq-facts > div { min-width: 9rem; overflow-wrap: anywhere; }"
        ".mq-fact { color: var(--mq-soft); font-size: .9rem; }"
        ".mq-words { margin: .5rem 0; padding: .5rem 1rem; border-left: 4px solid var(--mq-line);"
        " white-space: pre-wrap; overflow-wrap: anywhere; }</style>"
        f'<div class="mq-facts">{rows}</div>'
    )


def shown(case_id: str) -> tuple[CaseView, tuple[Owner, ...]]:
    """A case as it stands, and to whom it may be given; problem `access.not_found`."""
    actor = session.actor()
    with db.reading() as store:
        view = worklists.case(store, actor, case_id, today())
        owners = worklists.possible_owners(store, actor, case_id, today()) if view.may_assign else ()
    return view, owners
