"""How far the emulator's clock has been moved, kept with its data: a restart goes on at the time that was answered.

The offset is stored before the clock moves, so that no record is ever later than what a crash leaves. A standing clock
of a test has no offset and keeps its own time.
"""

from __future__ import annotations

from emulator.clock import Clock, SystemClock
from emulator.store.database import Database
from emulator.store.settings_table import SETTINGS, Setting

_NAME = "clock-offset"


def restore(database: Database, clock: Clock) -> None:
    """At a start: where the last run had moved it to."""
    if isinstance(clock, SystemClock):
        with database.read() as reader:
            kept = reader.get(SETTINGS, _NAME)
        if kept is not None:
            clock.advance(float(kept.value))


def advance(database: Database, clock: SystemClock, seconds: float) -> None:
    """Moves it forward. Two at once add up."""
    with database.write() as tx:
        kept = tx.get(SETTINGS, _NAME)
        tx.put(SETTINGS, Setting(_NAME, repr(seconds + (float(kept.value) if kept else 0.0))))
    clock.advance(seconds)


def put_back(database: Database, clock: Clock) -> None:
    """To the machine's time: only when no record, and nothing that waits, holds a time any more."""
    if isinstance(clock, SystemClock):
        with database.write() as tx:
            tx.delete(SETTINGS, _NAME)
        clock.put_back()
