"""Signing in: failures counted, waits doubled, locks, unknown names; sessions resolved, idle, ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import Session, select

from models import AccountSession, AuditEntry, AuditResult, Cadre, Post, Posting
from survey import db
from survey.access import accounts, passwords, sessions, sign_in
from survey.access.permissions import Grant, Role
from survey.access.sign_in import Attempt, SignedIn
from survey.problems import Problem
from survey.rules.loader import parameter_at
from tests.builders import NOW, TODAY, VILLAGE, a_cadre

PASSWORD = "shan-lu-1982"
HASH = passwords.hash_password(PASSWORD)
DELAY_AFTER = parameter_at("accounts.failures_before_delay", TODAY)
LOCK_AFTER = parameter_at("accounts.failures_before_lock", TODAY)


def a_person(session: Session, **over: object) -> int:
    actor = a_cadre(session, username="wang", password_hash=HASH, **over)
    assert actor.cadre_id is not None
    return actor.cadre_id


def attempt(
    session: Session, password: str = PASSWORD, *, username: str = "wang", at: datetime = NOW
) -> object:
    return sign_in.sign_in(session, sign_in.examine(session, username, password), now=at, device="Android")


def fail(session: Session, times: int, *, username: str = "wang", at: datetime = NOW) -> datetime:
    """So many wrong passwords, each as soon as it is counted; when the last was."""
    # One examination does for all of them: only hashing is slow.
    wrong = sign_in.examine(session, username, "wrong")
    done = 0
    while done < times:
        outcome = sign_in.sign_in(session, wrong, now=at)
        assert isinstance(outcome, Problem)
        if outcome.code == "accounts.wait":
            at += timedelta(minutes=1)
        else:
            done += 1
    return at


def code(outcome: object) -> str:
    assert isinstance(outcome, Problem)
    return outcome.code


def test_the_right_password_begins_a_session_and_forgets_failures(session: Session) -> None:
    cadre_id = a_person(session, failed_sign_ins=3)
    outcome = attempt(session)
    assert isinstance(outcome, SignedIn)
    assert outcome.actor.cadre_id == cadre_id
    assert session.get_one(Cadre, cadre_id).failed_sign_ins == 0
    row = session.exec(select(AccountSession)).one()
    assert (row.token_hash, row.device) == (sessions.token_hash(outcome.token), "Android")
    entry = session.exec(select(AuditEntry)).one()
    assert (entry.action, entry.cadre_id, entry.area_code) == ("account.sign_in", cadre_id, VILLAGE)


def test_the_user_name_may_be_typed_in_capitals_and_with_spaces(session: Session) -> None:
    a_person(session)
    assert isinstance(attempt(session, username=" WANG "), SignedIn)


def test_after_some_failures_even_the_right_password_has_to_wait(session: Session) -> None:
    cadre_id = a_person(session)
    at = fail(session, DELAY_AFTER)
    outcome = attempt(session, at=at)
    assert code(outcome) == "accounts.wait"
    assert isinstance(outcome, Problem)
    assert outcome.facts["minutes"] == 1
    assert session.get_one(Cadre, cadre_id).failed_sign_ins == DELAY_AFTER, "waiting is no further failure"
    assert isinstance(attempt(session, at=at + timedelta(minutes=1)), SignedIn)


def test_each_further_failure_doubles_the_wait(session: Session) -> None:
    a_person(session)
    waits = []
    at = NOW
    for failures in range(DELAY_AFTER, DELAY_AFTER + 4):
        at = fail(session, DELAY_AFTER if failures == DELAY_AFTER else 1, at=at)
        outcome = attempt(session, at=at)
        assert isinstance(outcome, Problem)
        waits.append(outcome.facts["minutes"])
    assert waits == [1, 2, 4, 8]


def test_too_many_failures_lock_the_account_and_end_its_sessions(session: Session) -> None:
    cadre_id = a_person(session)
    before = attempt(session)
    assert isinstance(before, SignedIn)
    at = fail(session, LOCK_AFTER)
    assert session.get_one(Cadre, cadre_id).locked_at is not None
    assert sessions.resolve(session, before.token, now=at) is None
    assert code(attempt(session, at=at + timedelta(days=365))) == "accounts.locked"
    locks = [entry for entry in session.exec(select(AuditEntry)) if entry.action == "account.lock"]
    assert [(entry.object_id, entry.details) for entry in locks] == [(str(cadre_id), {"reason": "failures"})]


def test_the_last_administrator_is_locked_for_a_time_only(session: Session) -> None:
    cadre_id = a_person(session, post=Post.ADMINISTRATOR)
    at = fail(session, LOCK_AFTER)
    cadre = session.get_one(Cadre, cadre_id)
    assert (cadre.locked_at, cadre.failed_sign_ins) == (None, LOCK_AFTER)
    lock = timedelta(minutes=parameter_at("accounts.last_administrator_lock_minutes", TODAY))
    assert code(attempt(session, at=at + lock - timedelta(seconds=1))) == "accounts.locked"
    assert code(attempt(session, "wrong", at=at + lock)) == "accounts.wrong_password"
    assert code(attempt(session, at=at + lock)) == "accounts.locked", (
        "each further failure locks as long again"
    )
    assert isinstance(attempt(session, at=at + 2 * lock), SignedIn)
    assert cadre.failed_sign_ins == 0


@pytest.mark.parametrize(("other_locked_at", "for_good"), [(None, True), (NOW, False)])
def test_one_of_two_administrators_is_locked_for_good_while_the_other_can_sign_in(
    session: Session, other_locked_at: datetime | None, for_good: bool
) -> None:
    cadre_id = a_person(session, post=Post.ADMINISTRATOR)
    a_cadre(session, username="li", post=Post.ADMINISTRATOR, locked_at=other_locked_at)
    fail(session, LOCK_AFTER)
    assert (session.get_one(Cadre, cadre_id).locked_at is not None) == for_good


def test_an_unknown_name_waits_and_locks_like_a_known_one(session: Session) -> None:
    a_person(session)
    seen = {
        username: [
            code(sign_in.sign_in(session, wrong, now=NOW + timedelta(minutes=2**step))) for step in range(14)
        ]
        for username, wrong in (
            (name, sign_in.examine(session, name, "wrong")) for name in ("wang", "nobody")
        )
    }
    assert seen["nobody"] == seen["wang"]
    assert {"accounts.wrong_password", "accounts.locked"} <= set(seen["wang"])


def test_an_unknown_name_leaves_no_trace_of_what_was_typed(session: Session) -> None:
    assert code(attempt(session, username="my-secret-password")) == "accounts.wrong_password"
    entry = session.exec(select(AuditEntry)).one()
    assert entry.result == AuditResult.REFUSED
    assert "secret" not in str(entry.model_dump())


def test_examining_an_unknown_name_hashes_as_often_as_a_known_one(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_person(session)
    sign_in.examine(session, "nobody", "warm")
    compared: list[str] = []
    hasher = type(passwords._HASHER)
    original = hasher.verify
    monkeypatch.setattr(hasher, "verify", lambda self, h, p: (compared.append(h), original(self, h, p))[1])
    sign_in.examine(session, "nobody", "x")
    sign_in.examine(session, "wang", "x")
    assert len(compared) == 2


def test_a_password_changed_between_examining_and_signing_in_is_refused(session: Session) -> None:
    cadre_id = a_person(session)
    examined = sign_in.examine(session, "wang", PASSWORD)
    session.get_one(Cadre, cadre_id).password_hash = "another"
    assert code(sign_in.sign_in(session, examined, now=NOW)) == "accounts.wrong_password"


def test_an_account_without_a_post_today_cannot_sign_in(session: Session) -> None:
    cadre_id = a_person(session)
    session.exec(select(Posting).where(Posting.cadre_id == cadre_id)).one().ends_on = date(2026, 5, 5)
    assert code(attempt(session)) == "accounts.no_post"
    assert session.exec(select(AccountSession)).all() == []


def test_an_old_hash_is_renewed_at_the_next_sign_in(session: Session) -> None:
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    cadre_id = a_person(session)
    session.get_one(Cadre, cadre_id).password_hash = weak
    session.flush()
    assert isinstance(attempt(session), SignedIn)
    renewed = session.get_one(Cadre, cadre_id).password_hash
    assert not passwords.needs_rehash(renewed)
    assert passwords.verify(renewed, PASSWORD)


# Sessions


def test_a_token_speaks_for_its_cadre_with_the_posts_of_today(session: Session) -> None:
    cadre_id = a_person(session, language="en", text_size="large")
    token = sessions.open_session(session, cadre_id, device="iPad", now=NOW)
    actor = accounts.resolve(session, token, now=NOW)
    assert actor is not None
    assert (actor.cadre_id, actor.language, actor.text_size, actor.device) == (
        cadre_id,
        "en",
        "large",
        "iPad",
    )
    assert actor.grants == (Grant(Role.VILLAGE_HEAD, VILLAGE),)


def test_a_post_that_ended_yesterday_gives_nothing_today(session: Session) -> None:
    cadre_id = a_person(session)
    session.add(
        Posting(cadre_id=cadre_id, post=Post.ANALYST, area_code=VILLAGE, starts_on=TODAY + timedelta(days=1))
    )
    session.exec(select(Posting).where(Posting.post == Post.VILLAGE_HEAD)).one().ends_on = TODAY
    session.flush()
    token = sessions.open_session(session, cadre_id, device="", now=NOW)
    today, tomorrow = (accounts.resolve(session, token, now=NOW + timedelta(hours=h)) for h in (0, 11.9))
    assert today is not None
    assert today.roles == {Role.VILLAGE_HEAD}
    # 10:30 in the township plus twelve hours is still today there; midnight counts by the township's clock.
    assert tomorrow is not None
    assert tomorrow.roles == {Role.VILLAGE_HEAD}
    sessions.touch(session, token, now=NOW + timedelta(hours=11))
    next_day = accounts.resolve(session, token, now=NOW + timedelta(hours=14))
    assert next_day is not None
    assert next_day.roles == {Role.ANALYST}


@pytest.mark.parametrize("token", ["", "unknown", "x" * 500])
def test_a_token_nobody_was_given_speaks_for_nobody(session: Session, token: str) -> None:
    a_person(session)
    assert accounts.resolve(session, token, now=NOW) is None


def test_a_session_ends_by_idling(session: Session) -> None:
    token = sessions.open_session(session, a_person(session), device="", now=NOW)
    idle = timedelta(hours=db.current().settings.idle_hours)
    assert accounts.resolve(session, token, now=NOW + idle) is not None
    assert accounts.resolve(session, token, now=NOW + idle + timedelta(seconds=1)) is None


def test_a_session_ends_after_its_longest_life_even_in_use(session: Session) -> None:
    token = sessions.open_session(session, a_person(session), device="", now=NOW)
    days = timedelta(days=parameter_at("accounts.session_days", TODAY))
    sessions.touch(session, token, now=NOW + days)
    assert accounts.resolve(session, token, now=NOW + days) is not None
    assert accounts.resolve(session, token, now=NOW + days + timedelta(minutes=1)) is None


def test_signing_out_everywhere_ends_all_and_only_ones_own(session: Session) -> None:
    cadre_id = a_person(session)
    other = a_cadre(session)
    assert other.cadre_id is not None
    mine = [sessions.open_session(session, cadre_id, device="", now=NOW) for _ in range(2)]
    theirs = sessions.open_session(session, other.cadre_id, device="", now=NOW)
    actor = accounts.actor_for(session, cadre_id, on=TODAY)
    assert sign_in.sign_out_everywhere(session, actor, now=NOW) == 2
    assert [accounts.resolve(session, token, now=NOW) for token in mine] == [None, None]
    assert accounts.resolve(session, theirs, now=NOW) is not None


def test_one_cannot_change_the_password_of_another_with_his_attempt(session: Session) -> None:
    a_person(session)
    other = a_cadre(session, password_hash=HASH)
    examined = sign_in.examine(session, "wang", PASSWORD)
    with pytest.raises(Problem) as raised:
        sign_in.change_password(session, other, examined, "he-tang-2031", now=NOW)
    assert raised.value.code == "access.forbidden"


def test_guessing_the_present_password_counts_as_failed_sign_ins(session: Session) -> None:
    cadre_id = a_person(session)
    actor = accounts.actor_for(session, cadre_id, on=TODAY)
    wrong = replace(sign_in.examine(session, "wang", PASSWORD), correct=False)
    outcome = sign_in.change_password(session, actor, wrong, "he-tang-2031", now=NOW)
    assert code(outcome) == "accounts.wrong_password"
    row = session.get_one(Cadre, cadre_id)
    assert (row.failed_sign_ins, row.password_hash) == (1, HASH)


def test_attempts_that_were_examined_together_are_still_counted_one_by_one(session: Session) -> None:
    a_person(session)
    right = sign_in.examine(session, "wang", PASSWORD)
    wrong = Attempt("wang", right.cadre_id, HASH, correct=False)
    outcomes = [code(sign_in.sign_in(session, wrong, now=NOW)) for _ in range(DELAY_AFTER + 1)]
    assert outcomes[-1] == "accounts.wait"
    assert code(sign_in.sign_in(session, right, now=NOW)) == "accounts.wait"


def _seen(token: str) -> datetime:
    with db.reading() as session:
        return session.get_one(AccountSession, sessions.token_hash(token)).seen_at


def test_the_last_use_is_written_at_most_once_a_minute(store: db.Store) -> None:
    began = datetime(2026, 5, 6, tzinfo=UTC)
    with db.session_scope() as session:
        token = sessions.open_session(session, a_person(session), device="", now=began)
    assert sessions.present(token, now=began + timedelta(seconds=59)) is not None
    assert _seen(token) == began
    assert sessions.present(token, now=began + timedelta(hours=1), used=False) is not None
    assert _seen(token) == began
    assert sessions.present(token, now=began + timedelta(seconds=61)) is not None
    assert _seen(token) == began + timedelta(seconds=61)


def test_a_full_disk_does_not_sign_anybody_out(store: db.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with db.session_scope() as session:
        token = sessions.open_session(session, a_person(session), device="", now=NOW)

    def full(*_: object, **__: object) -> None:
        raise Problem("store.disk_full")

    monkeypatch.setattr(sessions, "touch", full)
    assert sessions.present(token, now=NOW + timedelta(hours=1)) is not None
    assert _seen(token) == NOW
