"""The rules of one container of a task definition that need no other container: names, image, memory, health, secrets.

It refuses what ECS refuses at registration. It does not know the launch type (see fargate), ports
(container_ports), Linux settings (container_linux) or logs (container_logging).
Source: ECS API model (ContainerDefinition), AWS developer guide "Task definition parameters".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from emulator.domain.secrets.secret_reference import InvalidReference, secret_reference
from emulator.domain.task_definitions import task_definition_messages as text
from emulator.domain.task_definitions.task_definition_messages import refused

Container = Mapping[str, Any]

MAX_IMAGE_LENGTH: Final = 255
MAX_ENVIRONMENT_FILES: Final = 10
MAX_IGNORED_EXIT_CODES: Final = 50
HEALTH_BOUNDS: Final = {"interval": (5, 300), "timeout": (2, 60), "retries": (1, 10), "startPeriod": (0, 300)}
RESTART_PERIOD_S: Final = (60, 1800)

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")
_IMAGE_NAME: Final = re.compile(r"[A-Za-z0-9_:./#-]+")
_DIGEST: Final = re.compile(r"sha256:[A-Fa-f0-9]{64}")
_PARAMETER_NAME: Final = re.compile(r"[A-Za-z0-9_./-]{1,2048}")
_ENVIRONMENT_FILE: Final = re.compile(r"arn:[a-z-]+:s3:::[^/]+/.*\.env", re.DOTALL)
_CREDENTIAL_SPEC: Final = re.compile(r"credentialspec(domainless)?:arn:[^:]+:(ssm|s3):.+", re.DOTALL)
_SECURITY_OPTION: Final = re.compile(r"(apparmor|label|credentialspec):.+", re.DOTALL)


def check_container(container: Container, *, account: str, region: str, partition: str) -> None:
    """Raise ClientException for the first rule that the container breaks on its own."""
    name = check_name(container.get("name"))
    check_image(container.get("image"))
    check_sizes(container, name)
    _check_environment(container, name)
    for secret in secrets_of(container):
        _check_secret(secret, account=account, region=region, partition=partition)
    _check_health(container.get("healthCheck"), name)
    _check_timeouts(container, name)
    _check_restart(container.get("restartPolicy"), name)
    _check_security(container, name)


def check_name(name: str | None) -> str:
    """A container's name: 1 to 255 of letters, digits, `_` and `-`."""
    if not name:
        raise refused(text.CONTAINER_NAME_EMPTY)
    if not _NAME.fullmatch(name):
        raise refused(text.CONTAINER_NAME_CHARACTERS)
    return name


def check_image(image: str | None) -> None:
    """An image name of at most 255 characters before `@`; a digest is sha256 with 64 hexadecimal digits."""
    if not image:
        raise refused(text.CONTAINER_IMAGE_EMPTY)
    name, at, digest = image.partition("@")
    if len(name) > MAX_IMAGE_LENGTH:
        raise refused(text.IMAGE_TOO_LONG)
    repository = name.rpartition("/")[2].partition(":")[0]
    if not _IMAGE_NAME.fullmatch(name) or not repository or (at and not _DIGEST.fullmatch(digest)):
        raise refused(text.CONTAINER_IMAGE_CHARACTERS)


def check_sizes(container: Container, name: str) -> None:
    """cpu (units) not negative, memory and memoryReservation (MiB) positive, memory not below the reservation."""
    memory, reservation = container.get("memory"), container.get("memoryReservation")
    for member, value, low in (("cpu", container.get("cpu"), 0), ("memory", memory, 1)):
        if value is not None and value < low:
            raise refused(text.SETTING_INVALID, member=member, container=name)
    if reservation is not None and reservation < 1:
        raise refused(text.SETTING_INVALID, member="memoryReservation", container=name)
    if memory is not None and reservation is not None and memory < reservation:
        raise refused(text.MEMORY_BELOW_RESERVATION, container=name)


def secrets_of(container: Container) -> Iterator[Mapping[str, Any]]:
    """Every secret of a container: those for the environment, then those for its log driver."""
    yield from container.get("secrets") or ()
    yield from (container.get("logConfiguration") or {}).get("secretOptions") or ()


def check_environment_files(files: list[Mapping[str, Any]], container: str) -> None:
    """At most ten files, each the ARN of an S3 object ending in `.env`."""
    if len(files) > MAX_ENVIRONMENT_FILES:
        raise refused(text.ENVIRONMENT_FILES_COUNT, container=container)
    for file in files:
        if not _ENVIRONMENT_FILE.fullmatch(str(file.get("value"))):
            raise refused(text.ENVIRONMENT_FILE_INVALID, value=file.get("value"), container=container)


def _check_secret(secret: Mapping[str, Any], *, account: str, region: str, partition: str) -> None:
    name, value_from = secret.get("name"), str(secret.get("valueFrom") or "")
    try:
        reference = secret_reference(value_from, account=account, region=region, partition=partition)
    except InvalidReference as problem:
        bad_arn = value_from.startswith("arn:") and value_from.count(":") < 5
        raise refused(text.ARN_SYNTAX if bad_arn else text.SECRET_VALUE_INVALID, name=name) from problem
    if reference.source == "ssm" and not _PARAMETER_NAME.fullmatch(reference.name):
        raise refused(text.SSM_NAME_INVALID, name=name)
    if reference.version_stage and reference.version_id:
        raise refused(text.SECRET_VALUE_INVALID, name=name)


def _check_environment(container: Container, name: str) -> None:
    taken = set()
    for variable in container.get("environment") or ():
        if not variable.get("name"):
            raise refused(text.ENVIRONMENT_NAME_EMPTY, container=name)
        taken.add(variable["name"])
    for secret in container.get("secrets") or ():
        if not secret.get("name"):
            raise refused(text.ENVIRONMENT_NAME_EMPTY, container=name)
        if secret["name"] in taken:
            raise refused(text.SECRET_NAME_SHARED, name=secret["name"])
        taken.add(secret["name"])
    check_environment_files(container.get("environmentFiles") or [], name)


def _check_health(health: Mapping[str, Any] | None, name: str) -> None:
    if health is None:
        return
    command = health.get("command") or []
    if len(command) < 2 or command[0] not in ("CMD", "CMD-SHELL"):
        raise refused(text.HEALTH_COMMAND, container=name)
    for member, (low, high) in HEALTH_BOUNDS.items():
        value = health.get(member)
        if value is not None and value > high:
            raise refused(text.HEALTH_ABOVE, member=member, limit=high, container=name)
        if value is not None and value < low:
            raise refused(text.HEALTH_BELOW, member=member, limit=low, container=name)


def _check_timeouts(container: Container, name: str) -> None:
    for member in ("startTimeout", "stopTimeout"):
        value = container.get(member)
        if value is not None and value < 0:
            raise refused(text.MINIMUM, member=member, container=name, low=0)


def _check_restart(policy: Mapping[str, Any] | None, name: str) -> None:
    if policy is None:
        return
    if len(policy.get("ignoredExitCodes") or ()) > MAX_IGNORED_EXIT_CODES:
        raise refused(text.IGNORED_EXIT_CODES, container=name)
    period, (low, high) = policy.get("restartAttemptPeriod"), RESTART_PERIOD_S
    if period is not None and not low <= period <= high:
        raise refused(text.RANGE, member="restartAttemptPeriod", container=name, low=low, high=high)


def _check_security(container: Container, name: str) -> None:
    specs = container.get("credentialSpecs") or ()
    if len(specs) > 1 or not all(_CREDENTIAL_SPEC.fullmatch(spec) for spec in specs):
        raise refused(text.CREDENTIAL_SPECS, container=name)
    for option in container.get("dockerSecurityOptions") or ():
        if option != "no-new-privileges" and not _SECURITY_OPTION.fullmatch(option):
            raise refused(text.SECURITY_OPTION_INVALID, value=option, container=name)
