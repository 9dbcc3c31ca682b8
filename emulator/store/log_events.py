"""Log events in a SQLite file of their own, so that output never waits for the main database, nor it for output (D3).

One thread writes. Callers queue; each transaction takes a bounded share of every stream that has something queued,
so a stream that pours never keeps another from being written. Events of a stream keep the order they came in.
What `append_durably` returned from survives a `kill -9`; what `append` took is committed within LINGER_S
or as fast as the disk allows.

Back-pressure: when MAXIMUM_QUEUED_BYTES wait for the disk, `append` waits for room, unless the caller names a limit
of its own: then it is refused once that stream alone has more than that queued.

Streams are known by their ids; that they exist, and their names' meaning, is the business of the main database.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from emulator.clock import Clock, monotonic
from emulator.domain.logs.log_group import EVENT_OVERHEAD_BYTES, StreamKey
from emulator.store.database import opening
from emulator.store.log_queue import Append, LogQueue, Ticket
from emulator.store.log_rows import SCHEMA, StoredEvent, StreamFacts, Window

T = TypeVar("T")

LINGER_S = 0.05
CLOSE_GRACE_S = 2.0
"""How long the writer waits for more output before it commits; nobody waits for output to be committed."""

_CHUNK = 10_000
_LARGEST = 2**63 - 1  # what a column holds; a client's token may say anything


_log = logging.getLogger("homeport.logs")


class LogEvents:
    """The store. `clock` gives ingestion times."""

    def __init__(self, path: Path, clock: Clock, *, durable: bool = True) -> None:
        self.path = path
        self._clock = clock
        self._sync = "NORMAL" if durable else "OFF"
        with opening(path):
            self._connection = self._connect()
            for statement in SCHEMA:
                self._connection.execute(statement)
        self._readers: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._numbers: dict[str, tuple[int, int]] = {}
        self._committed = threading.Condition()
        self._last_sequence = self._newest_sequence()
        self.ending = False
        self._queue = LogQueue()
        self._writer = threading.Thread(target=self._write_forever, name="homeport-logs", daemon=True)
        self._writer.start()

    # -- writing

    def append(
        self, stream: StreamKey, events: Sequence[tuple[int, str]], *, own_limit_bytes: int | None = None
    ) -> bool:
        """Takes (timestamp in ms, message) pairs; False when there was no room (see the module's back-pressure).

        Raises StreamDeleted and LogStoreClosed.
        """
        return self._queue.put(stream, events, self._now_ms(), own_limit_bytes=own_limit_bytes)

    def append_durably(self, stream: StreamKey, events: Sequence[tuple[int, str]], *, timeout_s: float = 30) -> None:
        """Returns once the events are committed. Raises StreamDeleted, LogStoreFailed, LogStoreClosed."""
        ticket = Ticket()
        self._queue.put(stream, events, self._now_ms(), ticket=ticket)
        ticket.wait(timeout_s)

    def flush(self, timeout_s: float = 30) -> None:
        """Returns once everything queued before is committed or was given up. Raises LogStoreFailed after the time."""
        self._queue.flush(timeout_s)

    def delete_stream(self, group_id: str, stream_id: str) -> None:
        """Its events are gone when this returns; later appends to it raise StreamDeleted."""
        self._queue.bury(stream_id)
        self._on_writer(lambda: self._connection.execute("UPDATE streams SET deleted = 1 WHERE id = ?", (stream_id,)))
        self._purge()

    def delete_group(self, group_id: str) -> None:
        """As delete_stream, for all streams of the group."""
        self._queue.bury(group_id)
        self._on_writer(
            lambda: self._connection.execute(
                "UPDATE streams SET deleted = 1 WHERE group_no = (SELECT no FROM groups WHERE id = ?)", (group_id,)
            )
        )
        self._purge()

    def expire(self, group_id: str, before_ms: int) -> int:
        """Deletes the group's events older than a time; how many. Other writers get their turn in between."""
        total = 0
        while deleted := self._on_writer(lambda: self._expire_chunk(group_id, before_ms)):
            total += deleted
        return total

    def keep_only(self, stream_ids: Iterable[str]) -> None:
        """At start-up: deletes the events of streams that the main database does not know (a crash between the two)."""
        known = set(stream_ids)
        gone = [row for row in self._rows("SELECT id FROM streams WHERE deleted = 0") if row[0] not in known]
        self._on_writer(lambda: self._connection.executemany("UPDATE streams SET deleted = 1 WHERE id = ?", gone))
        self._purge()

    def clear(self) -> None:
        """Deletes everything (`homeport reset`); streams that had events take no more."""
        for (stream_id,) in self._rows("SELECT id FROM streams"):
            self._queue.bury(stream_id)
        self._on_writer(self._clear)

    def end_following(self) -> None:
        """Homeport ends soon: who follows what comes is to stop once nothing is left (`ending`)."""
        with self._committed:
            self.ending = True
            self._committed.notify_all()

    def close(self) -> None:
        """Commits what is queued, then ends. A writer that is at something long is not waited for: it is cut off with
        the process, and SQLite undoes what was not committed."""
        self._queue.close()
        self._writer.join(CLOSE_GRACE_S)
        if self._writer.is_alive():
            _log.warning("the log events that were received last may not be kept: the writer is busy")
            return
        with contextlib.suppress(queue.Empty):
            while True:
                self._readers.get_nowait().close()
        self._connection.close()
        with self._committed:
            self._committed.notify_all()

    # -- reading

    def scan(self, window: Window) -> Generator[StoredEvent, None, None]:
        """The committed events of a window in order, from one snapshot; close the iterator when stopping early."""
        sql, values = self._select(window)
        if not sql:
            return
        with self._reader() as connection:
            for row in connection.execute(sql, values):
                yield StoredEvent(*row)

    def facts(self, group_id: str, stream_ids: Sequence[str] | None = None) -> dict[str, StreamFacts]:
        """By stream id; streams without events are left out."""
        sql = (
            "SELECT s.id, s.first_ms, s.last_ms, s.ingested_ms, s.bytes FROM streams s JOIN groups g "
            "ON g.no = s.group_no WHERE g.id = ? AND s.deleted = 0 AND s.first_ms IS NOT NULL"
        )
        values: list[object] = [group_id]
        if stream_ids is not None:
            sql += f" AND s.id IN ({', '.join('?' * len(stream_ids))})"
            values += stream_ids
        return {row[0]: StreamFacts(*row[1:]) for row in self._rows(sql, values)}

    def stored_bytes(self, group_id: str) -> int:
        """Messages in UTF-8 plus 26 bytes an event, of what is committed and not expired."""
        sql = (
            "SELECT COALESCE(SUM(bytes), 0) FROM streams WHERE deleted = 0 "
            "AND group_no = (SELECT no FROM groups WHERE id = ?)"
        )
        return int(self._rows(sql, (group_id,))[0][0])

    def follow(self, group_id: str, stream_ids: Sequence[str] | None = None, after: int | None = None) -> Follower:
        """Events as they are committed from now on, or after a sequence number."""
        return Follower(self, group_id, stream_ids, self._last_sequence if after is None else after)

    @property
    def newest_sequence(self) -> int:
        """The number of the event committed last."""
        return self._last_sequence

    def wait_for_commit(self, after: int, timeout_s: float) -> bool:
        """Whether something newer than a sequence number was committed within that real time."""
        with self._committed:
            self._committed.wait_for(lambda: self._last_sequence > after or self.ending, timeout_s)
            return self._last_sequence > after

    def arrived_after(
        self, group_id: str, stream_ids: Sequence[str] | None, sequence: int, limit: int = 1000
    ) -> list[StoredEvent]:
        """In the order of arrival."""
        sql = (
            "SELECT e.sequence, s.name, e.at_ms, e.ingested_ms, e.message FROM events e "
            "CROSS JOIN streams s ON s.no = e.stream_no WHERE e.sequence > ? AND s.deleted = 0 "
            "AND +e.group_no = (SELECT no FROM groups WHERE id = ?)"
        )
        values: list[object] = [sequence, group_id]
        if stream_ids is not None:
            sql += f" AND s.id IN ({', '.join('?' * len(stream_ids))})"
            values += stream_ids
        return [StoredEvent(*row) for row in self._rows(f"{sql} ORDER BY e.sequence LIMIT {int(limit)}", values)]

    # -- the writer thread

    def _write_forever(self) -> None:
        while (turn := self._queue.take(LINGER_S)) is not None:
            if turn.command is not None:
                turn.command.run()
            if turn.appends:
                self._commit(turn.appends)
                self._queue.done(turn)

    def _commit(self, appends: Sequence[Append]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for append in appends:
                self._insert(append)
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001  # the one writer must live on, whatever one batch holds
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._numbers.clear()
            self._queue.failed(appends, error)
            return
        with self._committed:
            self._last_sequence = self._newest_sequence()
            self._committed.notify_all()
        for append in appends:
            if append.ticket is not None:
                append.ticket.settle(None)

    def _insert(self, append: Append) -> None:
        group_no, stream_no = self._number(append.stream)
        at = append.ingestion_ms
        self._connection.executemany(
            "INSERT INTO events (group_no, stream_no, at_ms, ingested_ms, message) VALUES (?, ?, ?, ?, ?)",
            [(group_no, stream_no, when, at, message) for when, message in append.events],
        )
        times = [when for when, _ in append.events]
        first, last = min(times), max(times)
        self._connection.execute(
            "UPDATE streams SET first_ms = MIN(COALESCE(first_ms, ?), ?), last_ms = MAX(COALESCE(last_ms, ?), ?), "
            "ingested_ms = ?, bytes = bytes + ? WHERE no = ?",
            (first, first, last, last, at, append.size_bytes, stream_no),
        )

    def _number(self, stream: StreamKey) -> tuple[int, int]:
        known = self._numbers.get(stream.stream_id)
        if known is not None:
            return known
        execute = self._connection.execute
        execute("INSERT OR IGNORE INTO groups (id) VALUES (?)", (stream.group_id,))
        group_no = execute("SELECT no FROM groups WHERE id = ?", (stream.group_id,)).fetchone()[0]
        execute(
            "INSERT OR IGNORE INTO streams (id, group_no, name) VALUES (?, ?, ?)",
            (stream.stream_id, group_no, stream.stream_name),
        )
        stream_no = execute("SELECT no FROM streams WHERE id = ?", (stream.stream_id,)).fetchone()[0]
        self._numbers[stream.stream_id] = group_no, stream_no
        return group_no, stream_no

    def _on_writer(self, work: Callable[[], T]) -> T:
        def in_transaction() -> T:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                result = work()
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            return result

        return self._queue.call(in_transaction)

    def _purge(self) -> None:
        """Removes the events of streams marked deleted, a chunk a turn, then the streams."""
        while self._on_writer(self._purge_chunk):
            pass

    def _purge_chunk(self) -> bool:
        execute = self._connection.execute
        gone = execute("SELECT no, id FROM streams WHERE deleted = 1 LIMIT 1").fetchone()
        if gone is None:
            return False
        chunk = "SELECT sequence FROM events WHERE stream_no = ? LIMIT ?"
        if execute(f"DELETE FROM events WHERE sequence IN ({chunk})", (gone[0], _CHUNK)).rowcount < _CHUNK:
            execute("DELETE FROM streams WHERE no = ?", (gone[0],))
            self._numbers.pop(gone[1], None)
        return True

    def _expire_chunk(self, group_id: str, before_ms: int) -> int:
        rows = self._connection.execute(
            "SELECT sequence, stream_no, LENGTH(CAST(message AS BLOB)) FROM events "
            "WHERE group_no = (SELECT no FROM groups WHERE id = ?) AND at_ms < ? LIMIT ?",
            (group_id, before_ms, _CHUNK),
        ).fetchall()
        sizes: dict[int, int] = {}
        for _, stream_no, length in rows:
            sizes[stream_no] = sizes.get(stream_no, 0) + length + EVENT_OVERHEAD_BYTES
        self._connection.executemany("DELETE FROM events WHERE sequence = ?", [(row[0],) for row in rows])
        for stream_no, size in sizes.items():
            self._connection.execute(
                "UPDATE streams SET bytes = bytes - ?1, "
                "first_ms = (SELECT MIN(at_ms) FROM events WHERE stream_no = ?2), "
                "last_ms = (SELECT MAX(at_ms) FROM events WHERE stream_no = ?2) WHERE no = ?2",
                (size, stream_no),
            )
        return len(rows)

    def _clear(self) -> None:
        for table in ("events", "streams", "groups"):
            self._connection.execute(f"DELETE FROM {table}")
        self._numbers.clear()

    # -- SQL

    def _select(self, window: Window) -> tuple[str, list[object]]:
        """Empty when there is nothing to read."""
        streams = None if window.stream_ids is None else self._stream_numbers(window)
        if streams == []:
            return "", []
        if streams is not None and len(streams) == 1:
            index, where, values = "events_by_stream", "e.stream_no = ?", [streams[0]]
        else:
            index, where = "events_by_group", "e.group_no = (SELECT no FROM groups WHERE id = ?)"
            values = [window.group_id]
            if streams is not None:
                where += f" AND e.stream_no IN ({', '.join(map(str, streams))})"
        start = window.start_ms if window.after is None else max(window.start_ms, window.after.timestamp_ms)
        where, values = f"{where} AND e.at_ms >= ?", [*values, min(start, _LARGEST)]
        if window.end_ms is not None:
            where, values = f"{where} AND e.at_ms < ?", [*values, min(window.end_ms, _LARGEST)]
        for bound, sign in ((window.after, ">"), (window.before, "<")):
            if bound is not None:
                where += f" AND (e.at_ms, e.sequence) {sign} (?, ?)"
                values += [min(bound.timestamp_ms, _LARGEST), min(bound.sequence, _LARGEST)]
        direction = " DESC" if window.newest_first else ""
        return (
            "SELECT e.sequence, s.name, e.at_ms, e.ingested_ms, e.message "
            f"FROM events e INDEXED BY {index} CROSS JOIN streams s ON s.no = e.stream_no "
            f"WHERE {where} AND s.deleted = 0 ORDER BY e.at_ms{direction}, e.sequence{direction}",
            values,
        )

    def _stream_numbers(self, window: Window) -> list[object]:
        known = self._rows(
            "SELECT s.id, s.no FROM streams s JOIN groups g ON g.no = s.group_no WHERE g.id = ? AND s.deleted = 0",
            (window.group_id,),
        )
        wanted = set(window.stream_ids or ())
        return [number for stream_id, number in known if stream_id in wanted]

    def _rows(self, sql: str, values: Iterable[object] = ()) -> list[Any]:
        with self._reader() as connection:
            return connection.execute(sql, tuple(values)).fetchall()

    @contextlib.contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._readers.get_nowait()
        except queue.Empty:
            connection = self._connect()
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("ROLLBACK")
            self._readers.put(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=30)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={self._sync}")
        return connection

    def _newest_sequence(self) -> int:
        row = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
        return 0 if row is None else int(row[0])

    def _now_ms(self) -> int:
        return int(self._clock.now() * 1000)


class Follower:
    """A live tail: what is committed, in the order it arrives. `sequence` is the last one given out."""

    def __init__(self, store: LogEvents, group_id: str, stream_ids: Sequence[str] | None, sequence: int) -> None:
        self._store = store
        self._group_id = group_id
        self._stream_ids = stream_ids
        self.sequence = sequence

    def next(self, timeout_s: float) -> list[StoredEvent]:
        """The next events, or none when nothing came within that real time."""
        deadline = monotonic() + timeout_s
        while True:
            newest = self._store.newest_sequence
            events = self._store.arrived_after(self._group_id, self._stream_ids, self.sequence)
            if events:
                self.sequence = events[-1].sequence
                return events
            # What came up to here was of other groups: look only at what comes later.
            self.sequence = max(self.sequence, newest)
            left = deadline - monotonic()
            if left <= 0 or not self._store.wait_for_commit(self.sequence, left):
                return []
