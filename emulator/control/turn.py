"""A turn of the loop: looks that share one transaction, so that many decisions cost one commit.

What a look does to the world waits until the commit is through (`Look.then`): nothing is done on an engine before the
intention is on disk, and a turn that fails leaves nothing half done. It knows no task and no service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Protocol

from emulator.store.database import Database, Reader, Transaction

MOST_LOOKS: Final = 32
MOST_RECORDS: Final = 64
"""So much of a turn at the most: whoever wants to write meanwhile, an API call above all, waits for its end."""
LEAST_LOOKS: Final = 8
"""So many, though somebody waits to write: threads that do engine calls always do when much is under way."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a look came to. `again`: the time of the next one, None when woken; `then`: what is done once the turn is
    committed."""

    again: float | None = None
    then: Callable[[], None] | None = None


class TurnController(Protocol):
    """Brings one kind of thing one step nearer to what is wanted, with others in one transaction."""

    def look(self, turn: Turn, key: str) -> Look:
        """Decides about a key and writes what is decided. It changes nothing but records: its turn may be undone, and
        the key is looked at again then."""
        ...


class Turn:
    """A context: leaving it commits what its looks wrote, or rolls all of it back when the block raises."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stack = ExitStack()
        self._tx: Transaction | None = None
        self._looks = 0

    def __enter__(self) -> Turn:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)
        if self._tx is not None:
            self._database.give_way()

    @property
    def writes(self) -> Transaction | None:
        """The transaction, if one of the looks has opened it."""
        return self._tx

    def write(self) -> Transaction:
        """The transaction, opened when the first look writes: steady things cost no commit."""
        if self._tx is None:
            self._tx = self._stack.enter_context(self._database.write())
        return self._tx

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """What is so now: within the transaction, once it is open."""
        if self._tx is not None:
            yield self._tx
        else:
            with self._database.read() as reader:
                yield reader

    def looked(self) -> bool:
        """One look more has been taken; whether there is room for another."""
        self._looks += 1
        if self._tx is None:
            return self._looks < MOST_LOOKS
        if self._looks >= LEAST_LOOKS and self._database.awaited:
            return False
        return self._looks < MOST_LOOKS and self._tx.changes < MOST_RECORDS
