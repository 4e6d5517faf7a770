"""What is answered at each contact: the content of a filling before it becomes an instance of its form.

Owns how a household's difficulties show in the answers over the year: first told, then worse, better or solved.
Remembers per household and difficulty whether the last answer was an open one, because the forms offer "worse",
"better" and "solved" only then. Refuses to know forms: it gives path → answer, `survey.demo.fillings` sets them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from survey.demo import geography, words
from survey.demo.chance import drawn
from survey.demo.courses import course
from survey.demo.township import House
from survey.demo.visits import Slot
from survey.rules import codes

OPEN_STATES = ("exists", "worse", "better")
_POLICIES = (
    "medical_insurance",
    "pension",
    "subsistence",
    "housing",
    "farming",
    "education",
    "employment",
    "safety",
)
_HELP = ("formalities", "medical", "industry", "employment", "education", "other")
SOMEBODY_ELSE = "other"


@dataclass(frozen=True)
class Answers:
    """The answers of one filling: single ones by path, and the rows of each repeat by the repeat's path."""

    single: dict[str, str]
    repeats: dict[str, list[dict[str, str]]] = field(default_factory=dict)


class Memory:
    """What households said last, and when each difficulty they told of is solved."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._open: set[tuple[str, str]] = set()
        self._solved_on: dict[tuple[str, str], date | None] = {}

    def is_open(self, house: House, difficulty: str) -> bool:
        """Whether the last answer said that the difficulty is there."""
        return (house.id, difficulty) in self._open

    def has(self, house: House, difficulty: str, on: date) -> bool:
        """Whether the household has the difficulty that day."""
        solved_on = self._solved_on.get((house.id, difficulty))
        return difficulty in house.difficulties and (solved_on is None or on <= solved_on)

    def heard(self, house: House, difficulty: str, state: str, on: date) -> None:
        """Remember an answer; the first telling opens a case, whose course says when it is solved."""
        matter = (house.id, difficulty)
        if state not in OPEN_STATES:
            self._open.discard(matter)
            return
        self._open.add(matter)
        if matter not in self._solved_on:
            self._solved_on[matter] = course(self._seed, house.id, difficulty, on).solved_on


def of_visit(rng: Random, slot: Slot, memory: Memory) -> Answers:
    """The answers of a household visit."""
    house = slot.house
    single = {
        "meeting/visited_on": slot.visited_on.isoformat(),
        "meeting/disposition": slot.disposition,
        "meeting/purpose": slot.purpose,
    }
    repeats: dict[str, list[dict[str, str]]] = {}
    if slot.met:
        single["meeting/respondent"] = rng.choice(house.at_home).id
        repeats["four_difficulties/difficulty"] = _difficulties(rng, slot, memory)
        single |= _met(rng, slot, repeats)
    if rng.random() < 0.7:
        single["closing/diary"] = words.diary(rng)
    if rng.random() < (0.12 if slot.met else 0.3):
        single["closing/follow_up_on"] = (slot.visited_on + timedelta(days=rng.randint(5, 40))).isoformat()
    _place(rng, slot, single, "closing")
    return Answers(single, repeats)


def of_contact(rng: Random, slot: Slot) -> Answers:
    """The answers of a hardship contact."""
    single = {
        "contact/contacted_on": slot.visited_on.isoformat(),
        "contact/mode": slot.mode,
        "contact/words": words.contact(rng),
        "contact/next_contact_on": _next_contact(slot),
    }
    if rng.random() < 0.4:
        single["contact/help_given"] = _several(rng, _HELP, 1)
    if slot.mode == "home":
        single["visit/diary"] = words.diary(rng)
        _place(rng, slot, single, "visit")
    return Answers(single)


def _difficulties(rng: Random, slot: Slot, memory: Memory) -> list[dict[str, str]]:
    """One row for each difficulty, asked or not, in the order of the list."""
    rows = []
    for key in codes.keys("difficulty"):
        state = _state(rng, slot, key, memory)
        row = {"state": state}
        if state in OPEN_STATES:
            row["severity"] = str(slot.house.difficulties[key])
            row["words"] = words.difficulty(rng, key, slot.house.group.name)
        if state != "not_asked":
            memory.heard(slot.house, key, state, slot.visited_on)
        rows.append(row)
    return rows


def _state(rng: Random, slot: Slot, key: str, memory: Memory) -> str:
    if rng.random() < (0.4 if slot.disposition == "partial" else 0.05):
        return "not_asked"
    known = memory.is_open(slot.house, key)
    if not memory.has(slot.house, key, slot.visited_on):
        return "solved" if known else "none"
    if not known:
        return "exists"
    return drawn(rng, {"exists": 30, "worse": 8, "better": 62})


def _met(rng: Random, slot: Slot, repeats: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    """What is asked only where somebody was met, but for the difficulties."""
    single = {"closing/satisfaction": drawn(rng, _satisfaction(slot, repeats))}
    asked = rng.random() < 0.9
    wants = asked and rng.random() < 0.055
    if asked:
        single["voices/has_requests"] = "yes" if wants else "no"
    if wants:
        kind, matter = words.request(rng)
        repeats["voices/request"] = [{"kind": kind, "matter": matter}]
    if rng.random() < 0.6 or slot.purpose == "policy":
        single["help/policies_explained"] = _several(rng, _POLICIES, 2)
    if rng.random() < 0.14:
        single["help/help_given"] = _several(rng, _HELP, 1)
        single["help/help_words"] = words.help_given(rng)
    if slot.house.hardship is not None:
        single["hardship/contact_words"] = words.contact(rng)
        single["hardship/next_contact_on"] = _next_contact(slot)
    return single


def _satisfaction(slot: Slot, repeats: dict[str, list[dict[str, str]]]) -> dict[str, int]:
    worse = any(row["state"] == "worse" for row in repeats["four_difficulties/difficulty"])
    if slot.disposition == "partial":
        return {"not_asked": 60, "satisfied": 25, "basically_satisfied": 12, "dissatisfied": 3}
    if worse:
        return {"satisfied": 25, "basically_satisfied": 40, "dissatisfied": 30, "not_asked": 5}
    return {"satisfied": 66, "basically_satisfied": 25, "dissatisfied": 3, "not_asked": 6}


def _next_contact(slot: Slot) -> str:
    return (slot.next_contact_on or slot.visited_on + timedelta(days=45)).isoformat()


def _place(rng: Random, slot: Slot, single: dict[str, str], group: str) -> None:
    """Nine visits of ten know where they were, most by GPS."""
    if rng.random() > 0.9:
        return
    point, accuracy_m = geography.at_the_door(rng, slot.house.at)
    by_map = rng.random() < 0.08
    single[f"{group}/place"] = f"{point.lat} {point.lon} 0 {0 if by_map else accuracy_m}"
    single[f"{group}/place_source"] = "map" if by_map else "gps"


def _several(rng: Random, keys: tuple[str, ...], most: int) -> str:
    return " ".join(sorted(rng.sample(keys, rng.randint(1, most))))
