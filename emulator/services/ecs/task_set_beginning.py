"""The record of a new task set: CreateTaskSet's, and the first one of a CODE_DEPLOY service."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulator.domain.service_scheduler import deployment as deployments
from emulator.domain.service_scheduler.service import Deployment, Service, TaskSet
from emulator.domain.task_definitions.revision import TaskDefinition
from emulator.wire.call import Call


def begin_task_set(
    call: Call, service: Service, definition: TaskDefinition, spec: dict[str, Any], scale: float
) -> Deployment:
    """ACTIVE. `spec`: AWS's members that its tasks are started with; `scale`: per cent of the desired count."""
    begun = deployments.begin(f"ecs-svc/{call.ids.decimal(19)}", definition.arn, spec, call.now, "")
    task_set = TaskSet(task_set_arn(service, begun.id), scale, stability_at=call.now)
    return replace(begun, status="ACTIVE", rollout_state_reason="", task_set=task_set)


def first_task_set(call: Call, service: Service, definition: TaskDefinition, spec: dict[str, Any]) -> Deployment:
    """The PRIMARY one that CreateService makes for a CODE_DEPLOY service, at its whole scale."""
    return replace(begin_task_set(call, service, definition, spec, 100.0), status="PRIMARY")


def task_set_arn(service: Service, id_: str) -> str:
    return f"{service.arn.replace(':service/', ':task-set/', 1)}/{id_}"
