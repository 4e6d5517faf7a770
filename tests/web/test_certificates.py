"""The township's own certificate authority: made once, constrained, renewed; and how a tablet gets it."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from starlette.testclient import TestClient

from survey import db
from survey.config import Settings
from survey.problems import Problem
from survey.web import certificates

NOW = datetime(2026, 5, 6, 2, 30, tzinfo=UTC)
LAN = "192.168.1.10"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "data", "sqlite://", tmp_path / "configuration" / "minqing.key")


def loaded(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def names(path: Path) -> set[str]:
    held = loaded(path).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in held}


def test_keys_lie_beside_the_data_key_for_their_owner_only(settings: Settings) -> None:
    certificate, key = certificates.ensure(settings, [LAN], now=NOW)
    assert certificate.parent == settings.key_path.parent / "certificates"
    assert settings.data_dir not in certificate.parents
    for secret in (key, certificate.parent / "ca.key"):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_the_authority_signs_no_other_and_only_local_names(settings: Settings) -> None:
    certificates.ensure(settings, [LAN, "minqing.lan"], now=NOW)
    authority = loaded(certificates.authority_path(settings))
    basic = authority.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (basic.ca, basic.path_length) == (True, 0)
    assert authority.not_valid_after_utc - authority.not_valid_before_utc == timedelta(days=3650)
    assert authority.extensions.get_extension_for_class(x509.NameConstraints).critical


def test_the_server_certificate_names_its_hosts_and_lasts_at_most_397_days(settings: Settings) -> None:
    certificate, _ = certificates.ensure(settings, [LAN, "minqing.lan"], now=NOW)
    assert names(certificate) == {LAN, "minqing.lan", "localhost", "127.0.0.1", "::1"}
    server = loaded(certificate)
    assert server.not_valid_after_utc - server.not_valid_before_utc <= timedelta(days=397)


def test_nothing_is_made_again_while_it_serves(settings: Settings) -> None:
    certificate, key = certificates.ensure(settings, [LAN], now=NOW)
    before = (certificate.read_bytes(), key.read_bytes())
    certificates.ensure(settings, [LAN], now=NOW + timedelta(days=365))
    assert (certificate.read_bytes(), key.read_bytes()) == before


@pytest.mark.parametrize(
    ("hosts", "later"), [([LAN, "10.0.0.5"], timedelta(0)), ([LAN], timedelta(days=397 - 29))]
)
def test_a_new_host_or_a_near_end_renews_the_server_certificate_under_the_same_authority(
    settings: Settings, hosts: list[str], later: timedelta
) -> None:
    certificate, _ = certificates.ensure(settings, [LAN], now=NOW)
    authority = certificates.authority_path(settings).read_bytes()
    before = loaded(certificate).serial_number
    certificates.ensure(settings, hosts, now=NOW + later)
    assert loaded(certificate).serial_number != before
    assert set(hosts) <= names(certificate)
    assert certificates.authority_path(settings).read_bytes() == authority


@pytest.mark.parametrize("made", [False, True])
def test_what_an_authority_may_sign_for_is_told_before_and_after_it_is_made(
    settings: Settings, made: bool
) -> None:
    if made:
        certificates.ensure(settings, [LAN, "minqing"], now=NOW)
    asked = [LAN, "8.8.8.8", "2001:db8::1", "fe80::1", "minqing", "minqing.local", "bad_name"]
    covered = certificates.covered(settings, asked)
    assert covered == (LAN, "fe80::1", "minqing", "minqing.local")
    certificates.ensure(settings, covered, now=NOW)
    assert certificates.covered(settings, ["another-machine", "another-machine.local"]) == (
        "another-machine.local",
    )


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("8.8.8.8", "web.host_outside"),
        ("bank.example.com", "web.host_outside"),
        ("a b", "web.bad_host"),
        ("", "web.bad_host"),
    ],
)
def test_a_foreign_name_gets_no_certificate(settings: Settings, host: str, code: str) -> None:
    certificate, _ = certificates.ensure(settings, [LAN], now=NOW)
    before = certificate.read_bytes()
    with pytest.raises(Problem) as raised:
        certificates.ensure(settings, [host], now=NOW)
    assert raised.value.code == code
    assert certificate.read_bytes() == before


def test_a_damaged_key_is_told_and_not_replaced(settings: Settings) -> None:
    certificates.ensure(settings, [LAN], now=NOW)
    key = certificates.folder(settings) / "ca.key"
    key.write_text("damaged")
    with pytest.raises(Problem) as raised:
        certificates.ensure(settings, ["10.0.0.5"], now=NOW)
    assert raised.value.code == "web.certificate_unreadable"
    assert key.read_text() == "damaged"


def _handshake(certificate: Path, key: Path, client: ssl.SSLContext, name: str) -> str:
    """Shake hands over a socket pair; the protocol, or the client's complaint."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    here, there = socket.socketpair()

    def answer() -> None:
        try:
            with server.wrap_socket(there, server_side=True) as tls:
                tls.recv(1)
        except (ssl.SSLError, OSError):
            there.close()

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        with client.wrap_socket(here, server_hostname=name) as tls:
            return tls.version() or ""
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    finally:
        here.close()
        thread.join()


def test_a_browser_that_installed_the_authority_trusts_the_server(settings: Settings) -> None:
    certificate, key = certificates.ensure(settings, [LAN])
    trusting = ssl.create_default_context(cafile=str(certificates.authority_path(settings)))
    assert _handshake(certificate, key, trusting, LAN).startswith("TLS")
    assert _handshake(certificate, key, trusting, "localhost").startswith("TLS")
    assert "mismatch" in _handshake(certificate, key, trusting, "192.168.1.99")
    assert "self-signed" in _handshake(certificate, key, ssl.create_default_context(), LAN)


def test_the_install_page_gives_file_fingerprint_and_code_without_signing_in(
    client: TestClient, sqlite_store: db.Store
) -> None:
    certificates.ensure(sqlite_store.settings, [LAN])
    html = client.get("/install", headers={"host": f"{LAN}:8501"}).text
    authority = certificates.authority_path(sqlite_store.settings)
    assert certificates.fingerprint(sqlite_store.settings) in html.replace("&#58;", ":")
    assert f"http://{LAN}:8501/" in html
    assert 'src="data:image/svg+xml' in html
    for device in ("安卓", "iPad", "Windows"):
        assert device in html
    download = client.get("/ca.crt")
    assert download.content == authority.read_bytes()
    assert download.headers["content-type"] == "application/x-x509-ca-cert"
    assert b"PRIVATE" not in download.content


def test_without_an_authority_there_is_nothing_to_install(client: TestClient, sqlite_store: db.Store) -> None:
    place = certificates.folder(sqlite_store.settings)
    for file in place.glob("*"):
        file.unlink()
    assert client.get("/ca.crt").status_code == 404
    assert "/ca.crt" not in client.get("/install").text
