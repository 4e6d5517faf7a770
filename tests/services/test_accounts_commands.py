"""`minqing user …` as an operator types it; the database is asked afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlmodel import Session, select

from models import AuditEntry, Cadre, Post, Posting
from survey import cli, db, opening
from survey.access import passwords
from survey.config import Settings
from tests.builders import TOWNSHIP, VILLAGE, a_cadre, an_area_tree

Run = Callable[..., int]


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    """A store with areas and one cadre `wang`."""
    with opening.opened(sqlite_settings), db.session_scope() as session:
        an_area_tree(session)
        a_cadre(session, username="wang")
    return sqlite_settings


@pytest.fixture
def minqing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("MINQING_LANGUAGE", "en")
    places = ["--data", str(settings.data_dir), "--key", str(settings.key_path)]
    return lambda *words: cli.run([*words, *places])


@contextmanager
def stored(settings: Settings) -> Iterator[Session]:
    with opening.opened(settings), db.reading() as session:
        yield session


def cadre(session: Session, username: str = "wang") -> Cadre:
    return session.exec(select(Cadre).where(Cadre.username == username)).one()


def password_in(printed: str) -> str:
    found = re.search(r"password (\S+) ", printed)
    assert found is not None
    return found.group(1)


def test_user_add_makes_an_account_and_prints_its_password_once(
    minqing: Run, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("user", "add", "li", "--name", "李四", "--post", "mass_work_member", "--area", "511922125")
    assert minqing(*words, "--from", "2026-05-01") == 0
    one_time = password_in(capsys.readouterr().out)
    with stored(settings) as session:
        row = cadre(session, "li")
        assert passwords.verify(row.password_hash, one_time)
        posting = session.exec(select(Posting).where(Posting.cadre_id == row.id)).one()
        assert (posting.post, str(posting.starts_on)) == (Post.MASS_WORK_MEMBER, "2026-05-01")
        entry = session.exec(select(AuditEntry)).one()
        assert entry.actor.startswith("cli:")


def test_user_passwd_gives_a_new_one_time_password(
    minqing: Run, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert minqing("user", "passwd", "wang") == 0
    one_time = password_in(capsys.readouterr().out)
    with stored(settings) as session:
        row = cadre(session)
        assert passwords.verify(row.password_hash, one_time)
        assert row.must_change_password


def test_user_lock_and_unlock(minqing: Run, settings: Settings) -> None:
    assert minqing("user", "lock", "wang") == 0
    with stored(settings) as session:
        assert cadre(session).locked_at is not None
    assert minqing("user", "unlock", "wang") == 0
    with stored(settings) as session:
        assert cadre(session).locked_at is None


def test_user_post_adds_a_post_with_its_last_day(minqing: Run, settings: Settings) -> None:
    words = ("user", "post", "wang", "--post", "stationed_cadre", "--area", "511922125201")
    assert minqing(*words, "--from", "2026-05-01", "--until", "2026-12-31") == 0
    with stored(settings) as session:
        posting = session.exec(select(Posting).where(Posting.post == Post.STATIONED_CADRE)).one()
        assert (posting.area_code, str(posting.ends_on)) == ("511922125201", "2026-12-31")


def test_user_list_names_post_and_place(minqing: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert minqing("user", "list") == 0
    line = capsys.readouterr().out.strip()
    assert line.startswith("wang\t")
    assert "Village head 余家坪村" in line
    assert minqing("user", "list", "--locked") == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("user", "lock", "nobody"), "minqing user list"),
        (("user", "add", "li", "--name", "李", "--post", "king", "--area", VILLAGE), "The posts are"),
        (("user", "add", "li", "--name", "李", "--post", "analyst", "--area", "999"), "Import the areas"),
        (("user", "add", "wang", "--name", "李", "--post", "analyst", "--area", TOWNSHIP), "Choose another"),
    ],
)
def test_a_mistake_is_one_sentence_with_a_remedy_and_changes_nothing(
    minqing: Run, settings: Settings, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], remedy: str
) -> None:
    assert minqing(*words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert remedy in told.err
    assert "Traceback" not in told.err
    with stored(settings) as session:
        assert len(session.exec(select(Cadre)).all()) == 1
        assert session.exec(select(AuditEntry)).all() == []
