"""The newest committed records of a few tables, so that the one writer need not read back what it has just written.

Only records that are written often are worth it: a task is looked at ten times on its way to RUNNING. What is here is
exact for a transaction, since nobody else commits meanwhile; it knows nothing of snapshots, so that readers do not use
it. Records are immutable.
"""

from __future__ import annotations

from typing import Any

from emulator.store.tables import Table

Place = tuple[str, tuple[object, ...]]
"""(table, key)."""


class Memory:
    """Written by whoever holds the writer; read by anyone."""

    def __init__(self) -> None:
        self._records: dict[Place, Any] = {}

    def get(self, table: Table[Any], key: tuple[object, ...]) -> Any:
        """None: not here, which says nothing about whether there is one."""
        return self._records.get((table.name, key))

    def keep(self, written: dict[Place, Any], most: int) -> None:
        """What a commit wrote; None for what it deleted. Of more than `most` the longest unwritten go."""
        for place, record in written.items():
            self._records.pop(place, None)
            if record is not None:
                self._records[place] = record
        while len(self._records) > most:
            self._records.pop(next(iter(self._records)), None)

    def clear(self) -> None:
        self._records.clear()
