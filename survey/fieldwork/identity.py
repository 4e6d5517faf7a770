"""Numbers and names of persons: what is well formed, what it says, how it is masked and found again.

Owns the checks of resident identity numbers (GB 11643, 18 and 15 digits) and mobile numbers, their masks,
the keyed look-up hashes, and the pinyin initials of names. Refuses to judge the place in an identity
number: counties are renumbered, and true numbers of a county name codes that its present list does not hold.
Pure, but for the hashes, which take the key of the open store.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from pypinyin import Style, lazy_pinyin
from stdnum.cn import ric

from survey import crypto
from survey.problems import Problem

# A phone is looked up whoever it belongs to, so household and member share one label.
ID_LABEL = "look_up.id_number"
PHONE_LABEL = "look_up.phone"

MALE, FEMALE = "1", "2"
_EARLIEST_BIRTH_YEAR = 1880

_ID18 = re.compile(r"[0-9]{17}[0-9X]")
_ID15 = re.compile(r"[0-9]{15}")
# Ministry numbering plan: mobile numbers have 11 digits, 13 to 19 in front.
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_SEPARATORS = re.compile(r"[\s\-‐-―.·]")

# Surnames read differently from the common reading of their character.
_SURNAMES = {
    "单于": "cy", "长孙": "zs", "尉迟": "yc", "万俟": "mq", "澹台": "tt",
    "单": "s", "解": "x", "仇": "q", "曾": "z", "区": "o", "查": "z", "朴": "p", "翟": "z", "覃": "q",
    "召": "s", "秘": "b", "折": "s", "种": "c", "重": "c", "祭": "z", "隗": "w", "乐": "y", "繁": "p",
    "乜": "n", "佴": "n", "会": "g", "长": "c", "阚": "k", "藏": "z", "降": "x", "盖": "g", "缪": "m",
}  # fmt: skip


@dataclass(frozen=True)
class IdentityNumber:
    """A well-formed identity number and what it says: birth date and sex (GB/T 2261.1)."""

    text: str
    birth_on: date
    sex: str

    @property
    def full(self) -> str:
        """The 18-digit form: a 15-digit number gets its century and its check digit."""
        if len(self.text) == 18:
            return self.text
        body = f"{self.text[:6]}19{self.text[6:]}"
        return body + ric.calc_check_digit(body + "0")


def compact(text: str) -> str:
    """The text without separators, in half-width characters and capitals.

    >>> compact("５１１９２２ 1960-0101 001x")
    '51192219600101001X'
    """
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()


def looks_like_id(text: str) -> bool:
    """Whether the compacted text has the shape of an identity number (nothing else is checked)."""
    return bool(_ID18.fullmatch(text) or _ID15.fullmatch(text))


def looks_like_phone(text: str) -> bool:
    """Whether the compacted text has the shape of a mobile number or of a landline with area code."""
    return bool(_MOBILE.fullmatch(text) or re.fullmatch(r"0[1-9][0-9]{8,10}", text))


def identity_number(text: str, on: date) -> IdentityNumber:
    """A checked identity number; `on` is the day by which its holder must have been born.

    Problems `identity.id_shape` (neither 18 nor 15 digits), `identity.id_check_digit`, `identity.id_date`.
    GB 11643-1999: check digit by ISO 7064 MOD 11-2, birth date at digits 7 to 14, odd order number for men.

    >>> identity_number("511922196001010012", date(2026, 1, 1)).birth_on
    datetime.date(1960, 1, 1)
    """
    number = compact(text)
    if not looks_like_id(number):
        raise Problem("identity.id_shape", length=len(number))
    if len(number) == 18 and number[-1] != ric.calc_check_digit(number):
        raise Problem("identity.id_check_digit")
    digits, order = (number[6:14], number[16]) if len(number) == 18 else (f"19{number[6:12]}", number[14])
    birth_on = _birth_date(digits, on)
    return IdentityNumber(number, birth_on, MALE if int(order) % 2 else FEMALE)


def _birth_date(digits: str, on: date) -> date:
    try:
        birth_on = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError as error:
        raise Problem("identity.id_date", digits=digits) from error
    if birth_on.year < _EARLIEST_BIRTH_YEAR or birth_on > on:
        raise Problem("identity.id_date", digits=digits)
    return birth_on


def phone_number(text: str) -> str:
    """A checked phone number, digits only; a leading 86 of a mobile number is dropped.

    Problem `identity.phone` for anything but a mobile number (11 digits, 13 to 19) or a landline with its
    area code.

    >>> phone_number("+86 138 0000 0000")
    '13800000000'
    """
    number = compact(text).lstrip("+")
    if len(number) in (13, 15) and number.startswith(("86", "0086")):
        number = number.removeprefix("00").removeprefix("86")
    if not looks_like_phone(number):
        raise Problem("identity.phone")
    return number


def mask_id(number: str | None) -> str:
    """First digit and last two; as many marks as digits between. Empty for none.

    >>> mask_id("51192219600101001X")
    '5***************1X'
    """
    if not number:
        return ""
    return number[0] + "*" * (len(number) - 3) + number[-2:] if len(number) > 6 else "*" * len(number)


def mask_phone(number: str | None) -> str:
    """First three and last four digits; empty for none.

    >>> mask_phone("13800001234")
    '138****1234'
    """
    if not number:
        return ""
    return number[:3] + "*" * (len(number) - 7) + number[-4:] if len(number) > 8 else "*" * len(number)


def initials(name: str) -> str:
    """Pinyin initials in small letters; surnames by their reading as surnames; other signs left out.

    >>> initials("单小红"), initials("尉迟恭"), initials("曾Anna")
    ('sxh', 'ycg', 'zanna')
    """
    text = unicodedata.normalize("NFKC", name).strip()
    surname = next((text[:length] for length in (2, 1) if text[:length] in _SURNAMES), "")
    front = _SURNAMES.get(surname, "")
    letters = lazy_pinyin(text[len(surname) :], style=Style.FIRST_LETTER, errors=_latin)
    return (front + "".join(letters))[:40]


def _latin(text: str) -> str:
    return "".join(letter for letter in text.lower() if "a" <= letter <= "z")


def clean_name(text: str) -> str:
    """A person's name without outer and doubled spaces; problem `identity.no_name` when nothing is left.

    Names of more than 40 characters, with digits or with control characters are `identity.name`; the
    middle dot of names such as 阿依·古丽 stays.
    """
    name = " ".join(unicodedata.normalize("NFKC", text).replace("•", "·").split())
    wrong = any(letter.isdigit() or not letter.isprintable() for letter in name)
    if not name:
        raise Problem("identity.no_name")
    if len(name) > 40 or wrong:
        raise Problem("identity.name", name=name[:40])
    return name


def id_hash(number: str) -> str:
    """Keyed look-up hash of an identity number; the 15- and 18-digit forms of one number hash alike."""
    text = compact(number)
    if _ID15.fullmatch(text):
        body = f"{text[:6]}19{text[6:]}"
        text = body + ric.calc_check_digit(body + "0")
    return crypto.current().look_up_hash(ID_LABEL, text)


def phone_hash(number: str) -> str:
    """Keyed look-up hash of a phone number as `phone_number` gives it."""
    return crypto.current().look_up_hash(PHONE_LABEL, number)
