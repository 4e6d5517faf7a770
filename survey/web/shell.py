"""What Streamlit's page is given on its way out: the language of the document and the watch over the session.

Owns the change of Streamlit's one HTML document. Refuses every other answer: it passes untouched. Streamlit offers no
way to add to its document, and without this a page whose session is over can only say that it reconnects.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from survey.web import languages
from survey.web.templates import asset

_LONGEST_DOCUMENT_BYTES = 262_144
# Frames of components, media and own files are no pages of their own.
_NO_DOCUMENTS = ("/component/", "/_stcore/", "/media/", "/static/", "/assets/", "/attachment/")


def completed(document: bytes, language: str) -> bytes:
    """Streamlit's document in its language, untouched by browsers' translators, with the watch over the session.

    >>> completed(b'<html lang="en"><head></head>', "zh").split(b"?")[0]
    b'<html lang="zh-CN" translate="no"><head><script src="/assets/own/session.js'
    """
    tag = "zh-CN" if language == "zh" else language
    script = f'<script src="{asset("session.js")}" defer></script></head>'
    named = document.replace(b'<html lang="en"', f'<html lang="{tag}" translate="no"'.encode(), 1)
    return named.replace(b"</head>", script.encode(), 1)


class Shell:
    """The middleware behind the gate that completes Streamlit's document."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _asks_for_document(scope):
            language = languages.asked(HTTPConnection(scope))
            await self.app(_readable(scope), receive, _Completing(send, language))
        else:
            await self.app(scope, receive, send)


def _asks_for_document(scope: Scope) -> bool:
    return (
        scope["type"] == "http"
        and scope["method"] == "GET"
        and "text/html" in Headers(scope=scope).get("accept", "")
        and not scope["path"].startswith(_NO_DOCUMENTS)
    )


def _readable(scope: Scope) -> Scope:
    """The request without what would make the answer unreadable (compression) or empty (a cached copy)."""
    dropped = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")
    kept = [pair for pair in scope["headers"] if pair[0] not in dropped]
    return {**scope, "headers": kept, "extensions": {}}


class _Completing:
    """`send` that holds back Streamlit's document until it is whole; every other answer goes through."""

    def __init__(self, send: Send, language: str) -> None:
        self._send = send
        self._language = language
        self._start: Message | None = None
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_document(message):
            self._start = message
        elif self._start is None:
            await self._send(message)
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._finish(self._start)

    async def _finish(self, start: Message) -> None:
        body = completed(bytes(self._body), self._language)
        headers = MutableHeaders(scope=start)
        headers["content-length"] = str(len(body))
        for name in ("etag", "last-modified", "accept-ranges"):
            del headers[name]
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


def _is_document(start: Message) -> bool:
    """Whether the answer is Streamlit's document: HTML from a file, not one of the own pages."""
    headers = Headers(raw=start["headers"])
    size = int(headers.get("content-length", "0"))
    return (
        start["status"] == 200
        and headers.get("content-type", "").startswith("text/html")
        and "last-modified" in headers
        and 0 < size <= _LONGEST_DOCUMENT_BYTES
    )
