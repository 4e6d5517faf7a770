"""How long the server needs to run each page again: on the demo, and with a hundred times its rows.

One signed-in tab, one run after the other, on the real server; from sending the rerun to the message that the script
is finished. The goal is about growth: what a page needs must not depend on how much the store holds.
"""

from __future__ import annotations

import asyncio
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
    before = _measured(small, folder / "pages.log", wanted, reruns)
    after = _measured(large, folder / "pages-large.log", wanted, reruns)
    rows, missed = [], []
    for page in wanted:
        name = f"{page.name} ({page.user})"
        one, many = before[page], after[page]
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


def _measured(
    settings: Settings, log: Path, wanted: list[Page], reruns: int
) -> dict[Page, list[float] | str]:
    tokens = stores.sign_in(settings, sorted({page.user for page in wanted}))
    with servers.application(settings, log) as server:
        return asyncio.run(_all(server.port, tokens, wanted, reruns))


async def _all(
    port: int, tokens: dict[str, str], wanted: list[Page], reruns: int
) -> dict[Page, list[float] | str]:
    figures: dict[Page, list[float] | str] = {}
    for page in wanted:
        client = Client(port, tokens[page.user])
        try:
            await client.open(page.path, page.query)
            await client.rerun()
            figures[page] = [await client.rerun() for _ in range(reruns)]
        except PageFailed as error:
            figures[page] = str(error)[:60]
        await client.close()
    return figures
