"""PutLogEvents' rules for a batch."""

from __future__ import annotations

import pytest

from emulator.domain.errors import InvalidParameterException
from emulator.domain.logs.log_batch import Batch, accept

NOW = 1_700_000_000_000
HOUR = 3_600_000
DAY = 24 * HOUR


def test_what_is_too_old_too_new_or_expired_is_dropped_and_the_rest_kept() -> None:
    events = [
        (NOW - 20 * DAY, "old"),
        (NOW - 5 * DAY, "expired"),
        (NOW - HOUR, "a"),
        (NOW, "b"),
        (NOW + 3 * HOUR, "new"),
    ]
    assert accept(events, NOW, NOW - 3 * DAY) == Batch(events[2:4], too_new_start=4, too_old_end=1, expired_end=2)
    assert accept(events[2:4], NOW, 0) == Batch(events[2:4])
    assert accept(events[:1], NOW, 0) == Batch([], too_old_end=1)


def test_the_limits_of_two_hours_and_fourteen_days_are_inclusive() -> None:
    assert accept([(NOW - 14 * DAY, "a")], NOW, 0).kept
    assert accept([(NOW + 2 * HOUR, "a")], NOW, 0).kept


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([(NOW, "b"), (NOW - 1, "a")], "Log events in a single PutLogEvents request must be in chronological order."),
        (
            [(NOW - DAY - 1, "a"), (NOW, "b")],
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ),
        ([(NOW, "x" * 600_000)] * 2, "Upload too large: 1200052 bytes exceeds limit of 1048576"),
        ([(NOW, "x" * 1_048_577)], "Log event too large: 1048603 bytes exceeds limit of 1048576"),
    ],
)
def test_a_batch_that_is_refused(events: list[tuple[int, str]], message: str) -> None:
    with pytest.raises(InvalidParameterException) as refused:
        accept(events, NOW, 0)
    assert refused.value.message == message


def test_26_bytes_an_event_count() -> None:
    fits = (1_048_576 - 2 * 26) // 2
    assert len(accept([(NOW, "x" * fits)] * 2, NOW, 0).kept) == 2
    with pytest.raises(InvalidParameterException):
        accept([(NOW, "x" * fits), (NOW, "x" * (fits + 1))], NOW, 0)
