"""Invented persons: names, birth dates, identity and telephone numbers that nobody can hold.

Owns the lists names are combined from and the two number ranges. Refuses real ranges:

- identity numbers begin with 519901. 51 is Sichuan; its divisions are numbered 5101 to 5134 (GB/T 2260), and a
  prefecture 5199 has never existed, so no such number was ever issued. Check digit, birth date and sex are right,
  so the numbers pass the checks that true ones pass;
- mobile numbers begin with 1540, a range that the ministry's numbering plan has given to no operator.

Deterministic: everything is drawn from the `random.Random` given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from stdnum.cn import ric

MALE, FEMALE = "1", "2"
REGION_NOBODY_HAS = "519901"
MOBILE_RANGE_NOBODY_HAS = "1540"

_SURNAMES = "何李张王陈杨刘赵岳罗周吴徐孙马朱胡郭林谢郑唐冯邓曹彭曾肖田董潘袁蔡蒋余杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金贾夏付方邹熊白孟秦邱侯江尹薛闫雷龙黎史陶贺毛郝龚邵"
# Given names by the years in which they were common: (born before, for men, for women).
_GIVEN = (
    (1955, "国福德明正文光成元登", "秀桂玉素淑清天永翠兰"),
    (1975, "建国志永光文华林平勇", "玉红秀琼丽春晓菊华蓉"),
    (1995, "小伟强军勇波超涛鹏杰", "小丽娟燕艳敏静霞婷玲"),
    (2200, "子浩宇俊梓一博皓嘉沐", "子欣雨梓涵诗语可思佳"),
)
_GIVEN_SECOND = (
    (1955, "清德才荣贵全富安寿金", "英芳珍华兰香琼碧蓉先"),
    (1975, "军明华兵云林全贵友才", "芳英琼华兰梅容群珍菊"),
    (1995, "林平东华飞龙川斌辉宏", "梅娟芳丽萍君琴蓉玲霞"),
    (2200, "轩宸豪然航泽涵阳辰睿", "怡萱彤琪瑶妍悦萌宁菲"),
)


@dataclass(frozen=True)
class Person:
    """One invented person; `relation` by GB/T 4761 (02 the head)."""

    id: str
    name: str
    sex: str
    birth_on: date
    relation: str
    id_number: str
    phone: str | None
    residence: str
    education: str


def surname(rng: Random) -> str:
    """A surname; those at the front of the list are the more frequent."""
    return _SURNAMES[min(int(rng.expovariate(1 / 18)), len(_SURNAMES) - 1)]


def given_name(rng: Random, sex: str, birth_on: date) -> str:
    """A given name of one or two characters, of the years around the birth."""
    first, second = _of_the_years(_GIVEN, sex, birth_on), _of_the_years(_GIVEN_SECOND, sex, birth_on)
    if rng.random() < 0.12:
        return rng.choice(second)
    return rng.choice(first) + rng.choice(second)


def _of_the_years(lists: Sequence[tuple[int, str, str]], sex: str, birth_on: date) -> str:
    men, women = next((men, women) for before, men, women in lists if birth_on.year < before)
    return men if sex == MALE else women


def birthday(rng: Random, year: int) -> date:
    """A day of the year."""
    return date(year, 1, 1) + timedelta(days=rng.randrange(365))


class NumberIssue:
    """Gives each person an identity number and a telephone number once only."""

    def __init__(self) -> None:
        self._orders: dict[tuple[date, str], int] = {}
        self._phones = 0

    def id_number(self, birth_on: date, sex: str) -> str:
        """The next number of that birth date and sex (odd order numbers for men)."""
        order = self._orders.get((birth_on, sex), 0)
        self._orders[birth_on, sex] = order + 1
        body = f"{REGION_NOBODY_HAS}{birth_on:%Y%m%d}{order * 2 + (1 if sex == MALE else 2):03d}"
        return body + ric.calc_check_digit(body + "0")

    def phone(self) -> str:
        """The next mobile number, scattered so that neighbours do not count up by one."""
        self._phones += 1
        return f"{MOBILE_RANGE_NOBODY_HAS}{self._phones * 7919 % 10_000_000:07d}"
