"""Serving the application: a prepared store, the right flags, the addresses to open.

Owns Streamlit's flags, the first start on an empty store, HTTPS and the sentence that tells where to go.
Refuses a port that is taken and half a certificate. Streamlit runs inside this process, as
`streamlit run app.py` would, so that stopping or killing the process leaves nothing behind.
"""

from __future__ import annotations

import os
import runpy
import signal
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from survey import composition, db, i18n, opening
from survey.access import accounts
from survey.access.permissions import Actor
from survey.config import Settings
from survey.i18n import gettext as _
from survey.i18n import speaking
from survey.problems import Problem
from survey.questionnaires import attachment_files
from survey.web import certificates

DEFAULT_PORT = 8501
_HEALTH_PATH = "/health"
_START_SECONDS = 60.0
_LOCAL = ("127.0.0.1", "::1", "localhost")
# The event loop sends a page's messages one by one, and waits for the interpreter lock before each while others' pages
# are drawn: with Python's own 5 ms the p95 of fifty sessions is a third longer.
_SWITCH_SECONDS = 0.0005
_CARD_ADDRESS = 0x8915  # SIOCGIFADDR

# Why each: see docs/settings.md. `.streamlit/config.toml` holds the same for whoever runs Streamlit by hand.
FLAGS = {
    "runner.postScriptGC": "false",
    "runner.magicEnabled": "false",
    "server.fileWatcherType": "none",
    "server.runOnSave": "false",
    "server.headless": "true",
    "server.maxUploadSize": "40",
    "server.enableStaticServing": "false",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    "client.showSidebarNavigation": "false",
    "client.showErrorLinks": "false",
    "logger.hideWelcomeMessage": "true",
    "theme.base": "light",
    "theme.primaryColor": "#9b2c1f",
    "theme.backgroundColor": "#fffdfa",
    "theme.secondaryBackgroundColor": "#f4f0e9",
    "theme.textColor": "#1f2421",
    "theme.borderColor": "#cfc8bc",
    "theme.baseRadius": "0.6rem",
    "theme.font": "'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', 'Noto Sans SC', sans-serif",
}


@dataclass(frozen=True)
class Listening:
    """Where to listen; `certificate` and `private_key` are given together and mean HTTPS."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    https: bool = False
    certificate: Path | None = None
    private_key: Path | None = None

    @property
    def is_https(self) -> bool:
        return self.https or self.certificate is not None

    @property
    def is_on_every_card(self) -> bool:
        return self.host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound

    def addresses(self) -> tuple[str, ...]:
        """The addresses a browser opens: this machine's own ones for a listener on all cards."""
        scheme = "https" if self.is_https else "http"
        return tuple(f"{scheme}://{_bracketed(name)}:{self.port}" for name in self.host_names())

    def host_names(self) -> tuple[str, ...]:
        """Addresses by which this machine is reached, the local one first."""
        if not self.is_on_every_card:
            return (self.host,)
        return ("127.0.0.1", *own_addresses())

    def certificate_names(self) -> tuple[str, ...]:
        """What a certificate of its own should hold for: its addresses and, on every card, its names too."""
        return (*self.host_names(), *own_names()) if self.is_on_every_card else self.host_names()


@dataclass(frozen=True)
class FirstAccount:
    """The administrator made on the first start, with the password that is shown once."""

    username: str
    password: str


def own_addresses() -> tuple[str, ...]:
    """The machine's IPv4 addresses on its networks, found without sending anything; the usual way out first."""
    found = [*_address_on_the_way_out(), *_addresses_by_name(), *_addresses_by_card()]
    return tuple(dict.fromkeys(address for address in found if not address.startswith("127.")))


def own_names() -> tuple[str, ...]:
    """The machine's name, alone and as its network announces it."""
    name = socket.gethostname().lower()
    return (name, f"{name.split('.')[0]}.local")


def _address_on_the_way_out() -> list[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("10.255.255.255", 1))  # a datagram socket only looks up the route
        except OSError:
            return []
        return [str(probe.getsockname()[0])]


def _addresses_by_name() -> list[str]:
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    except OSError:
        return []  # a machine need not know its own name


def _addresses_by_card() -> list[str]:
    """The address of every network card, where the system tells (Linux: netdevice(7), SIOCGIFADDR)."""
    if sys.platform != "linux":
        return []
    import fcntl

    found: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _number, card in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(probe, _CARD_ADDRESS, struct.pack("256s", card.encode()[:15]))
            except OSError:
                continue  # a card without an address
            found.append(socket.inet_ntoa(answer[20:24]))
    return found


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def prepare(settings: Settings, actor: Actor) -> FirstAccount | None:
    """Open or make the store, fill in what is shipped; the first administrator when one was made."""
    with opening.opened(settings, create=True):
        with db.session_scope() as session:
            composition.prepare_store(session, actor)
            made = accounts.create_first_administrator(session, actor, on=i18n.today())
        attachment_files.remove_unnamed()
    return FirstAccount(*made) if made else None


def serve(settings: Settings, listening: Listening, actor: Actor, say: Callable[[str], None]) -> None:
    """Serve until stopped. Problems `serve.no_host`, `serve.port_taken`, `serve.no_address`,
    `serve.certificate_pair`, `web.host_outside`, and those of `opening.open_store`.
    """
    _refuse_taken(listening)
    first = prepare(settings, actor)
    arguments = command_line(settings, listening)
    if first:
        _announce_account(first, say)
    if listening.https and listening.certificate is None:
        _announce_authority(settings, listening, say)
    os.environ.update(settings.environment())
    watcher = threading.Thread(target=_announce_when_healthy, args=(listening, say), daemon=True)
    watcher.start()
    _send_without_delay()
    sys.setswitchinterval(_SWITCH_SECONDS)
    sys.argv = arguments
    # The server shuts down first and then hands the signal on: end quietly instead of with "Aborted".
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, _end)
    try:
        runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if ended.code not in (None, 0):
            raise
    say(_("Stopped."))


def _send_without_delay() -> None:
    """Set TCP_NODELAY on the listening socket, whose connections inherit it.

    asyncio does so only for sockets made with an explicit protocol number, and Streamlit makes its own without one:
    each rerun's last packet would wait some 40 ms for the browser's acknowledgement.
    """
    from streamlit.web.server.starlette import starlette_server

    bind = starlette_server._bind_socket

    def bound(address: str, port: int, backlog: int) -> socket.socket:
        listening = bind(address, port, backlog)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening

    starlette_server._bind_socket = bound


def _end(_signal: int, _frame: object) -> None:
    raise SystemExit(0)


def command_line(settings: Settings, listening: Listening) -> list[str]:
    """Streamlit's command line, with every flag set."""
    flags = FLAGS | {"server.address": listening.host, "server.port": str(listening.port)}
    if listening.is_https:
        certificate, private_key = _certificate(settings, listening)
        flags |= {"server.sslCertFile": str(certificate), "server.sslKeyFile": str(private_key)}
    return ["streamlit", "run", str(script()), *(f"--{name}={value}" for name, value in flags.items())]


def script() -> Path:
    """The file of the application."""
    found = find_spec("app")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("app")
    return Path(found.origin)


def _certificate(settings: Settings, listening: Listening) -> tuple[Path, Path]:
    given = (listening.certificate, listening.private_key)
    if given == (None, None):
        return certificates.ensure(settings, _certified(settings, listening))
    certificate, private_key = given
    if certificate is None or private_key is None:
        raise Problem("serve.certificate_pair")
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, private_key)
    except OSError as error:
        raise Problem("serve.certificate_pair") from error
    return certificate, private_key


def _certified(settings: Settings, listening: Listening) -> tuple[str, ...]:
    """What the certificate is made for: the host named, or of a listener on every card all that it may hold for.

    Problem `web.host_outside` when that is nothing a tablet could open.
    """
    names = listening.certificate_names()
    if not listening.is_on_every_card:
        return names
    covered = certificates.covered(settings, names)
    if set(covered) <= {"127.0.0.1"}:
        raise Problem("web.host_outside", host=names[-1])
    return covered


def _refuse_taken(listening: Listening) -> None:
    if not listening.host.strip():
        raise Problem("serve.no_host")
    family = socket.AF_INET6 if ":" in listening.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listening.host, listening.port))
        except socket.gaierror as error:
            raise Problem("serve.no_address", host=listening.host) from error
        except OSError as error:
            if error.errno is not None and "assign" in str(error).lower():
                raise Problem("serve.no_address", host=listening.host) from error
            raise Problem("serve.port_taken", port=listening.port) from error


def _announce_account(first: FirstAccount, say: Callable[[str], None]) -> None:
    for language in ("zh", "en"):
        with speaking(language):
            say(
                _(
                    "The first administrator: user name {username}, one-time password {password} (shown only now)",
                    username=first.username,
                    password=first.password,
                )
            )


def _announce_authority(settings: Settings, listening: Listening, say: Callable[[str], None]) -> None:
    """Where a tablet gets the certificate, the fingerprint by which to know it, and where it does not hold."""
    names = listening.certificate_names()
    covered = certificates.covered(settings, names)
    outside = [name for name in names if name not in covered]
    opened = [name for name in covered if name not in _LOCAL] or list(covered)
    address = f"https://{_bracketed(opened[0])}:{listening.port}/install"
    fingerprint = certificates.fingerprint(settings) or ""
    for language in ("zh", "en"):
        with speaking(language):
            say(_("Set up each tablet once at {address}", address=address))
            say(_("Fingerprint of the certificate (SHA-256): {fingerprint}", fingerprint=fingerprint))
            if outside:
                say(
                    _(
                        "The certificate does not hold for {hosts}: browsers will refuse these addresses.",
                        hosts=", ".join(outside),
                    )
                )


def _announce_when_healthy(listening: Listening, say: Callable[[str], None]) -> None:
    if not _is_healthy(listening):
        return
    addresses = "  ".join(listening.addresses())
    for language in ("zh", "en"):
        with speaking(language):
            say(_("Open {addresses} in a browser. Stop with Ctrl+C.", addresses=addresses))


def _is_healthy(listening: Listening) -> bool:
    """Wait until the server answers, at most a minute."""
    unchecked = ssl.create_default_context()
    unchecked.check_hostname = False
    unchecked.verify_mode = ssl.CERT_NONE  # it asks its own server, whose certificate may be for other names
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            address = listening.addresses()[0] + _HEALTH_PATH
            with urllib.request.urlopen(address, timeout=2, context=unchecked):  # noqa: S310 - our own address
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    return False
