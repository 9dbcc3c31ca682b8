"""Statistics as the engine itself tells them, `GET /containers/{id}/stats`: once a second of each that is followed.

For an engine whose processes are not this host's. One connection for each running container; they are read without
waiting, so that a slow engine holds up nobody, and what was not renewed for a while is not told any more.
Source: Docker Engine API 1.41, ContainerStats.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from emulator.clock import monotonic
from emulator.domain.tasks.container_statistics import InterfaceCounters, Sample
from emulator.engine.base import EngineError
from emulator.engine.docker.calls import DockerCalls
from emulator.engine.docker.state import epoch_seconds
from emulator.engine.docker.stream import Deadline, send_get
from emulator.engine.statistics import Reading

OPENING_S: Final = 2.0
"""For all that are opened in one look."""
STALE_S: Final = 10.0
_MOST_BYTES: Final = 1 << 20
_COUNTERS: Final = tuple(f"{way}_{what}" for way in ("rx", "tx") for what in ("bytes", "packets", "errors", "dropped"))


@dataclass(slots=True)
class _Followed:
    """`rest` is what arrived of the answer and is not understood yet; `reading` the last whole one, told at `at`."""

    socket: socket.socket
    rest: bytes = b""
    reading: Reading | None = None
    at: float = 0.0
    begun: bool = False


class StatisticsStreams:
    """`offset_s` is how far the emulator's clock is ahead of the engine's. One thread at a time."""

    def __init__(self, calls: DockerCalls, offset_s: Callable[[], float]) -> None:
        self._calls = calls
        self._offset_s = offset_s
        self._followed: dict[str, _Followed] = {}

    def sample(self, running: Iterable[str]) -> dict[str, Reading]:
        """The newest reading of each; the same object as long as there is no newer one. One that was just begun to be
        followed has none yet."""
        wanted = dict.fromkeys(running)
        for container_id in self._followed.keys() - wanted.keys():
            self._drop(container_id)
        self._follow([container_id for container_id in wanted if container_id not in self._followed])
        for container_id, one in list(self._followed.items()):
            if not self._receive(one):
                self._drop(container_id)
        now = monotonic()
        fresh = {cid: one.reading for cid, one in self._followed.items() if now - one.at < STALE_S}
        return {container_id: reading for container_id, reading in fresh.items() if reading is not None}

    def close(self) -> None:
        for container_id in list(self._followed):
            self._drop(container_id)

    def _follow(self, container_ids: list[str]) -> None:
        """The rest is tried at the next look when the engine takes its time, or is not there."""
        deadline = Deadline(OPENING_S)
        for container_id in container_ids:
            try:
                path = f"/v{self._calls.api_version}/containers/{container_id}/stats"
                opened = send_get(self._calls.address, path, {"stream": "1"}, deadline)
            except EngineError:
                return
            opened.setblocking(False)
            self._followed[container_id] = _Followed(opened)

    def _drop(self, container_id: str) -> None:
        self._followed.pop(container_id).socket.close()

    def _receive(self, one: _Followed) -> bool:
        """Takes what is there. False at the end, or when it is not what was asked for."""
        while True:
            try:
                data = one.socket.recv(262_144)
            except BlockingIOError:
                return True
            except OSError:
                return False
            one.rest += data
            if not data or len(one.rest) > _MOST_BYTES or not self._take(one):
                return False

    def _take(self, one: _Followed) -> bool:
        """False when the engine refuses."""
        if not one.begun:
            head, end, rest = one.rest.partition(b"\r\n\r\n")
            if not end:
                return True
            if head.split(None, 2)[1:2] != [b"200"]:
                return False
            one.begun, one.rest = True, rest
        *whole, one.rest = one.rest.split(b"\n")
        told = next((line for line in reversed(whole) if line.strip()), None)
        if told is not None:
            offset_s = self._offset_s()
            one.reading, one.at = lambda: sample_of(json.loads(told), offset_s), monotonic()
        return True


def sample_of(told: Mapping[str, Any], offset_s: float = 0.0) -> Sample:
    """Docker's ContainerStats. KeyError or ValueError when it is of a container that does not run."""
    cpu, memory, blocks = told["cpu_stats"], told["memory_stats"], told.get("blkio_stats") or {}
    usage, held = cpu["cpu_usage"], cpu.get("throttling_data") or {}
    read = epoch_seconds(told["read"])
    if not read:
        raise ValueError("the container does not run")
    return Sample(
        at=read + offset_s,
        cpu_total=usage["total_usage"],
        cpu_user=usage.get("usage_in_usermode", 0),
        cpu_kernel=usage.get("usage_in_kernelmode", 0),
        system_cpu=cpu["system_cpu_usage"],
        online_cpus=cpu.get("online_cpus", 1),
        throttling=(held.get("periods", 0), held.get("throttled_periods", 0), held.get("throttled_time", 0)),
        memory_usage=memory["usage"],
        memory_max_usage=memory.get("max_usage", 0),
        memory_limit=memory.get("limit"),
        memory_stat=memory.get("stats") or {},
        pids=told.get("pids_stats", {}).get("current", 0),
        blkio_bytes=_blocks(blocks.get("io_service_bytes_recursive")),
        blkio_operations=_blocks(blocks.get("io_serviced_recursive")),
        interfaces={
            name: InterfaceCounters(*(counters.get(counter, 0) for counter in _COUNTERS))
            for name, counters in (told.get("networks") or {}).items()
        },
    )


def _blocks(entries: Iterable[Mapping[str, Any]] | None) -> tuple[tuple[int, int, str, int], ...]:
    return tuple((entry["major"], entry["minor"], entry["op"], entry["value"]) for entry in entries or ())
