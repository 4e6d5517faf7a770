"""The tables and their enums; no behaviour.

Owns what is stored, its constraints and its indexes. Identifiers of things a form may name (households,
members, files, visits, observations, contacts, cases) are UUID texts, the same as their entity id. Dates
end in `_on`, instants in `_at` (UTC). Refuses to know any service: whoever needs a rule looks in `survey`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.orm import registry
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from survey.columns import BYTE_ORDERED, JSON_LIST, EncryptedText, UtcDateTime, enum_type

# One naming scheme, so that migrations can name what they drop.
_METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Base(SQLModel, registry=registry(metadata=_METADATA)):
    """Own registry, so that a module loaded twice does not clash with itself."""


def _uuid() -> str:
    return str(uuid4())


def _now() -> datetime:
    return datetime.now(UTC)


class AreaLevel(StrEnum):
    """Level of an area; its code has 6, 9, 12 or 14 digits."""

    COUNTY = "county"
    TOWNSHIP = "township"
    VILLAGE = "village"
    GROUP = "group"


class Post(StrEnum):
    """Posts of a township and its villages; roles follow from them."""

    GROUP_INFORMANT = "group_informant"
    VILLAGE_COMMITTEE_MEMBER = "village_committee_member"
    VILLAGE_HEAD = "village_head"
    VILLAGE_SECRETARY = "village_secretary"
    STATIONED_CADRE = "stationed_cadre"
    MASS_WORK_DIRECTOR = "mass_work_director"
    MASS_WORK_MEMBER = "mass_work_member"
    PARTY_COMMITTEE_MEMBER = "party_committee_member"
    TOWNSHIP_SECRETARY = "township_secretary"
    TOWNSHIP_MAYOR = "township_mayor"
    ANALYST = "analyst"
    DISCIPLINE_INSPECTOR = "discipline_inspector"
    ADMINISTRATOR = "administrator"


class AssignmentKind(StrEnum):
    """What a cadre is the contact of: a village (包村) or a household (包户)."""

    VILLAGE = "village"
    HOUSEHOLD = "household"


class HouseholdStatus(StrEnum):
    """Whether a household is still visited."""

    ACTIVE = "active"
    MOVED_AWAY = "moved_away"
    DISSOLVED = "dissolved"


class Residence(StrEnum):
    """Where a member lives; not stated until somebody says."""

    AT_HOME = "at_home"
    WORKING_AWAY = "working_away"
    STUDYING_AWAY = "studying_away"
    MOVED_OUT = "moved_out"
    DECEASED = "deceased"
    NOT_STATED = "not_stated"


class PlaceSource(StrEnum):
    """How a place was found."""

    GPS = "gps"
    MAP = "map"
    IMPORT = "import"


class Disposition(StrEnum):
    """How a contact attempt ended."""

    COMPLETED = "completed"
    PARTIAL = "partial"
    NOBODY_HOME = "nobody_home"
    REFUSED = "refused"
    MOVED_AWAY = "moved_away"
    OTHER = "other"


class DifficultyState(StrEnum):
    """State of a difficulty at one visit; never asked is no state."""

    NONE = "none"
    EXISTS = "exists"
    WORSE = "worse"
    BETTER = "better"
    SOLVED = "solved"


class Satisfaction(StrEnum):
    """The villager's own rating."""

    SATISFIED = "satisfied"
    BASICALLY = "basically_satisfied"
    DISSATISFIED = "dissatisfied"
    NOT_ASKED = "not_asked"


class CaseState(StrEnum):
    """Where a matter stands; resolved, replied and closed are three events."""

    TAKEN_IN = "taken_in"
    ACCEPTED = "accepted"
    NOT_ACCEPTED = "not_accepted"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    RESOLVED = "resolved"
    UNRESOLVABLE = "unresolvable"
    REPLIED = "replied"
    CLOSED = "closed"


class StepKind(StrEnum):
    """A dated act on a case."""

    INTAKE = "intake"
    LINK = "link"
    ACCEPT = "accept"
    REFUSE = "refuse"
    ASSIGN = "assign"
    START = "start"
    NOTE = "note"
    MOVE = "move"
    RESOLVE = "resolve"
    GIVE_UP = "give_up"
    REPLY = "reply"
    CLOSE = "close"
    REOPEN = "reopen"


class VersionState(StrEnum):
    """Whether a version of a questionnaire may be filled in: only a published one."""

    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class HouseholdsDue(StrEnum):
    """Which households of its areas a version is to be filled in for."""

    NOBODY = "nobody"
    HARDSHIP = "hardship"
    EVERYBODY = "everybody"


class SubmissionSource(StrEnum):
    """By which way a filling came in."""

    PAGE = "page"
    WORKBOOK = "workbook"
    OPENROSA = "openrosa"
    OFFLINE = "offline"
    DEMO = "demo"


class DeviceScope(StrEnum):
    """What a tablet's token is good for."""

    FILL_IN = "fill_in"
    SEND_ONLY = "send_only"


class ReviewState(StrEnum):
    """How far the office is with a filling; one that nobody reviewed is received."""

    RECEIVED = "received"
    EDITED = "edited"
    HAS_ISSUES = "has_issues"
    APPROVED = "approved"
    REJECTED = "rejected"


class ReviewKind(StrEnum):
    """What a row of a filling's review is: a remark, a decision, or the arrival of a corrected version."""

    COMMENT = "comment"
    DECISION = "decision"
    EDIT = "edit"


class ConflictKind(StrEnum):
    """A stale update: of other fields than those changed meanwhile (applied), or of the same field (not applied)."""

    SOFT = "soft"
    HARD = "hard"


class ConflictChoice(StrEnum):
    """Which of a conflict's two values a person chose."""

    SENT = "sent"
    KEPT = "kept"


class AuditResult(StrEnum):
    """Whether what was tried was done."""

    DONE = "done"
    REFUSED = "refused"


class StoreFact(Base, table=True):
    """Facts about the store itself: is it a demo, which key belongs to it."""

    __tablename__ = "store_fact"
    key: str = Field(primary_key=True, max_length=40)
    value: str


class Area(Base, table=True):
    """A county, township, village or group: its code is the scope, prefix means inside."""

    __tablename__ = "area"
    code: str = Field(primary_key=True, max_length=14)
    level: AreaLevel = Field(sa_type=enum_type(AreaLevel))
    name: str
    short_name: str
    parent_code: str | None = Field(default=None, foreign_key="area.code", index=True)
    valid_from: date
    valid_until: date | None = None
    successor_code: str | None = Field(default=None, foreign_key="area.code")
    lat: float | None = None
    lon: float | None = None
    source: str = ""


class Cadre(Base, table=True):
    """A person with an account."""

    __tablename__ = "cadre"
    id: int | None = Field(default=None, primary_key=True)
    username: str = Field(unique=True, max_length=40)
    name: str
    phone: str | None = Field(default=None, sa_type=EncryptedText("cadre.phone"))
    password_hash: str
    must_change_password: bool = True
    failed_sign_ins: int = 0
    refused_until_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    locked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    language: str = "zh"
    text_size: str = "normal"
    created_at: datetime = Field(default_factory=_now, sa_type=UtcDateTime)


class AccountSession(Base, table=True):
    """A signed-in browser; only the hash of its token is kept."""

    __tablename__ = "account_session"
    token_hash: str = Field(primary_key=True, max_length=64)
    cadre_id: int = Field(foreign_key="cadre.id", index=True)
    created_at: datetime = Field(default_factory=_now, sa_type=UtcDateTime)
    seen_at: datetime = Field(default_factory=_now, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    device: str = ""


class Device(Base, table=True):
    """A tablet that fetches forms and hands in fillings for its owner; of its token only hashes are kept."""

    __tablename__ = "device"
    id: str = Field(primary_key=True, max_length=20)
    cadre_id: int = Field(foreign_key="cadre.id", index=True)
    name: str = Field(max_length=60)
    scope: DeviceScope = Field(sa_type=enum_type(DeviceScope))
    area_code: str | None = Field(default=None, foreign_key="area.code")
    token_hash: str = Field(max_length=64)
    digest_hash: str = Field(sa_type=EncryptedText("device.digest_hash"))
    created_at: datetime = Field(default_factory=_now, sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Posting(Base, table=True):
    """A dated post of a cadre in an area."""

    __tablename__ = "posting"
    id: int | None = Field(default=None, primary_key=True)
    cadre_id: int = Field(foreign_key="cadre.id", index=True)
    post: Post = Field(sa_type=enum_type(Post))
    area_code: str = Field(foreign_key="area.code", index=True)
    starts_on: date
    ends_on: date | None = None


class Household(Base, table=True):
    """A household of the register; what visits learn of its living conditions is kept here."""

    __tablename__ = "household"
    id: str = Field(default_factory=_uuid, primary_key=True, max_length=36)
    code: str = Field(unique=True, sa_type=BYTE_ORDERED)
    area_code: str = Field(foreign_key="area.code", index=True)
    head_name: str = Field(sa_type=BYTE_ORDERED)
    head_pinyin: str = Field(default="", sa_type=BYTE_ORDERED)
    address: str | None = Field(default=None, sa_type=EncryptedText("household.address"))
    phone: str | None = Field(default=None, sa_type=EncryptedText("household.phone"))
    phone_hash: str | None = Field(default=None, index=True, max_length=64)
    status: HouseholdStatus = Field(
        default=HouseholdStatus.ACTIVE,
        sa_type=enum_type(HouseholdStatus),
    )
    lat: float | None = None
    lon: float | None = None
    accuracy_m: float | None = None
    place_source: PlaceSource | None = Field(default=None, sa_type=enum_type(PlaceSource))
    place_on: date | None = None
    housing: str | None = None
    water_source: str | None = None
    medical_insurance: str | None = None
    children_in_school: int | None = None
    version: int = 1
    field_versions: dict[str, int] = Field(default_factory=dict, sa_type=JSON_LIST)
    created_at: datetime = Field(default_factory=_now, sa_type=UtcDateTime)
    updated_at: datetime = Field(default_factory=_now, sa_type=UtcDateTime)

    __table_args__ = (
        Index("ix_household_head_pinyin", "head_pinyin"),
        Index("ix_household_head_name", "head_name"),
        Index("ix_household_area_head", "area_code", "head_pinyin", "id"),
        Index("ix_household_area_name", "area_code", "head_name"),
    )


class Member(Base, table=True):
    """A person of a household."""

    __tablename__ = "member"
    id: str = Field(default_factory=_uuid, primary_key=True, max_length=36)
    household_id: str = Field(foreign_key="household.id", index=True)
    area_code: str = Field(foreign_key="area.code", index=True)
    name: str = Field(index=True, sa_type=BYTE_ORDERED)
    pinyin: str = Field(default="", index=True, sa_type=BYTE_ORDERED)
    relation: str = Field(max_length=2)
    sex: str = Field(max_length=1)
    birth_on: date | None = None
    id_number: str | None = Field(default=None, sa_type=EncryptedText("member.id_number"))
    id_hash: str | None = Field(default=None, index=True, max_length=64)
    phone: str | None = Field(default=None, sa_type=EncryptedText("member.phone"))
    phone_hash: str | None = Field(default=None, index=True, max_length=64)
    ethnic_group: str | None = Field(default=None, max_length=2)
    education: str | None = Field(default=None, max_length=2)
    residence: Residence = Field(default=Residence.NOT_STATED, sa_type=enum_type(Residence))
    health_note: str | None = Field(default=None, sa_type=EncryptedText("member.health_note"))
    left_on: date | None = None
    version: int = 1

    __table_args__ = (
        Index("ix_member_area_name", "area_code", "name"),
        Index("ix_member_area_pinyin", "area_code", "pinyin"),
        Index(
            "uq_member_one_head",
            "household_id",
            unique=True,
            sqlite_where=sa.text("relation = '02' AND left_on IS NULL"),
            postgresql_where=sa.text("relation = '02' AND left_on IS NULL"),
        ),
    )


class HardshipFile(Base, table=True):
    """The file of a hardship household: category, causes, needs, measures; at most one open."""

    __tablename__ = "hardship_file"
    id: str = Field(default_factory=_uuid, primary_key=True, max_length=36)
    household_id: str = Field(foreign_key="household.id", index=True)
    area_code: str = Field(foreign_key="area.code")
    category: str
    main_cause: str
    causes: list[str] = Field(default_factory=list, sa_type=JSON_LIST)
    needs: str | None = Field(default=None, sa_type=EncryptedText("hardship_file.needs"))
    measures: list[str] = Field(default_factory=list, sa_type=JSON_LIST)
    opened_on: date
    closed_on: date | None = None
    next_contact_on: date | None = None
    version: int = 1
    field_versions: dict[str, int] = Field(default_factory=dict, sa_type=JSON_LIST)

    __table_args__ = (
        Index(
            "uq_hardship_file_one_open",
            "household_id",
            unique=True,
            sqlite_where=sa.text("closed_on IS NULL"),
            postgresql_where=sa.text("closed_on IS NULL"),
        ),
        Index("ix_hardship_file_due", "closed_on", "next_contact_on", "area_code"),
        Index("ix_hardship_file_area", "area_code", "closed_on"),
    )


class Assignment(Base, table=True):
    """Dated: a cadre is the contact of a village or of a household."""

    __tablename__ = "assignment"
    id: int | None = Field(default=None, primary_key=True)
    cadre_id: int = Field(foreign_key="cadre.id", index=True)
    kind: AssignmentKind = Field(sa_type=enum_type(AssignmentKind))
    area_code: str = Field(foreign_key="area.code", index=True)
    household_id: str | None = Field(default=None, foreign_key="household.id", index=True)
    starts_on: date
    ends_on: date | None = None


class Questionnaire(Base, table=True):
    """A form and its titles."""

    __tablename__ = "questionnaire"
    id: int | None = Field(default=None, primary_key=True)
    form_id: str = Field(unique=True, max_length=80)
    title_zh: str
    title_en: str = ""


class QuestionnaireVersion(Base, table=True):
    """A definition: a draft until it is published, unchanged from then on; of a draft `published_at` is its upload.

    `area_code` is the area of the office it belongs to, none for what the project ships. `source` is the authored
    text where it is one, `source_file` the workbook as it was uploaded.
    """

    __tablename__ = "questionnaire_version"
    id: int | None = Field(default=None, primary_key=True)
    questionnaire_id: int = Field(foreign_key="questionnaire.id", index=True)
    version: str = Field(max_length=40)
    source: str = Field(sa_type=sa.Text)
    xform: str = Field(sa_type=sa.Text)
    sha256: str = Field(max_length=64)
    published_at: datetime = Field(default_factory=_now, sa_type=UtcDateTime)
    valid_from: date
    valid_until: date | None = None
    state: VersionState = Field(default=VersionState.PUBLISHED, sa_type=enum_type(VersionState))
    due: HouseholdsDue = Field(default=HouseholdsDue.NOBODY, sa_type=enum_type(HouseholdsDue))
    area_code: str | None = Field(default=None, foreign_key="area.code")
    cadre_id: int | None = Field(default=None, foreign_key="cadre.id")
    source_name: str = Field(default="", max_length=200)
    source_file: bytes | None = Field(default=None, sa_type=sa.LargeBinary)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    __table_args__ = (UniqueConstraint("questionnaire_id", "version"),)


class QuestionnaireArea(Base, table=True):
    """An area a version is for; a version without any is for all."""

    __tablename__ = "questionnaire_area"
    version_id: int = Field(foreign_key="questionnaire_version.id", primary_key=True)
    area_code: str = Field(foreign_key="area.code", primary_key=True)


class QuestionnairePost(Base, table=True):
    """A post a version is for; a version without any is for all."""

    __tablename__ = "questionnaire_post"
    version_id: int = Field(foreign_key="questionnaire_version.id", primary_key=True)
    post: Post = Field(sa_type=enum_type(Post), primary_key=True)


class QuestionnaireFile(Base, table=True):
    """A file a version names: choices from a list (csv, geojson, xml) or media in its texts."""

    __tablename__ = "questionnaire_file"
    version_id: int = Field(foreign_key="questionnaire_version.id", primary_key=True)
    name: str = Field(primary_key=True, max_length=200)
    content: bytes = Field(sa_type=sa.LargeBinary)
    sha256: str = Field(max_length=64)


class Submission(Base, table=True):
    """One filling as received; immutable, unique by its instance id.

    A corrected filling is a submission of its own: `corrects_id` is the version it takes the place of, `first_id` the
    first version of all. Both are empty in a first version.
    """

    __tablename__ = "submission"
    instance_id: str = Field(primary_key=True, max_length=64)
    version_id: int = Field(foreign_key="questionnaire_version.id", index=True)
    cadre_id: int = Field(foreign_key="cadre.id", index=True)
    household_id: str | None = Field(default=None, foreign_key="household.id", index=True)
    area_code: str | None = Field(default=None, foreign_key="area.code", index=True)
    source: SubmissionSource = Field(sa_type=enum_type(SubmissionSource))
    device: str = ""
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    received_at: datetime = Field(default_factory=_now, sa_type=UtcDateTime)
    payload: str | None = Field(sa_type=EncryptedText("submission.payload"))
    payload_hash: str = Field(max_length=64)
    corrects_id: str | None = Field(default=None, foreign_key="submission.instance_id", max_length=64)
    first_id: str | None = Field(
        default=None, foreign_key="submission.instance_id", index=True, max_length=64
    )

    __table_args__ = (
        Index("uq_submission_corrects_id", "corrects_id", unique=True),
        Index("ix_submission_received_at", "received_at"),
    )


class SubmissionReview(Base, table=True):
    """A remark on a filling, a decision about it, or a corrected version: append-only; the last tells the state.

    `filling_id` is the first version's instance id, `instance_id` the version it is about, `collector_id` who filled
    it in.
    """

    __tablename__ = "submission_review"
    id: int | None = Field(default=None, primary_key=True)
    filling_id: str = Field(foreign_key="submission.instance_id", max_length=64)
    instance_id: str = Field(foreign_key="submission.instance_id", max_length=64)
    collector_id: int = Field(foreign_key="cadre.id")
    area_code: str | None = Field(default=None, foreign_key="area.code")
    kind: ReviewKind = Field(sa_type=enum_type(ReviewKind))
    state: ReviewState = Field(sa_type=enum_type(ReviewState))
    words: str | None = Field(default=None, sa_type=EncryptedText("submission_review.words"))
    cadre_id: int = Field(foreign_key="cadre.id")
    at: datetime = Field(default_factory=_now, sa_type=UtcDateTime)

    __table_args__ = (
        Index("ix_submission_review_filling", "filling_id", "id"),
        Index("ix_submission_review_collector", "collector_id", "state"),
        Index("ix_submission_review_state", "state", "area_code"),
    )


class UpdateConflict(Base, table=True):
    """One field of a stale update, with both values (as JSON), until a person has chosen."""

    __tablename__ = "update_conflict"
    id: int | None = Field(default=None, primary_key=True)
    instance_id: str = Field(foreign_key="submission.instance_id", index=True, max_length=64)
    household_id: str = Field(foreign_key="household.id", index=True)
    area_code: str = Field(foreign_key="area.code")
    kind: ConflictKind = Field(sa_type=enum_type(ConflictKind))
    record_kind: str = Field(max_length=40)
    record_id: str = Field(max_length=36)
    field: str = Field(max_length=60)
    base_version: int
    found_version: int
    sent_value: str = Field(sa_type=EncryptedText("update_conflict.sent_value"))
    kept_value: str = Field(sa_type=EncryptedText("update_conflict.kept_value"))
    noted_at: datetime = Field(default_factory=_now, sa_type=UtcDateTime)
    chosen: ConflictChoice | None = Field(default=None, sa_type=enum_type(ConflictChoice))
    resolved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    resolved_by_id: int | None = Field(default=None, foreign_key="cadre.id")

    __table_args__ = (Index("ix_update_conflict_open", "resolved_at", "area_code"),)


class Draft(Base, table=True):
    """A filling in progress: every answer as it was given."""

    __tablename__ = "draft"
    instance_id: str = Field(primary_key=True, max_length=64)
    version_id: int = Field(foreign_key="questionnaire_version.id")
    cadre_id: int = Field(foreign_key="cadre.id", index=True)
    household_id: str | None = Field(default=None, foreign_key="household.id", index=True)
    area_code: str | None = Field(default=None, foreign_key="area.code")
    payload: str = Field(sa_type=EncryptedText("draft.payload"))
    corrects_id: str | None = Field(default=None, foreign_key="submission.instance_id", max_length=64)
    revision: int = 1
    created_at: datetime = Field(default_factory=_now, sa_type=UtcDateTime)
    updated_at: datetime = Field(default_factory=_now, sa_type=UtcDateTime)


class Visit(Base, table=True):
    """One contact attempt and how it ended."""

    __tablename__ = "visit"
    id: str = Field(default_factory=_uuid, primary_key=True, max_length=36)
    instance_id: str = Field(foreign_key="submission.instance_id", unique=True, max_length=64)
    household_id: str = Field(foreign_key="household.id")
    area_code: str = Field(foreign_key="area.code")
    cadre_id: int = Field(foreign_key="cadre.id")
    visited_on: date
    entered_on: date
    disposition: Disposition = Field(sa_type=enum_type(Disposition))
    purpose: str | None = None
    respondent_id: str | None = Field(default=None, foreign_key="member.id")
    policies_explained: list[str] = Field(default_factory=list, sa_type=JSON_LIST)
    help_given: list[str] = Field(default_factory=list, sa_type=JSON_LIST)
    help_words: str | None = Field(default=None, sa_type=EncryptedText("visit.help_words"))
    satisfaction: Satisfaction | None = Field(default=None, sa_type=enum_type(Satisfaction))
    diary: str | None = Field(default=None, sa_type=EncryptedText("visit.diary"))
    follow_up_on: date | None = None
    lat: float | None = None
    lon: float | None = None
    accuracy_m: float | None = None
    place_source: PlaceSource | None = Field(default=None, sa_type=enum_type(PlaceSource))

    __table_args__ = (
        Index("ix_visit_household_on", "household_id", "visited_on"),
        Index("ix_visit_cadre_on", "cadre_id", "visited_on"),
        Index("ix_visit_area_on", "area_code", "visited_on"),
        Index("ix_visit_cadre_follow_up", "cadre_id", "follow_up_on"),
    )


class Observation(Base, table=True):
    """At one visit, one difficulty: asked or not, its state, severity and words."""

    __tablename__ = "observation"
    id: str = Field(default_factory=_uuid, primary_key=True, max_length=36)
    visit_id: str = Field(foreign_key="visit.id")
    household_id: str = Field(foreign_key="household.id")
    area_code: str = Field(foreign_key="area.code")
    observed_on: date
    difficulty: str = Field(max_length=40)
    asked: bool
    state: DifficultyState | None = Field(default=None, sa_type=enum_type(DifficultyState))
    severity: int | None = None
    words: str | None = Field(default=None, sa_type=EncryptedText("observation.words"))
    case_id: str | None = Field(default=None, foreign_key="case.id", index=True)

    __table_args__ = (
        UniqueConstraint("visit_id", "difficulty"),
        Index("ix_observation_household", "household_id", "difficulty", "observed_on"),
        Index("ix_observation_area", "area_code", "difficulty", "observed_on"),
    )


class HardshipContact(Base, table=True):
    """One contact with a hardship household: what help was given, when the next is due."""

    __tablename__ = "hardship_contact"
    id: str = Field(default_factory=_uuid, primary_key=True, max_length=36)
    instance_id: str = Field(foreign_key="submission.instance_id", index=True, max_length=64)
    file_id: str = Field(foreign_key="hardship_file.id")
    household_id: str = Field(foreign_key="household.id", index=True)
    area_code: str = Field(foreign_key="area.code", index=True)
    cadre_id: int = Field(foreign_key="cadre.id", index=True)
    contacted_on: date
    mode: str = "home"
    help_given: list[str] = Field(default_factory=list, sa_type=JSON_LIST)
    words: str | None = Field(default=None, sa_type=EncryptedText("hardship_contact.words"))
    next_contact_on: date | None = None

    __table_args__ = (Index("ix_hardship_contact_file_on", "file_id", "contacted_on"),)


class NumberSeries(Base, table=True):
    """The last number given in a series, such as the cases of a township and year."""

    __tablename__ = "number_series"
    prefix: str = Field(primary_key=True, max_length=40)
    last: int = 0


class Case(Base, table=True):
    """A matter somebody raised; never deleted."""

    __tablename__ = "case"
    id: str = Field(default_factory=_uuid, primary_key=True, max_length=36)
    number: str = Field(unique=True, max_length=30)
    area_code: str = Field(foreign_key="area.code")
    household_id: str | None = Field(default=None, foreign_key="household.id")
    category: str = Field(max_length=40)
    severity: int | None = None
    words: str | None = Field(default=None, sa_type=EncryptedText("case.words"))
    state: CaseState = Field(default=CaseState.TAKEN_IN, sa_type=enum_type(CaseState))
    opened_on: date
    due_on: date | None = None
    rule_on: date | None = None
    closed_on: date | None = None
    owner_id: int | None = Field(default=None, foreign_key="cadre.id")
    first_handler_id: int | None = Field(default=None, foreign_key="cadre.id")
    lat: float | None = None
    lon: float | None = None
    version: int = 1

    __table_args__ = (
        Index("ix_case_open", "closed_on", "area_code", "due_on"),
        Index("ix_case_open_category", "closed_on", "category", "area_code"),
        Index("ix_case_open_due", "closed_on", "due_on", "area_code"),
        Index("ix_case_household", "household_id", "category", "closed_on"),
        Index("ix_case_owner", "owner_id", "closed_on", "due_on"),
    )


class CaseStep(Base, table=True):
    """Every dated act on a case."""

    __tablename__ = "case_step"
    id: int | None = Field(default=None, primary_key=True)
    case_id: str = Field(foreign_key="case.id", index=True)
    kind: StepKind = Field(sa_type=enum_type(StepKind))
    from_state: CaseState | None = Field(default=None, sa_type=enum_type(CaseState))
    to_state: CaseState = Field(sa_type=enum_type(CaseState))
    acted_on: date
    recorded_at: datetime = Field(default_factory=_now, sa_type=UtcDateTime)
    cadre_id: int | None = Field(default=None, foreign_key="cadre.id")
    instance_id: str | None = Field(default=None, foreign_key="submission.instance_id", max_length=64)
    words: str | None = Field(default=None, sa_type=EncryptedText("case_step.words"))


class Attachment(Base, table=True):
    """A photo or file of a filling; its content lies encrypted in the attachments folder by its hash."""

    __tablename__ = "attachment"
    id: str = Field(default_factory=_uuid, primary_key=True, max_length=36)
    instance_id: str = Field(index=True, max_length=64)
    question: str = Field(max_length=200)
    name: str = Field(max_length=120)
    sha256: str = Field(index=True, max_length=64)
    media_type: str = Field(max_length=60)
    size_bytes: int
    width_px: int | None = None
    height_px: int | None = None
    cadre_id: int = Field(foreign_key="cadre.id")
    area_code: str | None = Field(default=None, foreign_key="area.code")
    stored_at: datetime = Field(default_factory=_now, sa_type=UtcDateTime)
    taken_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    lat: float | None = None
    lon: float | None = None

    __table_args__ = (UniqueConstraint("instance_id", "name"),)


class AuditEntry(Base, table=True):
    """Who did what to what, when, with what result; each holds the hash of the one before."""

    __tablename__ = "audit_entry"
    sequence: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=UtcDateTime)
    actor: str = Field(max_length=80)
    cadre_id: int | None = Field(default=None, index=True)
    action: str = Field(max_length=60)
    object_kind: str = Field(default="", max_length=40)
    object_id: str = Field(default="", max_length=80)
    area_code: str = Field(default="", max_length=14)
    result: AuditResult = Field(default=AuditResult.DONE, sa_type=enum_type(AuditResult))
    details: dict[str, Any] = Field(default_factory=dict, sa_type=JSON_LIST)
    previous_hash: str = Field(max_length=64)
    hash: str = Field(max_length=64)

    __table_args__ = (
        Index("ix_audit_entry_object", "object_kind", "object_id"),
        Index("ix_audit_entry_area", "area_code", "sequence"),
    )
