"""What a client may send instead of a filling: each is refused with the question it is about, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlmodel import Session, func, select

from models import Attachment, Draft, Observation, Post, Submission, Visit
from survey.access.permissions import Actor
from survey.problems import Problem
from survey.questionnaires import attachments, incoming, reviews, submissions
from survey.questionnaires.submissions import Delivery
from tests.builders import OTHER_VILLAGE, a_cadre, a_household
from tests.fillings import a_delivery, a_draft, no_problem, with_difficulty
from tests.services.permission_trials import QUESTION, a_photo

Change = Callable[[str], str]


def swapped(given: str, other: str) -> Change:
    def change(xml: str) -> str:
        assert given in xml, given
        return xml.replace(given, other, 1)

    return change


def cut_after(text: str) -> Change:
    return lambda xml: xml[: xml.index(text) + len(text)]


def sent(session: Session, delivery: Delivery, actor: Actor) -> Problem:
    """The problem a delivery is refused with, and that nothing of it stays."""
    savepoint = session.begin_nested()
    with pytest.raises(Problem) as caught:
        submissions.accept(session, actor, delivery)
    savepoint.rollback()
    assert session.exec(select(func.count()).select_from(Submission)).one() == 0
    assert session.exec(select(func.count()).select_from(Visit)).one() == 0
    assert session.exec(select(func.count()).select_from(Draft)).one() == 1, "the draft stays"
    return caught.value


BROKEN = {
    "an element the form does not have": (
        swapped("<satisfaction>", "<mood>good</mood><satisfaction>"),
        "questionnaire.unknown_element",
        "/data/closing/mood",
    ),
    "an element of another case": (
        swapped("<satisfaction>satisfied</satisfaction>", "<Satisfaction>satisfied</Satisfaction>"),
        "questionnaire.unknown_element",
        "/data/closing/Satisfaction",
    ),
    "an element twice": (
        swapped("<satisfaction>", "<satisfaction>satisfied</satisfaction><satisfaction>"),
        "questionnaire.duplicate_element",
        "/data/closing/satisfaction",
    ),
    "text in a group": (
        swapped("<satisfaction>", "stray<satisfaction>"),
        "questionnaire.unexpected_text",
        "/data/closing",
    ),
    "a required answer left out": (
        swapped("<satisfaction>satisfied</satisfaction>", ""),
        "submission.invalid",
        "群众对工作是否满意",
    ),
    "a choice that is not in the list": (
        swapped(">satisfied<", ">delighted<"),
        "submission.invalid",
        "群众对工作是否满意",
    ),
    "two choices where one belongs": (
        swapped(">satisfied<", ">satisfied dissatisfied<"),
        "submission.invalid",
        "群众对工作是否满意",
    ),
    "no date": (
        swapped("<visited_on>2026-05-06<", "<visited_on>06.05.2026<"),
        "submission.invalid",
        "走访日期",
    ),
    "no number": (
        swapped("<children_in_school/>", "<children_in_school>two</children_in_school>"),
        "submission.invalid",
        "在校学生人数",
    ),
    "a number beyond all bounds": (
        swapped("<children_in_school/>", "<children_in_school>99999999999999999999</children_in_school>"),
        "submission.invalid",
        "在校学生人数",
    ),
    "no place": (swapped("<place/>", "<place>somewhere</place>"), "submission.invalid", "位置"),
    "a photo named by a path": (
        swapped("<image/>", "<image>../../etc/passwd</image>"),
        "submission.invalid",
        "照片",
    ),
    "another form": (
        swapped('id="household_visit"', 'id="census"'),
        "questionnaire.unknown_version",
        "census",
    ),
    "another version": (swapped(' version="', ' version="7'), "questionnaire.unknown_version", "第 7"),
    "XML that was cut off": (cut_after("<satisfaction>sat"), "submission.broken_off", "satisfaction"),
    "XML that was cut off between two answers": (
        cut_after("</satisfaction>"),
        "submission.broken_off",
        "closing",
    ),
    "tags that do not fit": (
        swapped("satisfied</satisfaction>", "satisfied</diary>"),
        "submission.broken_off",
        "satisfaction",
    ),
    "a NUL": (swapped(">satisfied<", ">satis\0fied<"), "submission.control_character", "satisfaction"),
    "a bell": (swapped("<diary/>", "<diary>a\x07b</diary>"), "submission.control_character", "diary"),
    "a lone surrogate": (
        swapped("<diary/>", "<diary>\ud83d</diary>"),
        "submission.control_character",
        "diary",
    ),
    "twenty megabytes of text": (
        lambda xml: xml.replace("<diary/>", f"<diary>{'长' * 7_000_000}</diary>", 1),
        "submission.answer_too_long",
        "diary",
    ),
    "so much that it is not even read": (
        lambda xml: xml.replace("<diary/>", f"<diary>{'x' * 21_000_000}</diary>", 1),
        "submission.too_large",
        "diary",
    ),
    "an answer as long as a book": (
        swapped("<diary/>", f"<diary>{'长' * 200_000}</diary>"),
        "submission.answer_too_long",
        "diary",
    ),
    "an instance id in capitals": (
        lambda xml: xml.replace("uuid:", "UUID:", 1),
        "submission.instance_id",
        "UUID:",
    ),
    "an instance id that is none": (
        lambda xml: xml.replace("uuid:", "uuid:' OR 1=1 --", 1),
        "submission.instance_id",
        "OR 1=1",
    ),
    "its name in another case": (
        lambda xml: xml.replace("instanceID", "instanceId"),
        "submission.instance_id",
        "instanceID",
    ),
    "an entity bomb": (
        lambda xml: '<!DOCTYPE d [<!ENTITY a "aaaa">]>' + xml,
        "questionnaire.forbidden_xml",
        "DTD",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_filling_is_refused_by_its_question__error(session: Session, name: str) -> None:
    change, code, words = BROKEN[name]
    actor, household = a_cadre(session), a_household(session)
    delivery = a_delivery(session, actor, household)
    problem = sent(session, replace(delivery, xml=change(delivery.xml)), actor)
    assert problem.code == code
    assert words in problem.text("zh")


def test_changed_content_under_a_known_id_names_the_first_question_that_differs__error(
    session: Session,
) -> None:
    actor, household = a_cadre(session), a_household(session)
    delivery = a_delivery(session, actor, household, with_difficulty("water"))
    submissions.accept(session, actor, delivery)
    changed = replace(delivery, xml=delivery.xml.replace("下雨就断水", "从不断水"))
    with pytest.raises(Problem) as caught:
        submissions.accept(session, actor, changed)
    assert caught.value.code == "submission.conflict"
    assert "具体情况" in caught.value.text("zh")
    assert session.exec(select(Submission)).one().payload == delivery.xml


def test_somebody_elses_instance_id_tells_nothing_of_his_answers__error(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    delivery = a_delivery(session, actor, household)
    submissions.accept(session, actor, delivery)
    with pytest.raises(Problem) as caught:
        submissions.accept(session, a_cadre(session), delivery)
    assert (caught.value.code, caught.value.facts["question"]) == ("submission.conflict", "—")


def test_a_record_of_another_submission_is_not_overwritten__error(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    submissions.accept(session, actor, a_delivery(session, actor, household))
    visit = session.exec(select(Visit)).one()
    theirs = visit.model_dump()
    delivery = a_delivery(session, actor, household, no_problem() | {"closing/diary": "测试：伪造"})
    document = incoming.read(delivery.xml).root
    own = next(
        node.get("id")
        for node in document.child("meta").elements("entity")  # type: ignore[union-attr]
        if node.get("dataset") == "visits"
    )
    forged = replace(delivery, xml=delivery.xml.replace(own, visit.id))
    savepoint = session.begin_nested()
    with pytest.raises(Problem) as caught:
        submissions.accept(session, actor, forged)
    savepoint.rollback()
    assert caught.value.code == "submission.entity_known"
    session.expire_all()
    assert session.exec(select(Visit)).one().model_dump() == theirs


@pytest.mark.parametrize(
    "id", ["1", "../../1", "' OR 1=1", "3F2A9C10-7B4D-4E8A-9F61-2C5D8E0B7A94", "x" * 200]
)
def test_a_record_id_that_is_none__error(session: Session, id: str) -> None:
    actor, household = a_cadre(session), a_household(session)
    delivery = a_delivery(session, actor, household)
    document = incoming.read(delivery.xml).root
    entity = document.child("meta").child("entity")  # type: ignore[union-attr]
    assert entity is not None
    problem = sent(session, replace(delivery, xml=delivery.xml.replace(entity.get("id"), id)), actor)
    assert problem.code == "submission.entity_id"
    assert "/data" in problem.text("zh")


def test_two_records_under_one_id__error(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    delivery = a_delivery(session, actor, household)
    rows = incoming.read(delivery.xml).root.child("four_difficulties").elements("difficulty")  # type: ignore[union-attr]
    one, two = (row.child("meta").child("entity").get("id") for row in rows[:2])  # type: ignore[union-attr]
    problem = sent(session, replace(delivery, xml=delivery.xml.replace(two, one)), actor)
    assert problem.code == "submission.entity_id"
    assert session.exec(select(func.count()).select_from(Observation)).one() == 0


def test_what_was_accepted_before_is_known_again_whatever_changed_since__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    delivery = a_delivery(session, actor, household, with_difficulty("water"))
    submissions.accept(session, actor, delivery)
    late = replace(delivery, now=delivery.now.replace(year=2028))
    assert submissions.accept(session, actor, late).already


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("../1.jpg", a_photo(), "attachment.bad_name"),
        ("a/b.jpg", a_photo(), "attachment.bad_name"),
        ("..\\1.jpg", a_photo(), "attachment.bad_name"),
        (".htaccess", a_photo(), "attachment.bad_name"),
        ("1\0.jpg", a_photo(), "attachment.bad_name"),
        ("", a_photo(), "attachment.bad_name"),
        ("x" * 200, a_photo(), "attachment.bad_name"),
        ("1.jpg", b"<html><script>alert(1)</script></html>", "attachment.not_image"),
        ("1.jpg", b"", "attachment.not_image"),
        ("1.jpg", a_photo()[:100], "attachment.not_image"),
    ],
)
def test_an_attachment_that_is_none_names_its_question__error(
    session: Session, name: str, content: bytes, code: str
) -> None:
    actor = a_cadre(session)
    draft = a_draft(session, actor, a_household(session))
    with pytest.raises(Problem) as caught:
        attachments.store(session, actor, draft.instance_id, QUESTION, name, content)
    assert caught.value.code == code
    assert "题目“照片”" in caught.value.text("zh")
    assert session.exec(select(func.count()).select_from(Attachment)).one() == 0


def test_stray_and_missing_photos_are_flagged_and_lose_nothing__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    draft = a_draft(session, actor, household)
    attachments.store(session, actor, draft.instance_id, QUESTION, "stray.jpg", a_photo())
    delivery = a_delivery(session, actor, household, no_problem() | {"closing/photo[1]/image": "missing.jpg"})
    accepted = submissions.accept(session, actor, delivery)
    view = reviews.submission(session, actor, accepted.instance_id)
    assert [(photo.label, photo.name, photo.id) for photo in view.photos] == [("照片", "missing.jpg", "")]
    assert view.stray_photos == 1
    assert session.exec(select(func.count()).select_from(Attachment)).one() == 1


def test_a_household_of_another_village__error(session: Session) -> None:
    actor, far = a_cadre(session), a_cadre(session, Post.VILLAGE_HEAD, OTHER_VILLAGE)
    delivery = a_delivery(session, actor, a_household(session))
    assert sent(session, delivery, far).code == "access.not_found"
