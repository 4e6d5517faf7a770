"""Streamlit's document is completed on its way out; nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient

from survey.web.shell import Shell
from tests.web.conftest import HTML

STREAMLIT = Path(streamlit.__file__).parent / "static"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """Streamlit's own files behind the middleware, compressed as Streamlit does, with a component's frame."""
    frame = tmp_path / "component" / "x"
    frame.mkdir(parents=True)
    (frame / "index.html").write_text('<html lang="en"><head></head></html>')
    routes = [
        Mount("/component", StaticFiles(directory=tmp_path / "component")),
        Mount("/", StaticFiles(directory=STREAMLIT, html=True)),
    ]
    middleware = [Middleware(Shell), Middleware(GZipMiddleware, minimum_size=10)]
    yield TestClient(Starlette(routes=routes, middleware=middleware))


def test_the_document_of_the_installed_streamlit_gets_language_and_watch(client: TestClient) -> None:
    answer = client.get("/", headers=HTML)
    assert '<html lang="zh-CN" translate="no">' in answer.text
    assert '<script src="/assets/own/session.js?v=' in answer.text
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.text.rstrip().endswith("</html>")


def test_the_document_is_whole_even_if_the_browser_has_an_old_copy(client: TestClient) -> None:
    etag = TestClient(client.app).get("/", headers={"accept": "*/*"}).headers["etag"]
    answer = client.get("/", headers=HTML | {"if-none-match": etag})
    assert answer.status_code == 200
    assert "session.js" in answer.text


def test_an_english_page_says_so(client: TestClient) -> None:
    assert '<html lang="en" translate="no">' in client.get("/?lang=en", headers=HTML).text


@pytest.mark.parametrize("path", ["/component/x/index.html", "/manifest.json"])
def test_other_files_pass_untouched(client: TestClient, path: str) -> None:
    assert "session.js" not in client.get(path, headers=HTML).text


def test_a_program_that_asks_for_no_page_gets_the_file_as_it_is(client: TestClient) -> None:
    assert client.get("/", headers={"accept": "*/*"}).text == (STREAMLIT / "index.html").read_text()
