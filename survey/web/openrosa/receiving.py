"""A post as it arrives: its parts go to files as they come, so that no submission is ever whole in memory.

Owns reading `multipart/form-data` piece by piece, the limits of its size, parts and pace, and the files it waits in:
in memory up to a megabyte, beyond that without a name in the data folder, gone with the process. Refuses by Problem
`openrosa.*` what is no such post, what is too large and what comes too slowly.
https://docs.getodk.org/openrosa-form-submission/
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, cast

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from survey import db
from survey.problems import Problem

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

XML_PART = "xml_submission_file"
INCOMPLETE_PART = "*isIncomplete*"
MEMORY_BYTES = 1024 * 1024
IDLE_SECONDS = 30.0
LONGEST_SECONDS = 1800.0
MOST_PARTS = 256


@dataclass
class PostedPart:
    """One part of a post: its name and a file to read it from."""

    name: str
    file: IO[bytes]
    size_bytes: int = 0


@dataclass
class Post:
    """A received post; `close` gives its files back."""

    parts: list[PostedPart] = field(default_factory=list)

    @property
    def submission(self) -> PostedPart:
        """The filling; problems `openrosa.no_submission`, `openrosa.two_submissions`."""
        found = [part for part in self.parts if part.name == XML_PART]
        if not found:
            raise Problem("openrosa.no_submission")
        if len(found) > 1:
            raise Problem("openrosa.two_submissions")
        return found[0]

    @property
    def is_incomplete(self) -> bool:
        """Whether more posts of the same filling follow."""
        return any(part.name == INCOMPLETE_PART for part in self.parts)

    @property
    def attachments(self) -> list[PostedPart]:
        """The files beside the filling."""
        return [part for part in self.parts if part.name not in (XML_PART, INCOMPLETE_PART)]

    def close(self) -> None:
        """Give the files back."""
        for part in self.parts:
            part.file.close()


def waiting_file() -> IO[bytes]:
    """A file in memory up to a megabyte, beyond that in the data folder without a name: it is gone when closed."""
    folder = db.current().settings.data_dir / "incoming"
    folder.mkdir(exist_ok=True)
    return cast("IO[bytes]", tempfile.SpooledTemporaryFile(MEMORY_BYTES, dir=str(folder)))


async def read(request: Request, *, most_bytes: int) -> Post:
    """The post that a request brings.

    Problems `openrosa.not_multipart`, `openrosa.broken`, `openrosa.too_large`, `openrosa.too_slow`; whoever gets the
    post closes it.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most_bytes:
        raise Problem("openrosa.too_large", limit=most_bytes // MEMORY_BYTES)
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise Problem("openrosa.not_multipart")
    post = Post()
    try:
        await _read_into(post, options[b"boundary"], request, most_bytes)
    except BaseException:
        post.close()
        raise
    return post


async def _read_into(post: Post, boundary: bytes, request: Request, most_bytes: int) -> None:
    parts = _Parts(post)
    received = 0
    try:
        parser = MultipartParser(boundary, parts.callbacks())
        async for chunk in _paced(request):
            received += len(chunk)
            if received > most_bytes:
                raise Problem("openrosa.too_large", limit=most_bytes // MEMORY_BYTES)
            parser.write(chunk)
            if parts.is_on_disk:
                await run_in_threadpool(parts.write_pending)
            else:
                parts.write_pending()
        parser.finalize()
    except FormParserError as error:
        raise Problem("openrosa.broken") from error
    if not parts.is_ended:
        raise Problem("openrosa.broken")
    for part in post.parts:
        part.file.seek(0)


async def _paced(request: Request) -> AsyncIterator[bytes]:
    """The pieces of the body; problem `openrosa.too_slow` when none comes for a while, or it takes for ever."""
    ends = time.monotonic() + LONGEST_SECONDS
    stream = request.stream().__aiter__()
    while True:
        left = min(IDLE_SECONDS, ends - time.monotonic())
        try:
            async with asyncio.timeout(max(left, 0)):
                piece = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise Problem("openrosa.too_slow") from error
        yield piece


class _Parts:
    """What the parser calls back: it opens a file a part and collects what is to be written."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._name, self._value = bytearray(), bytearray()
        self._disposition = b""
        self._pending: list[tuple[PostedPart, bytes]] = []
        self.is_ended = False

    def callbacks(self) -> MultipartCallbacks:
        """By the parser's names."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._open,
            "on_part_data": self._data,
            "on_end": self._end,
        }

    @property
    def is_on_disk(self) -> bool:
        """Whether writing what is pending touches the disk."""
        return any(
            getattr(part.file, "_rolled", True) or part.size_bytes > MEMORY_BYTES
            for part, _content in self._pending
        )

    def write_pending(self) -> None:
        """Write what has come to the files; problem `store.disk_full`."""
        for part, content in self._pending:
            try:
                part.file.write(content)
            except OSError as error:
                raise Problem("store.disk_full") from error
        self._pending.clear()

    def _begin(self) -> None:
        self._disposition = b""

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def _open(self) -> None:
        if len(self._post.parts) >= MOST_PARTS:
            raise Problem("openrosa.broken")
        _kind, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        self._post.parts.append(PostedPart(name, waiting_file()))

    def _data(self, data: bytes, start: int, end: int) -> None:
        part = self._post.parts[-1]
        part.size_bytes += end - start
        self._pending.append((part, data[start:end]))

    def _end(self) -> None:
        self.is_ended = True
