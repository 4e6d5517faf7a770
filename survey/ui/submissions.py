"""Submissions on the screen: what to look at and why, all of them, conflicts, one in full; and what came back to correct.

Owns how a submission, its reasons, its versions with their differences and a conflict read, and the forms for deciding,
remarking and choosing a value. Refuses to decide: what is offered and whether it is done is the services' business. What
was typed stays in its field when a decision is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby

import streamlit as st

from survey import db, i18n
from survey.access.permissions import Actor
from survey.areas.register import AreaView
from survey.fieldwork import conflicts, quality
from survey.fieldwork.conflicts import ConflictChoice, ConflictKind, ConflictView
from survey.fieldwork.household_checks import field_label
from survey.fieldwork.quality import Concern, Noticed, Reason
from survey.i18n import gettext as _
from survey.i18n import today
from survey.questionnaires import corrections, reviews
from survey.questionnaires.differences import Difference
from survey.questionnaires.reviews import (
    Chosen,
    FeedEntry,
    Returned,
    ReviewKind,
    ReviewState,
    SubmissionRow,
    SubmissionView,
)
from survey.rules import codes
from survey.rules.loader import parameter_at
from survey.ui import cases, navigation, session, shell, state, wording
from survey.ui.filters import Filters

LOOK, ALL, CONFLICTS = "look", "all", "conflicts"
_FILTER = Filters("mq_submissions_", (LOOK, ALL, CONFLICTS))
_FILTERS = ("list", "village", "state", "older")
_WORDS = "mq_review_words"
_COLORS: Mapping[ReviewState, shell.BadgeColor] = {
    ReviewState.RECEIVED: "gray",
    ReviewState.EDITED: "blue",
    ReviewState.HAS_ISSUES: "orange",
    ReviewState.APPROVED: "green",
    ReviewState.REJECTED: "red",
}
_STYLE = """<style>
.mq-answers { width: 100%; border-collapse: collapse; }
.mq-answers th { text-align: left; font-weight: 400; color: var(--mq-soft); width: 38%; }
.mq-answers th, .mq-answers td { padding: .35rem .5rem .35rem 0; vertical-align: top; overflow-wrap: anywhere;
  white-space: pre-wrap; border-bottom: 1px solid var(--mq-line); }
.mq-answers caption { text-align: left; font-weight: 700; padding: .75rem 0 .25rem; }
.mq-answers thead th { width: 31%; font-weight: 700; }
.mq-feed { padding-left: 1.2rem; } .mq-feed > li { margin-bottom: .75rem; }
.mq-feed .mq-when { color: var(--mq-soft); } .mq-feed blockquote { margin: .25rem 0; white-space: pre-wrap;
  overflow-wrap: anywhere; padding-left: .75rem; border-left: 4px solid var(--mq-line); }
.mq-reasons { margin: .25rem 0 .5rem; padding-left: 1.2rem; }
.mq-shots { display: flex; flex-wrap: wrap; gap: .5rem; } .mq-shots img { height: 9rem; border-radius: .25rem; }
</style>"""


def chosen_list() -> str:
    """Which of the three lists is shown; it stands in the address."""
    names = {
        LOOK: _("To look at"),
        ALL: _("All submissions"),
        CONFLICTS: _("Conflicts of updates"),
    }
    present = st.query_params.get("list", LOOK)
    chosen = st.segmented_control(
        _("List"),
        list(names),
        default=present if present in names else LOOK,
        format_func=names.__getitem__,
        label_visibility="collapsed",
        required=True,
        key="mq_submissions_list",
        on_change=_FILTER.keep,
        args=("list",),
    )
    return str(chosen)


def kept_filters() -> dict[str, str]:
    """What is chosen in the address, so that the way back leads to the same view."""
    return {name: st.query_params[name] for name in _FILTERS if st.query_params.get(name)}


def shown(
    actor: Actor, instance_id: str
) -> tuple[SubmissionView, tuple[Reason, ...], tuple[ConflictView, ...]]:
    """A submission as it stands, why to look at it, and the conflicts it met; problem `access.not_found`."""
    with db.reading() as store:
        view = reviews.submission(store, actor, instance_id)
        reasons = quality.reasons_of(store, actor, view.row.instance_id, today())
        return view, reasons, conflicts.of_fillings(store, actor, view.instance_ids)


def village(villages: Sequence[AreaView]) -> str | None:
    """The village filter, kept in the address."""
    return _FILTER.choice("village", _("Village"), {area.code: area.short_name for area in villages})


def filters(villages: Sequence[AreaView], now: datetime) -> Chosen:
    """The filters of the whole list: village, state, and whether old ones are shown too."""
    place, how_far, old = st.columns([2, 2, 2], vertical_alignment="bottom")
    with place:
        code = village(villages)
    with how_far:
        picked = _FILTER.choice("state", _("Review state"), codes.labels("review_state"))
    with old:
        older = _FILTER.switch("older", _("Older ones too"))
    days = timedelta(days=parameter_at("quality.window_days", today()))
    known = picked if picked in list(ReviewState) else None
    return Chosen(
        village=code,
        since=None if older else now - days,
        state=ReviewState(known) if known else None,
    )


def noticed_rows(found: Sequence[Noticed]) -> str | None:
    """Submissions with their reasons as big rows; the one just tapped."""
    return shell.rows(
        LOOK,
        [
            shell.Row(
                key=one.row.instance_id,
                title=_title(one.row),
                detail=" · ".join([*map(reason_text, one.reasons), _where(one.row)]),
                badge=i18n.listed(
                    dict.fromkeys(codes.label("quality_concern", reason.concern) for reason in one.reasons)
                ),
                color="orange",
            )
            for one in found
        ],
    )


def submission_rows(found: Sequence[SubmissionRow]) -> str | None:
    """Submissions with their state as big rows; the one just tapped."""
    return shell.rows(
        ALL,
        [
            shell.Row(
                key=row.instance_id,
                title=_title(row),
                detail=_where(row),
                badge=codes.label("review_state", row.state),
                color=_COLORS[row.state],
            )
            for row in found
        ],
    )


def looked_at(page: quality.NoticedPage) -> None:
    """How many were looked through, and the way to those before them."""
    st.caption(_("{n} of {total} undecided submissions looked through", n=page.looked_at, total=page.total))
    shell.page_turner(LOOK, page.total, size=quality.WINDOW)


def reason_text(reason: Reason) -> str:
    """One reason in a sentence with its figures; it says what was found, not what it means."""
    found, limit = _figure(reason.found), _figure(reason.limit)
    if reason.concern is Concern.FAST:
        return _("filled in within {found} minutes (limit {limit})", found=found, limit=limit)
    if reason.concern is Concern.FAR:
        return _(
            "recorded {found} m from the registered place (limit {limit} m)",
            found=round(reason.found),
            limit=limit,
        )
    if reason.concern is Concern.STRAIGHT:
        return _(
            "{found} questions in a row answered alike, from “{question}”",
            found=found,
            question=reason.question,
        )
    if reason.concern is Concern.UNUSUAL:
        return _(
            "“{question}” is {found}; usual in this village: about {usual} (n={n})",
            question=reason.question,
            found=found,
            usual=_figure(reason.usual),
            n=reason.n,
        )
    if reason.concern is Concern.PHOTO_MISSING:
        return _("the photo of “{question}” has not arrived", question=reason.question)
    return _("its answers cannot be read; tell the administrator")


def header(view: SubmissionView, reasons: Sequence[Reason]) -> None:
    """What it is, where it stands, and why it is to be looked at."""
    st.html(_STYLE)
    row = view.row
    st.markdown(
        f"#### {wording.plain(_title(row))}"
        f" :{_COLORS[row.state]}-badge[{wording.plain(codes.label('review_state', row.state))}]",
        anchors=False,
    )
    facts = [
        _where(row),
        codes.label("submission_source", view.source),
        _("version {n}", n=row.version) if row.version > 1 else "",
        _("begun {moment}", moment=i18n.moment(view.started_at)) if view.started_at else "",
    ]
    st.caption(wording.plain(" · ".join(fact for fact in facts if fact)))
    if reasons:
        why = _("Why to look at it")
        items = "".join(f"<li>{wording.escaped(reason_text(reason))}</li>" for reason in reasons)
        st.html(f'<b>{wording.escaped(why)}</b><ul class="mq-reasons">{items}</ul>')
    if view.household_id and st.button(
        _("{name}'s household", name=row.head_name), icon=":material/home:", key="mq_review_household"
    ):
        navigation.go(navigation.HOUSEHOLDS, household=view.household_id)


def answers(view: SubmissionView) -> None:
    """The newest version's answers, part by part, and its photos."""
    cases.section(_("Answers"))
    if view.is_erased:
        st.caption(_("The answers were lawfully erased."))
    tables = []
    for part, group in groupby((answer for answer in view.answers if not answer.is_photo), lambda a: a.part):
        lines = "".join(
            f"<tr><th scope='row'>{wording.escaped(answer.label)}</th><td>{wording.escaped(answer.text)}</td></tr>"
            for answer in group
        )
        tables.append(f'<table class="mq-answers"><caption>{wording.escaped(part)}</caption>{lines}</table>')
    st.html("".join(tables))
    shots = "".join(
        f'<a href="/attachment/{photo.id}" target="_blank"><img src="/attachment/{photo.id}" alt="{wording.escaped(photo.label)}"></a>'
        for photo in view.photos
        if photo.id
    )
    if shots:
        st.html(f'<div class="mq-shots">{shots}</div>')
    if view.stray_photos:
        st.caption(_("{n} photos arrived that no answer names", n=view.stray_photos))


def decision(view: SubmissionView) -> None:
    """The form for deciding and for a remark; nothing to whoever may do neither."""
    if not view.may_comment:
        return
    cases.section(_("Review"))
    key = f"{_WORDS}_{view.row.instance_id[-12:]}"
    st.text_area(
        _("Reason or remark"),
        key=key,
        max_chars=reviews.WORDS_LIMIT,
        placeholder=_("What is to be corrected, and why; who filled it in reads this"),
    )
    names = {
        ReviewState.APPROVED: _("Approve"),
        ReviewState.HAS_ISSUES: _("Return for correction"),
        ReviewState.REJECTED: _("Reject"),
    }
    with st.container(horizontal=True):
        for choice in view.decisions:
            st.button(
                names[choice],
                key=f"mq_review_{choice}",
                width="stretch",
                type="primary" if choice is ReviewState.APPROVED else "secondary",
                on_click=_decide,
                args=(view.row.instance_id, choice, view.seen, key),
            )
        st.button(
            _("Add a remark only"),
            key="mq_review_comment",
            width="stretch",
            on_click=_comment,
            args=(view.row.instance_id, key),
        )
    if ReviewState.REJECTED in view.decisions:
        st.caption(
            _(
                "A rejected visit no longer counts. Cases it opened and the register stay as they are; please check them."
            )
        )


def feed(view: SubmissionView) -> None:
    """Everything that happened to it: versions with their differences, remarks, decisions."""
    cases.section(_("What happened so far"))
    items = "".join(f"<li>{_feed_entry(entry)}</li>" for entry in view.feed)
    st.html(f'<ol class="mq-feed">{items}</ol>')


def conflict(view: ConflictView) -> None:
    """One conflict with both values, and the choice between them."""
    same = view.kind is ConflictKind.HARD
    with st.container(border=True, key=f"mq_conflict_{view.id}"):
        st.markdown(
            f"**{wording.plain(view.head_name)} · {wording.plain(field_label(view.field))}**"
            f" :{'red' if same else 'gray'}-badge[{wording.plain(codes.label('conflict_kind', view.kind))}]  \n"
            f":small[{wording.plain(' · '.join((view.area_name, view.collector_name, i18n.moment(view.noted_at))))}]"
        )
        st.caption(
            _("Somebody changed this meanwhile; the visit's answer was not written.")
            if same
            else _("Other fields were changed meanwhile; the visit's answer was written.")
        )
        if view.resolved_at is not None:
            chosen = view.sent if view.chosen is ConflictChoice.SENT else view.kept
            st.markdown(
                _(
                    "{name} chose: {value}",
                    name=wording.plain(view.resolved_by_name or ""),
                    value=wording.plain(chosen),
                )
            )
            return
        nothing = _("(empty)")
        if view.present not in (view.sent, view.kept):
            st.caption(_("The register now says: {value}", value=wording.plain(view.present or nothing)))
        labels = {
            ConflictChoice.SENT: _("The visit's answer: {value}", value=view.sent or nothing),
            ConflictChoice.KEPT: _("The register's value: {value}", value=view.kept or nothing)
            if same
            else _("The value before: {value}", value=view.kept or nothing),
        }
        with st.container(horizontal=True):
            for choice, label in labels.items():
                st.button(
                    wording.plain(label),
                    key=f"mq_conflict_{view.id}_{choice}",
                    width="stretch",
                    on_click=_resolve,
                    args=(view.id, choice, view.record_version),
                )


def returned_rows(found: Sequence[Returned]) -> str | None:
    """What came back to be corrected as big rows; the one just tapped."""
    return shell.rows(
        "returned",
        [
            shell.Row(
                key=back.instance_id,
                title=back.head_name or back.title,
                detail=f"{back.title} · {i18n.labelled(back.by_name, back.reason)}",
                badge=_("to be corrected"),
                color="red",
                icon=":material/undo:",
            )
            for back in found
        ],
    )


def correct(actor: Actor, instance_id: str) -> None:
    """Open a returned submission as a draft and go to it."""
    with db.session_scope() as store:
        draft = corrections.start(store, actor, instance_id, now=datetime.now(UTC))
    navigation.go(navigation.VISIT, instance=draft.instance_id)


def reason_above(actor: Actor, draft_id: str) -> None:
    """Above the form of a correction: why the submission came back, and from whom."""
    with db.reading() as store:
        back = reviews.reason_of(store, actor, draft_id)
    if back is not None:
        asked = _("{name} asks for a correction:", name=wording.plain(back.by_name))
        st.warning(f"**{asked}** {wording.plain(back.reason)}", icon=":material/undo:")


def _feed_entry(entry: FeedEntry) -> str:
    if entry.kind is None:
        what = _("Handed in")
    elif entry.kind is ReviewKind.EDIT:
        what = _("Corrected (version {n})", n=entry.version)
    elif entry.kind is ReviewKind.COMMENT:
        what = _("Remark")
    else:
        what = codes.label("review_state", entry.state)
    text = (
        f'<b>{wording.escaped(what)}</b> <span class="mq-when">{wording.escaped(i18n.moment(entry.at))} '
        f"{wording.escaped(entry.name)}</span>"
    )
    if entry.words:
        text += f"<blockquote>{wording.escaped(entry.words)}</blockquote>"
    return text + (_differences(entry.differences) if entry.differences else "")


def _differences(found: Sequence[Difference]) -> str:
    nothing = _("(empty)")
    head = "".join(
        f"<th scope='col'>{wording.escaped(name)}</th>" for name in (_("Question"), _("Before"), _("After"))
    )
    lines = "".join(
        f"<tr><th scope='row'>{wording.escaped(one.label)}</th><td>{wording.escaped(one.earlier or nothing)}</td>"
        f"<td>{wording.escaped(one.later or nothing)}</td></tr>"
        for one in found
    )
    return f'<table class="mq-answers"><thead><tr>{head}</tr></thead>{lines}</table>'


def _title(row: SubmissionRow) -> str:
    return f"{row.title} · {row.head_name}" if row.head_name else row.title


def _where(row: SubmissionRow) -> str:
    return " · ".join((row.area_name, row.collector_name, i18n.moment(row.received_at)))


def _figure(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


@session.callback
def _decide(instance_id: str, choice: ReviewState, seen: int, words_key: str) -> None:
    actor = session.actor()
    words = st.session_state.get(words_key)
    with db.session_scope() as store:
        reviews.decide(store, actor, instance_id, choice, words, seen=seen, now=datetime.now(UTC))
    st.session_state[words_key] = ""
    state.leave_notice("success", _("Recorded: {step}", step=codes.label("review_state", choice)))


@session.callback
def _comment(instance_id: str, words_key: str) -> None:
    actor = session.actor()
    words = st.session_state.get(words_key) or ""
    with db.session_scope() as store:
        reviews.comment(store, actor, instance_id, words, now=datetime.now(UTC))
    st.session_state[words_key] = ""
    state.leave_notice("success", _("The remark was added."))


@session.callback
def _resolve(conflict_id: int, choice: ConflictChoice, version: int) -> None:
    actor = session.actor()
    with db.session_scope() as store:
        conflicts.resolve(store, actor, conflict_id, choice, record_version=version, now=datetime.now(UTC))
    state.leave_notice("success", _("The conflict was resolved."))
