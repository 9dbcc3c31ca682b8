"""PutLogEvents: which batches are refused, which of their events are dropped.

The limits are those of the CloudWatch Logs API model; the messages those that clients met on AWS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from emulator.domain.errors import InvalidParameterException
from emulator.domain.logs.log_group import EVENT_OVERHEAD_BYTES

BATCH_BYTES = 1_048_576
EVENT_BYTES = 1_048_576

_HOUR_MS = 60 * 60 * 1000
_SPAN_MS = 24 * _HOUR_MS
_FUTURE_MS = 2 * _HOUR_MS
_PAST_MS = 14 * 24 * _HOUR_MS


@dataclass(frozen=True, slots=True)
class Batch:
    """What is kept, and the members of rejectedLogEventsInfo (None: nothing was dropped for that reason)."""

    kept: Sequence[tuple[int, str]]
    too_new_start: int | None = None
    too_old_end: int | None = None
    expired_end: int | None = None


def accept(events: Sequence[tuple[int, str]], now_ms: int, oldest_kept_ms: int) -> Batch:
    """Events are (timestamp in ms, message). `oldest_kept_ms` is where the group's retention begins, 0 for never.

    Raises InvalidParameterException for a batch out of order, too large, or spanning more than 24 hours.
    """
    _check_sizes(events)
    times = [at for at, _ in events]
    if any(later < earlier for earlier, later in pairwise(times)):
        raise InvalidParameterException("Log events in a single PutLogEvents request must be in chronological order.")
    expired_end = sum(at < oldest_kept_ms for at in times)
    too_old_end = sum(at < now_ms - _PAST_MS for at in times)
    too_new_start = len(times) - sum(at > now_ms + _FUTURE_MS for at in times)
    kept = events[max(expired_end, too_old_end) : too_new_start]
    if kept and kept[-1][0] - kept[0][0] > _SPAN_MS:
        raise InvalidParameterException(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        )
    return Batch(
        kept,
        too_new_start if too_new_start < len(times) else None,
        too_old_end or None,
        (expired_end or None) if expired_end > too_old_end else None,
    )


def _check_sizes(events: Sequence[tuple[int, str]]) -> None:
    total = 0
    for _, message in events:
        size = EVENT_OVERHEAD_BYTES + len(message.encode("utf-8", "surrogatepass"))
        if size - EVENT_OVERHEAD_BYTES > EVENT_BYTES:
            raise InvalidParameterException(f"Log event too large: {size} bytes exceeds limit of {EVENT_BYTES}")
        total += size
    if total > BATCH_BYTES:
        raise InvalidParameterException(f"Upload too large: {total} bytes exceeds limit of {BATCH_BYTES}")
