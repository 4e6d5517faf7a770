"""`minqing demo`: a synthetic township to try the program with.

Owns the options, the progress bar and the accounts printed at the end. The work is in `survey.demo.builder`. Refuses
nothing of its own.
"""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta

import click
from sqlmodel import Session

from survey import db, i18n, serving
from survey.commands import frame
from survey.demo import builder, registering
from survey.demo.builder import Parameters, Wanted
from survey.i18n import day
from survey.i18n import gettext as _
from survey.rules import codes


@frame.command("demo")
@click.option("--seed", type=int, metavar="N", help="Another number, another township (default: 1).")
@click.option(
    "--households", type=click.IntRange(12, 20_000), metavar="N", help="How many households (default: 2400)."
)
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Last day of the year of visits (default: yesterday).",
)
@click.option("--no-serve", is_flag=True, help="Build only.")
@click.option(
    "--port",
    default=serving.DEFAULT_PORT,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="Port to listen on.",
)
def demo(seed: int | None, households: int | None, until: datetime | None, no_serve: bool, port: int) -> None:
    """Build a synthetic township and serve it.

    Nobody in it exists. A demo that is there already is served as it is; a data folder with anything else is left
    alone.
    """
    wanted = Wanted(seed, households, until.date() if until else None)
    with frame.opened(create=True) as store, db.session_scope() as session:
        built = builder.existing(session, wanted, path=store.settings.data_dir)
        if built is None:
            _build(session, wanted.parameters(_yesterday()))
        else:
            frame.say(_("The demo is there already; its visits end on {day}.", day=day(built.until)))
    with frame.opened(), db.reading() as session:
        _print_accounts(session)
    if not no_serve:
        serving.serve(frame.settings(), serving.Listening(port=port), frame.operator(), frame.say)


def _yesterday() -> date:
    return i18n.today() - timedelta(days=1)


def _build(session: Session, parameters: Parameters) -> None:
    began = time.monotonic()
    label = _("Building the demo township")
    with click.progressbar(length=100, label=label, show_eta=False) as bar:
        shown = 0

        def on_progress(done: int, of: int) -> None:
            nonlocal shown
            percent = done * 100 // max(of, 1)
            if percent > shown:
                bar.update(percent - shown)
                shown = percent

        counts = builder.build(session, frame.operator(), parameters, on_progress)
    frame.say(
        _(
            "{households} households, {submissions} fillings, {cases} cases, in {seconds} s.",
            seconds=round(time.monotonic() - began),
            **counts,
        )
    )


def _print_accounts(session: Session) -> None:
    frame.say(_("Accounts to sign in with; the password of all is {password}", password=registering.PASSWORD))
    for account in builder.accounts_of_each_role(session):
        post = codes.label("post", account.post)
        frame.say(f"  {account.username:<14} {i18n.bracketed(post, account.area_name)} {account.name}")
