"""The statistics of all running containers: one reading a second, in one thread; the last two of each are kept.

It decides when to read and what to remember; how a reading is made is the engine's.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from emulator.domain.container_statistics import Sample, document
from emulator.engine.base import ContainerState, Engine, EngineError

_log = logging.getLogger("homeport.control")

EVERY_S = 1.0


class Statistics:
    """`states` gives what control last saw of every container."""

    def __init__(self, engine: Engine, states: Callable[[], Iterable[ContainerState]]) -> None:
        self._engine = engine
        self._states = states
        self._kept: dict[str, tuple[str, Sample, Sample | None]] = {}
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

    def start(self) -> None:
        threading.Thread(target=self._run, name="homeport-statistics", daemon=True).start()

    def close(self) -> None:
        self._closing.set()

    def _run(self) -> None:
        while not self._closing.wait(EVERY_S):
            self.look()
