"""A container's statistics out of the kernel's own files: cgroup v1 and v2, and /proc/<pid>.

Only for an engine on this host. A reading costs a fraction of a millisecond and asks nothing of the engine. Source: the
kernel's documentation of cgroups; the control groups of Docker Engine 20.10.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from emulator.domain.container_statistics import (
    Sample,
    block_v1,
    block_v2,
    cgroup_paths,
    interfaces,
    numbers,
    system_cpu,
)

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_NS_PER_TICK: Final = 1_000_000_000 // _TICKS
_NS_PER_US: Final = 1000


@dataclass(slots=True)
class CgroupFiles:
    """Remembers where each process's groups are, since that never changes."""

    now: Callable[[], float]
    proc: Path = Path("/proc")
    mount: Path = Path("/sys/fs/cgroup")
    _places: dict[int, dict[str, str]] = field(default_factory=dict)
    _cpus: int = field(default_factory=lambda: os.cpu_count() or 1)

    def readable(self) -> bool:
        """Whether this host's control groups can be read at all."""
        return (self.mount / "cgroup.controllers").exists() or (self.mount / "memory").is_dir()

    def sample(self, pid: int, system: int) -> Sample | None:
        """One reading of the container whose main process has this id; None when it is gone or not of this host."""
        try:
            places = self._places.get(pid)
            if places is None:
                places = self._places[pid] = cgroup_paths(_text(self.proc / str(pid) / "cgroup"))
            unified = (self.mount / "cgroup.controllers").exists()
            return self._version_2(pid, places, system) if unified else self._version_1(pid, places, system)
        except (OSError, ValueError, KeyError):
            self._places.pop(pid, None)
            return None

    def forget_all_but(self, pids: set[int]) -> None:
        for pid in [pid for pid in self._places if pid not in pids]:
            del self._places[pid]

    def system_cpu(self) -> int:
        """Nanoseconds of all CPUs; read once for all containers of a round."""
        return system_cpu(_text(self.proc / "stat"), _TICKS)

    def _version_1(self, pid: int, places: dict[str, str], system: int) -> Sample:
        accounting = self.mount / "cpuacct" / places["cpuacct"].lstrip("/")
        memory = self.mount / "memory" / places["memory"].lstrip("/")
        block = self.mount / "blkio" / places.get("blkio", "").lstrip("/")
        split = numbers(_text(accounting / "cpuacct.stat"))
        held = numbers(_optional(self.mount / "cpu" / places.get("cpu", "").lstrip("/") / "cpu.stat"))
        return Sample(
            at=self.now(),
            cpu_total=int(_text(accounting / "cpuacct.usage")),
            cpu_user=split.get("user", 0) * _NS_PER_TICK,
            cpu_kernel=split.get("system", 0) * _NS_PER_TICK,
            system_cpu=system,
            online_cpus=self._cpus,
            throttling=(held.get("nr_periods", 0), held.get("nr_throttled", 0), held.get("throttled_time", 0)),
            memory_usage=int(_text(memory / "memory.usage_in_bytes")),
            memory_max_usage=int(_text(memory / "memory.max_usage_in_bytes")),
            memory_limit=int(_text(memory / "memory.limit_in_bytes")),
            memory_stat=numbers(_text(memory / "memory.stat")),
            pids=_count(_optional(self.mount / "pids" / places.get("pids", "").lstrip("/") / "pids.current")),
            blkio_bytes=block_v1(_optional(block / "blkio.throttle.io_service_bytes")),
            blkio_operations=block_v1(_optional(block / "blkio.throttle.io_serviced")),
            interfaces=interfaces(_text(self.proc / str(pid) / "net" / "dev")),
        )

    def _version_2(self, pid: int, places: dict[str, str], system: int) -> Sample:
        group = self.mount / places[""].lstrip("/")
        cpu = numbers(_text(group / "cpu.stat"))
        limit = _text(group / "memory.max").strip()
        size, count = block_v2(_optional(group / "io.stat"))
        return Sample(
            at=self.now(),
            cpu_total=cpu["usage_usec"] * _NS_PER_US,
            cpu_user=cpu.get("user_usec", 0) * _NS_PER_US,
            cpu_kernel=cpu.get("system_usec", 0) * _NS_PER_US,
            system_cpu=system,
            online_cpus=self._cpus,
            throttling=(
                cpu.get("nr_periods", 0),
                cpu.get("nr_throttled", 0),
                cpu.get("throttled_usec", 0) * _NS_PER_US,
            ),
            memory_usage=int(_text(group / "memory.current")),
            memory_max_usage=_count(_optional(group / "memory.peak")),
            memory_limit=None if limit == "max" else int(limit),
            memory_stat=numbers(_text(group / "memory.stat")),
            pids=_count(_optional(group / "pids.current")),
            blkio_bytes=size,
            blkio_operations=count,
            interfaces=interfaces(_text(self.proc / str(pid) / "net" / "dev")),
        )


def _text(path: Path) -> str:
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()


def _optional(path: Path) -> str:
    """A file that some hosts do not have."""
    try:
        return _text(path)
    except OSError:
        return ""


def _count(text: str) -> int:
    return int(text) if text.strip().isdigit() else 0
