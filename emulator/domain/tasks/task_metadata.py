"""What a container is told about itself and its task: the documents of the task metadata endpoint, v4, v3, v2. Pure.

Only what is so: a member whose value Homeport cannot know (the snapshotter) is left out, as ECS itself leaves out what
it does not know. `Ports` is of bridge and host networking: with an interface of its own a task binds no host port.
Source: Amazon ECS developer guide, "Task metadata endpoint version 4" and "version 3"; the ECS agent's response shapes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from emulator.domain.networks.vpc import zone_id
from emulator.domain.tasks.task import Container, Task, runtime_id

PAUSE: Final = "~internal~ecs~pause"
"""What ECS calls the container that holds a task's network namespace."""
_OWN_LABELS: Final = "homeport."
_UP: Final = ("RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING")


@dataclass(frozen=True, slots=True)
class SeenContainer:
    """What the engine shows of a container. `volumes` are (name, source, destination), `ports` (container port,
    protocol, host's address, host's port), `addresses` those of its own, where the task has no interface."""

    name: str
    labels: Mapping[str, str]
    created_at: float = 0.0
    health_output: str = ""
    health_exit_code: int | None = None
    volumes: tuple[tuple[str, str, str], ...] = ()
    ports: tuple[tuple[int, str, str, int], ...] = ()
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskNetwork:
    """Where the task's interface stands. `gateway` is the bridge's address, `range_cidr` what it is on."""

    subnet_cidr: str = ""
    range_cidr: str = ""
    gateway: str = ""
    name_servers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClockReading:
    """How far the machine's clock may be off, in milliseconds; `at` is the clock's own time, epoch seconds."""

    at: float
    error_bound_ms: float
    synchronized: bool


@dataclass(frozen=True, slots=True)
class TagsUnavailable:
    """Why the tags of `resource` could not be had."""

    resource: str
    code: str
    message: str
    status: int
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class TaskView:
    """Everything that the documents of one task are made from; `definitions` and `seen` go by container name.

    `storage_mib` is what its containers take of the disk, None when that is not known; so is `clock`. `host_tags` are
    those of its container instance.
    """

    task: Task
    definitions: Mapping[str, Mapping[str, Any]]
    seen: Mapping[str, SeenContainer]
    network: TaskNetwork = field(default_factory=TaskNetwork)
    storage_mib: int | None = None
    clock: ClockReading | None = None
    host_tags: Mapping[str, str] = field(default_factory=dict)


def task_document(
    view: TaskView, *, version: int = 4, tags: Mapping[str, str] | TagsUnavailable | None = None
) -> dict[str, Any]:
    """`${ECS_CONTAINER_METADATA_URI_V4}/task`; with `tags` `/taskWithTags`. Version 2 has the shape of 3."""
    task = view.task
    on_fargate = task.launch_type == "FARGATE"
    document: dict[str, Any] = {
        "Cluster": task.cluster_arn if on_fargate else task.cluster,
        "TaskARN": task.arn,
        "Family": task.family,
        "Revision": task.definition_arn.rpartition(":")[2],
        "ServiceName": None if on_fargate else task.service,
        "DesiredStatus": task.desired_status,
        "KnownStatus": known_task_status(task),
        "Limits": _task_limits(task),
        "PullStartedAt": timestamp(task.pull_started_at),
        "PullStoppedAt": timestamp(task.pull_stopped_at),
        "ExecutionStoppedAt": timestamp(task.execution_stopped_at),
        "AvailabilityZone": task.availability_zone,
        "Containers": [
            *(container_document(view, c, version=version) for c in task.containers),
            *([] if on_fargate else _pause_documents(view, version)),
        ],
    }
    if isinstance(tags, TagsUnavailable):
        document["Errors"] = [_error(tags)]
    else:
        document["TaskTags"] = dict(tags) if tags else None
        document["ContainerInstanceTags"] = dict(view.host_tags) or None if tags is not None else None
    if version == 4:
        document["LaunchType"] = task.launch_type
        document["AvailabilityZoneID"] = zone_id(task.availability_zone) if task.availability_zone else None
        document["FaultInjectionEnabled"] = False
        document |= _of_fargate(view) if on_fargate else {"VPCID": task.eni.vpc_id if task.eni is not None else None}
    return _present(document)


def _of_fargate(view: TaskView) -> dict[str, Any]:
    """Platform version 1.4.0 tells of the task's disk, in MiB, and of its machine's clock."""
    storage = clock = None
    if view.storage_mib is not None:
        storage = {"Utilized": view.storage_mib, "Reserved": view.task.ephemeral_storage_gib * 1024}
    if view.clock is not None:
        clock = {
            "ClockErrorBound": view.clock.error_bound_ms,
            "ReferenceTimestamp": f"{datetime.fromtimestamp(int(view.clock.at), UTC):%Y-%m-%dT%H:%M:%SZ}",
            "ClockSynchronizationStatus": "SYNCHRONIZED" if view.clock.synchronized else "NOT_SYNCHRONIZED",
        }
    return {"EphemeralStorageMetrics": storage, "ClockDrift": clock}


def _error(failed: TagsUnavailable) -> dict[str, Any]:
    return {
        "ErrorField": "TaskTags",
        "ErrorCode": failed.code,
        "ErrorMessage": failed.message,
        "StatusCode": failed.status,
        "RequestId": failed.request_id,
        "ResourceARN": failed.resource,
    }


def _pause_documents(view: TaskView, version: int) -> list[dict[str, Any]]:
    """On an instance the container that holds the task's interface is shown, too."""
    task, seen = view.task, view.seen.get(PAUSE)
    if task.eni is None or task.pause_id is None:
        return []
    document: dict[str, Any] = {
        "DockerId": task.pause_id,
        "Name": PAUSE,
        "DockerName": seen.name if seen else "",
        "Image": "amazon/amazon-ecs-pause:0.1.0",
        "ImageID": "",
        "Labels": _labels(seen),
        "DesiredStatus": "RESOURCES_PROVISIONED",
        "KnownStatus": "RESOURCES_PROVISIONED",
        "Limits": {"CPU": 0, "Memory": 0},
        "CreatedAt": timestamp(seen.created_at if seen else None),
        "Type": "CNI_PAUSE",
        "Networks": _networks(view, None, seen, version),
    }
    return [_present(document)]


def container_document(view: TaskView, container: Container, *, version: int = 4) -> dict[str, Any]:
    """`${ECS_CONTAINER_METADATA_URI_V4}` itself."""
    definition, seen = view.definitions.get(container.name, {}), view.seen.get(container.name)
    document: dict[str, Any] = {
        "DockerId": runtime_id(view.task, container) or "",
        "Name": container.name,
        "DockerName": shown_name(view.task, container, seen.name if seen else ""),
        "Image": container.image,
        "ImageID": container.image_id or "",
        "Ports": _ports(container, seen),
        "Labels": _labels(seen),
        "DesiredStatus": view.task.desired_status,
        "KnownStatus": known_container_status(container),
        "ExitCode": container.exit_code,
        "Limits": {"CPU": container.cpu, "Memory": container.memory_mib or 0},
        "CreatedAt": timestamp(seen.created_at if seen else None),
        "StartedAt": timestamp(container.started_at),
        "FinishedAt": timestamp(container.finished_at),
        "Type": "NORMAL",
        "Health": _health(container, seen),
        "Volumes": _volumes(seen),
        "Networks": _networks(view, container, seen, version),
    }
    if version == 4:
        arn = f"{view.task.cluster_arn.replace(':cluster/', ':container/')}/{view.task.id}/{container.id}"
        document |= {
            **_log(container, definition.get("logConfiguration") or {}),
            "ContainerARN": arn,
            "RestartCount": container.restart_count if _restarts(definition) else None,
        }
    return _present(document)


def _log(container: Container, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The awslogs driver is given the stream's whole name in place of its prefix."""
    options = dict(configuration.get("options") or {})
    if container.log_stream:
        options.pop("awslogs-stream-prefix", None)
        options["awslogs-stream"] = container.log_stream
    return {"LogDriver": configuration.get("logDriver"), "LogOptions": options or None}


def shown_name(task: Task, container: Container, engine_name: str) -> str:
    """Fargate names no engine's container, only the definition's."""
    return container.name if task.launch_type == "FARGATE" else engine_name


def _restarts(definition: Mapping[str, Any]) -> bool:
    return bool((definition.get("restartPolicy") or {}).get("enabled"))


def known_task_status(task: Task) -> str:
    """ECS's ladder in the agent's words, which know neither PENDING nor PROVISIONING."""
    if task.last_status == "STOPPED":
        return "STOPPED"
    if task.last_status in _UP:
        return "RUNNING"
    return "CREATED" if any(container.runtime_id for container in task.containers) else "NONE"


def known_container_status(container: Container) -> str:
    """NONE, PULLED, CREATED, RUNNING, STOPPED."""
    if container.last_status != "PENDING":
        return container.last_status
    if container.runtime_id is not None:
        return "CREATED"
    return "PULLED" if container.image_id is not None else "NONE"


def timestamp(when: float | None) -> str | None:
    """RFC 3339 in UTC with nine digits of a second; None for a moment that has not been."""
    if not when:
        return None
    whole = int(when)
    nanoseconds = round((when - whole) * 1e9)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def _task_limits(task: Task) -> dict[str, Any] | None:
    """CPU in vCPUs, memory in MiB, as far as the task has its own."""
    limits: dict[str, Any] = {}
    if task.cpu and int(task.cpu):
        limits["CPU"] = int(task.cpu) / 1024
    if task.memory and int(task.memory):
        limits["Memory"] = int(task.memory)
    return limits or None


def _labels(seen: SeenContainer | None) -> dict[str, str]:
    """Those of the definition and of ECS, not the ones that Homeport keeps house by."""
    labels = seen.labels if seen else {}
    return {name: value for name, value in labels.items() if not name.startswith(_OWN_LABELS)}


def _health(container: Container, seen: SeenContainer | None) -> dict[str, Any] | None:
    """`exitCode` is there only when the last probe's was not 0."""
    if not container.has_health_check:
        return None
    return _present(
        {
            "status": container.health_status,
            "statusSince": timestamp(container.health_since),
            "exitCode": (seen.health_exit_code if seen else None) or None,
            "output": (seen.health_output if seen else "") or None,
        }
    )


def _volumes(seen: SeenContainer | None) -> list[dict[str, str]] | None:
    mounts = seen.volumes if seen else ()
    shown = [{"DockerName": name, "Source": source, "Destination": destination} for name, source, destination in mounts]
    return [{key: value for key, value in volume.items() if value} for volume in shown] or None


def _ports(container: Container, seen: SeenContainer | None) -> list[dict[str, Any]] | None:
    """Those of the network that it was given; else what the engine shows of the container itself."""
    given = [
        (inside, binding.protocol, binding.bind_ip, outside)
        for binding in container.network_bindings
        for inside, outside in binding.ports
    ]
    return [
        _present({"ContainerPort": inside, "Protocol": protocol, "HostPort": outside or None, "HostIp": host or None})
        for inside, protocol, host, outside in given or (seen.ports if seen else ())
    ] or None


def _networks(
    view: TaskView, container: Container | None, seen: SeenContainer | None, version: int
) -> list[dict[str, Any]] | None:
    """Of a task with an interface it is the task's, else the container's own."""
    task = view.task
    if task.network_mode != "awsvpc":
        given = container.private_ip if container else None
        addresses = [given] if given else list(seen.addresses) if seen else []
        return [_present({"NetworkMode": task.network_mode, "IPv4Addresses": addresses or None})]
    if task.eni is None or task.eni.private_ip is None:
        return None
    shown: dict[str, Any] = {"NetworkMode": task.network_mode, "IPv4Addresses": [task.eni.private_ip]}
    if version == 4:
        network = view.network
        shown |= {
            "AttachmentIndex": 0,
            "MACAddress": task.eni.mac_address,
            "IPv4SubnetCIDRBlock": network.subnet_cidr or None,
            "DomainNameServers": list(network.name_servers) or None,
            "PrivateDNSName": task.eni.private_dns_name,
            "SubnetGatewayIpv4Address": _gateway(network),
        }
    return [_present(shown)]


def _gateway(network: TaskNetwork) -> str | None:
    """The address, and the prefix of what it is the gateway of."""
    if not network.gateway:
        return None
    return f"{network.gateway}/{ipaddress.ip_network(network.range_cidr or network.subnet_cidr).prefixlen}"


def _present(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value is not None}
