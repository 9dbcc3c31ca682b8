"""Reads the output of all containers: one thread, one selector, whatever their number.

Decides how bytes become lines; what becomes of the lines is the sink's. Output arrives as Docker frames it: each write
behind eight bytes that name its stream, or bare when the container has a terminal.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

from emulator.clock import monotonic
from emulator.engine.base import OutputEnd, OutputLine, OutputSink
from emulator.engine.docker.state import epoch_seconds
from emulator.engine.docker.stream import DockerStream
from emulator.engine.line_splitter import LineSplitter

_RECEIVE_BYTES = 262_144
_log = logging.getLogger(__name__)


class Decoder(Protocol):
    """Turns what the socket gives into lines."""

    def feed(self, data: bytes, now: float) -> list[OutputLine]: ...

    def end(self) -> list[OutputLine]: ...


class FrameDecoder:
    """Frames of stdout and stderr. `stamped`: each frame begins with its time, as `logs?timestamps=1` gives it."""

    def __init__(self, stamped: bool = False, offset_s: float = 0.0) -> None:
        self._rest = b""
        self._stamped = stamped
        self._offset_s = offset_s
        self._splitters = (LineSplitter("stdout"), LineSplitter("stderr"))

    def feed(self, data: bytes, now: float) -> list[OutputLine]:
        lines: list[OutputLine] = []
        for kind, payload in self._frames(data):
            at = now
            if self._stamped:
                stamp, _, payload = payload.partition(b" ")
                at = epoch_seconds(stamp.decode("ascii", "replace")) + self._offset_s
            lines.extend(self._splitters[kind == 2].feed(payload, at))
        return lines

    def end(self) -> list[OutputLine]:
        return [line for splitter in self._splitters for line in splitter.end()]

    def _frames(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        data = self._rest + data if self._rest else data
        at, size = 0, len(data)
        while size - at >= 8:
            kind, length = struct.unpack_from(">BxxxL", data, at)
            if size - at - 8 < length:
                break
            yield kind, data[at + 8 : at + 8 + length]
            at += 8 + length
        self._rest = data[at:]


class TerminalDecoder:
    """The bare output of a container with a terminal: all of it is stdout."""

    def __init__(self, stamped: bool = False, offset_s: float = 0.0) -> None:
        self._splitter = LineSplitter("stdout")
        self._stamped = stamped
        self._offset_s = offset_s

    def feed(self, data: bytes, now: float) -> list[OutputLine]:
        return [self._read_stamp(line) for line in self._splitter.feed(data, now)]

    def end(self) -> list[OutputLine]:
        return [self._read_stamp(line) for line in self._splitter.end()]

    def _read_stamp(self, line: OutputLine) -> OutputLine:
        if not self._stamped:
            return line
        stamp, _, text = line.text.partition(b" ")
        at = epoch_seconds(stamp.decode("ascii", "replace"))
        return OutputLine(line.stream, text, at + self._offset_s) if at else line


class _Source:
    __slots__ = ("container_id", "decoder", "end", "expires", "first", "sink", "socket")

    def __init__(
        self, container_id: str, stream: DockerStream, decoder: Decoder, sink: OutputSink, end: OutputEnd
    ) -> None:
        self.container_id = container_id
        self.socket: socket.socket = stream.socket
        self.first = stream.take_first()
        self.decoder = decoder
        self.sink = sink
        self.end = end
        self.expires: float | None = None


class OutputReader:
    """The reading thread. It begins with the first source and ends with close()."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._selector = selectors.DefaultSelector()
        self._waker, self._wakened = socket.socketpair()
        self._wakened.setblocking(False)
        self._waker.setblocking(False)
        self._orders: deque[Callable[[], None]] = deque()
        self._sources: dict[str, set[_Source]] = {}
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False

    def add(self, container_id: str, stream: DockerStream, decoder: Decoder, sink: OutputSink, end: OutputEnd) -> None:
        """Takes the stream over; it is closed at its end."""
        source = _Source(container_id, stream, decoder, sink, end)
        self._order(lambda: self._begin(source))

    def expire(self, container_id: str, grace_s: float) -> None:
        """The container is gone: its streams end within `grace_s`.

        Docker 20.10 leaves the streams of a container that never started open (measured).
        """
        self._order(lambda: self._set_expiry(container_id, monotonic() + grace_s))

    def close(self) -> None:
        """Ends the thread. Sinks hear nothing after this returns, not even the end."""
        with self._lock:
            self._closed = True
            thread = self._thread
        self._wake()
        if thread is not None and thread is not threading.current_thread():
            thread.join(5.0)

    def _order(self, order: Callable[[], None]) -> None:
        with self._lock:
            if self._closed:
                return
            self._orders.append(order)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="container-output", daemon=True)
                self._thread.start()
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # full: it is being woken already
            self._waker.send(b"!")

    def _run(self) -> None:
        self._selector.register(self._wakened, selectors.EVENT_READ)
        while not self._closed:
            for key, _ in self._selector.select(self._until_expiry()):
                if self._closed:
                    break
                if key.data is None:
                    self._wakened.recv(4096)
                else:
                    self._read(key.data)
            while self._orders and not self._closed:
                self._orders.popleft()()
            self._end_expired()
        for source in [each for group in self._sources.values() for each in group]:
            source.socket.close()
        self._selector.close()

    def _begin(self, source: _Source) -> None:
        source.socket.setblocking(False)
        self._sources.setdefault(source.container_id, set()).add(source)
        self._selector.register(source.socket, selectors.EVENT_READ, source)
        if source.first:
            self._deliver(source, source.decoder.feed(source.first, self._now()))

    def _read(self, source: _Source) -> None:
        try:
            data = source.socket.recv(_RECEIVE_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            _log.warning("output of container %.12s ended: %s", source.container_id, error)
            data = b""
        if data:
            self._deliver(source, source.decoder.feed(data, self._now()))
        else:
            self._finish(source)

    def _finish(self, source: _Source) -> None:
        self._selector.unregister(source.socket)
        source.socket.close()
        group = self._sources[source.container_id]
        group.discard(source)
        if not group:
            del self._sources[source.container_id]
        self._deliver(source, source.decoder.end())
        try:
            source.end(source.container_id)
        except Exception:  # noqa: BLE001 - the reader serves all containers; one's sink must not end it
            _log.exception("the end of container %.12s's output was not taken", source.container_id)

    def _deliver(self, source: _Source, lines: list[OutputLine]) -> None:
        if not lines:
            return
        try:
            source.sink(source.container_id, lines)
        except Exception:  # noqa: BLE001 - as above
            _log.exception("%d lines of container %.12s were not taken", len(lines), source.container_id)

    def _set_expiry(self, container_id: str, at: float) -> None:
        for source in self._sources.get(container_id, ()):
            source.expires = at

    def _expiring(self) -> list[_Source]:
        return [each for group in self._sources.values() for each in group if each.expires is not None]

    def _until_expiry(self) -> float | None:
        due = [each.expires for each in self._expiring() if each.expires is not None]
        return max(0.0, min(due) - monotonic()) if due else None

    def _end_expired(self) -> None:
        for source in self._expiring():
            if source.expires is not None and source.expires <= monotonic():
                self._finish(source)
