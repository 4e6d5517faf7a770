"""A questionnaire's life: kept, published to posts and areas, begun by those alone, ended; its answers and progress."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace
from datetime import timedelta

import openpyxl
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, select

from models import (
    AuditEntry,
    Case,
    Draft,
    Household,
    HouseholdsDue,
    Post,
    QuestionnaireVersion,
    Submission,
    SubmissionSource,
    VersionState,
)
from survey.access.permissions import Actor
from survey.problems import Problem
from survey.questionnaires import (
    audiences,
    authoring,
    drafts,
    library,
    progress,
    results,
    review_states,
    submissions,
    workbook_writing,
)
from survey.questionnaires.conversion import Authored
from tests import authored, builders, fillings
from tests.authored import WATER, published, uploaded
from tests.builders import (
    FAR_VILLAGE,
    GROUP,
    NOW,
    OTHER_GROUP,
    OTHER_TOWNSHIP,
    OTHER_VILLAGE,
    TODAY,
    TOWNSHIP,
    VILLAGE,
)

TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
def office(session: Session) -> Actor:
    """The township's mass-work office; the shipped questionnaires are published."""
    fillings.published(session)
    return builders.a_cadre(session, Post.MASS_WORK_DIRECTOR, TOWNSHIP)


@pytest.fixture
def head(session: Session) -> Actor:
    return builders.a_cadre(session, Post.VILLAGE_HEAD, VILLAGE)


def refused(code: str) -> pytest.RaisesExc[Problem]:
    return pytest.raises(Problem, check=lambda problem: problem.code == code)


def handed_in(session: Session, actor: Actor, household: Household, answers: dict[str, str]) -> str:
    """A filling of the water form, begun, answered and accepted."""
    draft = drafts.start(session, actor, "water", household.id, now=NOW)
    instance = drafts.open_instance(session, actor, draft)
    for path, value in answers.items():
        instance.answer(f"/data/{path}", value)
    delivery = submissions.Delivery(instance.to_xml(final=True), SubmissionSource.PAGE, NOW)
    return submissions.accept(session, actor, delivery).instance_id


# -- drafts and publishing ---------------------------------------------------------------------------


def test_an_upload_is_a_draft_that_nobody_can_begin(session: Session, office: Actor, head: Actor) -> None:
    draft = uploaded(session, office)
    household = builders.a_household(session)
    assert (draft.state, draft.title, draft.version) == (VersionState.DRAFT, "饮水调查", "1")
    assert draft.area_code == TOWNSHIP
    with refused("questionnaire.none_in_force"):
        drafts.start(session, head, "water", household.id, now=NOW)
    with refused("questionnaire.unknown_version"):
        library.version_named(session, "water", "1")


def test_a_draft_is_replaced_by_the_next_upload_of_the_same_version(session: Session, office: Actor) -> None:
    uploaded(session, office)
    second = uploaded(session, office, WATER.replace("常住人口", "现有人口"))
    rows = session.exec(select(QuestionnaireVersion).where(QuestionnaireVersion.area_code == TOWNSHIP)).all()
    assert [row.id for row in rows] == [second.id]
    assert "现有人口" in rows[0].xform


def test_a_file_with_mistakes_is_not_kept(session: Session, office: Actor) -> None:
    source = WATER.replace("select_one source", "select_one nowhere")
    with refused("authoring.has_errors"):
        uploaded(session, office, source)


def test_a_published_version_never_changes(session: Session, office: Actor) -> None:
    version = published(session, office)
    with refused("authoring.version_taken"):
        uploaded(session, office, WATER.replace("常住人口", "现有人口"))
    with refused("authoring.not_draft"):
        authoring.publish(session, office, version.id, authored.publication(), now=NOW)
    with refused("authoring.not_draft"):
        authoring.discard(session, office, version.id)
    with pytest.raises(DBAPIError, match="never changed"), session.begin_nested():
        session.execute(sa.update(QuestionnaireVersion).values(xform="<other/>"))


def test_a_draft_does_not_rename_what_is_published(session: Session, office: Actor, head: Actor) -> None:
    published(session, office)
    draft = uploaded(session, office, WATER.replace("| 饮水调查 | water | 1 |", "| 测试稿 | water | 2 |"))
    assert draft.title == "测试稿"
    household = builders.a_household(session)
    (offer,) = [
        one for one in audiences.offered(session, head, household.id, TODAY) if one.form_id == "water"
    ]
    assert offer.title == "饮水调查"
    authoring.publish(session, office, draft.id, authored.publication(), now=NOW)
    (offer,) = [
        one for one in audiences.offered(session, head, household.id, TODAY) if one.form_id == "water"
    ]
    assert offer.title == "测试稿"


def test_a_draft_is_thrown_away(session: Session, office: Actor) -> None:
    draft = uploaded(session, office)
    authoring.discard(session, office, draft.id)
    with refused("access.not_found"):
        authoring.version(session, office, draft.id)


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"valid_until": TODAY - timedelta(days=1)}, "authoring.dates"),
        ({"posts": ()}, "authoring.no_posts"),
        ({"area_code": OTHER_TOWNSHIP}, "access.forbidden"),
    ],
)
def test_a_publication_is_checked(
    session: Session, office: Actor, over: dict[str, object], code: str
) -> None:
    draft = uploaded(session, office)
    with refused(code):
        authoring.publish(session, office, draft.id, authored.publication(**over), now=NOW)  # type: ignore[arg-type]


def test_another_office_neither_sees_nor_takes_a_form(session: Session, office: Actor) -> None:
    version = published(session, office)
    other = builders.a_cadre(session, Post.MASS_WORK_MEMBER, OTHER_TOWNSHIP)
    assert version.id not in {seen.id for seen in authoring.versions(session, other)}
    with refused("access.not_found"):
        authoring.withdraw(session, other, version.id, now=NOW)
    with refused("authoring.taken"):
        uploaded(session, other, WATER.replace("| water | 1 |", "| water | 2 |"))


def test_publishing_is_recorded(session: Session, office: Actor) -> None:
    version = published(session, office)
    actions = session.exec(
        select(AuditEntry.action).where(
            AuditEntry.object_kind == "questionnaire_version", AuditEntry.object_id == str(version.id)
        )
    ).all()
    assert actions == ["questionnaire.upload", "questionnaire.publish"]


# -- whom it is for ----------------------------------------------------------------------------------


def test_cadres_of_the_posts_and_areas_begin_it_and_no_others(session: Session, office: Actor) -> None:
    published(session, office, area_code=VILLAGE)
    here, there = builders.a_household(session), builders.a_household(session, OTHER_GROUP)
    head = builders.a_cadre(session, Post.VILLAGE_HEAD, VILLAGE)
    stationed = builders.a_cadre(session, Post.STATIONED_CADRE, VILLAGE)
    neighbour = builders.a_cadre(session, Post.VILLAGE_HEAD, OTHER_VILLAGE)
    assert drafts.start(session, head, "water", here.id, now=NOW).form_id == "water"
    with refused("authoring.not_for_you"):
        drafts.start(session, stationed, "water", here.id, now=NOW)
    with refused("authoring.not_for_you"):
        drafts.start(session, neighbour, "water", there.id, now=NOW)
    assert "water" in {offer.form_id for offer in audiences.offered(session, head, here.id, TODAY)}
    assert "water" not in {offer.form_id for offer in audiences.offered(session, stationed, here.id, TODAY)}
    assert "water" not in {offer.form_id for offer in audiences.offered(session, neighbour, there.id, TODAY)}


def test_a_post_that_has_ended_begins_nothing(session: Session, office: Actor, head: Actor) -> None:
    published(session, office)
    household = builders.a_household(session)
    session.execute(sa.text("UPDATE posting SET ends_on = '2026-05-05'"))
    with refused("authoring.not_for_you"):
        audiences.version_for(session, head, "water", household.area_code, TODAY)


def test_a_filling_by_somebody_it_is_not_for_is_refused(session: Session, office: Actor, head: Actor) -> None:
    published(session, office)
    household = builders.a_household(session)
    draft = drafts.start(session, head, "water", household.id, now=NOW)
    instance = drafts.open_instance(session, head, draft)
    instance.answer("/data/source", "piped")
    delivery = submissions.Delivery(instance.to_xml(final=True), SubmissionSource.OPENROSA, NOW)
    stationed = builders.a_cadre(session, Post.STATIONED_CADRE, VILLAGE)
    with refused("authoring.not_for_you"):
        submissions.accept(session, stationed, delivery)
    assert submissions.accept(session, head, delivery).household_id == household.id


def test_it_is_begun_within_its_days_and_the_latest_version_counts(
    session: Session, office: Actor, head: Actor
) -> None:
    household = builders.a_household(session)
    published(session, office, valid_until=TOMORROW)
    second = WATER.replace("| water | 1 |", "| water | 2 |")
    published(session, office, second, valid_from=TOMORROW)
    area = household.area_code
    assert audiences.version_for(session, head, "water", area, TODAY).version == "1"
    assert audiences.version_for(session, head, "water", area, TOMORROW).version == "2"
    with refused("questionnaire.none_in_force"):
        audiences.version_for(session, head, "water", area, TODAY - timedelta(days=1))


def test_a_version_that_is_over_or_withdrawn_still_takes_what_was_begun(
    session: Session, office: Actor, head: Actor
) -> None:
    version = published(session, office)
    household, other = builders.a_household(session), builders.a_household(session)
    draft = drafts.start(session, head, "water", household.id, now=NOW)
    instance = drafts.open_instance(session, head, draft)
    instance.answer("/data/source", "piped")
    authoring.withdraw(session, office, version.id, now=NOW)
    with refused("questionnaire.none_in_force"):
        drafts.start(session, head, "water", other.id, now=NOW)
    delivery = submissions.Delivery(instance.to_xml(final=True), SubmissionSource.PAGE, NOW)
    assert not submissions.accept(session, head, delivery).already


def test_the_last_day_moves(session: Session, office: Actor, head: Actor) -> None:
    version = published(session, office, valid_until=TODAY)
    area = builders.a_household(session).area_code
    with refused("authoring.dates"):
        authoring.set_last_day(session, office, version.id, TODAY - timedelta(days=1))
    authoring.set_last_day(session, office, version.id, TOMORROW)
    assert audiences.version_for(session, head, "water", area, TOMORROW).version == "1"


def test_the_visit_of_a_township_takes_the_place_of_the_shipped_one_there_alone(
    session: Session, office: Actor, head: Actor
) -> None:
    shipped = dict(library.shipped())[library.VISIT_FORM]
    number = library.current_version(session, library.VISIT_FORM, TODAY).version
    own = shipped.replace(f"| household_visit | {number} |", f"| household_visit | {number}-xm |")
    version = published(session, office, own, posts=tuple(authoring.fillers()), due=HouseholdsDue.NOBODY)
    far = builders.a_cadre(session, Post.VILLAGE_HEAD, FAR_VILLAGE)
    assert version.title == "入户走访"
    assert audiences.version_for(session, head, library.VISIT_FORM, GROUP, TODAY).version == f"{number}-xm"
    assert audiences.version_for(session, far, library.VISIT_FORM, FAR_VILLAGE, TODAY).version == number


# -- what answers do, progress and results -----------------------------------------------------------


def test_answers_update_the_household_and_open_a_case(session: Session, office: Actor, head: Actor) -> None:
    published(session, office)
    household = builders.a_household(session, water_source="piped")
    handed_in(session, head, household, {"source": "surface", "matter/words": "测试：水浑"})
    session.expire_all()
    assert session.get_one(Household, household.id).water_source == "surface"
    case = session.exec(select(Case).where(Case.household_id == household.id)).one()
    assert (case.category, case.words) == ("water", "测试：水浑")


def test_the_starter_template_is_published_filled_in_and_accepted(
    session: Session, office: Actor, head: Actor
) -> None:
    content = workbook_writing.starter()
    found = authored.checked(content, "template.xlsx")
    assert found.findings == ()
    draft = authoring.keep(session, office, Authored("template.xlsx", content), found, now=NOW)
    authoring.publish(session, office, draft.id, authored.publication(), now=NOW)
    household = builders.a_household(session, water_source="piped")
    filling = drafts.start(session, head, "water_survey", household.id, now=NOW)
    instance = drafts.open_instance(session, head, filling)
    answers = {
        "asked/water_source": "spring",
        "matter/has_matter": "yes",
        "matter/severity": "2",
        "matter/words": "测试：枯水",
    }
    for path, value in {"asked/asked_on": TODAY.isoformat(), **answers}.items():
        instance.answer(f"/data/{path}", value)
    submissions.accept(
        session, head, submissions.Delivery(instance.to_xml(final=True), SubmissionSource.PAGE, NOW)
    )
    session.expire_all()
    assert session.get_one(Household, household.id).water_source == "spring"
    assert session.exec(select(Case.severity).where(Case.household_id == household.id)).one() == 2


def test_progress_counts_households_asked_of_those_due(session: Session, office: Actor, head: Actor) -> None:
    version = published(session, office)
    first, _second = builders.a_household(session), builders.a_household(session)
    builders.a_household(session, OTHER_GROUP)
    builders.a_household(session, status="moved_away")
    handed_in(session, head, first, {"source": "piped"})
    found = {
        village.area_code: (village.done, village.due, village.fillings)
        for village in progress.of_version(session, office, version.id)
    }
    assert found == {VILLAGE: (1, 2, 1), OTHER_VILLAGE: (0, 1, 0)}
    assert [one.area_code for one in progress.of_version(session, head, version.id)] == [VILLAGE]
    (waiting,) = audiences.waiting(session, head, TODAY)
    assert (waiting.offer.title, waiting.remaining) == ("饮水调查", 1)
    (left,) = audiences.remaining(session, head, "water", TODAY, limit=10)
    assert left.household_id == _second.id


def test_a_rejected_filling_asks_the_household_again(session: Session, office: Actor, head: Actor) -> None:
    version = published(session, office)
    household = builders.a_household(session)
    sent = handed_in(session, head, household, {"source": "piped"})
    assert audiences.waiting(session, head, TODAY) == ()
    row = session.get_one(Submission, sent)
    rejected = review_states.ReviewState.REJECTED
    review_states.add(session, office, row, review_states.ReviewKind.DECISION, rejected, "测试", now=NOW)
    assert [one.remaining for one in audiences.waiting(session, head, TODAY)] == [1]
    assert [(one.done, one.due) for one in progress.of_version(session, office, version.id)] == [(0, 1)]
    assert results.page(session, office, version.id, limit=9).tables[0].rows[0]["review"] == "作废"


def test_only_hardship_households_are_due_where_it_says_so(
    session: Session, office: Actor, head: Actor
) -> None:
    version = published(session, office, due=HouseholdsDue.HARDSHIP)
    builders.a_household(session)
    poor = builders.a_household(session)
    builders.a_hardship_file(session, poor)
    assert [one.household_id for one in audiences.remaining(session, head, "water", TODAY, limit=9)] == [
        poor.id
    ]
    assert [(one.done, one.due) for one in progress.of_version(session, office, version.id)] == [(0, 1)]


def test_nobody_is_due_where_it_is_filled_in_as_needed(session: Session, office: Actor, head: Actor) -> None:
    version = published(session, office, due=HouseholdsDue.NOBODY)
    household = builders.a_household(session)
    assert audiences.waiting(session, head, TODAY) == ()
    handed_in(session, head, household, {"source": "piped"})
    assert [(one.due, one.fillings) for one in progress.of_version(session, office, version.id)] == [
        (None, 1)
    ]


def two_fillings(session: Session, office: Actor, head: Actor) -> int:
    """A published water form with one filling in the township."""
    version = published(session, office)
    household = builders.a_household(session, head="测试户甲")
    handed_in(
        session,
        head,
        household,
        {"source": "surface", "matter/words": "=1+1", "people": "3", "child[1]/first": "测试童"},
    )
    return version.id


def exported(session: Session, actor: Actor, version_id: int, file_type: str) -> tuple[str, bytes]:
    return results.export(session, actor, results.take(session, actor, version_id, file_type))


def test_results_are_a_table_of_answers_with_repeats_beside(
    session: Session, office: Actor, head: Actor
) -> None:
    version_id = two_fillings(session, office, head)
    found = results.page(session, office, version_id, limit=20)
    main, children = found.tables
    assert found.total == 1
    assert {column.id: column.label for column in main.columns}["source"] == "饮水来源"
    row = main.rows[0]
    assert (row["head_name"], row["source"], row["people"], row["matter/words"]) == (
        "测试户甲",
        "surface",
        "3",
        "=1+1",
    )
    assert next(column for column in main.columns if column.id == "source").shown("surface") == "河塘水"
    assert (children.name, children.rows[0]["child/first"], children.rows[0]["position"]) == (
        "child",
        "测试童",
        "1",
    )


def test_results_are_of_ones_own_area_alone(session: Session, office: Actor, head: Actor) -> None:
    version_id = two_fillings(session, office, head)
    elsewhere = builders.a_household(session, FAR_VILLAGE, head="远测试户")
    builders.a_submission(
        session, head, elsewhere, version_id=version_id, payload='<data id="water" version="1"/>'
    )
    found = results.page(session, office, version_id, limit=20)
    assert found.total == 1
    assert "远测试户" not in repr(found)
    with refused("access.forbidden"):
        results.page(session, head, version_id, limit=20)
    with refused("access.forbidden"):
        results.take(session, builders.an_operator(), version_id, "csv")


def test_a_workbook_holds_ids_labels_numbers_and_no_formula(
    session: Session, office: Actor, head: Actor
) -> None:
    name, content = exported(session, office, two_fillings(session, office, head), "xlsx")
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert (name, len(book.sheetnames)) == ("water-1.xlsx", 2)
    ids, labels, row = list(book.worksheets[0].iter_rows(values_only=True))
    values = dict(zip(ids, row, strict=True))
    assert dict(zip(ids, labels, strict=True))["source"] == "饮水来源"
    assert (values["source"], values["source.label"], values["people"], values["matter/words"]) == (
        "surface",
        "河塘水",
        3,
        "=1+1",
    )
    cell = next(c for c in book.worksheets[0][3] if c.value == "=1+1")
    assert cell.data_type != "f"


def test_a_csv_opens_in_a_spreadsheet_and_runs_nothing(session: Session, office: Actor, head: Actor) -> None:
    name, content = exported(session, office, two_fillings(session, office, head), "csv")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert (name, sorted(archive.namelist())) == ("water-1.zip", ["child.csv", "main.csv"])
        text = archive.read("main.csv")
    assert text.startswith(b"\xef\xbb\xbf")
    ids, _labels, row = list(csv.reader(io.StringIO(text.decode("utf-8-sig"))))
    assert dict(zip(ids, row, strict=True))["matter/words"] == "'=1+1"


def test_taking_answers_away_is_recorded(session: Session, office: Actor, head: Actor) -> None:
    version_id = two_fillings(session, office, head)
    exported(session, office, version_id, "xlsx")
    entry = session.exec(select(AuditEntry).where(AuditEntry.action == "questionnaire.export")).one()
    assert (entry.object_id, entry.details["rows"]) == (str(version_id), 1)


def test_an_erased_filling_leaves_a_row_without_answers(session: Session, office: Actor, head: Actor) -> None:
    version_id = two_fillings(session, office, head)
    session.execute(sa.update(Submission).values(payload=None))
    session.expire_all()
    (row,) = results.page(session, office, version_id, limit=20).tables[0].rows
    assert "source" not in row
    assert row["head_name"] == "测试户甲"


def test_a_corrected_filling_counts_in_its_corrected_form(
    session: Session, office: Actor, head: Actor
) -> None:
    version_id = two_fillings(session, office, head)
    first = session.exec(select(Submission).where(Submission.version_id == version_id)).one()
    payload = (first.payload or "").replace("<people>3</people>", "<people>4</people>")
    household = session.get_one(Household, first.household_id)
    builders.a_submission(
        session, head, household, version_id=version_id, payload=payload,
        corrects_id=first.instance_id, first_id=first.instance_id,
    )  # fmt: skip
    found = results.page(session, office, version_id, limit=20)
    assert (found.total, found.tables[0].rows[0]["people"]) == (1, "4")


# -- files and trials --------------------------------------------------------------------------------


def test_any_version_is_downloaded_as_a_workbook_that_compiles_to_the_same(
    session: Session, office: Actor
) -> None:
    version = published(session, office)
    name, content = authoring.workbook(session, office, version.id)
    again = authored.checked(content, name)
    assert name == "water-1.xlsx"
    assert again.xform == session.get_one(QuestionnaireVersion, version.id).xform
    shipped = next(seen for seen in authoring.versions(session, office) if seen.form_id == library.VISIT_FORM)
    assert authored.checked(authoring.workbook(session, office, shipped.id)[1], "x.xlsx").usable


def test_a_workbook_comes_back_as_it_was_uploaded(session: Session, office: Actor) -> None:
    content = workbook_writing.starter()
    kept = Authored("我的问卷.xlsx", content)
    draft = authoring.keep(session, office, kept, authored.checked(content, kept.name), now=NOW)
    assert authoring.workbook(session, office, draft.id)[1] == content


def test_a_trial_writes_nothing(session: Session, office: Actor) -> None:
    version = uploaded(session, office)
    before = {
        table: session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        for table in (Draft, Submission, Case)
    }
    instance = authoring.trial(session, office, version.id, "", now=NOW)
    instance.answer("/data/source", "surface")
    again = authoring.trial(session, office, version.id, instance.to_xml(), now=NOW)
    assert again.value("/data/source") == "surface"
    assert [error.ref for error in again.errors()] == []
    assert {row.list_name for row in again.entities()} == {"households", "cases"}
    assert before == {
        table: session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in before
    }


def test_files_of_choices_are_kept_with_the_version(session: Session, office: Actor) -> None:
    source = WATER.replace("| integer | people |", "| select_one_from_file wells.csv | people |")
    lists = {"wells": "name,label\nw1,东井\n".encode()}
    kept = Authored("water.md", source.encode(), {"wells.csv": lists["wells"]})
    draft = authoring.keep(session, office, kept, authored.checked(source, **lists), now=NOW)
    instance = authoring.trial(session, office, draft.id, "", now=NOW)
    (question,) = [item for item in instance.items() if getattr(item, "name", "") == "people"]
    assert [(choice.value, choice.label) for choice in question.choices] == [("w1", "东井")]  # type: ignore[union-attr]


def test_a_visit_form_that_writes_no_visit_is_told(session: Session, office: Actor) -> None:
    source = WATER.replace("| water | 1 |", "| household_visit | 9 |")
    found = authoring.check(session, office, Authored("water.md", source.encode()), on=TODAY)
    assert [finding.code for finding in found.findings if finding.weight == "error"] == ["authoring.no_visit"]
    assert not found.usable
    assert not replace(found, xform="").usable
