"""What waits to be written to the log store: bounded, ordered within a stream, fair between streams.

Decides whose events go into the next transaction, who has to wait for room, and who is woken when. Knows nothing
of SQLite; all waiting is in real time, since it is the disk that is waited for.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from emulator.domain.logs.log_group import EVENT_OVERHEAD_BYTES, StreamKey

T = TypeVar("T")

MAXIMUM_QUEUED_BYTES = 64 * 1024 * 1024
"""More than this waits for the disk only when callers' own limits allow it."""

STREAM_SHARE_EVENTS = 5_000
"""What one stream may add to a transaction (but always one whole append), while others wait."""

_EAGER_BYTES = 1024 * 1024

_log = logging.getLogger("homeport.logs")


class StreamDeleted(Exception):
    """The stream, or its group, was deleted."""


class LogStoreClosed(Exception):
    """The emulator is stopping."""


class LogStoreFailed(Exception):
    """The disk refused, or did not answer in time."""


class Ticket:
    """Waits for one append's commit."""

    def __init__(self) -> None:
        self._settled = threading.Event()
        self._error: Exception | None = None

    def settle(self, error: Exception | None) -> None:
        self._error = error
        self._settled.set()

    def wait(self, timeout_s: float) -> None:
        """Raises LogStoreFailed, LogStoreClosed or StreamDeleted."""
        if not self._settled.wait(timeout_s):
            raise LogStoreFailed(f"log events were not written within {timeout_s:g} s")
        if self._error is not None:
            raise self._error


@dataclass(frozen=True, slots=True)
class Append:
    stream: StreamKey
    events: Sequence[tuple[int, str]]
    ingestion_ms: int
    size_bytes: int
    number: int
    ticket: Ticket | None


@dataclass(slots=True)
class _Line:
    """One stream's appends that wait."""

    appends: deque[Append] = field(default_factory=deque)
    size_bytes: int = 0


class Command:
    """Work for the writer thread, run between two transactions; `result` gives its outcome to the caller."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._done = threading.Event()
        self._value: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._value = self._work()
        except Exception as error:  # noqa: BLE001  # raised again in the calling thread
            self._error = error
        self._done.set()

    def result(self) -> Any:
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._value


@dataclass(frozen=True, slots=True)
class Turn:
    """What the writer does next."""

    appends: list[Append]
    command: Command | None


class LogQueue:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._lines: dict[str, _Line] = {}
        self._commands: deque[Command] = deque()
        self._buried: set[str] = set()
        self._bytes = 0
        self._last_number = 0
        self._writing_from: int | None = None
        self._hurry = 0
        self._closed = False

    def put(
        self,
        stream: StreamKey,
        events: Sequence[tuple[int, str]],
        ingestion_ms: int,
        *,
        ticket: Ticket | None = None,
        own_limit_bytes: int | None = None,
    ) -> bool:
        """False when refused for want of room. Waits for room when the caller named no limit."""
        if not events:
            if ticket is not None:
                ticket.settle(None)
            return True
        clean, size = _measure(events)
        with self._changed:
            while self._bytes >= MAXIMUM_QUEUED_BYTES and not self._closed:
                if own_limit_bytes is not None:
                    line = self._lines.get(stream.stream_id)
                    if line is not None and line.size_bytes + size > own_limit_bytes:
                        return False
                    break
                self._changed.wait()
            if self._closed:
                raise LogStoreClosed
            if stream.stream_id in self._buried or stream.group_id in self._buried:
                raise StreamDeleted(stream.stream_name)
            self._last_number += 1
            line = self._lines.setdefault(stream.stream_id, _Line())
            line.appends.append(Append(stream, clean, ingestion_ms, size, self._last_number, ticket))
            line.size_bytes += size
            self._bytes += size
            self._hurry += ticket is not None
            self._changed.notify_all()
        return True

    def call(self, work: Callable[[], T]) -> T:
        """Runs work on the writer thread; its value or its exception."""
        command = Command(work)
        with self._changed:
            if self._closed:
                raise LogStoreClosed
            self._commands.append(command)
            self._changed.notify_all()
        value: T = command.result()
        return value

    def bury(self, some_id: str) -> None:
        """Drops what waits for a stream or for all streams of a group, and refuses what still comes."""
        with self._changed:
            self._buried.add(some_id)
            for stream_id, line in list(self._lines.items()):
                if some_id in (stream_id, line.appends[0].stream.group_id):
                    self._drop(stream_id, line)
            self._changed.notify_all()

    def flush(self, timeout_s: float) -> None:
        with self._changed:
            number = self._last_number
            self._hurry += 1
            self._changed.notify_all()
            try:
                if not self._changed.wait_for(lambda: self._oldest() > number, timeout_s):
                    raise LogStoreFailed(f"log events were not written within {timeout_s:g} s")
            finally:
                self._hurry -= 1

    def close(self) -> None:
        """No more is taken; the writer ends once all is written."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self, linger_s: float) -> Turn | None:
        """The writer's next turn; waits for one. None when closed and nothing is left."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._commands or self._closed)
            if not self._commands:
                self._changed.wait_for(self._due, linger_s)
            if self._commands:
                return Turn([], self._commands.popleft())
            if not self._lines:
                return None if self._closed else Turn([], None)
            return Turn(self._share_out(), None)

    def done(self, turn: Turn) -> None:
        """The turn's transaction is over: there is room again."""
        with self._changed:
            self._writing_from = None
            self._bytes -= sum(append.size_bytes for append in turn.appends)
            self._changed.notify_all()

    def failed(self, appends: Sequence[Append], error: Exception) -> None:
        """The disk refused: who waits is told, output is lost and that is logged."""
        lost = sum(len(append.events) for append in appends if append.ticket is None)
        if lost:
            _log.error("%d lines of container output could not be written and are lost: %s", lost, error)
        for append in appends:
            if append.ticket is not None:
                append.ticket.settle(LogStoreFailed(str(error)))

    def _due(self) -> bool:
        return bool(self._hurry > 0 or self._bytes >= _EAGER_BYTES or self._commands or self._closed)

    def _share_out(self) -> list[Append]:
        """From each stream in turn whole appends, up to its share."""
        taken: list[Append] = []
        for stream_id, line in list(self._lines.items()):
            count = 0
            while line.appends and (count == 0 or count + len(line.appends[0].events) <= STREAM_SHARE_EVENTS):
                append = line.appends.popleft()
                line.size_bytes -= append.size_bytes
                count += len(append.events)
                self._hurry -= append.ticket is not None
                taken.append(append)
            if not line.appends:
                del self._lines[stream_id]
        self._writing_from = min(append.number for append in taken)
        return taken

    def _oldest(self) -> int:
        """The number of the first append that is not committed yet."""
        waiting = [line.appends[0].number for line in self._lines.values()]
        if self._writing_from is not None:
            waiting.append(self._writing_from)
        return min(waiting, default=self._last_number + 1)

    def _drop(self, stream_id: str, line: _Line) -> None:
        del self._lines[stream_id]
        self._bytes -= line.size_bytes
        for append in line.appends:
            if append.ticket is not None:
                self._hurry -= 1
                append.ticket.settle(StreamDeleted(append.stream.stream_name))


def _measure(events: Sequence[tuple[int, str]]) -> tuple[Sequence[tuple[int, str]], int]:
    """The events with lone surrogates replaced (SQLite and UTF-8 have no place for them), and their size."""
    size = EVENT_OVERHEAD_BYTES * len(events)
    try:
        for _, message in events:
            size += len(message) if message.isascii() else len(message.encode())
    except UnicodeEncodeError:
        return _measure(
            [(at, text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")) for at, text in events]
        )
    return events, size
