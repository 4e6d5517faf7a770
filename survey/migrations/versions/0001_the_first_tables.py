"""The first tables.

Revision 0001, after nothing, of 2026-11-22. The way back is the backup made before it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0001"
down_revision: str | None = None
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_BYTE_ORDERED = sa.String().with_variant(sa.String(collation="C"), "postgresql")


# The one change of a submission that the law asks for (erasure, 个人信息保护法 47): its payload goes, the rest stays.
_KEPT = (
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
)
_NEVER = (
    ("audit_entry", "UPDATE", "an audit entry is never changed"),
    ("audit_entry", "DELETE", "an audit entry is never deleted"),
    ("submission", "DELETE", "a submission is never deleted"),
)
_TOMBSTONE_ONLY = "a submission is never changed, but for the tombstone of its payload"


def _guard_the_past() -> None:
    """Triggers that refuse what would rewrite the past, on both databases."""
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _guard_sqlite() -> None:
    for table, act, words in _NEVER:
        op.execute(
            f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
        )
    same = " AND ".join(f"NEW.{column} IS OLD.{column}" for column in _KEPT)
    op.execute(
        "CREATE TRIGGER submission_tombstone_only BEFORE UPDATE ON submission "
        f"WHEN NOT (NEW.payload IS NULL AND {same}) "
        f"BEGIN SELECT RAISE(ABORT, '{_TOMBSTONE_ONLY}'); END"
    )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION minqing_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    for table, act, words in _NEVER:
        op.execute(
            f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION minqing_refuse('{words}')"
        )
    for table in ("audit_entry", "submission"):
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION minqing_refuse('{table} is never emptied')"
        )
    same = " AND ".join(f"NEW.{column} IS NOT DISTINCT FROM OLD.{column}" for column in _KEPT)
    op.execute(
        "CREATE TRIGGER submission_tombstone_only BEFORE UPDATE ON submission FOR EACH ROW "
        f"WHEN (NOT (NEW.payload IS NULL AND {same})) "
        f"EXECUTE FUNCTION minqing_refuse('{_TOMBSTONE_ONLY}')"
    )


def upgrade() -> None:
    """The first tables."""
    op.create_table(
        "area",
        sa.Column("code", sa.String(14), nullable=False),
        sa.Column("level", sa.String(40), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("short_name", sa.String(), nullable=False),
        sa.Column("parent_code", sa.String(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("successor_code", sa.String(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["parent_code"], ["area.code"], name=op.f("fk_area_parent_code")),
        sa.ForeignKeyConstraint(["successor_code"], ["area.code"], name=op.f("fk_area_successor_code")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_area")),
    )
    op.create_index(op.f("ix_area_parent_code"), "area", ["parent_code"], unique=False)
    op.create_table(
        "audit_entry",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("actor", sa.String(80), nullable=False),
        sa.Column("cadre_id", sa.Integer(), nullable=True),
        sa.Column("action", sa.String(60), nullable=False),
        sa.Column("object_kind", sa.String(40), nullable=False),
        sa.Column("object_id", sa.String(80), nullable=False),
        sa.Column("area_code", sa.String(14), nullable=False),
        sa.Column("result", sa.String(40), nullable=False),
        sa.Column("details", _JSON, nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_entry")),
    )
    op.create_index(op.f("ix_audit_entry_cadre_id"), "audit_entry", ["cadre_id"], unique=False)
    op.create_index("ix_audit_entry_area", "audit_entry", ["area_code", "sequence"], unique=False)
    op.create_index("ix_audit_entry_object", "audit_entry", ["object_kind", "object_id"], unique=False)
    op.create_table(
        "cadre",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(40), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column("failed_sign_ins", sa.Integer(), nullable=False),
        sa.Column("refused_until_at", sa.DateTime(), nullable=True),
        sa.Column("locked_at", sa.DateTime(), nullable=True),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("text_size", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cadre")),
        sa.UniqueConstraint("username", name=op.f("uq_cadre_username")),
    )
    op.create_table(
        "number_series",
        sa.Column("prefix", sa.String(40), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("prefix", name=op.f("pk_number_series")),
    )
    op.create_table(
        "questionnaire",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("form_id", sa.String(80), nullable=False),
        sa.Column("title_zh", sa.String(), nullable=False),
        sa.Column("title_en", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_questionnaire")),
        sa.UniqueConstraint("form_id", name=op.f("uq_questionnaire_form_id")),
    )
    op.create_table(
        "store_fact",
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_store_fact")),
    )
    op.create_table(
        "account_session",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("cadre_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("device", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["cadre_id"], ["cadre.id"], name=op.f("fk_account_session_cadre_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_account_session")),
    )
    op.create_index(op.f("ix_account_session_cadre_id"), "account_session", ["cadre_id"], unique=False)
    op.create_table(
        "attachment",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("instance_id", sa.String(64), nullable=False),
        sa.Column("question", sa.String(200), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("media_type", sa.String(60), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=True),
        sa.Column("height_px", sa.Integer(), nullable=True),
        sa.Column("cadre_id", sa.Integer(), nullable=False),
        sa.Column("area_code", sa.String(), nullable=True),
        sa.Column("stored_at", sa.DateTime(), nullable=False),
        sa.Column("taken_at", sa.DateTime(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["area_code"], ["area.code"], name=op.f("fk_attachment_area_code")),
        sa.ForeignKeyConstraint(["cadre_id"], ["cadre.id"], name=op.f("fk_attachment_cadre_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
        sa.UniqueConstraint("instance_id", "name", name=op.f("uq_attachment_instance_id_name")),
    )
    op.create_index(op.f("ix_attachment_instance_id"), "attachment", ["instance_id"], unique=False)
    op.create_index(op.f("ix_attachment_sha256"), "attachment", ["sha256"], unique=False)
    op.create_table(
        "household",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("code", sa.String(24), nullable=False),
        sa.Column("area_code", sa.String(), nullable=False),
        sa.Column("head_name", _BYTE_ORDERED, nullable=False),
        sa.Column("head_pinyin", _BYTE_ORDERED, nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("phone_hash", sa.String(64), nullable=True),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("accuracy_m", sa.Float(), nullable=True),
        sa.Column("place_source", sa.String(40), nullable=True),
        sa.Column("place_on", sa.Date(), nullable=True),
        sa.Column("housing", sa.String(), nullable=True),
        sa.Column("water_source", sa.String(), nullable=True),
        sa.Column("medical_insurance", sa.String(), nullable=True),
        sa.Column("children_in_school", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("field_versions", _JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["area_code"], ["area.code"], name=op.f("fk_household_area_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household")),
        sa.UniqueConstraint("code", name=op.f("uq_household_code")),
    )
    op.create_index(op.f("ix_household_area_code"), "household", ["area_code"], unique=False)
    op.create_index("ix_household_area_head", "household", ["area_code", "head_pinyin", "id"], unique=False)
    op.create_index("ix_household_area_name", "household", ["area_code", "head_name"], unique=False)
    op.create_index("ix_household_head_name", "household", ["head_name"], unique=False)
    op.create_index("ix_household_head_pinyin", "household", ["head_pinyin"], unique=False)
    op.create_index(op.f("ix_household_phone_hash"), "household", ["phone_hash"], unique=False)
    op.create_table(
        "posting",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cadre_id", sa.Integer(), nullable=False),
        sa.Column("post", sa.String(40), nullable=False),
        sa.Column("area_code", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["area_code"], ["area.code"], name=op.f("fk_posting_area_code")),
        sa.ForeignKeyConstraint(["cadre_id"], ["cadre.id"], name=op.f("fk_posting_cadre_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posting")),
    )
    op.create_index(op.f("ix_posting_area_code"), "posting", ["area_code"], unique=False)
    op.create_index(op.f("ix_posting_cadre_id"), "posting", ["cadre_id"], unique=False)
    op.create_table(
        "questionnaire_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("questionnaire_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(40), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("xform", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("published_at", sa.DateTime(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["questionnaire_id"], ["questionnaire.id"], name=op.f("fk_questionnaire_version_questionnaire_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_questionnaire_version")),
        sa.UniqueConstraint(
            "questionnaire_id", "version", name=op.f("uq_questionnaire_version_questionnaire_id_version")
        ),
    )
    op.create_index(
        op.f("ix_questionnaire_version_questionnaire_id"),
        "questionnaire_version",
        ["questionnaire_id"],
        unique=False,
    )
    op.create_table(
        "assignment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cadre_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("area_code", sa.String(), nullable=False),
        sa.Column("household_id", sa.String(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["area_code"], ["area.code"], name=op.f("fk_assignment_area_code")),
        sa.ForeignKeyConstraint(["cadre_id"], ["cadre.id"], name=op.f("fk_assignment_cadre_id")),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_assignment_household_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
    )
    op.create_index(op.f("ix_assignment_area_code"), "assignment", ["area_code"], unique=False)
    op.create_index(op.f("ix_assignment_cadre_id"), "assignment", ["cadre_id"], unique=False)
    op.create_index(op.f("ix_assignment_household_id"), "assignment", ["household_id"], unique=False)
    op.create_table(
        "case",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("number", sa.String(30), nullable=False),
        sa.Column("area_code", sa.String(), nullable=False),
        sa.Column("household_id", sa.String(), nullable=True),
        sa.Column("category", sa.String(40), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=True),
        sa.Column("words", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("rule_on", sa.Date(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column("first_handler_id", sa.Integer(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["area_code"], ["area.code"], name=op.f("fk_case_area_code")),
        sa.ForeignKeyConstraint(["first_handler_id"], ["cadre.id"], name=op.f("fk_case_first_handler_id")),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_case_household_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["cadre.id"], name=op.f("fk_case_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case")),
        sa.UniqueConstraint("number", name=op.f("uq_case_number")),
    )
    op.create_index("ix_case_household", "case", ["household_id", "category", "closed_on"], unique=False)
    op.create_index("ix_case_open", "case", ["closed_on", "area_code", "due_on"], unique=False)
    op.create_index("ix_case_open_category", "case", ["closed_on", "category", "area_code"], unique=False)
    op.create_index("ix_case_open_due", "case", ["closed_on", "due_on", "area_code"], unique=False)
    op.create_index("ix_case_owner", "case", ["owner_id", "closed_on", "due_on"], unique=False)
    op.create_table(
        "draft",
        sa.Column("instance_id", sa.String(64), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("cadre_id", sa.Integer(), nullable=False),
        sa.Column("household_id", sa.String(), nullable=True),
        sa.Column("area_code", sa.String(), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["area_code"], ["area.code"], name=op.f("fk_draft_area_code")),
        sa.ForeignKeyConstraint(["cadre_id"], ["cadre.id"], name=op.f("fk_draft_cadre_id")),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_draft_household_id")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["questionnaire_version.id"], name=op.f("fk_draft_version_id")
        ),
        sa.PrimaryKeyConstraint("instance_id", name=op.f("pk_draft")),
    )
    op.create_index(op.f("ix_draft_cadre_id"), "draft", ["cadre_id"], unique=False)
    op.create_index(op.f("ix_draft_household_id"), "draft", ["household_id"], unique=False)
    op.create_table(
        "hardship_file",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("household_id", sa.String(), nullable=False),
        sa.Column("area_code", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("main_cause", sa.String(), nullable=False),
        sa.Column("causes", _JSON, nullable=False),
        sa.Column("needs", sa.LargeBinary(), nullable=True),
        sa.Column("measures", _JSON, nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("next_contact_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("field_versions", _JSON, nullable=False),
        sa.ForeignKeyConstraint(["area_code"], ["area.code"], name=op.f("fk_hardship_file_area_code")),
        sa.ForeignKeyConstraint(
            ["household_id"], ["household.id"], name=op.f("fk_hardship_file_household_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hardship_file")),
    )
    op.create_index("ix_hardship_file_area", "hardship_file", ["area_code", "closed_on"], unique=False)
    op.create_index(
        "ix_hardship_file_due", "hardship_file", ["closed_on", "next_contact_on", "area_code"], unique=False
    )
    op.create_index(op.f("ix_hardship_file_household_id"), "hardship_file", ["household_id"], unique=False)
    op.create_index(
        "uq_hardship_file_one_open",
        "hardship_file",
        ["household_id"],
        unique=True,
        sqlite_where=sa.text("closed_on IS NULL"),
        postgresql_where=sa.text("closed_on IS NULL"),
    )
    op.create_table(
        "member",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("household_id", sa.String(), nullable=False),
        sa.Column("area_code", sa.String(), nullable=False),
        sa.Column("name", _BYTE_ORDERED, nullable=False),
        sa.Column("pinyin", _BYTE_ORDERED, nullable=False),
        sa.Column("relation", sa.String(2), nullable=False),
        sa.Column("sex", sa.String(1), nullable=False),
        sa.Column("birth_on", sa.Date(), nullable=True),
        sa.Column("id_number", sa.LargeBinary(), nullable=True),
        sa.Column("id_hash", sa.String(64), nullable=True),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("phone_hash", sa.String(64), nullable=True),
        sa.Column("ethnic_group", sa.String(2), nullable=True),
        sa.Column("education", sa.String(2), nullable=True),
        sa.Column("residence", sa.String(40), nullable=False),
        sa.Column("health_note", sa.LargeBinary(), nullable=True),
        sa.Column("left_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["area_code"], ["area.code"], name=op.f("fk_member_area_code")),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_member_household_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member")),
    )
    op.create_index(op.f("ix_member_area_code"), "member", ["area_code"], unique=False)
    op.create_index(op.f("ix_member_household_id"), "member", ["household_id"], unique=False)
    op.create_index(op.f("ix_member_id_hash"), "member", ["id_hash"], unique=False)
    op.create_index(op.f("ix_member_name"), "member", ["name"], unique=False)
    op.create_index(op.f("ix_member_phone_hash"), "member", ["phone_hash"], unique=False)
    op.create_index("ix_member_area_name", "member", ["area_code", "name"], unique=False)
    op.create_index("ix_member_area_pinyin", "member", ["area_code", "pinyin"], unique=False)
    op.create_index(op.f("ix_member_pinyin"), "member", ["pinyin"], unique=False)
    op.create_index(
        "uq_member_one_head",
        "member",
        ["household_id"],
        unique=True,
        sqlite_where=sa.text("relation = '02' AND left_on IS NULL"),
        postgresql_where=sa.text("relation = '02' AND left_on IS NULL"),
    )
    op.create_table(
        "submission",
        sa.Column("instance_id", sa.String(64), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("cadre_id", sa.Integer(), nullable=False),
        sa.Column("household_id", sa.String(), nullable=True),
        sa.Column("area_code", sa.String(), nullable=True),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=True),
        sa.Column("received_at", sa.DateTime(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("payload_hash", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["area_code"], ["area.code"], name=op.f("fk_submission_area_code")),
        sa.ForeignKeyConstraint(["cadre_id"], ["cadre.id"], name=op.f("fk_submission_cadre_id")),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_submission_household_id")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["questionnaire_version.id"], name=op.f("fk_submission_version_id")
        ),
        sa.PrimaryKeyConstraint("instance_id", name=op.f("pk_submission")),
    )
    op.create_index(op.f("ix_submission_area_code"), "submission", ["area_code"], unique=False)
    op.create_index(op.f("ix_submission_cadre_id"), "submission", ["cadre_id"], unique=False)
    op.create_index(op.f("ix_submission_household_id"), "submission", ["household_id"], unique=False)
    op.create_index(op.f("ix_submission_version_id"), "submission", ["version_id"], unique=False)
    op.create_table(
        "case_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("from_state", sa.String(40), nullable=True),
        sa.Column("to_state", sa.String(40), nullable=False),
        sa.Column("acted_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(), nullable=False),
        sa.Column("cadre_id", sa.Integer(), nullable=True),
        sa.Column("instance_id", sa.String(64), nullable=True),
        sa.Column("words", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["cadre_id"], ["cadre.id"], name=op.f("fk_case_step_cadre_id")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_case_step_case_id")),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["submission.instance_id"], name=op.f("fk_case_step_instance_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_step")),
    )
    op.create_index(op.f("ix_case_step_case_id"), "case_step", ["case_id"], unique=False)
    op.create_table(
        "hardship_contact",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("instance_id", sa.String(64), nullable=False),
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("household_id", sa.String(), nullable=False),
        sa.Column("area_code", sa.String(), nullable=False),
        sa.Column("cadre_id", sa.Integer(), nullable=False),
        sa.Column("contacted_on", sa.Date(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("help_given", _JSON, nullable=False),
        sa.Column("words", sa.LargeBinary(), nullable=True),
        sa.Column("next_contact_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["area_code"], ["area.code"], name=op.f("fk_hardship_contact_area_code")),
        sa.ForeignKeyConstraint(["cadre_id"], ["cadre.id"], name=op.f("fk_hardship_contact_cadre_id")),
        sa.ForeignKeyConstraint(["file_id"], ["hardship_file.id"], name=op.f("fk_hardship_contact_file_id")),
        sa.ForeignKeyConstraint(
            ["household_id"], ["household.id"], name=op.f("fk_hardship_contact_household_id")
        ),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["submission.instance_id"], name=op.f("fk_hardship_contact_instance_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hardship_contact")),
    )
    op.create_index(op.f("ix_hardship_contact_area_code"), "hardship_contact", ["area_code"], unique=False)
    op.create_index(op.f("ix_hardship_contact_cadre_id"), "hardship_contact", ["cadre_id"], unique=False)
    op.create_index(
        "ix_hardship_contact_file_on", "hardship_contact", ["file_id", "contacted_on"], unique=False
    )
    op.create_index(
        op.f("ix_hardship_contact_household_id"), "hardship_contact", ["household_id"], unique=False
    )
    op.create_index(
        op.f("ix_hardship_contact_instance_id"), "hardship_contact", ["instance_id"], unique=False
    )
    op.create_table(
        "visit",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("instance_id", sa.String(64), nullable=False),
        sa.Column("household_id", sa.String(), nullable=False),
        sa.Column("area_code", sa.String(), nullable=False),
        sa.Column("cadre_id", sa.Integer(), nullable=False),
        sa.Column("visited_on", sa.Date(), nullable=False),
        sa.Column("entered_on", sa.Date(), nullable=False),
        sa.Column("disposition", sa.String(40), nullable=False),
        sa.Column("purpose", sa.String(), nullable=True),
        sa.Column("respondent_id", sa.String(), nullable=True),
        sa.Column("policies_explained", _JSON, nullable=False),
        sa.Column("help_given", _JSON, nullable=False),
        sa.Column("help_words", sa.LargeBinary(), nullable=True),
        sa.Column("satisfaction", sa.String(40), nullable=True),
        sa.Column("diary", sa.LargeBinary(), nullable=True),
        sa.Column("follow_up_on", sa.Date(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("accuracy_m", sa.Float(), nullable=True),
        sa.Column("place_source", sa.String(40), nullable=True),
        sa.ForeignKeyConstraint(["area_code"], ["area.code"], name=op.f("fk_visit_area_code")),
        sa.ForeignKeyConstraint(["cadre_id"], ["cadre.id"], name=op.f("fk_visit_cadre_id")),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_visit_household_id")),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["submission.instance_id"], name=op.f("fk_visit_instance_id")
        ),
        sa.ForeignKeyConstraint(["respondent_id"], ["member.id"], name=op.f("fk_visit_respondent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit")),
        sa.UniqueConstraint("instance_id", name=op.f("uq_visit_instance_id")),
    )
    op.create_index("ix_visit_area_on", "visit", ["area_code", "visited_on"], unique=False)
    op.create_index("ix_visit_cadre_follow_up", "visit", ["cadre_id", "follow_up_on"], unique=False)
    op.create_index("ix_visit_cadre_on", "visit", ["cadre_id", "visited_on"], unique=False)
    op.create_index("ix_visit_household_on", "visit", ["household_id", "visited_on"], unique=False)
    op.create_table(
        "observation",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("visit_id", sa.String(), nullable=False),
        sa.Column("household_id", sa.String(), nullable=False),
        sa.Column("area_code", sa.String(), nullable=False),
        sa.Column("observed_on", sa.Date(), nullable=False),
        sa.Column("difficulty", sa.String(40), nullable=False),
        sa.Column("asked", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(40), nullable=True),
        sa.Column("severity", sa.Integer(), nullable=True),
        sa.Column("words", sa.LargeBinary(), nullable=True),
        sa.Column("case_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["area_code"], ["area.code"], name=op.f("fk_observation_area_code")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_observation_case_id")),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_observation_household_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_observation_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_observation")),
        sa.UniqueConstraint("visit_id", "difficulty", name=op.f("uq_observation_visit_id_difficulty")),
    )
    op.create_index(
        "ix_observation_area", "observation", ["area_code", "difficulty", "observed_on"], unique=False
    )
    op.create_index(op.f("ix_observation_case_id"), "observation", ["case_id"], unique=False)
    op.create_index(
        "ix_observation_household", "observation", ["household_id", "difficulty", "observed_on"], unique=False
    )
    _guard_the_past()
