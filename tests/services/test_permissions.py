"""Every service × every role × inside and outside one's area.

What is tried is written in `permission_trials.py`. Each call runs in a savepoint of its own, so that none sees what
another did.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

from sqlmodel import Session

import survey
from models import Post
from survey.access.permissions import ALLOWED, ROLE_OF_POST, Actor, Role
from survey.problems import Problem
from tests import fillings
from tests.builders import COUNTY, FAR_VILLAGE, GROUP, TOWNSHIP, VILLAGE, a_cadre, an_area_tree, an_operator
from tests.services.permission_trials import TRIALS, Reach, Side, Trial, World, a_side

# The last two are what a user name gets that nobody has, and a draft whose household lies elsewhere.
REFUSALS = {"access.forbidden", "access.not_found", "accounts.no_such_user", "draft.household_elsewhere"}
POSTS = {
    Role.GROUP_INFORMANT: (Post.GROUP_INFORMANT, VILLAGE),
    Role.VILLAGE_CADRE: (Post.VILLAGE_COMMITTEE_MEMBER, VILLAGE),
    Role.VILLAGE_HEAD: (Post.VILLAGE_SECRETARY, VILLAGE),
    Role.STATIONED_CADRE: (Post.STATIONED_CADRE, VILLAGE),
    Role.MASS_WORK_OFFICE: (Post.MASS_WORK_MEMBER, TOWNSHIP),
    Role.TOWNSHIP_LEADER: (Post.PARTY_COMMITTEE_MEMBER, TOWNSHIP),
    Role.ANALYST: (Post.ANALYST, TOWNSHIP),
    Role.DISCIPLINE_INSPECTOR: (Post.DISCIPLINE_INSPECTOR, TOWNSHIP),
    Role.ADMINISTRATOR: (Post.ADMINISTRATOR, TOWNSHIP),
}


def services() -> Iterator[str]:
    """Every function of the project marked as a service, by module and name."""
    for module in pkgutil.walk_packages(survey.__path__, "survey."):
        if ".migrations" in module.name:
            continue
        for name, function in vars(importlib.import_module(module.name)).items():
            if hasattr(function, "__actions__") and function.__module__ == module.name:
                yield f"{module.name}.{name}"


def a_world(session: Session, folder: Path) -> World:
    an_area_tree(session)
    fillings.published(session)
    chief = a_cadre(session, Post.MASS_WORK_DIRECTOR, COUNTY)
    near = a_side(session, VILLAGE, GROUP, "近测试")
    return World(near, a_side(session, FAR_VILLAGE, f"{FAR_VILLAGE}01", "远测试"), chief, folder)


def actors(session: Session) -> dict[Role, Actor]:
    made = {role: a_cadre(session, post, area) for role, (post, area) in POSTS.items()}
    return made | {Role.OPERATOR: an_operator()}


def outcome(session: Session, trial: Trial, actor: Actor, side: Side, world: World) -> tuple[str, str]:
    """`("done", what was returned)` or `("refused", code)`; nothing of it stays."""
    savepoint = session.begin_nested()
    try:
        return "done", repr(trial.call(session, actor, side, world))
    except Problem as problem:
        return "refused", problem.code
    finally:
        savepoint.rollback()


def faults(session: Session, name: str, role: Role, actor: Actor, world: World) -> Iterator[str]:
    """What is wrong with one service for one role; nothing if all is as written."""
    trial = TRIALS[name]
    kind, inside = outcome(session, trial, actor, world.near, world)
    if role not in trial.roles:
        if (kind, inside) != ("refused", "access.forbidden"):
            yield f"{name}: {role} must be forbidden, but {kind} {inside[:80]}"
        return
    if kind != "done":
        yield f"{name}: {role} must be allowed inside, but {inside}"
    if trial.reach in (Reach.OWN, Reach.WHOLE) or role is Role.OPERATOR:
        return
    if trial.reach is Reach.LIST and trial.shows and not any(mark in inside for mark in world.near.marks):
        yield f"{name}: {role} sees nothing inside"
    yield from _faults_outside(session, name, role, actor, world)


def _faults_outside(session: Session, name: str, role: Role, actor: Actor, world: World) -> Iterator[str]:
    trial = TRIALS[name]
    kind, outside = outcome(session, trial, actor, world.far, world)
    if kind == "refused" and outside not in REFUSALS:
        yield f"{name}: {role} is refused outside, but by {outside}"
    if kind == "done" and trial.reach is Reach.RECORD:
        yield f"{name}: {role} must be refused outside, but got {outside[:80]}"
    if kind == "done" and any(mark in outside for mark in world.far.marks):
        yield f"{name}: {role} sees what lies outside"


def test_every_service_is_tried_and_every_trial_is_a_service() -> None:
    assert set(TRIALS) == set(services())


def test_every_post_has_a_role_and_every_role_its_actions_and_an_actor() -> None:
    assert set(ROLE_OF_POST) == set(Post)
    assert set(ALLOWED) == set(Role) == set(POSTS) | {Role.OPERATOR}


def test_every_service_for_every_role_inside_and_outside(session: Session, tmp_path: Path) -> None:
    world, people = a_world(session, tmp_path), actors(session)
    found = [
        fault
        for name in TRIALS
        for role, actor in people.items()
        for fault in faults(session, name, role, actor, world)
    ]
    assert not found, "\n".join(found)
