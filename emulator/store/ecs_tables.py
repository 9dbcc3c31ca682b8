"""ECS's tables. The API writes what is desired; control reads it and writes what became so."""

from __future__ import annotations

from emulator.domain.capacity.capacity_provider import CapacityProvider
from emulator.domain.capacity.capacity_strategy import ON_HOSTS
from emulator.domain.capacity.cluster import AccountSetting, Cluster
from emulator.domain.capacity.container_instance import (
    ContainerInstance,
    InstanceAllocation,
    InstanceGpuAllocation,
    InstancePortAllocation,
)
from emulator.domain.exec_session import ExecSession
from emulator.domain.networks.address_plan import SubnetSlice, VpcRange
from emulator.domain.networks.host_ports import HostPort
from emulator.domain.networks.security_group import GroupMember
from emulator.domain.service_scheduler.alarm import AlarmState
from emulator.domain.service_scheduler.service import Service
from emulator.domain.service_scheduler.service_deployment import ServiceDeployment, ServiceRevision
from emulator.domain.task_definitions.revision import Family, TaskDefinition
from emulator.domain.tasks.task import AddressAllocation, IdempotencyToken, Task, TaskCredentials
from emulator.store.tables import Table


def task_key(task: Task) -> list[tuple[str, str]]:
    """A changed task wakes itself, its service, and the capacity provider that it waits for or runs on."""
    keys = [("task", task.arn)]
    if task.capacity_provider is not None and task.launch_type in ON_HOSTS:
        keys.append(("capacity_provider", f"{task.account}/{task.region}/{task.capacity_provider}"))
    if task.service is not None:
        keys.append(("service", f"{task.account}/{task.region}/{task.cluster}/{task.service}"))
    return keys


def service_key(service: Service) -> list[tuple[str, str]]:
    """A changed service wakes itself, and the proxies of its namespace."""
    keys = [("service", f"{service.account}/{service.region}/{service.cluster}/{service.name}")]
    if service.namespace is not None:
        keys.append(namespace_key(service.account, service.region, service.namespace))
    return keys


def namespace_key(account: str, region: str, namespace: str) -> tuple[str, str]:
    """Of the proxies in a namespace of Service Connect, by its ARN."""
    return "service_connect", f"{account}/{region}/{namespace.rpartition('/')[2]}"


def service_deployment_key(deployment: ServiceDeployment) -> list[tuple[str, str]]:
    """A changed service deployment wakes its service."""
    return [("service", f"{deployment.account}/{deployment.region}/{deployment.cluster}/{deployment.service}")]


CLUSTERS: Table[Cluster] = Table(
    "ecs_clusters", Cluster, key=("account", "region", "name"), indexes=(("account", "region", "status"),)
)
TASK_DEFINITIONS: Table[TaskDefinition] = Table(
    "ecs_task_definitions",
    TaskDefinition,
    key=("account", "region", "family", "revision"),
    indexes=(("account", "region", "status"),),
)
FAMILIES: Table[Family] = Table("ecs_families", Family, key=("account", "region", "name"))
TASKS: Table[Task] = Table(
    "ecs_tasks",
    Task,
    key=("account", "region", "cluster", "id"),
    indexes=(
        ("account", "region", "cluster", "service", "released"),
        ("account", "region", "cluster", "desired_status"),
        ("account", "region", "cluster", "family"),
        ("account", "region", "cluster", "started_by"),
        ("account", "region", "cluster", "launch_type", "last_status"),
        ("account", "region", "cluster", "container_instance_arn", "last_status"),
        ("definition_arn",),
        ("last_status",),
        ("arn",),
        ("endpoint_id",),
        ("credentials_id",),
    ),
    wakes=task_key,
    remembered=True,
)
SERVICES: Table[Service] = Table(
    "ecs_services",
    Service,
    key=("account", "region", "cluster", "name"),
    indexes=(("status",), ("task_definition",), ("namespace", "status")),
    wakes=service_key,
)
CONTAINER_INSTANCES: Table[ContainerInstance] = Table(
    "ecs_container_instances",
    ContainerInstance,
    key=("account", "region", "cluster", "id"),
    indexes=(("account", "region", "cluster", "status"), ("ec2_instance_id",), ("capacity_provider",), ("status",)),
)
CAPACITY_PROVIDERS: Table[CapacityProvider] = Table(
    "ecs_capacity_providers",
    CapacityProvider,
    key=("account", "region", "name"),
    indexes=(("account", "region", "scaling_group"),),
    wakes=lambda provider: [("capacity_provider", f"{provider.account}/{provider.region}/{provider.name}")],
)
INSTANCE_ALLOCATIONS: Table[InstanceAllocation] = Table(
    "ecs_instance_allocations",
    InstanceAllocation,
    key=("task_arn",),
    indexes=(("cluster_arn", "instance_arn", "task_group", "cpu", "memory_mib", "eni"),),
)
INSTANCE_PORTS: Table[InstancePortAllocation] = Table(
    "ecs_instance_ports",
    InstancePortAllocation,
    key=("instance_arn", "protocol", "port"),
    indexes=(("task_arn",), ("cluster_arn", "instance_arn", "protocol", "port")),
)
INSTANCE_GPUS: Table[InstanceGpuAllocation] = Table(
    "ecs_instance_gpus",
    InstanceGpuAllocation,
    key=("instance_arn", "gpu"),
    indexes=(("task_arn",), ("cluster_arn", "instance_arn", "gpu")),
)
SERVICE_DEPLOYMENTS: Table[ServiceDeployment] = Table(
    "ecs_service_deployments",
    ServiceDeployment,
    key=("account", "region", "cluster", "service", "id"),
    indexes=(("created_at",),),
    wakes=service_deployment_key,
)
SERVICE_REVISIONS: Table[ServiceRevision] = Table(
    "ecs_service_revisions",
    ServiceRevision,
    key=("account", "region", "cluster", "service", "number"),
    indexes=(("created_at",),),
)
ALARM_STATES: Table[AlarmState] = Table(
    "alarm_states",
    AlarmState,
    key=("account", "region", "name"),
    wakes=lambda alarm: [("alarm", f"{alarm.account}/{alarm.region}/{alarm.name}")],
)
ACCOUNT_SETTINGS: Table[AccountSetting] = Table(
    "ecs_account_settings", AccountSetting, key=("account", "region", "principal", "name")
)
ADDRESSES: Table[AddressAllocation] = Table(
    "ecs_addresses", AddressAllocation, key=("network", "address"), indexes=(("task_arn",),)
)
GROUP_MEMBERS: Table[GroupMember] = Table(
    "ecs_group_members",
    GroupMember,
    key=("account", "region", "group_id", "task_arn"),
    indexes=(("task_arn",), ("account", "region", "group_id", "address")),
)
HOST_PORTS: Table[HostPort] = Table(
    "ecs_host_ports",
    HostPort,
    key=("engine", "bind_ip", "protocol", "port"),
    indexes=(("task_arn",),),
    unique=(("host", "protocol", "port"),),
)
VPC_RANGES: Table[VpcRange] = Table("vpc_ranges", VpcRange, key=("network",), unique=(("cidr",),))
SUBNET_SLICES: Table[SubnetSlice] = Table(
    "subnet_slices", SubnetSlice, key=("network", "subnet_id"), unique=(("network", "cidr"),)
)
EXEC_SESSIONS: Table[ExecSession] = Table(
    "ecs_exec_sessions", ExecSession, key=("id",), indexes=(("task_arn",),), wakes=lambda s: [("exec_session", s.id)]
)
TASK_CREDENTIALS: Table[TaskCredentials] = Table(
    "ecs_task_credentials", TaskCredentials, key=("credentials_id",), indexes=(("expires_at",),)
)
TOKENS: Table[IdempotencyToken] = Table(
    "ecs_idempotency_tokens",
    IdempotencyToken,
    key=("account", "region", "operation", "scope", "token"),
    indexes=(("at",),),
)

TABLES = (
    CLUSTERS,
    TASK_DEFINITIONS,
    FAMILIES,
    TASKS,
    SERVICES,
    CONTAINER_INSTANCES,
    CAPACITY_PROVIDERS,
    INSTANCE_ALLOCATIONS,
    INSTANCE_PORTS,
    INSTANCE_GPUS,
    SERVICE_DEPLOYMENTS,
    SERVICE_REVISIONS,
    ALARM_STATES,
    ACCOUNT_SETTINGS,
    ADDRESSES,
    GROUP_MEMBERS,
    HOST_PORTS,
    VPC_RANGES,
    SUBNET_SLICES,
    EXEC_SESSIONS,
    TASK_CREDENTIALS,
    TOKENS,
)
