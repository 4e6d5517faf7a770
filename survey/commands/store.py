"""`minqing check`, `backup` and `restore`: keeping the store.

Owns what these commands print and their exit status. The work is in `survey.store_checks`, `survey.backups` and
`survey.restoring`. Refuses nothing of its own.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import click

from survey import backups, crypto, db, opening, restoring, store_checks, upgrades
from survey.access import audit
from survey.commands import frame
from survey.config import Settings
from survey.i18n import gettext as _
from survey.i18n import moment
from survey.problems import Problem

_SHOWN = 20
_MEGABYTE = 1024 * 1024


@frame.command("check")
def check() -> int:
    """Verify the audit trail and everything else that must be true of the store.

    Prints what is broken; exit status 1 when something is, 0 when nothing is.
    """
    with frame.opened():
        with db.reading() as session:
            found = list(store_checks.findings(session, frame.operator()))
        if not found:
            with db.session_scope() as session:
                audit.mark(session)
    for what, group in groupby(found, key=lambda finding: finding.what):
        records = [finding.record for finding in group]
        for record in records[:_SHOWN]:
            frame.warn(f"{what}: {record}")
        if len(records) > _SHOWN:
            frame.warn(f"{what}: " + _("and {n} more", n=len(records) - _SHOWN))
    if found:
        frame.warn(_("{n} things are broken; the newest good backup can be restored.", n=len(found)))
        return 1
    frame.say(_("The store is in order: {n} checks passed.", n=len(store_checks.CHECKS)))
    return 0


@frame.command("backup")
@click.option(
    "--out", required=True, metavar="FILE", type=click.Path(path_type=Path), help="The file to write."
)
def backup(out: Path) -> None:
    """Write the whole store to one file while others go on working.

    The file does not hold the key; keep a copy of the key somewhere else.
    """
    settings = frame.settings()
    with opening.database(settings) as engine:
        if upgrades.is_current(engine):
            _record(settings, action="store.backup", details={})
        summary = backups.write(engine, settings, out)
    frame.say(
        _(
            "Backup written: {path} ({mb} MB, {rows} rows, {attachments} attachments).",
            path=summary.path,
            mb=round(summary.size_bytes / _MEGABYTE, 1),
            rows=summary.rows,
            attachments=summary.attachments,
        )
    )
    frame.say(
        _("The key {path} is not in it: keep a copy of the key in another place.", path=settings.key_path)
    )


@frame.command("restore")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Replace the store that is there.")
def restore(file: Path, replace: bool) -> None:
    """Make the store what a backup holds, all or nothing.

    Needs an empty data folder, or --replace; stop the program before.
    """
    settings = frame.settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    summary = restoring.restore(settings, file, replacing=replace)
    _record(settings, action="store.restore", details={"made_at": summary.made_at.isoformat()})
    frame.say(
        _(
            "Restored the backup of {moment}: {rows} rows, {attachments} attachments.",
            moment=moment(summary.made_at),
            rows=summary.rows,
            attachments=summary.attachments,
        )
    )
    if not _key_fits(settings, summary.key_fingerprint):
        frame.warn(
            _(
                "The key {path} is missing or another one: before you serve, put the store's own key there or name it with --key.",
                path=settings.key_path,
            )
        )


def _record(settings: Settings, *, action: str, details: dict[str, object]) -> None:
    """An audit entry of the operator, which needs no key."""
    engine = db.engine_for(settings)
    db.use(db.Store(settings, engine))
    try:
        with db.session_scope() as session:
            audit.append(session, frame.operator(), action, kind="store", details=details)
    finally:
        db.use(None)
        engine.dispose()


def _key_fits(settings: Settings, fingerprint: str | None) -> bool:
    try:
        return fingerprint is None or crypto.load_key(settings.key_path).fingerprint == fingerprint
    except Problem:
        return False
