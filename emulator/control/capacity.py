"""The controller of a cluster's capacity: when what instances have left changes, services that wait for it look again.

It decides nothing: which service is to look is read from the records, what it does is the scheduler's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from emulator.domain.service import Service
from emulator.domain.service_events import UNPLACED
from emulator.store.database import Database, Key, Reader
from emulator.store.ecs_tables import SERVICES, TASKS
from emulator.store.instance_capacity import leaving_instances


class CapacityController:
    """Key: `<account>/<region>/<cluster>`. `wake` has controllers look at keys."""

    def __init__(self, database: Database, wake: Callable[[Iterable[Key]], None]) -> None:
        self._database = database
        self._wake = wake

    def reconcile(self, key: str) -> float | None:
        account, region, cluster = key.split("/")
        here: dict[str, Any] = {"account": account, "region": region, "cluster": cluster}
        with self._database.read() as reader:
            moving = _services_on_leaving_instances(reader, here)
            services = [s for s in reader.find(SERVICES, **here) if s.status != "INACTIVE"]
        due = [s for s in services if _may_move(s) or _waits(s) or s.name in moving]
        # A daemon is placed before other tasks take the room.
        due.sort(key=lambda service: not service.is_daemon)
        self._wake([("service", _key(service)) for service in due])
        return None


def _waits(service: Service) -> bool:
    return any(told.startswith(UNPLACED) for told in service.told)


def _may_move(service: Service) -> bool:
    """Whether an instance more or less may make it start or stop tasks, although it lacks none."""
    evens_out = service.spec.get("availabilityZoneRebalancing") == "ENABLED" and service.desired_count > 1
    return service.is_daemon or (evens_out and service.launch_type == "EC2")


def _services_on_leaving_instances(reader: Reader, here: dict[str, Any]) -> set[str]:
    arns = leaving_instances(reader, **here)
    return {
        task.service
        for arn in arns
        for task in reader.find(TASKS, **here, container_instance_arn=arn)
        if task.service is not None and not task.stopped
    }


def _key(service: Service) -> str:
    return f"{service.account}/{service.region}/{service.cluster}/{service.name}"
