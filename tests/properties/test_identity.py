"""What holds for every identity number, name and area code."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric

from survey.areas import codes
from survey.fieldwork import identity
from survey.fieldwork.household_search import recognised
from survey.problems import Problem

ON = date(2026, 5, 6)
BIRTHS = st.dates(date(1900, 1, 1), ON)
ORDERS = st.integers(0, 999)
PLACES = st.from_regex(r"[1-9][0-9]{5}", fullmatch=True)


def a_number(place: str, birth: date, order: int) -> str:
    body = f"{place}{birth:%Y%m%d}{order:03d}"
    return body + ric.calc_check_digit(body + "0")


@given(PLACES, BIRTHS, ORDERS)
def test_every_number_with_a_fitting_check_digit_is_read_back(place: str, birth: date, order: int) -> None:
    found = identity.identity_number(a_number(place, birth, order), ON)
    assert (found.birth_on, found.sex) == (birth, "1" if order % 2 else "2")


@given(PLACES, BIRTHS, ORDERS, st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(place: str, birth: date, order: int, at: int, by: int) -> None:
    number = a_number(place, birth, order)
    wrong = number[:at] + str((int(number[at]) + by) % 10) + number[at + 1 :]
    try:
        identity.identity_number(wrong, ON)
    except Problem as problem:
        assert problem.code == "identity.id_check_digit"
    else:
        raise AssertionError(f"{wrong} was accepted")


@given(PLACES, st.dates(date(1900, 1, 1), date(1999, 12, 31)), ORDERS)
def test_short_form_grows_into_the_long_one(place: str, birth: date, order: int) -> None:
    long = a_number(place, birth, order)
    assert identity.identity_number(long[:6] + long[8:17], ON).full == long


@given(PLACES, BIRTHS, ORDERS)
def test_mask_keeps_length_and_hides_the_birth_date(place: str, birth: date, order: int) -> None:
    number = a_number(place, birth, order)
    mask = identity.mask_id(number)
    assert len(mask) == len(number)
    assert set(mask[1:-2]) == {"*"}


@given(st.text(max_size=80))
def test_initials_are_small_letters_of_bounded_length(name: str) -> None:
    letters = identity.initials(name)
    assert len(letters) <= 40
    assert all("a" <= letter <= "z" for letter in letters)


@given(st.text(max_size=60))
def test_any_search_text_is_taken_for_something(query: str) -> None:
    sought, text = recognised(query)
    assert bool(text) == (sought != "all")


@given(st.from_regex(r"(?:[0-9]{6}|[0-9]{9}|[0-9]{12}|[0-9]{14})", fullmatch=True))
def test_area_code_lies_in_all_its_ancestors(code: str) -> None:
    above = codes.ancestors_of(code)
    assert all(codes.is_inside(code, ancestor) for ancestor in above)
    assert codes.parent_of(code) == (above[-1] if above else None)
    assert len(code) == codes.LENGTHS[codes.level_of(code)]


@given(
    st.text(max_size=16).filter(
        lambda text: not (text.isascii() and text.isdigit() and len(text) in (6, 9, 12, 14))
    )
)
def test_anything_else_is_no_area_code(text: str) -> None:
    assert not codes.is_code(text)
