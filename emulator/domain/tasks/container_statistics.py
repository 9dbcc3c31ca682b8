"""A container's statistics as the kernel's files tell them, in the shape of Docker's own answer. Pure.

Source: Docker Engine API, `GET /containers/{id}/stats`; the kernel's documentation of cgroup v1 and v2 and of
`/proc/<pid>/net/dev`; Amazon ECS developer guide for `network_rate_stats`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from emulator.domain.tasks.task_metadata import timestamp

_UNLIMITED: Final = 1 << 60  # cgroup v1 writes "no limit" as a number near 2**63


@dataclass(frozen=True, slots=True)
class InterfaceCounters:
    """One line of `/proc/<pid>/net/dev`."""

    rx_bytes: int = 0
    rx_packets: int = 0
    rx_errors: int = 0
    rx_dropped: int = 0
    tx_bytes: int = 0
    tx_packets: int = 0
    tx_errors: int = 0
    tx_dropped: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading. Times of CPU in nanoseconds, memory in bytes; `memory_limit` None: none of its own."""

    at: float
    cpu_total: int
    cpu_user: int = 0
    cpu_kernel: int = 0
    system_cpu: int = 0
    online_cpus: int = 1
    throttling: tuple[int, int, int] = (0, 0, 0)  # periods, throttled periods, throttled nanoseconds
    memory_usage: int = 0
    memory_max_usage: int = 0
    memory_limit: int | None = None
    memory_stat: Mapping[str, int] = field(default_factory=dict)
    pids: int = 0
    blkio_bytes: tuple[tuple[int, int, str, int], ...] = ()  # major, minor, operation, bytes
    blkio_operations: tuple[tuple[int, int, str, int], ...] = ()
    interfaces: Mapping[str, InterfaceCounters] = field(default_factory=dict)


def document(container_id: str, name: str, latest: Sample, before: Sample | None, host_memory: int) -> dict[str, Any]:
    """Docker's ContainerStats; without a reading before, the rates and `precpu_stats` are not there yet."""
    told: dict[str, Any] = {
        "read": timestamp(latest.at),
        "preread": timestamp(before.at) if before else "0001-01-01T00:00:00Z",
        "pids_stats": {"current": latest.pids},
        "blkio_stats": {
            "io_service_bytes_recursive": [_block(entry) for entry in latest.blkio_bytes],
            "io_serviced_recursive": [_block(entry) for entry in latest.blkio_operations],
        },
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": _cpu(latest),
        "precpu_stats": _cpu(before) if before else {},
        "memory_stats": _memory(latest, host_memory),
        "name": f"/{name}",
        "id": container_id,
        "networks": {interface: _network(counters) for interface, counters in latest.interfaces.items()},
    }
    rates = _rates(latest, before)
    return told if rates is None else {**told, "network_rate_stats": rates}


def _cpu(sample: Sample) -> dict[str, Any]:
    periods, throttled, throttled_ns = sample.throttling
    return {
        "cpu_usage": {
            "total_usage": sample.cpu_total,
            "usage_in_kernelmode": sample.cpu_kernel,
            "usage_in_usermode": sample.cpu_user,
        },
        "system_cpu_usage": sample.system_cpu,
        "online_cpus": sample.online_cpus,
        "throttling_data": {"periods": periods, "throttled_periods": throttled, "throttled_time": throttled_ns},
    }


def _memory(sample: Sample, host_memory: int) -> dict[str, Any]:
    limit = sample.memory_limit
    return {
        "usage": sample.memory_usage,
        "max_usage": sample.memory_max_usage,
        "stats": dict(sample.memory_stat),
        "limit": host_memory if limit is None or limit >= _UNLIMITED else limit,
    }


def _block(entry: tuple[int, int, str, int]) -> dict[str, Any]:
    major, minor, operation, value = entry
    return {"major": major, "minor": minor, "op": operation, "value": value}


def _network(counters: InterfaceCounters) -> dict[str, int]:
    return {
        name: getattr(counters, name)
        for direction in ("rx", "tx")
        for name in (f"{direction}_bytes", f"{direction}_packets", f"{direction}_errors", f"{direction}_dropped")
    }


def _rates(latest: Sample, before: Sample | None) -> dict[str, float] | None:
    """Bytes a second over all interfaces of the task."""
    if before is None or latest.at <= before.at:
        return None
    seconds = latest.at - before.at
    rates = {}
    for direction in ("rx", "tx"):
        name = f"{direction}_bytes"
        now = sum(getattr(counters, name) for counters in latest.interfaces.values())
        then = sum(getattr(counters, name) for counters in before.interfaces.values())
        rates[f"{name}_per_sec"] = max(0.0, (now - then) / seconds)
    return rates


# -- the kernel's files


def numbers(text: str) -> dict[str, int]:
    """`name value` lines, as of cpu.stat and memory.stat."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if value.strip().isdigit():
            found[name.rstrip(":")] = int(value)
    return found


def interfaces(text: str) -> dict[str, InterfaceCounters]:
    """`/proc/<pid>/net/dev`, without the loopback, as Docker leaves it out."""
    found = {}
    for line in text.splitlines()[2:]:
        name, _, rest = line.partition(":")
        values = [int(value) for value in rest.split()]
        if name.strip() != "lo" and len(values) >= 12:
            found[name.strip()] = InterfaceCounters(*values[0:4], *values[8:12])
    return found


def system_cpu(text: str, ticks_per_second: int) -> int:
    """Nanoseconds that all CPUs of the host have spent: the first seven figures of /proc/stat's first line."""
    ticks = sum(int(value) for value in text.split("\n", 1)[0].split()[1:8])
    return ticks * 1_000_000_000 // ticks_per_second


def cgroup_paths(text: str) -> dict[str, str]:
    """Of `/proc/<pid>/cgroup`: the path of each v1 controller, and under the empty name that of v2."""
    found = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            found[controller] = path
    return found


def block_v1(text: str) -> tuple[tuple[int, int, str, int], ...]:
    """`8:0 Read 4096` lines of blkio.throttle.io_service_bytes and io_serviced."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and ":" in words[0]:
            major, minor = words[0].split(":")
            found.append((int(major), int(minor), words[1], int(words[2])))
    return tuple(found)


def block_v2(text: str) -> tuple[tuple[tuple[int, int, str, int], ...], tuple[tuple[int, int, str, int], ...]]:
    """`8:0 rbytes=1 wbytes=2 rios=3 wios=4` lines of io.stat: bytes and operations."""
    size: list[tuple[int, int, str, int]] = []
    count: list[tuple[int, int, str, int]] = []
    for line in text.splitlines():
        device, *pairs = line.split()
        if ":" not in device:
            continue
        major, minor = (int(part) for part in device.split(":"))
        values = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        for key, target, operation in (
            ("rbytes", size, "Read"),
            ("wbytes", size, "Write"),
            ("rios", count, "Read"),
            ("wios", count, "Write"),
        ):
            if key in values:
                target.append((major, minor, operation, int(values[key])))
    return tuple(size), tuple(count)
