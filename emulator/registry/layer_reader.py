"""The wanted files of a layer, read as a stream: nothing is written to disk, and what is kept in memory is bounded.

A layer is content from outside: an archive may claim any size and expand to any length. Every read is counted against a
budget that the image's layers share. Which files are wanted is package_inventory's to say, and what they mean.
"""

from __future__ import annotations

import gzip
import tarfile
import threading
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import FileIO
from typing import IO, cast

from emulator.clock import monotonic
from emulator.domain.ecr.layer_overlay import LayerFiles, folders_of, normal, whiteout
from emulator.domain.ecr.package_inventory import is_wanted, longest
from emulator.registry.zstd_frames import ZstdError, expanded, is_zstd

EXPANDED_LIMIT = 16 * 1024**3
KEPT_LIMIT = 256 * 1024**2
ENTRIES_LIMIT = 2_000_000
FILES_LIMIT = 50_000
LAYERS_LIMIT = 200
TIME_LIMIT_S = 600.0
_HEADER_LIMIT = 256 * 1024
_GLOBAL_HEADERS_LIMIT = 100
_PATH_LIMIT = 4096
_SKIP = 1024**2
_DAMAGE = (tarfile.TarError, EOFError, zlib.error, ZstdError, OSError, ValueError, OverflowError, RecursionError)

_GZIP = b"\x1f\x8b"


class UnsupportedLayer(Exception):
    """A layer in a form that is not read; the text says which."""


class UnreadableLayer(Exception):
    """A layer that is damaged."""


class ImageTooLarge(Exception):
    """The layers hold more than one scan reads; the text says of what."""


class ScanStopped(Exception):
    """Homeport stops: the scan is made at the next start."""


@dataclass(slots=True)
class Budget:
    """What the layers of one image may still cost: bytes expanded, wanted files and their bytes kept in memory,
    entries, layers, time. `closing`: Homeport stops."""

    expanded: int = EXPANDED_LIMIT
    kept: int = KEPT_LIMIT
    entries: int = ENTRIES_LIMIT
    files: int = FILES_LIMIT
    layers: int = LAYERS_LIMIT
    until: float = field(default_factory=lambda: monotonic() + TIME_LIMIT_S)
    closing: threading.Event = field(default_factory=threading.Event)

    def take_layer(self) -> None:
        self.layers -= 1
        if self.layers < 0:
            raise ImageTooLarge("it has more layers than a scan reads")

    def take_expanded(self, length: int) -> None:
        if self.closing.is_set():
            raise ScanStopped
        if monotonic() > self.until:
            raise ImageTooLarge("its layers take longer to read than a scan may")
        self.expanded -= length
        if self.expanded < 0:
            raise ImageTooLarge("its layers expand to more than a scan reads")

    def take_kept(self, length: int) -> None:
        self.kept -= length
        self.files -= 1
        if self.kept < 0:
            raise ImageTooLarge("its package databases are larger than a scan reads")
        if self.files < 0:
            raise ImageTooLarge("it has more packages than a scan reads")

    def take_entry(self) -> None:
        self.entries -= 1
        if self.entries < 0:
            raise ImageTooLarge("its layers have more entries than a scan reads")


@dataclass(slots=True)
class Below:
    """What lower layers brought: the paths of wanted files, and the folders that they lie in."""

    paths: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)

    def add(self, paths: Iterable[str]) -> None:
        for path in paths:
            if path not in self.paths:
                self.paths.add(path)
                self.folders.update(folders_of(path))

    def __contains__(self, path: str) -> bool:
        return path in self.paths or path in self.folders


def read_layer(blob: FileIO, below: Below, budget: Budget) -> LayerFiles:
    """The wanted files of a layer, plain, gzip or zstd, and what it hides of what lies `below`.

    Raises UnsupportedLayer, UnreadableLayer, ImageTooLarge, ScanStopped.
    """
    budget.take_layer()
    stream = _Forward(_opened(blob, budget), budget)
    try:
        with tarfile.TarFile(fileobj=cast("IO[bytes]", stream), mode="r") as archive:
            return _read(archive, stream, below, budget)
    except _DAMAGE as error:
        raise UnreadableLayer(f"a layer cannot be read: {error}") from error


def _opened(blob: FileIO, budget: Budget) -> IO[bytes]:
    """The layer's archive, by how its first bytes say that it is compressed, whatever its media type says."""
    start = blob.read(4)
    blob.seek(0)
    stored = cast("IO[bytes]", _Stored(blob, budget))
    if start[:2] == _GZIP:
        return cast("IO[bytes]", gzip.GzipFile(fileobj=stored))
    return expanded(stored) if is_zstd(start) else stored


def _read(archive: tarfile.TarFile, stream: _Forward, below: Below, budget: Budget) -> LayerFiles:
    files: dict[str, bytes] = {}
    hidden: set[str] = set()
    emptied: set[str] = set()
    while (member := archive.next()) is not None:
        archive.members.clear()  # type: ignore[attr-defined]  # it would keep a record of every entry
        budget.take_entry()
        if len(archive.pax_headers) > _GLOBAL_HEADERS_LIMIT:
            raise tarfile.ReadError("it has more global headers than any has need of")
        if len(member.name) > _PATH_LIMIT:
            continue  # no system could hold it
        path = normal(member.name)
        if (gone := whiteout(path)) is not None:
            # Only what lower layers have can be hidden; the rest is not worth keeping.
            if gone[0] in below:
                (emptied if gone[1] else hidden).add(gone[0])
        elif member.isdir():
            if path in below.paths:
                hidden.add(path)
        else:
            if path in below:
                hidden.add(path)
            _keep(archive, member, path, stream, files, budget)
    return LayerFiles(files, frozenset(hidden), frozenset(emptied & below.folders))


def _keep(
    archive: tarfile.TarFile,
    member: tarfile.TarInfo,
    path: str,
    stream: _Forward,
    files: dict[str, bytes],
    budget: Budget,
) -> None:
    files.pop(path, None)
    if not is_wanted(path):
        return
    if member.islnk():
        if (content := files.get(normal(member.linkname[:_PATH_LIMIT]))) is not None:
            budget.take_kept(0)
            files[path] = content
    elif member.isreg():
        if member.size > longest(path):
            raise ImageTooLarge(f"{path} is longer than any of its kind")
        budget.take_kept(member.size)
        with stream.allowing(member.size), archive.extractfile(member) or _nothing() as content_file:
            files[path] = content_file.read()


def _nothing() -> IO[bytes]:
    raise tarfile.ReadError("a file without content")


class _Stored:
    """The blob as a decompressor reads it. Members and frames may expand to nothing, without end: what they take of
    the time is counted here."""

    def __init__(self, blob: FileIO, budget: Budget) -> None:
        self._blob = blob
        self._budget = budget

    def read(self, size: int = -1) -> bytes:
        self._budget.take_expanded(0)
        return self._blob.read(size)


class _Forward:
    """A stream as tarfile reads it: forward only. A single read is bounded, since the header of an entry may claim
    any length, which tarfile would take in whole."""

    def __init__(self, source: IO[bytes], budget: Budget) -> None:
        self._source = source
        self._budget = budget
        self._at = 0
        self._most = _HEADER_LIMIT

    def allowing(self, size: int) -> _Allowance:
        return _Allowance(self, size)

    def tell(self) -> int:
        return self._at

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, position: int, whence: int = 0) -> int:
        if whence or position < self._at:
            raise tarfile.ReadError("the archive leads backwards")
        while self._at < position:
            if not self._take(min(_SKIP, position - self._at)):
                break
        return self._at

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > self._most:
            raise tarfile.ReadError("an entry's header is longer than any has need to be")
        parts = []
        while size:
            part = self._take(size)
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _take(self, size: int) -> bytes:
        part = self._source.read(size)
        self._at += len(part)
        self._budget.take_expanded(len(part))
        return part


class _Allowance:
    """While a file that is kept is read, a read may be as long as the file."""

    def __init__(self, stream: _Forward, size: int) -> None:
        self._stream = stream
        self._size = size

    def __enter__(self) -> None:
        self._stream._most = max(_HEADER_LIMIT, self._size)

    def __exit__(self, *_: object) -> None:
        self._stream._most = _HEADER_LIMIT
