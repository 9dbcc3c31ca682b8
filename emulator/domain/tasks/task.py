"""A task and its containers: what is wanted, what is so, and when it became so. Pure; times are epoch seconds.

The decisions are in task_progress.py; this file only says what a task is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from emulator.domain.discovery.registry import Registry
from emulator.domain.networks.host_ports import NetworkBinding
from emulator.domain.service_connect.endpoint import Endpoint

LastStatus = Literal[
    "PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"
]
DesiredStatus = Literal["RUNNING", "STOPPED"]
HealthStatus = Literal["HEALTHY", "UNHEALTHY", "UNKNOWN"]

LADDER: tuple[LastStatus, ...] = (
    "PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a task. `runtime_id` is the engine's id once it was created; runtime_id() is what AWS shows."""

    name: str
    id: str  # the UUID in its ARN
    image: str
    essential: bool
    last_status: Literal["PENDING", "RUNNING", "STOPPED"] = "PENDING"
    image_digest: str | None = None
    image_id: str | None = None  # the engine's id of the image that was found for it
    runtime_id: str | None = None
    health_status: HealthStatus = "UNKNOWN"
    health_since: float | None = None  # when its health became what it is
    has_health_check: bool = False
    started_at: float | None = None
    finished_at: float | None = None
    exit_code: int | None = None
    reason: str | None = None
    term_sent_at: float | None = None
    kill_sent_at: float | None = None
    removed: bool = False
    log_stream: str | None = None
    cpu: int = 0  # CPU units; with memory_mib and memory_reservation_mib what DescribeTasks reports, overrides included
    memory_mib: int | None = None
    memory_reservation_mib: int | None = None
    restart_count: int = 0  # how often its restart policy has started it again
    restarts_ended: bool = False  # it could not be started again
    read_only_root: bool = False  # an agent of ECS Exec has nowhere to live then
    pause_id: str | None = None  # in bridge mode each container has a network namespace, and who holds it, of its own
    private_ip: str | None = None  # in bridge mode
    network_bindings: list[NetworkBinding] = field(default_factory=list)
    gpu_ids: list[str] = field(default_factory=list)  # of its container instance
    held_until: float | None = None  # its next step waits so long, because a fault slows it
    held_by: list[str] = field(default_factory=list)  # `<fault> <action>`: the delays that it has had

    def held(self, now: float) -> bool:
        return self.held_until is not None and now < self.held_until


@dataclass(frozen=True, slots=True)
class Eni:
    """The task's elastic network interface: the pause container's own address on the VPC's bridge."""

    attachment_id: str
    id: str  # eni-...
    subnet_id: str
    status: str  # PRECREATED, ATTACHED, DELETED, ...
    private_ip: str | None = None
    mac_address: str | None = None
    private_dns_name: str | None = None
    security_groups: list[str] = field(default_factory=list)
    assign_public_ip: bool = False
    vpc_id: str = ""
    public_ip: str | None = None  # a loopback address of this host
    public_ports: list[NetworkBinding] = field(default_factory=list)  # where its ports answer on that address


@dataclass(frozen=True, slots=True)
class Connection:
    """A task's part in Service Connect: the attachment that tells of it, the namespace's ARN, what it offers there."""

    attachment_id: str
    namespace: str
    endpoints: list[Endpoint] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Task:
    """`overrides` is the RunTask request's; `version` grows with every change of the record that AWS reports."""

    account: str
    region: str
    cluster: str  # its name
    id: str
    arn: str
    cluster_arn: str
    definition_arn: str
    family: str
    group: str
    launch_type: str
    cpu: str
    memory: str
    desired_status: DesiredStatus
    last_status: LastStatus
    created_at: float
    containers: list[Container]
    started_by: str | None = None
    service: str | None = None
    deployment_id: str | None = None
    capacity_provider: str | None = None
    platform_version: str | None = None
    platform_family: str | None = None
    availability_zone: str | None = None
    network_mode: str = "awsvpc"
    cpu_architecture: str = "x86_64"  # as the attribute ecs.cpu-architecture says it: x86_64 or arm64
    eni: Eni | None = None
    engine: str = "local"
    container_instance_arn: str | None = None  # where it was placed; None on Fargate
    pause_id: str | None = None  # who holds the namespaces that its containers share
    network_ready: bool = False  # what comes before its containers is there
    pause_gone: bool = False
    pause_removed: bool = False
    overrides: dict[str, Any] = field(default_factory=dict)
    tags: list[dict[str, str]] = field(default_factory=list)
    enable_execute_command: bool = False
    ephemeral_storage_gib: int = 20
    client_token: str | None = None
    version: int = 1
    resources_ready: bool = False
    connectivity_at: float | None = None
    pull_started_at: float | None = None
    pull_stopped_at: float | None = None
    started_at: float | None = None
    execution_stopped_at: float | None = None
    stopping_at: float | None = None
    stopped_at: float | None = None
    stop_code: str | None = None
    stopped_reason: str | None = None
    protection_enabled: bool = False
    protection_expires_at: float | None = None
    attempts: int = 0  # of the action in hand that failed for a passing reason
    retry_at: float | None = None
    end_noted: bool = False  # its service has counted how it ended
    released: bool = False  # stopped, and its service needs to know nothing more of it
    because: str = ""  # the last decision about it, in words
    warnings: list[str] = field(default_factory=list)
    endpoint_id: str = ""  # 32 hexadecimal digits that nobody can guess; its containers' endpoints bear them
    credentials_id: str | None = None  # the same for the credentials of its role; None without a task role
    task_role_arn: str | None = None
    volumes_removed: bool = False
    cgroup_parent: str | None = None  # the engine's name for its control group; None: its containers stand alone
    limits: str = ""  # where its limits are enforced and why, in words
    cgroup_removed: bool = False
    host_gone: bool = False  # what it ran on ended: no stop signal, no grace
    faults: list[str] = field(default_factory=list)  # the faults on demand that struck it, in words
    # Of a task that waits, or has waited, for a host of its capacity provider: constraints, strategies, subnets, zones.
    placement_request: dict[str, Any] | None = None
    unplaced_reason: str | None = None  # why no host has taken it so far
    registry: Registry | None = None  # in which it is discovered
    connect: Connection | None = None

    @property
    def waits_for_host(self) -> bool:
        """Whether it is PROVISIONING until its capacity provider has a host for it."""
        return (
            self.placement_request is not None
            and self.container_instance_arn is None
            and self.last_status == "PROVISIONING"
            and self.desired_status == "RUNNING"
        )

    @property
    def stopped(self) -> bool:
        return self.last_status == "STOPPED"

    def container(self, name: str) -> Container:
        return next(c for c in self.containers if c.name == name)

    def with_container(self, changed: Container) -> Task:
        return replace(self, containers=[changed if c.name == changed.name else c for c in self.containers])

    @property
    def pauses(self) -> list[str]:
        """The engine's ids of all that hold its namespaces."""
        own = [c.pause_id for c in self.containers if c.pause_id]
        return [*own, self.pause_id] if self.pause_id and self.pause_id not in own else own

    @property
    def host(self) -> str:
        """The virtual host whose ports its containers take."""
        return self.container_instance_arn or self.engine

    @property
    def health_status(self) -> HealthStatus:
        """UNHEALTHY if an essential container is; else UNKNOWN if one is unknown; else HEALTHY."""
        states = [c.health_status for c in self.containers if c.essential]
        if "UNHEALTHY" in states:
            return "UNHEALTHY"
        return "UNKNOWN" if "UNKNOWN" in states or not states else "HEALTHY"


def endpoint_id(task: Task, container: Container) -> str:
    """What the container's endpoint URLs end with, in the form that Fargate gives them: 32 digits, a dash, ten."""
    return f"{task.endpoint_id}-{int(container.id[:8], 16):010d}"


def runtime_id(task: Task, container: Container) -> str | None:
    """The container's `runtimeId` and `DockerId`, None before it was created.

    Fargate shows no engine's id: it is the task's id, a dash and ten digits, and with it ends the target
    `ecs:<cluster>_<task>_<runtimeId>` of a session (Amazon ECS developer guide, samples of Fargate tasks).
    """
    if container.runtime_id is None or task.launch_type != "FARGATE":
        return container.runtime_id
    return f"{task.id}-{int(container.id[:8], 16):010d}"


@dataclass(frozen=True, slots=True)
class TaskCredentials:
    """The credentials that a task's role was last given; the key itself is one of STS's. Rotated before the end."""

    credentials_id: str
    task_arn: str
    access_key_id: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class AddressAllocation:
    """A private address in use, or a public one; unique per network: no two tasks ever get the same one (D3)."""

    network: str
    address: str
    task_arn: str


@dataclass(frozen=True, slots=True)
class IdempotencyToken:
    """What a client token was used for, kept for 24 hours of clock."""

    account: str
    region: str
    operation: str
    scope: str
    token: str
    fingerprint: str
    result: list[str]
    at: float
