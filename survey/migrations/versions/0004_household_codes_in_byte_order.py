"""Household codes in byte order, whatever the order of text of the database.

Revision 0004, after 0003, of 2026-11-24. The way back is the backup made before it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """On PostgreSQL the column gets its collation; its unique index is made anew with it. SQLite orders by bytes."""
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("household", "code", type_=sa.String(24, collation="C"), existing_nullable=False)
