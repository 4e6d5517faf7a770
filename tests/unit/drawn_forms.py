"""Forms in a few rows for tests of drawing, and fillings of them."""

from __future__ import annotations

from datetime import UTC, datetime

from survey.questionnaires import xform, xlsform
from survey.questionnaires.engine import Context, Instance

INSTANCE_ID = "uuid:11111111-2222-3333-4444-555555555555"
COLUMNS = ("type", "name", "label", "appearance", "required", "parameters", "relevant", "constraint")


def form_of(*rows: str, choices: tuple[str, ...] = (), settings: str = "test") -> xform.Form:
    """A form from the rows of its survey sheet (`COLUMNS`, the last may be left out); choices as `list|name|label`."""
    table = "\n".join(f"| | {' | '.join(_cells(row))} |" for row in rows)
    listed = "\n".join(f"| | {' | '.join(row.split('|'))} |" for row in (*choices, "yn|yes|Yes", "yn|no|No"))
    source = (
        f"| survey |{' |' * len(COLUMNS)}\n| | {' | '.join(COLUMNS)} |\n{table}\n"
        f"| choices | | | |\n| | list_name | name | label |\n{listed}\n"
        f"| settings | | |\n| | form_title | form_id | version |\n| | Test | {settings} | 1 |\n"
    )
    return xform.parse_form(xlsform.compile_form(source).xform)


def started(form: xform.Form) -> Instance:
    return Instance.new(form, Context(now=lambda: datetime(2026, 5, 6, tzinfo=UTC)), instance_id=INSTANCE_ID)


def _cells(row: str) -> list[str]:
    cells = [cell.strip() for cell in row.split("|")]
    return [*cells, *([""] * (len(COLUMNS) - len(cells)))][: len(COLUMNS)]
