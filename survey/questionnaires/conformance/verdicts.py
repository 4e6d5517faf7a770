"""What became of a case, and the account of all of them.

Owns the verdict of one case, the lines a person reads and the lines a program reads. A case whose run raises has
failed with what was raised: no exception of a case ends the account.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from survey.problems import Problem

Judgement = tuple[Any, bool, str]
"""What came out, whether that is right, and why not."""


@dataclass(frozen=True)
class Verdict:
    """One case: what was expected, what came out; `reason` says why it failed."""

    id: str
    expected: Any
    actual: Any
    passed: bool
    seconds: float
    reason: str = ""


def judged(identifier: str, expected: Any, run: Callable[[], Judgement]) -> Verdict:
    """Run one case and time it; whatever it raises is its outcome."""
    began = time.perf_counter()
    try:
        actual, passed, reason = run()
    except Problem as problem:
        actual, passed, reason = problem.code, False, f"refused: {problem}"
    except Exception as error:  # a case that raises has failed, and says with what
        actual, passed, reason = type(error).__name__, False, f"raised {type(error).__name__}: {error}"
    return Verdict(identifier, expected, actual, passed, time.perf_counter() - began, reason)


def account(verdicts: Iterable[Verdict], out: TextIO, json_path: Path | None) -> bool:
    """Print each failure and the final count, and write one JSON line a case; whether all passed."""
    counts = {True: 0, False: 0}
    for verdict in _kept(verdicts, json_path):
        counts[verdict.passed] += 1
        if not verdict.passed:
            reason = verdict.reason or f"expected {verdict.expected!r}, got {verdict.actual!r}"
            print(f"FAILED {verdict.id}: {_one_line(reason)}", file=out)
    print(f"{counts[True]} passed, {counts[False]} failed", file=out)
    return not counts[False]


def _kept(verdicts: Iterable[Verdict], path: Path | None) -> Iterator[Verdict]:
    if path is None:
        yield from verdicts
        return
    with path.open("w", encoding="utf-8") as file:
        for verdict in verdicts:
            print(json.dumps(asdict(verdict), ensure_ascii=False, default=_written), file=file)
            yield verdict


def _written(value: object) -> str:
    return str(value)


def named(number: float) -> float | str:
    """A number as JSON can hold it: what is none or endless by its name."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return number


def number_of(value: Any) -> float:
    """The number an expectation names."""
    return float(value) if not isinstance(value, str) else {"NaN": math.nan}.get(value, float(value))


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file with one JSON object a line."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:600]
