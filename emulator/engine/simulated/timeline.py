"""When things happen in the simulated engine, and who hears of it: what is due, event streams, output to hand out."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from emulator.clock import Clock
from emulator.engine.base import EngineEvent
from emulator.engine.labels import bears
from emulator.engine.simulated.container import SimulatedContainer

_LOOK_AGAIN_S = 0.05

Action = Literal["create", "start", "die", "oom", "health_status", "destroy", "engine_lost", "engine_back"]
Happening = Callable[[SimulatedContainer, float], None]


class Timeline:
    """`lock` guards the whole engine; all but `deliver` and what iterates events is called with it held."""

    def __init__(self, clock: Clock, find: Callable[[str], SimulatedContainer | None]) -> None:
        self.lock = threading.RLock()
        self._clock = clock
        self._find = find
        self._changed = threading.Condition(self.lock)
        self._due: list[tuple[float, int, str, int, Happening]] = []
        self._counter = itertools.count()
        self._streams: list[SimulatedEvents] = []
        self._deliveries: deque[Callable[[], None]] = deque()
        self._delivering = threading.RLock()
        self._closed = False

    def plan(self, container: SimulatedContainer, at: float, happen: Happening) -> None:
        """It happens at that time, unless the container started or ended in between."""
        heapq.heappush(self._due, (at, next(self._counter), container.id, container.life, happen))

    def settle(self) -> None:
        """Lets everything happen that is due, in order of time."""
        now = self._clock.now()
        while self._due and self._due[0][0] <= now:
            at, _, container_id, life, happen = heapq.heappop(self._due)
            container = self._find(container_id)
            if container is not None and container.life == life:
                happen(container, at)

    def hand_out(self, delivery: Callable[[], None]) -> None:
        self._deliveries.append(delivery)

    def deliver(self) -> None:
        """Hands out output in order and without the engine's lock: sinks may take locks of their own."""
        with self._delivering:
            while self._deliveries:
                self._deliveries.popleft()()

    def emit(self, action: Action, container: SimulatedContainer | None, at: float, detail: str = "") -> None:
        if container is None:
            event = EngineEvent(action, "", {}, at, detail)
        else:
            labels = {**container.spec.labels, "image": container.spec.image, "name": container.spec.name}
            event = EngineEvent(action, container.id, labels, at, detail)
        for stream in self._streams:
            stream.offer(event)
        self._changed.notify_all()

    def events(self, labels: Mapping[str, str]) -> SimulatedEvents:
        with self.lock:
            stream = SimulatedEvents(labels, self)
            self._streams.append(stream)
            return stream

    def wait(self, has_something: Callable[[], bool]) -> bool:
        """Until then, or a short while: nobody tells when a clock is moved. True once closed."""
        with self.lock:
            self.settle()
            if not has_something() and not self._closed:
                until = self._clock.real_seconds_until(self._due[0][0]) if self._due else _LOOK_AGAIN_S
                self._changed.wait(min(until, _LOOK_AGAIN_S))
                self.settle()
            closed = self._closed
        self.deliver()
        return closed

    def close(self) -> None:
        with self.lock:
            self._closed = True
            self._changed.notify_all()


class SimulatedEvents:
    """The events of containers that bear the labels; endless until the engine is closed."""

    def __init__(self, labels: Mapping[str, str], timeline: Timeline) -> None:
        self._labels = dict(labels)
        self._timeline = timeline
        self._ready: deque[EngineEvent] = deque()

    def offer(self, event: EngineEvent) -> None:
        if not event.container_id or bears(event.labels, self._labels):
            self._ready.append(event)

    def __iter__(self) -> Iterator[EngineEvent]:
        return self

    def __next__(self) -> EngineEvent:
        while not self._ready:
            if self._timeline.wait(lambda: bool(self._ready)) and not self._ready:
                raise StopIteration
        return self._ready.popleft()
