"""Files as response bodies: a slice that the server may hand to the kernel, and PEP 3333's file wrapper.

Decides what part of which file is meant. Must not know sockets or HTTP.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

PIECE_BYTES = 1 << 20


class Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


class OpenFile(Protocol):
    """A file of the operating system, open for reading."""

    def fileno(self) -> int: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class FileSlice:
    """`length` bytes of an open file from `offset`, as a WSGI response body.

    Sent by sendfile on plain connections. The file's position is neither used nor moved, so one open file
    may serve several slices; closing the body closes the file.
    """

    fileobj: OpenFile
    offset: int
    length: int

    def __iter__(self) -> Iterator[bytes]:
        """The slice in pieces of 1 MiB. Ends early when the file does."""
        source = self.fileobj.fileno()
        position, end = self.offset, self.offset + self.length
        while position < end and (piece := os.pread(source, min(PIECE_BYTES, end - position), position)):
            position += len(piece)
            yield piece

    def close(self) -> None:
        self.fileobj.close()


class FileWrapper:
    """`environ["wsgi.file_wrapper"]`: anything with read(), sent by sendfile if it is a regular file."""

    __slots__ = ("_block_bytes", "_filelike")

    def __init__(self, filelike: Readable, block_size: int = PIECE_BYTES) -> None:
        self._filelike = filelike
        # Frameworks ask for 8 KiB blocks, which is an eighth of the speed when sendfile cannot be used.
        self._block_bytes = max(block_size, PIECE_BYTES)

    def __iter__(self) -> FileWrapper:
        # Itself, not a generator: frameworks wrap the iterator for ranges, and close only what they wrapped.
        return self

    def __next__(self) -> bytes:
        piece = self._filelike.read(self._block_bytes)
        if not piece:
            raise StopIteration
        return piece

    def seekable(self) -> bool:
        """For ranges: frameworks go to their start instead of reading up to it."""
        return isinstance(self._filelike, io.IOBase) and self._filelike.seekable()

    def seek(self, position: int, whence: int = os.SEEK_SET) -> int:
        assert isinstance(self._filelike, io.IOBase)
        return self._filelike.seek(position, whence)

    def tell(self) -> int:
        assert isinstance(self._filelike, io.IOBase)
        return self._filelike.tell()

    def close(self) -> None:
        close = getattr(self._filelike, "close", None)
        if close is not None:
            close()

    def as_slice(self) -> FileSlice | None:
        """From the file's position to its end; None for anything but a regular file.

        A file-like that merely has a descriptor does not qualify: GzipFile's leads to the compressed bytes.
        """
        source = self._filelike
        raw = source.raw if isinstance(source, io.BufferedReader | io.BufferedRandom) else source
        if not isinstance(raw, io.FileIO) or not stat.S_ISREG((found := os.fstat(raw.fileno())).st_mode):
            return None
        position = source.tell() if isinstance(source, io.IOBase) else 0
        return FileSlice(raw, position, max(0, found.st_size - position))
