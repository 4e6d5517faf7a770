"""Accounts and postings: who has an account, which posts he holds where and since when.

Owns creating accounts, dated postings, locks, one-time passwords, and each person's own preferences. An administrator
sees the accounts that hold or held a post in his area and changes those whose every current or coming post lies in it,
so that nobody gains power over a wider post than his own. Refuses to change one's own posts or lock oneself, and to
delete anything: a posting ends, an account is locked.

`resolve`, `present`, `actor_for` and `COOKIE` are given on from `survey.access.sessions`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from models import Area, Cadre, Post, Posting
from survey.access import audit, passwords, sessions
from survey.access.permissions import LEVELS_OF_POST, Action, Actor, found, inside, require, service
from survey.access.sessions import COOKIE, actor_for, present, resolve
from survey.i18n import LANGUAGES, local, speaking
from survey.problems import Problem
from survey.rules import codes

__all__ = [
    "COOKIE",
    "LEVELS_OF_POST",
    "TEXT_SIZES",
    "AccountPage",
    "AccountView",
    "Post",
    "PostingView",
    "account",
    "account_named",
    "accounts",
    "actor_for",
    "add_posting",
    "create_account",
    "create_first_administrator",
    "end_posting",
    "lock",
    "present",
    "reset_password",
    "resolve",
    "set_preferences",
    "unlock",
]

TEXT_SIZES = ("normal", "large", "very_large")
FIRST_ADMINISTRATOR = "admin"
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")


@dataclass(frozen=True)
class PostingView:
    """A dated post in an area; `ends_on` is its last day."""

    id: int
    post: Post
    area_code: str
    starts_on: date
    ends_on: date | None


@dataclass(frozen=True)
class AccountView:
    """An account as administrators see it."""

    cadre_id: int
    username: str
    name: str
    locked: bool
    must_change_password: bool
    last_seen_at: datetime | None
    postings: tuple[PostingView, ...]


@dataclass(frozen=True)
class AccountPage:
    """Some accounts and how many there are in all."""

    rows: tuple[AccountView, ...]
    total: int


@service(Action.ACCOUNTS_MANAGE)
def accounts(
    session: Session,
    actor: Actor,
    *,
    query: str = "",
    locked_only: bool = False,
    limit: int = 50,
    offset: int = 0,
) -> AccountPage:
    """The accounts with a post in the actor's area, by user name; `query` matches name or user name."""
    chosen = _visible(actor)
    if query.strip():
        pattern = f"%{query.strip().lower().replace('%', '')}%"
        chosen = chosen.where(
            sa.or_(col(Cadre.username).like(pattern), sa.func.lower(Cadre.name).like(pattern))
        )
    if locked_only:
        chosen = chosen.where(col(Cadre.locked_at).is_not(None))
    total = session.execute(sa.select(sa.func.count()).select_from(chosen.subquery())).scalar_one()
    cadres = session.execute(chosen.order_by(col(Cadre.username)).limit(limit).offset(offset)).scalars().all()
    return AccountPage(_views(session, cadres), total)


@service(Action.ACCOUNTS_MANAGE)
def account(session: Session, actor: Actor, cadre_id: int) -> AccountView:
    """One account; problem `access.not_found` outside the actor's area."""
    cadre = session.execute(_visible(actor).where(col(Cadre.id) == cadre_id)).scalar_one_or_none()
    if cadre is None:
        raise Problem("access.not_found")
    return _views(session, [cadre])[0]


@service(Action.ACCOUNTS_MANAGE)
def account_named(session: Session, actor: Actor, username: str) -> AccountView:
    """The account of a user name; problem `accounts.no_such_user` if there is none in the actor's area."""
    name = username.strip().lower()
    cadre = session.execute(_visible(actor).where(col(Cadre.username) == name)).scalar_one_or_none()
    if cadre is None:
        raise Problem("accounts.no_such_user", username=name)
    return _views(session, [cadre])[0]


def _visible(actor: Actor) -> sa.Select[Any]:
    held = sa.select(Posting.cadre_id).where(inside(actor, Action.ACCOUNTS_MANAGE, Posting.area_code))  # type: ignore[call-overload]
    return sa.select(Cadre).where(col(Cadre.id).in_(held))


def _views(session: Session, cadres: Sequence[Cadre]) -> tuple[AccountView, ...]:
    ids = [cadre.id for cadre in cadres]
    posts: dict[int, list[PostingView]] = {}
    for row in session.exec(
        select(Posting)
        .where(col(Posting.cadre_id).in_(ids))
        .order_by(col(Posting.starts_on), col(Posting.id))
    ):
        posts.setdefault(row.cadre_id, []).append(_posting_view(row))
    seen = sessions.last_seen(session, [id for id in ids if id is not None])
    return tuple(
        AccountView(
            cadre_id=cadre.id,
            username=cadre.username,
            name=cadre.name,
            locked=cadre.locked_at is not None,
            must_change_password=cadre.must_change_password,
            last_seen_at=seen.get(cadre.id),
            postings=tuple(posts.get(cadre.id, ())),
        )
        for cadre in cadres
        if cadre.id is not None
    )


def _posting_view(row: Posting) -> PostingView:
    assert row.id is not None
    return PostingView(row.id, row.post, row.area_code, row.starts_on, row.ends_on)


@service(Action.ACCOUNTS_MANAGE)
def create_account(
    session: Session,
    actor: Actor,
    username: str,
    name: str,
    post: Post,
    area_code: str,
    *,
    starts_on: date,
    phone: str | None = None,
) -> tuple[AccountView, str]:
    """Create an account with its first post; returns it and its one-time password, which is stored nowhere.

    Problems `accounts.bad_username`, `accounts.no_name`, `accounts.username_taken`, `accounts.no_such_area`,
    `accounts.post_level`, `access.forbidden`.
    """
    user, person = username.strip().lower(), name.strip()
    if not _USERNAME.fullmatch(user):
        raise Problem("accounts.bad_username", username=user)
    if not person:
        raise Problem("accounts.no_name")
    _check_area(session, actor, area_code, post)
    if session.exec(select(Cadre.id).where(col(Cadre.username) == user)).first() is not None:
        raise Problem("accounts.username_taken", username=user)
    one_time = passwords.one_time_password()
    cadre = Cadre(username=user, name=person, phone=phone, password_hash=passwords.hash_password(one_time))
    session.add(cadre)
    session.flush()
    assert cadre.id is not None
    session.add(Posting(cadre_id=cadre.id, post=post, area_code=area_code, starts_on=starts_on))
    session.flush()
    _record(session, actor, "account.create", cadre.id, area_code, post=str(post))
    return _views(session, [cadre])[0], one_time


@service(Action.ACCOUNTS_MANAGE)
def add_posting(
    session: Session,
    actor: Actor,
    cadre_id: int,
    post: Post,
    area_code: str,
    *,
    starts_on: date,
    ends_on: date | None = None,
) -> PostingView:
    """Give a cadre a dated post (`ends_on` is its last day).

    Problems `accounts.own_post`, `accounts.no_such_area`, `accounts.post_level`, `accounts.ends_before_start`,
    `accounts.posting_twice`.
    """
    _changeable(session, actor, cadre_id, own="accounts.own_post", on=starts_on)
    _check_area(session, actor, area_code, post)
    if ends_on is not None and ends_on < starts_on:
        raise Problem("accounts.ends_before_start")
    overlapping = select(Posting.id).where(
        col(Posting.cadre_id) == cadre_id,
        col(Posting.post) == post,
        col(Posting.area_code) == area_code,
        sa.or_(col(Posting.ends_on).is_(None), col(Posting.ends_on) >= starts_on),
        col(Posting.starts_on) <= (ends_on or date.max),
    )
    if session.exec(overlapping).first() is not None:
        raise Problem("accounts.posting_twice")
    row = Posting(cadre_id=cadre_id, post=post, area_code=area_code, starts_on=starts_on, ends_on=ends_on)
    session.add(row)
    session.flush()
    _record(
        session,
        actor,
        "account.posting_add",
        cadre_id,
        area_code,
        post=str(post),
        starts_on=starts_on.isoformat(),
    )
    return _posting_view(row)


@service(Action.ACCOUNTS_MANAGE)
def end_posting(session: Session, actor: Actor, posting_id: int, *, ends_on: date) -> PostingView:
    """End a post; `ends_on` is its last day. Problems `accounts.own_post`, `accounts.ends_before_start`."""
    row = found(session, actor, Action.ACCOUNTS_MANAGE, Posting, posting_id)
    if row.cadre_id == actor.cadre_id:
        raise Problem("accounts.own_post")
    if ends_on < row.starts_on:
        raise Problem("accounts.ends_before_start")
    row.ends_on = ends_on
    session.add(row)
    session.flush()
    details = {"post": str(row.post), "ends_on": ends_on.isoformat()}
    _record(session, actor, "account.posting_end", row.cadre_id, row.area_code, **details)
    return _posting_view(row)


@service(Action.ACCOUNTS_MANAGE)
def lock(session: Session, actor: Actor, cadre_id: int, *, now: datetime) -> None:
    """Lock an account and end its sessions; locking a locked one changes nothing. Problem `accounts.own_lock`."""
    cadre = _changeable(session, actor, cadre_id, own="accounts.own_lock", on=local(now).date())
    if cadre.locked_at is None:
        cadre.locked_at = now
        session.add(cadre)
        sessions.close_all(session, cadre_id, now=now)
        _record(session, actor, "account.lock", cadre_id, sessions.home(session, cadre_id))


@service(Action.ACCOUNTS_MANAGE)
def unlock(session: Session, actor: Actor, cadre_id: int, *, now: datetime) -> None:
    """Lift a lock and forget the failures; an account that is not locked may sign in at once again too."""
    cadre = _changeable(session, actor, cadre_id, own="accounts.own_lock", on=local(now).date())
    cadre.locked_at, cadre.refused_until_at, cadre.failed_sign_ins = None, None, 0
    session.add(cadre)
    _record(session, actor, "account.unlock", cadre_id, sessions.home(session, cadre_id))


@service(Action.ACCOUNTS_MANAGE)
def reset_password(session: Session, actor: Actor, cadre_id: int, *, now: datetime) -> str:
    """Give an account a new one-time password, which must be changed at once; its sessions end.

    Returns the password, which is stored nowhere. Problem `accounts.own_reset`: one's own is changed on its page.
    """
    cadre = _changeable(session, actor, cadre_id, own="accounts.own_reset", on=local(now).date())
    one_time = passwords.one_time_password()
    cadre.password_hash = passwords.hash_password(one_time)
    cadre.must_change_password = True
    cadre.failed_sign_ins, cadre.refused_until_at = 0, None
    session.add(cadre)
    sessions.close_all(session, cadre_id, now=now)
    _record(session, actor, "account.password_reset", cadre_id, sessions.home(session, cadre_id))
    return one_time


@service()
def set_preferences(session: Session, actor: Actor, *, language: str, text_size: str) -> None:
    """Remember the actor's own language and text size. Problem `accounts.unknown_preference`."""
    cadre = session.get(Cadre, actor.cadre_id) if actor.cadre_id is not None else None
    if cadre is None:
        raise Problem("access.forbidden")
    if language not in LANGUAGES or text_size not in TEXT_SIZES:
        raise Problem("accounts.unknown_preference")
    cadre.language, cadre.text_size = language, text_size
    session.add(cadre)


@service(Action.ACCOUNTS_MANAGE)
def create_first_administrator(session: Session, actor: Actor, *, on: date) -> tuple[str, str] | None:
    """On a store without accounts create one administrator; returns user name and one-time password, else nothing.

    He holds the post in every area that has none above it. Problem `accounts.no_areas` before areas were imported.
    """
    if session.exec(select(Cadre.id).limit(1)).first() is not None:
        return None
    tops = session.exec(
        select(Area.code).where(col(Area.parent_code).is_(None)).order_by(col(Area.code))
    ).all()
    if not tops:
        raise Problem("accounts.no_areas")
    view, one_time = create_account(
        session, actor, FIRST_ADMINISTRATOR, "系统管理员", Post.ADMINISTRATOR, tops[0], starts_on=on
    )
    for code in tops[1:]:
        add_posting(session, actor, view.cadre_id, Post.ADMINISTRATOR, code, starts_on=on)
    return view.username, one_time


def _changeable(session: Session, actor: Actor, cadre_id: int, *, own: str, on: date) -> Cadre:
    """The live account, if the actor's area covers every post it holds or will hold."""
    account(session, actor, cadre_id)
    if cadre_id == actor.cadre_id:
        raise Problem(own)
    held = session.exec(
        select(Posting.area_code).where(
            col(Posting.cadre_id) == cadre_id,
            sa.or_(col(Posting.ends_on).is_(None), col(Posting.ends_on) >= on),
        )
    )
    for code in held:
        require(actor, Action.ACCOUNTS_MANAGE, code)
    return session.get_one(Cadre, cadre_id)


def _check_area(session: Session, actor: Actor, area_code: str, post: Post) -> None:
    require(actor, Action.ACCOUNTS_MANAGE, area_code)
    area = session.get(Area, area_code)
    if area is None:
        raise Problem("accounts.no_such_area", area=area_code)
    if area.level not in LEVELS_OF_POST[post]:
        words: dict[str, str] = {}
        for language in LANGUAGES:
            with speaking(language):
                levels = [codes.label("area_level", level) for level in sorted(LEVELS_OF_POST[post])]
                words[f"post_{language}"] = codes.label("post", post)
                words[f"levels_{language}"] = " / ".join(levels)
        raise Problem("accounts.post_level", area=area.short_name, **words)


def _record(
    session: Session, actor: Actor, action: str, cadre_id: int, area_code: str, **details: object
) -> None:
    audit.append(session, actor, action, kind="account", id=cadre_id, area_code=area_code, details=details)
