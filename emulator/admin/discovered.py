"""Under which name a task is discovered in Cloud Map at this moment, and as how healthy; or why not."""

from __future__ import annotations

from emulator.domain.tasks.task import Task
from emulator.store import discovery
from emulator.store.database import Reader
from emulator.store.discovery_tables import INSTANCES


def discovered(reader: Reader, task: Task, now: float) -> list[str]:
    """Sentences; none for a task without a registry, and for one whose registry was deleted, which has a warning."""
    service = discovery.service_by_arn(reader, task.registry.arn) if task.registry else None
    if service is None:
        return []
    name = f"{service.name}.{discovery.namespace_of(reader, service).name}"
    instance = reader.get(INSTANCES, service.account, service.region, service.id, task.id)
    if instance is None:
        return [f"It is not in Cloud Map's {name}: tasks are that run and are not to stop."]
    health = instance.health_at(now)
    return [f"It is in Cloud Map's {name}, {'without a health check' if health == 'UNKNOWN' else health}."]
