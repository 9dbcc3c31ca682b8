"""Bytes on their way to becoming a blob: received straight to a file, hashed as they come.

How much of an upload has arrived is the length of its file, so a session survives a restart of the emulator; the state
of the hash does not, and is made again from the file when it is needed. Decides nothing about who may upload what.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from emulator.registry.blobs import BlobStore

PIECE_BYTES = 256 * 1024

_ENDED_LIMIT = 10_000
"""Ids of ended uploads that are remembered, for requests that waited while the upload ended."""

_sync = getattr(os, "fdatasync", os.fsync)


class Source(Protocol):
    """`wsgi.input`: fills a buffer with what has come, 0 at the end of the body."""

    def readinto(self, buffer: memoryview, /) -> int: ...


class DigestMismatch(Exception):
    """The bytes received are not those of the digest."""


class UploadBusy(Exception):
    """Another request is writing to the upload."""


class UploadEnded(Exception):
    """Another request has finished or cancelled the upload."""


class Hash(Protocol):
    def update(self, data: memoryview, /) -> None: ...
    def hexdigest(self) -> str: ...


class Upload:
    """One upload. All use is under its lock (see `Uploads.taken`)."""

    def __init__(self, path: Path, algorithm: str) -> None:
        self.lock = threading.Lock()
        self.path = path
        self._algorithm = algorithm
        self._hash: Hash = hashlib.new(algorithm)
        self._hashed = 0
        self.last_part = 0  # bytes that the last request brought

    @property
    def received(self) -> int:
        """Bytes."""
        try:
            return os.stat(self.path).st_size
        except FileNotFoundError:
            return 0

    def receive(self, source: Source, limit: int | None = None) -> int:
        """Appends the source up to its end, or `limit` bytes of it. Returns the number of bytes appended.

        What arrived before the source failed stays: the client can go on from there.
        """
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            self._catch_up(os.fstat(descriptor).st_size)
            self.last_part = self._receive(descriptor, source, limit)
            return self.last_part
        finally:
            os.close(descriptor)

    def truncate(self, length: int) -> None:
        """Forgets what lies behind `length`: a chunk that turned out to be wrong."""
        if self.received > length:
            os.truncate(self.path, length)
            self._restart(self._algorithm)

    def seal(self, digest: str) -> int:
        """Checks the bytes against a digest and has the kernel write them to the disk. Returns their number.

        Raises DigestMismatch.
        """
        algorithm = digest.partition(":")[0]
        if algorithm != self._algorithm:
            self._restart(algorithm)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            size = os.fstat(descriptor).st_size
            self._catch_up(size)
            if f"{algorithm}:{self._hash.hexdigest()}" != digest:
                raise DigestMismatch
            _sync(descriptor)
            return size
        finally:
            os.close(descriptor)

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)

    def _receive(self, descriptor: int, source: Source, limit: int | None) -> int:
        buffer = memoryview(bytearray(PIECE_BYTES if limit is None else min(PIECE_BYTES, limit)))
        appended = 0
        while limit is None or appended < limit:
            wanted = PIECE_BYTES if limit is None else min(PIECE_BYTES, limit - appended)
            got = source.readinto(buffer[:wanted])
            if not got:
                break
            piece = buffer[:got]
            _write(descriptor, piece)
            self._hash.update(piece)
            self._hashed += got
            appended += got
        return appended

    def _restart(self, algorithm: str) -> None:
        self._algorithm = algorithm
        self._hash = hashlib.new(algorithm)
        self._hashed = 0

    def _catch_up(self, size: int) -> None:
        """Hashes what is in the file but not in the hash: after a restart, a failed write, or a cut."""
        if self._hashed > size:
            self._restart(self._algorithm)
        if self._hashed == size:
            return
        buffer = memoryview(bytearray(PIECE_BYTES))
        with open(self.path, "rb", buffering=0) as file:
            file.seek(self._hashed)
            while got := file.readinto(buffer):
                self._hash.update(buffer[:got])
                self._hashed += got


class Uploads:
    """The uploads of a blob store."""

    def __init__(self, store: BlobStore) -> None:
        self._layout = store.layout
        self._lock = threading.Lock()
        self._uploads: dict[str, Upload] = {}
        self._ended: dict[str, None] = {}

    @contextmanager
    def taken(self, upload_id: str, algorithm: str = "sha256", wait_s: float = 10.0) -> Iterator[Upload]:
        """An upload, for one request at a time.

        Raises UploadBusy when another holds it for longer than `wait_s`, UploadEnded when that one was the last.
        """
        with self._lock:
            upload = self._uploads.get(upload_id)
            known = upload is not None
            if upload is None:
                upload = self._uploads[upload_id] = Upload(self._layout.upload(upload_id), algorithm)
                # Locked from birth, so that no sweep ever takes it for an abandoned one.
                upload.lock.acquire()
        if known and not upload.lock.acquire(timeout=wait_s):
            raise UploadBusy
        try:
            if upload_id in self._ended:
                raise UploadEnded
            yield upload
        finally:
            upload.lock.release()

    def received(self, upload_id: str) -> int:
        """Bytes that have arrived, also while a request is writing."""
        return Upload(self._layout.upload(upload_id), "sha256").received

    def forget(self, upload_id: str) -> None:
        """Its row is gone: drops the file, if it was not published, and the state in memory."""
        with self._lock:
            self._uploads.pop(upload_id, None)
            self._ended[upload_id] = None
            if len(self._ended) > _ENDED_LIMIT:
                del self._ended[next(iter(self._ended))]
        self._layout.upload(upload_id).unlink(missing_ok=True)

    def known(self) -> set[str]:
        """Ids of all uploads that have a file or a state in memory."""
        with self._lock:
            return {*self._layout.upload_ids(), *self._uploads}

    def sweep(self, upload_ids: Iterable[str]) -> int:
        """Drops those of the uploads that no request is using. Returns how many had a file."""
        swept = 0
        for upload_id in upload_ids:
            with self._lock:
                upload = self._uploads.get(upload_id)
                if upload is not None and upload.lock.locked():
                    continue
                self._uploads.pop(upload_id, None)
                path = self._layout.upload(upload_id)
                swept += path.exists()
                path.unlink(missing_ok=True)
        return swept


def _write(descriptor: int, piece: memoryview) -> None:
    written = os.write(descriptor, piece)
    while written < len(piece):
        written += os.write(descriptor, piece[written:])
