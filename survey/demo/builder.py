"""Building a demo store: the register, then a year of visits through `submissions.accept_many`, then cases.

Owns the order of events (entry by entry, with the acts on cases between them as of their own days) and the mark that
makes a store a demo. All in one transaction of the caller: an interrupted build leaves an empty store. Refuses a
store that holds anything else, and a demo made with other settings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from models import (
    Area,
    AreaLevel,
    Cadre,
    Household,
    Post,
    Posting,
    QuestionnaireVersion,
    StoreFact,
    SubmissionSource,
    Visit,
)
from survey import composition, db, i18n
from survey.access import accounts, audit
from survey.access.permissions import Actor
from survey.demo import fillings, registering, township, visits
from survey.demo.casework import Casework, Office
from survey.demo.township import TOWNSHIP_CODE, Township, VillageUnit
from survey.demo.visits import Slot
from survey.problems import Problem
from survey.questionnaires import library, submissions

DEFAULT_SEED = 1
DEFAULT_HOUSEHOLDS = 2400
DEVICE = "demo"
_FORGET_EVERY = 400


@dataclass(frozen=True)
class Parameters:
    """What a demo was made with; the same ones make the same demo."""

    seed: int
    households: int
    until: date

    def as_text(self) -> str:
        """As kept in the store and told to people."""
        return json.dumps(asdict(self) | {"until": self.until.isoformat()}, sort_keys=True)


@dataclass(frozen=True)
class Wanted:
    """What somebody asks for; nothing means: as it comes."""

    seed: int | None = None
    households: int | None = None
    until: date | None = None

    def fits(self, built: Parameters) -> bool:
        """Whether a demo that is there is the one asked for."""
        return (
            self.seed in (None, built.seed)
            and self.households in (None, built.households)
            and self.until in (None, built.until)
        )

    def parameters(self, yesterday: date) -> Parameters:
        """With the defaults filled in; problem `demo.bad_date` for a last day that is not over yet."""
        until = self.until or yesterday
        if until > yesterday:
            raise Problem("demo.bad_date", day=until.isoformat())
        return Parameters(
            DEFAULT_SEED if self.seed is None else self.seed, self.households or DEFAULT_HOUSEHOLDS, until
        )


@dataclass(frozen=True)
class Account:
    """An account to sign in with: one of each role."""

    post: Post
    username: str
    name: str
    area_name: str


Progress = Callable[[int, int], None]
"""Called with how many deliveries are done and how many there are."""


def existing(session: Session, wanted: Wanted, *, path: object) -> Parameters | None:
    """The demo that is there, or nothing for an empty store; problems `demo.not_a_demo`, `demo.other_demo`."""
    text = db.fact(session, db.DEMO_FACT)
    if text is not None:
        values = json.loads(text)
        built = Parameters(values["seed"], values["households"], date.fromisoformat(values["until"]))
        if not wanted.fits(built):
            raise Problem("demo.other_demo", path=path, found=text)
        return built
    if any(session.exec(select(table).limit(1)).first() for table in (Cadre, Household, Visit, Area)):
        raise Problem("demo.not_a_demo", path=path)
    return None


def build(session: Session, operator: Actor, parameters: Parameters, on_progress: Progress) -> dict[str, int]:
    """Fill an empty store with the demo of these parameters; what was made, by kind.

    Everything in the caller's transaction. Deterministic but for audit times, ciphertexts and password salt.
    """
    composition.prepare_store(session, operator)
    plan = township.plan(parameters.seed, parameters.households, parameters.until, villages_of(session))
    cadre_ids = registering.write(session, operator, plan)
    builder = _Year(session, plan, cadre_ids)
    counts = builder.live(on_progress)
    session.add(StoreFact(key=db.DEMO_FACT, value=parameters.as_text()))
    audit.append(session, operator, "demo.build", kind="store", details=dict(counts))
    session.flush()
    return {"households": len(plan.houses), "cadres": len(plan.cadres), **counts}


def accounts_of_each_role(session: Session) -> tuple[Account, ...]:
    """One account for each post of the demo, in the order of the posts."""
    found = []
    for post in Post:
        row = session.execute(_holder(post)).first()
        if row is not None:
            found.append(Account(post, row.username, row.name, row.short_name))
    return tuple(found)


def _holder(post: Post) -> sa.Select[*tuple[object, ...]]:
    return (
        sa.select(col(Cadre.username), col(Cadre.name), col(Area.short_name))
        .join(Posting, col(Posting.cadre_id) == col(Cadre.id))
        .join(Area, col(Area.code) == col(Posting.area_code))
        .where(col(Posting.post) == post)
        .order_by(col(Cadre.id))
        .limit(1)
    )


def villages_of(session: Session) -> tuple[VillageUnit, ...]:
    """The villages of the demo's township in the register, by code."""
    rows = session.exec(
        select(Area)
        .where(
            col(Area.parent_code) == TOWNSHIP_CODE,
            col(Area.level) == AreaLevel.VILLAGE,
            col(Area.valid_until).is_(None),
        )
        .order_by(col(Area.code))
    )
    return tuple(VillageUnit(area.code, area.short_name) for area in rows)


class _Year:
    """The year as it happens: deliveries in the order they came in, acts on cases in between."""

    def __init__(self, session: Session, plan: Township, cadre_ids: dict[str, int]) -> None:
        self._session = session
        self._until = plan.until
        self._actors = {
            cadre.username: accounts.actor_for(session, cadre_ids[cadre.username], on=plan.until)
            for cadre in plan.cadres
        }
        self._casework = Casework(plan.seed, self._office(plan, cadre_ids))
        self._work = fillings.Work(plan, xforms(session, plan.until), visits.schedule(plan))
        self._steps = 0

    def live(self, on_progress: Progress) -> dict[str, int]:
        """Deliver every filling, act on the cases, and count."""
        slots = self._work.slots
        opened: set[str] = set()
        accepted = submissions.accept_many(self._session, self._deliveries(slots))
        for number, (slot, outcome) in enumerate(zip(slots, accepted, strict=True), start=1):
            for thing in outcome.written:
                if thing.kind == "case":
                    opened.add(thing.id)
                    self._casework.raised(self._session, thing.id, slot.visited_on)
            if number % _FORGET_EVERY == 0:
                self._session.flush()
                self._session.expunge_all()
            on_progress(number, len(slots))
        self._steps += self._casework.act_until(self._session, self._until)
        return {"submissions": len(slots), "cases": len(opened), "steps": self._steps}

    def _deliveries(self, slots: Sequence[Slot]) -> Iterator[tuple[Actor, submissions.Delivery]]:
        for slot, xml in zip(slots, fillings.written(self._work), strict=True):
            entered_on = i18n.local(slot.received_at).date()
            self._steps += self._casework.act_until(self._session, min(entered_on, self._until))
            actor = self._actors[slot.cadre.username]
            yield actor, submissions.Delivery(xml, SubmissionSource.DEMO, slot.received_at, DEVICE)

    def _office(self, plan: Township, cadre_ids: dict[str, int]) -> Office:
        office = next(cadre for cadre in plan.cadres if cadre.post is Post.MASS_WORK_DIRECTOR)
        helper = next(cadre for cadre in plan.cadres if cadre.post is Post.MASS_WORK_MEMBER)
        handlers = {
            village.code: [
                (cadre_ids[cadre.username], self._actors[cadre.username])
                for cadre in (*plan.field_cadres(village.code), helper)
            ]
            for village in plan.villages
        }
        return Office(self._actors[office.username], handlers)


def xforms(session: Session, on: date) -> dict[str, str]:
    """The compiled visit and contact questionnaires in force that day, by form id."""
    versions = {
        form_id: library.current_version(session, form_id, on)
        for form_id in (visits.VISIT_FORM, visits.CONTACT_FORM)
    }
    return {
        form_id: session.get_one(QuestionnaireVersion, version.id).xform
        for form_id, version in versions.items()
    }
