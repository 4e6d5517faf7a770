"""Odd submissions over HTTP: each gets its status and a sentence in the person's language, and leaves nothing behind."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import Future

import pytest
from starlette.testclient import TestClient

from models import Attachment, Cadre, Household, Submission, Visit
from survey import db
from survey.access.permissions import Actor
from survey.config import Settings
from survey.problems import Problem
from survey.web.openrosa import pressure, submission
from tests.web.by_tablet import a_photo, filled, household, instance_of, issued, rows
from tests.web.openrosa_client import BOUNDARY, Tablet, body, said

JPEG = "image/jpeg"


def broken(change: Callable[[str], str]) -> Callable[[str], str]:
    return change


def replaced(old: str, new: str) -> Callable[[str], str]:
    def change(xml: str) -> str:
        assert re.search(old, xml), old
        return re.sub(old, lambda _found: new, xml, count=1)

    return change


ODD = {
    "an element the form does not have": (
        replaced("<meeting>", "<meeting><salary>1</salary>"),
        422,
        "questionnaire.unknown_element",
        "salary",
    ),
    "an element twice": (
        replaced("<meeting>", "<meeting><purpose/>"),
        422,
        "questionnaire.duplicate_element",
        "purpose",
    ),
    "another version": (
        replaced('version="[^"]*"', 'version="999"'),
        404,
        "questionnaire.unknown_version",
        "999",
    ),
    "another form": (
        replaced('id="household_visit"', 'id="other"'),
        404,
        "questionnaire.unknown_version",
        "other",
    ),
    "cut off in the middle": (lambda xml: xml[: len(xml) // 2], 422, "submission.broken_off", "题目"),
    "closed by another element": (
        replaced("</meeting>", "</closing>"),
        422,
        "submission.broken_off",
        "meeting",
    ),
    "a NUL in an answer": (replaced("测试：", "测试\0："), 422, "submission.control_character", "words"),
    "an answer of 20 MB": (
        replaced("测试：", "长" * (20 * 1024 * 1024 // 3)),
        413,
        "openrosa.answers_too_large",
        "words",
    ),
    "an answer of 400,000 characters": (
        replaced("测试：", "x" * 400_000),
        413,
        "submission.answer_too_long",
        "words",
    ),
    "an instance id in capitals": (
        lambda xml: xml.replace(instance_of(xml), instance_of(xml).upper()),
        422,
        "submission.instance_id",
        "UUID",
    ),
    "no instance id": (replaced("<instanceID>[^<]*</instanceID>", ""), 422, "submission.instance_id", "编号"),
    "a choice that is none": (
        replaced("<disposition>completed", "<disposition>flown"),
        422,
        "submission.invalid",
        "走访结果",
    ),
    "a required answer missing": (
        replaced("<disposition>completed", "<disposition>"),
        422,
        "submission.invalid",
        "走访结果",
    ),
    "no household": (replaced("<household_id>[^<]*", "<household_id>"), 422, "submission.no_household", "户"),
    "a household elsewhere": (
        replaced("<household_id>[^<]*", "<household_id>ELSEWHERE"),
        404,
        "access.not_found",
        "",
    ),
    "no XML at all": (lambda _xml: "hello", 422, "questionnaire.malformed_xml", "XML"),
    "nothing": (lambda _xml: "", 422, "questionnaire.malformed_xml", ""),
    "an entity bomb": (
        lambda xml: f'<!DOCTYPE d [<!ENTITY a "{"x" * 999}">]>{xml.replace("测试", "&a;" * 999)}',
        422,
        None,
        "",
    ),
}


def nothing_is_left() -> bool:
    return rows(Submission) == [] and rows(Visit) == [] and rows(Attachment) == []


@pytest.mark.parametrize("name", ODD)
def test_an_odd_submission_is_refused_with_its_reason(tablet: Tablet, owner: Actor, name: str) -> None:
    change, status, code, word = ODD[name]
    xml = change(filled(owner)).replace("ELSEWHERE", household("远三").id)
    answer = tablet.hand_in(xml)
    assert (answer.status_code, answer.headers["x-minqing-problem"]) == (
        status,
        code or answer.headers["x-minqing-problem"],
    ), said(answer)
    assert word in said(answer)
    assert re.search("[一-鿿]", said(answer))
    assert nothing_is_left()
    assert tablet.hand_in(filled(owner)).status_code == 201, "the tablet goes on with the next one"


def test_the_sentence_is_in_the_owners_language(tablet: Tablet, owner: Actor) -> None:
    with db.session_scope() as session:
        session.get_one(Cadre, owner.cadre_id).language = "en"
    answer = tablet.hand_in(filled(owner).replace("<meeting>", "<meeting><salary>1</salary>"))
    assert answer.status_code == 422 and answer.headers["content-language"] == "en"
    assert "salary" in said(answer) and not re.search("[一-鿿]", said(answer))


def test_bytes_that_are_no_utf8_are_refused(tablet: Tablet, owner: Actor) -> None:
    answer = tablet.hand_in(filled(owner).encode("gb18030"))
    assert (answer.status_code, answer.headers["x-minqing-problem"]) == (422, "openrosa.not_utf8")


def test_other_bytes_under_a_known_id_are_a_conflict_and_the_first_stay(tablet: Tablet, owner: Actor) -> None:
    xml = filled(owner)
    assert tablet.hand_in(xml).status_code == 201
    answer = tablet.hand_in(xml.replace("测试：下雨就断水", "测试：改过"))
    assert (answer.status_code, answer.headers["x-minqing-problem"]) == (409, "submission.conflict")
    (kept,) = rows(Submission)
    assert kept.payload == xml


def test_a_colleagues_tablet_cannot_answer_under_ones_id(
    client: TestClient, tablet: Tablet, owner: Actor
) -> None:
    from tests import builders

    xml = filled(owner)
    assert tablet.hand_in(xml).status_code == 201
    with db.session_scope() as session:
        colleague = builders.a_cadre(session)
    answer = Tablet.of(client, issued(colleague)).hand_in(xml)
    assert answer.status_code == 409


def test_photos_that_are_missing_are_named_and_may_follow(tablet: Tablet, owner: Actor) -> None:
    xml = filled(owner, photos=("1.jpg", "2.jpg"))
    first = tablet.hand_in(xml, [("1.jpg", a_photo(), JPEG)])
    assert first.status_code == 201
    assert "2.jpg" in said(first) and "1.jpg" not in said(first)
    second = tablet.hand_in(xml, [("2.jpg", a_photo("blue"), JPEG)])
    assert second.status_code == 201 and "2.jpg" not in said(second)
    assert {row.name for row in rows(Attachment)} == {"1.jpg", "2.jpg"}


def test_a_photo_that_no_question_names_is_kept_and_told(tablet: Tablet, owner: Actor) -> None:
    answer = tablet.hand_in(filled(owner), [("stray.jpg", a_photo(), JPEG)])
    assert answer.status_code == 201 and "stray.jpg" in said(answer)
    (row,) = rows(Attachment)
    assert (row.name, row.question) == ("stray.jpg", "")


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("1.jpg", b"<html><script>alert(1)</script></html>", 422, "attachment.not_image"),
        ("../../1.jpg", None, 422, "attachment.bad_name"),
        ("/etc/1.jpg", None, 422, "attachment.bad_name"),
        ("1.jpg", b"\xff\xd8\xff" + b"\0" * (13 * 1024 * 1024), 413, "attachment.too_large"),
    ],
    ids=["HTML as a photo", "a path upwards", "a path from the root", "a photo of 13 MB"],
)
def test_an_odd_file_is_refused_and_the_filling_with_it(
    tablet: Tablet, owner: Actor, name: str, content: bytes | None, status: int, code: str
) -> None:
    file = (name, a_photo() if content is None else content, JPEG)
    answer = tablet.hand_in(filled(owner, photos=("1.jpg",)), [file])
    assert (answer.status_code, answer.headers["x-minqing-problem"]) == (status, code), said(answer)
    assert nothing_is_left()


def test_a_refused_file_of_a_later_post_leaves_what_was_kept(tablet: Tablet, owner: Actor) -> None:
    xml = filled(owner, photos=("1.jpg", "2.jpg"))
    assert tablet.hand_in(xml, [("1.jpg", a_photo(), JPEG)], incomplete=True).status_code == 202
    assert tablet.hand_in(xml, [("2.jpg", b"<html>", JPEG)]).status_code == 422
    assert [row.name for row in rows(Attachment)] == ["1.jpg"]
    assert tablet.hand_in(xml, [("2.jpg", a_photo(), JPEG)]).status_code == 201


MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


@pytest.mark.parametrize(
    ("kind", "content", "status", "code"),
    [
        ("text/xml", b"<data/>", 415, "openrosa.not_multipart"),
        ("multipart/form-data", b"", 415, "openrosa.not_multipart"),
        (MULTIPART, b"", 400, "openrosa.broken"),
        (MULTIPART, b"no boundary in sight", 400, "openrosa.broken"),
        (MULTIPART, body("<data/>")[:-20], 400, "openrosa.broken"),
        (MULTIPART, body("<data/>", [(f"{n}.jpg", b"x", JPEG) for n in range(300)]), 400, "openrosa.broken"),
        (MULTIPART, body("<data/>").replace(b"xml_submission_file", b"other"), 422, "openrosa.no_submission"),
        (
            MULTIPART,
            body("<a/>", [("xml_submission_file", b"<b/>", "text/xml")]),
            422,
            "openrosa.two_submissions",
        ),
    ],
)
def test_what_is_no_post_of_a_filling_is_refused(
    tablet: Tablet, kind: str, content: bytes, status: int, code: str
) -> None:
    tablet.ask()
    answer = tablet.post(content, **{"content-type": kind})
    assert (answer.status_code, answer.headers["x-minqing-problem"]) == (status, code)
    assert said(answer)


def limited(megabytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    store = db.current()
    monkeypatch.setattr(
        db, "_current", replace(store, settings=replace(store.settings, submission_mb=megabytes))
    )


def test_a_post_over_the_limit_is_refused_with_the_limit_declared_or_not(
    tablet: Tablet, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(2, monkeypatch)
    content = body(filled(owner, photos=("1.jpg",)), [("1.jpg", b"\xff\xd8\xff" + b"\0" * 2**21, JPEG)])
    tablet.ask()
    assert tablet.answers[-1].headers["x-openrosa-accept-content-length"] == str(2 * 1024 * 1024)
    declared = tablet.post(content)
    assert (declared.status_code, declared.headers["x-minqing-problem"]) == (413, "openrosa.too_large")
    assert "2 MB" in said(declared)
    pieces = iter([content[at : at + 65_536] for at in range(0, len(content), 65_536)])
    chunked = tablet.post(pieces)  # type: ignore[arg-type]
    assert "content-length" not in chunked.request.headers
    assert (chunked.status_code, chunked.headers["x-minqing-problem"]) == (413, "openrosa.too_large")
    assert nothing_is_left()


def test_a_chunked_post_without_a_length_is_taken(tablet: Tablet, owner: Actor) -> None:
    content = body(filled(owner, photos=("1.jpg",)), [("1.jpg", a_photo(), JPEG)])
    tablet.ask()
    answer = tablet.post(iter([content[:1000], content[1000:1001], content[1001:]]))  # type: ignore[arg-type]
    assert answer.status_code == 201
    assert len(rows(Attachment)) == 1


def test_when_all_places_are_taken_the_client_is_asked_to_come_again(
    tablet: Tablet, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pressure, "PLACES", pressure.Places(most=0))
    answer = tablet.hand_in(filled(owner))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    monkeypatch.setattr(pressure, "PLACES", pressure.Places(most_of_one=0))
    answer = tablet.hand_in(filled(owner))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "10")


def test_places_are_given_back_whatever_happens(tablet: Tablet, owner: Actor) -> None:
    for xml in ("<data/>", filled(owner)):
        tablet.hand_in(xml)
    assert pressure.PLACES._taken == {}


@pytest.mark.parametrize(("code", "status"), [("store.busy", 503), ("store.disk_full", 507)])
def test_a_store_that_cannot_write_is_told_and_nobody_is_told_of_success(
    tablet: Tablet, owner: Actor, monkeypatch: pytest.MonkeyPatch, code: str, status: int
) -> None:
    def failing(*_args: object) -> None:
        raise Problem(code)

    xml = filled(owner)
    monkeypatch.setattr(submission.submissions, "accept", failing)
    answer = tablet.hand_in(xml)
    assert answer.status_code == status and int(answer.headers["retry-after"]) > 0
    monkeypatch.undo()
    assert tablet.hand_in(xml).status_code == 201


def test_what_waits_together_is_accepted_together_and_what_fails_fails_alone(owner: Actor) -> None:
    acceptor, gate = pressure.acceptor(), threading.Event()
    first = acceptor.hand_over(lambda _session: gate.wait(30))

    def work(number: int) -> Callable[[object], int]:
        def do(session: object) -> int:
            with db.reading() as _other:
                pass
            place = session.get_one(Household, household_id)  # type: ignore[attr-defined]
            place.children_in_school = (place.children_in_school or 0) + 1
            session.flush()  # type: ignore[attr-defined]
            if number == 2:
                raise Problem("openrosa.broken")
            return number

        return do

    household_id = household().id
    waiting: list[Future[int]] = [acceptor.hand_over(work(number)) for number in range(5)]  # type: ignore[arg-type]
    gate.set()
    assert first.result(30)
    assert isinstance(waiting[2].exception(30), Problem)
    assert [waiting[number].result(30) for number in (0, 1, 3, 4)] == [0, 1, 3, 4]
    assert household().children_in_school == 4, "what failed is undone alone"


def test_the_limit_is_a_setting() -> None:
    from survey.config import settings_from

    assert settings_from({}).submission_mb == 100
    settings: Settings = settings_from({"MINQING_SUBMISSION_MB": "30"})
    assert settings.submission_mb == 30
    assert settings.environment()["MINQING_SUBMISSION_MB"] == "30"
    for wrong in ("0", "-1", "x", "2001", "1.5"):
        with pytest.raises(Problem):
            settings_from({"MINQING_SUBMISSION_MB": wrong})
