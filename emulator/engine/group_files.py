"""The kernel's directories of control groups, version 1 and 2: made, limited, asked and removed.

Paths of groups are as in /proc/<pid>/cgroup: absolute below the mount point. Only files; whether a group may be made is
decided elsewhere. Source: the kernel's documentation of cgroup v1 (cpu, memory) and v2.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from emulator.domain.tasks.task_limits import CPU_UNITS, TaskLimits
from emulator.engine.base import EngineError

PERIOD_US: Final = 100_000
LEAST_QUOTA_US: Final = 1_000  # the kernel's
_NEEDED: Final = ("cpu", "memory")
_MAKING_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class GroupFiles:
    """The control groups that are mounted at `mount`."""

    mount: Path = Path("/sys/fs/cgroup")
    _held: dict[str, int] = field(default_factory=dict)  # path to the open directory that bears our lock
    _holding: threading.Lock = field(default_factory=threading.Lock)

    @property
    def unified(self) -> bool:
        return (self.mount / "cgroup.controllers").exists()

    def writable(self) -> bool:
        """Whether directories could be made where cpu and memory are limited."""
        roots = [self.mount] if self.unified else [self.mount / controller for controller in _NEEDED]
        return all((root / "cgroup.procs").exists() and os.access(root, os.W_OK) for root in roots)

    def make(self, path: str) -> None:
        """In every hierarchy, so that who starts a container finds its parents there while others are removed."""
        for root in self._hierarchies():
            self._make_below(root, path)

    def limit(self, path: str, limits: TaskLimits) -> None:
        """Writes the limits. OSError where the kernel refuses one."""
        if self.unified:
            self._limit_2(self.mount / path.lstrip("/"), limits)
        else:
            self._limit_1(path, limits)

    def limited(self, path: str, limits: TaskLimits) -> bool:
        """Whether the kernel has these ceilings: what was asked of someone else is believed when it is seen."""
        try:
            quota, memory = self.ceilings(path)
        except (OSError, ValueError):
            return False
        wanted = _quota(limits.cpu_units) / PERIOD_US if limits.cpu_units else None
        page = os.sysconf("SC_PAGE_SIZE")
        return (wanted is None or (quota is not None and abs(quota - wanted) <= wanted / 100)) and (
            limits.memory_bytes is None or (memory is not None and abs(memory - limits.memory_bytes) < page)
        )

    def ceilings(self, path: str) -> tuple[float | None, int | None]:
        """The kernel's: CPUs, and bytes of memory. None: no ceiling. OSError without the group."""
        if self.unified:
            group = self.mount / path.lstrip("/")
            quota, period = _text(group / "cpu.max").split()
            memory = _text(group / "memory.max").strip()
            return None if quota == "max" else int(quota) / int(period), None if memory == "max" else int(memory)
        cpu, held = (self.mount / controller / path.lstrip("/") for controller in _NEEDED)
        given = int(_text(cpu / "cpu.cfs_quota_us"))
        share = given / int(_text(cpu / "cpu.cfs_period_us"))
        return None if given < 0 else share, int(_text(held / "memory.limit_in_bytes"))

    def cpu_used(self, path: str) -> int:
        """Nanoseconds that processes of the group, or of groups below it, have ever run; 0 where there is none."""
        with suppress(OSError, ValueError, IndexError):
            if self.unified:
                return int(_text(self.mount / path.lstrip("/") / "cpu.stat").split()[1]) * 1000
            return int(_text(self.mount / "cpuacct" / path.lstrip("/") / "cpuacct.usage"))
        return 0

    def hold(self, path: str) -> None:
        """Says that somebody alive uses the group, until our end, however we end: a lock on its directory, which the
        kernel keeps for all who see it, from whichever container. FileNotFoundError without the group."""
        with self._holding:
            directory, held = self._lockable(path), self._held.get(path)
            if held is not None and os.path.samestat(os.fstat(held), os.stat(directory)):
                return
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(descriptor, fcntl.LOCK_SH)  # `held_by_none` has the other lock for a moment only
            self._held[path] = descriptor
        if held is not None:
            os.close(held)  # of a group that was removed and made again

    def held_by_none(self, path: str) -> bool:
        """Whether nobody alive holds the group; False, too, where that cannot be known."""
        try:
            descriptor = os.open(self._lockable(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(descriptor)
        return True

    def _lockable(self, path: str) -> Path:
        """The same hierarchy for everybody."""
        return (self.mount if self.unified else self.mount / "memory") / path.lstrip("/")

    def children(self, path: str) -> list[str]:
        """Names of the groups right below, in whichever hierarchy."""
        found: set[str] = set()
        for root in self._hierarchies():
            with suppress(OSError):
                found |= {entry.name for entry in os.scandir(root / path.lstrip("/")) if entry.is_dir()}
        return sorted(found)

    def busy(self, path: str) -> bool:
        """Whether a process is in it, or below it."""
        for root in self._hierarchies():
            for directory, _, files in os.walk(root / path.lstrip("/")):
                if "cgroup.procs" in files and _text(Path(directory) / "cgroup.procs").strip():
                    return True
        return False

    def remove(self, path: str) -> None:
        """With the empty groups below it, and those above it that nobody uses any more. EngineError while in use."""
        for root in self._hierarchies():
            whole = root / path.lstrip("/")
            for directory, _, _ in os.walk(whole, topdown=False):
                try:
                    os.rmdir(directory)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    raise EngineError(f"the control group {path} is in use: {error.strerror}", 409) from error
            for parent in whole.parents:
                if parent == root:
                    break
                with suppress(OSError):
                    os.rmdir(parent)

    # ---- the two versions

    def _hierarchies(self) -> list[Path]:
        """Version 2 has one; in version 1 some controllers share theirs under several names."""
        if self.unified:
            return [self.mount]
        found = {entry.resolve() for entry in self.mount.iterdir() if (entry / "cgroup.procs").exists()}
        return sorted(found)

    def _make_below(self, root: Path, path: str) -> None:
        """Another task's end may take the parents away meanwhile: then once more."""
        for attempt in range(_MAKING_ATTEMPTS):
            try:
                directory = root
                for part in path.strip("/").split("/"):
                    self._open_to_children(root, directory)
                    directory = directory / part
                    with suppress(FileExistsError):
                        os.mkdir(directory, 0o755)
                return
            except FileNotFoundError:
                if attempt == _MAKING_ATTEMPTS - 1:
                    raise

    def _open_to_children(self, root: Path, directory: Path) -> None:
        """What is limited in a group must be handed down by those above it."""
        if self.unified:
            handed = _text(directory / "cgroup.subtree_control").split()
            for controller in (c for c in _NEEDED if c not in handed):
                _write(directory / "cgroup.subtree_control", f"+{controller}")
        elif directory != root:
            hierarchy = directory / "memory.use_hierarchy"  # kernels before 5.11 count children only when told to
            if hierarchy.exists() and _text(hierarchy).strip() == "0":
                _write(hierarchy, "1")

    def _limit_1(self, path: str, limits: TaskLimits) -> None:
        cpu, memory = (self.mount / controller / path.lstrip("/") for controller in _NEEDED)
        if limits.cpu_units is not None:
            _write(cpu / "cpu.cfs_period_us", str(PERIOD_US))
            _write(cpu / "cpu.cfs_quota_us", str(_quota(limits.cpu_units)))
        elif limits.cpu_shares is not None:
            _write(cpu / "cpu.shares", str(limits.cpu_shares))
        if limits.memory_bytes is None:
            return
        hierarchy = memory / "memory.use_hierarchy"
        if hierarchy.exists() and _text(hierarchy).strip() == "0":
            _write(hierarchy, "1")
        _in_either_order(
            lambda: _write(memory / "memory.limit_in_bytes", str(limits.memory_bytes)),
            lambda: _swap_1(memory, (limits.memory_bytes or 0) + limits.swap_bytes),
        )

    def _limit_2(self, group: Path, limits: TaskLimits) -> None:
        if limits.cpu_units is not None:
            _write(group / "cpu.max", f"{_quota(limits.cpu_units)} {PERIOD_US}")
        elif limits.cpu_shares is not None:
            _write(group / "cpu.weight", str(weight_of(limits.cpu_shares)))
        if limits.memory_bytes is not None:
            _write(group / "memory.max", str(limits.memory_bytes))
            if (group / "memory.swap.max").exists():
                _write(group / "memory.swap.max", str(limits.swap_bytes))


def weight_of(shares: int) -> int:
    """The weight of version 2 for shares of version 1, as runc maps them: 2..262144 onto 1..10000."""
    return 1 + (min(max(shares, 2), 262_144) - 2) * 9_999 // 262_142


def _quota(cpu_units: int) -> int:
    return max(LEAST_QUOTA_US, cpu_units * PERIOD_US // CPU_UNITS)


def _swap_1(memory: Path, with_swap: int) -> None:
    """Kernels without swap accounting lack the file."""
    if (memory / "memory.memsw.limit_in_bytes").exists():
        _write(memory / "memory.memsw.limit_in_bytes", str(with_swap))


def _in_either_order(first: Callable[[], None], second: Callable[[], None]) -> None:
    """Memory may never pass memory and swap: lowering begins with the one, raising with the other."""
    try:
        first()
        second()
    except OSError:
        second()
        first()


def _text(path: Path) -> str:
    return path.read_text(encoding="ascii", errors="replace")


def _write(path: Path, value: str) -> None:
    """One write of a file that is there: the kernel makes them, nobody else."""
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)
