"""Refused acts in the audit trail: who tried what, about which record; what is only looked at leaves none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlmodel import Session, select

from models import AuditEntry, AuditResult, Household, Member, Post
from survey import db
from survey.access import audit
from survey.access.permissions import Actor
from survey.analysis import snapshot
from survey.fieldwork import hardship, households
from survey.problems import Problem
from tests.builders import FAR_VILLAGE, GROUP, TODAY, VILLAGE, a_cadre, a_household

Act = Callable[[Session, Actor, Household], object]


@pytest.fixture
def people(store: db.Store) -> tuple[Actor, Actor, Household, Household]:
    """A village head, a group informant, a household of theirs and one of another township, all committed."""
    with db.session_scope() as session:
        head = a_cadre(session)
        informant = a_cadre(session, Post.GROUP_INFORMANT, GROUP)
        return head, informant, a_household(session), a_household(session, FAR_VILLAGE)


def entries() -> list[AuditEntry]:
    with db.reading() as session:
        assert list(audit.broken_links(session)) == []
        return list(session.exec(select(AuditEntry).order_by(AuditEntry.sequence)))  # type: ignore[arg-type]


def refused(act: Act, actor: Actor, household: Household) -> str:
    with pytest.raises(Problem) as caught, db.session_scope() as session:
        act(session, actor, household)
    return caught.value.code


def test_a_reveal_outside_ones_area_leaves_its_trace(
    people: tuple[Actor, Actor, Household, Household],
) -> None:
    head, _informant, _near, far = people
    code = refused(lambda s, a, h: households.reveal(s, a, "household", h.id, "phone", "call"), head, far)
    (entry,) = entries()
    assert (entry.cadre_id, entry.action, entry.result) == (
        head.cadre_id,
        "access.refuse",
        AuditResult.REFUSED,
    )
    assert (entry.object_kind, entry.object_id, entry.area_code) == ("household", far.id, VILLAGE)
    assert entry.details == {
        "act": "fieldwork.households.reveal",
        "needed": "identifiers.reveal",
        "reason": code,
    }


@pytest.mark.parametrize(
    ("act", "named"),
    [
        (
            lambda s, a, h: households.add_household(s, a, h.area_code, {"name": "王五"}, {}, on=TODAY),
            "fieldwork.households.add_household",
        ),
        (
            lambda s, a, h: hardship.open_file(
                s, a, h.id, category="subsistence", main_cause="illness", on=TODAY
            ),
            "fieldwork.hardship.open_file",
        ),
        (lambda s, a, _h: snapshot.announce(s, a), "analysis.snapshot.announce"),
    ],
    ids=["write", "file", "export"],
)
def test_a_write_or_an_export_beyond_ones_post_leaves_its_trace(
    people: tuple[Actor, Actor, Household, Household], act: Act, named: str
) -> None:
    _head, informant, near, _far = people
    assert refused(act, informant, near) == "access.forbidden"
    (entry,) = entries()
    assert (entry.details["act"], entry.result) == (named, AuditResult.REFUSED)
    with db.reading() as session:
        assert len(session.exec(select(Member)).all()) == 2, "nothing was written"


def test_a_look_that_is_refused_and_a_mistake_leave_none(
    people: tuple[Actor, Actor, Household, Household],
) -> None:
    head, _informant, near, far = people
    with pytest.raises(Problem), db.reading() as session:
        households.household(session, head, far.id)
    assert refused(lambda s, a, h: households.reveal(s, a, "household", h.id, "phone", ""), head, near) == (
        "households.reason_missing"
    )
    assert entries() == []


def test_what_is_no_id_is_not_named(people: tuple[Actor, Actor, Household, Household]) -> None:
    head, *_others = people
    act: Act = lambda s, a, _h: households.reveal(s, a, "household", "张三 电话", "phone", "call")  # noqa: E731
    assert refused(act, head, people[2]) == "access.not_found"
    assert [entry.object_id for entry in entries()] == [""]


def test_a_refusal_that_was_dealt_with_leaves_none(
    people: tuple[Actor, Actor, Household, Household],
) -> None:
    head, _informant, _near, far = people
    with db.session_scope() as session, pytest.raises(Problem):
        households.reveal(session, head, "household", far.id, "phone", "call")
    assert entries() == []
