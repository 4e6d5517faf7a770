"""Tablets that fetch forms and hand in fillings without a browser: a token each, for one cadre.

Owns issuing, listing and revoking, and who stands behind a token. A cadre issues devices for himself alone, since
whoever holds a token acts as him; he revokes his own, an administrator those of the accounts of his area. Of a token
only hashes are kept, and it is shown once. Refuses a token that is revoked or expired, of a locked account, and the
area or the acts a device was not issued for. Authentication: https://docs.getodk.org/openrosa-authentication/
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from models import Area, Cadre, Device, Posting
from models import DeviceScope as DeviceScope  # given on to the page that issues
from survey.access import audit, sessions
from survey.access.permissions import Action, Actor, Grant, inside, require, service
from survey.i18n import local
from survey.problems import Problem
from survey.rules.loader import parameter_at

REALM = "minqing"
TOUCH_EVERY = timedelta(minutes=1)
LONGEST_NAME = 60
_TOKEN_BYTES = 24
_ID_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_ID_LENGTH = 10
_LONGEST_ID = 20

_NAMED = (
    sa.select(Device, Cadre.username, Cadre.name, Cadre.language, Cadre.locked_at)  # type: ignore[call-overload]
    .join(Cadre, col(Cadre.id) == col(Device.cadre_id))
    .where(col(Device.id) == sa.bindparam("device"))
)


@dataclass(frozen=True)
class DeviceView:
    """A device as its owner and administrators see it."""

    id: str
    name: str
    cadre_id: int
    owner: str
    scope: DeviceScope
    area_code: str | None
    created_at: datetime
    expires_at: datetime
    seen_at: datetime | None
    revoked_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        """Whether its token still opens anything."""
        return self.revoked_at is None and now < self.expires_at


@dataclass(frozen=True)
class Issued:
    """A new device with its token, which is stored nowhere."""

    device: DeviceView
    token: str


@dataclass(frozen=True)
class Proof:
    """What is kept of a token, for whoever has to compare: `token_hash` for Basic, `digest_hash` (HA1) for Digest."""

    token_hash: str
    digest_hash: str


@dataclass(frozen=True)
class Presence:
    """Who acts through a device: its owner, within the area and the scope it was issued for."""

    actor: Actor
    scope: DeviceScope
    seen_at: datetime | None


@service(Action.VISITS_RECORD)
def issue(
    session: Session,
    actor: Actor,
    name: str,
    *,
    scope: DeviceScope,
    days: int,
    now: datetime,
    area_code: str | None = None,
) -> Issued:
    """Issue a device for oneself, within one's own area or a part of it.

    Problems `devices.no_name`, `devices.days`, `access.forbidden` for an area that is not one's own.
    """
    if actor.cadre_id is None:
        raise Problem("access.forbidden")
    called = name.strip()[:LONGEST_NAME]
    if not called:
        raise Problem("devices.no_name")
    longest = parameter_at("accounts.device_days", local(now).date())
    if not 1 <= days <= longest:
        raise Problem("devices.days", longest=longest)
    if area_code is not None:
        require(actor, Action.VISITS_RECORD, area_code)
        if session.get(Area, area_code) is None:
            raise Problem("access.not_found")
    device_id = "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    row = Device(
        id=device_id,
        cadre_id=actor.cadre_id,
        name=called,
        scope=scope,
        area_code=area_code,
        token_hash=sessions.token_hash(token),
        digest_hash=digest_hash(device_id, token),
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    session.add(row)
    session.flush()
    _record(session, actor, "device.issue", row, scope=str(scope), days=days)
    return Issued(_view(row, actor.name), token)


@service(Action.VISITS_RECORD)
def mine(session: Session, actor: Actor) -> tuple[DeviceView, ...]:
    """One's own devices, those in use first, the latest first."""
    return _views(session, col(Device.cadre_id) == actor.cadre_id)


@service(Action.ACCOUNTS_MANAGE)
def of_area(session: Session, actor: Actor) -> tuple[DeviceView, ...]:
    """The devices of everybody who holds or held a post in the actor's area."""
    return _views(session, _managed(actor))


@service(Action.VISITS_RECORD)
def revoke_own(session: Session, actor: Actor, device_id: str, *, now: datetime) -> DeviceView:
    """End one's own device; ending it again changes nothing. Problem `access.not_found` for anybody else's."""
    return _revoked(session, actor, device_id, col(Device.cadre_id) == actor.cadre_id, now)


@service(Action.ACCOUNTS_MANAGE)
def revoke(session: Session, actor: Actor, device_id: str, *, now: datetime) -> DeviceView:
    """End a device of the actor's area; ending it again changes nothing. Problem `access.not_found` elsewhere."""
    return _revoked(session, actor, device_id, _managed(actor), now)


def _revoked(
    session: Session, actor: Actor, device_id: str, whose: sa.ColumnElement[bool], now: datetime
) -> DeviceView:
    row = session.execute(
        sa.select(Device, Cadre.name)  # type: ignore[call-overload]
        .join(Cadre, col(Cadre.id) == col(Device.cadre_id))
        .where(col(Device.id) == device_id, whose)
        .with_for_update(of=Device)
    ).one_or_none()
    if row is None:
        raise Problem("access.not_found")
    device: Device = row.Device
    if device.revoked_at is None:
        device.revoked_at = now
        session.add(device)
        session.flush()
        _record(session, actor, "device.revoke", device)
    return _view(device, row.name)


def authenticate(
    session: Session, device_id: str, proves: Callable[[Proof], bool], *, now: datetime
) -> Presence:
    """Who acts through a device that proves itself; reads only.

    Problems `devices.unknown` (none of that name, or no proof), `devices.revoked`, `devices.expired`,
    `devices.no_post` when its owner no longer holds a post there.
    """
    found = session.execute(_NAMED, {"device": device_id[:_LONGEST_ID]}).one_or_none()
    if found is None or not proves(Proof(found.Device.token_hash, found.Device.digest_hash)):
        raise Problem("devices.unknown")
    device: Device = found.Device
    if device.revoked_at is not None or found.locked_at is not None:
        raise Problem("devices.revoked")
    if now >= device.expires_at:
        raise Problem("devices.expired")
    actor = Actor(
        cadre_id=device.cadre_id,
        username=found.username,
        name=found.name,
        grants=_narrowed(sessions.grants_of(session, device.cadre_id, local(now).date()), device.area_code),
        language=found.language,
        device=device.id,
    )
    if not actor.may(Action.VISITS_RECORD):
        raise Problem("devices.no_post")
    return Presence(actor, device.scope, device.seen_at)


def touch(session: Session, device_id: str, *, now: datetime) -> None:
    """Remember that the device was in contact now."""
    session.execute(sa.update(Device).where(col(Device.id) == device_id).values(seen_at=now))


@service(Action.VISITS_RECORD)
def record_fetch(session: Session, actor: Actor, list_name: str, rows: int) -> None:
    """Put on record that the actor's device fetched so many rows of a list."""
    area = min(actor.prefixes(Action.VISITS_RECORD), default="")
    details: dict[str, object] = {"list": list_name, "rows": rows}
    audit.append(
        session, actor, "device.fetch", kind="device", id=actor.device, area_code=area, details=details
    )


def digest_hash(device_id: str, token: str) -> str:
    """HA1 of RFC 2617: what Digest authentication compares with; as good as the token, so it is kept encrypted."""
    return hashlib.md5(f"{device_id}:{REALM}:{token}".encode(), usedforsecurity=False).hexdigest()


def is_token(token: str, proof: Proof) -> bool:
    """Whether this is the token."""
    return hmac.compare_digest(sessions.token_hash(token), proof.token_hash)


def _narrowed(grants: tuple[Grant, ...], area_code: str | None) -> tuple[Grant, ...]:
    """The grants within one area: those inside it, and those around it for it alone."""
    if area_code is None:
        return grants
    return tuple(
        grant if grant.prefix.startswith(area_code) else replace(grant, prefix=area_code)
        for grant in grants
        if grant.prefix.startswith(area_code) or area_code.startswith(grant.prefix)
    )


def _managed(actor: Actor) -> sa.ColumnElement[bool]:
    held = sa.select(col(Posting.cadre_id)).where(inside(actor, Action.ACCOUNTS_MANAGE, Posting.area_code))
    return col(Device.cadre_id).in_(held)


def _views(session: Session, which: sa.ColumnElement[bool]) -> tuple[DeviceView, ...]:
    rows: sa.Result[Any] = session.execute(
        sa.select(Device, Cadre.name)  # type: ignore[call-overload]
        .join(Cadre, col(Cadre.id) == col(Device.cadre_id))
        .where(which)
        .order_by(col(Device.revoked_at).is_not(None), col(Device.created_at).desc(), col(Device.id))
    )
    return tuple(_view(row.Device, row.name) for row in rows)


def _view(row: Device, owner: str) -> DeviceView:
    return DeviceView(
        row.id,
        row.name,
        row.cadre_id,
        owner,
        row.scope,
        row.area_code,
        row.created_at,
        row.expires_at,
        row.seen_at,
        row.revoked_at,
    )


def _record(session: Session, actor: Actor, action: str, row: Device, **details: object) -> None:
    area = row.area_code or sessions.home(session, row.cadre_id)
    audit.append(
        session,
        actor,
        action,
        kind="device",
        id=row.id,
        area_code=area,
        details={"cadre": row.cadre_id, **details},
    )
