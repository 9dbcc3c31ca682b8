"""What AWS Fargate sells and what it refuses in a task definition.

Used twice: to refuse a definition that requires FARGATE, and to decide whether any other is compatible with it.
It does not know platform versions. Source: AWS developer guide "Task definition parameters for Fargate".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from emulator.domain.ecr.image_reference import image_reference
from emulator.domain.errors import ClientException
from emulator.domain.task_definitions import task_definition_messages as text
from emulator.domain.task_definitions.container_logging import log_driver
from emulator.domain.task_definitions.task_definition_messages import refused

Definition = Mapping[str, Any]
Container = Mapping[str, Any]

GIB: Final = 1024
# Task cpu (CPU units) -> the memory sizes (MiB) that exist with it.
SIZES: Final[Mapping[int, frozenset[int]]] = {
    256: frozenset({512, 1 * GIB, 2 * GIB}),
    512: frozenset(range(1 * GIB, 4 * GIB + 1, GIB)),
    1024: frozenset(range(2 * GIB, 8 * GIB + 1, GIB)),
    2048: frozenset(range(4 * GIB, 16 * GIB + 1, GIB)),
    4096: frozenset(range(8 * GIB, 30 * GIB + 1, GIB)),
    8192: frozenset(range(16 * GIB, 60 * GIB + 1, 4 * GIB)),
    16384: frozenset(range(32 * GIB, 120 * GIB + 1, 8 * GIB)),
}
WINDOWS_CPU: Final = (1024, 2048, 4096)
LOG_DRIVERS: Final = frozenset({"awslogs", "splunk", "awsfirelens"})
ADDABLE_CAPABILITIES: Final = frozenset({"SYS_PTRACE"})
TIMEOUT_S: Final = (2, 120)

_CONTAINER_MEMBERS: Final = (
    "privileged",
    "links",
    "dockerSecurityOptions",
    "disableNetworking",
    "dnsServers",
    "dnsSearchDomains",
    "extraHosts",
)
_LINUX_MEMBERS: Final = ("devices", "sharedMemorySize", "maxSwap", "swappiness")


def check_fargate(definition: Definition) -> None:
    """Raise the first refusal (ClientException) of a definition that requires FARGATE."""
    for refusal in refusals(definition):
        raise refusal


def is_fargate_compatible(definition: Definition) -> bool:
    """Whether Fargate could run this definition, required or not."""
    return next(refusals(definition), None) is None


def refusals(definition: Definition) -> Iterator[ClientException]:
    """Everything that Fargate refuses in a definition with normalised cpu and memory, most basic first."""
    yield from _task_refusals(definition)
    for volume in definition.get("volumes") or ():
        yield from _volume_refusals(volume)
    for container in definition.get("containerDefinitions") or ():
        yield from _container_refusals(container)
        yield from _linux_refusals(container.get("linuxParameters") or {})
        yield from _role_refusals(container, definition.get("executionRoleArn"))


def check_size(cpu: str | None, memory: str | None, *, windows: bool = False) -> None:
    """Refuse (ClientException) a missing size or a pair of CPU units and MiB that Fargate does not sell."""
    for member, value in (("cpu", cpu), ("memory", memory)):
        if value is None:
            raise refused(text.FARGATE_NEEDS, member=member)
    units, mib = int(cpu or 0), int(memory or 0)
    if mib not in SIZES.get(units, ()) or (windows and units not in WINDOWS_CPU):
        raise refused(text.FARGATE_SIZE, cpu=units, memory=mib)


def is_windows(definition: Definition) -> bool:
    """Whether the definition's runtimePlatform names a Windows family."""
    family = (definition.get("runtimePlatform") or {}).get("operatingSystemFamily")
    return str(family or "").startswith("WINDOWS")


def _task_refusals(definition: Definition) -> Iterator[ClientException]:
    if definition.get("networkMode") != "awsvpc":
        yield refused(text.FARGATE_NETWORK)
    try:
        check_size(definition.get("cpu"), definition.get("memory"), windows=is_windows(definition))
    except ClientException as refusal:
        yield refusal
    if definition.get("pidMode") == "host":
        yield refused(text.FARGATE_PID_HOST)
    if definition.get("ipcMode") is not None:
        yield refused(text.FARGATE_IPC)
    if definition.get("pidMode") and is_windows(definition):
        yield refused(text.FARGATE_REFUSES, what="pidMode with Windows")
    if definition.get("placementConstraints"):
        yield refused(text.FARGATE_REFUSES, what="placementConstraints")
    if definition.get("inferenceAccelerators"):
        yield refused(text.FARGATE_REFUSES, what="inferenceAccelerators")


def _volume_refusals(volume: Mapping[str, Any]) -> Iterator[ClientException]:
    if (volume.get("host") or {}).get("sourcePath"):
        yield refused(text.FARGATE_REFUSES, what="sourcePath")
    for member in ("dockerVolumeConfiguration", "fsxWindowsFileServerVolumeConfiguration"):
        if volume.get(member) is not None:
            yield refused(text.FARGATE_REFUSES, what=member)


def _container_refusals(container: Container) -> Iterator[ClientException]:
    for member in _CONTAINER_MEMBERS:
        if container.get(member):
            yield refused(text.FARGATE_REFUSES, what=member)
    if container.get("resourceRequirements"):
        kind = container["resourceRequirements"][0].get("type")
        yield refused(text.FARGATE_REFUSES, what=f"resourceRequirements of type {kind}")
    driver = log_driver(container)
    if driver is not None and driver not in LOG_DRIVERS:
        yield refused(text.FARGATE_REFUSES, what=f"log driver {driver}")
    options = (container.get("firelensConfiguration") or {}).get("options") or {}
    if options.get("config-file-type") == "s3":
        yield refused(text.FARGATE_REFUSES, what="config-file-type s3")
    for member in ("startTimeout", "stopTimeout"):
        value, (low, high) = container.get(member), TIMEOUT_S
        if value is not None and not low <= value <= high:
            yield refused(text.RANGE, member=member, container=container.get("name"), low=low, high=high)


def _linux_refusals(parameters: Mapping[str, Any]) -> Iterator[ClientException]:
    for member in _LINUX_MEMBERS:
        if parameters.get(member) not in (None, []):
            yield refused(text.FARGATE_REFUSES, what=member)
    for capability in (parameters.get("capabilities") or {}).get("add") or ():
        if capability not in ADDABLE_CAPABILITIES:
            yield refused(text.FARGATE_REFUSES, what=f"adding Linux capability {capability}")


def _role_refusals(container: Container, execution_role: str | None) -> Iterator[ClientException]:
    if execution_role:
        return
    if image_reference(str(container.get("image"))).is_ecr:
        yield refused(text.FARGATE_ECR_NEEDS_ROLE)
    if log_driver(container) == "awslogs":
        yield refused(text.FARGATE_LOGS_NEED_ROLE, driver="awslogs")
