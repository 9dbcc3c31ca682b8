"""Where the limits of a task are enforced, and what they are. Pure.

Fargate gives cpu and memory to the task; its containers share them. That takes a control group of the task, which can
only be made by root on the engine's own host. Elsewhere each container is limited for itself. Source: Amazon ECS
developer guide, "Task size"; the ECS agent's task control groups for what an unset task cpu means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

MIB: Final = 1024 * 1024
CPU_UNITS: Final = 1024
MINIMUM_CPU_SHARES: Final = 2  # the kernel's smallest; null, 0 and 1 mean it (ECS API model, ContainerDefinition.cpu)
DRIVERS: Final = ("cgroupfs", "systemd")

Definition = Mapping[str, Any]
Level = Literal["task", "container"]


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """What an engine and its host say of control groups. `confined` names what keeps the engine's processes in a
    machine or namespace of its own (Docker Desktop, rootless mode)."""

    version: int
    driver: str
    on_this_host: bool
    as_root: bool
    writable: bool
    confined: str = ""
    can_ask_systemd: bool = False


@dataclass(frozen=True, slots=True)
class LimitsChoice:
    """`task`: one control group for all of a task's containers; `container`: each is limited for itself."""

    level: Level
    because: str


@dataclass(frozen=True, slots=True)
class TaskLimits:
    """Of a task's control group. `cpu_units` None: no ceiling, then `cpu_shares` is its weight among other tasks."""

    cpu_units: int | None
    cpu_shares: int | None
    memory_bytes: int | None
    swap_bytes: int = 0


def limits_choice(facts: GroupFacts) -> LimitsChoice:
    """The task's own control group where one can be made."""
    hindrance = _hindrance(facts)
    if hindrance:
        return LimitsChoice("container", hindrance)
    return LimitsChoice("task", f"control groups of version {facts.version}, made by the driver {facts.driver}")


def _hindrance(facts: GroupFacts) -> str:
    if facts.confined:
        return f"{facts.confined} keeps its control groups to itself"
    if not facts.on_this_host:
        return "the engine is not known to be on this host"
    if facts.version not in (1, 2) or facts.driver not in DRIVERS:
        return f"the engine's cgroup driver {facts.driver or 'none'} (version {facts.version}) is not known"
    if not facts.as_root:
        return "Homeport does not run as root"
    if not facts.writable:
        return "the control groups of this host cannot be written from here"
    if facts.driver == "systemd" and not facts.can_ask_systemd:
        return "the engine's control groups are systemd's, which cannot be asked from here"
    return ""


def task_limits(cpu: str | None, memory: str | None, containers: Sequence[Definition]) -> TaskLimits:
    """Of a task of this size, in CPU units and MiB as ECS writes them. Its swap is the sum of its containers'."""
    shares = None if cpu else max(MINIMUM_CPU_SHARES, sum(int(c.get("cpu") or 0) for c in containers))
    swap = sum(int((c.get("linuxParameters") or {}).get("maxSwap") or 0) for c in containers)
    return TaskLimits(int(cpu) if cpu else None, shares, int(memory) * MIB if memory else None, swap * MIB)


@dataclass(frozen=True, slots=True)
class ContainerLimits:
    """Of one container. Memory in bytes; `memory_and_swap` is Docker's figure, the sum of both."""

    cpu_shares: int
    nano_cpus: int | None
    memory: int | None
    memory_and_swap: int | None
    memory_reservation: int | None


def container_limits(
    definition: Definition, *, level: Level, task_cpu_units: int, task_memory_mib: int, host_cpus: int
) -> ContainerLimits:
    """`cpu` is a weight, `memory` a ceiling, `memoryReservation` a floor under pressure. Without a group of the task's
    each container has the task's size for its ceiling, so that siblings can together pass it."""
    alone = level == "container"
    memory = int(definition.get("memory") or (task_memory_mib if alone else 0)) * MIB
    swap = int((definition.get("linuxParameters") or {}).get("maxSwap") or 0) * MIB
    reservation = int(definition.get("memoryReservation") or 0) * MIB
    return ContainerLimits(
        cpu_shares=max(MINIMUM_CPU_SHARES, int(definition.get("cpu") or 0)),
        nano_cpus=_nano_cpus(task_cpu_units, host_cpus) if alone else None,
        memory=memory or None,
        memory_and_swap=memory + swap if memory else None,
        memory_reservation=reservation or None,
    )


def _nano_cpus(task_cpu_units: int, host_cpus: int) -> int | None:
    """The task's cpu; the engine refuses more than the host has."""
    if not task_cpu_units:
        return None
    return min(task_cpu_units * 1_000_000_000 // CPU_UNITS, host_cpus * 1_000_000_000)
