"""Scale-in protection of service tasks."""

from __future__ import annotations

from typing import Final

from api_models._generated import ecs as m
from emulator.domain.capacity.cluster import Cluster
from emulator.domain.errors import InvalidParameterException
from emulator.domain.service_scheduler.task_protection import (
    check_minutes,
    is_deployment_blocked,
    is_protected,
    protected,
    why_not,
)
from emulator.domain.tasks.task import Task
from emulator.events import journal
from emulator.services.ecs import lookup
from emulator.store.ecs_tables import TASKS
from emulator.store.service_queries import service_around
from emulator.wire.call import Call

_MOST_READ: Final = 100
_MOST_CHANGED: Final = 10


def get_task_protection(call: Call, request: m.GetTaskProtectionRequest) -> m.GetTaskProtectionResponse:
    cluster = lookup.active_cluster(call, request["cluster"])
    found, failures = _found(call, cluster, request.get("tasks", []), _MOST_READ)
    return {"protectedTasks": [_shown(task, call.now) for task in found], "failures": failures}


def update_task_protection(call: Call, request: m.UpdateTaskProtectionRequest) -> m.UpdateTaskProtectionResponse:
    cluster = lookup.active_cluster(call, request["cluster"])
    minutes = check_minutes(request.get("expiresInMinutes"), enabled=request["protectionEnabled"])
    found, failures = _found(call, cluster, request["tasks"], _MOST_CHANGED)
    if minutes is not None:
        found, blocked = _unblocked(call, found)
        failures += blocked
    changed = [protected(task, minutes, call.now) for task in found]
    for task in changed:
        call.tx.put(TASKS, task)  # no event: AWS reports protection in its own operations alone
        journal.append(
            call.tx,
            at=call.now,
            account=call.account,
            region=call.region,
            kind="task.protection_changed",
            subject=task.arn,
            detail={"protectionEnabled": task.protection_enabled, "expiresInMinutes": minutes},
        )
    return {"protectedTasks": [_shown(task, call.now) for task in changed], "failures": failures}


def _found(call: Call, cluster: Cluster, references: list[str], most: int) -> tuple[list[Task], list[m.Failure]]:
    """The tasks that can be protected, and why the others cannot."""
    if not references:
        raise InvalidParameterException("Tasks cannot be empty.")
    if len(references) > most:
        raise InvalidParameterException(f"Tasks can have at most {most} items.")  # unconfirmed wording
    tasks: list[Task] = []
    failures: list[m.Failure] = []
    for reference in references:
        task = lookup.find_task(call, cluster, reference)
        reason = "MISSING" if task is None else why_not(task)
        if task is not None and reason is None:
            tasks.append(task)
        else:
            arn = task.arn if task is not None else _arn(call, cluster, reference)
            failures.append({"arn": arn, "reason": reason or "MISSING"})
    return tasks, failures


def _unblocked(call: Call, tasks: list[Task]) -> tuple[list[Task], list[m.Failure]]:
    """Those whose service's deployment does not wait for protected tasks already."""
    free: list[Task] = []
    failures: list[m.Failure] = []
    for task in tasks:
        around = service_around(call.tx, task)
        if around is not None and is_deployment_blocked(*around, call.now):
            failures.append({"arn": task.arn, "reason": "DEPLOYMENT_BLOCKED"})
        else:
            free.append(task)
    return free, failures


def _shown(task: Task, now: float) -> m.ProtectedTask:
    told: m.ProtectedTask = {"taskArn": task.arn, "protectionEnabled": is_protected(task, now)}
    if told["protectionEnabled"] and task.protection_expires_at is not None:
        told["expirationDate"] = task.protection_expires_at
    return told


def _arn(call: Call, cluster: Cluster, reference: str) -> str:
    return reference if reference.startswith("arn:") else call.arn(f"task/{cluster.name}/{reference}")
