"""The `Date` header line, made once a second."""

from __future__ import annotations

import time

from emulator.clock import Clock

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class DateLine:
    """Call it for `Date: Tue, 14 Nov 2023 22:13:20 GMT` with its line end (RFC 9110 5.6.7)."""

    __slots__ = ("_cached", "_clock")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._cached = (-1, "")

    def __call__(self) -> str:
        now = int(self._clock.now())
        second, line = self._cached
        if second != now:
            # Not strftime: its names follow the locale.
            at = time.gmtime(now)
            line = (
                f"Date: {_DAYS[at.tm_wday]}, {at.tm_mday:02} {_MONTHS[at.tm_mon - 1]} {at.tm_year} "
                f"{at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} GMT\r\n"
            )
            self._cached = (now, line)
        return line
