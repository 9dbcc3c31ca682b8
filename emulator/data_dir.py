"""The data directory: who holds it, and where in it things lie. Nothing of ours is ever written outside it.

`--ephemeral` takes a fresh directory under the system's temporary one and removes it at the end; its lock tells a
later run whether it died, and that one removes what it left.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from emulator.clock import wall_clock
from emulator.ids import Ids

_PREFIX = "homeport-ephemeral-"
FRESH_S = 60.0


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
            _sweep_dead()
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

    @property
    def lock_place(self) -> str:
        """For others, to ask `is_dead_lock`; "" where a place cannot be told from another machine's."""
        here = _here()
        return f"{here.machine}:{here.boot}:{here.mounts}:{self.path}" if here else ""

    def close(self) -> None:
        if self.ephemeral:
            shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _sweep_dead() -> None:
    """Directories of ephemeral runs that were killed; what they left in an engine is found by its labels. One that is
    just being made has no lock yet, or a fresh one."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            if wall_clock() - (path / "lock").stat().st_mtime < FRESH_S:
                continue
            lock = os.open(path / "lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue  # not ours to open, or gone by now
        try:
            if _try_lock(lock):
                shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(lock)


def is_dead_lock(place: str) -> bool:
    """Whether the ephemeral run with that `lock_place` is certainly over; its directory is removed then.

    Certain is only what this process can see: its lock lies free or is gone, in our own view of the file system, or the
    machine has been started anew since. A run in a container, on another machine or unknown to us is left alone.
    """
    here, words = _here(), place.split(":", 3)
    if here is None or len(words) != 4:
        return False
    there, path = _Here(*words[:3]), Path(words[3])
    if there.boot != here.boot:
        return bool(here.machine) and there.machine == here.machine
    if there.mounts != here.mounts:
        return False
    try:
        lock = os.open(path / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    try:
        if not _try_lock(lock):
            return False
    finally:
        os.close(lock)
    if path.name.startswith(_PREFIX):
        shutil.rmtree(path, ignore_errors=True)
    return True


@dataclass(frozen=True, slots=True)
class _Here:
    """Which machine, which start of it, and which view of its files (a container has its own)."""

    machine: str
    boot: str
    mounts: str


def _here() -> _Here | None:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        mounts = str(Path("/proc/self/ns/mnt").stat().st_ino)
    except OSError:
        return None
    try:
        machine = Path("/etc/machine-id").read_text().strip()
    except OSError:
        machine = ""
    return _Here(machine, boot, mounts)


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
