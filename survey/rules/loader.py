"""Rules as data: dated parameters, each with its source and unit.

Owns reading `parameters/*.yaml` and answering "which value held on that day". A parameter is

    hardship.contact_interval_days:
      label: {zh: 困难户联系间隔, en: Interval between hardship contacts}
      unit: calendar_day
      source: instrument, article
      values:
        - {from: 2012-01-01, value: 31}

A value holds from its date until the next one; `null` repeals. Refuses duplicate keys, unknown units, dates out
of order and parameters without a source, naming file and key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from survey.problems import UniqueKeyLoader

UNITS = frozenset(
    {"calendar_day", "workday", "month", "hour", "minute", "household", "count", "character", "metre"}
)


@dataclass(frozen=True)
class Parameter:
    """A rule's number through time; `values` ascend by date."""

    key: str
    label: Mapping[str, str]
    unit: str
    source: str
    values: tuple[tuple[date, int | float | None], ...]

    def at(self, on: date) -> int | float:
        """The value in force that day; `KeyError` where none was, or it was repealed."""
        held = [value for start, value in self.values if start <= on]
        if not held or held[-1] is None:
            raise KeyError(f"{self.key} has no value on {on}")
        return held[-1]


def parse(name: str, text: str) -> dict[str, Parameter]:
    """The parameters of one file; `ValueError` naming file and key for anything out of order."""
    parameters = {}
    for key, row in (yaml.load(text, UniqueKeyLoader) or {}).items():  # noqa: S506 - a SafeLoader
        parameters[key] = _parameter(name, key, row)
    return parameters


def _parameter(name: str, key: str, row: Mapping[str, Any]) -> Parameter:
    place = f"{name}: {key}"
    if row.get("unit") not in UNITS:
        raise ValueError(f"{place}: unknown unit {row.get('unit')!r}")
    if not row.get("source"):
        raise ValueError(f"{place}: a rule needs its source")
    values = tuple((entry["from"], entry["value"]) for entry in row["values"])
    starts = [start for start, _ in values]
    if not starts or starts != sorted(set(starts)):
        raise ValueError(f"{place}: dates must ascend, each once")
    return Parameter(key, row["label"], row["unit"], row["source"], values)


@cache
def parameters() -> Mapping[str, Parameter]:
    """Every shipped parameter by its key."""
    found: dict[str, Parameter] = {}
    for path in sorted(files("survey.rules").joinpath("parameters").iterdir(), key=lambda p: p.name):
        if not path.name.endswith(".yaml"):
            continue
        for key, parameter in parse(path.name, path.read_text(encoding="utf-8")).items():
            if key in found:
                raise ValueError(f"{path.name}: {key} stands in another file too")
            found[key] = parameter
    return found


def parameter(key: str) -> Parameter:
    """One parameter; `KeyError` for an unknown key."""
    return parameters()[key]


def parameter_at(key: str, on: date) -> int:
    """The whole-number value of a parameter in force that day, in the parameter's unit."""
    return int(parameter(key).at(on))
