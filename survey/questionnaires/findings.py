"""What is found in an authored questionnaire: each finding has its place and a code of the catalogue.

Owns the shape of a finding and how its place is written. Refuses to hold a sentence: that is in the catalogue, in both
languages, so that a finding can cross a process and be read by anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from survey.problems import Problem


class Weight(StrEnum):
    """What a finding means for publishing: an error forbids it, a warning asks for a look, a notice informs."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True)
class Finding:
    """One finding; `column` is the column's heading, `cell` its address such as `C5`, empty where there is none."""

    code: str
    weight: Weight = Weight.ERROR
    sheet: str = ""
    row: int | None = None
    column: str = ""
    cell: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def problem(self) -> Problem:
        """The finding as a problem: its sentence and its remedy."""
        return Problem(self.code, **self.facts)

    def plain(self) -> dict[str, Any]:
        """The finding as plain values, for another process."""
        return {**self.__dict__, "weight": str(self.weight), "facts": dict(self.facts)}

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Finding:
        """The finding from its plain values."""
        return cls(**{**values, "weight": Weight(values["weight"])})


def in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """Errors first, then by sheet and row; a place and code told twice is told once."""
    weights, sheets = list(Weight), ("settings", "survey", "choices", "entities")
    unique = {(f.code, f.sheet, f.row, f.column, tuple(f.facts.items())): f for f in findings}
    return tuple(
        sorted(
            unique.values(),
            key=lambda f: (
                weights.index(f.weight),
                sheets.index(f.sheet) if f.sheet in sheets else len(sheets),
                f.sheet,
                f.row or 0,
                len(f.cell),
                f.cell,
            ),
        )
    )
