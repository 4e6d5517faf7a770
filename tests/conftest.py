"""Fixtures: an open, migrated, empty store on SQLite and on PostgreSQL, and a session on it.

`store` runs a test twice, once on each database; `sqlite_store` once. Both copy a template migrated once
per test process, so that a test starts in milliseconds and works beside others (pytest-xdist).
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlmodel import Session

from survey import crypto, db, upgrades
from survey.config import Settings
from tests.postgresql_server import PostgresqlServer

DATABASES = ("sqlite", "postgresql")


@dataclass(frozen=True)
class TestKey:
    """The key file of a test process and what is in it."""

    __test__ = False
    path: Path
    keyring: crypto.Keyring


@pytest.fixture(autouse=True)
def own_main_module() -> Iterator[None]:
    """Give the process its main module back: AppTest leaves its page there, and a spawned process would run it."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> TestKey:
    """A random key in a file of its own, outside every data folder."""
    path = tmp_path_factory.mktemp("key") / "minqing.key"
    return TestKey(path, crypto.create_key(path))


def _migrate(settings: Settings, key: TestKey) -> None:
    engine = db.engine_for(settings)
    upgrades.upgrade(engine)
    db.use(db.Store(settings, engine), key.keyring)
    with db.session_scope() as session:
        db.check_key(session, key.keyring, settings)
    db.use(None)
    engine.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, key: TestKey) -> Path:
    """The file of a migrated, empty SQLite store."""
    folder = tmp_path_factory.mktemp("template")
    file = folder / "minqing.db"
    _migrate(Settings(folder, f"sqlite:///{file}", key.path), key)
    return file


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """The PostgreSQL server of this test process."""
    server = PostgresqlServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgresql_template(
    postgresql_server: PostgresqlServer, tmp_path_factory: pytest.TempPathFactory, key: TestKey
) -> str:
    """The name of a migrated, empty PostgreSQL database."""
    name = postgresql_server.create()
    _migrate(Settings(tmp_path_factory.mktemp("template"), postgresql_server.url(name), key.path), key)
    return name


def _opened(settings: Settings, key: TestKey) -> Iterator[db.Store]:
    settings.attachments_dir.mkdir(parents=True)
    opened = db.Store(settings, db.engine_for(settings))
    db.use(opened, key.keyring)
    yield opened
    opened.engine.dispose()
    db.use(None)


@pytest.fixture
def sqlite_settings(sqlite_template: Path, tmp_path: Path, key: TestKey) -> Settings:
    """The settings of a migrated, empty SQLite store that nobody has opened yet."""
    folder = tmp_path / "minqing-data"
    folder.mkdir()
    shutil.copyfile(sqlite_template, folder / "minqing.db")
    return Settings(folder, f"sqlite:///{folder / 'minqing.db'}", key.path)


@pytest.fixture
def sqlite_store(sqlite_settings: Settings, key: TestKey) -> Iterator[db.Store]:
    """An open, migrated, empty store on SQLite."""
    yield from _opened(sqlite_settings, key)


@pytest.fixture
def postgresql_store(
    postgresql_server: PostgresqlServer, postgresql_template: str, tmp_path: Path, key: TestKey
) -> Iterator[db.Store]:
    """An open, migrated, empty store on PostgreSQL."""
    name = postgresql_server.create(postgresql_template)
    yield from _opened(Settings(tmp_path / "minqing-data", postgresql_server.url(name), key.path), key)
    postgresql_server.drop(name)


@pytest.fixture(params=DATABASES)
def store(request: pytest.FixtureRequest) -> db.Store:
    """An open, migrated, empty store: the test runs on SQLite and on PostgreSQL."""
    opened: db.Store = request.getfixturevalue(f"{request.param}_store")
    return opened


@pytest.fixture
def session(store: db.Store) -> Iterator[Session]:
    """A write transaction on the store, undone at the end."""
    with Session(store.engine, expire_on_commit=False) as opened:
        opened.connection(execution_options={"minqing_write": True})
        yield opened
        opened.rollback()
