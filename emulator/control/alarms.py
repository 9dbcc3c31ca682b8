"""The controller of alarm states: a changed one wakes the services whose deployment it watches.

Whoever evaluates alarms, or `homeport alarm`, writes the state; what follows is the scheduler's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from emulator.domain.rollout import alarm_names
from emulator.store.database import Database, Key
from emulator.store.ecs_tables import SERVICES, service_key


class AlarmController:
    """Key: `<account>/<region>/<alarm>`; a name may have slashes of its own."""

    def __init__(self, database: Database, wake: Callable[[Iterable[Key]], None]) -> None:
        self._database = database
        self._wake = wake

    def reconcile(self, key: str) -> float | None:
        account, region, name = key.split("/", 2)
        with self._database.read() as reader:
            services = reader.find(SERVICES, account=account, region=region, status="ACTIVE")
        for service in services:
            if service.primary.rollout_state == "IN_PROGRESS" and name in alarm_names(service):
                self._wake(service_key(service))
        return None
