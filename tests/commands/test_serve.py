"""`minqing serve` as a process: the first start, the addresses, the flags, HTTPS, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from sqlmodel import select
from streamlit.web.server.starlette import starlette_server

from models import Cadre, Posting
from survey import cli, db, opening, serving
from survey.config import Settings
from survey.problems import Problem
from survey.web import certificates

ROOT = Path(__file__).parent.parent.parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _serving(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = _free_port()
    command = [sys.executable, "-m", "survey.cli", "serve", "--port", str(port), *options]
    environment = {
        **os.environ,
        "MINQING_DATA": str(folder / "data"),
        "MINQING_KEY": str(folder / "minqing.key"),
        "MINQING_LANGUAGE": "en",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }
    with (folder / "stderr").open("w") as errors:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        yield process, port
    finally:
        process.kill()
        process.wait()


def _until(process: subprocess.Popen[str], words: str) -> list[str]:
    """The lines printed up to the one with these words; the process ending first fails the test."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return lines
    raise AssertionError(f"ended without {words!r}: {lines}")


def _health(address: str, context: ssl.SSLContext | None = None) -> object:
    with urllib.request.urlopen(address + "/health", timeout=10, context=context) as answer:
        return json.load(answer)


@pytest.mark.timeout(120)
def test_the_first_start_makes_a_store_and_one_administrator_whose_password_is_printed(
    tmp_path: Path,
) -> None:
    with _serving(tmp_path) as (process, port):
        printed = "".join(_until(process, f"Open http://127.0.0.1:{port} in a browser"))
        assert _health(f"http://127.0.0.1:{port}") == {"status": "ok"}
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    assert f"用浏览器打开 http://127.0.0.1:{port}" in printed
    password = re.search(r"one-time password (\S+)", printed)
    assert password is not None
    assert "Traceback" not in (tmp_path / "stderr").read_text()
    data = tmp_path / "data"
    with (
        opening.opened(Settings(data, f"sqlite:///{data / 'minqing.db'}", tmp_path / "minqing.key")),
        db.reading() as session,
    ):
        administrator = session.exec(select(Cadre)).one()
        assert administrator.must_change_password
        assert password[1] not in administrator.password_hash
        assert {posting.post for posting in session.exec(select(Posting))} == {"administrator"}
    with _serving(tmp_path) as (process, port):
        again = "".join(_until(process, "in a browser"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    assert "password" not in again


@pytest.mark.timeout(120)
def test_https_serves_with_a_certificate_of_its_own_authority(tmp_path: Path) -> None:
    with _serving(tmp_path, "--https") as (process, port):
        _until(process, f"Open https://127.0.0.1:{port} in a browser")
        data = tmp_path / "data"
        settings = Settings(data, f"sqlite:///{data / 'minqing.db'}", tmp_path / "minqing.key")
        trusting = ssl.create_default_context(cafile=str(certificates.authority_path(settings)))
        assert _health(f"https://127.0.0.1:{port}", trusting) == {"status": "ok"}


def test_a_port_in_use_is_told_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINQING_LANGUAGE", "en")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert cli.run(["serve", "--port", str(port), "--data", str(tmp_path / "data")]) == 2
    assert f"The port {port} is in use." in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_an_address_that_is_not_ours_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "serve",
        "--host",
        "192.0.2.1",
        "--port",
        str(_free_port()),
        "--data",
        str(tmp_path / "data"),
    ]
    assert cli.run(arguments) == 2
    assert "192.0.2.1" in capsys.readouterr().err


def test_half_a_certificate_and_a_wrong_one_are_refused(sqlite_settings: Settings, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate")
    for listening in (
        serving.Listening(certificate=wrong),
        serving.Listening(certificate=wrong, private_key=wrong),
        serving.Listening(certificate=tmp_path / "none", private_key=tmp_path / "none"),
        serving.Listening(private_key=wrong, https=True),
    ):
        with pytest.raises(Problem) as refused:
            serving.command_line(sqlite_settings, listening)
        assert refused.value.code == "serve.certificate_pair"


def test_a_given_certificate_is_used(sqlite_settings: Settings) -> None:
    certificate, private_key = certificates.ensure(sqlite_settings, ("127.0.0.1",))
    given = serving.Listening(certificate=certificate, private_key=private_key)
    arguments = serving.command_line(sqlite_settings, given)
    assert f"--server.sslCertFile={certificate}" in arguments
    assert given.addresses() == ("https://127.0.0.1:8501",)


def test_the_flags_and_the_configuration_file_say_the_same() -> None:
    sections = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    written = {
        f"{section}.{name}": str(value).lower() if isinstance(value, bool) else str(value)
        for section, options in sections.items()
        for name, value in options.items()
    }
    assert written == serving.FLAGS


def test_what_makes_streamlit_slow_or_talkative_is_off() -> None:
    assert serving.FLAGS["runner.postScriptGC"] == "false"
    assert serving.FLAGS["server.fileWatcherType"] == "none"
    assert serving.FLAGS["browser.gatherUsageStats"] == "false"
    assert serving.FLAGS["logger.hideWelcomeMessage"] == "true"  # else it asks a foreign host for its address


def test_listening_on_every_card_names_addresses_a_tablet_can_open() -> None:
    names = serving.Listening(host="0.0.0.0").host_names()
    assert names[0] == "127.0.0.1"
    assert "0.0.0.0" not in names


def _cards(monkeypatch: pytest.MonkeyPatch, *addresses: str, name: str = "minqing-server") -> None:
    monkeypatch.setattr(serving, "own_addresses", lambda: addresses)
    monkeypatch.setattr(serving.socket, "gethostname", lambda: name)


def _names_of(arguments: list[str]) -> set[str]:
    (path,) = [a.partition("=")[2] for a in arguments if a.startswith("--server.sslCertFile=")]
    certificate = x509.load_pem_x509_certificate(Path(path).read_bytes())
    held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in held}


def test_a_public_address_among_the_cards_is_left_out_of_the_certificate_and_named(
    sqlite_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(sqlite_settings, key_path=tmp_path / "keys" / "minqing.key")
    _cards(monkeypatch, "203.0.113.9", "192.168.1.10")
    listening = serving.Listening(host="0.0.0.0", https=True)
    names = _names_of(serving.command_line(settings, listening))
    assert {"192.168.1.10", "minqing-server", "minqing-server.local"} <= names
    assert "203.0.113.9" not in names
    said: list[str] = []
    serving._announce_authority(settings, listening, said.append)
    assert any("https://192.168.1.10:8501/install" in line for line in said)
    assert [line for line in said if "203.0.113.9" in line and "does not hold" in line]


def test_only_a_public_address_is_no_reason_not_to_start(
    sqlite_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(sqlite_settings, key_path=tmp_path / "keys" / "minqing.key")
    _cards(monkeypatch, "203.0.113.9")
    names = _names_of(serving.command_line(settings, serving.Listening(host="0.0.0.0", https=True)))
    assert "minqing-server.local" in names


def test_a_machine_of_which_nothing_is_covered_is_refused(
    sqlite_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(sqlite_settings, key_path=tmp_path / "keys" / "minqing.key")
    _cards(monkeypatch, "203.0.113.9", name="bad_name")
    with pytest.raises(Problem) as refused:
        serving.command_line(settings, serving.Listening(host="0.0.0.0", https=True))
    assert refused.value.code == "web.host_outside"


def test_every_card_is_found_not_only_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_address_on_the_way_out", lambda: ["203.0.113.9"])
    monkeypatch.setattr(serving, "_addresses_by_name", lambda: ["127.0.1.1", "203.0.113.9"])
    monkeypatch.setattr(serving, "_addresses_by_card", lambda: ["127.0.0.1", "10.0.0.5", "192.168.1.10"])
    assert serving.own_addresses() == ("203.0.113.9", "10.0.0.5", "192.168.1.10")


def test_the_cards_are_asked_where_the_system_tells() -> None:
    assert ("127.0.0.1" in serving._addresses_by_card()) == (sys.platform == "linux")


@pytest.mark.parametrize("host", ["", " "])
def test_an_empty_host_is_refused_before_anything_is_made(
    host: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINQING_LANGUAGE", "en")
    assert cli.run(["serve", "--host", host, "--data", str(tmp_path / "data")]) == 2
    assert capsys.readouterr().err.startswith("--host is given without an address.")
    assert not (tmp_path / "data").exists()


def test_packets_are_sent_without_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starlette_server, "_bind_socket", starlette_server._bind_socket)
    serving._send_without_delay()
    with closing(starlette_server._bind_socket("127.0.0.1", 0, 1)) as listening:
        assert listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
