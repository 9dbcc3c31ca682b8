"""RunTask and StartTask overrides: what a task really runs, and what it says about its overrides.

It merges and checks; it does not know clusters or platforms. Every refusal is InvalidParameterException.
Source: ECS API model (TaskOverride, ContainerOverride), AWS CLI samples.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from emulator.domain.errors import ClientException, InvalidParameterException
from emulator.domain.task_definitions import task_definition_messages as text
from emulator.domain.task_definitions.container_definition import check_environment_files, check_sizes
from emulator.domain.task_definitions.container_linux import check_resources
from emulator.domain.task_definitions.fargate import check_size, is_windows
from emulator.domain.task_definitions.task_definition_messages import invalid_parameter
from emulator.domain.task_definitions.task_size import check_sums, normalised_cpu, normalised_memory

Definition = Mapping[str, Any]
Overrides = Mapping[str, Any]

MAX_CHARACTERS: Final = 8192
EPHEMERAL_STORAGE_GIB: Final = (21, 200)
DEFAULT_EPHEMERAL_STORAGE_GIB: Final = 20
# Members of a container override that simply replace the container's own.
_REPLACED: Final = ("command", "environmentFiles", "cpu", "memory", "memoryReservation", "resourceRequirements")
_TASK_MEMBERS: Final = ("cpu", "memory", "taskRoleArn", "executionRoleArn", "ephemeralStorage")


@dataclass(frozen=True, slots=True)
class EffectiveTask:
    """A task definition after overrides.

    `definition` is the merged body, in the shape of a registered one; `cpu` (CPU units) and `memory` (MiB) are
    plain integer strings or None; `ephemeral_storage_gib` is what was asked for, or Fargate's default of 20.
    """

    definition: Mapping[str, Any]
    containers: tuple[Mapping[str, Any], ...]
    cpu: str | None
    memory: str | None
    task_role_arn: str | None
    execution_role_arn: str | None
    ephemeral_storage_gib: int


def apply_overrides(
    definition: Definition, overrides: Overrides | None, *, launch_type: str | None = None
) -> EffectiveTask:
    """Merge `overrides` into a registered definition.

    `launch_type` FARGATE re-checks the task size against Fargate's table; without it, so does a definition that
    requires FARGATE. Raises InvalidParameterException for more than 8192 characters of JSON, an unknown container,
    a bad number or a size that does not fit.
    """
    overrides = overrides or {}
    if len(json.dumps(overrides, separators=(",", ":"), ensure_ascii=False)) > MAX_CHARACTERS:
        raise invalid_parameter(text.OVERRIDES_TOO_LONG, limit=MAX_CHARACTERS)
    required = definition.get("requiresCompatibilities") or ()
    on_fargate = launch_type == "FARGATE" or (launch_type is None and "FARGATE" in required)
    try:
        merged = _merged(definition, overrides)
        _check(merged, on_fargate)
    except ClientException as refusal:
        # The same rules as at registration, answered by another operation under its own code.
        raise InvalidParameterException(refusal.message) from refusal
    storage = merged.get("ephemeralStorage") or {}
    return EffectiveTask(
        merged,
        tuple(merged["containerDefinitions"]),
        merged.get("cpu"),
        merged.get("memory"),
        merged.get("taskRoleArn"),
        merged.get("executionRoleArn"),
        int(storage.get("sizeInGiB", DEFAULT_EPHEMERAL_STORAGE_GIB)),
    )


def overrides_echo(definition: Definition, overrides: Overrides | None) -> dict[str, Any]:
    """The `overrides` member of a Task: one entry per container (its name at least), then what was overridden."""
    overrides = overrides or {}
    given = _by_container(overrides)
    names = [container["name"] for container in definition["containerDefinitions"]]
    echo: dict[str, Any] = {
        "containerOverrides": [{"name": name, **given.get(name, {})} for name in names],
        "inferenceAcceleratorOverrides": list(overrides.get("inferenceAcceleratorOverrides") or ()),
    }
    echo.update({member: overrides[member] for member in _TASK_MEMBERS if overrides.get(member) is not None})
    for member, normalised in (("cpu", normalised_cpu), ("memory", normalised_memory)):
        if member in echo:
            echo[member] = normalised(echo[member])
    return echo


def _merged(definition: Definition, overrides: Overrides) -> dict[str, Any]:
    given = _by_container(overrides)
    names = {container["name"] for container in definition["containerDefinitions"]}
    for name in given:
        if name not in names:
            raise invalid_parameter(text.OVERRIDE_UNKNOWN_CONTAINER, container=name)
    task = {member: overrides[member] for member in _TASK_MEMBERS if overrides.get(member) is not None}
    if "cpu" in task:
        task["cpu"] = normalised_cpu(task["cpu"])
    if "memory" in task:
        task["memory"] = normalised_memory(task["memory"])
    containers = [
        _merged_container(container, given.get(container["name"], {}))
        for container in definition["containerDefinitions"]
    ]
    accelerators = _merged_accelerators(definition, overrides)
    return {**definition, **task, **accelerators, "containerDefinitions": containers}


def _by_container(overrides: Overrides) -> dict[str, dict[str, Any]]:
    given: dict[str, dict[str, Any]] = {}
    for override in overrides.get("containerOverrides") or ():
        members = {key: value for key, value in override.items() if value is not None}
        name = members.pop("name", None)
        if name:
            given[name] = {**given.get(name, {}), **members}
        elif members:
            raise invalid_parameter(text.OVERRIDE_WITHOUT_NAME)
    return given


def _merged_container(container: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**container, **{member: override[member] for member in _REPLACED if member in override}}
    if override.get("environment"):
        merged["environment"] = _merged_environment(container.get("environment") or (), override["environment"])
    return merged


def _merged_environment(own: Sequence[Mapping[str, Any]], added: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    values = {item.get("name"): item.get("value") for item in own}
    values.update({item.get("name"): item.get("value") for item in added})
    return [{"name": name, "value": value} for name, value in values.items()]


def _merged_accelerators(definition: Definition, overrides: Overrides) -> dict[str, Any]:
    given = overrides.get("inferenceAcceleratorOverrides") or ()
    own = {item["deviceName"]: dict(item) for item in definition.get("inferenceAccelerators") or ()}
    for override in given:
        name = override.get("deviceName")
        if name not in own:
            raise invalid_parameter(text.OVERRIDE_ACCELERATOR_UNKNOWN, name=name)
        own[name].update({key: value for key, value in override.items() if value is not None})
    return {"inferenceAccelerators": list(own.values())} if given else {}


def _check(merged: Definition, on_fargate: bool) -> None:
    containers = merged["containerDefinitions"]
    for container in containers:
        check_sizes(container, container["name"])
        check_environment_files(container.get("environmentFiles") or [], container["name"])
    check_resources(containers, merged.get("inferenceAccelerators") or ())
    if on_fargate:
        check_size(merged.get("cpu"), merged.get("memory"), windows=is_windows(merged))
    check_sums(containers, merged.get("cpu"), merged.get("memory"))
    storage, (low, high) = merged.get("ephemeralStorage"), EPHEMERAL_STORAGE_GIB
    if storage is not None and not low <= storage.get("sizeInGiB", 0) <= high:
        raise invalid_parameter(text.EPHEMERAL_STORAGE)
