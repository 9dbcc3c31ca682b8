"""What a task definition asks of the place that runs it: `requiresAttributes` and `compatibilities`.

It derives both from a normalised definition. It does not know any container instance.
Source: the container agent's capability names, and definitions published with AWS's own answers; the order is
AWS's too (see `_in_aws_order`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from emulator.domain.ecr.image_reference import image_reference
from emulator.domain.task_definitions.container_definition import secrets_of
from emulator.domain.task_definitions.container_logging import log_driver
from emulator.domain.task_definitions.fargate import is_fargate_compatible, is_windows

Definition = Mapping[str, Any]
Container = Mapping[str, Any]

OLD: Final = "com.amazonaws.ecs.capability."
NEW: Final = "ecs.capability."
MANAGED_INSTANCES_LOG_DRIVERS: Final = frozenset({"awslogs", "splunk", "awsfirelens", "json-file"})
# Docker remote API that introduced a log driver; awslogs, awsfirelens and fluentd were seen in AWS's answers.
_DRIVER_API: Final = {
    "awsfirelens": "1.19",
    "awslogs": "1.19",
    "fluentd": "1.19",
    "gelf": "1.20",
    "journald": "1.19",
    "json-file": "1.18",
    "splunk": "1.22",
    "syslog": "1.18",
}
_INSERTED_LATE: Final = frozenset({f"{NEW}efs", *(f"{OLD}docker-remote-api.{api}" for api in ("1.25", "1.28", "1.29"))})


def compatibilities(definition: Definition) -> list[str]:
    """Where the definition can run, in AWS's order: EXTERNAL, EC2, MANAGED_INSTANCES, FARGATE.

    EC2 always; EXTERNAL (ECS Anywhere) without awsvpc; the other two when nothing in it is refused there.
    """
    mode = definition.get("networkMode") or "bridge"
    containers = definition.get("containerDefinitions") or ()
    drivers = {log_driver(container) for container in containers} - {None}
    managed = mode != "bridge" and not is_windows(definition) and drivers <= MANAGED_INSTANCES_LOG_DRIVERS
    possible = {
        "EXTERNAL": mode != "awsvpc",
        "EC2": True,
        "MANAGED_INSTANCES": managed,
        "FARGATE": is_fargate_compatible(definition),
    }
    return [name for name, able in possible.items() if able]


def requires_attributes(definition: Definition) -> list[dict[str, str]]:
    """The `[{"name": ...}]` that ECS computes for a normalised definition; empty when nothing special is asked."""
    names = [*_of_task(definition)]
    for container in definition.get("containerDefinitions") or ():
        names += [*_of_container(container, bool(definition.get("executionRoleArn")))]
    return [{"name": name} for name in _in_aws_order(names)]


def _of_task(definition: Definition) -> Iterator[str]:
    role = definition.get("taskRoleArn")
    if role:
        yield f"{OLD}task-iam-role"
        if definition.get("networkMode") == "host":
            yield f"{OLD}task-iam-role-network-host"
        if role != definition.get("executionRoleArn"):
            # In every published answer we found, 1.17 comes with a task role other than the execution role.
            yield _api("1.17")
    if definition.get("networkMode") == "awsvpc":
        yield _api("1.18")
        yield f"{NEW}task-eni"
    if definition.get("pidMode") or definition.get("ipcMode"):
        yield f"{NEW}pid-ipc-namespace-sharing"
    if definition.get("proxyConfiguration"):
        yield f"{NEW}aws-appmesh"
    if definition.get("enableFaultInjection"):
        yield f"{NEW}fault-injection"
    for volume in definition.get("volumes") or ():
        yield from _of_volume(volume)


def _of_volume(volume: Mapping[str, Any]) -> Iterator[str]:
    efs, docker = volume.get("efsVolumeConfiguration"), volume.get("dockerVolumeConfiguration")
    if volume.get("configuredAtLaunch"):
        yield f"{NEW}storage.ebs-task-volume-attach"
    if docker:
        yield f"{NEW}docker-plugin.{docker.get('driver', 'local')}"
    if efs:
        yield f"{NEW}efs"
        yield _api("1.25")
        if efs.get("authorizationConfig") or efs.get("transitEncryption") == "ENABLED":
            yield f"{NEW}efsAuth"


def _of_container(container: Container, has_execution_role: bool) -> Iterator[str]:
    image = image_reference(str(container.get("image")))
    if image.is_ecr:
        yield f"{OLD}ecr-auth"
        if has_execution_role:
            yield f"{NEW}execution-role-ecr-pull"
    if container.get("memoryReservation") or image.digest:
        yield _api("1.21")
    if container.get("privileged"):
        yield f"{OLD}privileged-container"
    if container.get("dockerLabels") or container.get("ulimits"):
        yield _api("1.18")
    if container.get("systemControls"):
        yield _api("1.24")
    if (container.get("linuxParameters") or {}).get("initProcessEnabled"):
        yield _api("1.25")
    yield from _of_features(container)
    yield from _of_health(container.get("healthCheck"))
    yield from _of_logging(container, has_execution_role)
    yield from _of_secrets(container)


def _of_features(container: Container) -> Iterator[str]:
    capabilities = {
        "repositoryCredentials": "private-registry-authentication.secretsmanager",
        "environmentFiles": "env-files.s3",
        "dependsOn": "container-ordering",
        "restartPolicy": "container-restart-policy",
    }
    for member, capability in capabilities.items():
        if container.get(member):
            yield f"{NEW}{capability}"
    if any(mapping.get("containerPortRange") for mapping in container.get("portMappings") or ()):
        yield f"{NEW}network.container-port-range"


def _of_health(health: Mapping[str, Any] | None) -> Iterator[str]:
    if health:
        yield f"{NEW}container-health-check"
        yield _api("1.24" if health.get("startPeriod") is None else "1.29")


def _of_logging(container: Container, has_execution_role: bool) -> Iterator[str]:
    driver = log_driver(container)
    firelens = container.get("firelensConfiguration") or {}
    if driver:
        yield f"{OLD}logging-driver.{driver}"
        yield _api(_DRIVER_API.get(driver, "1.18"))
        if driver == "awslogs" and has_execution_role:
            yield f"{NEW}execution-role-awslogs"
        options = container["logConfiguration"].get("options") or {}
        if "awslogs-create-group" in options:
            yield _api("1.29")
    if firelens:
        yield f"{NEW}firelens.{firelens.get('type')}"
        source = (firelens.get("options") or {}).get("config-file-type")
        if source in ("file", "s3"):
            yield f"{NEW}firelens.options.config.{source}"


def _of_secrets(container: Container) -> Iterator[str]:
    own = len(container.get("secrets") or ())
    for index, secret in enumerate(secrets_of(container)):
        store = "asm" if ":secretsmanager:" in str(secret.get("valueFrom")) else "ssm"
        yield f"{NEW}secrets.{store}.{'environment-variables' if index < own else 'bootstrap.log-driver'}"


def _api(version: str) -> str:
    return f"{OLD}docker-remote-api.{version}"


def _in_aws_order(names: Iterable[str]) -> list[str]:
    """The order of a Java HashSet of (name, null), which every published answer of AWS that we found shows.

    Names in one bucket stay in order of insertion there; ours reproduces those answers.
    """
    unique = sorted(set(names), key=lambda name: (name != f"{OLD}ecr-auth", name in _INSERTED_LATE, name))
    buckets = 16
    while len(unique) * 4 > buckets * 3:
        buckets *= 2
    return sorted(unique, key=lambda name: _bucket(name, buckets))


def _bucket(name: str, buckets: int) -> int:
    code = 0
    for letter in name:
        code = (31 * code + ord(letter)) & 0xFFFFFFFF
    code = ((59 + code) * 59 + 43) & 0xFFFFFFFF
    return (code ^ (code >> 16)) & (buckets - 1)
