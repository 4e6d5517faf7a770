"""The plan of the synthetic township: villages, groups, households, hardship files, cadres, and who is whose contact.

Owns what is believable about the register: sizes, ages, who works away, where water is short. Plans only; nothing
here touches a store. Deterministic: one `random.Random` a purpose, each made of the seed and the purpose's name, so
that a change in one does not move the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from models import Post
from survey.demo import geography, people
from survey.demo.chance import drawn, generator, new_id
from survey.demo.geography import Point
from survey.demo.people import NumberIssue, Person

TOWNSHIP_CODE = "511922125"
TOWNSHIP_NAME = "兴马镇"
# Three neighbouring villages on the ridge where the springs run dry.
VILLAGES_SHORT_OF_WATER = frozenset({"511922125204", "511922125209", "511922125215"})
FILES_PER_HOUSEHOLD = 180 / 2400
INFORMANTS = 3
_AWAY = 0.46

_CATEGORIES = {
    "subsistence": 34, "destitute": 10, "disability": 16, "serious_illness": 14, "out_of_poverty": 30,
    "unstable_out_of_poverty": 12, "edge_of_poverty": 14, "sudden_hardship": 8, "left_behind": 24,
    "subsistence_edge": 12, "disaster": 4, "entitled": 6,
}  # fmt: skip
_CAUSE_OF_CATEGORY = {
    "serious_illness": "illness",
    "disability": "disability",
    "disaster": "disaster",
    "left_behind": "lack_of_labour",
    "destitute": "lack_of_labour",
}
_OTHER_CAUSES = ("illness", "lack_of_labour", "schooling", "lack_of_skills", "lack_of_funds", "remote")
_NEEDS_OF_CAUSE = {
    "illness": ("慢性病长期用药，希望就近拿药、报销。", "住院花费大，想了解大病救助怎么申请。"),
    "disability": ("行动不便，办事需要人上门代办。", "想申请辅助器具和护理补贴。"),
    "disaster": ("房屋受损待修，过渡期生活有困难。", "庄稼绝收，想要种子和临时补助。"),
    "lack_of_labour": ("家中只有老人，重活、取水需要帮手。", "老人独居，希望常有人来看看。"),
    "schooling": ("两个孩子读书，生活费紧张。", "想了解助学贷款和补助政策。"),
    "lack_of_skills": ("想学养殖技术，缺指导。", "想在附近找务工机会，没有技术。"),
    "lack_of_funds": ("想扩大养鸡规模，缺本钱。", "想申请小额信贷，不清楚手续。"),
    "remote": ("离公路远，农产品运不出去。", "雨天路断，看病上学都不方便。"),
}
_MEASURES = {
    "illness": ("medical", "temporary_aid"),
    "disability": ("disability_subsidy", "formalities"),
    "disaster": ("housing", "temporary_aid"),
    "lack_of_labour": ("subsistence", "support_by_family"),
    "schooling": ("education",),
    "lack_of_skills": ("employment", "industry"),
    "lack_of_funds": ("microcredit", "industry"),
    "remote": ("industry",),
}


@dataclass(frozen=True)
class VillageUnit:
    """A village of the shipped register: its code and short name."""

    code: str
    short_name: str


@dataclass(frozen=True)
class Group:
    """A group (社) of a village."""

    code: str
    name: str
    village_code: str
    centre: Point


@dataclass(frozen=True)
class HardshipPlan:
    """What stands in the file of a hardship household."""

    id: str
    category: str
    main_cause: str
    causes: tuple[str, ...]
    needs: str
    measures: tuple[str, ...]
    opened_on: date
    next_contact_on: date


@dataclass
class House:
    """A household: its people, place, living conditions, and the difficulties it has (severity by key)."""

    id: str
    code: str
    group: Group
    at: Point
    located: bool
    persons: tuple[Person, ...]
    housing: str
    water_source: str
    medical_insurance: str
    children_in_school: int
    difficulties: dict[str, int]
    hardship: HardshipPlan | None = None
    contact: CadrePlan | None = None

    @property
    def head(self) -> Person:
        """The head of the household."""
        return self.persons[0]

    @property
    def at_home(self) -> tuple[Person, ...]:
        """Grown members who live there; the head where nobody does."""
        return tuple(
            person for person in self.persons if person.residence == "at_home" and person.relation < "40"
        ) or (self.head,)


@dataclass(frozen=True)
class CadrePlan:
    """An account and its post."""

    username: str
    name: str
    phone: str
    post: Post
    area_code: str
    village_code: str | None = None


@dataclass
class Township:
    """The whole plan."""

    seed: int
    until: date
    villages: tuple[VillageUnit, ...]
    centres: dict[str, Point]
    groups: list[Group] = field(default_factory=list)
    houses: list[House] = field(default_factory=list)
    cadres: list[CadrePlan] = field(default_factory=list)

    def field_cadres(self, village_code: str) -> list[CadrePlan]:
        """Those who visit in a village: secretary, head, committee member, stationed cadre."""
        return [
            cadre
            for cadre in self.cadres
            if cadre.village_code == village_code and cadre.post is not Post.GROUP_INFORMANT
        ]


def plan(seed: int, households: int, until: date, villages: Sequence[VillageUnit]) -> Township:
    """The township of a seed with that many households; visits end on `until`."""
    rng = generator(seed, "township")
    centres = {
        village.code: geography.village_centre(rng, number, len(villages))
        for number, village in enumerate(villages)
    }
    township = Township(seed, until, tuple(villages), centres)
    issue = NumberIssue()
    for village, size in zip(villages, _sizes(rng, households, len(villages)), strict=True):
        groups = _groups(rng, village, centres[village.code], size)
        township.groups += groups
        township.houses += _houses(rng, groups, size, issue, until)
    township.cadres = list(_cadres(generator(seed, "cadres"), township, issue))
    _choose_hardship(generator(seed, "hardship"), township)
    return township


def _sizes(rng: Random, households: int, villages: int) -> list[int]:
    """That many households over the villages, at least one in each, the largest about twice the smallest."""
    weights = [rng.uniform(0.7, 1.4) for _ in range(villages)]
    spare = households - villages
    sizes = [1 + int(spare * weight / sum(weights)) for weight in weights]
    for number in range(households - sum(sizes)):
        sizes[number % villages] += 1
    return sizes


def _groups(rng: Random, village: VillageUnit, centre: Point, size: int) -> list[Group]:
    count = max(1, min(8, round(size / 35)))
    return [
        Group(
            f"{village.code}{number:02d}",
            f"{number}社",
            village.code,
            geography.group_centre(rng, centre, number, count),
        )
        for number in range(1, count + 1)
    ]


def _houses(
    rng: Random, groups: Sequence[Group], size: int, issue: NumberIssue, until: date
) -> Iterator[House]:
    for number in range(size):
        group = groups[number % len(groups)]
        persons = _family(rng, issue, until)
        children = sum(1 for person in persons if 6 <= _age(person.birth_on, until) <= 17)
        yield House(
            id=new_id(rng),
            code=f"{group.code}-{number // len(groups) + 1:04d}",
            group=group,
            at=geography.house(rng, group.centre),
            located=rng.random() < 0.86,
            persons=persons,
            housing=drawn(rng, {"safe": 930, "grade_c": 45, "grade_d": 15, "no_home": 10}),
            water_source=drawn(rng, _water_sources(group.village_code)),
            medical_insurance=drawn(rng, {"all": 90, "some": 9, "none": 1}),
            children_in_school=children,
            difficulties=_difficulties(rng, group, persons, children, until),
        )


def _water_sources(village_code: str) -> dict[str, int]:
    if village_code in VILLAGES_SHORT_OF_WATER:
        return {"piped": 25, "protected_well": 20, "spring": 38, "surface": 5, "carried": 12}
    return {"piped": 78, "protected_well": 13, "spring": 8, "carried": 1}


def _difficulties(
    rng: Random, group: Group, persons: Sequence[Person], children: int, until: date
) -> dict[str, int]:
    """Which of the four difficulties a household has, and how badly (1 to 3)."""
    short_of_water = group.village_code in VILLAGES_SHORT_OF_WATER
    old = any(_age(person.birth_on, until) >= 70 and person.residence == "at_home" for person in persons)
    remote = group.code[-2:] > "04"
    chances = {
        "road": 0.16 if remote else 0.06,
        "water": 0.44 if short_of_water else 0.035,
        "health": 0.13 if old else 0.05,
        "school": 0.12 if children else 0.005,
    }
    severities = {"1": 45, "2": 38, "3": 17}
    return {key: int(drawn(rng, severities)) for key, chance in chances.items() if rng.random() < chance}


def _family(rng: Random, issue: NumberIssue, until: date) -> tuple[Person, ...]:
    """A family of one to eight; the head first."""
    age = min(92, max(27, round(rng.gauss(57, 13))))
    sex = people.MALE if rng.random() < 0.83 else people.FEMALE
    surname = people.surname(rng)
    year = until.year - age
    family = [_person(rng, issue, until, surname, sex, year, "02")]
    married = rng.random() < (0.82 if age < 75 else 0.5)
    if married:
        other = people.FEMALE if sex == people.MALE else people.MALE
        family.append(_person(rng, issue, until, people.surname(rng), other, year + rng.randint(-3, 4), "10"))
    children = _child_count(rng) if married or rng.random() < 0.5 else 0
    oldest = year + rng.randint(21, 27)
    for number in range(children):
        family += _child_and_kin(rng, issue, until, surname, oldest + number * rng.randint(2, 4))
    if age < 62 and rng.random() < 0.3:
        mother = rng.random() < 0.62
        parent_name = people.surname(rng) if mother else surname
        parent_sex = people.FEMALE if mother else people.MALE
        relation = "52" if mother else "51"
        parent_year = max(until.year - 97, year - rng.randint(20, 28))
        family.append(_person(rng, issue, until, parent_name, parent_sex, parent_year, relation))
    return tuple(family)


def _child_count(rng: Random) -> int:
    return int(drawn(rng, {"0": 8, "1": 38, "2": 40, "3": 14}))


def _child_and_kin(rng: Random, issue: NumberIssue, until: date, surname: str, year: int) -> Iterator[Person]:
    """A child of the head who still belongs to the household, and spouse and children of his or her own."""
    if year > until.year - 1:
        return
    sex = people.MALE if rng.random() < 0.55 else people.FEMALE
    age = until.year - year
    if age > 24 and sex == people.FEMALE and rng.random() < 0.75:
        return
    yield _person(rng, issue, until, surname, sex, year, "20" if sex == people.MALE else "30")
    if age < 26 or rng.random() < 0.42:
        return
    spouse_sex = people.FEMALE if sex == people.MALE else people.MALE
    relation = "38" if sex == people.MALE else "28"
    yield _person(rng, issue, until, people.surname(rng), spouse_sex, year + rng.randint(-2, 3), relation)
    for _ in range(int(drawn(rng, {"0": 20, "1": 45, "2": 35}))):
        born = year + rng.randint(22, 30)
        if born < until.year:
            grandchild_sex = rng.choice((people.MALE, people.FEMALE))
            relation = "41" if grandchild_sex == people.MALE else "42"
            yield _person(rng, issue, until, surname, grandchild_sex, born, relation)


def _person(
    rng: Random, issue: NumberIssue, until: date, surname: str, sex: str, year: int, relation: str
) -> Person:
    birth_on = min(people.birthday(rng, year), until - timedelta(days=30))
    age = _age(birth_on, until)
    return Person(
        id=new_id(rng),
        name=surname + people.given_name(rng, sex, birth_on),
        sex=sex,
        birth_on=birth_on,
        relation=relation,
        id_number=issue.id_number(birth_on, sex),
        phone=issue.phone() if age >= 16 and rng.random() < 0.72 else None,
        residence=_residence(rng, age, relation),
        education=_education(rng, age),
    )


def _residence(rng: Random, age: int, relation: str) -> str:
    if 15 <= age < 23 and rng.random() < 0.5:
        return "studying_away"
    if 18 <= age < 60 and rng.random() < (_AWAY * 0.4 if relation in ("02", "10") else _AWAY * 1.4):
        return "working_away"
    return "at_home"


def _education(rng: Random, age: int) -> str:
    """A code of GB/T 4658 (tens): 90 none, 80 primary, 70 junior, 60 senior, 30 college, 20 university."""
    if age < 6:
        return "90"
    if age < 12:
        return "80"
    if age < 15:
        return "70"
    if age > 65:
        return drawn(rng, {"90": 30, "80": 52, "70": 16, "60": 2})
    if age > 40:
        return drawn(rng, {"90": 4, "80": 36, "70": 46, "60": 10, "30": 4})
    return drawn(rng, {"80": 8, "70": 40, "60": 28, "30": 16, "20": 8})


def _cadres(rng: Random, township: Township, issue: NumberIssue) -> Iterator[CadrePlan]:
    """About sixty accounts: the township's own, four in each village, a few informants of groups."""
    posts = (
        ("secretary", Post.TOWNSHIP_SECRETARY),
        ("mayor", Post.TOWNSHIP_MAYOR),
        ("committee1", Post.PARTY_COMMITTEE_MEMBER),
        ("committee2", Post.PARTY_COMMITTEE_MEMBER),
        ("office1", Post.MASS_WORK_DIRECTOR),
        ("office2", Post.MASS_WORK_MEMBER),
        ("analyst", Post.ANALYST),
        ("inspector", Post.DISCIPLINE_INSPECTOR),
        ("admin", Post.ADMINISTRATOR),
    )
    for username, post in posts:
        yield _cadre(rng, issue, username, post, TOWNSHIP_CODE)
    for number, village in enumerate(township.villages, start=1):
        for prefix, post in (
            ("party", Post.VILLAGE_SECRETARY),
            ("head", Post.VILLAGE_HEAD),
            ("village", Post.VILLAGE_COMMITTEE_MEMBER),
            ("stationed", Post.STATIONED_CADRE),
        ):
            yield _cadre(rng, issue, f"{prefix}{number:02d}", post, village.code, village.code)
    for number, village in enumerate(township.villages[:INFORMANTS], start=1):
        group = next(group for group in township.groups if group.village_code == village.code)
        yield _cadre(rng, issue, f"informant{number:02d}", Post.GROUP_INFORMANT, group.code, village.code)


def _cadre(
    rng: Random,
    issue: NumberIssue,
    username: str,
    post: Post,
    area_code: str,
    village_code: str | None = None,
) -> CadrePlan:
    sex = people.MALE if rng.random() < 0.7 else people.FEMALE
    name = people.surname(rng) + people.given_name(rng, sex, date(rng.randint(1966, 1999), 1, 1))
    return CadrePlan(username, name, issue.phone(), post, area_code, village_code)


def _choose_hardship(rng: Random, township: Township) -> None:
    """Give some households of each village a file, and each file a contact cadre, evenly (3 to 5 each)."""
    seen = given = 0
    for village in township.villages:
        houses = [house for house in township.houses if house.group.village_code == village.code]
        seen += len(houses)
        chosen = rng.sample(houses, round(seen * FILES_PER_HOUSEHOLD) - given)
        given += len(chosen)
        cadres = township.field_cadres(village.code)
        for number, house in enumerate(chosen):
            house.hardship = _hardship(rng, township.until)
            house.contact = cadres[number % len(cadres)]


def _hardship(rng: Random, until: date) -> HardshipPlan:
    category = drawn(rng, _CATEGORIES)
    main = _CAUSE_OF_CATEGORY.get(category) or rng.choice(_OTHER_CAUSES)
    extra = tuple(cause for cause in rng.sample(_OTHER_CAUSES, rng.randint(0, 2)) if cause != main)
    opened_on = until - timedelta(days=rng.randint(370, 1500))
    return HardshipPlan(
        id=new_id(rng),
        category=category,
        main_cause=main,
        causes=(main, *extra),
        needs=rng.choice(_NEEDS_OF_CAUSE[main]),
        measures=_MEASURES[main],
        opened_on=opened_on,
        next_contact_on=until - timedelta(days=365 - rng.randint(0, 45)),
    )


def _age(birth_on: date, on: date) -> int:
    return on.year - birth_on.year - ((on.month, on.day) < (birth_on.month, birth_on.day))
