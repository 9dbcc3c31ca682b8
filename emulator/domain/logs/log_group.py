"""Log groups and streams: what they are, how long events stay, how events are counted and identified.

Knows nothing of where events are kept. Times are milliseconds since the epoch, as CloudWatch Logs counts them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""The values PutRetentionPolicy takes (CloudWatch Logs API model)."""

EVENT_OVERHEAD_BYTES = 26
"""What each event counts beside its message's UTF-8 length (CloudWatch Logs API model, PutLogEvents)."""

_DAY_MS = 24 * 60 * 60 * 1000
_SEQUENCE_BITS = 144


@dataclass(frozen=True, slots=True)
class LogGroup:
    """`id` is ours: a group made anew under an old name is another group, and shows none of the old events."""

    account: str
    region: str
    name: str
    id: str
    created_ms: int
    retention_days: int | None = None
    log_group_class: str = "STANDARD"
    kms_key_id: str | None = None
    deletion_protection: bool = False
    tags: dict[str, str] = field(default_factory=dict)

    def oldest_kept_ms(self, now_ms: int) -> int:
        """Events before this time have expired; 0 when they never do."""
        return 0 if self.retention_days is None else max(0, now_ms - self.retention_days * _DAY_MS)


@dataclass(frozen=True, slots=True)
class LogStream:
    account: str
    region: str
    group_name: str
    name: str
    id: str
    group_id: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class StreamKey:
    """Finds a stream's events by ids; the names are kept to be shown."""

    group_id: str
    stream_id: str
    group_name: str
    stream_name: str


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the order of events: by timestamp, then by arrival. `number` is its event id as an integer."""

    timestamp_ms: int
    sequence: int

    @property
    def number(self) -> int:
        return (self.timestamp_ms << _SEQUENCE_BITS) | self.sequence

    @property
    def event_id(self) -> str:
        """56 decimal digits whose upper bits are the timestamp, as CloudWatch Logs writes them."""
        return f"{self.number:056d}"

    @classmethod
    def of_number(cls, number: int) -> Position:
        return cls(number >> _SEQUENCE_BITS, number & ((1 << _SEQUENCE_BITS) - 1))


def stream_key(stream: LogStream) -> StreamKey:
    return StreamKey(stream.group_id, stream.id, stream.group_name, stream.name)
