"""Who sends a request: a device that names itself by HTTP authentication in every request.

Owns Basic, under HTTPS alone, and the OpenRosa subset of Digest (MD5, `qop` auth or none). The user name is the
device's number, the password its token. Refuses session cookies: a browser's session opens nothing here.
https://docs.getodk.org/openrosa-authentication/, RFC 7617, RFC 2617 section 3
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from survey import crypto, db, i18n
from survey.access import devices
from survey.access.devices import REALM, Presence, Proof
from survey.problems import Problem

_NONCE_SECONDS = 12 * 3600
_NONCE_LABEL = "openrosa.nonce"
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_log = logging.getLogger(__name__)


async def present(request: Request) -> Presence:
    """Who sends the request, with the language of the answer set to his.

    Problems `openrosa.name_yourself`, `openrosa.not_secure`, `openrosa.stale`, and those of `devices.authenticate`.
    """
    found = await run_in_threadpool(_present, request, datetime.now(UTC))
    i18n.use(found.actor.language)
    return found


def _present(request: Request, now: datetime) -> Presence:
    header = request.headers.get("authorization", "")
    scheme, _space, rest = header.partition(" ")
    if scheme.lower() == "basic":
        device_id, token = _basic(request, rest)

        def proves(proof: Proof) -> bool:
            return devices.is_token(token, proof)

    elif scheme.lower() == "digest":
        given = parameters(rest)
        device_id = given.get("username", "")
        _check_nonce(given.get("nonce", ""))

        def proves(proof: Proof) -> bool:
            return _is_digest(request, given, proof)

    else:
        raise Problem("openrosa.name_yourself")
    with db.reading() as session:
        found = devices.authenticate(session, device_id, proves, now=now)
    if found.seen_at is None or now - found.seen_at >= devices.TOUCH_EVERY:
        _remember(device_id, now)
    return found


def _remember(device_id: str, now: datetime) -> None:
    """Write the moment of the contact; where that is not possible (full disk, busy store) the device still gets in."""
    try:
        with db.session_scope() as session:
            devices.touch(session, device_id, now=now)
    except Problem as problem:
        _log.warning("the contact of a device was not written: %s", problem.code)


def challenges(request: Request, problem: Problem) -> Iterator[str]:
    """The ways in which a device may name itself on this connection."""
    stale = ", stale=true" if problem.code == "openrosa.stale" else ""
    yield (
        f'Digest realm="{REALM}", domain="/openrosa/", qop="auth", algorithm=MD5, nonce="{a_nonce()}"{stale}'
    )
    if _is_secure(request):
        yield f'Basic realm="{REALM}", charset="UTF-8"'


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"


def _basic(request: Request, text: str) -> tuple[str, str]:
    if not _is_secure(request):
        raise Problem("openrosa.not_secure")
    try:
        decoded = base64.b64decode(text.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Problem("devices.unknown") from error
    device_id, _colon, token = decoded.partition(":")
    return device_id, token


def parameters(text: str) -> Mapping[str, str]:
    """The parameters of an authentication header.

    >>> parameters('username="a", nc=00000001, uri="/x?a=b,c"')
    {'username': 'a', 'nc': '00000001', 'uri': '/x?a=b,c'}
    """
    return {
        found[1].lower(): re.sub(r"\\(.)", r"\1", found[2]) if found[2] is not None else found[3]
        for found in _PARAMETER.finditer(text)
    }


def a_nonce(at: float | None = None) -> str:
    """A value that only this store makes, and by which it knows how old it is."""
    moment = f"{int(time.time() if at is None else at):x}"
    return f"{moment}.{crypto.current().look_up_hash(_NONCE_LABEL, moment)[:32]}"


def _check_nonce(nonce: str) -> None:
    moment, _dot, sealed = nonce.partition(".")
    expected = crypto.current().look_up_hash(_NONCE_LABEL, moment)[:32]
    if not re.fullmatch(r"[0-9a-f]{1,12}", moment) or not hmac.compare_digest(
        sealed.encode(), expected.encode()
    ):
        raise Problem("openrosa.stale")
    if not 0 <= time.time() - int(moment, 16) <= _NONCE_SECONDS:
        raise Problem("openrosa.stale")


def _is_digest(request: Request, given: Mapping[str, str], proof: Proof) -> bool:
    uri = given.get("uri", "")
    if uri != _target(request) or given.get("realm") != REALM:
        return False
    second = _md5(f"{request.method}:{uri}")
    if given.get("qop") == "auth":
        middle = f"{given.get('nonce')}:{given.get('nc')}:{given.get('cnonce')}:auth"
    elif "qop" not in given:
        middle = str(given.get("nonce"))
    else:
        return False
    expected = _md5(f"{proof.digest_hash}:{middle}:{second}")
    return hmac.compare_digest(expected.encode(), given.get("response", "").lower().encode())


def _target(request: Request) -> str:
    """The address as it stood in the request."""
    path = request.scope.get("raw_path") or request.scope["path"].encode()
    query = request.scope["query_string"]
    return str((path.split(b"?")[0] + (b"?" + query if query else b"")).decode("latin-1"))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
