"""A service's tasks: how many its deployments have, counted without decoding one; and those of a task's own service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from emulator.domain.service_scheduler.service import Service
from emulator.domain.service_scheduler.service_tasks import PENDING
from emulator.domain.tasks.task import Task
from emulator.store.database import Reader
from emulator.store.ecs_tables import SERVICES, TASKS

_BY_DEPLOYMENT: Final = (
    "SELECT started_by, last_status, desired_status, COUNT(*) "
    f"FROM {TASKS.from_clause(('account', 'region', 'cluster', 'service', 'released'))} "
    "WHERE account = ? AND region = ? AND cluster = ? AND service = ? AND released = 0 "
    "GROUP BY started_by, last_status, desired_status"
)


@dataclass(slots=True)
class Counts:
    """`running` and `pending` go by lastStatus; `wanted` by desiredStatus; `lingering` have not got past STOPPING."""

    running: int = 0
    pending: int = 0
    wanted: int = 0
    lingering: int = 0


def deployment_counts(reader: Reader, service: Service) -> dict[str, Counts]:
    """By deployment id, which is what `startedBy` of a service's task says."""
    counts: dict[str, Counts] = {}
    values = (service.account, service.region, service.cluster, service.name)
    for started_by, last, desired, number in reader.execute(_BY_DEPLOYMENT, values):
        of_one = counts.setdefault(started_by or "", Counts())
        of_one.running += number if last == "RUNNING" else 0
        of_one.pending += number if last in PENDING else 0
        of_one.wanted += number if desired == "RUNNING" and last != "STOPPED" else 0
        of_one.lingering += number if last in PENDING or last in ("RUNNING", "DEACTIVATING") else 0
    return counts


def total(counts: dict[str, Counts]) -> Counts:
    """Of all deployments together."""
    every = counts.values()
    return Counts(
        running=sum(c.running for c in every),
        pending=sum(c.pending for c in every),
        wanted=sum(c.wanted for c in every),
        lingering=sum(c.lingering for c in every),
    )


def service_around(reader: Reader, task: Task) -> tuple[Service, list[Task]] | None:
    """The service that a task belongs to, with all the tasks that its scheduler counts."""
    service = reader.get(SERVICES, task.account, task.region, task.cluster, task.service) if task.service else None
    if service is None:
        return None
    tasks = reader.find(
        TASKS,
        account=task.account,
        region=task.region,
        cluster=task.cluster,
        service=service.name,
        released=False,
    )
    return service, tasks
