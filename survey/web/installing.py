"""Setting up a tablet: the page that explains it and the certificate it installs. Both are open to everybody.

Owns `/install` and `/ca.crt`. Refuses to hand out anything but the authority's public certificate.
"""

from __future__ import annotations

import segno
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from survey import db
from survey.problems import Problem
from survey.web import certificates
from survey.web.templates import page


async def install(request: Request) -> Response:
    """How to install the certificate on Android, iPad and Windows, with the address as a QR code."""
    address = f"{request.url.scheme}://{request.url.netloc}/"
    fingerprint = await run_in_threadpool(certificates.fingerprint, db.current().settings)
    code = segno.make(address, error="m").svg_data_uri(scale=6, border=3)
    return page(
        request,
        "install.html",
        address=address,
        qr=code,
        fingerprint=fingerprint,
        secure=request.url.scheme == "https" or request.url.hostname in ("localhost", "127.0.0.1", "::1"),
    )


async def certificate(_request: Request) -> Response:
    """The authority's certificate as a file; problem `web.no_certificate` where none was made."""
    path = certificates.authority_path(db.current().settings)
    if not path.exists():
        raise Problem("web.no_certificate")
    return FileResponse(path, media_type="application/x-x509-ca-cert", filename="minqing-ca.crt")
