"""Secrets lie encrypted on disk: AES-256-GCM with one key per data directory, readable by its owner only.

It decides how a value is sealed and opened. It does not know what is sealed or who may read it. The key stands in
a file of its own, so that a copy of the database alone tells nothing.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from emulator.ids import Ids

_MARK = b"HP01"
_NONCE_BYTES = 12
_KEY_BYTES = 32


class Unsealable(Exception):
    """The sealed bytes were made with another key or for another context, or were changed."""


class Sealer:
    """Seals and opens values. `context` (an ARN) is bound to the ciphertext: moved elsewhere it does not open."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._ids = Ids()  # never seeded: a nonce must not come twice under one key

    @classmethod
    def at(cls, path: Path) -> Sealer:
        """Reads the key file, or makes one with mode 0600. ValueError when it does not hold a key."""
        if not path.exists():
            _make_key(path)
        key = path.read_bytes()
        if len(key) != _KEY_BYTES:
            raise ValueError(f"{path} is not a sealing key of {_KEY_BYTES} bytes")
        return cls(key)

    def seal(self, value: bytes, context: str) -> bytes:
        nonce = self._ids.token(_NONCE_BYTES)
        return _MARK + nonce + self._cipher.encrypt(nonce, value, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Unsealable when key, context or bytes do not fit."""
        nonce, body = sealed[len(_MARK) : len(_MARK) + _NONCE_BYTES], sealed[len(_MARK) + _NONCE_BYTES :]
        if not sealed.startswith(_MARK) or len(nonce) != _NONCE_BYTES:
            raise Unsealable("not a value sealed by this program")
        try:
            return self._cipher.decrypt(nonce, body, context.encode())
        except InvalidTag as error:
            raise Unsealable("sealed with another key, or for another resource") from error


def _make_key(path: Path) -> None:
    """Whole or not at all, also through a `kill -9`; a key that another process put there meanwhile is kept."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(Ids().token(_KEY_BYTES))
        file.flush()
        os.fsync(descriptor)
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
