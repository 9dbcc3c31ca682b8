"""What a service's events say, word for word, and when they are said again.

Texts: AWS developer guide "Amazon ECS service event messages", and services observed on AWS. It does not know when
something happens; scheduler.py does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from emulator.domain.service_scheduler.lifecycle_stages import Hook
from emulator.domain.service_scheduler.service import Service, ServiceEvent

KEPT: Final = 100
SAID_AGAIN_AFTER_S: Final = 6 * 3600.0

# What stands until its cause clears (Service.told), and is then not repeated for six hours.
STEADY: Final = "steady"
IMPAIRED: Final = "impaired"
BLOCKED: Final = "blocked"
UNPLACED: Final = "unplaced:"  # + what is lacking
PROTECTED: Final = "protected"
REBALANCING: Final = "rebalancing"
UNHEALTHY: Final = "unhealthy:"  # + task id

_TROUBLESHOOTING: Final = "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."


class IdSource(Protocol):
    """Makes ids; emulator.ids.Ids does."""

    def hex(self, digits: int = 32) -> str: ...
    def uuid(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Said:
    """A message and EventBridge's name for it (eventName); no message: not in events[]; no name: not sent to
    EventBridge. `level` is eventType there, `reason` and `deployment_id` what its detail says besides; `hook` is the
    lifecycle hook that it is about, of the service deployment with the ARN `service_deployment`."""

    message: str
    name: str = ""
    level: str = "INFO"
    reason: str = ""
    deployment_id: str = ""
    hook: Hook | None = None
    service_deployment: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something said to EventBridge. service_notices.py knows its shape."""

    id: str
    at: float
    said: Said


def started(service: str, task_ids: Sequence[str], replaced: int = 0) -> Said:
    text = f"(service {service}) has started {len(task_ids)} tasks: {_tasks(task_ids)}."
    if replaced:
        text += f" Amazon ECS replaced {replaced} tasks due to an unhealthy status."
    return Said(text, "TASKS_STARTED")


def stopped_running(service: str, task_ids: Sequence[str]) -> Said:
    return Said(f"(service {service}) has stopped {len(task_ids)} running tasks: {_tasks(task_ids)}.", "TASKS_STOPPED")


def stopped_pending(service: str, count: int) -> Said:
    return Said(f"(service {service}) stopped {count} pending tasks.", "TASKS_STOPPED")


def failed_health_checks(service: str, task_id: str) -> Said:
    return Said(f"(service {service}) (task {task_id}) failed container health checks.")


def failed_target_health_checks(service: str, task_id: str, port: int, target_group_arn: str, reason: str) -> Said:
    """`reason`: ELB's description, e.g. "Health checks failed"."""
    return Said(
        f"(service {service}) (task {task_id}) (port {port}) is unhealthy in (target-group {target_group_arn}) due to "
        f"(reason {reason or 'Health checks failed'})"
    )


def deployment_in_progress(deployment_id: str, reason: str) -> Said:
    return Said("", "SERVICE_DEPLOYMENT_IN_PROGRESS", reason=reason, deployment_id=deployment_id)


def deployment_completed(service: str, deployment_id: str, reason: str) -> Said:
    return Said(
        f"(service {service}) (deployment {deployment_id}) deployment completed.",
        "SERVICE_DEPLOYMENT_COMPLETED",
        reason=reason,
        deployment_id=deployment_id,
    )


def deployment_failed(service: str, deployment_id: str, why: str, reason: str) -> Said:
    return Said(
        f"(service {service}) (deployment {deployment_id}) deployment failed: {why}.",
        "SERVICE_DEPLOYMENT_FAILED",
        level="ERROR",
        reason=reason,
        deployment_id=deployment_id,
    )


def rolling_back(service: str, deployment_id: str, reason: str) -> Said:
    return Said(
        f"(service {service}) rolling back to deployment {deployment_id}.",
        "SERVICE_DEPLOYMENT_IN_PROGRESS",
        reason=reason,
        deployment_id=deployment_id,
    )


def hook_awaits(service_deployment: str, hook: Hook) -> Said:
    return Said("", "HOOK_AWAITING_ACTION", hook=hook, service_deployment=service_deployment)


def steady_state(service: str) -> Said:
    return Said(f"(service {service}) has reached a steady state.", "SERVICE_STEADY_STATE")


def start_impaired(service: str) -> Said:
    return Said(
        f"(service {service}) is unable to consistently start tasks successfully.",
        "SERVICE_TASK_START_IMPAIRED",
        level="WARN",
    )


def deployment_blocked(service: str) -> Said:
    return Said(
        f"(service {service}) was unable to stop or start tasks during a deployment because of the service "
        "deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again."
    )


def scale_in_blocked(service: str, deployment_id: str) -> Said:
    return Said(
        f"(service {service}) was unable to reach steady state because task set ({deployment_id}) was unable to "
        "scale in. Reason: The number of protected tasks are more than the desired count of tasks.",
        "TASKSET_SCALE_IN_FAILURE_BY_TASK_PROTECTION",
    )


def placement_failed(service: str, why: str, reason: str) -> Said:
    """`why`: "Reason: No Container Instances were found in your cluster." or "The closest matching (...) ..."; `reason`
    is EventBridge's word for it. On Fargate no instance is spoken of."""
    of_instances = "" if reason == "RESOURCE:FARGATE" else " because no container instance met all of its requirements"
    return Said(
        f"(service {service}) was unable to place a task{of_instances}. {why} {_TROUBLESHOOTING}",
        "SERVICE_TASK_PLACEMENT_FAILURE",
        level="ERROR",
        reason=reason,
    )


def constraint_violated() -> Said:
    """A daemon's task is where its constraints do not want it any more."""
    return Said("", "SERVICE_DAEMON_PLACEMENT_CONSTRAINT_VIOLATED", level="ERROR")


def task_set_steady() -> Said:
    return Said("", "TASKSET_STEADY_STATE")


def not_balanced(service: str, zones: Mapping[str, int]) -> Said:
    return Said(
        f"(service {service}) is not AZ balanced with {_in_zones(zones)}. AZ Rebalancing in progress.",
        "SERVICE_REBALANCING_STARTED",
    )


def balanced(service: str, zones: Mapping[str, int]) -> Said:
    return Said(f"(service {service}) is AZ balanced with {_in_zones(zones)}.", "SERVICE_REBALANCING_COMPLETED")


def rebalancing_stopped(service: str) -> Said:
    return Said(f"(service {service}) stopped AZ Rebalancing.", "SERVICE_REBALANCING_STOPPED")


def started_to_balance(service: str, zone: str, task_ids: Sequence[str]) -> Said:
    text = f"{service} has started {len(task_ids)} tasks in {zone} to AZ Rebalance: {_tasks(task_ids)}."
    return Said(text, "TASKS_STARTED")


def stopped_to_balance(service: str, zone: str, task_ids: Sequence[str]) -> Said:
    text = f"{service} has stopped {len(task_ids)} running tasks in {zone} due to AZ rebalancing: {_tasks(task_ids)}."
    return Said(text, "TASKS_STOPPED")


def with_events(service: Service, events: Iterable[ServiceEvent], told: dict[str, float]) -> Service:
    """The service after `events` (oldest first) were said; it keeps the newest hundred, newest first."""
    newest_first = [*reversed(list(events)), *service.events]
    return replace(service, events=newest_first[:KEPT], told=told)


def _in_zones(zones: Mapping[str, int]) -> str:
    """2 tasks in us-east-1a, 1 in us-east-1b"""
    counts = [f"{count}{'' if i else ' tasks'} in {zone}" for i, (zone, count) in enumerate(sorted(zones.items()))]
    return ", ".join(counts)


def _tasks(task_ids: Sequence[str]) -> str:
    return " ".join(f"(task {task_id})" for task_id in task_ids)
