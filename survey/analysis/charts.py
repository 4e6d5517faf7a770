"""Charts for notebooks as plain SVG: they need no script, no network and no font file.

Owns the interval chart. Refuses decoration: a dot is the share, the line through it the interval, the number at
the right how many were asked; what is hidden in the table is not drawn.
"""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd

from survey.i18n import gettext as _

_ROW, _LEFT, _PLOT, _RIGHT, _TOP, _BOTTOM = 28, 130, 460, 170, 44, 34
_INK, _GRID, _MARK, _FEW = "#1f2933", "#d9dee3", "#1c5d99", "#a85b00"


def interval_chart(table: pd.DataFrame, title: str) -> str:
    """SVG of one difficulty's rows of `difficulties.for_display`: share, interval and n by village.

    The axis begins at 0 and ends at the next full tenth above the highest interval; rows stand in the order
    given. A village with few asked is drawn in another colour *and* marked in words.
    """
    rows = table.reset_index(drop=True)
    height = _TOP + _ROW * len(rows) + _BOTTOM
    top = _axis_end(rows["high"])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _PLOT + _RIGHT}" height="{height}" role="img" '
        f'style="background:#fff;font:14px sans-serif"><title>{escape(title)}</title>',
        _text(8, 22, title, weight="bold"),
        *_grid(top, height),
        *(part for number, row in rows.iterrows() for part in _row(int(str(number)), row, top)),
        "</svg>",
    ]
    return "\n".join(parts)


def _axis_end(highest: pd.Series[float]) -> float:
    tenths = int(highest.max(skipna=True) * 10) + 1 if highest.notna().any() else 1
    return min(tenths, 10) / 10


def _grid(top: float, height: int) -> list[str]:
    parts = []
    for step in range(6):
        share = top * step / 5
        x = _x(share, top)
        parts.append(f'<path d="M{x} {_TOP - 6}V{height - _BOTTOM}" stroke="{_GRID}"/>')
        parts.append(_text(x, height - 12, f"{share:.0%}", anchor="middle"))
    return parts


def _row(number: int, row: pd.Series[Any], top: float) -> list[str]:
    y = _TOP + _ROW * number + _ROW // 2
    label = _text(_LEFT - 10, y + 5, str(row["village"]), anchor="end")
    if row["hidden"] or not row["asked"]:
        reason = _("fewer than 5, not shown") if row["hidden"] else _("nobody asked")
        return [
            label,
            _text(_LEFT + 8, y + 5, reason),
            _text(_LEFT + _PLOT + 12, y + 5, f"n = {row['asked']}"),
        ]
    colour = _FEW if row["few_asked"] else _MARK
    low, high, share = (_x(float(str(row[end])), top) for end in ("low", "high", "share"))
    note = f"n = {row['asked']}" + (" · " + _("few asked") if row["few_asked"] else "")
    return [
        label,
        f'<path d="M{low} {y}H{high}" stroke="{colour}" stroke-width="3"/>',
        f'<circle cx="{share}" cy="{y}" r="6" fill="{colour}"/>',
        _text(_LEFT + _PLOT + 12, y + 5, note),
    ]


def _x(share: float, top: float) -> float:
    return round(_LEFT + _PLOT * share / top, 1)


def _text(x: float, y: float, words: str, *, anchor: str = "start", weight: str = "normal") -> str:
    return f'<text x="{x}" y="{y}" fill="{_INK}" text-anchor="{anchor}" font-weight="{weight}">{escape(words)}</text>'
