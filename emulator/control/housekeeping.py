"""What only time makes due: expired log events, dropped uploads and unneeded layers, old idempotency tokens,
deleted revisions of task definitions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from emulator.clock import Clock
from emulator.store.database import Database
from emulator.store.ecs_queries import definition_in_use
from emulator.store.ecs_tables import TASK_DEFINITIONS, TOKENS

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


def forget_deleted_definitions(database: Database) -> Chore:
    """A revision that is being deleted goes once no task and no service stands on it (Amazon ECS developer guide)."""

    def chore(now: float) -> int:
        with database.read() as reader:
            deleted = reader.find(TASK_DEFINITIONS, status="DELETE_IN_PROGRESS")
            unused = [d for d in deleted if not definition_in_use(reader, d.arn)]
        if unused:
            with database.write() as tx:
                for d in unused:
                    if not definition_in_use(tx, d.arn):
                        tx.delete(TASK_DEFINITIONS, d.account, d.region, d.family, d.revision)
        return len(unused)

    return chore
