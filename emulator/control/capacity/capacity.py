"""The controller of a cluster's capacity: when what instances have left changes, who waits for it looks again.

Services wait for it, and capacity providers with their Auto Scaling groups.

It decides nothing: who is to look is read from the records, what it does is its own controller's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from emulator.domain.service_scheduler.service import Service
from emulator.domain.service_scheduler.service_events import UNPLACED
from emulator.store.database import Database, Key, Reader
from emulator.store.ecs_tables import CAPACITY_PROVIDERS, CLUSTERS, SERVICES, TASKS
from emulator.store.instance_capacity import active_zones, leaving_instances


class CapacityController:
    """Key: `<account>/<region>/<cluster>`. `wake` has controllers look at keys."""

    def __init__(self, database: Database, wake: Callable[[Iterable[Key]], None]) -> None:
        self._database = database
        self._wake = wake
        self._zones: dict[str, tuple[str, ...]] = {}

    def reconcile(self, key: str) -> float | None:
        account, region, cluster = key.split("/")
        here: dict[str, Any] = {"account": account, "region": region, "cluster": cluster}
        with self._database.read() as reader:
            moving = _services_on_leaving_instances(reader, here)
            services = [s for s in reader.find(SERVICES, **here) if s.status != "INACTIVE"]
            others = self._other_zones(reader, key) if any(_evens_out(s) for s in services) else False
            found = reader.get(CLUSTERS, account, region, cluster)
            names = found.capacity_providers if found else []
            providers = [reader.get(CAPACITY_PROVIDERS, account, region, name) for name in names]
        due = [s for s in services if s.is_daemon or (others and _evens_out(s)) or _waits(s) or s.name in moving]
        # A daemon is placed before other tasks take the room.
        due.sort(key=lambda service: not service.is_daemon)
        keys = [("service", _key(service)) for service in due]
        for provider in providers:
            if provider is not None:
                keys.append(("capacity_provider", f"{account}/{region}/{provider.name}"))
                if provider.scaling_group:
                    keys.append(("auto_scaling_group", f"{account}/{region}/{provider.scaling_group}"))
        self._wake(keys)
        return None

    def _other_zones(self, reader: Reader, key: str) -> bool:
        """Whether there are instances elsewhere than at the last look; room alone evens out nothing."""
        zones = active_zones(reader, *key.split("/"))
        before, self._zones[key] = self._zones.get(key), zones
        return zones != before


def _waits(service: Service) -> bool:
    return any(told.startswith(UNPLACED) for told in service.told)


def _evens_out(service: Service) -> bool:
    """Whether an instance in another zone may make it move tasks, although it lacks none."""
    enabled = service.spec.get("availabilityZoneRebalancing") == "ENABLED"
    return enabled and service.desired_count > 1 and service.launch_type == "EC2"


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
