"""The only reader of time. Times are seconds since the epoch, UTC, as float."""

from __future__ import annotations

import ctypes
import struct
import sys
import threading
import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """What everything that needs the time is given."""

    def now(self) -> float:
        """Seconds since the epoch, in the emulator's time."""
        ...

    def real_seconds_until(self, when: float) -> float:
        """How many real seconds to wait until emulator time `when`; 0 when it has passed."""
        ...


class SystemClock:
    """The machine's clock plus an offset that `homeport clock advance` moves forward (D15)."""

    def __init__(self, offset_s: float = 0.0) -> None:
        self._offset_s = offset_s
        self._lock = threading.Lock()

    def now(self) -> float:
        return time.time() + self._offset_s

    def real_seconds_until(self, when: float) -> float:
        return max(0.0, when - self.now())

    @property
    def offset_s(self) -> float:
        return self._offset_s

    def advance(self, seconds: float) -> None:
        """Jump forward. Time never runs backwards."""
        if seconds < 0:
            raise ValueError("time runs forward")
        with self._lock:
            self._offset_s += seconds

    def put_back(self) -> None:
        """To the machine's time, the one exception: for a reset, after which nothing remembers a later time."""
        with self._lock:
            self._offset_s = 0.0


class VirtualClock:
    """A clock that stands still until it is advanced: for tests."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start
        self._lock = threading.Lock()

    def now(self) -> float:
        return self._now

    def real_seconds_until(self, when: float) -> float:
        """A standing clock never arrives by waiting: a due time is due, anything else is far away."""
        return 0.0 if when <= self._now else 3600.0

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("time runs forward")
        with self._lock:
            self._now += seconds


def monotonic() -> float:
    """A stopwatch for deadlines on the outside world (engine calls, sockets); never for AWS-visible times."""
    return time.monotonic()


@dataclass(frozen=True, slots=True)
class KernelClock:
    """How far the machine's clock may be off, as its kernel says; `at` is the clock's own time, epoch seconds."""

    at: float
    error_bound_ms: float
    synchronized: bool


_TIMEX = "@illlli"  # modes, offset, freq, maxerror (microseconds), esterror, status; then what is not read
_UNSYNCHRONIZED = 0x0040  # STA_UNSYNC


def kernel_clock() -> KernelClock | None:
    """adjtimex(2), which only reads when its modes are 0; None where the kernel is not Linux."""
    if sys.platform != "linux":
        return None
    told = ctypes.create_string_buffer(512)
    if ctypes.CDLL(None, use_errno=True).adjtimex(told) < 0:
        return None
    _, _, _, error_us, _, status = struct.unpack_from(_TIMEX, told)
    return KernelClock(time.time(), error_us / 1000, not status & _UNSYNCHRONIZED)


def wall_clock() -> float:
    """The machine's own time, which clients sign with: it does not move with `homeport clock advance`."""
    return time.time()
