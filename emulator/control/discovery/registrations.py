"""Keeps the instances of tasks in Cloud Map as they should be: ECS service discovery.

One look brings one task's instance to what domain/discovery/registration.py says; whoever changes a task makes that
due before the task itself, so that a task that is to stop is deregistered first.
"""

from __future__ import annotations

from emulator.clock import Clock
from emulator.domain.discovery.registration import registration
from emulator.domain.records import replace
from emulator.domain.tasks.task import Task
from emulator.store import discovery
from emulator.store.database import Database, Reader, Transaction
from emulator.store.ecs_tables import TASKS
from emulator.store.instance_capacity import instance_named
from emulator.store.task_queries import find_task


class Registrations:
    """A controller. Key: the task's ARN."""

    def __init__(self, clock: Clock, database: Database) -> None:
        self._clock = clock
        self._database = database

    def reconcile(self, key: str) -> float | None:
        with self._database.write() as tx:
            task = find_task(tx, key)
            if task is None or task.registry is None:
                return None
            service = discovery.service_by_arn(tx, task.registry.arn)
            if service is None:
                _say_missing(tx, task)
                return None
            wanted = registration(task, service, _ec2_instance(tx, task))
            if wanted is None:
                discovery.deregister(tx, service, task.id)
            else:
                discovery.register(tx, service, task.id, wanted.attributes, self._clock.now(), healthy=wanted.healthy)
        return None


def _say_missing(tx: Transaction, task: Task) -> None:
    assert task.registry is not None
    text = f"its registry {task.registry.arn} was deleted, so that nobody discovers it"
    if text not in task.warnings and not task.stopped:
        tx.put(TASKS, replace(task, warnings=[*task.warnings, text]))


def _ec2_instance(reader: Reader, task: Task) -> str | None:
    host = instance_named(reader, task.container_instance_arn) if task.container_instance_arn else None
    return host.ec2_instance_id if host else None
