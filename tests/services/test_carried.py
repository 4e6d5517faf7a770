"""What a device carries: forms that ask for the household themselves, and the same lists as a page has, for all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from io import BytesIO

import pytest
from PIL import Image
from sqlmodel import Session, select

from models import (
    Attachment,
    Household,
    HouseholdStatus,
    Post,
    Questionnaire,
    QuestionnaireArea,
    QuestionnaireFile,
    QuestionnairePost,
    QuestionnaireVersion,
    SubmissionSource,
)
from survey.access.permissions import Actor
from survey.fieldwork import carried_lists
from survey.problems import Problem
from survey.questionnaires import (
    attachment_files,
    carried_forms,
    delivered_files,
    device_forms,
    drafts,
    library,
    registry,
    submissions,
    xform,
)
from survey.questionnaires.context import Context
from survey.questionnaires.delivered_files import DeliveredFile
from survey.questionnaires.engine import Instance
from survey.questionnaires.registry import Subject
from survey.questionnaires.submissions import Delivery
from tests import builders, fillings
from tests.builders import GROUP, NOW, OTHER_VILLAGE, TODAY, VILLAGE

Rows = list[dict[str, str]]


def rows_of(session: Session, actor: Actor, name: str, on: date = TODAY) -> Rows:
    columns = carried_lists.LISTS[name].columns
    return [
        dict(zip(columns, row, strict=True)) for row in carried_lists.items(session, actor, name, columns, on)
    ]


def a_village(session: Session) -> tuple[Actor, list[Household]]:
    """A village head; three households with members, a file, and visits that found difficulties."""
    fillings.published(session)
    actor = builders.a_cadre(session)
    made = [builders.a_household(session, head=head) for head in ("赵大", "钱二", "孙三")]
    builders.a_member(session, made[0], name="赵小", birth_on=None)
    builders.a_member(session, made[0], name="走了的", left_on=TODAY)
    builders.a_hardship_file(session, made[1], needs="测试：修路", measures=["industry", "medical"])
    for key, day in (("water", "2026-04-01"), ("road", "2026-05-02")):
        answers = fillings.with_difficulty(key) | {"meeting/visited_on": day}
        delivery = fillings.a_delivery(session, actor, made[0], answers)
        submissions.accept(session, actor, delivery)
    made[2].housing, made[2].children_in_school = "grade_c", 2
    session.flush()
    return actor, made


@pytest.mark.parametrize("name", sorted(carried_lists.LISTS))
def test_a_device_carries_of_each_household_what_a_page_would_be_prefilled_with(
    session: Session, name: str
) -> None:
    actor, households = a_village(session)
    carried = rows_of(session, actor, name)
    column = carried_lists.LISTS[name].household_column
    for household in households:
        page = registry.lists_for(session, actor, (name,), Subject(household, TODAY))[name]
        mine = [row for row in carried if column is None or row[column] == household.id]
        if name == "households":
            mine = [row | {"label": household.head_name} for row in mine]
        added = {"household": household.id} if column == "household" else {}
        assert mine == [{**row, **added} for row in page]
    assert carried or name == "hardship_files"


def test_households_that_left_and_those_elsewhere_are_not_carried(session: Session) -> None:
    actor, households = a_village(session)
    households[0].status = HouseholdStatus.MOVED_AWAY
    elsewhere = builders.a_household(session, builders.OTHER_GROUP, head="远四")
    builders.a_hardship_file(session, elsewhere)
    session.flush()
    gone = {households[0].id, elsewhere.id}
    for name, each in carried_lists.LISTS.items():
        if each.household_column:
            assert not gone & {row[each.household_column] for row in rows_of(session, actor, name)}, name


def test_who_may_not_read_hardship_files_carries_none(session: Session) -> None:
    a_village(session)
    informant = builders.a_cadre(session, Post.GROUP_INFORMANT, GROUP)
    assert rows_of(session, informant, "hardship_files") == []
    assert len(rows_of(session, informant, "households")) == 3


def test_an_order_that_does_not_depend_on_the_order_of_writing(session: Session) -> None:
    actor, _households = a_village(session)
    for name in carried_lists.LISTS:
        assert rows_of(session, actor, name) == rows_of(session, actor, name)
    assert [row["label"][:2] for row in rows_of(session, actor, "households")] == ["赵大", "钱二", "孙三"]


def carried(session: Session, actor: Actor, form_id: str = library.VISIT_FORM) -> str:
    (form,) = carried_forms.forms(session, actor, TODAY, carried_lists.keyed(), form_id)
    return form.xform


def on_a_device(session: Session, actor: Actor, form_id: str = library.VISIT_FORM) -> Instance:
    """The device's form, run as the device runs it: with the lists of all households, none chosen yet."""
    form = xform.parse_form(carried(session, actor, form_id))
    lists: Mapping[str, Rows] = {name: rows_of(session, actor, name) for name in form.externals}
    return Instance.new(form, Context(now=lambda: NOW, username=actor.username, lists=lists))


def choices(instance: Instance, ref: str) -> list[str]:
    return [choice.value for choice in instance.choices(ref)]


def test_the_device_asks_first_which_household_and_then_sees_that_one_alone(session: Session) -> None:
    actor, households = a_village(session)
    instance = on_a_device(session, actor)
    assert choices(instance, "/data/household_id") == [each.id for each in households]
    instance.answer("/data/household_id", households[0].id)
    instance.answer("/data/meeting/disposition", "completed")
    met = choices(instance, "/data/meeting/respondent")
    page = registry.lists_for(session, actor, ("members",), Subject(households[0], TODAY))["members"]
    assert met == [row["name"] for row in page]
    row = "/data/four_difficulties/difficulty[1]"
    assert "worse" in choices(instance, f"{row}/state")
    instance.answer("/data/household_id", households[2].id)
    assert "worse" not in choices(instance, f"{row}/state")


def test_choosing_the_household_takes_over_what_the_register_knows(session: Session) -> None:
    actor, households = a_village(session)
    instance = on_a_device(session, actor)
    instance.answer("/data/meeting/disposition", "completed")
    assert instance.value("/data/living/housing") == ""
    instance.answer("/data/household_id", households[2].id)
    assert instance.value("/data/living/housing") == "grade_c"
    assert instance.value("/data/living/children_in_school") == "2"
    instance.answer("/data/household_id", households[0].id)
    assert instance.value("/data/living/housing") == ""


def test_what_a_device_filled_in_is_accepted_as_from_a_page(session: Session) -> None:
    actor, households = a_village(session)
    instance = on_a_device(session, actor)
    instance.answer("/data/household_id", households[2].id)
    for path, value in fillings.with_difficulty("water").items():
        instance.answer(f"/data/{path}", value)
    instance.answer("/data/living/housing", "safe")
    now = datetime.now(UTC)
    accepted = submissions.accept(
        session, actor, Delivery(instance.to_xml(final=True), SubmissionSource.OPENROSA, now, "tablet")
    )
    assert {written.kind for written in accepted.written} >= {"visit", "case", "household"}
    session.refresh(households[2])
    assert households[2].housing == "safe"


def test_a_contact_by_device_updates_the_file_it_was_prefilled_from(session: Session) -> None:
    actor, households = a_village(session)
    instance = on_a_device(session, actor, library.CONTACT_FORM)
    instance.answer("/data/household_id", households[1].id)
    assert instance.value("/data/file/needs") == "测试：修路"
    assert instance.value("/data/file/measures") == "industry medical"


def test_a_form_without_a_household_passes_as_it_is() -> None:
    text = '<h:body><input ref="/data/a"/></h:body>'
    assert (
        device_forms.for_device(text, "data", keyed={"members": "household"}, question="?", language="")
        == text
    )


def limited(session: Session, **limits: object) -> None:
    """Limit the visit form to a post or an area, or change its days."""
    row = session.exec(
        select(QuestionnaireVersion).join(Questionnaire).where(Questionnaire.form_id == library.VISIT_FORM)
    ).one()
    assert row.id
    for name, value in limits.items():
        if name == "post":
            session.add(QuestionnairePost(version_id=row.id, post=value))
        elif name == "area":
            session.add(QuestionnaireArea(version_id=row.id, area_code=str(value)))
        else:
            setattr(row, name, value)
    session.flush()


@pytest.mark.parametrize(
    ("limits", "offered"),
    [
        ({"post": Post.VILLAGE_HEAD}, True),
        ({"post": Post.STATIONED_CADRE}, False),
        ({"area": VILLAGE}, True),
        ({"area": GROUP}, True),
        ({"area": builders.TOWNSHIP}, True),
        ({"area": OTHER_VILLAGE}, False),
        ({"valid_until": TODAY}, True),
        ({"valid_until": date(2026, 5, 5)}, False),
    ],
)
def test_only_forms_meant_for_the_cadre_are_carried(
    session: Session, limits: dict[str, object], offered: bool
) -> None:
    actor, _households = a_village(session)
    version = library.current_version(session, library.VISIT_FORM, TODAY).version
    assert carried_forms.form(session, actor, library.VISIT_FORM, version, TODAY, {}).version == version
    limited(session, **limits)
    found = {form.form_id for form in carried_forms.forms(session, actor, TODAY, {})}
    assert (library.VISIT_FORM in found) is offered
    if not offered:
        with pytest.raises(Problem) as refusal:
            carried_forms.form(session, actor, library.VISIT_FORM, version, TODAY, {})
        assert refusal.value.code == "access.not_found"


def test_the_files_a_form_shows_come_with_it_and_others_do_not(session: Session) -> None:
    actor, _households = a_village(session)
    version = builders.a_questionnaire_version(
        session,
        "pictures",
        version="7",
        xform=(
            '<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"><h:head><h:title/>'
            '<model><itext><translation lang="zh"><text id="a"><value form="image">jr://images/a.png</value></text>'
            '</translation></itext><instance><data id="pictures" version="7"><household_id/><meta><instanceID/></meta>'
            '</data></instance><bind nodeset="/data/household_id"/></model></h:head><h:body/></h:html>'
        ),
    )
    for name in ("a.png", "list.csv"):
        session.add(QuestionnaireFile(version_id=version.id, name=name, content=b"a", sha256="0" * 64))
    session.flush()
    form, files = carried_forms.files(session, actor, "pictures", "7", TODAY, carried_lists.keyed())
    assert [(file.name, file.md5) for file in files] == [("a.png", "0cc175b9c0f1b6a831c399e269772661")]
    assert device_forms.lists_of(form.xform) == ("households",)


# Files of a submission.


def a_photo(color: str = "red") -> BytesIO:
    file = BytesIO()
    Image.new("RGB", (40, 30), color).save(file, "JPEG")
    file.seek(0)
    return file


def handed_in(session: Session, *names: str) -> tuple[Actor, str]:
    """A submission that names these photos; whose it is and its instance id."""
    fillings.published(session)
    actor = builders.a_cadre(session)
    draft = fillings.a_draft(session, actor, builders.a_household(session))
    instance = drafts.open_instance(session, actor, draft)
    for path, value in fillings.no_problem().items():
        instance.answer(f"/data/{path}", value)
    for number, name in enumerate(names, 1):
        if number > 1:
            instance.add_repeat("/data/closing/photo")
        instance.answer(f"/data/closing/photo[{number}]/image", name)
    delivery = Delivery(instance.to_xml(final=True), SubmissionSource.OPENROSA, NOW)
    return actor, submissions.accept(session, actor, delivery).instance_id


def test_photos_come_in_any_order_and_each_to_its_question(session: Session) -> None:
    actor, instance_id = handed_in(session, "1.jpg", "2.jpg")
    first = delivered_files.attach(session, actor, instance_id, [DeliveredFile("2.jpg", a_photo("blue"))])
    assert first.missing == ("1.jpg",)
    last = delivered_files.attach(session, actor, instance_id, [DeliveredFile("1.jpg", a_photo())])
    assert last == delivered_files.Delivered((), ())
    rows = {row.name: row for row in session.exec(select(Attachment)).all()}
    assert rows["2.jpg"].question == "/data/closing/photo[2]/image"
    assert rows["1.jpg"].area_code == GROUP
    assert Image.open(BytesIO(attachment_files.content_of(rows["1.jpg"].sha256))).size == (40, 30)


def test_a_photo_sent_again_changes_nothing_and_another_under_its_name_is_refused(session: Session) -> None:
    actor, instance_id = handed_in(session, "1.jpg")
    for _ in range(2):
        delivered_files.attach(session, actor, instance_id, [DeliveredFile("1.jpg", a_photo())])
    with pytest.raises(Problem) as refusal:
        delivered_files.attach(session, actor, instance_id, [DeliveredFile("1.jpg", a_photo("blue"))])
    assert refusal.value.code == "openrosa.other_file"
    assert len(session.exec(select(Attachment)).all()) == 1


def test_a_photo_that_no_question_names_is_kept_and_told(session: Session) -> None:
    actor, instance_id = handed_in(session)
    told = delivered_files.attach(session, actor, instance_id, [DeliveredFile("9.jpg", a_photo())])
    assert told.stray == ("9.jpg",)
    assert session.exec(select(Attachment)).one().question == delivered_files.NO_QUESTION


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("1.jpg", b"<html><script>1</script></html>", "attachment.not_image"),
        ("1.jpg", b"", "attachment.not_image"),
        ("../1.jpg", None, "attachment.bad_name"),
        ("..\\1.jpg", None, "attachment.bad_name"),
        ("a\0.jpg", None, "attachment.bad_name"),
        ("", None, "attachment.bad_name"),
        ("stray.html", b"<html></html>", "attachment.not_image"),
    ],
)
def test_what_is_no_photo_or_has_no_name_is_refused_with_its_question(
    session: Session, name: str, content: bytes | None, code: str
) -> None:
    actor, instance_id = handed_in(session, "1.jpg")
    file = a_photo() if content is None else BytesIO(content)
    with pytest.raises(Problem) as refusal:
        delivered_files.attach(session, actor, instance_id, [DeliveredFile(name, file)])
    assert refusal.value.code == code
    if name == "1.jpg":
        assert "照片" in refusal.value.text("zh")
    assert session.exec(select(Attachment)).all() == []


def test_nobody_adds_files_to_somebody_elses_submission(session: Session) -> None:
    _actor, instance_id = handed_in(session, "1.jpg")
    colleague = builders.a_cadre(session)
    with pytest.raises(Problem) as refusal:
        delivered_files.attach(session, colleague, instance_id, [DeliveredFile("1.jpg", a_photo())])
    assert refusal.value.code == "access.not_found"
