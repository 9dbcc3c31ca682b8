"""The engine's event stream, as an iterator that survives the engine and ends when told."""

from __future__ import annotations

import json
import logging
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, cast

from emulator.engine.base import EngineError, EngineEvent
from emulator.engine.docker.stream import Deadline, DockerStream

NAMES = ("create", "start", "die", "oom", "health_status", "destroy")
"""Asked for by name: every health probe makes three exec events, which nobody wants."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_log = logging.getLogger(__name__)

Action = Literal["create", "start", "die", "oom", "health_status", "destroy"]


class EventStream:
    """Iterated from one thread; close() may come from another and ends the iteration at once."""

    def __init__(
        self, open_events: Callable[[], DockerStream], now: Callable[[], float], offset: Callable[[], float]
    ) -> None:
        self._open = open_events
        self._now = now
        self._offset = offset
        self._waker, self._wakened = socket.socketpair()
        self._closed = threading.Event()
        self._ready: deque[EngineEvent] = deque()
        self._rest = b""
        self._pause_s = _FIRST_PAUSE_S
        self._lost = False
        self._stream: DockerStream | None = None
        self._connect()

    def __iter__(self) -> Iterator[EngineEvent]:
        return self

    def __next__(self) -> EngineEvent:
        while not self._ready:
            if self._closed.is_set():
                self._drop()
                raise StopIteration
            if self._stream is None:
                self._closed.wait(self._pause_s)
                self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)
                if not self._closed.is_set():
                    self._connect()
            else:
                self._receive(self._stream)
        return self._ready.popleft()

    def close(self) -> None:
        self._closed.set()
        self._waker.send(b"!")

    def _connect(self) -> None:
        try:
            self._stream = self._open()
        except EngineError as error:
            self._say_lost(str(error))
            return
        self._rest = b""
        self._pause_s = _FIRST_PAUSE_S
        if self._lost:
            self._lost = False
            self._ready.append(EngineEvent("engine_back", "", {}, self._now()))
        self._read(self._stream.take_first())

    def _receive(self, stream: DockerStream) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(stream.socket, selectors.EVENT_READ)
            selector.register(self._wakened, selectors.EVENT_READ)
            selector.select()
        if self._closed.is_set():
            return
        try:
            data = stream.read(Deadline(1.0))
        except EngineError as error:
            _log.debug("event stream: %s", error)
            data = b""
        if data:
            self._read(data)
        else:
            self._drop()
            self._say_lost("the engine closed its event stream")

    def _read(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            event = engine_event(json.loads(line), self._offset()) if line.strip() else None
            if event is not None:
                self._ready.append(event)

    def _say_lost(self, why: str) -> None:
        if not self._lost:
            self._lost = True
            self._ready.append(EngineEvent("engine_lost", "", {}, self._now(), why))

    def _drop(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def event_filters(labels: Mapping[str, str]) -> str:
    """The `filters` of `GET /events`."""
    wanted = {"type": ["container"], "event": list(NAMES), "label": [f"{k}={v}" for k, v in labels.items()]}
    return json.dumps(wanted)


def engine_event(message: Mapping[str, Any], offset_s: float = 0.0) -> EngineEvent | None:
    """One message of the stream; None for what was not asked for."""
    action, _, detail = str(message.get("Action", "")).partition(": ")
    if action not in NAMES:
        return None
    actor = message.get("Actor") or {}
    attributes = actor.get("Attributes") or {}
    if action == "die":
        detail = str(attributes.get("exitCode", ""))
    at = (message.get("timeNano") or 0) / 1e9 or float(message.get("time") or 0)
    return EngineEvent(cast("Action", action), str(actor.get("ID", "")), attributes, at + offset_s, detail)
