"""Devices: tablets with a token of their own, of which only hashes are kept.

Revision 0005, after 0004, of 2026-11-24. The way back is the backup made before it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table of its own; nothing else changes."""
    op.create_table(
        "device",
        sa.Column("id", sa.String(20), nullable=False),
        sa.Column("cadre_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("scope", sa.String(40), nullable=False),
        sa.Column("area_code", sa.String(), nullable=True),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("digest_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["cadre_id"], ["cadre.id"], name=op.f("fk_device_cadre_id")),
        sa.ForeignKeyConstraint(["area_code"], ["area.code"], name=op.f("fk_device_area_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
    )
    op.create_index(op.f("ix_device_cadre_id"), "device", ["cadre_id"])
