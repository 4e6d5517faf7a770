"""A real PostgreSQL server for one test process: started when first asked for, stopped at the end.

Owns finding the server's programs, a free port, a data folder that is thrown away, and cheap databases
cloned from a template. Refuses to let tests pass without it: a missing server is an error, never a skip.
PostgreSQL does not run as root, so root starts it as the user postgres.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

_QUICK = (
    "-c",
    "fsync=off",
    "-c",
    "synchronous_commit=off",
    "-c",
    "full_page_writes=off",
    "-c",
    "max_connections=40",
)
# Text sorts as on a server set up in China, where ":" comes before the digits; nothing may rest on the order of bytes.
_CHINESE_ORDER = ("--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=zh-CN")
_START_SECONDS = 60
# prctl(2): the signal a process gets when its parent ends.
_PR_SET_PDEATHSIG = 1


def _stop_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


def _programs() -> Path:
    """The folder of `initdb` and `postgres`, the newest installed; fails the test when there is none."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3])
    )
    if not versions:
        pytest.fail("PostgreSQL is missing: `make test` installs it, or install the package postgresql")
    return versions[-1].parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PostgresqlServer:
    """One running server and its databases."""

    def __init__(self) -> None:
        self._programs = _programs()
        self._folder = Path(tempfile.mkdtemp(prefix="minqing-postgresql-"))
        self._user = "postgres" if os.geteuid() == 0 else None
        self._numbers = count(1)
        self.port = _free_port()
        if self._user:
            account = pwd.getpwnam(self._user)
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        data = str(self._folder / "data")
        self._run("initdb", "-D", data, "-U", "minqing", "--auth=trust", "-E", "UTF8", "-N", *_CHINESE_ORDER)
        self._process = self._start(data)
        self._await_answer()

    def _start(self, data: str) -> subprocess.Popen[bytes]:
        """The server as a child that stops with this process, even when that is killed."""
        options = ["-D", data, "-p", str(self.port), "-h", "127.0.0.1", "-k", str(self._folder), *_QUICK]
        with (self._folder / "log").open("wb") as log:
            return subprocess.Popen(
                [str(self._programs / "postgres"), *options],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                preexec_fn=_stop_with_parent,
                **self._as_user(),
            )

    def _as_user(self) -> dict[str, Any]:
        return {"user": self._user, "group": self._user, "extra_groups": []} if self._user else {}

    def _await_answer(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(self._address, connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail("PostgreSQL did not start: " + (self._folder / "log").read_text())
                time.sleep(0.05)

    @property
    def _address(self) -> str:
        return f"host=127.0.0.1 port={self.port} user=minqing dbname=postgres"

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._programs / program), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self._folder,
            **self._as_user(),
        )

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self._address, autocommit=True) as connection:
            connection.execute(statement)

    def create(self, template: str = "template0") -> str:
        """A new database, a copy of `template`; its name."""
        name = f"minqing_{next(self._numbers)}"
        self._execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
        return name

    def drop(self, name: str) -> None:
        """Throw a database away, whoever is still connected."""
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def url(self, name: str) -> str:
        """The SQLAlchemy address of a database."""
        return f"postgresql+psycopg://minqing@127.0.0.1:{self.port}/{name}"

    def stop(self) -> None:
        """Stop at once and remove the data folder."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(timeout=_START_SECONDS)
        shutil.rmtree(self._folder)
