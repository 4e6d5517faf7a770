"""Browser tests: a real server on a store of its own, and Chromium at a tablet's size that reaches nothing else.

Owns starting, killing and restarting the server, the households and people a test needs, and the tablet: its taps are
counted, any request to another host fails the test, and so does an error in a script of the page. A missing
Chromium is a failure, not a skip.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, sync_playwright

from models import Household, Post
from survey import composition, db, i18n
from survey.access import passwords
from survey.access.permissions import Actor
from survey.config import Settings
from survey.questionnaires import library
from tests import builders
from tests.conftest import TestKey

ROOT = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium"
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LANDSCAPE, PORTRAIT = (1180, 820), (800, 1280)
PASSWORD = "Zhujiang-2026-dui"
START_S = 60
HOUSE = {"latitude": 32.2101, "longitude": 106.8202, "accuracy": 12.0}


@dataclass
class Server:
    """`minqing serve` in a process of its own on a free port."""

    settings: Settings
    log: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start and wait until it answers; on the same port again after a kill."""
        if not self.port:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "survey.cli", "serve", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **self.settings.environment()},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the server did not start:\n{self.log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/health", timeout=1) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def end(self, how: signal.Signals) -> None:
        """End the whole process group and wait for it."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, how)
            self.process.wait(timeout=20)


@dataclass
class Village:
    """The people and households of the tests."""

    cadre: Actor
    username: str
    due: Household
    plain: Household


@pytest.fixture
def village(sqlite_settings: Settings, key: TestKey) -> Iterator[Village]:
    """A village head who is contact of a hardship household due today, and a household without problems."""
    settings = sqlite_settings
    settings.attachments_dir.mkdir(parents=True)
    store = db.Store(settings, db.engine_for(settings))
    db.use(store, key.keyring)
    composition.wire()
    with db.session_scope() as session:
        cadre = builders.a_cadre(
            session, Post.VILLAGE_HEAD, name="李建国", username="lijianguo", password_hash=hashed()
        )
        place = {"lat": 32.21, "lon": 106.82}
        due = builders.a_household(session, head="赵大明", housing="safe", water_source="spring", **place)
        plain = builders.a_household(session, head="钱小芳", housing="safe", water_source="piped", **place)
        builders.a_member(session, due, name="赵小宝")
        builders.a_hardship_file(session, due, category="subsistence", next_contact_on=today())
        builders.an_assignment(session, cadre, due)
        visited_on = today() - timedelta(days=40)
        builders.a_visit(session, plain, cadre, visited_on=visited_on)
        library.publish_shipped(session, builders.an_operator())
        session.expunge_all()
    yield Village(cadre, "lijianguo", due, plain)
    db.use(None)
    store.engine.dispose()


def today() -> date:
    """The township's date, as the pages reckon."""
    return i18n.local(datetime.now(UTC)).date()


def hashed() -> str:
    """The hash of everybody's password."""
    return passwords.hash_password(PASSWORD)


@pytest.fixture
def server(village: Village, sqlite_settings: Settings, tmp_path: Path) -> Iterator[Server]:
    """The running server on the village's store; the test reads the same store through `survey.db`."""
    running = Server(sqlite_settings, tmp_path / "server.log")
    running.start()
    yield running
    running.end(signal.SIGTERM)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Chromium of the system; without it the tests fail."""
    if not Path(CHROMIUM).exists():
        pytest.fail(f"{CHROMIUM} is missing: install the package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


@dataclass
class Tablet:
    """A tablet in a cadre's hand."""

    page: Page
    address: str
    taps: int = 0
    outside: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def sign_in(self, username: str, password: str = PASSWORD) -> None:
        self.page.goto(f"{self.address}/sign-in")
        self.fill_sign_in(username, password)
        self.page.locator(".mq-title").wait_for()

    def fill_sign_in(self, username: str, password: str = PASSWORD) -> None:
        self.page.fill("#username", username)
        self.page.fill("#password", password)
        self.page.click("button[type=submit]")

    def open(self, path: str) -> None:
        self.page.goto(f"{self.address}{path}")
        self.page.locator(".mq-title").wait_for()

    def tap(self, target: Locator) -> None:
        """One tap of a finger, counted; the page has answered when it returns."""
        self.taps += 1
        target.scroll_into_view_if_needed()
        target.tap()
        self.settled()

    def settled(self) -> None:
        """Wait until no rerun is running."""
        self.page.wait_for_timeout(120)
        self.page.wait_for_function(
            "() => document.querySelector('[data-testid=\"stApp\"]')?.dataset.testScriptState !== 'running'"
        )

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=re.compile(re.escape(name))).first

    def row(self, text: str) -> Locator:
        return self.page.locator('[class*="st-key-mq_row_"] button').filter(has_text=text).first

    def choice(self, question: str, answer: str) -> Locator:
        group = self.page.locator('[data-testid="stButtonGroup"]').filter(
            has=self.page.get_by_text(question, exact=True)
        )
        return group.get_by_text(answer, exact=True)

    def words(self, label: str, at: int = 0) -> Locator:
        box = self.page.locator('[data-testid="stTextArea"], [data-testid="stTextInput"]').filter(
            has=self.page.get_by_text(label, exact=True)
        )
        return box.nth(at).locator("textarea, input")

    def kept_in_browser(self) -> dict[str, str]:
        """What the pages keep in the browser's storage."""
        found: dict[str, str] = self.page.evaluate(
            "() => Object.fromEntries(Object.entries(localStorage).filter(([key]) => key.startsWith('minqing')))"
        )
        return found


Hand = Callable[..., Tablet]


@pytest.fixture
def tablet(chromium: Browser, server: Server) -> Iterator[Hand]:
    """`tablet(size)`: a tablet of that size; `granted=False` denies the position, `secure=False` is plain http."""
    contexts: list[tuple[BrowserContext, Tablet]] = []

    def handed(size: tuple[int, int] = LANDSCAPE, *, granted: bool = True, secure: bool = True) -> Tablet:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            has_touch=True,
            geolocation=HOUSE,
            permissions=["geolocation"] if granted else [],
        )
        context.set_default_timeout(20_000)
        if not secure:
            context.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false });")
        page = context.new_page()
        held = Tablet(page, server.address)

        def only_here(route: Route) -> None:
            if urlsplit(route.request.url).hostname == "127.0.0.1":
                route.continue_()
            else:
                held.outside.append(route.request.url)
                route.abort()

        def only_own_socket(socket_url: str) -> None:
            if urlsplit(socket_url).hostname != "127.0.0.1":
                held.outside.append(socket_url)

        context.route(re.compile("^https?:"), only_here)
        page.on("websocket", lambda opened: only_own_socket(opened.url))
        page.on("pageerror", lambda error: held.failures.append(str(error)))
        contexts.append((context, held))
        return held

    yield handed
    for context, _held in contexts:
        context.close()
    for _context, held in contexts:
        assert held.outside == [], "a page asked another host"
        assert held.failures == [], "a script of a page failed"
