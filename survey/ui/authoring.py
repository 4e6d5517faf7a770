"""Uploading a questionnaire, what was found in it, and publishing it, on the screen.

Owns how findings read (place, sentence, remedy) and the forms that publish, end and withdraw a version. Refuses to
judge a file: `survey.questionnaires.authoring` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import streamlit as st

from survey import db, i18n
from survey.access.permissions import Action, Actor
from survey.areas import register
from survey.i18n import gettext as _
from survey.problems import Problem
from survey.questionnaires import authoring, choice_files, workbook_reading, workbook_writing
from survey.questionnaires.authoring import HouseholdsDue, Publication, Version, VersionState
from survey.questionnaires.conversion import Authored
from survey.questionnaires.findings import Finding, Weight
from survey.rules import codes
from survey.ui import navigation, shell, state, wording

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ICONS = {
    Weight.ERROR: ":red[:material/error:]",
    Weight.WARNING: ":orange[:material/warning:]",
    Weight.NOTICE: ":blue[:material/info:]",
}
_MOST_SHOWN = 60


def upload(actor: Actor, on: date) -> None:
    """Choose a file and have it checked; a usable one becomes a draft and is opened."""
    st.markdown(
        _(
            "Write the questions in Excel, upload the file here; it is checked at once, and nothing is published yet."
        )
    )
    with st.container(horizontal=True):
        st.download_button(
            _("Download the template"), workbook_writing.starter(), workbook_writing.STARTER, _XLSX,
            icon=":material/download:", on_click="ignore", key="mq_template",
        )  # fmt: skip
    chosen = st.file_uploader(
        _(
            "Questionnaire (.xlsx, .xls or .md), and what belongs to it: lists of choices (.csv, .geojson, .xml), pictures, sound"
        ),
        accept_multiple_files=True,
        key=f"mq_upload_{state.kept('upload_turn', 0)}",
        max_upload_size=workbook_reading.MOST_BYTES // 2**20,
    )
    st.html("<style>[data-testid='stFileUploader'] button { min-width: 44px; min-height: 44px; }</style>")
    if not chosen:
        return
    if st.button(_("Check"), key="mq_check", type="primary", icon=":material/fact_check:"):
        files = {file.name: file.getvalue() for file in chosen}
        _check(actor, files, on)


def _check(actor: Actor, files: dict[str, bytes], on: date) -> None:
    lists = choice_files.named(list(files))
    forms = [name for name in files if name not in lists]
    if len(forms) != 1:
        st.error(_("Choose exactly one questionnaire file; lists of choices and pictures come beside it."))
        return
    authored = Authored(forms[0], files[forms[0]], {name: files[name] for name in lists})
    with st.spinner(_("Checking the questionnaire")):
        with db.reading() as store:
            checked = authoring.check(store, actor, authored, on=on)
        if checked.usable:
            with db.session_scope() as store:
                kept = authoring.keep(store, actor, authored, checked, now=datetime.now(UTC))
            state.keep(f"findings_{kept.id}", checked.findings)
            state.keep("upload_turn", int(state.kept("upload_turn", 0)) + 1)
            shell.said(
                _("“{title}” was checked and kept as a draft. Try it, then publish it.", title=kept.title)
            )
            navigation.go(navigation.QUESTIONNAIRES, version=str(kept.id))
    findings(checked.findings)


def findings(found: Sequence[Finding]) -> None:
    """What was found: how many of each weight, then each with its place, sentence and remedy."""
    errors = sum(finding.weight is Weight.ERROR for finding in found)
    if errors:
        st.error(_("{n} mistakes to correct. Correct them in the file and upload it again.", n=errors))
    elif found:
        st.info(_("No mistake. {n} remarks to look at:", n=len(found)))
    for finding in found[:_MOST_SHOWN]:
        with st.container(border=True):
            st.markdown(
                f"{_ICONS[finding.weight]} **{wording.plain(place(finding))}**  \n{_sentence(finding)}"
            )
    if len(found) > _MOST_SHOWN:
        st.caption(_("… and {n} more. Correct these first.", n=len(found) - _MOST_SHOWN))


def _sentence(finding: Finding) -> str:
    problem, language = finding.problem, i18n.language()
    remedy = f":small[{wording.plain(problem.remedy(language))}]"
    return f"{wording.plain(problem.message(language))}  \n{remedy}"


def place(finding: Finding) -> str:
    """Where a finding is: sheet, row, column and cell, as far as known."""
    if not finding.sheet:
        return _("The file")
    parts = [_("sheet {sheet}", sheet=finding.sheet)]
    if finding.row:
        parts.append(_("row {row}", row=finding.row))
    if finding.column:
        parts.append(_("column {column}", column=finding.column))
    words = " · ".join(parts)
    return _("{place} ({cell})", place=words, cell=finding.cell) if finding.cell else words


# -- publishing --------------------------------------------------------------------------------------


def publish(actor: Actor, version: Version, on: date) -> None:
    """The form that publishes a draft; posts and areas are chosen, nothing is chosen beforehand."""
    with db.reading() as store:
        areas = [area for area in register.areas(store, actor, on=on) if len(area.code) in (9, 12)]
    own = [area for area in areas if actor.may(Action.QUESTIONNAIRES_PUBLISH, area.code)]
    names = {area.code: area.name for area in own}
    st.markdown(
        _("Once published, this version never changes. Changes are made by uploading another version.")
    )
    with st.form("mq_publish"):
        first, last = st.columns(2)
        valid_from = first.date_input(
            _("First day of filling in"), value=on, key="mq_first_day", format="YYYY-MM-DD"
        )
        valid_until = last.date_input(
            _("Last day (empty: no end)"), value=None, key="mq_last_day", format="YYYY-MM-DD"
        )
        area_codes = st.multiselect(
            _("Areas it is for"),
            list(names),
            format_func=lambda code: _area_words(code, names),
            key="mq_areas",
            placeholder=_("Choose"),
        )
        posts = st.pills(
            _("Posts that fill it in"), list(authoring.fillers()), selection_mode="multi",
            format_func=lambda post: codes.label("post", post), key="mq_posts",
        )  # fmt: skip
        due = st.radio(
            _("Households to be asked"), list(due_words()), index=None,
            format_func=lambda kind: due_words()[kind], key="mq_due",
        )  # fmt: skip
        sent = st.form_submit_button(_("Publish"), type="primary", icon=":material/publish:", width="stretch")
    if sent:
        _publish(actor, version, valid_from, valid_until, tuple(area_codes), tuple(posts), due)


def _publish(
    actor: Actor,
    version: Version,
    valid_from: date | None,
    valid_until: date | None,
    area_codes: tuple[str, ...],
    posts: tuple[object, ...],
    due: HouseholdsDue | None,
) -> None:
    if due is None or valid_from is None:
        st.error(_("Choose the first day and which households are to be asked."))
        return
    publication = Publication(
        valid_from, valid_until, area_codes, tuple(p for p in authoring.fillers() if p in posts), due
    )
    try:
        with db.session_scope() as store:
            authoring.publish(store, actor, version.id, publication, now=datetime.now(UTC))
    except Problem as problem:
        shell.problem(problem)
        return
    shell.said(_("“{title}” is published. The cadres it is for see it now.", title=version.title))
    navigation.go(navigation.QUESTIONNAIRES, version=str(version.id))


def due_words() -> dict[HouseholdsDue, str]:
    """How the kinds of households to be asked are called."""
    return {
        HouseholdsDue.EVERYBODY: _("Every household of these areas, once"),
        HouseholdsDue.HARDSHIP: _("Every hardship household of these areas, once"),
        HouseholdsDue.NOBODY: _("As needed, no household in particular"),
    }


def _area_words(code: str, names: dict[str, str]) -> str:
    if len(code) == 12:
        return names[code]
    return _("{area} (the whole township)", area=names[code])


def keeping(actor: Actor, version: Version) -> None:
    """Take the file away, move the last day, withdraw or throw away."""
    with st.container(horizontal=True):
        with db.reading() as store:
            name, content = authoring.workbook(store, actor, version.id)
        st.download_button(
            _("Download as Excel"),
            content,
            name,
            _XLSX,
            icon=":material/download:",
            on_click="ignore",
            key="mq_workbook",
        )
    if not version.is_own:
        return
    if version.state is VersionState.PUBLISHED:
        _last_day(actor, version)
    if version.state is VersionState.DRAFT:
        question = _("The draft will be gone. Throw it away?")
        if shell.confirm(
            f"discard_{version.id}", _("Throw this draft away"), question, icon=":material/delete:"
        ):
            with db.session_scope() as store:
                authoring.discard(store, actor, version.id)
            shell.said(_("The draft was thrown away."))
            navigation.go(navigation.QUESTIONNAIRES, part="manage")
    elif version.state is VersionState.PUBLISHED:
        question = _("No cadre will be able to begin it any more; answers given so far stay. Withdraw it?")
        if shell.confirm(f"withdraw_{version.id}", _("Withdraw"), question, icon=":material/block:"):
            with db.session_scope() as store:
                authoring.withdraw(store, actor, version.id, now=datetime.now(UTC))
            shell.said(_("The questionnaire was withdrawn."))
            navigation.go(navigation.QUESTIONNAIRES, version=str(version.id))


def _last_day(actor: Actor, version: Version) -> None:
    with (
        st.expander(_("Move the last day"), icon=":material/event:"),
        st.form("mq_move_last_day", border=False),
    ):
        day = st.date_input(
            _("Last day (empty: no end)"), value=version.valid_until, key="mq_moved_day", format="YYYY-MM-DD"
        )
        if st.form_submit_button(_("Save")):
            with db.session_scope() as store:
                authoring.set_last_day(store, actor, version.id, day)
            shell.said(_("The last day was moved."))
            navigation.go(navigation.QUESTIONNAIRES, version=str(version.id))


def area_names(area_codes: Sequence[str]) -> dict[str, str]:
    """The names of areas."""
    with db.reading() as store:
        return register.names(store, area_codes)
