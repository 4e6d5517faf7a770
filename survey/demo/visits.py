"""The year's visits: who goes to whom on which day, and how it ends.

Owns the calendar (few visits around the spring festival and at harvest, more on weekdays), the rounds of the village
cadres from group to group, and the contacts with hardship households. Plans only. Refuses days after the last one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from models import Post
from survey import i18n
from survey.demo.chance import drawn, generator
from survey.demo.township import CadrePlan, House, Township

DAYS = 365
VISITS_PER_HOUSEHOLD = 2.5
VISIT_FORM, CONTACT_FORM = "household_visit", "hardship_contact"
_DAYS_BETWEEN_VISITS = 18
# First day of the lunar year (GB/T 33661-2017), for the years a demo can cover.
_SPRING_FESTIVAL = {
    2024: date(2024, 2, 10), 2025: date(2025, 1, 29), 2026: date(2026, 2, 17), 2027: date(2027, 2, 6),
    2028: date(2028, 1, 26), 2029: date(2029, 2, 13), 2030: date(2030, 2, 3),
}  # fmt: skip
_USUAL_SPRING_FESTIVAL = (2, 5)
# Working pace by post: how much of a village's rounds each does.
_SHARE = {
    Post.VILLAGE_HEAD: 4,
    Post.STATIONED_CADRE: 4,
    Post.VILLAGE_SECRETARY: 3,
    Post.VILLAGE_COMMITTEE_MEMBER: 3,
}


@dataclass(frozen=True)
class Slot:
    """One contact attempt: when it took place, when it was entered, how it ended."""

    house: House
    cadre: CadrePlan
    visited_on: date
    received_at: datetime
    form: str = VISIT_FORM
    mode: str = "home"
    disposition: str = "completed"
    purpose: str = "routine"
    next_contact_on: date | None = None

    @property
    def met(self) -> bool:
        """Whether somebody was spoken to."""
        return self.disposition in ("completed", "partial")


def schedule(township: Township) -> list[Slot]:
    """Every contact attempt of the year that ends on `township.until`, in the order of entry."""
    slots: list[Slot] = []
    for village in township.villages:
        houses = [house for house in township.houses if house.group.village_code == village.code]
        rng = generator(township.seed, f"visits:{village.code}")
        contacts = list(_contacts(rng, houses, township.until))
        at_the_door = sum(1 for slot in contacts if slot.mode == "home")
        wanted = round(len(houses) * VISITS_PER_HOUSEHOLD) - at_the_door
        slots += contacts
        slots += _rounds(rng, houses, township.field_cadres(village.code), contacts, wanted, township.until)
    return sorted(slots, key=lambda slot: (slot.received_at, slot.house.id))


def weight_of(day: date) -> float:
    """How busy a day is with visits, an ordinary weekday being 1.

    >>> weight_of(date(2026, 2, 17)), weight_of(date(2026, 3, 11))
    (0.04, 1.0)
    """
    festival = _SPRING_FESTIVAL.get(day.year) or date(day.year, *_USUAL_SPRING_FESTIVAL)
    since = (day - festival).days
    if -2 <= since <= 7:
        return 0.04
    weight = 0.3 if day.weekday() >= 5 else 1.0
    if -9 <= since <= 15:
        weight *= 0.5
    if (day.month, day.day) >= (8, 25) and (day.month, day.day) <= (9, 20):
        weight *= 0.35  # rice harvest
    elif day.month == 5 and 8 <= day.day <= 28:
        weight *= 0.5  # rape and wheat harvest, rice planting
    elif day.month == 10 and day.day <= 7:
        weight *= 0.25  # national holiday
    return weight


def _contacts(rng: Random, houses: Sequence[House], until: date) -> Iterator[Slot]:
    """Contacts with the hardship households of a village, every one to two and a half months."""
    for house in houses:
        if house.hardship is None or house.contact is None:
            continue
        day = house.hardship.next_contact_on
        while day <= until:
            gap = rng.randint(32, 75)
            shape = drawn(rng, {"visit": 52, "home": 26, "phone": 17, "office": 5})
            home = shape in ("visit", "home")
            yield Slot(
                house=house,
                cadre=house.contact,
                visited_on=day,
                received_at=_received(rng, day, until),
                form=VISIT_FORM if shape == "visit" else CONTACT_FORM,
                mode="home" if home else shape,
                disposition="completed",
                purpose="hardship",
                next_contact_on=day + timedelta(days=gap - rng.randint(0, 6)),
            )
            day = _working_day(rng, day + timedelta(days=gap))


def _working_day(rng: Random, day: date) -> date:
    """That day or, when hardly anybody visits then, one soon after."""
    while rng.random() > weight_of(day) * 1.4:
        day += timedelta(days=1)
    return day


def _rounds(
    rng: Random,
    houses: Sequence[House],
    cadres: Sequence[CadrePlan],
    contacts: Sequence[Slot],
    wanted: int,
    until: date,
) -> Iterator[Slot]:
    """Rounds from house to house in one group on one day, rather those visited long ago."""
    taken = {
        house.id: sorted(slot.visited_on for slot in contacts if slot.house is house) for house in houses
    }
    last = {house.id: rng.uniform(-90, 0) for house in houses}
    gone: set[str] = set()
    groups = sorted({house.group.code for house in houses})
    days = [until - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    weights = [weight_of(day) for day in days]
    starts = sorted(
        (rng.choices(range(DAYS), weights)[0], rng.random()) for _ in range(max(wanted, 0) // 3 + 1)
    )
    left = wanted
    for number, (index, _) in enumerate(starts):
        size = min(left, -(-left // (len(starts) - number)) + rng.randint(-1, 1))
        cadre = rng.choices(cadres, [_SHARE[cadre.post] for cadre in cadres])[0]
        group = rng.choice(groups)
        free = [
            house
            for house in houses
            if house.group.code == group
            and house.id not in gone
            and index - last[house.id] >= _DAYS_BETWEEN_VISITS
            and not any(abs((days[index] - day).days) < _DAYS_BETWEEN_VISITS for day in taken[house.id])
        ]
        free.sort(key=lambda house: last[house.id] + rng.uniform(0, 150))
        for house in free[: max(size, 0)]:
            slot = _slot(rng, house, cadre, days[index], until)
            last[house.id] = index
            left -= 1
            if slot.disposition == "moved_away":
                gone.add(house.id)
            yield slot


def _slot(rng: Random, house: House, cadre: CadrePlan, day: date, until: date) -> Slot:
    empty = all(person.residence != "at_home" for person in house.persons)
    weights = {
        "completed": 20 if empty else 820,
        "partial": 10 if empty else 45,
        "nobody_home": 160 if empty else 100,
        "refused": 1 if empty else 14,
        "moved_away": 6 if empty and house.hardship is None else 0,
        "other": 2 if empty else 8,
    }
    purposes = {"routine": 60, "policy": 18, "follow_up": 9, "safety": 10, "dispute": 2, "other": 1}
    return Slot(
        house=house,
        cadre=cadre,
        visited_on=day,
        received_at=_received(rng, day, until),
        disposition=drawn(rng, weights),
        purpose=drawn(rng, purposes),
    )


def _received(rng: Random, day: date, until: date) -> datetime:
    """When a visit of that day was entered: mostly at the door, some the next days, a few much later."""
    late = int(drawn(rng, {"0": 860, "1": 85, "2": 25, "4": 18, "9": 9, "16": 3}))
    entered_on = min(day + timedelta(days=late), until)
    clock = time(rng.randint(8, 18), rng.randrange(60), rng.randrange(60))
    return datetime.combine(entered_on, clock, i18n.TIMEZONE).astimezone(UTC)
