"""How many fillings a second the server accepts, with full checking.

`accept`, one commit each, as when a cadre submits; `accept_many`, one transaction for all, as an import does. The
fillings are written beforehand and not part of the time: standard visits as the demo would send them next, and a
township's own questionnaire of 35 questions, six of them in a repeat of three persons (`thirty_five.md`), that writes a
visit and the register. Beside them, what the disk allows without any work. On SQLite with synchronous=FULL; on PostgreSQL when DATABASE_URL is given.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
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
from survey.questionnaires import drafts, library, submissions
from survey.questionnaires.definitions import Form
from survey.questionnaires.engine import Instance
from survey.questionnaires.submissions import Delivery

QUESTIONS, PERSONS = 35, 3
_CALCULATED = frozenset({"calculate", "hidden"})
_ANSWERS: Mapping[str, str] = {
    "visit/visited_on": "visited_on",
    "visit/disposition": "completed",
    "visit/diary": "一家三口，收入平稳，老人需要定期取药。",
    "land/paddy_mu": "3.5",
    "land/dry_mu": "2",
    "land/forest_mu": "10",
    "land/let": "yes",
    "land/let_mu": "1.5",
    "land/crops": "rice maize",
    "income/farm": "6000",
    "income/animals": "3500",
    "income/wages": "42000",
    "income/aid": "1200",
    "income/trend": "less",
    "income/reason": "illness",
    **{f"person[{n}]/person_name": f"成员{n}" for n in range(1, PERSONS + 1)},
    **{f"person[{n}]/sex": str(1 + n % 2) for n in range(1, PERSONS + 1)},
    **{f"person[{n}]/age": str(16 + 2 * n) for n in range(1, PERSONS + 1)},
    **{f"person[{n}]/school": "no" for n in range(1, PERSONS + 1)},
    **{f"person[{n}]/work": "farm" for n in range(1, PERSONS + 1)},
    "living/housing": "safe",
    "living/water": "spring",
    "living/rooms": "5",
    "living/toilet": "yes",
    "living/power": "yes",
    "living/network": "yes",
    "living/road": "no",
    "living/distance_m": "1800",
    "views/satisfaction": "satisfied",
    "views/policies": "pension farming",
    "views/needs_help": "yes",
    "views/help_words": "取药路远，盼有车。",
}


def measure(folder: Path, *, count: int) -> str:
    """The table: SQLite, and PostgreSQL when its address is given."""
    rows = []
    for settings in _stores(folder):
        with _township(settings, count) as prepared:
            name = stores.sync_mode(settings)
            if settings.is_sqlite:
                rows.append(_bare(settings.data_dir, count // 2, name))
            for form, deliveries in prepared.items():
                half = len(deliveries) // 2
                rows.append(_one_by_one(f"{form} · {name}", deliveries[:half]))
                rows.append(_together(f"{form} · {name}", deliveries[half:]))
    return table(("accepted", "fillings", "per second", "median", "p95"), rows)


def _stores(folder: Path) -> Iterator[Settings]:
    own = folder / "acceptance"
    sqlite = Settings(own, f"sqlite:///{own / 'minqing.db'}", folder / "acceptance.key")
    own.mkdir()
    yield sqlite
    if os.environ.get("DATABASE_URL"):
        yield replace(sqlite, database_url=os.environ["DATABASE_URL"])


@contextmanager
def _township(settings: Settings, count: int) -> Iterator[dict[str, list[tuple[Actor, Delivery]]]]:
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
            on = plan.until
            actors = {name: accounts.actor_for(session, cadre_id, on=on) for name, cadre_id in ids.items()}
            slots = _standard(plan, count)
            prepared = {
                "35 questions": _thirty_five(session, actors, slots),
                "standard visit": _visits(session, plan, actors, slots),
            }
        yield prepared


def _visits(
    session: Session, plan: township.Township, actors: Mapping[str, Actor], slots: Sequence[Slot]
) -> list[tuple[Actor, Delivery]]:
    work = fillings.Work(plan, builder.xforms(session, plan.until), slots)
    return [
        (actors[slot.cadre.username], Delivery(xml, SubmissionSource.PAGE, slot.received_at, "benchmark"))
        for slot, xml in zip(slots, fillings.written(work), strict=True)
    ]


def _thirty_five(
    session: Session, actors: Mapping[str, Actor], slots: Sequence[Slot]
) -> list[tuple[Actor, Delivery]]:
    """The form published, and a filling of it for each slot's household."""
    source = (Path(__file__).parent / "thirty_five.md").read_text(encoding="utf-8")
    version = library.publish(session, operator("benchmark"), source, valid_from=slots[0].visited_on)
    form = library.form_of(session, version.id)
    assert sum(question.type not in _CALCULATED for question in form.questions()) == QUESTIONS
    return [(actors[slot.cadre.username], _filling(session, actors, form, slot)) for slot in slots]


def _filling(session: Session, actors: Mapping[str, Actor], form: Form, slot: Slot) -> Delivery:
    actor = actors[slot.cadre.username]
    household = drafts.visitable_household(session, actor, slot.house.id)
    context = drafts.context_for(session, actor, form, household, now=slot.received_at)
    instance = Instance.new(form, context, prefill={"household_id": household.id})
    for _ in range(PERSONS - 1):
        instance.add_repeat("/data/person")
    for path, value in _ANSWERS.items():
        instance.answer(f"/data/{path}", slot.visited_on.isoformat() if value == "visited_on" else value)
    return Delivery(instance.to_xml(final=True), SubmissionSource.PAGE, slot.received_at, "benchmark")


def _standard(plan: township.Township, count: int) -> list[Slot]:
    """One completed visit to each of so many households without a hardship file."""
    now = datetime.now(UTC)
    slots = []
    for house in plan.houses:
        if house.hardship is None and len(slots) < count:
            cadre = plan.field_cadres(house.group.village_code)[0]
            slots.append(Slot(house, cadre, plan.until, now))
    return slots


def _bare(folder: Path, count: int, store: str) -> tuple[object, ...]:
    """What the disk allows at most: so many commits of three kilobytes each, and nothing else."""
    seconds = []
    with closing(sqlite3.connect(folder / "bare.db", isolation_level=None)) as connection:
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "CREATE TABLE filling (xml)"):
            connection.execute(statement)
        for _ in range(count):
            began = time.perf_counter()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO filling VALUES (?)", (os.urandom(3000),))
            connection.execute("COMMIT")
            seconds.append(time.perf_counter() - began)
    return _row(f"nothing but a commit of 3 kB · {store}", seconds)


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
