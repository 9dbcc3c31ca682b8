"""How much cpu and memory a task has: parsing of ECS's notations, the limits, and the sums over containers.

It decides numbers only; which pairs Fargate sells is in fargate. Units: cpu in CPU units (1024 = one vCPU),
memory in MiB. Source: AWS developer guide "Task size", ECS API model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from emulator.domain.task_definitions import task_definition_messages as text
from emulator.domain.task_definitions.task_definition_messages import refused

Container = Mapping[str, Any]

UNITS_PER_VCPU: Final = 1024
MIB_PER_GB: Final = 1024
CPU_UNITS: Final = (128, 196_608)

_CPU: Final = re.compile(r"\s*(?:(?P<plain>[0-9]{1,9})|(?P<scaled>[0-9]{0,6}\.?[0-9]{1,6})\s*vcpu)\s*", re.IGNORECASE)
_MEMORY: Final = re.compile(r"\s*(?:(?P<plain>[0-9]{1,9})|(?P<scaled>[0-9]{0,6}\.?[0-9]{1,6})\s*gb)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TaskSize:
    """What a task asks for: `cpu_units` (0 when no container says) and `memory_mib` (0 when unlimited)."""

    cpu_units: int
    memory_mib: int


def task_size(definition: Mapping[str, Any]) -> TaskSize:
    """The size of a registered definition: the task's own numbers, else the sums over its containers.

    A container counts with its memoryReservation when it has one, as ECS's placement does.
    """
    containers = definition.get("containerDefinitions") or ()
    cpu, memory = definition.get("cpu"), definition.get("memory")
    return TaskSize(
        int(cpu) if cpu else sum(container.get("cpu") or 0 for container in containers),
        int(memory) if memory else sum(reserved_mib(container) for container in containers),
    )


def normalised_cpu(written: str | None) -> str | None:
    """`"256"`, `".25 vCPU"`, `"1 vcpu"` as a plain number of CPU units; 128 to 196608 of them.

    None stays None. Raises ClientException for anything else.
    """
    units = _normalised(written, _CPU, UNITS_PER_VCPU)
    if written is not None and (units is None or not CPU_UNITS[0] <= units <= CPU_UNITS[1]):
        raise refused(text.TASK_CPU_INVALID)
    return None if units is None else str(units)


def normalised_memory(written: str | None) -> str | None:
    """`"512"`, `"0.5GB"`, `"1 GB"` as a plain number of MiB, at least 1; None stays None, else ClientException."""
    mib = _normalised(written, _MEMORY, MIB_PER_GB)
    if written is not None and not mib:
        raise refused(text.TASK_MEMORY_INVALID)
    return None if mib is None else str(mib)


def reserved_mib(container: Container) -> int:
    """The MiB that a container takes from its task or instance: its soft limit, else its hard limit, else 0."""
    return int(container.get("memoryReservation") or container.get("memory") or 0)


def check_container_memory(containers: Sequence[Container], task_memory: str | None) -> None:
    """Every container needs a memory limit of its own when the task has none."""
    for container in containers:
        if task_memory is None and not reserved_mib(container):
            raise refused(text.NO_MEMORY, container=container.get("name"))


def check_sums(containers: Sequence[Container], cpu: str | None, memory: str | None) -> None:
    """What the containers reserve must fit into the task, where the task has a size."""
    if cpu is not None and sum(container.get("cpu") or 0 for container in containers) > int(cpu):
        raise refused(text.CPU_SUM)
    if memory is None:
        return
    for container in containers:
        for member in ("memory", "memoryReservation"):
            if (container.get(member) or 0) > int(memory):
                raise refused(text.CONTAINER_MEMORY_ABOVE_TASK, member=member, container=container.get("name"))
    if sum(reserved_mib(container) for container in containers) > int(memory):
        soft = any(container.get("memoryReservation") for container in containers)
        raise refused(text.MEMORY_SUM, member="memoryReservation" if soft else "memory")


def _normalised(written: str | None, notation: re.Pattern[str], scale: int) -> int | None:
    match = notation.fullmatch(written) if written is not None else None
    if match is None:
        return None
    return int(match["plain"]) if match["plain"] else int(Decimal(match["scaled"]) * scale)
