"""A photo on its way from the browser: named as received only once it is kept, and kept once however often it comes."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import streamlit as st
from sqlmodel import select

from models import Attachment
from survey import composition, db, i18n
from survey.access.permissions import Actor
from survey.problems import Problem
from survey.questionnaires import attachments, drafts
from survey.ui import session as ui_session
from survey.ui import state
from survey.ui.filling import Draft
from tests.builders import a_cadre, a_household
from tests.fillings import a_draft
from tests.services.permission_trials import a_photo

KEY, REF = "camera", "/data/closing/photo"


@pytest.fixture
def draft(sqlite_store: db.Store, monkeypatch: pytest.MonkeyPatch) -> tuple[Actor, Draft]:
    """A draft on the page of the cadre who began it."""
    composition.wire()
    with db.session_scope() as session:
        actor = a_cadre(session)
        instance_id = a_draft(session, actor, a_household(session)).instance_id
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(ui_session, "_present", lambda: actor)
    return actor, Draft(instance_id)


def send(draft: Draft, photo_id: str, content: bytes | None = None) -> None:
    """The browser's message, as the component's callback finds it."""
    encoded = base64.b64encode(a_photo() if content is None else content).decode()
    sent: dict[str, Any] = {"id": photo_id, "name": "1.jpg", "content": encoded}
    st.session_state[KEY] = {"photo": sent}
    draft.photograph(KEY, REF)


def kept() -> list[str]:
    with db.reading() as session:
        return [row.name for row in session.exec(select(Attachment))]


def test_a_photo_is_not_received_before_it_is_kept(
    draft: tuple[Actor, Draft], monkeypatch: pytest.MonkeyPatch
) -> None:
    actor, filling = draft
    with monkeypatch.context() as full:

        def refuse(*_arguments: Any, **_keywords: Any) -> None:
            raise Problem("attachment.disk_full")

        full.setattr(attachments, "store", refuse)
        with i18n.speaking("zh"):
            send(filling, "p1")
    assert "磁盘已满" in state.take_notices()[0].text
    assert (filling.received(KEY), kept()) == ("", [])
    send(filling, "p1")
    assert (filling.received(KEY), kept()) == ("p1", ["photo-p1.jpg"])
    with db.reading() as session:
        (view,) = drafts.mine(session, actor)
        assert "photo-p1.jpg" in view.payload


def test_a_photo_that_comes_twice_is_kept_once(draft: tuple[Actor, Draft]) -> None:
    actor, filling = draft
    send(filling, "p1")
    send(filling, "p1")
    send(filling, "p2")
    assert kept() == ["photo-p1.jpg", "photo-p2.jpg"]
    with db.reading() as session:
        (view,) = drafts.mine(session, actor)
        assert [view.payload.count(f">photo-{name}.jpg<") for name in ("p1", "p2")] == [1, 1]


def test_a_photo_at_fault_lets_the_next_one_go(draft: tuple[Actor, Draft]) -> None:
    _actor, filling = draft
    send(filling, "p1", b"no photo")
    assert (filling.received(KEY), kept()) == ("p1", [])
    assert len(state.take_notices()) == 1
