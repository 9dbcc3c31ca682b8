"""Making the record of a new task: what it is called, which subnet it stands in, what its containers are. Pure.

Used by RunTask and by the service scheduler alike. The record starts in PROVISIONING; how it climbs from there is
task_progress's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from emulator.domain.capacity.capacity_strategy import ON_HOSTS
from emulator.domain.capacity.cluster import Cluster
from emulator.domain.capacity.container_instance import ARCHITECTURE, ContainerInstance
from emulator.domain.networks.network import Subnet
from emulator.domain.service_connect.endpoint import Connected
from emulator.domain.tags import MAX_TAGS, is_reserved
from emulator.domain.task_definitions import task_definition_messages as text
from emulator.domain.task_definitions.revision import TaskDefinition
from emulator.domain.task_definitions.task_definition_messages import invalid_parameter
from emulator.domain.task_definitions.task_size import task_size
from emulator.domain.tasks.launch_settings import Placement
from emulator.domain.tasks.task import Connection, Container, Eni, Task
from emulator.domain.tasks.task_overrides import EffectiveTask

Tags = list[dict[str, str]]


class IdSource(Protocol):
    """Where a new task's ids come from."""

    def hex(self, digits: int = 32) -> str: ...

    def uuid(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Launch:
    """What all tasks of one request, or of one deployment, share.

    `effective` is the definition after overrides (task_overrides.apply_overrides), `overrides` the request's own;
    `image_digests` are the digests that a service deployment has pinned, by container name.
    """

    cluster: Cluster
    definition: TaskDefinition
    effective: EffectiveTask
    placement: Placement | None
    launch_type: str = "FARGATE"
    platform_version: str | None = None
    group: str | None = None
    started_by: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    tags: Tags = field(default_factory=list)
    enable_execute_command: bool = False
    client_token: str | None = None
    service: str | None = None
    deployment_id: str | None = None
    image_digests: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    constraints: Sequence[Mapping[str, Any]] = ()
    strategies: Sequence[Mapping[str, Any]] = ()
    connect: Connected | None = None


def new_task(
    launch: Launch,
    *,
    number: int,
    capacity_provider: str | None,
    now: float,
    ids: IdSource,
    host: ContainerInstance | None = None,
) -> Task:
    """The record of one task with desired status RUNNING: in PROVISIONING, or in PENDING if it needs nothing first.

    `number` counts the tasks of the launch, or of its service, from 0: subnets are taken in turn. `capacity_provider`
    is None unless a strategy chose one, or `host` belongs to one; without a host a task of an EC2 provider waits.
    """
    cluster, definition, effective = launch.cluster, launch.definition, launch.effective
    task_id = ids.hex(32)
    size = task_size(effective.definition)
    subnet = _subnet(launch, number, host)
    eni = _eni(launch, subnet, ids)
    return Task(
        account=cluster.account,
        region=cluster.region,
        cluster=cluster.name,
        id=task_id,
        arn=f"{cluster.arn.replace(':cluster/', ':task/')}/{task_id}",
        cluster_arn=cluster.arn,
        definition_arn=definition.arn,
        family=definition.family,
        group=launch.group or f"family:{definition.family}",
        launch_type=launch.launch_type,
        cpu=str(size.cpu_units),
        memory=str(size.memory_mib),
        desired_status="RUNNING",
        last_status="PROVISIONING" if eni or _waits(launch, host) else "PENDING",
        created_at=now,
        containers=[_container(c, launch.image_digests, ids) for c in effective.containers],
        started_by=launch.started_by,
        service=launch.service,
        deployment_id=launch.deployment_id,
        capacity_provider=capacity_provider or (host.capacity_provider if host else None),
        container_instance_arn=host.arn if host else None,
        engine=host.engine if host else "local",
        platform_version=launch.platform_version,
        platform_family="Linux" if launch.launch_type == "FARGATE" else None,
        availability_zone=_zone(subnet, host),
        network_mode=effective.definition.get("networkMode") or "bridge",
        cpu_architecture=(host.attribute(ARCHITECTURE) if host else None) or _architecture(effective.definition),
        eni=eni,
        overrides=dict(launch.overrides),
        tags=list(launch.tags),
        enable_execute_command=launch.enable_execute_command,
        ephemeral_storage_gib=effective.ephemeral_storage_gib,
        client_token=launch.client_token,
        warnings=list(launch.warnings),
        endpoint_id=ids.hex(32),
        credentials_id=ids.uuid() if effective.task_role_arn else None,
        task_role_arn=effective.task_role_arn,
        placement_request=_request_for_host(launch) if _waits(launch, host) else None,
        connect=_connection(launch.connect, ids),
    )


def _connection(connect: Connected | None, ids: IdSource) -> Connection | None:
    return None if connect is None else Connection(ids.uuid(), connect.namespace, connect.endpoints)


def _waits(launch: Launch, host: ContainerInstance | None) -> bool:
    return launch.launch_type in ON_HOSTS and host is None


def _request_for_host(launch: Launch) -> dict[str, Any]:
    """What the task asks of a host, until there is one."""
    zones = zones_of(launch)
    return {
        "constraints": [dict(constraint) for constraint in launch.constraints],
        "strategies": [dict(strategy) for strategy in launch.strategies],
        "subnets": [
            [s.id, s.vpc_id, s.availability_zone] for s in (launch.placement.subnets if launch.placement else ())
        ],
        "zones": None if zones is None else sorted(zones),
    }


def placed_on(task: Task, host: ContainerInstance) -> Task:
    """A task that waited, on the host that takes it; its interface stands in a subnet of the host's zone."""
    eni = task.eni
    if eni is not None:
        subnets = (task.placement_request or {}).get("subnets") or []
        near = {subnet: vpc for subnet, vpc, zone in subnets if zone == host.zone}
        if near and eni.subnet_id not in near:
            subnet_id = next(iter(near))
            eni = replace(eni, subnet_id=subnet_id, vpc_id=near[subnet_id])
    return replace(
        task,
        container_instance_arn=host.arn,
        engine=host.engine,
        availability_zone=host.zone or None,
        cpu_architecture=host.attribute(ARCHITECTURE) or task.cpu_architecture,
        eni=eni,
        unplaced_reason=None,
    )


def _zone(subnet: Subnet | None, host: ContainerInstance | None) -> str | None:
    if host is not None:
        return host.zone or None
    return subnet.availability_zone if subnet else None


def _architecture(definition: Mapping[str, Any]) -> str:
    return "arm64" if (definition.get("runtimePlatform") or {}).get("cpuArchitecture") == "ARM64" else "x86_64"


def zones_of(launch: Launch) -> frozenset[str] | None:
    """Where its subnets are; None for tasks without an interface of their own, and for subnets that nobody made, which
    may be anywhere."""
    if launch.placement is None or {subnet.id for subnet in launch.placement.subnets} & set(launch.placement.unknown):
        return None
    return frozenset(subnet.availability_zone for subnet in launch.placement.subnets)


def _subnet(launch: Launch, number: int, host: ContainerInstance | None) -> Subnet | None:
    subnets = launch.placement.subnets if launch.placement else ()
    if host is not None:
        subnets = tuple(subnet for subnet in subnets if subnet.availability_zone == host.zone) or subnets
    return subnets[number % len(subnets)] if subnets else None


def outside(launch: Launch, zones: frozenset[str]) -> Launch | None:
    """The launch with those of its subnets that are in none of the zones; None when none is left."""
    if not zones or launch.placement is None:
        return launch
    left = tuple(subnet for subnet in launch.placement.subnets if subnet.availability_zone not in zones)
    return replace(launch, placement=replace(launch.placement, subnets=left)) if left else None


def _eni(launch: Launch, subnet: Subnet | None, ids: IdSource) -> Eni | None:
    placement = launch.placement
    if placement is None or subnet is None:
        return None
    return Eni(
        attachment_id=ids.uuid(),
        id=f"eni-{ids.hex(17)}",
        subnet_id=subnet.id,
        status="PRECREATED",
        security_groups=list(placement.security_groups),
        assign_public_ip=placement.assign_public_ip,
        vpc_id=subnet.vpc_id,
    )


def _container(definition: Mapping[str, Any], digests: Mapping[str, str], ids: IdSource) -> Container:
    return Container(
        name=definition["name"],
        id=ids.uuid(),
        image=definition["image"],
        essential=definition.get("essential", True),
        image_digest=digests.get(definition["name"]),
        has_health_check="healthCheck" in definition,
        cpu=definition.get("cpu") or 0,
        memory_mib=definition.get("memory"),
        memory_reservation_mib=definition.get("memoryReservation"),
        read_only_root=bool(definition.get("readonlyRootFilesystem")),
    )


def task_tags(
    own: Sequence[Mapping[str, str]],
    *,
    propagated: Sequence[Mapping[str, str]] = (),
    cluster: str | None = None,
    service: str | None = None,
) -> Tags:
    """The tags of a new task: those propagated, over which its own win by key, then the tags that ECS manages.

    InvalidParameterException for more than 50, those that ECS manages not counted.
    `cluster` and `service` are names, given when managed tags are enabled.
    """
    tags = {tag["key"]: tag["value"] for tag in (*propagated, *own)}
    if cluster is not None:
        tags["aws:ecs:clusterName"] = cluster
    if service is not None:
        tags["aws:ecs:serviceName"] = service
    own_count = sum(not is_reserved(key) for key in tags)
    if own_count > MAX_TAGS:
        raise invalid_parameter(text.TAG_COUNT, limit=MAX_TAGS)
    return [{"key": key, "value": value} for key, value in tags.items()]
