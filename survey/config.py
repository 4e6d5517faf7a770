"""Where a store lives and how the process is set up: one frozen `Settings`, read from flags and environment.

Owns the names of the environment variables and the default places. Refuses an idle time that is no positive number
of hours and a size that is no whole number of megabytes; places and addresses are checked where they are used.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from platformdirs import user_config_path

from survey.problems import Problem

DEFAULT_DATA_DIR = Path("minqing-data")
DEFAULT_IDLE_HOURS = 12.0
DEFAULT_SUBMISSION_MB = 100
MOST_SUBMISSION_MB = 2000
LONGEST_IDLE_HOURS = 8760


@dataclass(frozen=True)
class Settings:
    """One store: its folder, its database, its key, and how long an idle session lives (hours)."""

    data_dir: Path
    database_url: str
    key_path: Path
    idle_hours: float = DEFAULT_IDLE_HOURS
    submission_mb: int = DEFAULT_SUBMISSION_MB
    basemap_url: str = ""
    basemap_attribution: str = ""

    @property
    def attachments_dir(self) -> Path:
        """Folder of photos and files, encrypted, named by content hash."""
        return self.data_dir / "attachments"

    @property
    def is_sqlite(self) -> bool:
        """Whether the store is the single-file default."""
        return self.database_url.startswith("sqlite")

    def environment(self) -> dict[str, str]:
        """The variables that make a child process open the same store."""
        variables = {
            "MINQING_DATA": str(self.data_dir),
            "MINQING_KEY": str(self.key_path),
            "MINQING_IDLE_HOURS": str(self.idle_hours),
            "MINQING_SUBMISSION_MB": str(self.submission_mb),
            "MINQING_BASEMAP": self.basemap_url,
            "MINQING_BASEMAP_ATTRIBUTION": self.basemap_attribution,
        }
        if not self.is_sqlite:
            variables["DATABASE_URL"] = self.database_url
        return variables


def settings_from(
    environment: Mapping[str, str] = os.environ,
    *,
    data_dir: Path | None = None,
    key_path: Path | None = None,
) -> Settings:
    """Settings from the environment; a flag given on the command line wins over its variable.

    Problem `store.bad_setting`.
    """
    folder = (data_dir or Path(environment.get("MINQING_DATA") or DEFAULT_DATA_DIR)).absolute()
    default_key = user_config_path("minqing", appauthor=False) / "minqing.key"
    settings = Settings(
        data_dir=folder,
        database_url=environment.get("DATABASE_URL") or f"sqlite:///{folder / 'minqing.db'}",
        key_path=key_path or Path(environment.get("MINQING_KEY") or default_key),
        idle_hours=_hours(environment, "MINQING_IDLE_HOURS", DEFAULT_IDLE_HOURS),
        submission_mb=_megabytes(environment, "MINQING_SUBMISSION_MB", DEFAULT_SUBMISSION_MB),
    )
    return replace(
        settings,
        basemap_url=environment.get("MINQING_BASEMAP", ""),
        basemap_attribution=environment.get("MINQING_BASEMAP_ATTRIBUTION", ""),
    )


def _hours(environment: Mapping[str, str], name: str, default: float) -> float:
    """The hours a variable names, `default` where it is empty."""
    text = environment.get(name) or str(default)
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if not 0 < hours <= LONGEST_IDLE_HOURS:
        raise Problem("store.bad_setting", name=name, value=text, most=LONGEST_IDLE_HOURS)
    return hours


def _megabytes(environment: Mapping[str, str], name: str, default: int) -> int:
    """The megabytes a variable names, `default` where it is empty."""
    text = environment.get(name) or str(default)
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= MOST_SUBMISSION_MB:
        raise Problem("store.bad_number", name=name, value=text, most=MOST_SUBMISSION_MB)
    return int(text)
