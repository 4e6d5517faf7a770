"""How far a questionnaire is, its answers, and what changed between two versions, as tables on the screen.

Owns how these tables read. A part of the answers is in the browser at a time; files are made on request and recorded.
Refuses to colour or rank persons.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st

from survey import db, i18n
from survey.access.permissions import Actor
from survey.i18n import gettext as _
from survey.questionnaires import authoring, progress, results, version_comparison
from survey.questionnaires.authoring import Version
from survey.questionnaires.version_comparison import Aspect, Fate, Fit, QuestionChange
from survey.ui import shell, wording

_MIMES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
    "zip": "application/zip",
}
_LONGEST = 80
_ONLY_IN_FILES = ("instance_id", "area_code")


def table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], numbers: frozenset[int] = frozenset()
) -> None:
    """A plain table that scrolls sideways; `numbers` are the columns set to the right."""
    head = "".join(
        f"<th{' class=mq-number' if at in numbers else ''}>{wording.escaped(heading)}</th>"
        for at, heading in enumerate(headings)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{' class=mq-number' if at in numbers else ''}>{wording.escaped(text)}</td>"
            for at, text in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    st.html(
        "<style>.mq-table{overflow-x:auto}.mq-table table{border-collapse:collapse;min-width:100%}"
        ".mq-table th,.mq-table td{padding:.45rem .7rem;border-bottom:1px solid #d9dee5;text-align:left;"
        "vertical-align:top;max-width:22rem}.mq-table th{background:#f1f4f8;white-space:nowrap}"
        ".mq-table td{min-width:6.5rem;overflow-wrap:anywhere}.mq-table .mq-number{text-align:right}</style>"
        f'<div class="mq-table" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def show_progress(actor: Actor, version: Version) -> None:
    """Households asked of those due, by village."""
    with db.reading() as store:
        villages = progress.of_version(store, actor, version.id)
    if not villages:
        shell.empty(_("Nobody has filled it in yet."))
        return
    due = [village.due for village in villages if village.due is not None]
    done, fillings = sum(v.done for v in villages), sum(v.fillings for v in villages)
    if due:
        st.markdown(
            _(
                "**{done} of {due}** households asked, {n} fillings in all",
                done=done,
                due=sum(due),
                n=fillings,
            )
        )
        st.progress(min(1.0, done / sum(due)) if sum(due) else 0.0)
    else:
        st.markdown(_("**{n}** fillings", n=fillings))
    headings = [_("Village"), _("Households due"), _("Asked"), _("Share"), _("Fillings")]
    rows = [
        [
            village.name,
            "—" if village.due is None else str(village.due),
            "—" if village.due is None else str(village.done),
            f"{village.done / village.due:.0%}" if village.due else "—",
            str(village.fillings),
        ]
        for village in villages
    ]
    table(headings, rows, frozenset({1, 2, 3, 4}))


def show_results(actor: Actor, version: Version) -> None:
    """A part of the answers, the latest first, and files of all of them."""
    name = f"results_{version.id}"
    with db.reading() as store:
        found = results.page(store, actor, version.id, limit=shell.PAGE_SIZE, offset=shell.offset(name))
    if not found.total:
        shell.empty(_("Nobody has filled it in yet."))
        return
    _files(actor, version)
    for shown in found.tables:
        if shown.name:
            st.markdown(f"**{wording.plain(shown.label)}**")
        columns = [column for column in shown.columns if column.asked and column.id not in _ONLY_IN_FILES]
        if shown.name:
            heads = {row["instance_id"]: row["head_name"] for row in found.tables[0].rows}
            table(
                [_("Head of household"), *(column.label for column in columns)],
                (
                    [heads[row["instance_id"]], *(_cell(column, row) for column in columns)]
                    for row in shown.rows
                ),
            )
        else:
            table(
                [column.label for column in columns],
                ([_cell(column, row) for column in columns] for row in shown.rows),
            )
    shell.page_turner(name, found.total)


def _cell(column: results.Column, row: object) -> str:
    value = row.get(column.id, "") if isinstance(row, dict) else ""
    text = column.shown(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _files(actor: Actor, version: Version) -> None:
    st.caption(_("A file holds personal answers of your area; making one is recorded."))
    with st.container(horizontal=True):
        excel = st.button(_("Make an Excel file"), key="mq_make_xlsx", icon=":material/table_view:")
        text = st.button(_("Make a CSV file"), key="mq_make_csv", icon=":material/csv:")
    if not (excel or text):
        return
    with db.session_scope() as store:
        taking = results.take(store, actor, version.id, "xlsx" if excel else "csv")
    with db.reading() as store:
        name, content = results.export(store, actor, taking)
    st.download_button(
        _("Download {name}", name=name), content, name, _MIMES[name.rpartition(".")[2]],
        type="primary", icon=":material/download:", on_click="ignore", key="mq_results_file",
    )  # fmt: skip


def show_comparison(actor: Actor, version: Version, others: Sequence[Version]) -> None:
    """What changed from another version to this one, and which of its answers still fit."""
    if not others:
        shell.empty(_("There is no other version of this questionnaire."))
        return
    older = st.selectbox(
        _("Compare with"), list(others), index=None if len(others) > 1 else 0, key="mq_compare", placeholder=_("Choose one"),
        format_func=lambda other: _("version {version} · {day}", version=other.version, day=i18n.day(i18n.local(other.published_at).date())),
    )  # fmt: skip
    if older is None:
        return
    with db.reading() as store:
        old, new = authoring.form(store, actor, older.id), authoring.form(store, actor, version.id)
    changes = version_comparison.compare(old, new, i18n.language())
    counts = {fate: sum(change.fate is fate for change in changes) for fate in Fate}
    st.markdown(
        _(
            "{added} questions added, {removed} removed, {changed} changed, {same} unchanged.",
            added=counts[Fate.ADDED], removed=counts[Fate.REMOVED], changed=counts[Fate.CHANGED], same=counts[Fate.SAME],
        )
    )  # fmt: skip
    differing = [change for change in changes if change.fate is not Fate.SAME]
    if not differing:
        st.success(_("All old answers still fit."))
        return
    table(
        [_("Question"), _("Name"), _("What changed"), _("Old answers")],
        [_comparison_row(change) for change in differing],
    )


def _comparison_row(change: QuestionChange) -> list[str]:
    if change.fate is Fate.CHANGED:
        what = "; ".join(
            f"{_aspects()[c.aspect]}: {c.before or '—'} → {c.after or '—'}" for c in change.changes
        )
    else:
        what = _("added") if change.fate is Fate.ADDED else _("removed")
    return [change.label, change.path, what, _fits()[change.fit]]


def _fits() -> dict[Fit, str]:
    return {
        Fit.ALL: _("all fit"),
        Fit.SOME: _("some may not fit"),
        Fit.NONE: _("do not fit"),
        Fit.NO_OLD: _("there are none"),
    }


def _aspects() -> dict[Aspect, str]:
    return {
        Aspect.PLACE: _("group"),
        Aspect.LABEL: _("label"),
        Aspect.HINT: _("hint"),
        Aspect.TYPE: _("type"),
        Aspect.CHOICES: _("choices"),
        Aspect.RELEVANT: _("when it is asked"),
        Aspect.REQUIRED: _("whether it must be answered"),
        Aspect.CONSTRAINT: _("requirement"),
        Aspect.CALCULATION: _("formula"),
        Aspect.SAVE_TO: _("what it writes"),
    }
