"""The statistics of all running containers: one reading a second, in one thread; the last two of each are kept.

It decides when to read and what to remember; how a reading is made is the engine's.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from emulator.clock import monotonic
from emulator.domain.container_statistics import Sample, document
from emulator.engine.base import ContainerState, Engine, EngineError
from emulator.engine.statistics import StorageUse

_log = logging.getLogger("homeport.control")

EVERY_S = 1.0
STORAGE_EVERY_S = 30.0
MIB = 1024 * 1024


class Statistics:
    """`states` gives what control last saw of every container."""

    def __init__(self, engine: Engine, states: Callable[[], Iterable[ContainerState]]) -> None:
        self._engine = engine
        self._states = states
        self._kept: dict[str, tuple[str, Sample, Sample | None]] = {}
        self._stored: dict[str, tuple[float, StorageUse]] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._host_memory: int | None = None

    def latest(self, container_id: str) -> Mapping[str, Any] | None:
        """Docker's ContainerStats of a running container, with ECS's network_rate_stats from the second reading on;
        None when there is no reading of it (yet)."""
        with self._lock:
            kept = self._kept.get(container_id)
        if kept is None:
            return None
        name, last, before = kept
        return document(container_id, name, last, before, self._host_memory or 0)

    def storage_mib(self, containers: Iterable[tuple[str, str]]) -> int | None:
        """What containers (their ids and their images') take of the engine's disk, an image of several counted once;
        None when the engine does not tell. Measured at most every half minute."""
        images: dict[str, int] = {}
        written = 0
        for container_id, image in containers:
            use = self._storage(container_id)
            if use is None:
                return None
            images[image] = use.image
            written += use.written
        return -(-(sum(images.values()) + written) // MIB)

    def _storage(self, container_id: str) -> StorageUse | None:
        with self._lock:
            kept = self._stored.get(container_id)
        if kept is not None and monotonic() - kept[0] < STORAGE_EVERY_S:
            return kept[1]
        try:
            use = self._engine.measure_storage(container_id)
        except EngineError as error:
            _log.debug("no storage of %s: %s", container_id[:12], error)
            return None
        if use is not None:
            with self._lock:
                self._stored[container_id] = (monotonic(), use)
        return use

    def look(self) -> None:
        """One reading of everything that runs; what runs no more is forgotten."""
        running = [state for state in self._states() if state.status == "running" and state.pid]
        try:
            if running and self._host_memory is None:
                self._host_memory = self._engine.info().memory_mib * 1024 * 1024
            samples = self._engine.sample_statistics(running) if running else {}
        except EngineError as error:
            _log.debug("no statistics: %s", error)
            return
        names = {state.id: state.name for state in running}
        with self._lock:
            before = {cid: kept[1] for cid, kept in self._kept.items()}
            self._kept = {cid: (names[cid], sample, before.get(cid)) for cid, sample in samples.items()}
            self._stored = {cid: kept for cid, kept in self._stored.items() if cid in names}

    def start(self) -> None:
        threading.Thread(target=self._run, name="homeport-statistics", daemon=True).start()

    def close(self) -> None:
        self._closing.set()

    def _run(self) -> None:
        while not self._closing.wait(EVERY_S):
            self.look()
