"""Reviewed submissions: versions of a filling, remarks and decisions on it, and conflicts of updates.

Revision 0003, after 0002, of 2026-11-24. The way back is the backup made before it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels = None
depends_on = None

_SUBMISSION_KEPT = (
    "instance_id",
    "version_id",
    "cadre_id",
    "household_id",
    "area_code",
    "source",
    "device",
    "started_at",
    "received_at",
    "payload_hash",
    "corrects_id",
    "first_id",
)
_REVIEW_KEPT = (
    "id",
    "filling_id",
    "instance_id",
    "collector_id",
    "area_code",
    "kind",
    "state",
    "cadre_id",
    "at",
)
_TOMBSTONE_ONLY = "a submission is never changed, but for the tombstone of its payload"
_WORDS_ONLY = "a review is never changed, but for the tombstone of its words"
_NEVER_DELETED = (
    ("submission_review", "a review is never deleted"),
    ("update_conflict", "a conflict is never deleted"),
)


def upgrade() -> None:
    """Columns are added in place, so that what is immutable is not rebuilt; its guard learns of them."""
    for table, column in (
        ("submission", "corrects_id"),
        ("submission", "first_id"),
        ("draft", "corrects_id"),
    ):
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN {column} VARCHAR(64) "
            f"CONSTRAINT fk_{table}_{column} REFERENCES submission (instance_id)"
        )
    op.create_index("uq_submission_corrects_id", "submission", ["corrects_id"], unique=True)
    op.create_index(op.f("ix_submission_first_id"), "submission", ["first_id"], unique=False)
    op.create_index("ix_submission_received_at", "submission", ["received_at"], unique=False)
    _create_reviews()
    _create_conflicts()
    _guard()


def _create_reviews() -> None:
    name = "submission_review"
    op.create_table(
        name,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("filling_id", sa.String(64), nullable=False),
        sa.Column("instance_id", sa.String(64), nullable=False),
        sa.Column("collector_id", sa.Integer(), nullable=False),
        sa.Column("area_code", sa.String(), nullable=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("words", sa.LargeBinary(), nullable=True),
        sa.Column("cadre_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        _reference(name, "filling_id", "submission.instance_id"),
        _reference(name, "instance_id", "submission.instance_id"),
        _reference(name, "collector_id", "cadre.id"),
        _reference(name, "area_code", "area.code"),
        _reference(name, "cadre_id", "cadre.id"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    op.create_index("ix_submission_review_filling", name, ["filling_id", "id"], unique=False)
    op.create_index("ix_submission_review_collector", name, ["collector_id", "state"], unique=False)
    op.create_index("ix_submission_review_state", name, ["state", "area_code"], unique=False)


def _create_conflicts() -> None:
    name = "update_conflict"
    op.create_table(
        name,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("instance_id", sa.String(64), nullable=False),
        sa.Column("household_id", sa.String(), nullable=False),
        sa.Column("area_code", sa.String(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("record_kind", sa.String(40), nullable=False),
        sa.Column("record_id", sa.String(36), nullable=False),
        sa.Column("field", sa.String(60), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=False),
        sa.Column("found_version", sa.Integer(), nullable=False),
        sa.Column("sent_value", sa.LargeBinary(), nullable=False),
        sa.Column("kept_value", sa.LargeBinary(), nullable=False),
        sa.Column("noted_at", sa.DateTime(), nullable=False),
        sa.Column("chosen", sa.String(40), nullable=True),
        sa.Column("resolved_at", sa.DateTime(), nullable=True),
        sa.Column("resolved_by_id", sa.Integer(), nullable=True),
        _reference(name, "instance_id", "submission.instance_id"),
        _reference(name, "household_id", "household.id"),
        _reference(name, "area_code", "area.code"),
        _reference(name, "resolved_by_id", "cadre.id"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    op.create_index("ix_update_conflict_open", name, ["resolved_at", "area_code"], unique=False)
    op.create_index(op.f("ix_update_conflict_instance_id"), name, ["instance_id"], unique=False)
    op.create_index(op.f("ix_update_conflict_household_id"), name, ["household_id"], unique=False)


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))


def _guard() -> None:
    """Triggers that keep versions and reviews as they are, on both databases."""
    if op.get_bind().dialect.name == "postgresql":
        same, each = "IS NOT DISTINCT FROM", "FOR EACH ROW "
        act = "EXECUTE FUNCTION minqing_refuse('{}')"
        op.execute("DROP TRIGGER submission_tombstone_only ON submission")
    else:
        same, each, act = "IS", "", "BEGIN SELECT RAISE(ABORT, '{}'); END"
        op.execute("DROP TRIGGER submission_tombstone_only")
    for table, emptied, columns, words in (
        ("submission", "payload", _SUBMISSION_KEPT, _TOMBSTONE_ONLY),
        ("submission_review", "words", _REVIEW_KEPT, _WORDS_ONLY),
    ):
        kept = " AND ".join(f"NEW.{column} {same} OLD.{column}" for column in columns)
        op.execute(
            f"CREATE TRIGGER {table}_tombstone_only BEFORE UPDATE ON {table} {each}"
            f"WHEN (NOT (NEW.{emptied} IS NULL AND {kept})) {act.format(words)}"
        )
    for table, words in _NEVER_DELETED:
        op.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {each}{act.format(words)}")
