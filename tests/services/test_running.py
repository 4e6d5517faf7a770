"""Running forms kept from one answer to the next: a shortcut that never shows what the store no longer holds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlmodel import Session

from survey.access.permissions import Actor
from survey.problems import Problem
from survey.questionnaires import drafts, running
from tests.builders import NOW, a_cadre, a_household
from tests.fillings import a_draft, answered

DIARY = "/data/closing/diary"


@pytest.fixture
def owner(session: Session) -> Actor:
    return a_cadre(session)


@pytest.fixture
def draft(session: Session, owner: Actor) -> drafts.DraftView:
    return a_draft(session, owner, a_household(session))


def written(session: Session, actor: Actor, instance_id: str, text: str) -> running.Running:
    form = running.take(session, actor, instance_id)
    form.instance.answer(DIARY, text)
    form = running.save(session, actor, form, now=NOW)
    running.give_back(session, form)
    return form


def test_an_answer_is_in_the_draft_and_the_form_is_used_again__ok(
    session: Session, owner: Actor, draft: drafts.DraftView
) -> None:
    first = written(session, owner, draft.instance_id, "第一句")
    again = running.take(session, owner, draft.instance_id)
    assert again.instance is first.instance
    assert again.revision == draft.revision + 1
    assert "第一句" in drafts.load(session, owner, draft.instance_id).payload


def test_what_another_device_saved_is_read_anew__ok(
    session: Session, owner: Actor, draft: drafts.DraftView
) -> None:
    written(session, owner, draft.instance_id, "平板上的话")
    answered(session, owner, drafts.load(session, owner, draft.instance_id), {"closing/diary": "电脑上的话"})
    assert running.take(session, owner, draft.instance_id).instance.value(DIARY) == "电脑上的话"


def test_a_change_that_was_not_saved_is_forgotten__ok(
    session: Session, owner: Actor, draft: drafts.DraftView
) -> None:
    written(session, owner, draft.instance_id, "保存过")
    running.take(session, owner, draft.instance_id).instance.answer(DIARY, "没有保存")
    assert running.take(session, owner, draft.instance_id).instance.value(DIARY) == "保存过"


def test_one_form_is_never_given_to_two__ok(session: Session, owner: Actor, draft: drafts.DraftView) -> None:
    written(session, owner, draft.instance_id, "一句")
    mine, other = (running.take(session, owner, draft.instance_id) for _ in range(2))
    assert mine.instance is not other.instance


def test_a_save_on_top_of_a_newer_revision__error(
    session: Session, owner: Actor, draft: drafts.DraftView
) -> None:
    here = running.take(session, owner, draft.instance_id)
    written(session, owner, draft.instance_id, "较新")
    with pytest.raises(Problem) as caught:
        running.save(session, owner, here, now=NOW)
    assert caught.value.code == "draft.stale"


def test_another_language_gets_a_form_of_its_own__ok(
    session: Session, owner: Actor, draft: drafts.DraftView
) -> None:
    kept = written(session, owner, draft.instance_id, "一句")
    assert (
        running.take(session, replace(owner, language="en"), draft.instance_id).instance is not kept.instance
    )


def test_another_cadre_never_gets_what_is_kept__error(
    session: Session, owner: Actor, draft: drafts.DraftView
) -> None:
    written(session, owner, draft.instance_id, "一句")
    with pytest.raises(Problem) as caught:
        running.take(session, a_cadre(session), draft.instance_id)
    assert caught.value.code == "access.not_found"


def test_what_is_kept_ends_with_the_post__error(
    session: Session, owner: Actor, draft: drafts.DraftView
) -> None:
    written(session, owner, draft.instance_id, "一句")
    with pytest.raises(Problem) as caught:
        running.take(session, replace(owner, grants=()), draft.instance_id)
    assert caught.value.code == "access.forbidden"


def test_no_more_are_kept_than_said__ok(
    session: Session, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "KEPT_MOST", 1)
    first, second = (a_draft(session, owner, a_household(session)).instance_id for _ in range(2))
    kept = written(session, owner, first, "先")
    written(session, owner, second, "后")
    assert running.take(session, owner, first).instance is not kept.instance
