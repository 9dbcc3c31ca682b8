"""A container's statistics out of the kernel's own files: cgroup v1 and v2, and /proc/<pid>.

Only for an engine on this host. A reading costs a few hundredths of a millisecond and asks nothing of the engine: the
files stay open as far as this process may have files open, are read as bytes, and are understood when somebody asks for
them. Source: the kernel's documentation of cgroups; the control groups of Docker Engine 20.10.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from emulator.domain.tasks.container_statistics import (
    Sample,
    block_v1,
    block_v2,
    cgroup_paths,
    interfaces,
    numbers,
    system_cpu,
)
from emulator.engine.statistics import Reading

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_NS_PER_TICK: Final = 1_000_000_000 // _TICKS
_NS_PER_US: Final = 1000

# controller, file, whether every host has it
_VERSION_1: Final = (
    ("cpuacct", "cpuacct.usage", True),
    ("cpuacct", "cpuacct.stat", True),
    ("cpu", "cpu.stat", False),
    ("memory", "memory.usage_in_bytes", True),
    ("memory", "memory.max_usage_in_bytes", True),
    ("memory", "memory.limit_in_bytes", True),
    ("memory", "memory.stat", True),
    ("pids", "pids.current", False),
    ("blkio", "blkio.throttle.io_service_bytes", False),
    ("blkio", "blkio.throttle.io_serviced", False),
)
_VERSION_2: Final = (
    ("cpu.stat", True),
    ("memory.current", True),
    ("memory.peak", False),
    ("memory.max", True),
    ("memory.stat", True),
    ("pids.current", False),
    ("io.stat", False),
)
_NET: Final = "net/dev"
_READ_BYTES: Final = 65_536
_ONE_READ_BYTES: Final = 2048
"""The kernel gives such a file by the page, whole lines at a time: a shorter answer than this is the whole file."""


@dataclass(frozen=True, slots=True)
class _Files:
    """What was read at one moment, by file name; files that this host does not have are missing."""

    at: float
    system: int
    cpus: int
    texts: Mapping[str, bytes]

    def text(self, name: str) -> str:
        return self.texts.get(name, b"").decode("ascii", "replace")

    def number(self, name: str) -> int:
        return int(self.texts[name])


class _Version1(_Files):
    __slots__ = ()

    def __call__(self) -> Sample:
        split = numbers(self.text("cpuacct.stat"))
        held = numbers(self.text("cpu.stat"))
        return Sample(
            at=self.at,
            cpu_total=self.number("cpuacct.usage"),
            cpu_user=split.get("user", 0) * _NS_PER_TICK,
            cpu_kernel=split.get("system", 0) * _NS_PER_TICK,
            system_cpu=self.system,
            online_cpus=self.cpus,
            throttling=(held.get("nr_periods", 0), held.get("nr_throttled", 0), held.get("throttled_time", 0)),
            memory_usage=self.number("memory.usage_in_bytes"),
            memory_max_usage=self.number("memory.max_usage_in_bytes"),
            memory_limit=self.number("memory.limit_in_bytes"),
            memory_stat=numbers(self.text("memory.stat")),
            pids=_count(self.text("pids.current")),
            blkio_bytes=block_v1(self.text("blkio.throttle.io_service_bytes")),
            blkio_operations=block_v1(self.text("blkio.throttle.io_serviced")),
            interfaces=interfaces(self.text(_NET)),
        )


class _Version2(_Files):
    __slots__ = ()

    def __call__(self) -> Sample:
        cpu = numbers(self.text("cpu.stat"))
        limit = self.text("memory.max").strip()
        size, count = block_v2(self.text("io.stat"))
        return Sample(
            at=self.at,
            cpu_total=cpu["usage_usec"] * _NS_PER_US,
            cpu_user=cpu.get("user_usec", 0) * _NS_PER_US,
            cpu_kernel=cpu.get("system_usec", 0) * _NS_PER_US,
            system_cpu=self.system,
            online_cpus=self.cpus,
            throttling=(
                cpu.get("nr_periods", 0),
                cpu.get("nr_throttled", 0),
                cpu.get("throttled_usec", 0) * _NS_PER_US,
            ),
            memory_usage=self.number("memory.current"),
            memory_max_usage=_count(self.text("memory.peak")),
            memory_limit=None if limit == "max" else int(limit),
            memory_stat=numbers(self.text("memory.stat")),
            pids=_count(self.text("pids.current")),
            blkio_bytes=size,
            blkio_operations=count,
            interfaces=interfaces(self.text(_NET)),
        )


@dataclass(slots=True)
class _Place:
    """Where one process's files are: those of its groups, kept open or by their paths, and that of its network.

    The network's is opened each time: held open, it would keep a network alive that its container has left.
    """

    unified: bool
    paths: tuple[tuple[str, str], ...]
    network: str
    opened: list[tuple[str, int]] = field(default_factory=list)

    def open(self) -> None:
        """All of them, or none: then they are read by their paths, which says whether they are there at all."""
        try:
            for name, path in self.paths:
                self.opened.append((name, os.open(path, os.O_RDONLY | os.O_CLOEXEC)))
        except OSError:
            self.close()

    def close(self) -> None:
        while self.opened:
            os.close(self.opened.pop()[1])

    def read(self) -> dict[str, bytes]:
        if self.opened:
            texts = {name: _whole(descriptor) for name, descriptor in self.opened}
        else:
            texts = {name: _file(path) for name, path in self.paths}
        texts[_NET] = _file(self.network)
        return texts


@dataclass(slots=True)
class CgroupFiles:
    """Remembers where each process's files are, since that never changes. For one thread at a time.

    `most_open`: how many files may be kept open; those of further processes are opened anew for each reading.
    """

    now: Callable[[], float]
    proc: Path = Path("/proc")
    mount: Path = Path("/sys/fs/cgroup")
    most_open: int = field(default_factory=lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
    _places: dict[int, _Place] = field(default_factory=dict)
    _opened: int = 0
    _cpus: int = field(default_factory=lambda: os.cpu_count() or 1)

    def readable(self) -> bool:
        """Whether this host's control groups can be read at all."""
        return self._unified() or (self.mount / "memory").is_dir()

    def read(self, pid: int, system: int) -> Reading | None:
        """One reading of the container whose main process has this id; None when it is gone or not of this host."""
        try:
            place = self._places.get(pid) or self._find(pid)
            texts = place.read()
        except (OSError, ValueError, KeyError):
            self._forget(pid)
            return None
        of_version = _Version2 if place.unified else _Version1
        return of_version(self.now(), system, self._cpus, texts)

    def forget_all_but(self, pids: set[int]) -> None:
        for pid in [pid for pid in self._places if pid not in pids]:
            self._forget(pid)

    def close(self) -> None:
        self.forget_all_but(set())

    def system_cpu(self) -> int:
        """Nanoseconds of all CPUs; read once for all containers of a round."""
        return system_cpu(_file(str(self.proc / "stat")).decode("ascii", "replace"), _TICKS)

    def _unified(self) -> bool:
        return (self.mount / "cgroup.controllers").exists()

    def _find(self, pid: int) -> _Place:
        place = self._places[pid] = self._place(pid)
        if self._opened + len(place.paths) <= self.most_open:
            place.open()
            self._opened += len(place.opened)
        return place

    def _forget(self, pid: int) -> None:
        place = self._places.pop(pid, None)
        if place is not None:
            self._opened -= len(place.opened)
            place.close()

    def _place(self, pid: int) -> _Place:
        groups = cgroup_paths(_file(str(self.proc / str(pid) / "cgroup")).decode("ascii", "replace"))
        unified = self._unified()
        found: list[tuple[str, str]] = []
        if unified:
            group = self.mount / groups[""].lstrip("/")
            found = [(name, str(group / name)) for name, always in _VERSION_2 if always or (group / name).exists()]
        else:
            for controller, name, always in _VERSION_1:
                path = self.mount / controller / groups.get(controller, "").lstrip("/") / name
                if always and controller not in groups:
                    raise KeyError(controller)
                if always or path.exists():
                    found.append((name, str(path)))
        return _Place(unified, tuple(found), str(self.proc / str(pid) / _NET))


def _file(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _whole(descriptor)
    finally:
        os.close(descriptor)


def _whole(descriptor: int) -> bytes:
    """All of a file, from its beginning, with as few calls as may be: a reading is eleven of these."""
    found = os.pread(descriptor, _READ_BYTES, 0)
    if len(found) >= _ONE_READ_BYTES:
        while more := os.pread(descriptor, _READ_BYTES, len(found)):
            found += more
    return found


def _count(text: str) -> int:
    return int(text) if text.strip().isdigit() else 0
