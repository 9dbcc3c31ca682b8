"""The deployment circuit breaker: which failures count, how many are too many, what sets the count back. Pure.

What follows when it trips is rollout.py's. A launch that never reached RUNNING counts; so does, once one task has run,
a task that is replaced because its health checks fail. Sources: AWS developer guide "How the Amazon ECS deployment
circuit breaker detects failures", ECS API model (DeploymentCircuitBreaker, ThresholdConfiguration).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from emulator.domain.service_scheduler.service import Deployment, Service

FEWEST: Final = 3
MOST: Final = 200
DEFAULT_THRESHOLD: Final[Mapping[str, Any]] = {"type": "BOUNDED_PERCENT", "value": 50}

Settings = Mapping[str, Any]


def breaker_of(service: Service) -> Settings:
    """deploymentCircuitBreaker as the service has it now."""
    settings: Settings = service.spec.get("deploymentConfiguration", {}).get("deploymentCircuitBreaker") or {}
    return settings


def threshold(settings: Settings, desired: int) -> int:
    """How many failures fail a deployment of so many tasks: the percentage rounded up, at least 3 and at most 200
    when it is bounded; at least 1 always."""
    how = settings.get("thresholdConfiguration") or DEFAULT_THRESHOLD
    kind, value = how["type"], int(how["value"])
    if kind == "COUNT":
        return max(1, value)
    share = -(-desired * value // 100)
    return max(1, share) if kind == "UNBOUNDED_PERCENT" else min(MOST, max(FEWEST, share))


def watches(service: Service, deployment: Deployment) -> bool:
    """Whether the breaker looks at it: only while it rolls out."""
    return bool(breaker_of(service).get("enable")) and deployment.rollout_state == "IN_PROGRESS"


def with_failures(service: Service, deployment: Deployment, failures: int) -> Deployment:
    """So many more failures, as far as the threshold: what comes after it has tripped is counted no more."""
    if not failures or not watches(service, deployment):
        return deployment
    limit = threshold(breaker_of(service), service.desired_count)
    counted = max(deployment.breaker_failures, min(limit, deployment.breaker_failures + failures))
    return replace(deployment, breaker_failures=counted)


def tripped(service: Service, deployment: Deployment) -> bool:
    limit = threshold(breaker_of(service), service.desired_count)
    return watches(service, deployment) and deployment.breaker_failures >= limit


def with_healthy(service: Service, deployment: Deployment, healthy: Iterable[str], other: Iterable[str]) -> Deployment:
    """After a look that found these tasks healthy, and `other` ones there but not healthy: one that was not healthy at
    the last look sets the count back, unless resetOnHealthyTask is false. Tasks that have gone change nothing."""
    if not watches(service, deployment):
        return replace(deployment, healthy_tasks=[]) if deployment.healthy_tasks else deployment
    now_healthy = sorted(healthy)
    fresh = not set(now_healthy) <= set(deployment.healthy_tasks)
    if not fresh and set(other).isdisjoint(deployment.healthy_tasks):
        return deployment
    resets = fresh and breaker_of(service).get("resetOnHealthyTask") is not False
    failures = 0 if resets else deployment.breaker_failures
    return replace(deployment, healthy_tasks=now_healthy, breaker_failures=failures)
