"""Pagination tokens: opaque to the client, bound to their operation, and not to be forged into another list."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

_SALT = b"homeport pagination"


def encode(operation: str, position: str) -> str:
    """A token that continues `operation` after `position`."""
    raw = position.encode()
    return base64.urlsafe_b64encode(_mark(operation, raw) + raw).decode()


def decode(operation: str, token: str) -> str | None:
    """The position, or None when this is no token of this operation."""
    try:
        raw = base64.urlsafe_b64decode(token.encode("ascii"))
        mark, position = raw[:8], raw[8:]
        return position.decode() if hmac.compare_digest(mark, _mark(operation, position)) else None
    except (binascii.Error, UnicodeError, ValueError):
        return None


def _mark(operation: str, position: bytes) -> bytes:
    return hashlib.blake2b(operation.encode() + b"\0" + position, key=_SALT, digest_size=8).digest()
