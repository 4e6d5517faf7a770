"""The command line itself: places, language, help, and how a person's mistake is told."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from survey import cli, db
from survey.commands import frame
from survey.config import Settings
from tests.services.test_areas import a_list


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINQING_LANGUAGE", "en")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["serv"], "There is no command serv."),
        (["check", "--foo"], "There is no option --foo."),
        (["backup"], "--out is missing."),
        (["restore"], "FILE is missing."),
        (
            ["serve", "--port", "70000"],
            'The value "70000" of --port is not valid: it must be a whole number from 1 to 65535.',
        ),
        (["serve", "--port=x"], 'The value "x" of --port is not valid: it must be a whole number from 1'),
        (
            ["areas", "list", "--on", "1.5.2026"],
            'The value "1.5.2026" of --on is not valid: it must be a date such as 2026-05-06.',
        ),
        (["check", "now"], "The command is not understood:"),
    ],
)
def test_a_wrong_command_line_is_one_sentence_with_the_remedy__error(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(sentence)
    assert "--help" in told.err
    assert "Traceback" not in told.err
    assert len(told.err.splitlines()) == 1


@pytest.mark.parametrize("value", ["abc", "-1", "0", "nan", "inf", "1e9"])
def test_a_mistyped_idle_time_is_one_sentence_with_the_remedy__error(
    value: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINQING_IDLE_HOURS", value)
    assert cli.run(["check"]) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f'The value "{value}" of the variable MINQING_IDLE_HOURS is not valid')
    assert len(told.err.splitlines()) == 1


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([]) == 2
    assert "minqing" in capsys.readouterr().err


def _walk(command: click.Command, words: list[str]) -> list[list[str]]:
    if not isinstance(command, click.Group):
        return [words]
    return [found for name, inner in command.commands.items() for found in _walk(inner, [*words, name])]


@pytest.mark.parametrize("words", _walk(cli.minqing, []), ids=" ".join)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_command_has_help_and_takes_the_places(
    words: list[str], language: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINQING_LANGUAGE", language)
    assert cli.run([*words, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--data DIR" in shown
    assert "--key FILE" in shown
    assert ("Usage: " in shown) == (language == "en")


@pytest.mark.parametrize("before", [True, False])
def test_the_places_stand_before_or_after_the_command(
    before: bool, sqlite_settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--data", str(sqlite_settings.data_dir), "--key", str(sqlite_settings.key_path)]
    assert cli.run([*places, "check"] if before else ["check", *places]) == 0
    assert "in order" in capsys.readouterr().out


def test_the_environment_names_the_places(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINQING_DATA", str(sqlite_settings.data_dir))
    monkeypatch.setenv("MINQING_KEY", str(sqlite_settings.key_path))
    assert cli.run(["check"]) == 0
    assert "in order" in capsys.readouterr().out


def test_database_url_is_obeyed(
    postgresql_store: db.Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = postgresql_store.settings
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    assert cli.run(["check", "--data", str(settings.data_dir), "--key", str(settings.key_path)]) == 0
    assert "in order" in capsys.readouterr().out
    assert not (settings.data_dir / "minqing.db").exists()


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "zh"),
        ({"LANG": "C.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "MINQING_LANGUAGE": "en"}, "en"),
        ({"LANG": "en_US.UTF-8", "MINQING_LANGUAGE": "xx"}, "zh"),
    ],
)
def test_the_system_says_which_language_to_speak(environment: dict[str, str], language: str) -> None:
    assert frame.language_of(environment) == language


def test_problems_are_told_in_chinese_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINQING_LANGUAGE", "zh")
    assert cli.run(["check", "--data", str(tmp_path / "nowhere")]) == 2
    assert "还没有数据" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()


def test_an_import_that_writes_makes_the_store__and_a_preview_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "villages.csv"
    file.write_bytes(a_list("511922125200,余家坪村,兴马镇"))
    places = ["--data", str(tmp_path / "data"), "--key", str(tmp_path / "minqing.key")]
    assert cli.run(["import", "areas", str(file), *places]) == 2
    assert "There is no store" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()
    assert cli.run(["import", "areas", str(file), "--commit", *places]) == 0
    assert cli.run(["areas", "list", *places]) == 0
    assert "余家坪村" in capsys.readouterr().out
