"""A record elsewhere is not even read: the area is part of the statement, not a look at the row afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import Session, select

from models import Area, Assignment, HardshipFile, Household, Member, Post, Posting
from survey.access import accounts
from survey.access.permissions import Actor
from survey.areas import register
from survey.fieldwork import assignments, hardship, households
from survey.problems import Problem
from tests import builders
from tests.builders import OTHER_GROUP, OTHER_VILLAGE, TODAY, TOWNSHIP

Call = Callable[[Session, Actor, dict[str, Any]], object]

CALLS: dict[str, tuple[Post, type, Call]] = {
    "household": (
        Post.VILLAGE_HEAD,
        Household,
        lambda s, a, far: households.household(s, a, far["household"], on=TODAY),
    ),
    "place": (
        Post.VILLAGE_HEAD,
        Household,
        lambda s, a, far: households.set_place(
            s,
            a,
            far["household"],
            lat=32,
            lon=106,
            accuracy_m=None,
            source=households.PlaceSource.MAP,
            on=TODAY,
        ),
    ),
    "member left": (
        Post.VILLAGE_HEAD,
        Member,
        lambda s, a, far: households.member_left(
            s, a, far["member"], households.Residence.MOVED_OUT, on=TODAY
        ),
    ),
    "reveal": (
        Post.VILLAGE_HEAD,
        Member,
        lambda s, a, far: households.reveal(s, a, "member", far["member"], "phone", "visit"),
    ),
    "file": (Post.VILLAGE_HEAD, HardshipFile, lambda s, a, far: hardship.file(s, a, far["file"], on=TODAY)),
    "open a file": (
        Post.VILLAGE_HEAD,
        Household,
        lambda s, a, far: hardship.open_file(
            s, a, far["household"], category="subsistence", main_cause="illness", on=TODAY
        ),
    ),
    "close a file": (
        Post.VILLAGE_HEAD,
        HardshipFile,
        lambda s, a, far: hardship.close_file(s, a, far["file"], seen_version=1, on=TODAY),
    ),
    "assign": (
        Post.VILLAGE_HEAD,
        Household,
        lambda s, a, far: assignments.assign_household(s, a, a.cadre_id or 0, far["household"], on=TODAY),
    ),
    "end an assignment": (
        Post.VILLAGE_HEAD,
        Assignment,
        lambda s, a, far: assignments.end(s, a, far["assignment"], on=TODAY),
    ),
    "area": (Post.VILLAGE_HEAD, Area, lambda s, a, far: register.area(s, a, OTHER_VILLAGE)),
    "posting": (
        Post.ADMINISTRATOR,
        Posting,
        lambda s, a, far: accounts.end_posting(s, a, far["posting"], ends_on=TODAY),
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_record_elsewhere_is_not_even_read(session: Session, name: str) -> None:
    post, table, call = CALLS[name]
    actor = builders.a_cadre(session, post)
    owner = builders.a_cadre(session, Post.VILLAGE_HEAD, OTHER_VILLAGE)
    household = builders.a_household(session, OTHER_GROUP)
    far = {
        "household": household.id,
        "member": builders.a_member(session, household).id,
        "file": builders.a_hardship_file(session, household).id,
        "assignment": builders.an_assignment(session, owner, household).id,
        "posting": session.exec(select(Posting.id).where(Posting.cadre_id == owner.cadre_id)).one(),
    }
    session.expunge_all()
    read: list[object] = []
    sa.event.listen(session, "loaded_as_persistent", lambda _session, row: read.append(row))
    with pytest.raises(Problem) as refused:
        call(session, actor, far)
    assert refused.value.code == "access.not_found"
    assert [row for row in read if isinstance(row, table)] == []


def test_whoever_is_over_the_whole_township_finds_the_same_record(session: Session) -> None:
    office = builders.a_cadre(session, Post.MASS_WORK_MEMBER, TOWNSHIP)
    household = builders.a_household(session, OTHER_GROUP)
    assert households.household(session, office, household.id, on=TODAY).id == household.id
