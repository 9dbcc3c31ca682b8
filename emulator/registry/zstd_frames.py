"""Blobs in zstd, told by their first bytes and expanded as a stream: frame after frame, since zstd:chunked has one for
each file, and frames that hold no data are passed over. How much is expanded is for the caller to bound.
"""

from __future__ import annotations

import sys
from typing import IO, Protocol, cast

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_FRAME = 0xFD2FB528
_SKIPPED = range(0x184D2A50, 0x184D2A60)
_WINDOW_LOG = 27
"""What may be looked back at is kept: 128 MiB, as much as the reference decompressor takes unasked."""

ZstdError = zstd.ZstdError
"""The data is damaged, or looks back at more than is kept. A stream that ends within a frame is an EOFError."""


class Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


def is_zstd(start: bytes) -> bool:
    """`start`: the first four bytes of a blob."""
    number = int.from_bytes(start[:4], "little")
    return number == _FRAME or number in _SKIPPED


def expanded(blob: Readable) -> IO[bytes]:
    """Reading raises ZstdError and EOFError."""
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
    return cast("IO[bytes]", zstd.ZstdFile(cast("IO[bytes]", blob), options=options))
