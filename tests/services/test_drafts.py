"""Fillings in progress: kept as they are given, seen by their owner alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import Session, select

from models import Draft, Post
from survey.problems import Problem
from survey.questionnaires import drafts, library
from tests.builders import NOW, OTHER_VILLAGE, a_cadre, a_household
from tests.fillings import a_draft, answered


def test_starting_again_continues_the_same_draft__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    first = a_draft(session, actor, household)
    answered(session, actor, first, {"closing/diary": "测试日记"})
    again = drafts.start(session, actor, library.VISIT_FORM, household.id, now=NOW + timedelta(hours=1))
    assert again.instance_id == first.instance_id
    assert "测试日记" in again.payload


def test_two_cadres_at_one_household_have_a_draft_each__ok(session: Session) -> None:
    household = a_household(session)
    first = a_draft(session, a_cadre(session), household)
    second = a_draft(session, a_cadre(session), household)
    assert first.instance_id != second.instance_id


def test_a_draft_is_encrypted_in_the_store__ok(session: Session) -> None:
    actor, household = a_cadre(session), a_household(session)
    answered(session, actor, a_draft(session, actor, household), {"closing/diary": "测试日记"})
    session.flush()
    raw = session.execute(sa.text("SELECT payload FROM draft")).scalar_one()
    assert "测试日记".encode() not in bytes(raw)
    assert "测试日记" in session.exec(select(Draft)).one().payload


def test_another_cadre_does_not_see_the_draft__error(session: Session) -> None:
    owner, other = a_cadre(session), a_cadre(session)
    draft = a_draft(session, owner, a_household(session))
    for attempt in (
        lambda: drafts.load(session, other, draft.instance_id),
        lambda: drafts.save(session, other, draft.instance_id, "<data/>", revision=1, now=NOW),
        lambda: drafts.discard(session, other, draft.instance_id),
    ):
        with pytest.raises(Problem) as caught:
            attempt()
        assert caught.value.code == "access.not_found"
    assert drafts.mine(session, other) == ()
    assert session.exec(select(Draft)).one().payload == draft.payload


def test_a_save_on_top_of_a_newer_revision__error(session: Session) -> None:
    actor = a_cadre(session)
    draft = a_draft(session, actor, a_household(session))
    assert drafts.save(session, actor, draft.instance_id, "<data>a</data>", revision=1, now=NOW) == 2
    with pytest.raises(Problem) as caught:
        drafts.save(session, actor, draft.instance_id, "<data>b</data>", revision=1, now=NOW)
    assert caught.value.code == "draft.stale"
    assert drafts.load(session, actor, draft.instance_id).payload == "<data>a</data>"


def test_a_household_outside_the_area__error(session: Session) -> None:
    outsider = a_cadre(session, Post.VILLAGE_HEAD, OTHER_VILLAGE)
    with pytest.raises(Problem) as caught:
        a_draft(session, outsider, a_household(session))
    assert caught.value.code == "access.not_found"


def test_a_post_that_records_no_visits__error(session: Session) -> None:
    for post in (Post.ANALYST, Post.ADMINISTRATOR, Post.DISCIPLINE_INSPECTOR):
        with pytest.raises(Problem) as caught:
            a_draft(session, a_cadre(session, post, "511922125"), a_household(session))
        assert caught.value.code == "access.forbidden"
