"""A deployment of a service: its bounds, its failures and the back-off they cause, and how a new one takes over.

It knows one deployment at a time; which tasks start and stop is rolling.py's, when one has failed or arrived is
rollout.py's. Source: AWS developer guide "Deploy Amazon ECS services by replacing tasks" and "Service throttle logic".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from emulator.domain.service_connect.endpoint import Connected
from emulator.domain.service_scheduler.service import Deployment, Service
from emulator.domain.service_scheduler.service_events import IMPAIRED, UNHEALTHY
from emulator.domain.service_scheduler.service_tasks import NO_TARGETS, Targets, failed_to_start, has_run, runs_well
from emulator.domain.tasks.task import Task

# AWS says "up to 15 minutes" and publishes no schedule.
FIRST_BACK_OFF_S: Final = 10.0
LONGEST_BACK_OFF_S: Final = 900.0
IMPAIRED_AFTER: Final = 2
"""Waves of launches in a row that never reached RUNNING, after which the service is called unable to start tasks."""

_OF_DEPLOYMENTS: Final = ("serviceConnectConfiguration", "serviceRegistries")
"""What a service shows of its own, and a rollback brings back."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many tasks must stay healthy (`floor`) and how many may be running or pending (`ceiling`)."""

    floor: int
    ceiling: int


def bounds(desired: int, minimum_healthy_percent: int, maximum_percent: int) -> Bounds:
    """minimumHealthyPercent is rounded up, maximumPercent down, to whole tasks."""
    return Bounds(-(-desired * minimum_healthy_percent // 100), desired * maximum_percent // 100)


def in_progress_reason(deployment_id: str) -> str:
    return f"ECS deployment {deployment_id} in progress."


def begin(
    deployment_id: str,
    task_definition: str,
    spec: dict[str, Any],
    now: float,
    service_deployment_id: str,
    service_settings: dict[str, Any] | None = None,
    connect: Connected | None = None,
) -> Deployment:
    """A new PRIMARY deployment. `spec`: AWS's members that its tasks are started with; `service_settings`: the
    service's own that a rollback to it brings back."""
    return Deployment(
        id=deployment_id,
        status="PRIMARY",
        task_definition=task_definition,
        created_at=now,
        updated_at=now,
        rollout_state_reason=in_progress_reason(deployment_id),
        spec=spec,
        service_deployment_id=service_deployment_id,
        service_settings=service_settings or {},
        connect=connect,
    )


def supersede(service: Service, deployment: Deployment, now: float) -> Service:
    """The service with a new PRIMARY; the one before becomes ACTIVE and is drained. What was said of that rollout is
    done with; what was said of single tasks stands."""
    older = [replace(d, status="ACTIVE", updated_at=now) if d.status == "PRIMARY" else d for d in service.deployments]
    told = {kind: at for kind, at in service.told.items() if kind.startswith(UNHEALTHY)}
    return replace(service, deployments=[deployment, *older], task_definition=deployment.task_definition, told=told)


def without_back_off(service: Service) -> Service:
    """The service after an update: the next launch does not wait for failures of before."""
    deployments = [
        replace(d, start_failures=0, start_failed_at=None, next_start_at=None)
        if d.status == "PRIMARY" or d.task_set is not None
        else d
        for d in service.deployments
    ]
    told = {kind: at for kind, at in service.told.items() if kind != IMPAIRED}
    return replace(service, deployments=deployments, told=told)


def completed(deployment: Deployment, now: float) -> Deployment:
    return replace(
        deployment,
        rollout_state="COMPLETED",
        rollout_state_reason=f"ECS deployment {deployment.id} completed.",
        updated_at=now,
        healthy_tasks=[],
    )


def failed(deployment: Deployment, reason: str, now: float) -> Deployment:
    """It starts nothing more, so that no back-off stands either."""
    return replace(
        deployment,
        rollout_state="FAILED",
        rollout_state_reason=reason,
        updated_at=now,
        healthy_tasks=[],
        next_start_at=None,
    )


def roll_back(service: Service, target: Deployment, losing: Deployment, reason: str, now: float) -> Service:
    """The service with `target`, which completed once, as its PRIMARY again: under its own id, with what tasks it
    still has, and with the service's settings of then (observed: events name the same deployment). It is no target of
    another rollback until it completes."""
    again = replace(
        target,
        status="PRIMARY",
        rollout_state="IN_PROGRESS",
        rollout_state_reason=reason,
        updated_at=now,
        failed_tasks=0,
        failed_at=None,
        start_failures=0,
        start_failed_at=None,
        next_start_at=None,
        breaker_failures=0,
        healthy_tasks=[],
        service_deployment_id=losing.service_deployment_id,
    )
    older = [
        replace(d, status="ACTIVE", updated_at=now) if d.status == "PRIMARY" else d
        for d in service.deployments
        if d.id != target.id
    ]
    service = replace(service, deployments=[again, *older], completed=None, task_definition=again.task_definition)
    settings = target.service_settings
    if not settings:
        return service
    return replace(
        service,
        launch_type=settings.get("launchType"),
        capacity_provider_strategy=settings.get("capacityProviderStrategy") or [],
        network_configuration=settings.get("networkConfiguration"),
        platform_version=settings.get("platformVersion"),
        spec={
            **{name: value for name, value in service.spec.items() if name not in _OF_DEPLOYMENTS},
            **{name: settings[name] for name in _OF_DEPLOYMENTS if settings.get(name)},
        },
    )


def back_off_s(start_failures: int) -> float:
    """Seconds to wait after so many failed waves in a row: 10, 20, 40, ... 900."""
    return float(min(LONGEST_BACK_OFF_S, FIRST_BACK_OFF_S * 2 ** min(start_failures - 1, 10)))


def judged(
    deployment: Deployment, ends: Iterable[Task], tasks: Iterable[Task], now: float, targets: Targets = NO_TARGETS
) -> Deployment:
    """The deployment after newly ended tasks (`ends`) failed and others (`tasks`, any) succeeded.

    failedTasks counts every launch that never reached RUNNING, and goes back to 0 once a task runs well. The back-off
    grows once per wave: a task launched before the last counted failure belongs to the same wave.
    """
    for task in sorted(ends, key=lambda t: (t.created_at, t.id)):
        if failed_to_start(task):
            deployment = _after_failed_launch(deployment, task, now)
    for task in tasks:
        deployment = _after_success(deployment, task, now, targets)
    return deployment


def with_health_failure(deployment: Deployment, now: float) -> Deployment:
    """A task of it is being replaced because of a failed health check."""
    return replace(deployment, failed_tasks=deployment.failed_tasks + 1, failed_at=now, updated_at=now)


def _after_failed_launch(deployment: Deployment, task: Task, now: float) -> Deployment:
    deployment = replace(deployment, failed_tasks=deployment.failed_tasks + 1, failed_at=now, updated_at=now)
    if deployment.start_failed_at is not None and task.created_at <= deployment.start_failed_at:
        return deployment
    failures = deployment.start_failures + 1
    return replace(deployment, start_failures=failures, start_failed_at=now, next_start_at=now + back_off_s(failures))


def _after_success(deployment: Deployment, task: Task, now: float, targets: Targets) -> Deployment:
    started = task.started_at
    if started is None or not has_run(task):
        return deployment
    if deployment.start_failures and started > (deployment.start_failed_at or 0.0):
        deployment = replace(deployment, start_failures=0, start_failed_at=None, next_start_at=None)
    if deployment.failed_tasks and started > (deployment.failed_at or 0.0) and runs_well(task, targets):
        deployment = replace(deployment, failed_tasks=0, failed_at=None, updated_at=now)
    return deployment
