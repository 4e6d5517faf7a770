"""Devices: issued for oneself, proved by a token of which hashes alone are kept, ended by time, by hand, by post."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import Session, select

from models import AuditEntry, Cadre, Device, DeviceScope, Post, Posting
from survey import db
from survey.access import devices
from survey.access.devices import Issued, Presence, Proof
from survey.access.permissions import Action, Actor
from survey.problems import Problem
from tests.builders import FAR_VILLAGE, GROUP, NOW, TODAY, TOWNSHIP, VILLAGE, a_cadre


def issued(session: Session, actor: Actor, days: int = 90, **over: object) -> Issued:
    return devices.issue(
        session, actor, "村里的平板", **({"scope": DeviceScope.FILL_IN, "days": days, "now": NOW} | over)
    )


def proving(token: str) -> Callable[[Proof], bool]:
    return lambda proof: devices.is_token(token, proof)


def present(session: Session, made: Issued, *, days: int = 0) -> Presence:
    return devices.authenticate(session, made.device.id, proving(made.token), now=NOW + timedelta(days=days))


def code_of(session: Session, made: Issued, *, days: int = 0) -> str:
    with pytest.raises(Problem) as refusal:
        present(session, made, days=days)
    return refusal.value.code


def test_the_token_opens_what_its_owner_may_and_names_the_device(session: Session) -> None:
    owner = a_cadre(session, language="en")
    made = issued(session, owner)
    found = present(session, made)
    assert found.actor == owner
    assert (found.actor.device, found.actor.language, found.scope) == (made.device.id, "en", "fill_in")


def test_neither_the_token_nor_what_digest_compares_with_stands_in_the_store(session: Session) -> None:
    made = issued(session, a_cadre(session))
    session.flush()
    row = session.execute(sa.text("SELECT * FROM device")).one()
    stored = " ".join(str(bytes(value) if isinstance(value, memoryview) else value) for value in row)
    assert made.token not in stored
    assert devices.digest_hash(made.device.id, made.token) not in stored


@pytest.mark.parametrize("wrong", ["", "other", "x" * 5000])
def test_another_token_opens_nothing(session: Session, wrong: str) -> None:
    made = issued(session, a_cadre(session))
    with pytest.raises(Problem, match="not right"):
        devices.authenticate(session, made.device.id, proving(wrong), now=NOW)


def test_a_device_nobody_issued_is_refused_like_a_wrong_token(session: Session) -> None:
    with pytest.raises(Problem) as refusal:
        devices.authenticate(session, "none", lambda proof: True, now=NOW)
    assert refusal.value.code == "devices.unknown"


def test_a_token_ends_with_its_last_day(session: Session) -> None:
    made = issued(session, a_cadre(session), days=30)
    assert present(session, made, days=29)
    assert code_of(session, made, days=30) == "devices.expired"


def test_a_revoked_device_is_refused_at_once_and_revoking_again_changes_nothing(session: Session) -> None:
    owner = a_cadre(session)
    made = issued(session, owner)
    first = devices.revoke_own(session, owner, made.device.id, now=NOW)
    again = devices.revoke_own(session, owner, made.device.id, now=NOW + timedelta(days=1))
    assert first.revoked_at == again.revoked_at == NOW
    assert code_of(session, made) == "devices.revoked"


def test_a_locked_account_has_no_devices(session: Session) -> None:
    owner = a_cadre(session)
    made = issued(session, owner)
    session.get_one(Cadre, owner.cadre_id).locked_at = NOW
    session.flush()
    assert code_of(session, made) == "devices.revoked"


def test_a_device_is_worth_nothing_when_its_owners_post_has_ended(session: Session) -> None:
    owner = a_cadre(session)
    made = issued(session, owner)
    session.exec(select(Posting).where(Posting.cadre_id == owner.cadre_id)).one().ends_on = TODAY
    session.flush()
    assert present(session, made)
    assert code_of(session, made, days=1) == "devices.no_post"


def test_a_device_issued_for_a_part_of_the_area_sees_no_more(session: Session) -> None:
    made = issued(session, a_cadre(session, Post.MASS_WORK_MEMBER, TOWNSHIP), area_code=GROUP)
    assert present(session, made).actor.prefixes(Action.VISITS_RECORD) == (GROUP,)


def test_a_narrower_post_than_the_devices_area_stays_narrow(session: Session) -> None:
    owner = a_cadre(session, Post.MASS_WORK_MEMBER, TOWNSHIP)
    made = issued(session, owner, area_code=VILLAGE)
    posting = session.exec(select(Posting).where(Posting.cadre_id == owner.cadre_id)).one()
    posting.post, posting.area_code = Post.GROUP_INFORMANT, GROUP
    session.flush()
    assert present(session, made).actor.prefixes(Action.VISITS_RECORD) == (GROUP,)


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"days": 0}, "devices.days"),
        ({"days": 400}, "devices.days"),
        ({"area_code": FAR_VILLAGE}, "access.forbidden"),
        ({"area_code": f"{VILLAGE}99"}, "access.not_found"),
    ],
)
def test_a_device_is_not_issued_for_longer_or_for_elsewhere(
    session: Session, over: dict[str, object], code: str
) -> None:
    with pytest.raises(Problem) as refusal:
        issued(session, a_cadre(session), **over)
    assert refusal.value.code == code
    assert session.exec(select(Device)).all() == []


def test_a_device_needs_a_name(session: Session) -> None:
    with pytest.raises(Problem) as refusal:
        devices.issue(session, a_cadre(session), "  ", scope=DeviceScope.FILL_IN, days=9, now=NOW)
    assert refusal.value.code == "devices.no_name"


def test_an_administrator_sees_and_ends_the_devices_of_his_area_alone(session: Session) -> None:
    near, far = issued(session, a_cadre(session)), issued(session, a_cadre(session, area=FAR_VILLAGE))
    admin = a_cadre(session, Post.ADMINISTRATOR, TOWNSHIP)
    assert [view.id for view in devices.of_area(session, admin)] == [near.device.id]
    assert devices.revoke(session, admin, near.device.id, now=NOW).revoked_at == NOW
    with pytest.raises(Problem) as refusal:
        devices.revoke(session, admin, far.device.id, now=NOW)
    assert refusal.value.code == "access.not_found"


def test_a_colleague_neither_sees_nor_ends_ones_device(session: Session) -> None:
    made, colleague = issued(session, a_cadre(session)), a_cadre(session)
    assert devices.mine(session, colleague) == ()
    with pytest.raises(Problem) as refusal:
        devices.revoke_own(session, colleague, made.device.id, now=NOW)
    assert refusal.value.code == "access.not_found"


def test_issuing_revoking_and_fetching_stand_in_the_trail(session: Session) -> None:
    owner = a_cadre(session)
    made = issued(session, owner)
    devices.record_fetch(session, present(session, made).actor, "households", 12)
    devices.revoke_own(session, owner, made.device.id, now=NOW)
    entries = session.exec(select(AuditEntry).order_by(AuditEntry.sequence)).all()
    assert [entry.action for entry in entries] == ["device.issue", "device.fetch", "device.revoke"]
    assert {entry.object_id for entry in entries} == {made.device.id}
    assert {entry.area_code for entry in entries} == {VILLAGE}
    assert entries[1].details == {"list": "households", "rows": 12}


def test_the_last_contact_is_remembered(store: db.Store) -> None:
    with db.session_scope() as session:
        owner = a_cadre(session)
        made = issued(session, owner)
        devices.touch(session, made.device.id, now=NOW)
    with db.reading() as session:
        assert [view.seen_at for view in devices.mine(session, owner)] == [NOW]
