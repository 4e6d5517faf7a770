"""Fifty cadres at work at once: one interaction every two seconds each, on the real server.

Each tab has its own account, fills in a visit (choosing answers, typing, going on to the next part, each answer saved)
and now and then looks at another page. One client process plays them all. Beside it, in the same run and under the same
flags, a bare Streamlit page with as many tabs and one text field: what Streamlit itself costs.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from benchmarks import servers, stores
from benchmarks.client import Client, Element, PageFailed
from benchmarks.tables import milliseconds, percentile, table
from survey.config import Settings

SECONDS_BETWEEN = 2.0
GOAL_P95_SECONDS = 0.300
_LOOK_ELSEWHERE = 0.15
_PAGES = ("today", "households", "hardship", "cases")


@dataclass
class Figures:
    """What was measured: seconds of each interaction, and what went wrong."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    memory_mib: float = 0.0

    def row(self, name: str) -> tuple[object, ...]:
        """As a row of the table."""
        return (
            name,
            len(self.seconds),
            milliseconds(percentile(self.seconds, 0.5)),
            milliseconds(percentile(self.seconds, 0.95)),
            milliseconds(max(self.seconds)),
            len(self.errors),
            f"{self.memory_mib:.0f} MiB",
        )


Interaction = Callable[[Client, random.Random], Awaitable[float]]


def measure(settings: Settings, folder: Path, *, tabs: int, seconds: float) -> str:
    """The table for so many tabs during so many seconds."""
    cadres = _cadres(settings, tabs)
    tokens = stores.sign_in(settings, [name for name, _ in cadres])
    with servers.application(settings, folder / "application.log") as server:
        clients = [
            (Client(server.port, tokens[name]), "visit", f"household={household}")
            for name, household in cadres
        ]
        ours = asyncio.run(_play(clients, _interact, seconds))
        ours.memory_mib = server.memory_info().rss / 2**20
    with servers.bare_page(folder / "bare.log") as server:
        bare = asyncio.run(_play([(Client(server.port), "", "") for _ in cadres], _type_anything, seconds))
        bare.memory_mib = server.memory_info().rss / 2**20
    header = (
        "50 sessions" if tabs == 50 else f"{tabs} sessions",
        "interactions",
        "median",
        "p95",
        "max",
        "errors",
        "memory",
    )
    text = table(header, [ours.row("visits being filled in"), bare.row("bare Streamlit page")])
    reached = percentile(ours.seconds, 0.95) <= GOAL_P95_SECONDS and not ours.errors
    text += f"\ngoal: p95 at most {milliseconds(GOAL_P95_SECONDS)} and no error: {'reached' if reached else 'MISSED'}"
    return text + "".join(f"\n  error: {error}" for error in sorted(set(ours.errors + bare.errors))[:5])


def _cadres(settings: Settings, tabs: int) -> list[tuple[str, str]]:
    """Accounts that visit, each with a household of its village; over again when there are more tabs."""
    statement = """
        SELECT c.username, h.id AS household
        FROM cadre AS c
        JOIN posting AS p ON p.cadre_id = c.id
        JOIN household AS h ON h.area_code >= p.area_code AND h.area_code < p.area_code || ':'
        WHERE p.post IN ('village_secretary', 'village_head', 'village_committee_member', 'stationed_cadre')
        ORDER BY c.id, h.id
    """
    engine = sa.create_engine(settings.database_url)
    with engine.connect() as connection:
        households: dict[str, list[str]] = {}
        for row in connection.execute(sa.text(statement)):
            households.setdefault(row.username, []).append(row.household)
    engine.dispose()
    names = list(households)
    chosen = [names[number % len(names)] for number in range(tabs)]
    return [(name, households[name][number % len(households[name])]) for number, name in enumerate(chosen)]


async def _play(clients: list[tuple[Client, str, str]], interact: Interaction, seconds: float) -> Figures:
    figures = Figures()
    for client, page, query in clients:  # one after the other: a rush of openings is not what is measured
        await client.open(page, query)
    async with asyncio.TaskGroup() as group:
        for number, (client, _, _) in enumerate(clients):
            group.create_task(_work(client, interact, random.Random(number), seconds, figures))
    for client, _, _ in clients:
        await client.close()
    return figures


async def _work(
    client: Client, interact: Interaction, rng: random.Random, seconds: float, figures: Figures
) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    due = loop.time() + rng.uniform(0, SECONDS_BETWEEN)
    while due < end:
        await asyncio.sleep(max(0.0, due - loop.time()))
        try:
            figures.seconds.append(await interact(client, rng))
        except (PageFailed, OSError) as error:
            figures.errors.append(str(error)[:200])
        due += SECONDS_BETWEEN


async def _interact(client: Client, rng: random.Random) -> float:
    """One act of a cadre who fills in a visit."""
    answers = [element for element in client.elements.values() if "-mqf_" in element.id]
    if client.page != "visit":
        return await client.open("visit", client.visit)
    client.visit = client.query
    if rng.random() < _LOOK_ELSEWHERE:
        return await client.open(rng.choice(_PAGES))
    choice = rng.choice(answers) if answers else None
    if choice is not None and choice.kind == "button_group" and rng.random() < 0.7:
        return await client.choose(choice, rng.choice(choice.options))
    if choice is not None and choice.kind in ("text_area", "text_input"):
        return await client.type_into(choice, f"说到用水,已记下第{rng.randrange(1000)}次。")
    return await client.click(_onward(client, rng))


def _onward(client: Client, rng: random.Random) -> Element:
    """The button to the next part of the form, or to any part from the last one."""
    parts = [element for element in client.elements.values() if "-mq_part_button_" in element.id]
    following = [element for element in client.elements.values() if element.id.endswith("-mq_next")]
    found = following or parts
    if not found:
        raise PageFailed("visit: neither a next part nor an outline is shown")
    return rng.choice(found)


async def _type_anything(client: Client, rng: random.Random) -> float:
    field_shown = next(element for element in client.elements.values() if element.kind == "text_area")
    return await client.type_into(field_shown, f"words {rng.randrange(1000)}")
