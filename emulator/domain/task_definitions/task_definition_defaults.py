"""The echo of a registered task definition: which members ECS fills in, and in which order it answers them.

It fills and orders; it refuses nothing. Computed members (compatibilities, requiresAttributes) are added by
task_definition. Source: ECS API model and the answers of RegisterTaskDefinition in AWS's documentation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from emulator.domain.task_definitions.container_ports import host_port, protocol
from emulator.domain.tasks.task_volumes import echoed_volume

HEALTH_DEFAULTS: Final = {"interval": 30, "timeout": 5, "retries": 3}
CONTAINER_ORDER: Final = [
    "name",
    "image",
    "repositoryCredentials",
    "cpu",
    "memory",
    "memoryReservation",
    "links",
    "portMappings",
    "essential",
    "restartPolicy",
    "entryPoint",
    "command",
    "environment",
    "environmentFiles",
    "mountPoints",
    "volumesFrom",
    "linuxParameters",
    "secrets",
    "dependsOn",
    "startTimeout",
    "stopTimeout",
    "versionConsistency",
    "hostname",
    "user",
    "workingDirectory",
    "disableNetworking",
    "privileged",
    "readonlyRootFilesystem",
    "dnsServers",
    "dnsSearchDomains",
    "extraHosts",
    "dockerSecurityOptions",
    "interactive",
    "pseudoTerminal",
    "dockerLabels",
    "ulimits",
    "logConfiguration",
    "healthCheck",
    "systemControls",
    "resourceRequirements",
    "firelensConfiguration",
    "credentialSpecs",
]
# Members of the request that are echoed as they are when given; the rest is filled or computed.
ECHOED: Final = (
    "inferenceAccelerators",
    "pidMode",
    "ipcMode",
    "ephemeralStorage",
    "enableFaultInjection",
    "trustedExecutionConfiguration",
)
_ROLE_NAME: Final = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")


def without_nulls(value: Any) -> Any:
    """The same JSON without members that are null: AWS treats them as absent."""
    if isinstance(value, Mapping):
        return {key: without_nulls(member) for key, member in value.items() if member is not None}
    if isinstance(value, list | tuple):
        return [without_nulls(member) for member in value if member is not None]
    return value


def echoed_definition(
    request: Mapping[str, Any], cpu: str | None, memory: str | None, *, account: str, partition: str
) -> dict[str, Any]:
    """The body of a definition with every default that ECS echoes, without computed members, in AWS's order."""
    mode = request.get("networkMode") or "bridge"
    body: dict[str, Any] = {
        "containerDefinitions": [echoed_container(container, mode) for container in request["containerDefinitions"]],
        "family": request["family"],
        "taskRoleArn": role_arn(request.get("taskRoleArn"), account=account, partition=partition),
        "executionRoleArn": role_arn(request.get("executionRoleArn"), account=account, partition=partition),
        "networkMode": request.get("networkMode"),
        "volumes": [echoed_volume(volume) for volume in request.get("volumes") or ()],
        "placementConstraints": list(request.get("placementConstraints") or ()),
        "runtimePlatform": request.get("runtimePlatform"),
        "requiresCompatibilities": request.get("requiresCompatibilities"),
        "cpu": cpu,
        "memory": memory,
        "proxyConfiguration": _echoed_proxy(request.get("proxyConfiguration")),
        **{member: request.get(member) for member in ECHOED},
    }
    return {member: value for member, value in body.items() if value is not None}


def echoed_container(container: Mapping[str, Any], mode: str) -> dict[str, Any]:
    """A container definition as ECS answers it in network mode `mode`; members given stay, even when empty."""
    filled: dict[str, Any] = {
        "cpu": 0,
        "essential": True,
        "environment": [],
        "mountPoints": [],
        "volumesFrom": [],
        "systemControls": [],
        **container,
        "portMappings": [_echoed_port(mapping, mode) for mapping in container.get("portMappings") or ()],
    }
    if container.get("healthCheck"):
        given = container["healthCheck"]
        filled["healthCheck"] = {"command": given["command"], **HEALTH_DEFAULTS, **given}
    return {member: filled[member] for member in CONTAINER_ORDER if member in filled}


def role_arn(role: str | None, *, account: str, partition: str) -> str | None:
    """The ARN of a role given by ARN or by short name; None stays None."""
    if role is None or not _ROLE_NAME.fullmatch(role):
        return role
    return f"arn:{partition}:iam::{account}:role/{role}"


def _echoed_port(mapping: Mapping[str, Any], mode: str) -> dict[str, Any]:
    echo = {**mapping, "protocol": protocol(mapping)}
    port = host_port(mapping, mode)
    if port is not None:
        echo["hostPort"] = port
    order = ("containerPort", "hostPort", "protocol", "name", "appProtocol", "containerPortRange")
    return {member: echo[member] for member in order if member in echo}


def _echoed_proxy(proxy: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if proxy is None else {"type": "APPMESH", **proxy}
