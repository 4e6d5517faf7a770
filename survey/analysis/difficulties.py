"""The four difficulties by village: shares of the households asked, with honest intervals.

Owns the definition of "has the difficulty", its denominator, the interval and what is hidden in a table that
is shown. Refuses to count a household that was not asked as one without the difficulty.
"""

from __future__ import annotations

import re

import pandas as pd
from scipy.stats import binomtest

from survey.analysis.frames import Frames
from survey.i18n import gettext as _
from survey.problems import Problem
from survey.rules import codes

ALL = "all"
CONFIDENCE = 0.95
# Below this many households asked, a share is shown but marked as resting on few answers.
FEW_ASKED = 30
# A count from 1 to this less one is not shown: neighbours could tell who it is.
SMALLEST_SHOWN = 5
STATES_WITH_DIFFICULTY = ("exists", "worse", "better")
TOWNSHIP_TOTAL = "total"
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def prevalence_by_village(
    frames: Frames, difficulty: str = ALL, period: tuple[str, str] | None = None
) -> pd.DataFrame:
    """Share of the households asked that have a difficulty, by village; tidy, one row a village and difficulty.

    Of each household the latest visit within the period (months, both included; all months without one) at
    which the difficulty was asked counts, and no other. A household *has* the difficulty when the state there
    is exists, worse or better (getting better is not gone); none and solved count as without.

    Columns: `village_code`, `village`, `difficulty`, `households` (active ones of the register), `asked` (n),
    `with_difficulty` (k), `share` = k / n, `low` and `high` (the interval's ends), `coverage` = n / households,
    `few_asked` (n < 30). A village where nobody was asked has n = 0 and no share. The last row of each difficulty
    has the village code `total`: all villages together, from the same counts.

    Interval: Wilson's score interval at 95 %, with z = 1.96 the normal quantile,

        (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n),   p = k / n

    (E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927) 209–212;
    recommended over the Wald interval for small n and shares near 0 by Brown, Cai and DasGupta, Statistical
    Science 16 (2001) 101–133). Computed by `scipy.stats.binomtest(k, n).proportion_ci(method="wilson")`.

    Assumes that the households asked stand for those not asked. Cadres do not visit by lot: they go more
    often where hardship is known, so with a low coverage the share is likely too high. It makes no
    correction for a finite population, so the interval is too wide rather than too narrow when nearly all were
    asked. Problems `analysis.unknown_difficulty` and `analysis.bad_period`.
    """
    wanted = _difficulties(difficulty)
    latest = latest_answers(frames, period)
    active = frames.households.loc[frames.households["status"] == "active", ["household", "village"]]
    latest = latest.drop(columns="village").merge(active, on="household")
    villages = frames.villages.rename(columns={"code": "village_code", "short_name": "village"})
    households = active.groupby("village").size()
    tables = [
        _of_one_difficulty(latest[latest["difficulty"] == name], villages, households, name)
        for name in wanted
    ]
    return pd.concat(tables, ignore_index=True)


def latest_answers(frames: Frames, period: tuple[str, str] | None = None) -> pd.DataFrame:
    """The answer that counts of each household and difficulty: that of the latest visit that asked for it.

    Columns `household`, `village`, `difficulty`, `state`, `severity`, `month`, `has_difficulty`.
    """
    observations = frames.observations
    asked = observations[observations["asked"] & observations["state"].notna()]
    if period is not None:
        first, last = _checked(period)
        asked = asked[asked["month"].between(first, last)]
    ordered = asked.merge(frames.visits[["visit", "visit_order"]], on="visit").sort_values("visit_order")
    latest = ordered.groupby(["household", "difficulty"], as_index=False).tail(1)
    answers = latest[["household", "village", "difficulty", "state", "severity", "month"]].copy()
    answers["has_difficulty"] = answers["state"].isin(STATES_WITH_DIFFICULTY)
    return answers.reset_index(drop=True)


def wilson_interval(k: int, n: int) -> tuple[float | None, float | None]:
    """Ends of Wilson's score interval at 95 % for k of n; nothing when nobody was asked.

    >>> [round(end, 4) for end in wilson_interval(15, 50)]
    [0.191, 0.4375]
    """
    if n == 0:
        return None, None
    interval = binomtest(k, n).proportion_ci(confidence_level=CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def clearly_higher(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of `prevalence_by_village` whose whole interval lies above the share of all other villages.

    The others are taken together, from the counts (total less the village), so that a village is not compared
    with itself. A rule of thumb, not a test: of many villages some cross the line by chance.
    """
    villages = table[table["village_code"] != TOWNSHIP_TOTAL]
    totals = table[table["village_code"] == TOWNSHIP_TOTAL].set_index("difficulty")
    k = villages["difficulty"].map(totals["with_difficulty"]) - villages["with_difficulty"]
    n = villages["difficulty"].map(totals["asked"]) - villages["asked"]
    return villages[villages["low"] > _ratio(k, n)]


def for_display(table: pd.DataFrame) -> pd.DataFrame:
    """The table as it may be shown or handed on: counts of 1 to 4 hidden, with what would betray them.

    Adds `hidden`. Where exactly one village of a difficulty is hidden, the total less the others would give it
    away: the village with the next smallest count is hidden too. When the total itself is below 5, it is hidden.
    A count of 0 is shown: it says of nobody that he has the difficulty.
    """
    shown = table.copy()
    shown["hidden"] = shown["with_difficulty"].between(1, SMALLEST_SHOWN - 1)
    villages = shown[shown["village_code"] != TOWNSHIP_TOTAL]
    for name, rows in villages.groupby("difficulty"):
        if rows["hidden"].sum() == 1:
            others = rows[~rows["hidden"] & (rows["with_difficulty"] > 0)]
            if len(others):
                shown.loc[others["with_difficulty"].idxmin(), "hidden"] = True
            else:
                shown.loc[_total_of(shown, str(name)), "hidden"] = True
    secret = ["with_difficulty", "share", "low", "high"]
    shown["with_difficulty"] = shown["with_difficulty"].astype("Int64")
    shown.loc[shown["hidden"], secret] = pd.NA
    return shown


def _total_of(table: pd.DataFrame, difficulty: str) -> pd.Series[bool]:
    return (table["difficulty"] == difficulty) & (table["village_code"] == TOWNSHIP_TOTAL)


def _of_one_difficulty(
    latest: pd.DataFrame, villages: pd.DataFrame, households: pd.Series[int], difficulty: str
) -> pd.DataFrame:
    table = villages.copy()
    table["difficulty"] = difficulty
    answered = latest.groupby("village")["has_difficulty"].agg(["size", "sum"])
    code = table["village_code"]
    table["households"] = code.map(households).fillna(0).astype(int)
    table["asked"] = code.map(answered["size"]).fillna(0).astype(int)
    table["with_difficulty"] = code.map(answered["sum"]).fillna(0).astype(int)
    total = {"village_code": TOWNSHIP_TOTAL, "village": TOWNSHIP_TOTAL, "difficulty": difficulty}
    sums = table[["households", "asked", "with_difficulty"]].sum().to_dict()
    table = pd.concat([table, pd.DataFrame([total | sums])], ignore_index=True)
    table["share"] = _ratio(table["with_difficulty"], table["asked"])
    ends = [wilson_interval(k, n) for k, n in zip(table["with_difficulty"], table["asked"], strict=True)]
    table["low"] = pd.Series([low for low, _ in ends], dtype="float64")
    table["high"] = pd.Series([high for _, high in ends], dtype="float64")
    table["coverage"] = _ratio(table["asked"], table["households"])
    table["few_asked"] = table["asked"] < FEW_ASKED
    return table


def _ratio(part: pd.Series[int], whole: pd.Series[int]) -> pd.Series[float]:
    return part / whole.where(whole > 0)


def _difficulties(difficulty: str) -> tuple[str, ...]:
    known = codes.keys("difficulty")
    if difficulty == ALL:
        return known
    if difficulty not in known:
        raise Problem("analysis.unknown_difficulty", difficulty=difficulty, known=", ".join(known))
    return (difficulty,)


def _checked(period: tuple[str, str]) -> tuple[str, str]:
    first, last = period
    if not (_MONTH.fullmatch(first) and _MONTH.fullmatch(last) and first <= last):
        raise Problem("analysis.bad_period", first=first, last=last)
    return first, last


def with_headings(table: pd.DataFrame) -> pd.DataFrame:
    """The table of `for_display` with codes as labels and columns headed in the language in force."""
    named = table.drop(columns=[name for name in ("village_code",) if name in table]).copy()
    named["village"] = named["village"].where(named["village"] != TOWNSHIP_TOTAL, _("All villages"))
    named["difficulty"] = named["difficulty"].map(codes.labels("difficulty"))
    for flag in ("few_asked", "hidden"):
        named[flag] = named[flag].map({True: _("yes"), False: ""})
    return named.rename(columns=headings())


def headings() -> dict[str, str]:
    """Column → heading in the language in force."""
    return {
        "village": _("Village"),
        "difficulty": _("Difficulty"),
        "households": _("Households"),
        "asked": _("Households asked (n)"),
        "with_difficulty": _("With the difficulty (k)"),
        "share": _("Share (k/n)"),
        "low": _("95% interval from"),
        "high": _("95% interval to"),
        "coverage": _("Asked of all households"),
        "few_asked": _("Few asked (n < 30)"),
        "hidden": _("Not shown (1 to 4)"),
    }
