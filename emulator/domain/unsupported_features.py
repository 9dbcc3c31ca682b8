"""What a valid task definition may ask for and Homeport cannot act on yet.

AWS's rules end at registration; this is about us: whoever starts a task refuses with these paths instead of
ignoring them. One entry goes when the feature comes. It does not know engines or requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from emulator.domain.container_logging import log_driver
from emulator.domain.fargate import is_windows

Definition = Mapping[str, Any]
Container = Mapping[str, Any]

NETWORK_MODES: Final = ("awsvpc",)
LOG_DRIVERS: Final = ("awslogs", "json-file")

# Member -> what it is, for members that need support as soon as they are given a value other than empty or false.
TASK_MEMBERS: Final[Mapping[str, str]] = {
    "volumes": "volumes",
    "proxyConfiguration": "App Mesh proxies",
    "inferenceAccelerators": "Elastic Inference accelerators",
    "pidMode": "a shared process namespace",
    "ipcMode": "a shared IPC namespace",
    "enableFaultInjection": "fault injection",
}
CONTAINER_MEMBERS: Final[Mapping[str, str]] = {
    "links": "container links",
    "volumesFrom": "volumes of other containers",
    "environmentFiles": "environment files in Amazon S3",
    "firelensConfiguration": "FireLens log routers",
    "credentialSpecs": "credential specs",
    "repositoryCredentials": "private registry authentication",
    "resourceRequirements": "GPUs and other devices",
}


class UnsupportedFeature(NamedTuple):
    """One such wish: `path` in AWS's member names (`containerDefinitions[0].dependsOn`), `what` in words."""

    path: str
    what: str


def unsupported_features(definition: Definition) -> list[UnsupportedFeature]:
    """Everything in a registered (or overridden) definition that cannot be acted on yet, in the order written."""
    found = [*_of_task(definition)]
    for index, container in enumerate(definition.get("containerDefinitions") or ()):
        found += _of_container(container, f"containerDefinitions[{index}]")
    return found


def _of_task(definition: Definition) -> Iterator[UnsupportedFeature]:
    mode = definition.get("networkMode") or "bridge"
    if mode not in NETWORK_MODES:
        yield UnsupportedFeature("networkMode", f"network mode {mode}")
    if is_windows(definition):
        yield UnsupportedFeature("runtimePlatform.operatingSystemFamily", "Windows containers")
    isolation = (definition.get("trustedExecutionConfiguration") or {}).get("isolationMode", "SHARED")
    if isolation != "SHARED":
        yield UnsupportedFeature("trustedExecutionConfiguration.isolationMode", f"isolation mode {isolation}")
    for member, what in TASK_MEMBERS.items():
        if definition.get(member):
            yield UnsupportedFeature(member, what)


def _of_container(container: Container, path: str) -> Iterator[UnsupportedFeature]:
    for member, what in CONTAINER_MEMBERS.items():
        if container.get(member):
            yield UnsupportedFeature(f"{path}.{member}", what)
    driver = log_driver(container)
    if driver is not None and driver not in LOG_DRIVERS:
        yield UnsupportedFeature(f"{path}.logConfiguration.logDriver", f"log driver {driver}")
