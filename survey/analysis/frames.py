"""A snapshot as pandas data frames, one a table, read when first asked for.

Owns opening a snapshot's folder. Refuses a folder without a manifest, of another format, or with a file whose
number of rows is not the manifest's: a notebook then never computes on half a snapshot.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from survey.problems import Problem

# Of the snapshots that this version reads; the writer's is `snapshot.SCHEMA_VERSION`, kept equal by a test.
# Not imported from there, so that a notebook loads no module that knows the store.
SCHEMA_VERSION = 1
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Frames:
    """The tables of one snapshot; columns as written by `survey.analysis.snapshot`."""

    folder: Path
    made_at: datetime
    scope: tuple[str, ...]
    counts: Mapping[str, int]

    @cached_property
    def households(self) -> pd.DataFrame:
        """One row a household: village, kind, status, living conditions."""
        return self._table("households")

    @cached_property
    def members(self) -> pd.DataFrame:
        """One row a member: household, village, sex, age band, residence."""
        return self._table("members")

    @cached_property
    def visits(self) -> pd.DataFrame:
        """One row a visit; `visit_order` counts a household's visits from 1, oldest first."""
        return self._table("visits")

    @cached_property
    def observations(self) -> pd.DataFrame:
        """One row a difficulty at a visit: asked or not, state, severity."""
        return self._table("observations")

    @cached_property
    def cases(self) -> pd.DataFrame:
        """One row a case: category, state, months, durations in days."""
        return self._table("cases")

    @cached_property
    def steps(self) -> pd.DataFrame:
        """One row an act on a case, in order."""
        return self._table("steps")

    @cached_property
    def assignments(self) -> pd.DataFrame:
        """One row an assignment of a cadre to a village or household."""
        return self._table("assignments")

    @cached_property
    def areas(self) -> pd.DataFrame:
        """Counties, townships and villages with their names."""
        return self._table("areas")

    @property
    def villages(self) -> pd.DataFrame:
        """Code and short name of the villages that have households, in the order of their codes."""
        areas = self.areas
        inhabited = areas["code"].isin(self.households["village"].unique()) & (areas["level"] == "village")
        return areas.loc[inhabited, ["code", "short_name"]].sort_values("code", ignore_index=True)

    def _table(self, name: str) -> pd.DataFrame:
        frame: pd.DataFrame = pq.read_table(self.folder / f"{name}.parquet").to_pandas()
        return frame


def open(folder: str | Path) -> Frames:
    """Open a snapshot's folder; problems `analysis.no_snapshot` and `analysis.snapshot_version`."""
    path = Path(folder)
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        version, counts = manifest["schema_version"], manifest["counts"]
        complete = all(_rows(path, name) == rows for name, rows in counts.items())
    except (OSError, ValueError, KeyError) as error:
        raise Problem("analysis.no_snapshot", path=path) from error
    if version != SCHEMA_VERSION:
        raise Problem("analysis.snapshot_version", found=version, expected=SCHEMA_VERSION)
    if not complete:
        raise Problem("analysis.no_snapshot", path=path)
    return Frames(path, datetime.fromisoformat(manifest["made_at"]), tuple(manifest["scope"]), counts)


def _rows(folder: Path, table: str) -> int:
    return int(pq.read_metadata(folder / f"{table}.parquet").num_rows)
