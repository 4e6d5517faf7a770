"""`minqing snapshot`: a de-identified copy for notebooks.

Owns the option and what is printed. The work is in `survey.analysis.snapshot`. Refuses nothing of its own.
"""

from __future__ import annotations

from pathlib import Path

import click

from survey import db
from survey.analysis import snapshot as snapshots
from survey.commands import frame
from survey.i18n import gettext as _


@frame.command("snapshot")
@click.option(
    "--out", required=True, metavar="DIR", type=click.Path(path_type=Path), help="An empty or new folder."
)
def snapshot(out: Path) -> None:
    """Write a de-identified snapshot for notebooks, as parquet files.

    It holds no names, numbers, exact places or free text. Who made it is kept in the audit trail.
    """
    # The entry is committed first, then read without the write lock: nobody's saving waits for the files.
    with frame.opened():
        with db.session_scope() as session:
            announcement = snapshots.announce(session, frame.operator())
        with db.reading() as session:
            made = snapshots.export(session, frame.operator(), announcement, out)
    frame.say(
        _(
            "Snapshot written: {path} ({households} households, {visits} visits).",
            path=made.folder,
            households=made.counts["households"],
            visits=made.counts["visits"],
        )
    )
