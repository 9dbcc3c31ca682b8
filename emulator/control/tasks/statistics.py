"""The statistics of all running containers: one reading a second, in one thread; the last two of each are kept.

It decides when to read and what to remember; how a reading is made is the engine's.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from emulator.clock import monotonic
from emulator.domain.tasks.container_statistics import document
from emulator.engine import labels
from emulator.engine.base import ContainerState, Engine, EngineError
from emulator.engine.statistics import Reading, StorageUse

_log = logging.getLogger("homeport.control")

EVERY_S = 1.0
LOOKS_APART = 19
"""Times as long as a look took."""
STORAGE_EVERY_S = 30.0
STORAGE_PATIENCE_S = 1.0
MIB = 1024 * 1024


class Statistics:
    """`states` gives what control last saw of every container."""

    def __init__(self, engine: Engine, states: Callable[[], Iterable[ContainerState]]) -> None:
        self._engine = engine
        self._states = states
        self._kept: dict[str, tuple[str, Reading, Reading | None]] = {}
        self._stored: dict[str, tuple[float, StorageUse]] = {}
        self._measuring: set[str] = set()
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
        try:
            return document(container_id, name, last(), before() if before else None, self._host_memory or 0)
        except (ValueError, KeyError) as error:
            _log.warning("the statistics of %s make no sense: %r", name, error)
            return None

    def storage_mib(self, containers: Iterable[tuple[str, str]]) -> int | None:
        """What containers (their ids and their images') take of the engine's disk, an image of several counted once;
        None when the engine has not told. Measured at most every half minute; nobody waits long for a slow engine."""
        wanted = dict(containers)
        self._renew_storage(wanted)
        with self._lock:
            found = {cid: self._stored[cid][1] for cid in wanted if cid in self._stored}
        if found.keys() != wanted.keys():
            return None
        images = {wanted[cid]: use.image for cid, use in found.items()}
        return -(-(sum(images.values()) + sum(use.written for use in found.values())) // MIB)

    def _renew_storage(self, wanted: Iterable[str]) -> None:
        now = monotonic()
        with self._lock:
            fresh = {cid for cid, (at, _) in self._stored.items() if now - at < STORAGE_EVERY_S}
            stale = [cid for cid in wanted if cid not in fresh and cid not in self._measuring]
            self._measuring.update(stale)
        if stale:
            measuring = threading.Thread(target=self._measure, args=(stale,), name="homeport-storage", daemon=True)
            measuring.start()
            measuring.join(STORAGE_PATIENCE_S)

    def _measure(self, container_ids: list[str]) -> None:
        for container_id in container_ids:
            try:
                use = self._engine.measure_storage(container_id)
            except EngineError as error:
                _log.debug("no storage of %s: %s", container_id[:12], error)
                use = None
            with self._lock:
                self._measuring.discard(container_id)
                if use is not None:
                    self._stored[container_id] = (monotonic(), use)

    def look(self) -> None:
        """One reading of every application container that runs; what runs no more is forgotten.

        Pause containers are left out: a task's network is its containers' own, and nobody can ask for the rest.
        """
        running = [
            state
            for state in self._states()
            if state.status == "running" and state.pid and state.labels.get(labels.KIND) != "pause"
        ]
        try:
            if running and self._host_memory is None:
                self._host_memory = self._engine.info().memory_mib * 1024 * 1024
            readings = self._engine.sample_statistics(running) if running else {}
        except EngineError as error:
            _log.debug("no statistics: %s", error)
            return
        names = {state.id: state.name for state in running}
        with self._lock:
            self._kept = {cid: (names[cid], one, self._before(cid, one)) for cid, one in readings.items()}
            self._stored = {cid: kept for cid, kept in self._stored.items() if cid in names}

    def _before(self, container_id: str, reading: Reading) -> Reading | None:
        """Under the lock. An engine that is asked may have nothing newer: then what was before it stays that."""
        _, last, before = self._kept.get(container_id, ("", None, None))
        return before if last is reading else last

    def start(self) -> None:
        threading.Thread(target=self._run, name="homeport-statistics", daemon=True).start()

    def close(self) -> None:
        self._closing.set()

    def _run(self) -> None:
        """With thousands of containers a look takes its time: it never takes more than a twentieth of all of it."""
        wait = EVERY_S
        while not self._closing.wait(wait):
            began = monotonic()
            self.look()
            wait = max(EVERY_S, LOOKS_APART * (monotonic() - began))
