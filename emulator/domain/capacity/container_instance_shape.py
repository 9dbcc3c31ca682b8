"""A container instance as ECS answers it: what it registered, what remains of it, its attributes and tasks.

Pure. Source: ECS API model (ContainerInstance, Resource) and AWS CLI samples.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from emulator.domain.capacity.container_instance import ContainerInstance, Load
from emulator.domain.tasks.task_event import iso

_WHEN_KNOWN = {
    "ec2InstanceId": "ec2_instance_id",
    "capacityProviderName": "capacity_provider",
    "statusReason": "status_reason",
    "agentUpdateStatus": "agent_update_status",
}
"""Members that are absent until the record has them."""


def container_instance_shape(
    instance: ContainerInstance, load: Load, include: Collection[str] = (), *, now: float = 0.0
) -> dict[str, Any]:
    """`include` is DescribeContainerInstances' member; without TAGS the tags are empty."""
    registered = (instance.cpu, instance.memory_mib, (), (), instance.gpus)
    used_tcp = [port.port for port in load.ports if port.protocol == "tcp"]
    used_udp = [port.port for port in load.ports if port.protocol == "udp"]
    gpus_left = [gpu for gpu in instance.gpus if gpu not in load.gpus]
    remaining = (instance.cpu - load.cpu, instance.memory_mib - load.memory_mib, used_tcp, used_udp, gpus_left)
    shape: dict[str, Any] = {
        "containerInstanceArn": instance.arn,
        "version": instance.version,
        "versionInfo": _version_info(instance),
        "remainingResources": _resources(instance, *remaining),
        "registeredResources": _resources(instance, *registered),
        "status": instance.status,
        "agentConnected": instance.agent_connected,
        "runningTasksCount": load.running,
        "pendingTasksCount": load.pending,
        "attributes": [_attribute(a.name, a.value) for a in instance.attributes],
        "registeredAt": instance.registered_at,
        "attachments": [],
        "tags": [{"key": t["key"], "value": t["value"]} for t in instance.tags] if "TAGS" in include else [],
    }
    for member, field in _WHEN_KNOWN.items():
        value = getattr(instance, field)
        if value is not None:
            shape[member] = value
    if "CONTAINER_INSTANCE_HEALTH" in include:
        shape["healthStatus"] = _health(instance, now)
    return shape


def container_instance_event(instance: ContainerInstance, load: Load, at: float) -> dict[str, Any]:
    """The detail of EventBridge's event: the same, times in ISO 8601 (Amazon ECS developer guide, "Amazon ECS
    container instance state change events")."""
    shape = container_instance_shape(instance, load)
    del shape["tags"]
    return {
        **shape,
        "clusterArn": instance.cluster_arn,
        "registeredAt": iso(instance.registered_at),
        "updatedAt": iso(at),
    }


def _version_info(instance: ContainerInstance) -> dict[str, str]:
    info = {
        "agentVersion": instance.agent_version,
        "agentHash": instance.agent_hash,
        "dockerVersion": instance.docker_version,
    }
    return {member: value for member, value in info.items() if value}


def _resources(
    instance: ContainerInstance,
    cpu: int,
    memory_mib: int,
    tcp: Iterable[int],
    udp: Iterable[int],
    gpus: Iterable[str],
) -> list[dict[str, Any]]:
    """For ports both lists tell which are taken: from the start, or by now. GPUs are those left (unconfirmed)."""
    return [
        _number("CPU", cpu),
        _number("MEMORY", memory_mib),
        _set("PORTS", [*instance.ports, *sorted(tcp)]),
        _set("PORTS_UDP", [*instance.ports_udp, *sorted(udp)]),
        *([_set("GPU", gpus)] if instance.gpus else []),
    ]


def _number(name: str, value: int) -> dict[str, Any]:
    return {"name": name, "type": "INTEGER", "doubleValue": 0.0, "longValue": 0, "integerValue": value}


def _set(name: str, values: Iterable[int | str]) -> dict[str, Any]:
    zeros = {"doubleValue": 0.0, "longValue": 0, "integerValue": 0}
    return {"name": name, "type": "STRINGSET", **zeros, "stringSetValue": [str(value) for value in values]}


def _attribute(name: str, value: str | None) -> dict[str, str]:
    return {"name": name} if value is None else {"name": name, "value": value}


def _health(instance: ContainerInstance, now: float) -> dict[str, Any]:
    """What Homeport knows of it: whether the agent, which is Homeport itself, is connected."""
    status = "OK" if instance.agent_connected else "IMPAIRED"
    check = {
        "type": "AGENT_CONNECTIVITY",
        "status": status,
        "lastUpdated": now,
        "lastStatusChange": instance.registered_at,
    }
    return {"overallStatus": status, "details": [check]}
