"""SIGINT and SIGTERM: the first asks for an orderly end, a second one ends the process at once.

A handler in Python runs between two instructions of the main thread. There it may find the lock of what it is about to
set held by that very thread; and a signal that comes between the last instruction and the system call in which the
thread waits is not seen before that call ends. So the interpreter's own handler, in C, writes the signal's number to a
pipe, and the main thread reads there.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

from emulator.clock import monotonic

NUMBERS = (signal.SIGINT, signal.SIGTERM)
_WOKEN = b"\0"  # the number of no signal
SAME_S = 1.0
"""A terminal signals the whole group, and what started us may pass its own on: within a second that is one wish."""


class StopSignals:
    """To be made in the main thread; takes the signals over for good."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        self._asked_at: float | None = None
        for number in NUMBERS:
            signal.signal(number, self._take)

    def wait(self) -> bool:
        """Until a signal came, or `wake` was called; whether it was a signal."""
        return os.read(self._reading, 1) != _WOKEN

    def wake(self) -> None:
        """From any thread."""
        os.write(self._writing, _WOKEN)

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if self._asked_at is None:
            self._asked_at = monotonic()
        elif monotonic() - self._asked_at > SAME_S:
            os.write(2, b"homeport: told to stop twice; what is under way is cut off as by a crash\n")
            os._exit(128 + number)
