"""Control groups of tasks, asked of both engines in the same words. The real one needs root on its own host."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from emulator.domain.tasks.task_limits import MIB, TaskLimits, limits_choice
from emulator.engine.base import EngineError
from emulator.engine.control_groups import GroupName
from tests.contracts.test_engine_contract import AnyWorld, running
from tests.engine_worlds import OWNER, DockerWorld, SimulatedWorld

LIMITS = TaskLimits(cpu_units=256, cpu_shares=None, memory_bytes=64 * MIB)


@pytest.fixture(params=["simulated", pytest.param("docker", marks=pytest.mark.docker)])
def world(request: pytest.FixtureRequest) -> Iterator[AnyWorld]:
    made = DockerWorld() if request.param == "docker" else SimulatedWorld()
    yield made
    made.close()


@pytest.fixture
def owner() -> str:
    return secrets.token_hex(6)


def test_this_host_allows_groups(world: AnyWorld) -> None:
    assert limits_choice(world.engine.groups.facts()).level == "task"


def test_a_container_stands_in_a_group_that_was_made(world: AnyWorld, owner: str) -> None:
    assert world.engine.groups.holds(GroupName(owner, "probe"), OWNER)
    assert world.engine.groups.tasks(owner) == []
    assert world.engine.list_containers(OWNER) == []


def test_groups_are_made_once_listed_by_owner_and_removed(world: AnyWorld, owner: str) -> None:
    groups = world.engine.groups
    first, second = GroupName(owner, "1f"), GroupName(owner, "2f")
    parent = groups.ensure(first, LIMITS)
    assert groups.ensure(first, LIMITS) == parent
    assert groups.ensure(second, LIMITS) != parent
    assert (groups.tasks(owner), groups.tasks("0" * 12)) == (["1f", "2f"], [])
    groups.remove(first)
    groups.remove(first)
    assert groups.tasks(owner) == ["2f"]
    groups.remove(second)
    assert groups.tasks(owner) == []


def test_other_limits_take_the_place_of_the_former(world: AnyWorld, owner: str) -> None:
    name = GroupName(owner, "1f")
    for mib in (64, 128, 32):
        world.engine.groups.ensure(name, TaskLimits(512, None, mib * MIB))
    world.engine.groups.remove(name)


def test_a_group_in_use_stays(world: AnyWorld, owner: str) -> None:
    groups, name = world.engine.groups, GroupName(owner, "1f")
    container = running(world, cgroup_parent=groups.ensure(name, LIMITS))
    with pytest.raises(EngineError, match="in use"):
        groups.remove(name)
    assert groups.tasks(owner) == ["1f"]
    world.engine.remove_container(container)
    groups.remove(name)
    assert groups.tasks(owner) == []
