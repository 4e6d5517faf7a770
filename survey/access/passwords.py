"""Passwords: hashing, the rules a chosen one must keep, and one-time passwords that can be read aloud.

Owns argon2id with the parameters that OWASP's Password Storage Cheat Sheet names (19 MiB, 2 passes, 1 lane) and the
limit of two hashings at a time, so that a rush of sign-ins cannot exhaust the memory of a small server. The rules'
figures are the dated parameters `accounts.password_*`. Refuses to say by its timing whether a user name exists:
`verify` without a stored hash takes as long as with one.
"""

from __future__ import annotations

import secrets
from datetime import date
from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from survey.problems import Problem
from survey.rules.loader import parameter_at

MAX_LENGTH = 128
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_AT_ONCE = BoundedSemaphore(2)
# Without letters and digits that sound or look alike (0 o, 1 l i, 2 z, 5 s, b d p t, m n, u v, 6 8 9 g q).
_ALOUD = "acefhjkrwxy347"
_ONE_TIME_GROUPS, _ONE_TIME_GROUP_LENGTH = 4, 4
_COMMON = frozenset(
    {"password", "passw0rd", "minqing", "admin", "administrator", "welcome", "qwerty", "letmein", "woaini"}
)


def hash_password(password: str) -> str:
    """The argon2id hash of a password, with its salt and parameters."""
    with _AT_ONCE:
        return _HASHER.hash(password)


def verify(stored: str | None, password: str) -> bool:
    """Whether the password belongs to the hash; as slow without a hash as with one."""
    known = stored if stored is not None else _nobodys_hash()
    matches: bool = False
    with _AT_ONCE:
        try:
            matches = _HASHER.verify(known, password[: MAX_LENGTH + 1])
        except (VerificationError, InvalidHashError):
            return False
    return matches and stored is not None


@cache
def _nobodys_hash() -> str:
    return _HASHER.hash(secrets.token_urlsafe(16))


def needs_rehash(stored: str) -> bool:
    """Whether the hash was made with other parameters than those in force."""
    return _HASHER.check_needs_rehash(stored)


def one_time_password() -> str:
    """A random password (60 bits) in four groups, made of characters nobody mishears, such as `hkrw-34ya-…`."""
    groups = (
        "".join(secrets.choice(_ALOUD) for _ in range(_ONE_TIME_GROUP_LENGTH))
        for _ in range(_ONE_TIME_GROUPS)
    )
    return "-".join(groups)


def check(password: str, username: str, on: date) -> None:
    """Refuse a password that is too easy.

    Problems `accounts.password_too_short`, `…_too_long`, `…_too_simple`, `…_common`, `…_like_name`.
    Source of the figures: the parameters `accounts.password_*`.
    """
    least = parameter_at("accounts.password_min_length", on)
    if len(password) < least:
        raise Problem("accounts.password_too_short", least=least)
    if len(password) > MAX_LENGTH:
        raise Problem("accounts.password_too_long", most=MAX_LENGTH)
    least_kinds = parameter_at("accounts.password_min_kinds", on)
    if kinds(password) < least_kinds or len(set(password)) < least // 2:
        raise Problem("accounts.password_too_simple", kinds=least_kinds)
    if password.lower().strip("0123456789!@#$%._-") in _COMMON or _is_sequence(password):
        raise Problem("accounts.password_common")
    if username and username.lower() in password.lower():
        raise Problem("accounts.password_like_name")


def kinds(password: str) -> int:
    """How many kinds of characters a password has: lower case, capitals, digits, others.

    >>> kinds("shan-Lu 9")
    4
    """
    tests = (
        any(c.islower() for c in password),
        any(c.isupper() for c in password),
        any(c.isdigit() for c in password),
        any(not c.islower() and not c.isupper() and not c.isdigit() for c in password),
    )
    return sum(tests)


def _is_sequence(password: str) -> bool:
    """Whether a password only walks along the keyboard or the alphabet.

    >>> _is_sequence("abcd1234"), _is_sequence("qwer1234"), _is_sequence("shan1982")
    (True, True, False)
    """
    rows = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
    steps = {row[i : i + 2] for row in rows for i in range(len(row) - 1)}
    lower = password.lower()
    pairs = [lower[i : i + 2] for i in range(len(lower) - 1)]
    strange = [pair for pair in pairs if pair not in steps and pair[::-1] not in steps]
    return len(strange) <= 1
