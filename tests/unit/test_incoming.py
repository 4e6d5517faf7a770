"""Received texts made to take long: each is refused in a time that grows with its length and no faster."""

from __future__ import annotations

import time

import pytest

from survey.problems import Problem
from survey.questionnaires import incoming

LETTERS = 1_000_000


@pytest.mark.parametrize(
    ("xml", "code", "question"),
    [
        ("<d><" + "a" * LETTERS, "submission.broken_off", "d"),
        ("<d><q><a " + "b" * LETTERS, "submission.broken_off", "q"),
        ("<d><q/><q ></q><a" + "/" * LETTERS, "submission.broken_off", "d"),
        ("<d>" + "<" * LETTERS, "submission.broken_off", "d"),
        ("<d><" + "a" * LETTERS + "\0", "submission.control_character", "d"),
        ("<d><a>xxxxxxxxx</a><" + "b" * (6 * LETTERS), "submission.too_large", "a"),
        ("<d><a>\0</a><b>" + "x" * (6 * LETTERS), "submission.too_large", "b"),
    ],
    ids=[
        "a name",
        "attributes",
        "slashes",
        "brackets",
        "a name and a NUL",
        "too large",
        "too large, with a NUL",
    ],
)
def test_a_text_without_end_is_soon_refused__error(xml: str, code: str, question: str) -> None:
    began = time.perf_counter()
    with pytest.raises(Problem) as caught:
        incoming.read(xml)
    assert time.perf_counter() - began < 1
    assert (caught.value.code, caught.value.facts["question"]) == (code, question)
