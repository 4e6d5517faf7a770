"""An own certificate authority for a township's network, made once, and the server's certificate from it.

Owns four files beside the data key, outside the data folder: `ca.crt`, `ca.key`, `server.crt` (with the authority's),
`server.key`; the keys readable by their owner only. The authority can sign no further one (path length 0) and only for
private addresses, local names and the names it was made for (name constraints, RFC 5280, 4.2.1.10), so that a stolen key
cannot fake the rest of the web. Refuses names outside of that, and to replace an authority that tablets already trust.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from survey.config import Settings
from survey.problems import Problem

AUTHORITY_YEARS = 10
# Browsers refuse server certificates of more than 398 days (CA/Browser Forum, 6.3.2, as Apple enforces it).
SERVER_DAYS = 397
RENEW_BEFORE_DAYS = 30
_ALWAYS = ("localhost", "127.0.0.1", "::1")
_PRIVATE = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "127.0.0.0/8",
    "fc00::/7",
    "fe80::/10",
    "::1/128",
)
_LOCAL_NAMES = ("localhost", "local", "lan", "internal", "home.arpa")
_HOST_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def folder(settings: Settings) -> Path:
    """Where the certificates of this machine lie: beside the data key."""
    return settings.key_path.parent / "certificates"


def authority_path(settings: Settings) -> Path:
    """The authority's certificate, which tablets install; it exists once `ensure` ran."""
    return folder(settings) / "ca.crt"


def ensure(settings: Settings, hosts: Sequence[str], *, now: datetime | None = None) -> tuple[Path, Path]:
    """The server's certificate and key files for these host names and addresses, made or renewed if need be.

    Renewed when a host is new or fewer than 30 days are left; the authority is made once. Problems `web.bad_host`,
    `web.host_outside`, `web.certificate_unreadable`.
    """
    moment = now or datetime.now(UTC)
    place = folder(settings)
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = _names([*_ALWAYS, *hosts])
    if not authority_path(settings).exists():
        _make_authority(place, names, moment)
    authority = _certificate(place / "ca.crt")
    for name in names:
        if not _covers(authority, name):
            raise Problem("web.host_outside", host=str(name.value))
    certificate, key = place / "server.crt", place / "server.key"
    if not (certificate.exists() and key.exists() and _serves(certificate, authority, names, moment)):
        _make_server(place, authority, names, moment)
    return certificate, key


def covered(settings: Settings, hosts: Sequence[str]) -> tuple[str, ...]:
    """Those of the hosts that the authority may sign for; one still to be made takes every valid name."""
    known = _certificate(authority_path(settings)) if authority_path(settings).exists() else None
    return tuple(host for host in hosts if _is_coverable(known, host))


def _is_coverable(authority: x509.Certificate | None, host: str) -> bool:
    name = host.strip().lower()
    if _address(name) is None and not _HOST_NAME.fullmatch(name):
        return False
    (wanted,) = _names([name])
    if authority is not None:
        return _covers(authority, wanted)
    private = [ipaddress.ip_network(net) for net in _PRIVATE]
    return not isinstance(wanted, x509.IPAddress) or any(wanted.value in net for net in private)


def fingerprint(settings: Settings) -> str | None:
    """The SHA-256 of the authority's certificate in pairs of hex digits, or nothing before there is one."""
    path = authority_path(settings)
    if not path.exists():
        return None
    return _certificate(path).fingerprint(hashes.SHA256()).hex(":").upper()


def _address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _names(hosts: Iterable[str]) -> list[x509.DNSName | x509.IPAddress]:
    names: dict[str, x509.DNSName | x509.IPAddress] = {}
    for host in (host.strip().lower() for host in hosts):
        address = _address(host)
        if address is None and not _HOST_NAME.fullmatch(host):
            raise Problem("web.bad_host", host=host)
        names[host] = x509.DNSName(host) if address is None else x509.IPAddress(address)
    return list(names.values())


def _covers(authority: x509.Certificate, name: x509.DNSName | x509.IPAddress) -> bool:
    permitted = (
        authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    )
    if isinstance(name, x509.IPAddress):
        return any(
            isinstance(tree, x509.IPAddress) and name.value in tree.value  # type: ignore[operator]
            for tree in permitted
        )
    return any(
        isinstance(tree, x509.DNSName) and (name.value == tree.value or name.value.endswith("." + tree.value))
        for tree in permitted
    )


def _serves(
    path: Path, authority: x509.Certificate, names: list[x509.DNSName | x509.IPAddress], now: datetime
) -> bool:
    present = _certificate(path)
    held = set(present.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    lasts = present.not_valid_after_utc - now > timedelta(days=RENEW_BEFORE_DAYS)
    return (
        lasts
        and set(names) <= held
        and present.issuer == authority.subject
        and _signed_by(present, authority)
    )


def _signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    wanted = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())  # type: ignore[arg-type]
    held = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    return held.key_identifier == wanted.key_identifier


def _make_authority(place: Path, names: list[x509.DNSName | x509.IPAddress], now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(f"Minqing {socket.gethostname()} {now:%Y-%m-%d}")
    trees: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_network(net)) for net in _PRIVATE]
    own = {str(name.value) for name in names if isinstance(name, x509.DNSName)}
    trees += [x509.DNSName(name) for name in sorted(own | set(_LOCAL_NAMES))]
    builder = (
        _builder(subject, subject, key.public_key(), now, timedelta(days=365 * AUTHORITY_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.NameConstraints(permitted_subtrees=trees, excluded_subtrees=None), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
    )
    certificate = builder.sign(key, hashes.SHA256())
    _write(place / "ca.key", _key_bytes(key), 0o600)
    _write(place / "ca.crt", certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _make_server(
    place: Path, authority: x509.Certificate, names: list[x509.DNSName | x509.IPAddress], now: datetime
) -> None:
    issuer_key = _private_key(place / "ca.key")
    key = ec.generate_private_key(ec.SECP256R1())
    public = authority.public_key()
    builder = (
        _builder(
            _subject("Minqing server"), authority.subject, key.public_key(), now, timedelta(days=SERVER_DAYS)
        )
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)  # type: ignore[arg-type]
    )
    certificate = builder.sign(issuer_key, hashes.SHA256())
    chain = b"".join(c.public_bytes(serialization.Encoding.PEM) for c in (certificate, authority))
    _write(place / "server.key", _key_bytes(key), 0o600)
    _write(place / "server.crt", chain, 0o644)


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    # An hour back: tablets' clocks are seldom right to the minute. The whole life stays within `life`.
    start = now - timedelta(hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _subject(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Minqing"),
            x509.NameAttribute(NameOID.COMMON_NAME, name[:64]),
        ]
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write the file whole or not at all: a half-written key would stop the server for good."""
    half = path.with_suffix(path.suffix + ".new")
    half.unlink(missing_ok=True)
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    half.replace(path)


def _certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise Problem("web.certificate_unreadable", path=path) from error


def _private_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError) as error:
        raise Problem("web.certificate_unreadable", path=path) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Problem("web.certificate_unreadable", path=path)
    return key
