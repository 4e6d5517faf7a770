"""The store's key and what is done with it: authenticated encryption and keyed hashes.

Owns AES-256-GCM for columns and attachments, HMAC-SHA-256 for exact look-up of numbers, and the key
file. Each purpose has a key of its own, derived by HKDF (RFC 5869), and each ciphertext is bound to
its label (`member.id_number`), so that a value moved to another column does not decrypt. Refuses to work
without a key and to overwrite one.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from functools import cached_property
from pathlib import Path
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from survey.problems import Problem

_FORMAT = b"\x01"
_NONCE_BYTES = 12
_KEY_BYTES = 32
_PIECE_BYTES = 65_536


class Keyring:
    """The derived keys of one store."""

    def __init__(self, master: bytes) -> None:
        if len(master) != _KEY_BYTES:
            raise Problem("store.key_unreadable", path="-")
        self._master = master

    def _derive(self, purpose: str) -> bytes:
        return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=purpose.encode()).derive(
            self._master
        )

    @cached_property
    def _cipher(self) -> AESGCM:
        return AESGCM(self._derive("minqing/encrypt/1"))

    @cached_property
    def _hash_key(self) -> bytes:
        return self._derive("minqing/look-up/1")

    @cached_property
    def fingerprint(self) -> str:
        """A public mark of the key, kept in the store so that a wrong key is noticed at once."""
        return hashlib.sha256(self._derive("minqing/fingerprint/1")).hexdigest()[:16]

    def encrypt(self, label: str, plain: bytes) -> bytes:
        """Ciphertext of `plain`, readable only under the same label."""
        nonce = os.urandom(_NONCE_BYTES)
        return _FORMAT + nonce + self._cipher.encrypt(nonce, plain, label.encode())

    def encrypt_file(self, label: str, plain: IO[bytes], sealed: IO[bytes]) -> None:
        """Write the ciphertext of what is left to read of `plain`, piece by piece; `decrypt` reads it."""
        nonce = os.urandom(_NONCE_BYTES)
        cipher = Cipher(algorithms.AES(self._derive("minqing/encrypt/1")), modes.GCM(nonce)).encryptor()
        cipher.authenticate_additional_data(label.encode())
        sealed.write(_FORMAT + nonce)
        while piece := plain.read(_PIECE_BYTES):
            sealed.write(cipher.update(piece))
        sealed.write(cipher.finalize() + cipher.tag)

    def decrypt(self, label: str, sealed: bytes) -> bytes:
        """The plain bytes; problem `store.cannot_decrypt` when key, label or bytes do not fit."""
        nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, body, label.encode())
        except InvalidTag as error:
            raise Problem("store.cannot_decrypt", label=label) from error

    def look_up_hash(self, label: str, text: str) -> str:
        """Keyed hash (64 hex digits) by which an encrypted number is found again exactly."""
        return hmac.new(self._hash_key, f"{label}\0{text}".encode(), hashlib.sha256).hexdigest()


_current: Keyring | None = None


def use(keyring: Keyring | None) -> None:
    """Make this the process's key."""
    global _current
    _current = keyring


def current() -> Keyring:
    """The process's key; problem `store.no_key` when none was opened."""
    if _current is None:
        raise Problem("store.no_key", path="-")
    return _current


def create_key(path: Path) -> Keyring:
    """Write a new random key file (mode 600) and return it; refuses to replace an existing one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(_KEY_BYTES) + "\n")
    return load_key(path)


def load_key(path: Path) -> Keyring:
    """The key of a file; problems `store.no_key`, `store.key_unreadable`."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError as error:
        raise Problem("store.no_key", path=path) from error
    except (OSError, UnicodeDecodeError) as error:
        raise Problem("store.key_unreadable", path=path) from error
    try:
        master = bytes.fromhex(text)
    except ValueError as error:
        raise Problem("store.key_unreadable", path=path) from error
    if len(master) != _KEY_BYTES:
        raise Problem("store.key_unreadable", path=path)
    return Keyring(master)
