"""What a password must be, and one-time passwords."""

from __future__ import annotations

from datetime import date

import pytest

from survey.access import passwords
from survey.problems import Problem

TODAY = date(2026, 5, 6)


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("ab1", "accounts.password_too_short"),
        ("a1" * 70, "accounts.password_too_long"),
        ("shanlushan", "accounts.password_too_simple"),
        ("20198473", "accounts.password_too_simple"),
        ("aaaaaaa1", "accounts.password_too_simple"),
        ("password2026!", "accounts.password_common"),
        ("abcd1234", "accounts.password_common"),
        ("qwer1234", "accounts.password_common"),
        ("x-wangwei-9", "accounts.password_like_name"),
    ],
)
def test_an_easy_password__error(password: str, code: str) -> None:
    with pytest.raises(Problem) as caught:
        passwords.check(password, "wangwei", TODAY)
    assert caught.value.code == code


@pytest.mark.parametrize("password", ["shan-lu-1982", "山高路远水又长a", "Xm8#kLp2", "correct horse battery"])
def test_a_good_password__ok(password: str) -> None:
    passwords.check(password, "wangwei", TODAY)
    assert passwords.verify(passwords.hash_password(password), password)


@pytest.mark.parametrize("stored", [None, "", "no hash", "$argon2id$v=19$m=8,t=1,p=1$broken"])
def test_what_is_no_hash_matches_nothing(stored: str | None) -> None:
    assert passwords.verify(stored, "no hash") is False


def test_one_time_passwords_keep_the_rules_and_hold_nothing_that_is_misheard() -> None:
    made = {passwords.one_time_password() for _ in range(200)}
    assert len(made) == 200
    for password in made:
        passwords.check(password, "admin", TODAY)
    assert not set("".join(made)) & set("0oO1lIi2zZ5sSbBdDpPtTmMnNuUvVgGqQ689")
