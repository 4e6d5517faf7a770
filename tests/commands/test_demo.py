"""`minqing demo` and `minqing snapshot` as a person runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

import survey.analysis
from models import Post
from survey import cli, serving
from survey.access.permissions import operator
from survey.config import settings_from
from survey.demo import registering

SMALL = ("demo", "--no-serve", "--households", "24", "--until", "2026-05-05")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder and a key of this test alone, and English output."""
    monkeypatch.setenv("MINQING_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MINQING_KEY", str(tmp_path / "minqing.key"))
    monkeypatch.setenv("MINQING_LANGUAGE", "en")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    return tmp_path


def test_a_demo_is_built_once_and_a_snapshot_made_of_it(
    places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run([*SMALL]) == 0
    told = capsys.readouterr().out
    assert "24 households" in told and registering.PASSWORD in told
    accounts = [line.split()[0] for line in told.splitlines() if line.startswith("  ")]
    assert len(accounts) == len(Post) and {"office1", "analyst", "admin"} <= set(accounts)

    assert cli.run(["demo", "--no-serve"]) == 0
    assert "there already" in capsys.readouterr().out
    assert cli.run(["demo", "--no-serve", "--seed", "7"]) == 2
    assert "other settings" in capsys.readouterr().err

    assert cli.run(["check"]) == 0
    assert cli.run(["snapshot", "--out", str(places / "snapshot")]) == 0
    opened = survey.analysis.open(places / "snapshot")
    assert opened.counts["households"] == 24 and len(opened.visits) > 24
    capsys.readouterr()
    assert cli.run(["snapshot", "--out", str(places / "snapshot")]) == 2
    assert "not empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"), [("--until", "2099-01-01"), ("--households", "3"), ("--until", "yesterday")]
)
def test_a_wrong_option_is_one_sentence_and_leaves_no_demo(
    places: Path, capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    assert cli.run(["demo", "--no-serve", option, value]) == 2
    captured = capsys.readouterr()
    assert len(captured.err.strip().splitlines()) == 1 and "Traceback" not in captured.err
    assert registering.PASSWORD not in captured.out


def test_a_store_in_use_is_no_demo(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    serving.prepare(settings_from(), operator("tester"))
    assert cli.run([*SMALL]) == 2
    assert "no demo" in capsys.readouterr().err
