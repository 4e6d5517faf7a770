"""What notebooks, pages and reports compute together: snapshots, frames, statistics; reads only.

`open(folder)` is the entry of a notebook: it opens a de-identified snapshot, never the store.
"""

from survey.analysis.frames import Frames, open

__all__ = ["Frames", "open"]
