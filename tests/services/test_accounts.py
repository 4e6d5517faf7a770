"""Accounts and postings: who may create, post, lock, reset; what each person sets for himself."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlmodel import Session, select

from models import AccountSession, AreaLevel, AuditEntry, Cadre, Post, Posting
from survey.access import accounts, passwords, sessions
from survey.access.permissions import LEVELS_OF_POST, Action, Actor, Grant, Role
from survey.problems import Problem
from tests.builders import (
    COUNTY,
    FAR_VILLAGE,
    GROUP,
    NOW,
    OTHER_VILLAGE,
    TODAY,
    TOWNSHIP,
    VILLAGE,
    a_cadre,
    an_area_tree,
    an_operator,
)


def administrator(session: Session, area: str = TOWNSHIP) -> Actor:
    return a_cadre(session, Post.ADMINISTRATOR, area)


def problem_of(call) -> str:  # type: ignore[no-untyped-def]
    with pytest.raises(Problem) as raised:
        call()
    return raised.value.code


def trail(session: Session) -> list[str]:
    return [entry.action for entry in session.exec(select(AuditEntry).order_by(AuditEntry.sequence))]


def test_a_new_account_has_one_post_and_a_password_that_must_be_changed(session: Session) -> None:
    actor = administrator(session)
    view, one_time = accounts.create_account(
        session, actor, " Li.Si ", "李四", Post.VILLAGE_HEAD, VILLAGE, starts_on=TODAY, phone="13800000000"
    )
    row = session.get_one(Cadre, view.cadre_id)
    assert (row.username, row.name, row.must_change_password) == ("li.si", "李四", True)
    assert one_time not in row.password_hash
    assert passwords.verify(row.password_hash, one_time)
    posting = session.exec(select(Posting).where(Posting.cadre_id == view.cadre_id)).one()
    assert (posting.post, posting.area_code, posting.starts_on) == (Post.VILLAGE_HEAD, VILLAGE, TODAY)
    assert trail(session) == ["account.create"]


@pytest.mark.parametrize("username", ["", "a", "王五", "with space", "-x", "x" * 41, "a/b"])
def test_a_user_name_that_cannot_be_typed_everywhere_is_refused(session: Session, username: str) -> None:
    actor = administrator(session)
    code = problem_of(
        lambda: accounts.create_account(
            session, actor, username, "某", Post.ANALYST, TOWNSHIP, starts_on=TODAY
        )
    )
    assert code == "accounts.bad_username"
    assert len(session.exec(select(Cadre)).all()) == 1


def test_two_accounts_cannot_share_a_user_name(session: Session) -> None:
    actor = administrator(session)
    a_cadre(session, username="li")
    code = problem_of(
        lambda: accounts.create_account(session, actor, "LI", "李", Post.ANALYST, TOWNSHIP, starts_on=TODAY)
    )
    assert code == "accounts.username_taken"


def test_an_account_outside_the_administrators_area_is_neither_made_nor_seen(session: Session) -> None:
    actor, far = administrator(session), a_cadre(session, area=FAR_VILLAGE)
    near = a_cadre(session)
    assert (
        problem_of(
            lambda: accounts.create_account(
                session, actor, "li", "李", Post.VILLAGE_HEAD, FAR_VILLAGE, starts_on=TODAY
            )
        )
        == "access.forbidden"
    )
    seen = {row.cadre_id for row in accounts.accounts(session, actor).rows}
    assert seen == {actor.cadre_id, near.cadre_id}
    assert far.cadre_id is not None
    far_id = far.cadre_id
    assert problem_of(lambda: accounts.account(session, actor, far_id)) == "access.not_found"
    assert problem_of(lambda: accounts.lock(session, actor, far_id, now=NOW)) == "access.not_found"
    assert session.get_one(Cadre, far_id).locked_at is None


def test_a_village_administrator_has_no_power_over_a_post_wider_than_his_own(session: Session) -> None:
    actor, leader = administrator(session, VILLAGE), a_cadre(session, Post.VILLAGE_HEAD)
    session.add(
        Posting(cadre_id=leader.cadre_id, post=Post.TOWNSHIP_SECRETARY, area_code=TOWNSHIP, starts_on=TODAY)
    )
    session.flush()
    assert leader.cadre_id is not None
    leader_id = leader.cadre_id
    assert (
        problem_of(lambda: accounts.reset_password(session, actor, leader_id, now=NOW)) == "access.forbidden"
    )
    assert session.get_one(Cadre, leader_id).password_hash == "no password"


def test_nobody_changes_his_own_posts_lock_or_initial_password(session: Session) -> None:
    actor = administrator(session)
    own = actor.cadre_id
    assert own is not None
    posting = session.exec(select(Posting.id).where(Posting.cadre_id == own)).one()
    assert posting is not None
    assert (
        problem_of(
            lambda: accounts.add_posting(
                session, actor, own, Post.MASS_WORK_DIRECTOR, TOWNSHIP, starts_on=TODAY
            )
        )
        == "accounts.own_post"
    )
    assert (
        problem_of(lambda: accounts.end_posting(session, actor, posting, ends_on=TODAY))
        == "accounts.own_post"
    )
    assert problem_of(lambda: accounts.lock(session, actor, own, now=NOW)) == "accounts.own_lock"
    assert problem_of(lambda: accounts.reset_password(session, actor, own, now=NOW)) == "accounts.own_reset"
    assert len(session.exec(select(Posting)).all()) == 1


def test_a_post_counts_from_its_first_to_its_last_day(session: Session) -> None:
    actor, cadre = administrator(session), a_cadre(session, Post.ANALYST)
    assert cadre.cadre_id is not None
    accounts.add_posting(
        session,
        actor,
        cadre.cadre_id,
        Post.STATIONED_CADRE,
        OTHER_VILLAGE,
        starts_on=date(2026, 5, 1),
        ends_on=date(2026, 5, 31),
    )
    stationed = Grant(Role.STATIONED_CADRE, OTHER_VILLAGE)
    held = {
        day: stationed in accounts.actor_for(session, cadre.cadre_id, on=day).grants
        for day in (date(2026, 4, 30), date(2026, 5, 1), date(2026, 5, 31), date(2026, 6, 1))
    }
    assert list(held.values()) == [False, True, True, False]


def test_the_same_post_twice_at_a_time_is_refused_but_not_afterwards(session: Session) -> None:
    actor, cadre = administrator(session), a_cadre(session, Post.VILLAGE_HEAD)
    cadre_id = cadre.cadre_id
    assert cadre_id is not None
    again = lambda: accounts.add_posting(  # noqa: E731
        session, actor, cadre_id, Post.VILLAGE_HEAD, VILLAGE, starts_on=TODAY
    )
    assert problem_of(again) == "accounts.posting_twice"
    first = session.exec(select(Posting.id).where(Posting.cadre_id == cadre_id)).one()
    assert first is not None
    accounts.end_posting(session, actor, first, ends_on=TODAY - timedelta(days=1))
    again()
    assert len(session.exec(select(Posting).where(Posting.cadre_id == cadre_id)).all()) == 2


def test_a_post_cannot_end_before_it_starts(session: Session) -> None:
    actor, cadre = administrator(session), a_cadre(session)
    posting = session.exec(select(Posting).where(Posting.cadre_id == cadre.cadre_id)).one()
    posting_id = posting.id
    assert posting_id is not None
    code = problem_of(lambda: accounts.end_posting(session, actor, posting_id, ends_on=date(2019, 12, 31)))
    assert code == "accounts.ends_before_start"
    assert posting.ends_on is None


def test_an_area_that_does_not_exist_takes_no_post(session: Session) -> None:
    actor, cadre = administrator(session), a_cadre(session)
    cadre_id = cadre.cadre_id
    assert cadre_id is not None
    code = problem_of(
        lambda: accounts.add_posting(
            session, actor, cadre_id, Post.ANALYST, TOWNSHIP + "999", starts_on=TODAY
        )
    )
    assert code == "accounts.no_such_area"


@pytest.mark.parametrize("post", list(Post))
def test_a_post_is_held_only_in_areas_of_its_level(session: Session, post: Post) -> None:
    an_area_tree(session)
    actor, cadre_id = an_operator(), a_cadre(session, Post.ANALYST, TOWNSHIP).cadre_id
    assert cadre_id is not None
    places = {
        AreaLevel.COUNTY: COUNTY,
        AreaLevel.TOWNSHIP: TOWNSHIP,
        AreaLevel.VILLAGE: OTHER_VILLAGE,
        AreaLevel.GROUP: GROUP,
    }
    fitting = {places[level] for level in LEVELS_OF_POST[post]}
    for area in set(places.values()) - fitting:
        with pytest.raises(Problem) as caught:
            accounts.create_account(session, actor, "new", "新", post, area, starts_on=TODAY)
        assert caught.value.code == "accounts.post_level"
        assert "{" not in caught.value.text("zh") + caught.value.text("en")
        add = lambda: accounts.add_posting(session, actor, cadre_id, post, area, starts_on=TODAY)  # noqa: B023, E731
        assert problem_of(add) == "accounts.post_level"
    assert len(session.exec(select(Posting)).all()) == 1
    for number, area in enumerate(sorted(fitting)):
        accounts.create_account(session, actor, f"new{number}", "新", post, area, starts_on=TODAY)
    assert len(session.exec(select(Posting)).all()) == 1 + len(fitting)


def test_the_head_of_a_village_is_never_head_of_a_county(session: Session) -> None:
    an_area_tree(session)
    code = problem_of(
        lambda: accounts.create_account(
            session, an_operator(), "new", "新", Post.VILLAGE_HEAD, COUNTY, starts_on=TODAY
        )
    )
    assert code == "accounts.post_level"
    assert session.exec(select(Cadre)).all() == []


def test_locking_ends_every_session_and_unlocking_forgets_the_failures(session: Session) -> None:
    actor, cadre = administrator(session), a_cadre(session, failed_sign_ins=7)
    assert cadre.cadre_id is not None
    token = sessions.open_session(session, cadre.cadre_id, device="", now=NOW)
    accounts.lock(session, actor, cadre.cadre_id, now=NOW)
    session.expire_all()
    assert session.exec(select(AccountSession)).one().ended_at == NOW
    accounts.unlock(session, actor, cadre.cadre_id, now=NOW)
    row = session.get_one(Cadre, cadre.cadre_id)
    assert (row.locked_at, row.failed_sign_ins) == (None, 0)
    assert accounts.resolve(session, token, now=NOW) is None, "a session ended by the lock does not come back"
    assert trail(session) == ["account.lock", "account.unlock"]


def test_a_new_one_time_password_replaces_the_old_one_and_must_be_changed(session: Session) -> None:
    actor, cadre = administrator(session), a_cadre(session)
    assert cadre.cadre_id is not None
    one_time = accounts.reset_password(session, actor, cadre.cadre_id, now=NOW)
    row = session.get_one(Cadre, cadre.cadre_id)
    assert passwords.verify(row.password_hash, one_time)
    assert row.must_change_password
    assert one_time not in str([entry.details for entry in session.exec(select(AuditEntry))])


def test_the_list_is_paged_and_searched_by_name_and_user_name(session: Session) -> None:
    actor = administrator(session)
    for number in range(5):
        a_cadre(session, username=f"zhang{number}", name=f"张{number}")
    page = accounts.accounts(session, actor, query="zhang", limit=2, offset=2)
    assert ([row.username for row in page.rows], page.total) == (["zhang2", "zhang3"], 5)
    assert [row.username for row in accounts.accounts(session, actor, query="张4").rows] == ["zhang4"]
    assert accounts.accounts(session, actor, query="%").total == 6


def test_the_list_tells_when_each_was_last_there(session: Session) -> None:
    actor, cadre = administrator(session), a_cadre(session, username="wang")
    assert cadre.cadre_id is not None
    sessions.open_session(session, cadre.cadre_id, device="", now=NOW - timedelta(days=2))
    sessions.open_session(session, cadre.cadre_id, device="", now=NOW)
    (view,) = accounts.accounts(session, actor, query="wang").rows
    assert view.last_seen_at == NOW


def test_language_and_text_size_are_each_persons_own(session: Session) -> None:
    cadre = a_cadre(session)
    accounts.set_preferences(session, cadre, language="en", text_size="very_large")
    row = session.get_one(Cadre, cadre.cadre_id)
    assert (row.language, row.text_size) == ("en", "very_large")
    assert (
        problem_of(lambda: accounts.set_preferences(session, cadre, language="fr", text_size="normal"))
        == "accounts.unknown_preference"
    )


def test_the_first_administrator_is_made_once_and_only_on_an_empty_store(session: Session) -> None:
    operator = an_operator()
    assert (
        problem_of(lambda: accounts.create_first_administrator(session, operator, on=TODAY))
        == "accounts.no_areas"
    )
    an_area_tree(session)
    made = accounts.create_first_administrator(session, operator, on=TODAY)
    assert made is not None
    row = session.exec(select(Cadre)).one()
    assert (row.username, row.must_change_password) == (made[0], True)
    assert passwords.verify(row.password_hash, made[1])
    actor = accounts.actor_for(session, row.id or 0, on=TODAY)
    assert actor.may(Action.ACCOUNTS_MANAGE, COUNTY)
    assert not actor.may(Action.HOUSEHOLDS_READ)
    assert accounts.create_first_administrator(session, operator, on=TODAY) is None
    assert len(session.exec(select(Cadre)).all()) == 1
