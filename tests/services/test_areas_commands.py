"""`minqing import areas` and `minqing areas list` as an operator types them; the database is asked afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from sqlmodel import func, select

from models import Area, AreaLevel, AuditEntry
from survey import cli, db, opening
from survey.config import Settings
from tests.services.test_areas import a_list

Run = Callable[..., int]


@pytest.fixture
def minqing(sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("MINQING_LANGUAGE", "en")
    places = ["--data", str(sqlite_settings.data_dir), "--key", str(sqlite_settings.key_path)]
    return lambda *words: cli.run([*map(str, words), *places])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "villages.csv"
    path.write_bytes(a_list("511922125200,余家坪村,兴马镇", "511922125201,齐家湾村,兴马镇"))
    return path


def areas_stored(settings: Settings) -> int:
    with opening.opened(settings), db.reading() as session:
        return session.exec(select(func.count()).select_from(Area)).one()


def test_import_without_commit_shows_and_writes_nothing(
    minqing: Run, sqlite_settings: Settings, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert minqing("import", "areas", file) == 0
    printed = capsys.readouterr().out
    assert "511922125200 余家坪村" in printed and "--commit" in printed
    assert areas_stored(sqlite_settings) == 0


def test_import_with_commit_writes_and_audits(minqing: Run, sqlite_settings: Settings, file: Path) -> None:
    assert minqing("import", "areas", file, "--commit") == 0
    assert areas_stored(sqlite_settings) == 4
    with opening.opened(sqlite_settings), db.reading() as session:
        entry = session.exec(select(AuditEntry)).one()
    assert entry.action == "areas.import"
    assert entry.actor.startswith("cli:")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("import", "people", "{file}"), "people"),
        (("import", "areas", "{file}.missing"), "cannot be read"),
        (("import", "areas", "{wrong}"), "lacks the columns"),
    ],
)
def test_wrong_import_is_one_sentence_and_status_2(
    minqing: Run,
    sqlite_settings: Settings,
    file: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    said: str,
) -> None:
    wrong = file.with_name("wrong.csv")
    wrong.write_text("a,b\n1,2\n", encoding="utf-8")
    assert minqing(*(word.format(file=file, wrong=wrong) for word in words), "--commit") == 2
    captured = capsys.readouterr()
    assert said in captured.err and "Traceback" not in captured.err
    assert areas_stored(sqlite_settings) == 0


def test_areas_list_prints_those_in_use_and_with_all_the_closed(
    minqing: Run, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newer = tmp_path / "newer.csv"
    newer.write_bytes(a_list("511922125200,余家坪村,兴马镇", vintage="2026-09-30"))
    minqing("import", "areas", file, "--commit")
    assert minqing("import", "areas", newer) == 0
    assert "--allow-closing" in capsys.readouterr().out
    assert minqing("import", "areas", newer, "--commit") == 2
    assert "would close 1 of 2 villages" in capsys.readouterr().err
    minqing("import", "areas", newer, "--commit", "--allow-closing")
    capsys.readouterr()
    assert minqing("areas", "list", "--area", "511922125", "--on", "2026-10-01") == 0
    in_use = capsys.readouterr().out
    assert "余家坪村" in in_use and "齐家湾村" not in in_use
    assert minqing("areas", "list", "--all") == 0
    everything = capsys.readouterr().out
    assert "齐家湾村  (in use until 2026-09-30, successor not known)" in everything


def test_areas_list_of_an_empty_register_says_what_to_do(
    minqing: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert minqing("areas", "list") == 0
    assert "minqing import areas" in capsys.readouterr().out


def groups_stored(settings: Settings) -> dict[str, str]:
    with opening.opened(settings), db.reading() as session:
        rows = session.exec(select(Area).where(Area.level == AreaLevel.GROUP))
        return {row.code: row.short_name for row in rows}


def test_a_group_is_added_with_its_number_and_name(
    minqing: Run, sqlite_settings: Settings, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    minqing("import", "areas", file, "--commit")
    assert minqing("areas", "add-group", "511922125200", "3", "--name", "河边社") == 0
    assert "河边社" in capsys.readouterr().out
    assert minqing("areas", "add-group", "511922125200", "4") == 0
    assert groups_stored(sqlite_settings) == {"51192212520003": "河边社", "51192212520004": "4社"}


def test_the_groups_of_a_village_are_added_at_once_and_those_present_stay(
    minqing: Run, sqlite_settings: Settings, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    minqing("import", "areas", file, "--commit")
    minqing("areas", "add-group", "511922125200", "2", "--name", "河边社")
    assert minqing("areas", "add-groups", "511922125200", "3", "--from", "2026-09-01") == 0
    assert "51192212520001" in capsys.readouterr().out
    assert groups_stored(sqlite_settings) == {
        "51192212520001": "1社",
        "51192212520002": "河边社",
        "51192212520003": "3社",
    }
    with opening.opened(sqlite_settings), db.reading() as session:
        assert session.get_one(Area, "51192212520003").valid_from.isoformat() == "2026-09-01"
    assert minqing("areas", "add-groups", "511922125200", "3") == 0
    assert len(groups_stored(sqlite_settings)) == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add-group", "511922125200", "100"), "between 1 and 99"),
        (("add-groups", "511922125200", "0"), "between 1 and 99"),
        (("add-groups", "511922125299", "3"), "does not exist"),
        (("add-group", "511922125", "3"), "is no area code"),
        (("add-group", "511922125200", "three"), "number"),
    ],
)
def test_a_wrong_group_is_one_sentence_and_status_2(
    minqing: Run,
    sqlite_settings: Settings,
    file: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    said: str,
) -> None:
    minqing("import", "areas", file, "--commit")
    capsys.readouterr()
    assert minqing("areas", *words) == 2
    captured = capsys.readouterr()
    assert said in captured.err.lower() and "Traceback" not in captured.err
    assert groups_stored(sqlite_settings) == {}


def test_the_preview_says_in_which_encoding_the_file_was_read(
    minqing: Run, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(file.read_text(encoding="utf-8-sig").encode("gb18030"))
    assert minqing("import", "areas", file) == 0
    printed = capsys.readouterr().out
    assert "GB18030" in printed and "511922125200 余家坪村" in printed


def test_a_closed_village_is_put_in_use_again(
    minqing: Run, sqlite_settings: Settings, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert minqing("import", "areas", file, "--commit") == 0
    with opening.opened(sqlite_settings), db.session_scope() as session:
        session.get_one(Area, "511922125201").valid_until = date(2026, 7, 1)
    capsys.readouterr()
    assert minqing("areas", "reopen", "511922125201") == 0
    assert capsys.readouterr().out.strip() == "511922125201    Village  齐家湾村"
    assert minqing("areas", "reopen", "511922125201") == 2
    assert capsys.readouterr().err.startswith("齐家湾村 is in use already.")
