"""Blobs on disk, by their content: they appear whole, under their digest, or not at all.

A blob is written under the name of its upload, synced, then renamed (`uploads.py`), so a process that is killed at any
byte leaves either no blob or all of it. Blobs are shared by all repositories; which repository may see one is a row in
the database. This module must not know repositories, and keeps no blob in memory.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from emulator.registry.layout import Layout

VOUCHED_S = 3600.0
"""For how long a client may rely on having been told that a blob is there."""

_VOUCHED_LIMIT = 50_000


class BlobStore:
    """The blobs under one directory. Safe for threads; one process at a time."""

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root)
        self.layout.create()
        self._lock = threading.Lock()
        self._pinned: Counter[str] = Counter()
        self._vouched: dict[str, float] = {}

    def size(self, digest: str) -> int | None:
        """Bytes, or None when it is not here."""
        try:
            return os.stat(self.layout.blob(digest)).st_size
        except FileNotFoundError:
            return None

    def open(self, digest: str) -> FileIO:
        """For reading, unbuffered. Raises FileNotFoundError."""
        return FileIO(self.layout.blob(digest), "rb")

    @contextmanager
    def publishing(self, path: Path, digest: str) -> Iterator[None]:
        """Makes a finished, synced file the blob of its digest. The block then writes the row that links it; until
        it has ended the blob cannot be collected."""
        with self._lock:
            self._pinned[digest] += 1
        try:
            os.replace(path, self.layout.blob(digest))
            yield
        finally:
            with self._lock:
                self._pinned[digest] -= 1
                if not self._pinned[digest]:
                    del self._pinned[digest]

    @contextmanager
    def unvouching(self) -> Iterator[None]:
        """While it lasts nobody is told that a blob is there: for who takes away what was not vouched for."""
        with self._lock:
            yield

    def vouch(self, digest: str, now: float) -> None:
        """Remembers that a client is told that the blob is there, and will push a manifest naming it. To be called
        before the look at the blob: then it is either still there, or its collection is already visible."""
        with self._lock:
            self._vouched.pop(digest, None)
            self._vouched[digest] = now
            # The oldest are in front.
            while len(self._vouched) > _VOUCHED_LIMIT:
                del self._vouched[next(iter(self._vouched))]

    def vouched(self, digest: str, now: float) -> bool:
        return now - self._vouched.get(digest, float("-inf")) < VOUCHED_S

    def remove_if(self, digest: str, unneeded: Callable[[], bool]) -> bool:
        """Deletes a blob that no upload is publishing and that `unneeded` releases. Whether it was deleted."""
        with self._lock:
            if digest in self._pinned or not unneeded():
                return False
            self.layout.blob(digest).unlink(missing_ok=True)
            return True
