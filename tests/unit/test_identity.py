"""Identity numbers, phones, masks and initials: cases with their expected values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from survey import crypto
from survey.fieldwork import identity
from survey.problems import Problem

ON = date(2026, 5, 6)


@pytest.fixture
def keyed() -> Iterator[None]:
    crypto.use(crypto.Keyring(bytes(range(32))))
    yield
    crypto.use(None)


@pytest.mark.parametrize(
    ("text", "birth_on", "sex"),
    [
        # Codes of counties that no longer, or not yet, existed in the birth year are true numbers all the same.
        ("513722197003150024", date(1970, 3, 15), identity.FEMALE),
        ("511922196001010012", date(1960, 1, 1), identity.MALE),
        ("51302619950228003X", date(1995, 2, 28), identity.MALE),
        ("99000020000229001", date(2000, 2, 29), identity.MALE),
        ("990000700315002", date(1970, 3, 15), identity.FEMALE),
    ],
)
def test_well_formed_number_tells_birth_date_and_sex(text: str, birth_on: date, sex: str) -> None:
    from stdnum.cn import ric

    number = text if len(text) == 15 else text[:17] + ric.calc_check_digit(text[:17] + "0")
    found = identity.identity_number(number, ON)
    assert (found.birth_on, found.sex) == (birth_on, sex)


def test_small_x_spaces_and_full_width_digits_are_the_same_number() -> None:
    plain = "51192219600101003"
    from stdnum.cn import ric

    orders = (f"{order:03d}" for order in range(1000))
    body = next(b for b in (plain[:14] + o for o in orders) if ric.calc_check_digit(b + "0") == "X")
    for form in (body + "X", body + "x", f"{body[:6]} {body[6:14]}-{body[14:]}x", f"5{body[1:]}X"):
        assert identity.identity_number(form, ON).text == body + "X"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "identity.id_shape"),
        ("1234567890123456", "identity.id_shape"),
        ("51192219600101X012", "identity.id_shape"),
        ("511922196001010013", "identity.id_check_digit"),
        ("511922196001010102", "identity.id_check_digit"),
        ("511922196013010014", "identity.id_date"),
        ("511922196002300018", "identity.id_date"),
        ("511922600230001", "identity.id_date"),
        ("511922202605070013", "identity.id_date"),
    ],
)
def test_wrong_number_is_refused(text: str, code: str) -> None:
    from stdnum.cn import ric

    if code == "identity.id_date" and len(text) == 18:
        text = text[:17] + ric.calc_check_digit(text)
    with pytest.raises(Problem) as caught:
        identity.identity_number(text, ON)
    assert caught.value.code == code


def test_number_of_a_child_born_today_is_accepted() -> None:
    from stdnum.cn import ric

    body = "51192220260506001"
    assert identity.identity_number(body + ric.calc_check_digit(body + "0"), ON).birth_on == ON


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("13800001234", "13800001234"),
        (" 138-0000-1234 ", "13800001234"),
        ("+86 13800001234", "13800001234"),
        ("008613800001234", "13800001234"),
        ("１３８００００１２３４", "13800001234"),
        ("0827-8220000", "08278220000"),
    ],
)
def test_phone_is_stored_as_digits(text: str, number: str) -> None:
    assert identity.phone_number(text) == number


@pytest.mark.parametrize("text", ["", "1380000123", "138000012345", "12800001234", "8220000", "0027", "abc"])
def test_wrong_phone_is_refused(text: str) -> None:
    with pytest.raises(Problem) as caught:
        identity.phone_number(text)
    assert caught.value.code == "identity.phone"


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("单小红", "sxh"),
        ("解珍", "xz"),
        ("仇英", "qy"),
        ("曾国", "zg"),
        ("查良", "zl"),
        ("区大", "od"),
        ("尉迟恭", "ycg"),
        ("单于台", "cyt"),
        ("长孙无", "zsw"),
        ("欧阳修", "oyx"),
        ("重阳", "cy"),
        ("张简单", "zjd"),
        ("阿依·古丽", "aygl"),
        ("王 Anna", "wanna"),
        ("", ""),
    ],
)
def test_initials_read_a_surname_as_a_surname(name: str, letters: str) -> None:
    assert identity.initials(name) == letters


@pytest.mark.parametrize(
    ("name", "clean"), [(" 张  三 ", "张 三"), ("阿依•古丽", "阿依·古丽"), ("Ａｎｎａ", "Anna")]
)
def test_name_is_cleaned(name: str, clean: str) -> None:
    assert identity.clean_name(name) == clean


@pytest.mark.parametrize("name", ["", "  "])
def test_empty_name_has_a_sentence_of_its_own(name: str) -> None:
    with pytest.raises(Problem) as caught:
        identity.clean_name(name)
    assert caught.value.code == "identity.no_name"


@pytest.mark.parametrize("name", ["张3", "张\x00三", "长" * 41])
def test_wrong_name_is_refused(name: str) -> None:
    with pytest.raises(Problem) as caught:
        identity.clean_name(name)
    assert caught.value.code == "identity.name"


@pytest.mark.parametrize(
    ("number", "mask"),
    [
        ("511922196001010012", "5***************12"),
        ("990000700315002", "9************02"),
        ("12", "**"),
        (None, ""),
    ],
)
def test_mask_of_an_identity_number_shows_three_characters(number: str | None, mask: str) -> None:
    assert identity.mask_id(number) == mask


@pytest.mark.parametrize(
    ("number", "mask"),
    [("13800001234", "138****1234"), ("08278220000", "082****0000"), ("8220000", "*******"), (None, "")],
)
def test_mask_of_a_phone(number: str | None, mask: str) -> None:
    assert identity.mask_phone(number) == mask


def test_hash_is_of_the_number_and_of_the_key(keyed: None) -> None:
    short, long = "990000700315002", identity.identity_number("990000700315002", ON).full
    assert identity.id_hash(short) == identity.id_hash(long) == identity.id_hash(f" {long.lower()} ")
    before = identity.id_hash(long)
    assert identity.phone_hash(long) != before
    crypto.use(crypto.Keyring(bytes(32)))
    assert identity.id_hash(long) != before
