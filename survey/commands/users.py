"""`minqing user …`: accounts from the machine itself, when nobody can sign in to make them.

Owns the options and what is printed. The work is in `survey.access.accounts`. Refuses a password on the command line,
where others could read it: a one-time password is made and printed once.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import click

from survey import db, i18n
from survey.access import accounts
from survey.access.accounts import AccountView, Post
from survey.areas import register
from survey.commands import frame
from survey.i18n import gettext as _
from survey.problems import Problem
from survey.rules import codes

_POSTS = [str(post) for post in Post]
_LIST_SIZE = 200
_post = click.option("--post", required=True, metavar="POST", help="The post, such as village_head.")
_area = click.option("--area", required=True, metavar="CODE", help="Code of the area the post is in.")
_from = click.option(
    "--from", "starts", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="First day (default: today)."
)


@frame.group("user")
def user() -> None:
    """Accounts and posts."""


@user.command("add")
@click.argument("username")
@click.option("--name", required=True, metavar="NAME", help="The person's name.")
@_post
@_area
@_from
def add(username: str, name: str, post: str, area: str, starts: datetime | None) -> None:
    """Create an account with its first post; its one-time password is printed once."""
    with frame.opened(), db.session_scope() as session:
        view, one_time = accounts.create_account(
            session, frame.operator(), username, name, _known_post(post), area, starts_on=_day(starts)
        )
    _say_password(view.username, one_time)


@user.command("post")
@click.argument("username")
@_post
@_area
@_from
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Last day (default: open).")
def add_post(username: str, post: str, area: str, starts: datetime | None, until: datetime | None) -> None:
    """Give an account one more post."""
    with frame.opened(), db.session_scope() as session:
        actor = frame.operator()
        view = accounts.account_named(session, actor, username)
        accounts.add_posting(
            session,
            actor,
            view.cadre_id,
            _known_post(post),
            area,
            starts_on=_day(starts),
            ends_on=until.date() if until else None,
        )
    frame.say(
        _(
            "{username} now also holds the post {post}.",
            username=view.username,
            post=codes.label("post", post),
        )
    )


@user.command("passwd")
@click.argument("username")
def passwd(username: str) -> None:
    """Give an account a new one-time password and end its sessions."""
    with frame.opened(), db.session_scope() as session:
        view = accounts.account_named(session, frame.operator(), username)
        one_time = accounts.reset_password(session, frame.operator(), view.cadre_id, now=datetime.now(UTC))
    _say_password(view.username, one_time)


@user.command("lock")
@click.argument("username")
def lock(username: str) -> None:
    """Lock an account and end its sessions."""
    with frame.opened(), db.session_scope() as session:
        view = accounts.account_named(session, frame.operator(), username)
        accounts.lock(session, frame.operator(), view.cadre_id, now=datetime.now(UTC))
    frame.say(_("{username} is locked.", username=view.username))


@user.command("unlock")
@click.argument("username")
def unlock(username: str) -> None:
    """Lift the lock of an account and forget its failed sign-ins."""
    with frame.opened(), db.session_scope() as session:
        view = accounts.account_named(session, frame.operator(), username)
        accounts.unlock(session, frame.operator(), view.cadre_id, now=datetime.now(UTC))
    frame.say(_("{username} may sign in again.", username=view.username))


@user.command("list")
@click.option("--locked", is_flag=True, help="Only locked accounts.")
def list_accounts(locked: bool) -> None:
    """List the accounts with their posts."""
    with frame.opened(), db.reading() as session:
        total, offset = 1, 0
        while offset < total:
            page = accounts.accounts(
                session, frame.operator(), locked_only=locked, limit=_LIST_SIZE, offset=offset
            )
            places = register.names(session, {p.area_code for row in page.rows for p in row.postings})
            for row in page.rows:
                frame.say(_line(row, places))
            total, offset = page.total, offset + _LIST_SIZE


def _line(row: AccountView, places: dict[str, str]) -> str:
    posts = "; ".join(
        f"{codes.label('post', p.post)} {places.get(p.area_code, p.area_code)} {p.starts_on}–{p.ends_on or ''}"
        for p in row.postings
    )
    return "\t".join((row.username, row.name, _("locked") if row.locked else "", posts))


def _known_post(post: str) -> Post:
    if post not in _POSTS:
        raise Problem("accounts.no_such_post", post=post, posts=", ".join(_POSTS))
    return Post(post)


def _day(given: datetime | None) -> date:
    return given.date() if given else i18n.today()


def _say_password(username: str, one_time: str) -> None:
    frame.say(
        _(
            "User name {username}, one-time password {password} (shown only now; it must be changed at the first sign-in)",
            username=username,
            password=one_time,
        )
    )
