"""What a device fetches: the list of forms, a form, its manifest, and the files and lists the manifest names.

Owns the documents and their addresses. A list of the register is written to a file before it is sent, so that neither
a slow network keeps a transaction open nor a large area fills the memory. Refuses devices that may only send, and what
`carried_forms` and `carried_lists` refuse. https://docs.getodk.org/openrosa-form-list/
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from sqlmodel import Session
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from survey import db, i18n
from survey.access import devices
from survey.access.devices import DeviceScope
from survey.access.permissions import Actor
from survey.fieldwork import carried_lists
from survey.problems import Problem
from survey.questionnaires import carried_forms, device_forms
from survey.questionnaires.carried_forms import CarriedFile, CarriedForm
from survey.web.openrosa import answers, authentication, receiving

_FORM_LIST = "http://openrosa.org/xforms/xformsList"
_MANIFEST = "http://openrosa.org/xforms/xformsManifest"
_PIECE_BYTES = 65_536


@answers.openrosa
async def form_list(request: Request) -> Response:
    """The forms the device's owner may fill in, under titles in his language; `formID` asks for one."""
    actor = await _fetching(request)
    found = await run_in_threadpool(_forms, actor, request.query_params.get("formID"))
    verbose = request.query_params.get("verbose") == "true"
    entries = "".join(_entry(request, form, verbose=verbose) for form in found)
    return answers.xml(f'<xforms xmlns="{_FORM_LIST}">{entries}</xforms>')


@answers.openrosa
async def form(request: Request) -> Response:
    """One of these forms, as a device fills it in; problem `access.not_found` for any other version."""
    actor = await _fetching(request)
    found = await run_in_threadpool(_form, request, actor)
    return Response(found.xform, headers=answers.headers(), media_type="text/xml; charset=utf-8")


@answers.openrosa
async def manifest(request: Request) -> Response:
    """The files a form needs beside it: pictures, and the lists of the register for the device's area."""
    actor = await _fetching(request)
    found = await run_in_threadpool(_manifest, request, actor)
    return answers.xml(f'<manifest xmlns="{_MANIFEST}">{found}</manifest>')


@answers.openrosa
async def media(request: Request) -> Response:
    """A picture, sound or film in the texts of a form."""
    actor = await _fetching(request)
    content = await run_in_threadpool(_media, request, actor)
    more = {"Content-Security-Policy": "default-src 'none'; sandbox"}
    return Response(content, headers=answers.headers() | more, media_type="application/octet-stream")


@answers.openrosa
async def register_list(request: Request) -> Response:
    """One list of the register as csv: the device's area alone, the columns its forms need alone."""
    actor = await _fetching(request)
    name = request.path_params["name"]
    written = await run_in_threadpool(_fetched, actor, name)
    more = {"Content-Length": str(written.size_bytes), "ETag": f'"{written.md5}"'}
    return StreamingResponse(
        _pieces(written.file),
        headers=answers.headers() | more,
        media_type="text/csv; charset=utf-8",
        background=BackgroundTask(written.file.close),
    )


async def _fetching(request: Request) -> Actor:
    """The owner of a device that may fetch; problem `devices.send_only`."""
    found = await authentication.present(request)
    if found.scope is DeviceScope.SEND_ONLY:
        raise Problem("devices.send_only")
    return found.actor


def _forms(actor: Actor, form_id: str | None) -> tuple[CarriedForm, ...]:
    with i18n.speaking(actor.language), db.reading() as session:
        return _carried(session, actor, form_id)


def _carried(session: Session, actor: Actor, form_id: str | None = None) -> tuple[CarriedForm, ...]:
    return carried_forms.forms(session, actor, i18n.today(), carried_lists.keyed(), form_id)


def _form(request: Request, actor: Actor) -> CarriedForm:
    with i18n.speaking(actor.language), db.reading() as session:
        return _asked(session, request, actor)[0]


def _asked(session: Session, request: Request, actor: Actor) -> tuple[CarriedForm, tuple[CarriedFile, ...]]:
    form_id, version = request.query_params.get("form", ""), request.query_params.get("version", "")
    return carried_forms.files(session, actor, form_id, version, i18n.today(), carried_lists.keyed())


def _media(request: Request, actor: Actor) -> bytes:
    with i18n.speaking(actor.language), db.reading() as session:
        for file in _asked(session, request, actor)[1]:
            if file.name == request.query_params.get("name"):
                return file.content
    raise Problem("access.not_found")


def _entry(request: Request, carried: CarriedForm, *, verbose: bool) -> str:
    which = {"form": carried.form_id, "version": carried.version}
    fields = {
        "formID": carried.form_id,
        "name": carried.title,
        "version": carried.version,
        "hash": f"md5:{carried.md5}",
        "downloadUrl": _address(request, "form", **which),
        "manifestUrl": _address(request, "manifest", **which),
    }
    if verbose:
        fields["descriptionText"] = carried.title
    return f"<xform>{_elements(fields)}</xform>"


def _manifest(request: Request, actor: Actor) -> str:
    with i18n.speaking(actor.language), db.reading() as session:
        carried, files = _asked(session, request, actor)
        which = {"form": carried.form_id, "version": carried.version}
        entries = [
            _file(file.name, file.md5, _address(request, "media", **which, name=file.name)) for file in files
        ]
        for name in device_forms.lists_of(carried.xform):
            if name in carried_lists.LISTS:
                with _written(session, actor, name) as written:
                    md5 = written.md5
                kind = "entityList" if carried_lists.LISTS[name].is_entity_list else ""
                entries.append(_file(f"{name}.csv", md5, _address(request, f"list/{name}.csv"), kind))
    return "".join(entries)


def _file(name: str, md5: str, address: str, kind: str = "") -> str:
    attribute = f' type="{kind}"' if kind else ""
    fields = {"filename": name, "hash": f"md5:{md5}", "downloadUrl": address}
    return f"<mediaFile{attribute}>{_elements(fields)}</mediaFile>"


def _elements(fields: dict[str, str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())


def _address(request: Request, path: str, **query: str) -> str:
    asked = f"?{urlencode(query)}" if query else ""
    return f"{request.url.scheme}://{request.url.netloc}/openrosa/{path}{asked}"


@dataclass(frozen=True)
class _Written:
    """A list written to a file, with what is said about it."""

    file: IO[bytes]
    md5: str
    size_bytes: int
    rows: int

    def __enter__(self) -> _Written:
        return self

    def __exit__(self, *_error: object) -> None:
        self.file.close()


def _fetched(actor: Actor, name: str) -> _Written:
    """A list as the device gets it, and the fact on record that it did."""
    with i18n.speaking(actor.language), db.reading() as session:
        written = _written(session, actor, name)
    try:
        with db.session_scope() as session:
            devices.record_fetch(session, actor, name, written.rows)
    except BaseException:
        written.file.close()
        raise
    return written


def _written(session: Session, actor: Actor, name: str) -> _Written:
    columns = _columns(session, actor, name)
    file = receiving.waiting_file()
    try:
        return _write(file, columns, carried_lists.items(session, actor, name, columns, i18n.today()))
    except BaseException:
        file.close()
        raise


def _columns(session: Session, actor: Actor, name: str) -> tuple[str, ...]:
    """The columns that any form of the device needs: a device holds one list for all its forms."""
    found = carried_lists.LISTS.get(name)
    texts = [carried.xform for carried in _carried(session, actor)]
    if found is None or not any(name in device_forms.lists_of(text) for text in texts):
        raise Problem("access.not_found")
    return found.chosen(device_forms.columns_of(texts, name, found.columns))


def _write(file: IO[bytes], columns: tuple[str, ...], items: Iterator[tuple[str, ...]]) -> _Written:
    digest, rows = hashlib.md5(usedforsecurity=False), 0
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\n")

    def put(cells: tuple[str, ...]) -> None:
        writer.writerow(cells)
        text = line.getvalue().encode()
        line.seek(0)
        line.truncate()
        digest.update(text)
        file.write(text)

    put(columns)
    for cells in items:
        put(cells)
        rows += 1
    size = file.tell()
    file.seek(0)
    return _Written(file, digest.hexdigest(), size, rows)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE_BYTES):
        yield piece
