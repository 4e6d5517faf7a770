"""Numbers of cases: `511922125-2026-000123`, one series per township and year, without gaps.

Owns drawing the next number inside the caller's transaction: one statement that inserts or adds, whose row lock
keeps two concurrent takers apart on PostgreSQL, and SQLite's write lock does there. What is undone gives its
number back. Refuses nothing.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from models import NumberSeries

_TOWNSHIP_DIGITS = 9


def next_number(session: Session, area_code: str, year: int) -> str:
    """Draw the next case number of the area's township and that year."""
    prefix = f"{area_code[:_TOWNSHIP_DIGITS]}-{year}"
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    insert: Any = postgresql.insert if is_postgresql else sqlite.insert
    statement = (
        insert(NumberSeries)
        .values(prefix=prefix, last=1)
        .on_conflict_do_update(index_elements=["prefix"], set_={"last": col(NumberSeries.last) + 1})
        .returning(col(NumberSeries.last))
    )
    last = session.execute(statement).scalar_one()
    return f"{prefix}-{last:06d}"
