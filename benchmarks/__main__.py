"""Run the measurements and print them as tables, with the conditions they were taken under.

`python -m benchmarks` runs all; name `engine`, `acceptance`, `sessions` or `pages` to run only those. `BENCH_SMALL=1` runs a small
version of each, to see that it works; its figures say nothing.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import acceptance, conditions, engine, pages, sessions, stores
from survey.config import Settings

SECTIONS = ("engine", "acceptance", "sessions", "pages")


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    households: int = 2400
    times: int = 100
    visits: int = 1000
    tabs: int = 50
    seconds: float = 60.0
    reruns: int = 40
    fillings: int = 6


SMALL = Sizes(households=60, times=4, visits=40, tabs=4, seconds=8.0, reruns=4, fillings=1)


def main(wanted: list[str]) -> int:
    """Print the tables of the sections named, or of all."""
    unknown = set(wanted) - set(SECTIONS)
    if unknown:
        print(
            f"no such section: {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}", file=sys.stderr
        )
        return 2
    sizes = SMALL if os.environ.get("BENCH_SMALL") else Sizes()
    chosen = [name for name in SECTIONS if name in (wanted or SECTIONS)]
    with tempfile.TemporaryDirectory(prefix="minqing-bench-") as name:
        folder = Path(name)
        header = conditions.lines()
        print("\n".join(header), flush=True)
        if "engine" in chosen:
            _show("Engine", engine.measure(folder, fillings=sizes.fillings))
        if "acceptance" in chosen:
            _show("Acceptance", acceptance.measure(folder, count=sizes.visits))
        if set(chosen) & {"sessions", "pages"}:
            demo, seconds = stores.build_demo(folder / "demo", sizes.households)
            _show(
                "Demo", f"{sizes.households} households built in {seconds:.1f} s · {stores.sync_mode(demo)}"
            )
            _on_the_demo(demo, folder, sizes, chosen)
    return 0


def _on_the_demo(demo: Settings, folder: Path, sizes: Sizes, chosen: list[str]) -> None:
    if "sessions" in chosen:
        work = stores.copied(demo, folder / "sessions")
        _show("Sessions", sessions.measure(work, folder, tabs=sizes.tabs, seconds=sizes.seconds))
    if "pages" in chosen:
        large = stores.copied(demo, folder / "large")
        began = time.perf_counter()
        counts = stores.enlarge(large, sizes.times)
        loaded = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        _show(
            "Large store",
            f"copied straight into the tables in {time.perf_counter() - began:.0f} s, not accepted: {loaded}",
        )
        _show("Pages", pages.measure(demo, large, folder, reruns=sizes.reruns, times=sizes.times))


def _show(title: str, text: str) -> None:
    print(f"\n{title}\n{'=' * len(title)}\n{text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
