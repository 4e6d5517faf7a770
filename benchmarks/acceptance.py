"""How many standard visits a second the server accepts, with full checking.

`accept`, one commit each, as when a cadre submits; `accept_many`, one transaction for all, as an import does. The
fillings are those the demo would send next: a completed visit with the four difficulties asked, written
beforehand and not part of the time. On SQLite with synchronous=FULL; on PostgreSQL when DATABASE_URL is given.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import Session

from benchmarks import stores
from benchmarks.tables import milliseconds, percentile, table
from models import SubmissionSource
from survey import composition, db, opening
from survey.access import accounts
from survey.access.permissions import Actor, operator
from survey.config import Settings
from survey.demo import builder, fillings, registering, township
from survey.demo.visits import Slot
from survey.questionnaires import submissions
from survey.questionnaires.submissions import Delivery


def measure(folder: Path, *, count: int) -> str:
    """The table: SQLite, and PostgreSQL when its address is given."""
    rows = []
    for settings in _stores(folder):
        with _township(settings, count) as deliveries:
            half = len(deliveries) // 2
            name = stores.sync_mode(settings)
            rows.append(_one_by_one(name, deliveries[:half]))
            rows.append(_together(name, deliveries[half:]))
    return table(("standard visit accepted", "visits", "per second", "median", "p95"), rows)


def _stores(folder: Path) -> Iterator[Settings]:
    own = folder / "acceptance"
    sqlite = Settings(own, f"sqlite:///{own / 'minqing.db'}", folder / "acceptance.key")
    own.mkdir()
    yield sqlite
    if os.environ.get("DATABASE_URL"):
        yield replace(sqlite, database_url=os.environ["DATABASE_URL"])


@contextmanager
def _township(settings: Settings, count: int) -> Iterator[list[tuple[Actor, Delivery]]]:
    """A store with the register of a township and no visit yet, and the fillings to send."""
    composition.wire()
    with opening.opened(settings, create=True):
        with db.session_scope() as session:
            wanted = builder.Wanted(seed=9, households=max(24, count))
            if builder.existing(session, wanted, path=settings.data_dir) is not None:
                raise RuntimeError("the acceptance benchmark needs an empty database")
            composition.prepare_store(session, operator("benchmark"))
            plan = township.plan(9, max(24, count), datetime.now(UTC).date(), builder.villages_of(session))
            ids = registering.write(session, operator("benchmark"), plan)
            prepared = _deliveries(session, plan, ids, count)
        yield prepared


def _deliveries(
    session: Session, plan: township.Township, ids: dict[str, int], count: int
) -> list[tuple[Actor, Delivery]]:
    on = plan.until
    actors = {name: accounts.actor_for(session, cadre_id, on=on) for name, cadre_id in ids.items()}
    slots = _standard(plan, count)
    work = fillings.Work(plan, builder.xforms(session, on), slots)
    return [
        (actors[slot.cadre.username], Delivery(xml, SubmissionSource.PAGE, slot.received_at, "benchmark"))
        for slot, xml in zip(slots, fillings.written(work), strict=True)
    ]


def _standard(plan: township.Township, count: int) -> list[Slot]:
    """One completed visit to each of so many households without a hardship file."""
    now = datetime.now(UTC)
    slots = []
    for house in plan.houses:
        if house.hardship is None and len(slots) < count:
            cadre = plan.field_cadres(house.group.village_code)[0]
            slots.append(Slot(house, cadre, plan.until, now))
    return slots


def _one_by_one(store: str, deliveries: list[tuple[Actor, Delivery]]) -> tuple[object, ...]:
    seconds = []
    for actor, delivery in deliveries:
        began = time.perf_counter()
        with db.session_scope() as session:
            accepted = submissions.accept(session, actor, delivery)
        seconds.append(time.perf_counter() - began)
        assert not accepted.already
    return _row(f"accept, one commit each · {store}", seconds)


def _together(store: str, deliveries: list[tuple[Actor, Delivery]]) -> tuple[object, ...]:
    seconds = []
    with db.session_scope() as session:
        began = time.perf_counter()
        for accepted in submissions.accept_many(session, deliveries):
            assert not accepted.already
            seconds.append(time.perf_counter() - began)
            began = time.perf_counter()
    return _row(f"accept_many · {store}", seconds)


def _row(name: str, seconds: list[float]) -> tuple[object, ...]:
    return (
        name,
        len(seconds),
        f"{len(seconds) / sum(seconds):.0f}",
        milliseconds(percentile(seconds, 0.5)),
        milliseconds(percentile(seconds, 0.95)),
    )
