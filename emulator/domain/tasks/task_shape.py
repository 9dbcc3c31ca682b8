"""A task as ECS shows it, in answers and events: containers, interface, overrides, the times that have come. Pure.

Source: ECS API model (Task, Container, Attachment) and AWS CLI samples.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.domain.exec_session import agent_state
from emulator.domain.networks.host_ports import shown as binding_shape
from emulator.domain.tasks.task import Connection, Container, Eni, Task, runtime_id
from emulator.domain.tasks.task_overrides import overrides_echo

_WHEN_KNOWN = {
    "connectivityAt": "connectivity_at",
    "pullStartedAt": "pull_started_at",
    "pullStoppedAt": "pull_stopped_at",
    "startedAt": "started_at",
    "executionStoppedAt": "execution_stopped_at",
    "stoppingAt": "stopping_at",
    "stoppedAt": "stopped_at",
    "startedBy": "started_by",
    "stopCode": "stop_code",
    "stoppedReason": "stopped_reason",
    "availabilityZone": "availability_zone",
    "capacityProviderName": "capacity_provider",
    "containerInstanceArn": "container_instance_arn",
    "platformVersion": "platform_version",
    "platformFamily": "platform_family",
}
"""Members that are absent until the record has them."""

_ENI_DETAILS = (
    ("networkInterfaceId", "id"),
    ("macAddress", "mac_address"),
    ("privateDnsName", "private_dns_name"),
    ("privateIPv4Address", "private_ip"),
)


def task_shape(task: Task, *, tags: bool) -> dict[str, Any]:
    """The API's Task; times are epoch seconds. `tags` says whether they were asked for; without, the list is empty."""
    shape: dict[str, Any] = {
        "attachments": [] if task.eni is None else [*_connected(task.connect, task.eni), _attachment(task.eni)],
        "attributes": [{"name": "ecs.cpu-architecture", "value": task.cpu_architecture}],
        "clusterArn": task.cluster_arn,
        "containers": [_container(task, container) for container in task.containers],
        "cpu": task.cpu,
        "createdAt": task.created_at,
        "desiredStatus": task.desired_status,
        "enableExecuteCommand": task.enable_execute_command,
        "group": task.group,
        "healthStatus": task.health_status,
        "inferenceAccelerators": [],
        "lastStatus": task.last_status,
        "launchType": task.launch_type,
        "memory": task.memory,
        "overrides": _overrides(task),
        "tags": task.tags if tags else [],
        "taskArn": task.arn,
        "taskDefinitionArn": task.definition_arn,
        "version": task.version,
    }
    _add_what_is_so(shape, task)
    return shape


def _add_what_is_so(shape: dict[str, Any], task: Task) -> None:
    for member, field in _WHEN_KNOWN.items():
        value = getattr(task, field)
        if value is not None:
            shape[member] = value
    if task.connectivity_at is not None:
        shape["connectivity"] = "CONNECTED"
    if task.launch_type == "FARGATE":
        shape["ephemeralStorage"] = {"sizeInGiB": task.ephemeral_storage_gib}
        shape["fargateEphemeralStorage"] = {"sizeInGiB": task.ephemeral_storage_gib}


def _overrides(task: Task) -> dict[str, Any]:
    names: Mapping[str, Any] = {"containerDefinitions": [{"name": c.name} for c in task.containers]}
    return overrides_echo(names, task.overrides)


def _attachment(eni: Eni) -> dict[str, Any]:
    details: list[dict[str, str]] = [{"name": "subnetId", "value": eni.subnet_id}]
    if eni.status != "PRECREATED":
        for name, field in _ENI_DETAILS:
            value = getattr(eni, field)
            if value is not None:
                details.append({"name": name, "value": value})
    return {"id": eni.attachment_id, "type": "ElasticNetworkInterface", "status": eni.status, "details": details}


def _connected(connection: Connection | None, eni: Eni) -> list[dict[str, Any]]:
    """The attachment of Service Connect, with what the task offers (ECS API model, Attachment)."""
    if connection is None:
        return []
    details: list[dict[str, str]] = []
    for endpoint in connection.endpoints:
        alias = {"dnsName": endpoint.alias, "port": endpoint.alias_port}
        details += [
            {"name": "portName", "value": endpoint.port_name},
            {"name": "clientAliases", "value": json.dumps([alias] if endpoint.alias else [])},
            {"name": "discoveryName", "value": endpoint.discovery_name},
        ]
    status = eni.status
    return [{"id": connection.attachment_id, "type": "Service Connect", "status": status, "details": details}]


def _container(task: Task, container: Container) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "containerArn": f"{task.arn.replace(':task/', ':container/')}/{container.id}",
        "taskArn": task.arn,
        "name": container.name,
        "image": container.image,
        "lastStatus": container.last_status,
        "networkBindings": [binding_shape(binding) for binding in container.network_bindings],
        "networkInterfaces": _interfaces(task.eni),
        "healthStatus": container.health_status,
        "cpu": str(container.cpu),
    }
    present = {
        "gpuIds": container.gpu_ids or None,
        "imageDigest": container.image_digest,
        "runtimeId": runtime_id(task, container),
        "exitCode": container.exit_code,
        "reason": container.reason,
        "memory": None if container.memory_mib is None else str(container.memory_mib),
        "memoryReservation": None
        if container.memory_reservation_mib is None
        else str(container.memory_reservation_mib),
    }
    shape.update({member: value for member, value in present.items() if value is not None})
    if task.enable_execute_command:
        shape["managedAgents"] = [_exec_agent(container)]
    return shape


def _exec_agent(container: Container) -> dict[str, Any]:
    state = agent_state(container)
    agent: dict[str, Any] = {"name": "ExecuteCommandAgent", "lastStatus": state.status}
    if state.started_at is not None:
        agent["lastStartedAt"] = state.started_at
    if state.reason:
        agent["reason"] = state.reason
    return agent


def _interfaces(eni: Eni | None) -> list[dict[str, str]]:
    if eni is None or eni.private_ip is None:
        return []
    return [{"attachmentId": eni.attachment_id, "privateIpv4Address": eni.private_ip}]
