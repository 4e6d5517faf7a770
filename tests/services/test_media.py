"""Pictures of questionnaires: which are shown, and to whom."""

from __future__ import annotations

import pytest
from sqlmodel import Session

from models import Post, QuestionnaireFile, VersionState
from survey.access.permissions import Actor
from survey.problems import Problem
from survey.questionnaires import media
from tests.builders import FAR_VILLAGE, TOWNSHIP, a_cadre, a_questionnaire_version

PICTURE = b"\x89PNG\r\n\x1a\n and more"


def a_version(session: Session, **over: object) -> tuple[str, str]:
    version = a_questionnaire_version(session, **over)
    for name, content in {
        "brick.png": PICTURE,
        "false.png": b"<html>",
        "drawing.svg": b"<svg/>",
        "villages.csv": b"name,label",
        "song.mp3": b"ID3",
    }.items():
        session.add(QuestionnaireFile(version_id=version.id, name=name, content=content, sha256="0" * 64))
    session.flush()
    return "test_form", version.version


def may_read(session: Session, actor: Actor, version: tuple[str, str]) -> bool:
    try:
        media.read(session, actor, *version, "brick.png")
    except Problem as problem:
        assert problem.code == "access.not_found"
        return False
    return True


def test_a_picture_is_given_out_with_its_type__ok(session: Session) -> None:
    actor, version = a_cadre(session), a_version(session)
    assert media.read(session, actor, *version, "brick.png") == (PICTURE, "image/png")
    assert media.names(session, actor, *version) == {"brick.png", "false.png", "song.mp3"}


@pytest.mark.parametrize("name", ["false.png", "drawing.svg", "villages.csv", "nothing.png", "../brick.png"])
def test_what_is_no_picture_is_not_given_out__error(session: Session, name: str) -> None:
    actor, version = a_cadre(session), a_version(session)
    with pytest.raises(Problem) as refused:
        media.read(session, actor, *version, name)
    assert refused.value.code == "access.not_found"


def test_pictures_of_an_office_are_seen_in_its_area_and_nowhere_else(session: Session) -> None:
    cadre, far = a_cadre(session), a_cadre(session, Post.VILLAGE_HEAD, FAR_VILLAGE)
    version = a_version(session, area_code=TOWNSHIP)
    assert may_read(session, cadre, version)
    assert not may_read(session, far, version)


def test_pictures_of_a_draft_are_seen_by_its_office_alone(session: Session) -> None:
    cadre, office = a_cadre(session), a_cadre(session, Post.MASS_WORK_MEMBER, TOWNSHIP)
    version = a_version(session, area_code=TOWNSHIP, state=VersionState.DRAFT)
    assert may_read(session, office, version)
    assert not may_read(session, cadre, version)
