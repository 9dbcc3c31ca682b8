"""A task's whole life through the API, on the simulated engine: every rung, every way to end."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

import pytest

from emulator.engine.base import ContainerCreateFailed, EngineNotResponding, NetworkConflict
from emulator.engine.simulated.behaviour import Behaviour, HealthTurn, Output
from emulator.events import journal
from tests.control.world import World, awslogs, container, health_check


def _rungs(world: World, arn: str) -> list[str]:
    with world.emulator.database.read() as reader:
        entries = journal.entries(reader, subject=arn)
    return [e.detail["lastStatus"] for e in entries if e.kind == "task.status_changed"]


def test_up_and_down_the_whole_ladder(world: World) -> None:
    world.image()
    world.define(container(portMappings=[{"containerPort": 80}]))
    arn = world.run()
    assert world.task(arn)["lastStatus"] == "PROVISIONING"
    assert [d["name"] for d in world.task(arn)["attachments"][0]["details"]] == ["subnetId"]
    world.settle()
    task = world.task(arn)
    assert (task["lastStatus"], task["desiredStatus"], task["connectivity"]) == ("RUNNING", "RUNNING", "CONNECTED")
    times = [task[name] for name in ("createdAt", "connectivityAt", "pullStartedAt", "pullStoppedAt", "startedAt")]
    assert times == sorted(times)
    details = {d["name"]: d["value"] for d in task["attachments"][0]["details"]}
    assert task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"] == details["privateIPv4Address"]
    assert details["privateDnsName"] == f"ip-{details['privateIPv4Address'].replace('.', '-')}.ec2.internal"
    assert world.containers() == ["app", "~internal~ecs~pause"]
    world.ecs.stop_task(task=arn, reason="enough")
    assert world.task(arn)["desiredStatus"] == "STOPPED"
    world.settle()
    task = world.task(arn)
    assert world.stopped(arn) == ("UserInitiated", "enough")
    assert task["attachments"][0]["status"] == "DELETED"
    assert task["containers"][0]["exitCode"] == 0
    times = [task[name] for name in ("startedAt", "stoppingAt", "executionStoppedAt", "stoppedAt")]
    assert times == sorted(times)
    assert world.containers() == []
    assert _rungs(world, arn) == [
        "PENDING",
        "ACTIVATING",
        "RUNNING",
        "DEACTIVATING",
        "STOPPING",
        "DEPROVISIONING",
        "STOPPED",
    ]


def test_an_essential_container_that_ends_stops_the_task(world: World) -> None:
    world.image("app", Behaviour(runs_for_s=5, exit_code=3))
    world.image("sidecar")
    world.define(container(), container("sidecar", "sidecar:1"))
    arn = world.run()
    world.settle()
    world.pass_time(6)
    assert world.stopped(arn) == ("EssentialContainerExited", "Essential container in task exited")
    codes = {c["name"]: c["exitCode"] for c in world.task(arn)["containers"]}
    assert codes == {"app": 3, "sidecar": 0}


def test_a_container_that_is_not_essential_may_end(world: World) -> None:
    world.image("app")
    world.image("init", Behaviour(runs_for_s=1, exit_code=0))
    world.define(container(), container("init", "init:1", essential=False))
    arn = world.run()
    world.pass_time(3)
    task = world.task(arn)
    assert task["lastStatus"] == "RUNNING"
    assert {c["name"]: c["lastStatus"] for c in task["containers"]} == {"app": "RUNNING", "init": "STOPPED"}


def test_the_stop_signal_then_a_kill_after_stop_timeout(world: World) -> None:
    world.image("app", Behaviour(ignores_sigterm=True))
    world.define(container(stopTimeout=20))
    arn = world.run()
    world.settle()
    world.ecs.stop_task(task=arn)
    world.pass_time(19)
    assert world.task(arn)["lastStatus"] == "STOPPING"
    world.pass_time(2)
    assert world.stopped(arn) == ("UserInitiated", "Task stopped by user")
    assert world.task(arn)["containers"][0]["exitCode"] == 137


def test_out_of_memory_is_said_only_when_it_is(world: World) -> None:
    world.image("app", Behaviour(out_of_memory_after_s=2))
    world.define(container(memory=64))
    arn = world.run()
    world.pass_time(3)
    app = world.task(arn)["containers"][0]
    assert (app["exitCode"], app["reason"]) == (137, "OutOfMemoryError: Container killed due to memory usage")


def test_health_turns(world: World) -> None:
    world.image("app", Behaviour(health=(HealthTurn(5, "healthy"), HealthTurn(20, "unhealthy"))))
    world.define(container(healthCheck=health_check()))
    arn = world.run()
    world.settle()
    assert world.task(arn)["healthStatus"] == "UNKNOWN"
    world.pass_time(6)
    assert world.task(arn)["healthStatus"] == "HEALTHY"
    world.pass_time(16)
    task = world.task(arn)
    assert (task["healthStatus"], task["lastStatus"]) == ("UNHEALTHY", "RUNNING")


def test_an_image_that_is_nowhere(world: World) -> None:
    world.define(container(image="nowhere:1"))
    arn = world.run()
    world.settle()
    code, reason = world.stopped(arn)
    assert code == "TaskFailedToStart"
    assert reason.startswith("CannotPullContainerError: ")
    assert world.containers() == []


def test_an_ecr_image_that_was_never_pushed(world: World) -> None:
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:latest"
    world.define(container(image=image))
    arn = world.run()
    world.settle()
    code, reason = world.stopped(arn)
    assert code == "TaskFailedToStart"
    assert reason.startswith(
        f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}"
    )


def test_without_an_engine_a_task_stops_at_once(world: World) -> None:
    world.image()
    world.define(container())
    world.engine.lose()
    arn = world.run()
    world.settle()
    code, reason = world.stopped(arn)
    assert code == "TaskFailedToStart"
    assert "no container engine answers" in reason


def test_a_command_that_cannot_start(world: World) -> None:
    world.image("app", Behaviour(start_error='exec: "nope": executable file not found in $PATH: unknown'))
    world.define(container(command=["nope"]))
    arn = world.run()
    world.settle()
    code, reason = world.stopped(arn)
    assert code == "TaskFailedToStart"
    assert reason.startswith("CannotStartContainerError: ")
    assert "executable file not found in $PATH" in reason
    assert world.containers() == []


def test_a_container_that_cannot_be_created(world: World) -> None:
    world.image("app", Behaviour(create_error=ContainerCreateFailed("invalid volume specification")))
    world.define(container())
    arn = world.run()
    world.settle()
    assert world.stopped(arn) == ("TaskFailedToStart", "CannotCreateContainerError: invalid volume specification")


def test_secrets_that_cannot_be_had_stop_the_task_before_any_pull(world: World) -> None:
    secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-password"
    world.define(container(image="nowhere:1", secrets=[{"name": "PASSWORD", "valueFrom": secret}]))
    arn = world.run()
    world.settle()
    code, reason = world.stopped(arn)
    assert code == "TaskFailedToStart"
    assert reason.startswith("ResourceInitializationError: unable to pull secrets or registry auth")
    assert "Secrets Manager can't find the specified secret." in reason
    assert "pullStartedAt" not in world.task(arn)


def test_a_log_group_that_is_not_there(world: World) -> None:
    world.image()
    world.define(container(logConfiguration=awslogs()))
    arn = world.run()
    world.settle()
    code, reason = world.stopped(arn)
    assert code == "TaskFailedToStart"
    assert "The specified log group does not exist." in reason


def test_output_reaches_its_stream(world: World) -> None:
    world.image("app", Behaviour(output=(Output(1, b"hello\nworld\n"),)))
    world.define(container(logConfiguration=awslogs(**{"awslogs-create-group": "true"})))
    arn = world.run()
    world.pass_time(2)
    world.emulator.log_events.flush()
    stream = f"ecs/app/{arn.rpartition('/')[2]}"
    events = world.aws("logs").get_log_events(logGroupName="/ecs/web", logStreamName=stream, startFromHead=True)
    assert [e["message"] for e in events["events"]] == ["hello", "world"]


def test_a_container_removed_behind_our_back(world: World) -> None:
    world.image()
    world.define(container())
    arn = world.run()
    world.settle()
    app = next(s for s in world.engine.list_containers({}) if s.labels.get("homeport.container") == "app")
    world.engine.remove_container(app.id)
    world.settle()
    assert world.stopped(arn)[0] == "EssentialContainerExited"
    assert "removed" in world.task(arn)["containers"][0]["reason"]
    assert world.containers() == []


def test_a_dead_pause_is_a_dead_task(world: World) -> None:
    world.image()
    world.define(container())
    arn = world.run()
    world.settle()
    pause = next(s for s in world.engine.list_containers({}) if s.labels["homeport.kind"] == "pause")
    world.engine.kill_container(pause.id)
    world.settle()
    assert world.stopped(arn)[0] == "InfrastructureHealth"
    assert world.containers() == []


def test_a_range_that_the_host_uses_is_given_up_for_the_next(world: World) -> None:
    world.image()
    world.define(container())
    world.engine.fail("ensure_network", NetworkConflict("Pool overlaps with other one on this address space"))
    arn = world.run()
    world.settle()
    assert world.task(arn)["containers"][0]["networkInterfaces"][0]["privateIpv4Address"].startswith("10.215.")


def test_every_task_has_an_address_of_its_own(world: World) -> None:
    world.image()
    world.define(container())
    arns = [world.run() for _ in range(12)]
    world.settle()
    addresses = {world.task(a)["containers"][0]["networkInterfaces"][0]["privateIpv4Address"] for a in arns}
    assert len(addresses) == 12


def test_an_engine_that_is_slow_once_is_asked_again(world: World) -> None:
    world.image()
    world.define(container())
    world.engine.fail("start_container", EngineNotResponding("deadline passed"))
    arn = world.run()
    world.pass_time(5)
    assert world.task(arn)["lastStatus"] == "RUNNING"


def test_stopped_tasks_are_kept_for_an_hour(world: World) -> None:
    world.image()
    world.define(container())
    arn = world.run()
    world.settle()
    world.ecs.stop_task(task=arn)
    world.settle()
    world.clock.advance(3599)
    world.settle()
    assert world.task(arn)["lastStatus"] == "STOPPED"
    world.clock.advance(2)
    world.settle()
    assert world.ecs.describe_tasks(tasks=[arn])["failures"] == [{"arn": arn, "reason": "MISSING"}]


@pytest.mark.parametrize("when", ["before", "after"])
def test_stopping_at_any_moment_leaves_nothing(world: World, when: str) -> None:
    """StopTask comes in at each engine call of a start, in turn."""
    world.image()
    world.define(container())
    for moment in range(1, 30):
        calls, arn = itertools.count(1), world.run()
        world.engine.on_call = functools.partial(_stop_at, world, arn, moment, calls, when)
        world.settle()
        if world.engine.on_call is not None:
            world.engine.on_call = None
            assert moment > 4, "the start made fewer calls than expected"
            return
        assert world.stopped(arn)[0] == "UserInitiated"
        assert world.containers() == []


def _stop_at(
    world: World, arn: str, moment: int, calls: Iterator[int], when: str, now: str, name: str, arguments: object
) -> None:
    """Stops the task at the engine's n-th call that changes something."""
    if now == when and not name.startswith(("list_", "inspect_", "find_", "info")) and next(calls) == moment:
        world.engine.on_call = None
        world.ecs.stop_task(task=arn)
