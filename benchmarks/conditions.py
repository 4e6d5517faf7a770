"""Under which conditions a figure was measured: machine, load, versions, how safely the store writes."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

PACKAGES = ("streamlit", "sqlalchemy", "sqlmodel", "starlette", "pyarrow")


def lines() -> list[str]:
    """The conditions as they are at this moment."""
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else "-"
    memory = psutil.virtual_memory()
    return [
        f"at         {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"machine    {os.cpu_count()} cores, {_processor()}, {memory.total / 2**30:.0f} GiB memory",
        f"load       {load} (1, 5, 15 minutes, before the run)",
        f"system     {platform.system()} {platform.release()}, Python {platform.python_version()}",
        "versions   " + ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # no such file outside Linux
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
