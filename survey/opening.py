"""Opening a store from outside: settings → key → engine → upgrade → the process's store.

Owns the order of these steps for the application and the command line. Refuses a store without its key or
with another's, a damaged or unreachable database, and (unless told to create one) a store that does not
exist. Two processes may open the same new store at once: one makes its key and tables, the other uses them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from survey import backups, crypto, db, restoring, upgrades
from survey.config import Settings, settings_from
from survey.problems import Problem

_KEY_SECONDS = 2.0


def open_from_environment() -> db.Store:
    """Open the store the environment names, as the application does at its start."""
    return open_store(settings_from(), create=True)


def open_store(settings: Settings, *, create: bool = False) -> db.Store:
    """Open a store and make it the process's; its tables fit the program afterwards.

    An interrupted restore is finished or undone first; an older store is backed up and upgraded. Problems
    `store.missing`, `store.no_key`, `store.wrong_key`, `store.key_unreadable`, `store.newer`,
    `store.damaged`, `store.unreachable`, `store.bad_address`, `store.none_at_address`, `store.read_only`,
    `store.disk_full`.
    """
    with _clear_words(settings):
        engine = _engine(settings, create=create)
        try:
            keyring = _keyring(settings, engine, create=create)
            store = db.Store(settings, engine)
            upgrades.upgrade(engine, before=lambda found: _back_up(store, found))
            db.use(store, keyring)
            _check_key(keyring, settings)
        except BaseException:
            db.use(None)
            engine.dispose()
            raise
    return store


@contextmanager
def opened(settings: Settings, *, create: bool = False) -> Iterator[db.Store]:
    """The open store for the time of the block."""
    store = open_store(settings, create=create)
    try:
        yield store
    finally:
        close()


def close() -> None:
    """Let go of the process's store and its connections."""
    store = db.current()
    db.use(None)
    store.engine.dispose()


@contextmanager
def database(settings: Settings) -> Iterator[sa.Engine]:
    """The bare database of an existing store, without its key (backup); problems as of `open_store`."""
    with _clear_words(settings):
        engine = _engine(settings, create=False)
        try:
            if _revision(engine) is None:
                raise _missing(settings)
            yield engine
        finally:
            engine.dispose()


def exists(settings: Settings) -> bool:
    """Whether there is a store at the place the settings name."""
    with _clear_words(settings):
        engine = db.engine_for(settings)
        if settings.is_sqlite and not _file(settings).exists():
            return False
        try:
            return _revision(engine) is not None
        finally:
            engine.dispose()


def _file(settings: Settings) -> Path:
    return Path(sa.make_url(settings.database_url).database or "")


def _missing(settings: Settings) -> Problem:
    """That there is no store, naming the place that was looked at: the data folder, or the address given."""
    if settings.is_sqlite and _file(settings) == settings.data_dir / "minqing.db":
        return Problem("store.missing", path=settings.data_dir)
    return Problem("store.none_at_address", address=_where(settings))


def _revision(engine: sa.Engine) -> str | None:
    with engine.connect() as connection:
        return upgrades.revision_of(connection)


def _engine(settings: Settings, *, create: bool) -> sa.Engine:
    engine = db.engine_for(settings)  # refuses a wrong address before anything is made
    if settings.data_dir.is_dir():
        restoring.settle(settings)
    if settings.is_sqlite and not _file(settings).exists() and not create:
        raise _missing(settings)
    if create:
        _make_folder(settings.data_dir)
        settings.attachments_dir.mkdir(exist_ok=True)
    return engine


def _make_folder(folder: Path) -> None:
    """The data folder, closed to other users of the machine; one with content keeps what its owner chose."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not any(folder.iterdir()):
        folder.chmod(0o700)


def _keyring(settings: Settings, engine: sa.Engine, *, create: bool) -> crypto.Keyring:
    """The store's key; a new one is made only for a store that has no tables yet."""
    if _revision(engine) is not None or settings.key_path.exists():
        return _load_key(settings.key_path)
    if not create:
        raise _missing(settings)
    try:
        return crypto.create_key(settings.key_path)
    except FileExistsError:
        return _load_key(settings.key_path)


def _load_key(path: Path) -> crypto.Keyring:
    """The key of a file that another process may just be writing."""
    deadline = time.monotonic() + _KEY_SECONDS
    while True:
        try:
            return crypto.load_key(path)
        except Problem:
            being_written = path.exists() and path.stat().st_size == 0
            if not being_written or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _check_key(keyring: crypto.Keyring, settings: Settings) -> None:
    with db.reading() as session:
        if db.fact(session, db.KEY_FACT) is not None:
            db.check_key(session, keyring, settings)
            return
    with db.session_scope() as session:
        upgrades.wait_for_turn(session.connection())
        db.check_key(session, keyring, settings)


def _back_up(store: db.Store, revision: str) -> None:
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    folder = store.settings.data_dir / "backups"
    folder.mkdir(parents=True, exist_ok=True)
    backups.write(store.engine, store.settings, folder / f"before-upgrade-of-{revision}-{stamp}.zip")


@contextmanager
def _clear_words(settings: Settings) -> Iterator[None]:
    """Failures of the folder or the database as problems that name the remedy."""
    where = _where(settings)
    try:
        yield
    except OperationalError as error:
        raise _as_problem(error, where) from error
    except DatabaseError as error:
        raise Problem("store.damaged", path=where) from error
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise Problem("store.no_folder", path=error.filename or settings.data_dir) from error


def _as_problem(error: OperationalError, where: str) -> Exception:
    known = db.as_problem(error)
    if isinstance(known, Problem):
        return known
    return Problem("store.unreachable", path=where)


def _where(settings: Settings) -> str:
    """The database in force, without its password."""
    try:
        address = sa.make_url(settings.database_url)
    except (ArgumentError, ValueError):
        return "DATABASE_URL"
    return address.database or "" if settings.is_sqlite else address.render_as_string(hide_password=True)
