"""What only time makes due: expired log events, dropped uploads and unneeded layers, old idempotency tokens."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from emulator.clock import Clock
from emulator.store.database import Database
from emulator.store.ecs_tables import TOKENS

_log = logging.getLogger("homeport.control")

EVERY_S = 3600.0
TOKENS_KEPT_S = 24 * 3600.0

Chore = Callable[[float], object]


class Housekeeping:
    """A controller. Key: the chore's name; each is done at the start and then hourly by the clock."""

    def __init__(self, clock: Clock, chores: Mapping[str, Chore]) -> None:
        self._clock = clock
        self._chores = chores

    @property
    def keys(self) -> list[tuple[str, str]]:
        return [("housekeeping", name) for name in self._chores]

    def reconcile(self, key: str) -> float | None:
        now = self._clock.now()
        self._chores[key](now)
        return now + EVERY_S


def forget_tokens(database: Database) -> Chore:
    """Client tokens are good for 24 hours."""

    def chore(now: float) -> int:
        with database.read() as reader:
            old = [token for token in reader.find(TOKENS) if token.at + TOKENS_KEPT_S < now]
        if old:
            with database.write() as tx:
                for t in old:
                    tx.delete(TOKENS, t.account, t.region, t.operation, t.scope, t.token)
        return len(old)

    return chore
