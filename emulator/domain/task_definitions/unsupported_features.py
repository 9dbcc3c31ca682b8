"""What a valid task definition may ask for and Homeport cannot act on yet.

AWS's rules end at registration; this is about us: whoever starts a task refuses with these paths instead of
ignoring them. One entry goes when the feature comes. It does not know engines or requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from emulator.domain.task_definitions.container_logging import log_driver
from emulator.domain.task_definitions.fargate import is_windows

Definition = Mapping[str, Any]
Container = Mapping[str, Any]

LOG_OPTIONS_OF_HOST_FILES: Final = ("splunk-capath", "syslog-tls-ca-cert", "syslog-tls-cert", "syslog-tls-key")

# Member -> what it is, for members that need support as soon as they are given a value other than empty or false.
TASK_MEMBERS: Final[Mapping[str, str]] = {
    "proxyConfiguration": "App Mesh proxies",
    "inferenceAccelerators": "Elastic Inference accelerators",
    "enableFaultInjection": "fault injection",
}
VOLUME_KINDS: Final[Mapping[str, str]] = {
    "fsxWindowsFileServerVolumeConfiguration": "FSx for Windows File Server",
    "s3filesVolumeConfiguration": "Amazon S3 Files",
    "configuredAtLaunch": "Amazon EBS volumes",
}
CONTAINER_MEMBERS: Final[Mapping[str, str]] = {
    "credentialSpecs": "credential specs",
    "disableNetworking": "containers without a network",
}


class UnsupportedFeature(NamedTuple):
    """One such wish: `path` in AWS's member names (`containerDefinitions[0].dependsOn`), `what` in words."""

    path: str
    what: str


def unsupported_features(definition: Definition, *, s3_folder: bool = False) -> list[UnsupportedFeature]:
    """Everything in a registered (or overridden) definition that cannot be acted on yet, in the order written.

    `s3_folder`: whether a folder stands in for Amazon S3.
    """
    found = [*_of_task(definition)]
    for index, container in enumerate(definition.get("containerDefinitions") or ()):
        found += _of_container(container, f"containerDefinitions[{index}]")
        if container.get("environmentFiles") and not s3_folder:
            what = "environment files in Amazon S3 without --s3-folder"
            found.append(UnsupportedFeature(f"containerDefinitions[{index}].environmentFiles", what))
    return found


def _of_task(definition: Definition) -> Iterator[UnsupportedFeature]:
    if is_windows(definition):
        yield UnsupportedFeature("runtimePlatform.operatingSystemFamily", "Windows containers")
    isolation = (definition.get("trustedExecutionConfiguration") or {}).get("isolationMode", "SHARED")
    if isolation != "SHARED":
        yield UnsupportedFeature("trustedExecutionConfiguration.isolationMode", f"isolation mode {isolation}")
    for member in ("pidMode", "ipcMode"):
        if definition.get(member) == "host":
            yield UnsupportedFeature(member, f"the host's own namespace for {member}")
    for index, volume in enumerate(definition.get("volumes") or ()):
        yield from _of_volume(volume, f"volumes[{index}]")
    for member, what in TASK_MEMBERS.items():
        if definition.get(member):
            yield UnsupportedFeature(member, what)


def _of_volume(volume: Mapping[str, Any], path: str) -> Iterator[UnsupportedFeature]:
    for member, what in VOLUME_KINDS.items():
        if volume.get(member):
            yield UnsupportedFeature(f"{path}.{member}", what)


def _of_container(container: Container, path: str) -> Iterator[UnsupportedFeature]:
    for member, what in CONTAINER_MEMBERS.items():
        if container.get(member):
            yield UnsupportedFeature(f"{path}.{member}", what)
    for index, requirement in enumerate(container.get("resourceRequirements") or ()):
        kind, here = requirement.get("type"), f"{path}.resourceRequirements[{index}]"
        if kind != "GPU":
            yield UnsupportedFeature(here, f"devices of type {kind}")
        elif requirement.get("sharingStrategy") is not None:
            yield UnsupportedFeature(f"{here}.sharingStrategy", "GPUs that tasks share")
    yield from _of_logging(container, f"{path}.logConfiguration")
    yield from _of_router(container, path)


def _of_logging(container: Container, path: str) -> Iterator[UnsupportedFeature]:
    """The engine writes to addresses and reads certificates for a log driver, on its host and with its rights."""
    if log_driver(container) in ("awslogs", "awsfirelens"):
        return
    configuration = container.get("logConfiguration") or {}
    for name, value in (configuration.get("options") or {}).items():
        if str(value).startswith(("unix:", "unixgram:")) or name in LOG_OPTIONS_OF_HOST_FILES:
            yield UnsupportedFeature(f"{path}.options.{name}", "sockets and files of the host for a log driver")


def _of_router(container: Container, path: str) -> Iterator[UnsupportedFeature]:
    firelens = container.get("firelensConfiguration")
    if not firelens:
        return
    options = firelens.get("options") or {}
    path_of_options = f"{path}.firelensConfiguration.options"
    if options.get("config-file-type") == "s3":
        yield UnsupportedFeature(f"{path_of_options}.config-file-type", "a router's configuration in Amazon S3")
    if str(options.get("config-file-value")).endswith((".yaml", ".yml")):
        yield UnsupportedFeature(f"{path_of_options}.config-file-value", "a router's configuration in YAML")
    if log_driver(container) == "awsfirelens":
        yield UnsupportedFeature(f"{path}.logConfiguration.logDriver", "a log router that logs through itself")
    if str(container.get("user") or "0").partition(":")[0] not in ("0", "root"):
        yield UnsupportedFeature(f"{path}.user", "a log router that is not root")
