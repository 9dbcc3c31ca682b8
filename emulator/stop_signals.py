"""SIGINT and SIGTERM: the first asks for an orderly end, a second one ends the process at once.

A handler in Python runs between two instructions of the main thread, which may just then hold the lock of what it is
about to wait for: a handler that sets an Event can wait for ever for the Event's own lock. So these only write a byte
to a pipe.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

from emulator.clock import monotonic

NUMBERS = (signal.SIGINT, signal.SIGTERM)
SAME_S = 1.0
"""A terminal signals the whole group, and what started us may pass its own on: within a second that is one wish."""


class StopSignals:
    """To be made in the main thread; takes the signals over for good."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        self._asked_at: float | None = None
        for number in NUMBERS:
            signal.signal(number, self._take)

    def wait(self) -> bool:
        """Until a signal came, or `wake` was called; whether it was a signal."""
        os.read(self._reading, 1)
        return self._asked_at is not None

    def wake(self) -> None:
        """From any thread."""
        os.write(self._writing, b".")

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if self._asked_at is None:
            self._asked_at = monotonic()
            self.wake()
        elif monotonic() - self._asked_at > SAME_S:
            os.write(2, b"homeport: told to stop twice; what is under way is cut off as by a crash\n")
            os._exit(128 + number)
