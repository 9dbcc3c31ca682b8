"""The controller of alarm states: a changed one wakes the services whose deployment it watches.

Whoever evaluates alarms, or `homeport alarm`, writes the state; what follows is the scheduler's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from emulator.domain.region import is_region
from emulator.domain.service_scheduler.alarm import ALARM_STATES as STATES
from emulator.domain.service_scheduler.alarm import ONE_PERIOD_S, AlarmState
from emulator.domain.service_scheduler.rollout import alarm_names
from emulator.store.database import Database, Key
from emulator.store.ecs_tables import ALARM_STATES, SERVICES, service_key


class NoAlarm(ValueError):
    """What was asked for describes no alarm; the text says what is wrong."""


def alarm_state(asked: Mapping[str, Any], *, account: str, region: str, now: float) -> AlarmState:
    """`{"name", "state", "account"?, "region"?, "evaluationSeconds"?}` as a record. Raises NoAlarm."""
    name, state = asked.get("name"), asked.get("state")
    account, region = asked.get("account") or account, asked.get("region") or region
    evaluation = asked.get("evaluationSeconds") or ONE_PERIOD_S
    if not isinstance(name, str) or not 1 <= len(name) <= 255:
        raise NoAlarm("an alarm has a name of 1 to 255 characters")
    if state not in STATES:
        raise NoAlarm(f"an alarm's state is one of {', '.join(STATES)}")
    if not isinstance(account, str) or not re.fullmatch(r"\d{12}", account):
        raise NoAlarm("an account has twelve digits")
    if not is_region(region):
        raise NoAlarm(f"there is no region {region!r}")
    if not isinstance(evaluation, int | float) or isinstance(evaluation, bool) or not 0 < evaluation <= 86400:
        raise NoAlarm("evaluationSeconds is more than 0 and at most 86400")
    return AlarmState(account, region, name, state, now, float(evaluation))


def shown(alarm: AlarmState) -> dict[str, Any]:
    return {
        "name": alarm.name,
        "state": alarm.state,
        "account": alarm.account,
        "region": alarm.region,
        "updatedAt": alarm.updated_at,
        "evaluationSeconds": alarm.evaluation_s,
    }


def all_alarms(database: Database) -> list[AlarmState]:
    with database.read() as reader:
        return reader.find(ALARM_STATES)


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
            if name in alarm_names(service) and any(d.rollout_state == "IN_PROGRESS" for d in service.deployments):
                self._wake(service_key(service))
        return None
