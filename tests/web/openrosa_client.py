"""A tablet for tests: it sends what ODK Collect sends, in its order, with its headers, and keeps what it is given.

It challenges first and then names itself by Digest over HTTP, by Basic over HTTPS, as that client does.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree

import httpx
from starlette.testclient import TestClient

from survey.access.devices import Issued

LIST = "{http://openrosa.org/xforms/xformsList}"
MANIFEST = "{http://openrosa.org/xforms/xformsManifest}"
RESPONSE = "{http://openrosa.org/http/response}"
BOUNDARY = "5b6bd8a8-0f9a-4f6c-9c0e-1c2f3a4b5c6d"

Part = tuple[str, bytes, str]


def md5(content: bytes | str) -> str:
    data = content.encode() if isinstance(content, str) else content
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def body(xml: str | bytes, files: Sequence[Part] = (), *, incomplete: bool = False) -> bytes:
    """A post as the client builds it."""
    data = xml.encode() if isinstance(xml, str) else xml
    parts: list[Part] = [("xml_submission_file", data, "text/xml"), *files]
    if incomplete:
        parts.append(("*isIncomplete*", b"yes", ""))
    return b"".join(map(_part, parts)) + f"--{BOUNDARY}--\r\n".encode()


def _part(part: Part) -> bytes:
    name, content, kind = part
    file = f'; filename="{name}"' if kind else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n'
    head += f"Content-Type: {kind}\r\n" if kind else ""
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content + b"\r\n"


@dataclass
class Tablet:
    """One device; `answers` are all it got, in order."""

    http: TestClient | httpx.Client
    device_id: str
    token: str
    answers: list[httpx.Response] = field(default_factory=list)
    _challenge: Mapping[str, str] = field(default_factory=dict)
    _count: int = 0

    @classmethod
    def of(cls, http: TestClient | httpx.Client, issued: Issued) -> Tablet:
        return cls(http, issued.device.id, issued.token)

    def send(self, method: str, address: str, **request: object) -> httpx.Response:
        """A request, and again with proof when it is asked for, once."""
        answer = self._once(method, address, **request)
        if answer.status_code == 401:
            self._learn(answer)
            answer = self._once(method, address, **request)
        self.answers.append(answer)
        return answer

    def _once(self, method: str, address: str, **request: object) -> httpx.Response:
        headers = {"x-openrosa-version": "1.0", "date": "Tue, 24 Nov 2026 08:00:00 GMT", "accept": "*/*"}
        headers |= request.pop("headers", {})  # type: ignore[arg-type]
        url = self.http.base_url.join(address)
        if self._challenge:
            headers["authorization"] = self._proof(method, url)
        return self.http.request(method, url, headers=headers, **request)  # type: ignore[arg-type]

    def _learn(self, answer: httpx.Response) -> None:
        for challenge in answer.headers.get_list("www-authenticate"):
            scheme, _space, rest = challenge.partition(" ")
            if scheme == "Basic" and answer.request.url.scheme == "https":
                self._challenge = {"scheme": "basic"}
                return
            self._challenge = dict(re.findall(r'(\w+)="([^"]*)"', rest))

    def _proof(self, method: str, url: httpx.URL) -> str:
        if self._challenge.get("scheme") == "basic":
            return "Basic " + base64.b64encode(f"{self.device_id}:{self.token}".encode()).decode()
        self._count += 1
        uri, nonce, realm = url.raw_path.decode(), self._challenge["nonce"], self._challenge["realm"]
        count, cnonce = f"{self._count:08x}", "7d1f0c4be2a94f35"
        first = md5(f"{self.device_id}:{realm}:{self.token}")
        response = md5(f"{first}:{nonce}:{count}:{cnonce}:auth:{md5(f'{method}:{uri}')}")
        return (
            f'Digest username="{self.device_id}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
            f'response="{response}", qop=auth, nc={count}, cnonce="{cnonce}", algorithm=MD5'
        )

    def form_list(self, query: str = "") -> list[dict[str, str]]:
        """The forms offered, by the names of their elements."""
        answer = self.send("GET", f"/openrosa/formList{query}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "text/xml; charset=utf-8"
        return [_fields(entry, LIST) for entry in ElementTree.fromstring(answer.content).iter(f"{LIST}xform")]

    def manifest(self, entry: Mapping[str, str]) -> list[dict[str, str]]:
        """The files of a form."""
        answer = self.send("GET", entry["manifestUrl"])
        assert answer.status_code == 200, answer.text
        top = ElementTree.fromstring(answer.content)
        assert top.tag == f"{MANIFEST}manifest"
        return [_fields(file, MANIFEST) | dict(file.attrib) for file in top]

    def ask(self) -> httpx.Response:
        """What the client asks before it sends."""
        return self.send("HEAD", f"/openrosa/submission?deviceID=collect%3A{self.device_id}")

    def post(self, content: bytes, **headers: str) -> httpx.Response:
        """One post, as `body` builds it."""
        kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
        address = f"/openrosa/submission?deviceID=collect%3A{self.device_id}"
        return self.send("POST", address, content=content, headers=kind | headers)

    def hand_in(
        self, xml: str | bytes, files: Sequence[Part] = (), *, incomplete: bool = False
    ) -> httpx.Response:
        """Ask and post, as the client does for every filling."""
        assert self.ask().status_code == 204
        return self.post(body(xml, files, incomplete=incomplete))


def said(answer: httpx.Response) -> str:
    """The sentence that the client shows."""
    top = ElementTree.fromstring(answer.content)
    assert top.tag == f"{RESPONSE}OpenRosaResponse"
    return top.findtext(f"{RESPONSE}message") or ""


def _fields(element: ElementTree.Element, namespace: str) -> dict[str, str]:
    return {child.tag.removeprefix(namespace): child.text or "" for child in element}
