"""Shares by village: which answer counts, the denominator, the interval, what is hidden."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import survey.analysis
from survey.analysis import charts, difficulties, frames, snapshot
from survey.problems import Problem

VILLAGES = ("511922125200", "511922125201", "511922125203")
_EMPTY = {
    "members": ["household", "village"],
    "cases": ["case"],
    "steps": ["case"],
    "assignments": ["cadre"],
}


def a_snapshot(
    folder: Path, answers: list[tuple[str, str, str, str, str | None]], houses: int = 60
) -> survey.analysis.Frames:
    """A snapshot of three villages; an answer is (village, household, month, difficulty, state or None)."""
    households = pd.DataFrame(
        [
            {"household": f"{village}-{number}", "village": village, "kind": "general", "status": "active"}
            for village in VILLAGES
            for number in range(houses)
        ]
    )
    rows = [
        {
            "visit": f"v{number}",
            "household": f"{village}-{household}",
            "village": village,
            "month": month,
            "difficulty": difficulty,
            "asked": state is not None,
            "state": state,
            "severity": None,
        }
        for number, (village, household, month, difficulty, state) in enumerate(answers)
    ]
    visits = pd.DataFrame(
        {"visit": [f"v{number}" for number in range(len(rows))], "visit_order": range(1, len(rows) + 1)}
    )
    areas = pd.DataFrame(
        {"code": VILLAGES, "level": "village", "short_name": ["余家坪村", "齐家湾村", "川柏树村"]}
    )
    tables = {
        "households": households,
        "observations": pd.DataFrame(rows),
        "visits": visits,
        "areas": areas,
    } | {name: pd.DataFrame(columns=columns) for name, columns in _EMPTY.items()}
    folder.mkdir(exist_ok=True)
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet")
    manifest = {
        "schema_version": 1,
        "made_at": "2026-05-06T02:30:00+00:00",
        "scope": ["511922125"],
        "counts": {name: len(table) for name, table in tables.items()},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return survey.analysis.open(folder)


def answers(
    village: str, with_it: int, without: int, difficulty: str = "water"
) -> list[tuple[str, str, str, str, str | None]]:
    """One answer of each of so many households with and without the difficulty."""
    states = ["exists"] * with_it + ["none"] * without
    return [(village, str(number), "2026-03", difficulty, state) for number, state in enumerate(states)]


def row(table: pd.DataFrame, village: str, difficulty: str = "water") -> pd.Series:
    return table[(table["village_code"] == village) & (table["difficulty"] == difficulty)].iloc[0]


def test_a_household_counts_once_with_its_latest_answer(tmp_path: Path) -> None:
    opened = a_snapshot(
        tmp_path,
        [
            (VILLAGES[0], "1", "2026-01", "water", "exists"),
            (VILLAGES[0], "1", "2026-02", "water", "solved"),
            (VILLAGES[0], "2", "2026-01", "water", "none"),
            (VILLAGES[0], "2", "2026-03", "water", "better"),
        ],
    )
    found = row(difficulties.prevalence_by_village(opened, "water"), VILLAGES[0])
    assert (found["asked"], found["with_difficulty"], found["share"]) == (2, 1, 0.5)


def test_a_difficulty_not_asked_is_no_denominator_and_does_not_hide_the_answer_before(tmp_path: Path) -> None:
    opened = a_snapshot(
        tmp_path,
        [
            (VILLAGES[0], "1", "2026-01", "water", "exists"),
            (VILLAGES[0], "1", "2026-02", "water", None),
            (VILLAGES[0], "2", "2026-02", "water", None),
        ],
    )
    found = row(difficulties.prevalence_by_village(opened, "water"), VILLAGES[0])
    assert (found["asked"], found["with_difficulty"]) == (1, 1)


def test_only_answers_of_the_period_count(tmp_path: Path) -> None:
    opened = a_snapshot(
        tmp_path,
        [
            (VILLAGES[0], "1", "2026-01", "water", "exists"),
            (VILLAGES[0], "1", "2026-04", "water", "solved"),
            (VILLAGES[0], "2", "2025-12", "water", "exists"),
        ],
    )
    table = difficulties.prevalence_by_village(opened, "water", ("2026-01", "2026-03"))
    assert (row(table, VILLAGES[0])["asked"], row(table, VILLAGES[0])["with_difficulty"]) == (1, 1)


def test_a_village_where_nobody_was_asked_has_no_share(tmp_path: Path) -> None:
    opened = a_snapshot(tmp_path, answers(VILLAGES[0], 3, 7))
    found = row(difficulties.prevalence_by_village(opened, "water"), VILLAGES[1])
    assert (found["asked"], found["households"], found["coverage"]) == (0, 60, 0)
    assert pd.isna(found["share"]) and pd.isna(found["low"]) and found["few_asked"]


def test_the_total_is_of_all_households_not_the_mean_of_shares(tmp_path: Path) -> None:
    opened = a_snapshot(tmp_path, answers(VILLAGES[0], 10, 0) + answers(VILLAGES[1], 10, 30))
    total = row(difficulties.prevalence_by_village(opened, "water"), difficulties.TOWNSHIP_TOTAL)
    assert (total["asked"], total["with_difficulty"], total["share"]) == (50, 20, 0.4)
    assert total["coverage"] == pytest.approx(50 / 180)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3 (score).
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_wilsons(k: int, n: int, low: float, high: float) -> None:
    ends = difficulties.wilson_interval(k, n)
    assert [round(end, 4) for end in ends if end is not None] == pytest.approx([low, high], abs=1e-4)


def test_small_counts_are_hidden_together_with_a_second_one(tmp_path: Path) -> None:
    opened = a_snapshot(
        tmp_path, answers(VILLAGES[0], 3, 40) + answers(VILLAGES[1], 6, 40) + answers(VILLAGES[2], 20, 30)
    )
    shown = difficulties.for_display(difficulties.prevalence_by_village(opened, "water"))
    assert list(shown["hidden"]) == [True, True, False, False]
    assert shown.loc[shown["hidden"], ["with_difficulty", "share", "low", "high"]].isna().all().all()
    assert row(shown, VILLAGES[2])["with_difficulty"] == 20


def test_a_lone_small_count_hides_the_total_when_no_other_village_has_any(tmp_path: Path) -> None:
    opened = a_snapshot(tmp_path, answers(VILLAGES[0], 2, 40) + answers(VILLAGES[1], 0, 40))
    shown = difficulties.for_display(difficulties.prevalence_by_village(opened, "water"))
    assert row(shown, difficulties.TOWNSHIP_TOTAL)["hidden"]
    assert row(shown, VILLAGES[1])["with_difficulty"] == 0


def test_nothing_is_hidden_when_every_count_is_large_or_nought(tmp_path: Path) -> None:
    opened = a_snapshot(tmp_path, answers(VILLAGES[0], 5, 40) + answers(VILLAGES[1], 0, 40))
    assert not difficulties.for_display(difficulties.prevalence_by_village(opened, "water"))["hidden"].any()


def test_clearly_higher_is_the_whole_interval_above_the_other_villages(tmp_path: Path) -> None:
    opened = a_snapshot(
        tmp_path, answers(VILLAGES[0], 25, 25) + answers(VILLAGES[1], 5, 45) + answers(VILLAGES[2], 2, 4)
    )
    table = difficulties.prevalence_by_village(opened, "water")
    assert list(difficulties.clearly_higher(table)["village_code"]) == [VILLAGES[0]]


def test_all_gives_every_difficulty_of_the_code_list(tmp_path: Path) -> None:
    opened = a_snapshot(tmp_path, answers(VILLAGES[0], 5, 5) + answers(VILLAGES[0], 6, 4, "road"))
    table = difficulties.prevalence_by_village(opened)
    assert list(table["difficulty"].unique()) == ["road", "water", "health", "school"]
    assert row(table, VILLAGES[0], "road")["with_difficulty"] == 6


def test_unknown_difficulty_and_bad_period_are_refused(tmp_path: Path) -> None:
    opened = a_snapshot(tmp_path, answers(VILLAGES[0], 1, 1))
    with pytest.raises(Problem) as unknown:
        difficulties.prevalence_by_village(opened, "roads")
    assert unknown.value.code == "analysis.unknown_difficulty"
    for period in (("2026-03", "2026-01"), ("2026-13", "2026-14"), ("2026", "2027")):
        with pytest.raises(Problem) as bad:
            difficulties.prevalence_by_village(opened, "water", period)
        assert bad.value.code == "analysis.bad_period"


def test_a_folder_without_a_complete_snapshot_is_refused(tmp_path: Path) -> None:
    a_snapshot(tmp_path, answers(VILLAGES[0], 1, 1))
    manifest = tmp_path / "manifest.json"
    written = json.loads(manifest.read_text(encoding="utf-8"))
    for change, code in (
        ({"schema_version": 99}, "analysis.snapshot_version"),
        ({"counts": {"visits": 7}}, "analysis.no_snapshot"),
        ({"counts": {"persons": 7}}, "analysis.no_snapshot"),
    ):
        manifest.write_text(json.dumps(written | change), encoding="utf-8")
        with pytest.raises(Problem) as refused:
            survey.analysis.open(tmp_path)
        assert refused.value.code == code
    with pytest.raises(Problem) as missing:
        survey.analysis.open(tmp_path / "nowhere")
    assert missing.value.code == "analysis.no_snapshot"


def test_reader_and_writer_agree_on_the_format() -> None:
    assert (frames.SCHEMA_VERSION, frames.MANIFEST) == (snapshot.SCHEMA_VERSION, snapshot.MANIFEST)


def test_the_chart_draws_what_is_shown_and_nothing_from_outside(tmp_path: Path) -> None:
    opened = a_snapshot(
        tmp_path, answers(VILLAGES[0], 3, 40) + answers(VILLAGES[1], 20, 20) + answers(VILLAGES[2], 4, 9)
    )
    shown = difficulties.for_display(difficulties.prevalence_by_village(opened, "water"))
    svg = charts.interval_chart(shown, "饮水难 <2026>")
    assert svg.count("<circle") == 2 and "n = 43" in svg and "&lt;2026&gt;" in svg
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
