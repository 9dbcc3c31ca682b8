"""The data directory: who holds it, and where in it things lie. Nothing of ours is ever written outside it.

`--ephemeral` takes a fresh directory under the system's temporary one and removes it at the end; its lock tells a
later run whether it died.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from emulator.ids import Ids

_PREFIX = "homeport-ephemeral-"


class DataDirInUse(Exception):
    """Another Homeport holds the directory."""


@dataclass(slots=True)
class DataDir:
    """`instance` is set for an ephemeral directory only, whose name it is."""

    path: Path
    ephemeral: bool
    instance: str | None
    _lock: int

    @classmethod
    def open(cls, path: Path, *, ephemeral: bool = False) -> DataDir:
        """Makes and locks it. Raises DataDirInUse; OSError when it cannot be made."""
        instance = Ids().hex(12) if ephemeral else None
        if instance is not None:
            path = Path(tempfile.gettempdir()) / f"{_PREFIX}{instance}"
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o711)  # the relay's socket is reached through it; what is in it is closed by its own modes
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _try_lock(lock):
            os.close(lock)
            raise DataDirInUse(f"{path} is in use by another Homeport; choose another --data-dir")
        for name, mode in (("run", 0o711), ("keys", 0o700), ("registry", 0o700)):
            (path / name).mkdir(exist_ok=True)
            (path / name).chmod(mode)
        return cls(path, ephemeral, instance, lock)

    @property
    def relay_directory(self) -> Path:
        return self.path / "run"

    def is_dead_ephemeral(self, instance: str) -> bool:
        """Whether the ephemeral run of that instance is over: nobody holds its lock, or its directory is gone."""
        other = Path(tempfile.gettempdir()) / f"{_PREFIX}{instance}"
        try:
            lock = os.open(other / "lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return True
        try:
            if not _try_lock(lock):
                return False
        finally:
            os.close(lock)
        shutil.rmtree(other, ignore_errors=True)
        return True

    def close(self) -> None:
        if self.ephemeral:
            shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
