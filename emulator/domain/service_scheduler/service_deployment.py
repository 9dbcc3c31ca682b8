"""A service deployment and the service revision it rolls out: the history that ListServiceDeployments tells. Pure.

A service revision is what tasks are made of, and has its deployment's number; a service deployment is one attempt to
get there, with what watches over it. When it fails, succeeds or turns back is rollout.py's to decide.
Source: ECS API model (ServiceDeployment, ServiceRevision), AWS developer guide "View service history".
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from emulator.domain.service_scheduler.lifecycle_stages import Hook, Stage, given_up
from emulator.domain.service_scheduler.service import Deployment, Service

Status = Literal[
    "PENDING", "IN_PROGRESS", "SUCCESSFUL", "STOP_REQUESTED", "STOPPED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS",
    "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED",
]  # fmt: skip
Monitor = Literal["DISABLED", "MONITORING", "TRIGGERED", "MONITORING_COMPLETE"]

ENDED: Final = frozenset({"SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"})
STOPPABLE: Final = frozenset({"PENDING", "IN_PROGRESS"})
KEPT_S: Final = 90 * 86400.0
"""How long AWS shows a service deployment."""

SUPERSEDED: Final = "Service deployment stopped because a newer service deployment was started."  # unconfirmed
SERVICE_DELETED: Final = "Service deployment stopped because the service was deleted."  # unconfirmed


@dataclass(frozen=True, slots=True)
class ServiceRevision:
    """`number` is its deployment's; `spec` AWS's members that tasks of it are started with; `images` the containers'
    names and images as their task definition has them, in its order; `digests` those that were pinned, by name."""

    account: str
    region: str
    cluster: str
    service: str
    number: str
    arn: str
    service_arn: str
    cluster_arn: str
    created_at: float
    task_definition: str
    spec: dict[str, Any] = field(default_factory=dict)
    images: list[list[str]] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServiceDeployment:
    """`target` and `sources` are numbers of service revisions; `configuration` is deploymentConfiguration as it was
    asked for. `baking_since`: since when the bake time runs.

    Of a blue/green deployment besides: `stage` since `stage_since`, with the `hooks` reached so far; `blue` is the
    number of the revision that served when it began, `production` and `test` of those that have the traffic now."""

    account: str
    region: str
    cluster: str
    service: str
    id: str
    arn: str
    service_arn: str
    cluster_arn: str
    created_at: float
    updated_at: float
    target: str
    sources: list[str] = field(default_factory=list)
    configuration: dict[str, Any] = field(default_factory=dict)
    status: Status = "PENDING"
    status_reason: str = ""
    started_at: float | None = None
    finished_at: float | None = None
    stopped_at: float | None = None
    breaker: Monitor = "DISABLED"
    failure_count: int = 0
    threshold: int = 0
    alarms: Monitor = "DISABLED"
    ignored_alarms: list[str] = field(default_factory=list)  # those in ALARM when it began
    triggered_alarms: list[str] = field(default_factory=list)
    rollback_to: str | None = None
    rollback_reason: str = ""
    rollback_started_at: float | None = None
    baking_since: float | None = None
    stage: Stage | None = None
    stage_since: float | None = None
    hooks: list[Hook] = field(default_factory=list)
    blue: str | None = None
    production: str | None = None
    test: str | None = None

    @property
    def is_blue_green(self) -> bool:
        return bool(self.configuration.get("strategy") == "BLUE_GREEN")

    @property
    def ended(self) -> bool:
        return self.status in ENDED


def arn_of(service_arn: str, kind: str, last: str) -> str:
    """`kind`: service-deployment or service-revision."""
    return f"{service_arn.replace(':service/', f':{kind}/', 1)}/{last}"


def begin_service_deployment(service: Service, deployment: Deployment, now: float) -> ServiceDeployment:
    """The attempt to bring `deployment`, the service's new PRIMARY, about. What it replaces are its sources."""
    return ServiceDeployment(
        account=service.account,
        region=service.region,
        cluster=service.cluster,
        service=service.name,
        id=deployment.service_deployment_id,
        arn=arn_of(service.arn, "service-deployment", deployment.service_deployment_id),
        service_arn=service.arn,
        cluster_arn=service.cluster_arn,
        created_at=now,
        updated_at=now,
        target=deployment.number,
        sources=[d.number for d in service.deployments if d.id != deployment.id],
        configuration=service.spec.get("deploymentConfiguration", {}),
    )


def revision_of(service: Service, deployment: Deployment, images: list[list[str]], now: float) -> ServiceRevision:
    return ServiceRevision(
        account=service.account,
        region=service.region,
        cluster=service.cluster,
        service=service.name,
        number=deployment.number,
        arn=arn_of(service.arn, "service-revision", deployment.number),
        service_arn=service.arn,
        cluster_arn=service.cluster_arn,
        created_at=now,
        task_definition=deployment.task_definition,
        spec=deployment.spec,
        images=images,
        digests=deployment.image_digests,
    )


def stopped(under_way: ServiceDeployment, reason: str, now: float) -> ServiceDeployment:
    """It ended before it arrived, and nothing is rolled back."""
    if under_way.ended:
        return under_way
    return replace(
        under_way,
        status="STOPPED",
        status_reason=reason,
        stopped_at=now,
        finished_at=now,
        updated_at=now,
        breaker=_unwatched(under_way.breaker),
        alarms=_unwatched(under_way.alarms),
        stage=None,
        stage_since=None,
        hooks=given_up(under_way.hooks, now),
    )


def finished(under_way: ServiceDeployment, status: Status, now: float, reason: str | None = None) -> ServiceDeployment:
    """It arrived, or its rollback came to an end. `reason` None keeps the one it has."""
    return replace(
        under_way,
        status=status,
        status_reason=under_way.status_reason if reason is None else reason,
        finished_at=now,
        updated_at=now,
        breaker=_unwatched(under_way.breaker),
        alarms=_unwatched(under_way.alarms),
        baking_since=None,
        stage=None,
        stage_since=None,
        hooks=given_up(under_way.hooks, now),
    )


def _unwatched(monitor: Monitor) -> Monitor:
    return "MONITORING_COMPLETE" if monitor == "MONITORING" else monitor
