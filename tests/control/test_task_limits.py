"""A task's control group through its life, on the simulated engine; what an OutOfMemoryError is."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from emulator.admin.explain import explain
from emulator.control.recover import sweep_dead_ephemeral
from emulator.domain.tasks.task_limits import MIB, TaskLimits
from emulator.engine import labels
from emulator.engine.base import ContainerSpec, EngineError
from emulator.engine.control_groups import GroupName
from emulator.engine.simulated.behaviour import Behaviour
from tests.control.world import World, container


def spec(world: World, name: str = "app") -> ContainerSpec:
    found = next(s for s in world.engine.list_containers({}) if s.labels.get("homeport.container") == name)
    return world.engine.spec(found.id)


def words(world: World, arn: str) -> str:
    return " ".join(explain(world.emulator.database, world.emulator.plane, arn, world.clock.now())["words"])


def test_the_tasks_size_is_its_groups_and_the_group_goes_with_it(world: World) -> None:
    world.image()
    world.define(container(memory=128), container("side", cpu=64))
    arn = world.run()
    world.settle()
    (path,) = world.engine.groups.limits
    assert path == f"/ecs/{world.emulator.instance}/{arn.rpartition('/')[2]}"
    assert world.engine.groups.limits[path] == TaskLimits(256, None, 512 * MIB)
    app, side = spec(world), spec(world, "side")
    assert (app.cgroup_parent, app.memory_bytes, app.nano_cpus) == (path, 128 * MIB, None)
    assert (side.cgroup_parent, side.memory_bytes, side.cpu_shares) == (path, None, 64)
    assert spec(world, "~internal~ecs~pause").cgroup_parent is None
    assert f"its containers share its cpu and memory: control group {path}" in words(world, arn)
    assert world.task(arn)["lastStatus"] == "RUNNING"
    world.ecs.stop_task(task=arn)
    world.settle()
    assert world.stopped(arn)
    assert world.engine.groups.limits == {}


def test_an_override_of_the_size_is_the_groups(world: World) -> None:
    world.image()
    world.define(container())
    world.run(overrides={"cpu": "512", "memory": "1024"})
    world.settle()
    assert list(world.engine.groups.limits.values()) == [TaskLimits(512, None, 1024 * MIB)]


def test_where_no_group_can_be_made_each_container_is_limited_and_it_is_said(world: World) -> None:
    world.engine.groups.given = replace(world.engine.groups.given, as_root=False)
    world.image()
    world.define(container(), container("side"))
    arn = world.run()
    world.settle()
    assert world.engine.groups.limits == {}
    app = spec(world)
    assert (app.cgroup_parent, app.memory_bytes, app.nano_cpus) == (None, 512 * MIB, 250_000_000)
    assert words(world, arn).count("together they can pass them: Homeport does not run as root") == 2
    world.ecs.stop_task(task=arn)
    world.settle()
    assert world.stopped(arn)


def test_a_host_that_only_seems_to_allow_groups_is_found_out(world: World) -> None:
    world.engine.groups.really = False
    world.image()
    world.define(container())
    arn = world.run()
    world.settle()
    assert spec(world).cgroup_parent is None
    assert "did not stand in it" in words(world, arn)


def test_a_group_that_cannot_be_made_is_no_reason_to_fail(world: World) -> None:
    world.image()
    world.define(container())
    world.engine.fail("ensure_control_group", EngineError("no space left on device"))
    first = world.run()
    world.settle()
    assert world.task(first)["lastStatus"] == "RUNNING"
    assert "no space left on device" in words(world, first)
    assert spec(world).cgroup_parent is None
    second = world.run()
    world.settle()
    assert "control group" in words(world, second)


def test_a_group_in_use_is_removed_later(world: World) -> None:
    world.image()
    world.define(container())
    arn = world.run()
    world.settle()
    world.engine.fail("remove_control_group", *[EngineError("in use", 409)] * 3)
    world.ecs.stop_task(task=arn)
    world.pass_time(1)
    assert len(world.engine.groups.limits) == 1
    world.pass_time(60)
    assert world.stopped(arn)
    assert world.engine.groups.limits == {}


def test_what_a_crash_left_is_swept_and_a_reset_leaves_nothing(world: World) -> None:
    world.image()
    world.define(container())
    arn = world.run()
    world.settle()
    (mine,) = world.engine.groups.limits
    owner = f"/ecs/{world.emulator.instance}"
    stray, other = f"{owner}/{'0' * 32}", f"/ecs/{'1' * 12}/{'2' * 32}"
    for path in (stray, f"{owner}/probe", other):
        world.engine.groups.limits[path] = TaskLimits(256, None, None)
    world.engine.lose()
    world.emulator.plane.watch.refresh()
    world.engine.regain()
    world.emulator.plane.watch.refresh()
    assert sorted(world.engine.groups.limits) == sorted([mine, other])
    assert world.task(arn)["lastStatus"] == "RUNNING"
    world.emulator.reset()
    assert list(world.engine.groups.limits) == [other]


def test_the_groups_of_a_dead_ephemeral_run_go_with_its_containers(world: World) -> None:
    dead = labels.owned_labels("app", "d" * 12, "b", ephemeral_lock="/gone")
    world.engine.create_container(ContainerSpec("left", world.image(), dead))
    path = world.engine.groups.ensure(GroupName("d" * 12, "1f"), TaskLimits(256, None, None))
    limits = world.emulator.plane.limits
    assert sweep_dead_ephemeral(world.engine, limits, world.emulator.instance, lambda _: False) == 0
    assert path in world.engine.groups.limits
    assert sweep_dead_ephemeral(world.engine, limits, world.emulator.instance, lambda lock: lock == "/gone") == 1
    assert world.engine.groups.limits == {}


def test_health_says_how_limits_are_enforced(world: World) -> None:
    answers: list[str] = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/_emulator/health", "HTTP_HOST": "localhost:4566"}
    environ |= {"SERVER_NAME": "localhost", "SERVER_PORT": "4566", "wsgi.url_scheme": "http", "REMOTE_ADDR": "::1"}
    body = b"".join(world.emulator.wsgi(environ, lambda status, _headers, _=None: answers.append(status)))
    assert answers == ["200 OK"]
    limits = json.loads(body)["engine"]["limits"]
    assert limits == {"level": "task", "because": "control groups of version 2, made by the driver cgroupfs"}


# -- what an OutOfMemoryError is


def ended(world: World, arn: str) -> dict[str, tuple[Any, Any]]:
    return {c["name"]: (c.get("exitCode"), c.get("reason")) for c in world.task(arn)["containers"]}


def test_a_sibling_that_we_killed_did_not_run_out_of_memory(world: World) -> None:
    """Docker calls every container of the group OOMKilled; the hog alone died of it."""
    world.image("hog", Behaviour(out_of_memory_after_s=5))
    world.image("calm", Behaviour(ignores_sigterm=True, oom_seen_after_s=5))
    world.define(container("hog", "hog:1"), container("calm", "calm:1", stopTimeout=2))
    arn = world.run()
    world.pass_time(20)
    assert world.stopped(arn) == ("EssentialContainerExited", "Essential container in task exited")
    assert ended(world, arn) == {
        "hog": (137, "OutOfMemoryError: Container killed due to memory usage"),
        "calm": (137, None),
    }
