"""Where limits are enforced, and what they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from emulator.domain.tasks.task_limits import MIB, GroupFacts, container_limits, limits_choice, task_limits

ROOT_HERE = GroupFacts(1, "cgroupfs", on_this_host=True, as_root=True, writable=True)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("driver", ["cgroupfs", "systemd"])
def test_root_on_the_engines_host_limits_tasks(version: int, driver: str) -> None:
    choice = limits_choice(replace(ROOT_HERE, version=version, driver=driver, can_ask_systemd=True))
    assert choice.level == "task"
    assert choice.because == f"control groups of version {version}, made by the driver {driver}"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"on_this_host": False}, "not known to be on this host"),
        ({"as_root": False}, "does not run as root"),
        ({"writable": False}, "cannot be written"),
        ({"confined": "Docker Desktop", "on_this_host": False}, "Docker Desktop keeps its control groups to itself"),
        ({"driver": "none"}, "cgroup driver none (version 1) is not known"),
        ({"driver": ""}, "cgroup driver none"),
        ({"version": 3}, "version 3"),
        ({"driver": "systemd"}, "systemd's, which cannot be asked"),
    ],
)
def test_elsewhere_each_container_is_limited(changes: dict[str, Any], said: str) -> None:
    choice = limits_choice(replace(ROOT_HERE, **changes))
    assert choice.level == "container"
    assert said in choice.because


def test_a_tasks_size_is_its_groups() -> None:
    limits = task_limits("256", "512", [{"cpu": 10}, {"linuxParameters": {"maxSwap": 64}}])
    assert (limits.cpu_units, limits.cpu_shares) == (256, None)
    assert (limits.memory_bytes, limits.swap_bytes) == (512 * MIB, 64 * MIB)


def test_without_a_size_containers_add_up_to_a_weight() -> None:
    limits = task_limits(None, None, [{"cpu": 100}, {"cpu": 28}])
    assert (limits.cpu_units, limits.cpu_shares, limits.memory_bytes) == (None, 128, None)
    assert task_limits(None, None, [{}]).cpu_shares == 2


def limits_of(definition: dict[str, Any], level: Any, cpu: int = 256, memory: int = 512) -> tuple[Any, ...]:
    found = container_limits(definition, level=level, task_cpu_units=cpu, task_memory_mib=memory, host_cpus=2)
    return found.cpu_shares, found.nano_cpus, found.memory, found.memory_and_swap, found.memory_reservation


def test_in_a_group_a_container_has_only_what_its_definition_says() -> None:
    assert limits_of({}, "task") == (2, None, None, None, None)
    own = {"cpu": 128, "memory": 256, "memoryReservation": 100}
    assert limits_of(own, "task") == (128, None, 256 * MIB, 256 * MIB, 100 * MIB)


def test_alone_a_container_has_the_tasks_size_for_its_ceiling() -> None:
    assert limits_of({}, "container") == (2, 250_000_000, 512 * MIB, 512 * MIB, None)
    swap = {"memory": 256, "linuxParameters": {"maxSwap": 100}}
    assert limits_of(swap, "container")[2:4] == (256 * MIB, 356 * MIB)
    assert limits_of({"cpu": 1}, "container", cpu=16384)[:2] == (2, 2_000_000_000)
    assert limits_of({"memoryReservation": 64}, "container", cpu=0, memory=0) == (2, None, None, None, 64 * MIB)
