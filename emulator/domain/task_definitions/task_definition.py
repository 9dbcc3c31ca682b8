"""Registration of a task definition: every rule that ECS checks and every default that it echoes.

`register` is the whole of RegisterTaskDefinition except what needs memory or a clock: revision, ARN, status and
who registered when are the service's. The wire layer has checked types, required members and enums already.
The siblings hold one subject each; this module says in which order they are asked.
Source: ECS API model (RegisterTaskDefinition), AWS developer guide "Task definition parameters".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from emulator.domain.ecr.image_reference import EcrRegistry, ImageReference, ecr_registry, image_reference
from emulator.domain.secrets.secret_reference import SecretReference, secret_reference
from emulator.domain.tags import validate_tags
from emulator.domain.task_definitions import task_definition_messages as text
from emulator.domain.task_definitions.container_definition import check_container, secrets_of
from emulator.domain.task_definitions.container_linux import check_linux, check_resources, check_system_controls
from emulator.domain.task_definitions.container_logging import check_logging
from emulator.domain.task_definitions.container_ports import check_ports
from emulator.domain.task_definitions.fargate import check_fargate
from emulator.domain.task_definitions.requires_attributes import compatibilities, requires_attributes
from emulator.domain.task_definitions.task_definition_defaults import echoed_definition, without_nulls
from emulator.domain.task_definitions.task_definition_messages import refused
from emulator.domain.task_definitions.task_definition_reference import TaskDefinitionReference, parse_reference
from emulator.domain.task_definitions.task_size import (
    TaskSize,
    check_container_memory,
    check_sums,
    normalised_cpu,
    normalised_memory,
    task_size,
)
from emulator.domain.task_definitions.unsupported_features import UnsupportedFeature, unsupported_features
from emulator.domain.tasks.container_dependencies import check_dependencies
from emulator.domain.tasks.task_overrides import EffectiveTask, apply_overrides, overrides_echo
from emulator.domain.tasks.task_volumes import check_volumes

__all__ = [
    "EcrRegistry",
    "EffectiveTask",
    "ImageReference",
    "SecretReference",
    "TaskDefinitionReference",
    "TaskSize",
    "UnsupportedFeature",
    "apply_overrides",
    "ecr_registry",
    "image_reference",
    "overrides_echo",
    "parse_reference",
    "register",
    "secret_reference",
    "task_size",
    "unsupported_features",
]

Request = Mapping[str, Any]

MAX_CONTAINERS: Final = 10
MAX_BYTES: Final = 65_536
MAX_PLACEMENT_CONSTRAINTS: Final = 10
MAX_EXPRESSION_LENGTH: Final = 2000
EPHEMERAL_STORAGE_GIB: Final = (21, 200)
PROXY_PROPERTIES: Final = ("AppPorts", "ProxyIngressPort", "ProxyEgressPort")
# What a container cannot set for itself in a namespace that its task shares.
AWSVPC_REFUSES: Final = ("hostname", "dnsServers", "dnsSearchDomains", "extraHosts")

_FAMILY: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")
_ROLE: Final = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:role/[!-~]{1,576}|[A-Za-z0-9_+=,.@-]{1,64}")


def register(request: Request, *, account: str, region: str, partition: str = "aws") -> dict[str, Any]:
    """Validate a RegisterTaskDefinition request and return the TaskDefinition body to store and answer.

    The body uses AWS's member names in AWS's order, with echoed defaults, cpu and memory as plain integer strings
    (CPU units, MiB), `compatibilities` and `requiresAttributes`; without taskDefinitionArn, revision, status,
    registeredAt and registeredBy. Tags are checked (see tags.validate_tags) but live beside the body.
    Computed members in the request are ignored, so that a described definition can be registered again.
    Raises ClientException, and InvalidParameterException for tags.
    """
    request = without_nulls(request)
    containers: list[Mapping[str, Any]] = request.get("containerDefinitions") or []
    _check_names(request, containers)
    for container in containers:
        check_container(container, account=account, region=region, partition=partition)
        check_linux(container)
    cpu, memory = normalised_cpu(request.get("cpu")), normalised_memory(request.get("memory"))
    _check_network(request, containers)
    _check_task(request, containers)
    body = echoed_definition(request, cpu, memory, account=account, partition=partition)
    if "FARGATE" in (request.get("requiresCompatibilities") or ()):
        check_logging(containers, on_fargate=True)
        check_fargate(body)
    check_logging(containers, on_fargate=False)
    check_container_memory(containers, memory)
    check_sums(containers, cpu, memory)
    validate_tags(request.get("tags") or ())
    _check_length(body)
    return _with_computed(body)


def _check_names(request: Request, containers: Sequence[Mapping[str, Any]]) -> None:
    family = request.get("family")
    if not family:
        raise refused(text.FAMILY_EMPTY)
    if not _FAMILY.fullmatch(family):
        raise refused(text.FAMILY_CHARACTERS)
    if not containers:
        raise refused(text.CONTAINER_LIST_EMPTY)
    if len(containers) > MAX_CONTAINERS:
        raise refused(text.TOO_MANY_CONTAINERS)
    names: set[str] = set()
    for container in containers:
        name = container.get("name")
        if name in names:
            raise refused(text.CONTAINER_NAME_TWICE, container=name)
        names.add(str(name))
    if not any(container.get("essential", True) for container in containers):
        raise refused(text.NO_ESSENTIAL)


def _check_network(request: Request, containers: Sequence[Mapping[str, Any]]) -> None:
    mode = request.get("networkMode") or "bridge"
    for container in containers:
        if container.get("links") and mode != "bridge":
            raise refused(text.LINKS_UNSUPPORTED, mode=mode)
        for member in AWSVPC_REFUSES if mode == "awsvpc" else ():
            if container.get(member):
                raise refused(text.UNSUPPORTED_IN_MODE, member=member, mode=mode)
        check_system_controls(container, network_mode=mode, ipc_mode=request.get("ipcMode"))
    check_ports(containers, mode)
    impossible = {"EXTERNAL": ("awsvpc",), "MANAGED_INSTANCES": ("bridge",)}
    for compatibility in request.get("requiresCompatibilities") or ():
        if mode in impossible.get(compatibility, ()):
            raise refused(text.COMPATIBILITY_NETWORK, compatibility=compatibility, mode=mode)


def _check_task(request: Request, containers: Sequence[Mapping[str, Any]]) -> None:
    _check_roles(request, containers)
    check_volumes(request.get("volumes") or [], containers)
    check_dependencies(containers)
    check_resources(containers, request.get("inferenceAccelerators") or ())
    _check_placement(request.get("placementConstraints") or ())
    _check_proxy(request, containers)
    storage, (low, high) = request.get("ephemeralStorage"), EPHEMERAL_STORAGE_GIB
    if storage is not None and not low <= storage.get("sizeInGiB", 0) <= high:
        raise refused(text.EPHEMERAL_STORAGE)
    _check_isolation(request)


def _check_roles(request: Request, containers: Sequence[Mapping[str, Any]]) -> None:
    for member in ("taskRoleArn", "executionRoleArn"):
        role = request.get(member)
        if role is not None and not _ROLE.fullmatch(role):
            raise refused(text.ROLE_INVALID)
    if request.get("executionRoleArn"):
        return
    for container in containers:
        if any(True for _ in secrets_of(container)):
            raise refused(text.SECRETS_NEED_ROLE)
        if container.get("repositoryCredentials"):
            raise refused(text.PRIVATE_REGISTRY_NEEDS_ROLE)


def _check_placement(constraints: Sequence[Mapping[str, Any]]) -> None:
    if len(constraints) > MAX_PLACEMENT_CONSTRAINTS:
        raise refused(text.PLACEMENT_COUNT)
    for constraint in constraints:
        expression = constraint.get("expression") or ""
        if constraint.get("type") != "memberOf" or not 1 <= len(expression) <= MAX_EXPRESSION_LENGTH:
            raise refused(text.PLACEMENT_EXPRESSION)


def _check_proxy(request: Request, containers: Sequence[Mapping[str, Any]]) -> None:
    proxy = request.get("proxyConfiguration")
    if proxy is None:
        return
    if request.get("networkMode") != "awsvpc":
        raise refused(text.PROXY_NETWORK)
    if proxy.get("containerName") not in {container.get("name") for container in containers}:
        raise refused(text.PROXY_CONTAINER_UNKNOWN, container=proxy.get("containerName"))
    given = {item.get("name") for item in proxy.get("properties") or () if item.get("value")}
    missing = [name for name in PROXY_PROPERTIES if name not in given]
    if not given & {"IgnoredUID", "IgnoredGID"}:
        missing.append("IgnoredUID")
    if missing:
        raise refused(text.PROXY_PROPERTIES, names=", ".join(missing))


def _check_isolation(request: Request) -> None:
    trusted = request.get("trustedExecutionConfiguration") or {}
    mode = trusted.get("isolationMode", "SHARED")
    if mode == "CONFIDENTIAL_SANDBOX" and not trusted.get("attestationPolicy"):
        raise refused(text.ATTESTATION_POLICY)
    required = set(request.get("requiresCompatibilities") or ())
    if mode != "SHARED" and required - {"MANAGED_INSTANCES"}:
        raise refused(text.ISOLATION_COMPATIBILITY, mode=mode)


def _check_length(body: Mapping[str, Any]) -> None:
    written = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    length = len(written.encode("utf-8", errors="surrogatepass"))
    if length > MAX_BYTES:
        raise refused(text.TOO_LONG, length=length, limit=MAX_BYTES)


def _with_computed(body: dict[str, Any]) -> dict[str, Any]:
    """The body with its computed members at the places where AWS answers them."""
    attributes = requires_attributes(body)
    able = compatibilities(body)
    result: dict[str, Any] = {}
    for member, value in body.items():
        result[member] = value
        if member == "volumes" and attributes:
            result["requiresAttributes"] = attributes
        if member == "placementConstraints":
            result["compatibilities"] = able
    return result
