"""A service whose deployment controller changes: its task sets become deployments, or its deployment a task set. Pure.

No task is replaced for it: what ran under one controller goes on under the other, under the same id. It does not know
requests; what the service's new settings are is the API's.
Source: AWS developer guide "Update Amazon ECS service parameters" (Deployment controller); wordings are unconfirmed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from emulator.domain.errors import InvalidParameterException
from emulator.domain.service_scheduler.deployment import in_progress_reason
from emulator.domain.service_scheduler.service import Deployment, Service, TaskSet
from emulator.domain.service_scheduler.service_events import UNHEALTHY

TRANSITIONS: Final = frozenset(
    {("ECS", "EXTERNAL"), ("EXTERNAL", "ECS"), ("CODE_DEPLOY", "ECS"), ("CODE_DEPLOY", "EXTERNAL")}
)


def check_change(service: Service, before: str, after: str) -> None:
    """InvalidParameterException for a change that ECS does not make. `before`, `after`: deployment controller types."""
    if (before, after) not in TRANSITIONS:
        raise InvalidParameterException(
            f"The deployment controller of a service cannot be updated from {before} to {after}."
        )
    if before != "ECS":
        return
    if service.is_daemon:
        raise InvalidParameterException(
            f"The {after} deployment controller does not support the DAEMON scheduling strategy."
        )
    if service.namespace is not None:
        raise InvalidParameterException(f"The {after} deployment controller does not support Service Connect.")
    configuration = service.spec.get("deploymentConfiguration", {})
    used = {
        "alarms": (configuration.get("alarms") or {}).get("enable"),
        "a deployment circuit breaker": (configuration.get("deploymentCircuitBreaker") or {}).get("enable"),
        "a strategy other than ROLLING": configuration.get("strategy", "ROLLING") != "ROLLING",
    }
    for what, is_used in used.items():
        if is_used:
            raise InvalidParameterException(
                f"The deployment controller cannot be updated while the deploymentConfiguration includes {what}."
            )
    if len(service.deployments) > 1 or service.primary.rollout_state == "IN_PROGRESS":
        raise InvalidParameterException("The deployment controller cannot be updated during a service deployment.")


def with_task_sets(service: Service, controller: str, arn: str, now: float) -> Service:
    """The service under the controller EXTERNAL. Coming from ECS its deployment is the PRIMARY task set, at its whole
    scale; `arn`: that task set's."""
    spec = {
        **service.spec,
        "deploymentController": {"type": controller},
        "availabilityZoneRebalancing": "DISABLED",
    }
    if service.has_task_sets:
        return replace(service, spec=spec)
    primary = service.primary
    made = replace(primary, task_set=TaskSet(arn, 100.0, stability_at=now), service_settings={}, updated_at=now)
    return replace(
        service,
        deployments=[made],
        spec=spec,
        completed=None,
        rebalancing=[],
        told=_of_single_tasks(service),
        shows_deployments=True,
    )


def with_deployments(service: Service, service_deployment_id: str, now: float) -> Service:
    """The service under the controller ECS: its PRIMARY task set is the deployment under way, all others are drained.
    Without a PRIMARY one it has no PRIMARY deployment yet, and needs one."""
    deployments = [_deployment(d, service_deployment_id, now) for d in service.deployments]
    return replace(
        service,
        deployments=sorted(deployments, key=lambda d: d.status != "PRIMARY"),
        spec={**service.spec, "deploymentController": {"type": "ECS"}},
        told=_of_single_tasks(service),
        shows_deployments=False,
    )


def _deployment(task_set: Deployment, service_deployment_id: str, now: float) -> Deployment:
    primary = task_set.status == "PRIMARY"
    return replace(
        task_set,
        status="PRIMARY" if primary else "ACTIVE",
        task_set=None,
        rollout_state="IN_PROGRESS" if primary else "COMPLETED",
        rollout_state_reason=in_progress_reason(task_set.id) if primary else "",
        service_deployment_id=service_deployment_id if primary else "",
        updated_at=now,
    )


def _of_single_tasks(service: Service) -> dict[str, float]:
    """What was said of tasks stands; what was said of the service is done with."""
    return {kind: at for kind, at in service.told.items() if kind.startswith(UNHEALTHY)}
