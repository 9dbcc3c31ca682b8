"""Container output on its way to CloudWatch Logs: the awslogs driver's part of a task's life.

Who starts a container calls `ensure_destination` in the transaction of its start, `open` before the engine's
`attach_output(container_id, delivery.lines, delivery.ended)`, and nothing more. A container without awslogs is
not opened: its output stays with the engine (`docker logs`) and nowhere else; lines of a container that was not
opened are ignored here.

Lines are committed within a fraction of a second. In mode `blocking`, `lines` waits when the store is full, which
in the end makes the container wait; in mode `non-blocking` (the default) lines beyond the container's
`max-buffer-size` are then dropped, counted and logged. Output for a stream that was deleted is dropped, too.

An event that may get more lines is given out by `flush_aged` 5 seconds after it began: call it every second or so.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from emulator.clock import Clock
from emulator.domain.logs.log_delivery import FORCE_FLUSH_MS, Destination, EventAssembler
from emulator.domain.logs.log_group import LogGroup, LogStream, StreamKey, stream_key
from emulator.domain.logs.log_replay import Replay
from emulator.engine.base import OutputLine
from emulator.ids import Ids
from emulator.store.database import Database, Reader, Transaction
from emulator.store.log_events import LogEvents
from emulator.store.log_queue import LogStoreClosed, StreamDeleted
from emulator.store.log_rows import Window
from emulator.store.logs_tables import LOG_GROUPS, LOG_STREAMS

_log = logging.getLogger("homeport.logs")

_REPLAY_MARGIN_S = 2.0
_REMEMBERED_EVENTS = 2_000


class DestinationUnavailable(Exception):
    """The container cannot start; the text is the reason that ECS shows."""


@dataclass(slots=True)
class _Output:
    """One container's open output."""

    stream: StreamKey
    assembler: EventAssembler
    own_limit_bytes: int | None
    replay: Replay | None = None  # while it is not known yet what of the replayed output is new
    dropped: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class LogDelivery:
    def __init__(self, events: LogEvents, clock: Clock) -> None:
        self._events = events
        self._clock = clock
        self._open: dict[str, _Output] = {}

    def ensure_destination(self, tx: Transaction, account: str, destination: Destination, ids: Ids) -> StreamKey:
        """The stream, made when it is missing, as is the group with awslogs-create-group.

        Raises DestinationUnavailable with ECS's text when the group is missing.
        """
        where = (account, destination.region, destination.group)
        now_ms = int(self._clock.now() * 1000)
        group = tx.get(LOG_GROUPS, *where)
        if group is None:
            if not destination.create_group:
                raise DestinationUnavailable(
                    "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 "
                    "times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log "
                    "group does not exist."
                )
            group = LogGroup(*where, ids.hex(), now_ms)
            tx.insert(LOG_GROUPS, group)
        stream = tx.get(LOG_STREAMS, *where, destination.stream)
        if stream is None:
            stream = LogStream(*where, destination.stream, ids.hex(), group.id, now_ms)
            tx.insert(LOG_STREAMS, stream)
        return stream_key(stream)

    def find_destination(self, reader: Reader, account: str, destination: Destination) -> StreamKey | None:
        """The stream of a container that is adopted after a restart; None when it was deleted meanwhile."""
        stream = reader.get(LOG_STREAMS, account, destination.region, destination.group, destination.stream)
        return None if stream is None else stream_key(stream)

    def open(self, container_id: str, destination: Destination, stream: StreamKey) -> None:
        """From now on the container's lines go to the stream."""
        own_limit = None if destination.blocking else destination.max_buffer_bytes
        self._open[container_id] = _Output(stream, EventAssembler(destination.begins_event), own_limit)

    def resume(self, container_id: str, destination: Destination, stream: StreamKey) -> float:
        """As `open`, after a restart of the emulator: since when the engine shall replay output (`replay_output`).

        Replayed lines that the stream has already are recognised and left out (domain/logs/log_replay.py).
        """
        self.open(container_id, destination, stream)
        self._events.flush()
        facts = self._events.facts(stream.group_id, [stream.stream_id]).get(stream.stream_id)
        if facts is None:
            return 0.0
        since = max(0.0, facts.last_event_ms / 1000 - _REPLAY_MARGIN_S)
        window = Window(
            stream.group_id,
            [stream.stream_id],
            start_ms=int((since - _REPLAY_MARGIN_S) * 1000),
            newest_first=True,
        )
        newest = [
            (event.timestamp_ms, event.message) for event in islice(self._events.scan(window), _REMEMBERED_EVENTS)
        ]
        self._open[container_id].replay = Replay(newest[::-1])
        return since

    def lines(self, container_id: str, lines: Sequence[OutputLine]) -> None:
        """The engine's output sink. Never raises."""
        output = self._open.get(container_id)
        if output is None:
            return
        with output.lock:
            self._take(
                container_id, output, output.assembler.feed((round(line.at * 1000), line.text) for line in lines)
            )

    def ended(self, container_id: str) -> None:
        """The engine's word that all lines were delivered: the last event is given out."""
        output = self._open.pop(container_id, None)
        if output is None:
            return
        with output.lock:
            self._take(container_id, output, output.assembler.flush())
            if output.replay is not None:
                self._append(container_id, output, output.replay.flush())
        if output.dropped:
            _log.warning("container %s: %d log events were dropped in all", container_id, output.dropped)

    def dropped(self, container_id: str) -> int:
        """How many events of an open container found no room or no stream."""
        output = self._open.get(container_id)
        return 0 if output is None else output.dropped

    def flush_aged(self) -> None:
        """Gives out every begun event that is 5 seconds old, and what is new of a replay that has come to its end."""
        begun_before = int(self._clock.now() * 1000) - FORCE_FLUSH_MS
        for container_id, output in list(self._open.items()):
            if output.assembler.begun_ms is not None or output.replay is not None:
                with output.lock:
                    self._take(container_id, output, output.assembler.flush(begun_before))
                    if output.replay is not None:
                        self._append(container_id, output, output.replay.flush_quiet())

    def _take(self, container_id: str, output: _Output, events: list[tuple[int, str]]) -> None:
        """Events, the first of which may be stored already after a restart."""
        if output.replay is not None and events:
            events = output.replay.feed(events)
            if output.replay.decided:
                output.replay = None
        self._append(container_id, output, events)

    def _append(self, container_id: str, output: _Output, events: list[tuple[int, str]]) -> None:
        if not events:
            return
        try:
            if self._events.append(output.stream, events, own_limit_bytes=output.own_limit_bytes):
                return
            reason = "the log store is full"
        except (StreamDeleted, LogStoreClosed) as error:
            reason = "the log stream was deleted" if isinstance(error, StreamDeleted) else "the emulator is stopping"
        if not output.dropped:
            _log.warning("container %s: log events are dropped, since %s", container_id, reason)
        output.dropped += len(events)


def sweep_expired(database: Database, events: LogEvents, now: float) -> int:
    """Deletes the events that are older than their group's retention; how many. For a timer, hourly or so."""
    with database.read() as reader:
        groups = reader.find(LOG_GROUPS)
    return sum(events.expire(g.id, g.oldest_kept_ms(int(now * 1000))) for g in groups if g.retention_days)


def forget_unknown(database: Database, events: LogEvents) -> None:
    """At start-up: deletes events whose stream the main database does not have (a crash during a deletion)."""
    with database.read() as reader:
        known = [stream.id for stream in reader.find(LOG_STREAMS)]
    events.keep_only(known)
