"""Fillings that come in: `/openrosa/submission`, asked first by HEAD, then posted with their files.

Owns turning a received post into one call of `submissions.accept` and one of `delivered_files.attach`, in one
transaction, and the status that answers it: 201 for a whole filling, 202 where more of its files follow. Refuses, by
their problems, what these services refuse, and answers that are too long to be read.
https://docs.getodk.org/openrosa-form-submission/
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO
from xml.parsers import expat

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from survey import i18n
from survey.access.permissions import Actor
from survey.i18n import gettext as _
from survey.problems import Problem
from survey.questionnaires import delivered_files, submissions
from survey.questionnaires.delivered_files import Delivered, DeliveredFile
from survey.questionnaires.submissions import Delivery, SubmissionSource
from survey.web.openrosa import answers, authentication, pressure, receiving
from survey.web.openrosa.receiving import Post, PostedPart

MOST_XML_BYTES = receiving.MEMORY_BYTES
_PIECE_BYTES = 65_536


@dataclass(frozen=True)
class _Outcome:
    already: bool
    files: Delivered


@answers.openrosa
async def ask(request: Request) -> Response:
    """Whether this device may hand in fillings, and how large a post should be."""
    await authentication.present(request)
    return Response(status_code=204, headers=answers.headers())


@answers.openrosa
async def submit(request: Request) -> Response:
    """Take in a filling with its files; the same again changes nothing."""
    found = await authentication.present(request)
    with pressure.PLACES.one(found.actor.device):
        post = await receiving.read(request, most_bytes=answers.most_bytes())
        try:
            outcome = await _accepted(found.actor, post)
        finally:
            post.close()
    return answers.message(_said(outcome, post), status=202 if post.is_incomplete else 201)


async def _accepted(actor: Actor, post: Post) -> _Outcome:
    xml = read_xml(post.submission)
    files = [DeliveredFile(part.name, part.file) for part in post.attachments]
    delivery = Delivery(xml, SubmissionSource.OPENROSA, datetime.now(UTC), actor.device)

    def accept(session: Session) -> _Outcome:
        with i18n.speaking(actor.language):
            accepted = submissions.accept(session, actor, delivery)
            kept = delivered_files.attach(session, actor, accepted.instance_id, files)
        return _Outcome(accepted.already, kept)

    return await asyncio.wrap_future(pressure.acceptor().hand_over(accept))


def read_xml(part: PostedPart) -> str:
    """The filling as text; problems `openrosa.answers_too_large` (naming the longest answer), `openrosa.not_utf8`."""
    if part.size_bytes > MOST_XML_BYTES:
        limit = MOST_XML_BYTES // 1024 // 1024
        raise Problem("openrosa.answers_too_large", limit=limit, question=longest_answer(part.file))
    try:
        return part.file.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Problem("openrosa.not_utf8") from error


def longest_answer(file: IO[bytes]) -> str:
    """The element with the longest text, found piece by piece; a dash where the text is no XML that far."""
    longest, name = 0, "—"
    path: list[tuple[str, int]] = []
    parser = expat.ParserCreate()

    def begin(element: str, _attributes: object) -> None:
        path.append((element, 0))

    def text(data: str) -> None:
        element, length = path[-1]
        path[-1] = (element, length + len(data))

    def end(_element: str) -> None:
        nonlocal longest, name
        element, length = path.pop()
        if length > longest:
            longest, name = length, element

    parser.StartElementHandler, parser.CharacterDataHandler, parser.EndElementHandler = begin, text, end
    try:
        while piece := file.read(_PIECE_BYTES):
            parser.Parse(piece, False)
    except expat.ExpatError:
        pass  # it is refused for its length; until there the longest answer is known
    open_longest = max(path, key=lambda entry: entry[1], default=("", 0))
    return open_longest[0] if open_longest[1] > longest else name


def _said(outcome: _Outcome, post: Post) -> str:
    """What the person at the tablet reads."""
    if post.is_incomplete:
        return _("Received; more photos follow.")
    sentences = [
        _("Received before; nothing changed.") if outcome.already else _("Received and kept. Thank you.")
    ]
    if outcome.files.missing:
        names = ", ".join(outcome.files.missing)
        sentences.append(_("These photos did not arrive: {names}", names=names))
    if outcome.files.stray:
        names = ", ".join(outcome.files.stray)
        sentences.append(_("These photos belong to no question and were kept with it: {names}", names=names))
    return " ".join(sentences)
