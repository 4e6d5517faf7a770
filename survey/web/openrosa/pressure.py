"""How much is taken on at once, so that tablets coming home together do not stop the pages.

Owns the places for posts being received, in all and of one device, and the few threads that accept: on SQLite, where
one writes at a time, a single one that accepts what is waiting in one transaction, each filling in a savepoint of its
own; on PostgreSQL several, one filling a transaction each, since a longer one would hold locks that pages wait for.
Refuses what comes when all places are taken: `openrosa.busy`, `openrosa.too_many`.
"""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sqlmodel import Session

from survey import db
from survey.problems import Problem

T = TypeVar("T")

MOST_POSTS = 48
MOST_POSTS_OF_A_DEVICE = 6
MOST_TOGETHER = 16
_THREADS = {"sqlite": 1, "postgresql": 4}


@dataclass
class Places:
    """The places for posts; used by the event loop alone."""

    most: int = MOST_POSTS
    most_of_one: int = MOST_POSTS_OF_A_DEVICE
    _taken: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def one(self, device_id: str) -> Iterator[None]:
        """Hold a place while a post is received and accepted; problems `openrosa.busy`, `openrosa.too_many`."""
        if self._taken[device_id] >= self.most_of_one:
            raise Problem("openrosa.too_many")
        if self._taken.total() >= self.most:
            raise Problem("openrosa.busy")
        self._taken[device_id] += 1
        try:
            yield
        finally:
            self._taken[device_id] -= 1
            if not self._taken[device_id]:
                del self._taken[device_id]


@dataclass(frozen=True)
class _Job(Generic[T]):
    work: Callable[[Session], T]
    done: Future[T]


class Acceptor:
    """Threads that do the work of one store in its transactions."""

    def __init__(self, dialect: str) -> None:
        self._waiting: queue.SimpleQueue[_Job[object]] = queue.SimpleQueue()
        self._together = MOST_TOGETHER if dialect == "sqlite" else 1
        for number in range(_THREADS[dialect]):
            threading.Thread(target=self._run, name=f"acceptor-{number}", daemon=True).start()

    def hand_over(self, work: Callable[[Session], T]) -> Future[T]:
        """Have this done in a transaction; the future is resolved when that is committed."""
        job: _Job[T] = _Job(work, Future())
        self._waiting.put(job)  # type: ignore[arg-type]
        return job.done

    def _run(self) -> None:
        while True:
            jobs = [self._waiting.get()]
            while len(jobs) < self._together and not self._waiting.empty():
                jobs.append(self._waiting.get())
            _do(jobs)


def _do(jobs: list[_Job[object]]) -> None:
    """Do all in one transaction; what fails is undone alone, and nobody is told of success before the commit."""
    results: list[tuple[_Job[object], object]] = []
    failures: list[tuple[_Job[object], BaseException]] = []
    try:
        with db.session_scope() as session:
            for job in jobs:
                try:
                    with session.begin_nested():
                        results.append((job, job.work(session)))
                except Problem as problem:
                    failures.append((job, problem))
    except BaseException as failed:  # the thread must go on; each waiting request raises it
        results, failures = [], [(job, failed) for job in jobs]
    for job, error in failures:
        job.done.set_exception(error)
    for job, result in results:
        job.done.set_result(result)


PLACES = Places()
_ACCEPTORS: dict[str, Acceptor] = {}


def acceptor() -> Acceptor:
    """The threads for the kind of store that is open."""
    dialect = db.current().engine.dialect.name
    if dialect not in _ACCEPTORS:
        _ACCEPTORS[dialect] = Acceptor(dialect)
    return _ACCEPTORS[dialect]
