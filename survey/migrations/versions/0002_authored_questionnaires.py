"""Authored questionnaires: drafts, the posts and areas a version is for, its source file and attached files.

Revision 0002, after 0001, of 2026-11-24. The way back is the backup made before it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels = None
depends_on = None

_VERSION = "questionnaire_version"

# What a published version is; its last day, its state and the day it was withdrawn may change.
_KEPT = (
    "id",
    "questionnaire_id",
    "version",
    "source",
    "xform",
    "sha256",
    "published_at",
    "valid_from",
    "due",
    "area_code",
    "source_file",
)
_UNCHANGED = "a published version of a questionnaire is never changed"
_NEVER_DELETED = "a published version of a questionnaire is never deleted"


def upgrade() -> None:
    """Columns are added in place: what submissions refer to is not rebuilt."""
    op.add_column(_VERSION, sa.Column("state", sa.String(40), server_default="published", nullable=False))
    op.add_column(_VERSION, sa.Column("due", sa.String(40), server_default="nobody", nullable=False))
    _add_reference("area_code", "VARCHAR", "area", "code")
    _add_reference("cadre_id", "INTEGER", "cadre", "id")
    op.add_column(_VERSION, sa.Column("source_name", sa.String(200), server_default="", nullable=False))
    op.add_column(_VERSION, sa.Column("source_file", sa.LargeBinary(), nullable=True))
    op.add_column(_VERSION, sa.Column("withdrawn_at", sa.DateTime(), nullable=True))
    for name, column, kind, target in (
        ("questionnaire_area", "area_code", sa.String(), "area.code"),
        ("questionnaire_post", "post", sa.String(40), ""),
    ):
        op.create_table(
            name,
            sa.Column("version_id", sa.Integer(), nullable=False),
            sa.Column(column, kind, nullable=False),
            sa.ForeignKeyConstraint(["version_id"], [f"{_VERSION}.id"], name=op.f(f"fk_{name}_version_id")),
            *(
                [sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{name}_{column}"))]
                if target
                else []
            ),
            sa.PrimaryKeyConstraint("version_id", column, name=op.f(f"pk_{name}")),
        )
    op.create_table(
        "questionnaire_file",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], [f"{_VERSION}.id"], name=op.f("fk_questionnaire_file_version_id")
        ),
        sa.PrimaryKeyConstraint("version_id", "name", name=op.f("pk_questionnaire_file")),
    )
    _guard_published()


def _guard_published() -> None:
    """Triggers that keep a published definition as it is, on both databases."""
    if op.get_bind().dialect.name == "postgresql":
        same, each = "IS NOT DISTINCT FROM", "FOR EACH ROW "
        act = "EXECUTE FUNCTION minqing_refuse('{}')"
    else:
        same, each, act = "IS", "", "BEGIN SELECT RAISE(ABORT, '{}'); END"
    kept = " AND ".join(f"NEW.{column} {same} OLD.{column}" for column in _KEPT)
    op.execute(
        f"CREATE TRIGGER {_VERSION}_unchanged BEFORE UPDATE ON {_VERSION} {each}"
        f"WHEN (OLD.state <> 'draft' AND NOT (NEW.state <> 'draft' AND {kept})) {act.format(_UNCHANGED)}"
    )
    op.execute(
        f"CREATE TRIGGER {_VERSION}_no_delete BEFORE DELETE ON {_VERSION} {each}"
        f"WHEN (OLD.state <> 'draft') {act.format(_NEVER_DELETED)}"
    )


def _add_reference(column: str, kind: str, table: str, key: str) -> None:
    """A column with its foreign key, which SQLite only adds in one statement."""
    op.execute(
        f"ALTER TABLE {_VERSION} ADD COLUMN {column} {kind} "
        f"CONSTRAINT fk_{_VERSION}_{column} REFERENCES {table} ({key})"
    )
