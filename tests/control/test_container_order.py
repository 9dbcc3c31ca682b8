"""dependsOn and restartPolicy through the API, on the simulated engine."""

from __future__ import annotations

from typing import Any

from emulator.engine.simulated.behaviour import Behaviour, HealthTurn
from tests.control.world import World, container, health_check


def after(name: str, condition: str) -> dict[str, Any]:
    return {"dependsOn": [{"containerName": name, "condition": condition}]}


def statuses(world: World, arn: str) -> dict[str, str]:
    return {c["name"]: c["lastStatus"] for c in world.task(arn)["containers"]}


def test_one_after_the_other_up_and_the_other_way_down(world: World) -> None:
    world.image("init", Behaviour(runs_for_s=5))
    world.image("app", Behaviour(health=(HealthTurn(10, "healthy"),), stops_in_s=3))
    world.image("side", Behaviour(stops_in_s=4))
    world.define(
        container("side", "side:1", **after("app", "HEALTHY")),
        container(**after("init", "SUCCESS"), healthCheck=health_check()),
        container("init", "init:1", essential=False),
    )
    arn = world.run()
    world.pass_time(4)
    assert statuses(world, arn) == {"side": "PENDING", "app": "PENDING", "init": "RUNNING"}
    world.pass_time(4)
    assert statuses(world, arn) == {"side": "PENDING", "app": "RUNNING", "init": "STOPPED"}
    assert world.task(arn)["lastStatus"] == "PENDING"
    world.pass_time(15)
    assert statuses(world, arn) == {"side": "RUNNING", "app": "RUNNING", "init": "STOPPED"}
    assert world.task(arn)["lastStatus"] == "RUNNING"
    world.ecs.stop_task(task=arn)
    world.pass_time(2)
    assert statuses(world, arn) == {"side": "RUNNING", "app": "RUNNING", "init": "STOPPED"}
    world.pass_time(3)
    assert statuses(world, arn)["side"] == "STOPPED"
    assert statuses(world, arn)["app"] == "RUNNING"
    world.pass_time(5)
    assert world.stopped(arn)[0] == "UserInitiated"


def test_an_init_that_fails_ends_the_task_and_says_so(world: World) -> None:
    world.image("init", Behaviour(runs_for_s=2, exit_code=1))
    world.image()
    world.define(container(**after("init", "SUCCESS")), container("init", "init:1", essential=False))
    arn = world.run()
    world.pass_time(5)
    assert world.stopped(arn) == ("TaskFailedToStart", "Task failed to start")
    app = world.task(arn)["containers"][0]
    assert app["reason"] == (
        "TaskDependencyError: dependency graph: failed to resolve container ordering dependency [init] for target "
        "[app] as dependency did not exit successfully."
    )
    assert "exitCode" not in app


def test_start_timeout_is_the_dependencys(world: World) -> None:
    world.image("init")
    world.image()
    world.define(container(**after("init", "COMPLETE")), container("init", "init:1", essential=False, startTimeout=30))
    arn = world.run()
    world.pass_time(29)
    assert world.task(arn)["lastStatus"] == "PENDING"
    world.pass_time(3)
    assert world.stopped(arn)[1] == "Task failed to start"
    assert "has timed out" in world.task(arn)["containers"][0]["reason"]
    assert world.containers() == []


def test_a_restart_policy_starts_the_same_container_again(world: World) -> None:
    world.image("app", Behaviour(runs_for_s=70, exit_code=1))
    world.define(container(restartPolicy={"enabled": True, "restartAttemptPeriod": 60}))
    arn = world.run()
    world.pass_time(10)
    before = world.task(arn)["containers"][0]["runtimeId"]
    world.pass_time(100)
    task = world.task(arn)
    assert (task["lastStatus"], task["containers"][0]["lastStatus"]) == ("RUNNING", "RUNNING")
    assert task["containers"][0]["runtimeId"] == before
    assert "exitCode" not in task["containers"][0]


def test_an_ignored_exit_code_is_an_end(world: World) -> None:
    world.image("app", Behaviour(runs_for_s=70, exit_code=0))
    world.define(container(restartPolicy={"enabled": True, "restartAttemptPeriod": 60, "ignoredExitCodes": [0]}))
    arn = world.run()
    world.pass_time(80)
    assert world.stopped(arn)[0] == "EssentialContainerExited"
