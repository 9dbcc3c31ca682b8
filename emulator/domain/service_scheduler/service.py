"""A service and its deployments. Pure; the decisions are in scheduler.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from emulator.domain.service_connect.endpoint import Connected


@dataclass(frozen=True, slots=True)
class ServiceEvent:
    """One entry of events[]. `name` is what EventBridge calls it (SERVICE_STEADY_STATE, ...); the API omits it."""

    id: str
    at: float
    message: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class TaskSet:
    """What a deployment has besides when it is a task set, of a service whose deployment controller is EXTERNAL or
    CODE_DEPLOY. `scale`: per cent of the service's desired count, 0 to 100."""

    arn: str
    scale: float
    external_id: str | None = None
    started_by: str | None = None
    stability: Literal["STEADY_STATE", "STABILIZING"] = "STABILIZING"
    stability_at: float = 0.0
    tags: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Deployment:
    """One entry of deployments[], or of taskSets[]; DRAINING is only a task set's. `spec` holds AWS's members that
    tasks of it are started with (networkConfiguration, platformVersion, launchType, capacityProviderStrategy, ...)."""

    id: str  # ecs-svc/1234567890123456789
    status: Literal["PRIMARY", "ACTIVE", "DRAINING", "INACTIVE"]
    task_definition: str  # ARN
    created_at: float
    updated_at: float
    rollout_state: Literal["IN_PROGRESS", "COMPLETED", "FAILED"] = "IN_PROGRESS"
    rollout_state_reason: str = ""
    failed_tasks: int = 0
    spec: dict[str, Any] = field(default_factory=dict)
    image_digests: dict[str, str] = field(default_factory=dict)  # container name -> digest pinned for this deployment
    start_failures: int = 0  # waves of launches in a row that never reached RUNNING; drives the back-off
    start_failed_at: float | None = None  # when the last of these waves was counted
    failed_at: float | None = None  # when failed_tasks last grew
    next_start_at: float | None = None  # back-off: no launch before this
    service_deployment_id: str = ""  # of the service deployment that this is the rolling half of
    breaker_failures: int = 0  # what the circuit breaker has counted against it
    healthy_tasks: list[str] = field(default_factory=list)  # ids, as the breaker last saw them
    # The service's own members when it began; a rollback brings them back.
    service_settings: dict[str, Any] = field(default_factory=dict)
    task_set: TaskSet | None = None
    connect: Connected | None = None  # with Service Connect: what it offers, and whom its tasks can name

    @property
    def number(self) -> str:
        """The number in its id, which is also its service revision's."""
        return self.id.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Service:
    """`spec` is AWS's members that are only echoed; what decisions need has a field of its own."""

    account: str
    region: str
    cluster: str
    name: str
    arn: str
    cluster_arn: str
    status: Literal["ACTIVE", "DRAINING", "INACTIVE"]
    desired_count: int
    task_definition: str
    created_at: float
    created_by: str
    deployments: list[Deployment]
    events: list[ServiceEvent] = field(default_factory=list)  # newest first, at most 100
    scheduling_strategy: str = "REPLICA"
    launch_type: str | None = None
    capacity_provider_strategy: list[dict[str, Any]] = field(default_factory=list)
    minimum_healthy_percent: int = 100
    maximum_percent: int = 200
    health_check_grace_period_s: int = 0
    propagate_tags: str = "NONE"
    enable_ecs_managed_tags: bool = False
    enable_execute_command: bool = False
    network_configuration: dict[str, Any] | None = None
    platform_version: str | None = None
    spec: dict[str, Any] = field(default_factory=dict)
    tags: list[dict[str, str]] = field(default_factory=list)
    client_token: str | None = None
    told: dict[str, float] = field(default_factory=dict)  # what an event said and still stands -> when it was said
    # The newest deployment that completed, what a rollback goes to; None while one goes there.
    completed: Deployment | None = None
    because: str = ""
    rebalancing: list[str] = field(default_factory=list)  # ids of tasks beyond the desired count, to even out zones
    shows_deployments: bool = False  # its controller was ECS once: the API goes on calling its task sets deployments
    inactive_at: float | None = None
    # The deployment that has the production traffic while a blue/green one is under way or has failed; None: all.
    serving: str | None = None

    @property
    def is_daemon(self) -> bool:
        return self.scheduling_strategy == "DAEMON"

    @property
    def has_task_sets(self) -> bool:
        """Whether somebody else rolls its deployments: its deployments are task sets, and it may have no PRIMARY."""
        controller = self.spec.get("deploymentController") or {}
        return bool(controller.get("type", "ECS") != "ECS")

    @property
    def namespace(self) -> str | None:
        """ARN of the Cloud Map namespace that its PRIMARY deployment is connected in; None without Service Connect."""
        primary = next((d for d in self.deployments if d.status == "PRIMARY"), None)
        return primary.connect.namespace if primary is not None and primary.connect is not None else None

    @property
    def primary(self) -> Deployment:
        return next(d for d in self.deployments if d.status == "PRIMARY")
