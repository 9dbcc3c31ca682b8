"""The shape of the log store: its SQL schema, what a read asks for and what it gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emulator.domain.logs.log_group import EVENT_OVERHEAD_BYTES, Position

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS groups (no INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE)",
    "CREATE TABLE IF NOT EXISTS streams (no INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, "
    "group_no INTEGER NOT NULL, name TEXT NOT NULL, first_ms INTEGER, last_ms INTEGER, ingested_ms INTEGER, "
    "bytes INTEGER NOT NULL DEFAULT 0, deleted INTEGER NOT NULL DEFAULT 0)",
    "CREATE INDEX IF NOT EXISTS streams_by_group ON streams (group_no)",
    "CREATE TABLE IF NOT EXISTS events (sequence INTEGER PRIMARY KEY AUTOINCREMENT, group_no INTEGER NOT NULL, "
    "stream_no INTEGER NOT NULL, at_ms INTEGER NOT NULL, ingested_ms INTEGER NOT NULL, message TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS events_by_stream ON events (stream_no, at_ms, sequence)",
    "CREATE INDEX IF NOT EXISTS events_by_group ON events (group_no, at_ms, sequence)",
)


@dataclass(frozen=True, slots=True)
class StoredEvent:
    sequence: int
    stream_name: str
    timestamp_ms: int
    ingestion_ms: int
    message: str

    @property
    def position(self) -> Position:
        return Position(self.timestamp_ms, self.sequence)

    @property
    def size_bytes(self) -> int:
        message = self.message
        return EVENT_OVERHEAD_BYTES + (len(message) if message.isascii() else len(message.encode()))


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What DescribeLogStreams tells beside the record; absent in a stream without events."""

    first_event_ms: int
    last_event_ms: int
    last_ingestion_ms: int
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class Window:
    """Which events to read. `start_ms` is inclusive, `end_ms` exclusive; `after` and `before` are both exclusive.

    `stream_ids` None means all streams of the group.
    """

    group_id: str
    stream_ids: Sequence[str] | None = None
    start_ms: int = 0
    end_ms: int | None = None
    after: Position | None = None
    before: Position | None = None
    newest_first: bool = False
