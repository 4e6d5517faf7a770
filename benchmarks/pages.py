"""How long the server needs to run each page again: on the demo, and with a hundred times its rows.

One signed-in tab on each store, one run after the other, each on a real server; from sending the rerun to the message
that the script is finished. Both stores are measured in turn, run by run, so that a machine that is slower for a while
is slower for both. The goal is about growth: what a page needs must not depend on how much the store holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from benchmarks import servers, stores
from benchmarks.client import Client, PageFailed
from benchmarks.tables import milliseconds, percentile, table
from survey.config import Settings

GOAL_GROWTH = 1.5
OFFICE, ADMINISTRATOR = "office1", "admin"


@dataclass(frozen=True)
class Page:
    """A page as somebody opens it."""

    name: str
    user: str
    path: str
    query: str = ""


def pages(settings: Settings) -> list[Page]:
    """Every page, for a village head, and for the township's office where it sees more."""
    example = _example(settings)
    head, found = example.village_head, []
    for user in (head, OFFICE):
        found += [
            Page("today", user, "today"),
            Page("households", user, "households"),
            Page("household", user, "households", f"household={example.household}"),
            Page("hardship", user, "hardship"),
            Page("cases", user, "cases"),
            Page("case", user, "cases", f"case={example.case}"),
            Page("map", user, "map"),
        ]
    found.append(Page("visit: unfinished", head, "visit"))
    found.append(Page("visit: form", head, "visit", f"household={example.household}"))
    found.append(Page("administration", ADMINISTRATOR, "administration"))
    return found


@dataclass(frozen=True)
class _Example:
    """A case (one not finished, where there is one), its household, and the head of its village."""

    household: str
    case: str
    village_head: str


def _example(settings: Settings) -> _Example:
    statement = """
        SELECT c.household_id AS household, c.id AS "case", k.username AS village_head
        FROM "case" AS c
        JOIN posting AS p ON p.area_code = substr(c.area_code, 1, 12) AND p.post = 'village_head'
        JOIN cadre AS k ON k.id = p.cadre_id
        ORDER BY c.closed_on IS NOT NULL, c.number
        LIMIT 1
    """
    engine = sa.create_engine(settings.database_url)
    with engine.connect() as connection:
        row = connection.execute(sa.text(statement)).one()
    engine.dispose()
    return _Example(row.household, row.case, row.village_head)


def measure(small: Settings, large: Settings, folder: Path, *, reruns: int, times: int) -> str:
    """The table: median and 95th percentile of each page on both stores, and the growth of the median."""
    wanted = pages(small)
    with (
        _serving(small, folder / "pages.log", wanted) as first,
        _serving(large, folder / "pages-large.log", wanted) as second,
    ):
        figures = asyncio.run(_all((first, second), wanted, reruns))
    rows, missed = [], []
    for page in wanted:
        name = f"{page.name} ({page.user})"
        one, many = figures[page]
        if isinstance(one, str) or isinstance(many, str):
            rows.append(
                (
                    name,
                    one if isinstance(one, str) else "",
                    "",
                    many if isinstance(many, str) else "",
                    "",
                    "failed",
                )
            )
            missed.append(name)
            continue
        growth = percentile(many, 0.5) / percentile(one, 0.5)
        if growth > GOAL_GROWTH:
            missed.append(name)
        rows.append(
            (
                name,
                milliseconds(percentile(one, 0.5)),
                milliseconds(percentile(one, 0.95)),
                milliseconds(percentile(many, 0.5)),
                milliseconds(percentile(many, 0.95)),
                f"{growth:.2f}x",
            )
        )
    header = ("page (user)", "median", "p95", f"median x{times}", f"p95 x{times}", "growth")
    verdict = "reached" if not missed else "MISSED by " + ", ".join(missed)
    return table(header, rows) + f"\ngoal: growth at most {GOAL_GROWTH}x: {verdict}"


@dataclass(frozen=True)
class _Server:
    """A running server and the session tokens of its users."""

    port: int
    tokens: dict[str, str]


@contextmanager
def _serving(settings: Settings, log: Path, wanted: list[Page]) -> Iterator[_Server]:
    tokens = stores.sign_in(settings, sorted({page.user for page in wanted}))
    with servers.application(settings, log) as server:
        yield _Server(server.port, tokens)


_Figures = list[float] | str


async def _all(
    running: tuple[_Server, _Server], wanted: list[Page], reruns: int
) -> dict[Page, tuple[_Figures, _Figures]]:
    return {page: await _in_turn(running, page, reruns) for page in wanted}


async def _in_turn(running: tuple[_Server, _Server], page: Page, reruns: int) -> tuple[_Figures, _Figures]:
    """The seconds of each rerun on both servers, or why the page failed there."""
    clients = [Client(server.port, server.tokens[page.user]) for server in running]
    figures: list[_Figures] = [[], []]
    for number in range(-1, reruns):
        for place, client in enumerate(clients):
            seconds = figures[place]
            if isinstance(seconds, str):
                continue
            try:
                if number < 0:
                    await client.open(page.path, page.query)
                    await client.rerun()
                else:
                    seconds.append(await client.rerun())
            except PageFailed as error:
                figures[place] = str(error)[:60]
    for client in clients:
        await client.close()
    return figures[0], figures[1]
