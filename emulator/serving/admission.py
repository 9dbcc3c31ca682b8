"""Which connections exist: how many at most, who goes when there is no room, who goes at the end.

Must not know HTTP.
"""

from __future__ import annotations

import threading
from typing import Protocol

from emulator.clock import monotonic


class Gate(Protocol):
    """What connections came through; `open` turns False for good."""

    @property
    def open(self) -> bool: ...


class Guest(Protocol):
    """A connection, as seen from here."""

    idle: bool
    idle_since: float

    def wake(self) -> None: ...
    def abort(self) -> None: ...


class Admission:
    """The set of connections. At its limit the longest idle one makes room; if none is idle, callers wait.

    Keep-alive connections would otherwise lock new clients out for as long as they like.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._guests: dict[Guest, threading.Thread] = {}
        self._changed = threading.Condition()

    def wait_for_room(self, gate: Gate) -> bool:
        """Block until there is room. False: `gate` has closed meanwhile."""
        with self._changed:
            while gate.open and len(self._guests) >= self._limit:
                self._evict()
                # Whoever is busy now may be idle a moment later, which nobody announces: look again.
                self._changed.wait(0.05)
            return gate.open

    def enter(self, guest: Guest, thread: threading.Thread) -> None:
        with self._changed:
            self._guests[guest] = thread

    def leave(self, guest: Guest) -> None:
        with self._changed:
            self._guests.pop(guest, None)
            self._changed.notify_all()

    def announce_closed(self) -> None:
        """A gate has closed: those who wait for room at it should look."""
        with self._changed:
            self._changed.notify_all()

    def wake_idle(self, guests_of: Gate | None = None) -> None:
        """Idle connections end now; all, or those which came through one gate."""
        with self._changed:
            guests = [g for g in self._guests if guests_of is None or getattr(g, "door", None) is guests_of]
        for guest in guests:
            if guest.idle:
                guest.wake()

    def wait_until_empty(self, timeout_s: float) -> bool:
        """True: all have left. The calling thread's own connection does not count."""
        deadline = monotonic() + timeout_s
        me = threading.current_thread()
        with self._changed:
            while any(thread is not me for thread in self._guests.values()):
                left = deadline - monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
        return True

    def abort_all(self) -> int:
        """Cut off whoever is still there, except the calling thread's own. Returns how many."""
        me = threading.current_thread()
        with self._changed:
            guests = [guest for guest, thread in self._guests.items() if thread is not me]
        for guest in guests:
            guest.abort()
        return len(guests)

    def _evict(self) -> None:
        idle = [guest for guest in self._guests if guest.idle]
        if idle:
            min(idle, key=lambda guest: guest.idle_since).wake()
