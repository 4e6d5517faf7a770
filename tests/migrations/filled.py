"""One row or more of every table, for tests of migrations."""

from __future__ import annotations

from datetime import date, timedelta

from sqlmodel import Session

from models import (
    AccountSession,
    Attachment,
    ConflictKind,
    Device,
    DeviceScope,
    DifficultyState,
    Draft,
    HardshipContact,
    NumberSeries,
    Observation,
    Post,
    QuestionnaireArea,
    QuestionnaireFile,
    QuestionnairePost,
    ReviewKind,
    ReviewState,
    StoreFact,
    Submission,
    SubmissionReview,
    UpdateConflict,
)
from survey.access import audit
from tests import builders


def fill(session: Session) -> None:
    """Fill every table."""
    cadre = builders.a_cadre(session)
    cadre_id = cadre.cadre_id or 0
    household = builders.a_household(session, phone="13800000000")
    visit = builders.a_visit(session, household, cadre, diary="测试日记")
    case = builders.a_case(session, household)
    file = builders.a_hardship_file(session, household)
    builders.an_assignment(session, cadre, household)
    version_id = session.get_one(Submission, visit.instance_id).version_id
    place = {"household_id": household.id, "area_code": household.area_code}
    for row in (
        StoreFact(key="filled", value="yes"),
        AccountSession(token_hash="0" * 64, cadre_id=cadre_id),
        Device(
            id="tablet",
            cadre_id=cadre_id,
            name="村里的平板",
            scope=DeviceScope.FILL_IN,
            area_code=household.area_code,
            token_hash="0" * 64,
            digest_hash="0" * 32,
            expires_at=builders.NOW + timedelta(days=90),
        ),
        QuestionnaireArea(version_id=version_id, area_code=household.area_code),
        QuestionnairePost(version_id=version_id, post=Post.VILLAGE_HEAD),
        QuestionnaireFile(version_id=version_id, name="list.csv", content=b"name,label", sha256="0" * 64),
        NumberSeries(prefix=case.number.rsplit("-", 1)[0], last=int(case.number.rsplit("-", 1)[1])),
        Draft(instance_id="draft", version_id=version_id, cadre_id=cadre_id, payload="<d/>"),
        Observation(
            visit_id=visit.id,
            observed_on=date(2026, 5, 6),
            difficulty="water",
            asked=True,
            state=DifficultyState.EXISTS,
            case_id=case.id,
            **place,
        ),
        HardshipContact(
            instance_id=visit.instance_id,
            file_id=file.id,
            cadre_id=cadre_id,
            contacted_on=date(2026, 5, 6),
            help_given=["policy"],
            **place,
        ),
        SubmissionReview(
            filling_id=visit.instance_id,
            instance_id=visit.instance_id,
            collector_id=cadre_id,
            kind=ReviewKind.DECISION,
            state=ReviewState.APPROVED,
            cadre_id=cadre_id,
        ),
        UpdateConflict(
            instance_id=visit.instance_id,
            kind=ConflictKind.HARD,
            record_kind="household",
            record_id=household.id,
            field="housing",
            base_version=1,
            found_version=2,
            sent_value='"safe"',
            kept_value='"grade_c"',
            **place,
        ),
        Attachment(
            instance_id=visit.instance_id,
            question="photo",
            name="1.jpg",
            sha256="0" * 64,
            media_type="image/jpeg",
            size_bytes=1,
            cadre_id=cadre_id,
        ),
    ):
        session.add(row)
    audit.append(session, cadre, "test.fill", kind="store", details={"n": 1})
