"""The emulator dies at any moment and comes back: what runs is adopted, nothing runs twice, nothing is left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from emulator.app import Emulator, build
from emulator.clock import VirtualClock
from emulator.config import Config
from emulator.engine.simulated.behaviour import Behaviour, Output
from emulator.engine.simulated.engine import SimulatedEngine
from emulator.store.ecs_tables import TASKS
from tests.conftest import aws_of
from tests.control.world import NETWORK, World, awslogs, container
from tests.services.capacity_scene import make_group, make_provider, make_template, use_provider


class Death(BaseException):
    """The process is gone: nothing after this point happened."""


def _start(config: Config, clock: VirtualClock, engine: SimulatedEngine) -> World:
    emulator = build(config, clock=clock, engine=engine, threaded=False)
    emulator.start()
    return World(emulator, clock, aws_of(emulator))


def _die(emulator: Emulator) -> None:
    """Lets go of files only, as a kill would."""
    emulator.plane.close()
    emulator.log_events.close()
    emulator.database.close()
    emulator.data.close()


def _settle_or_die(world: World) -> bool:
    try:
        world.settle()
    except Death:
        return False
    return True


@pytest.fixture
def engine(clock: VirtualClock) -> SimulatedEngine:
    return SimulatedEngine(clock)


def test_tasks_wait_for_their_hosts_across_a_death(
    config: Config, clock: VirtualClock, engine: SimulatedEngine
) -> None:
    world = _start(config, clock, engine)
    world.image()
    make_template(world.aws)
    make_provider(world.aws, make_group(world.aws))
    use_provider(world.aws, "ec2", cluster="default")
    world.define(container())
    arns = [
        t["taskArn"] for t in world.ecs.run_task(taskDefinition="web", count=3, networkConfiguration=NETWORK)["tasks"]
    ]
    _die(world.emulator)
    world = _start(config, clock, engine)
    world.settle()
    _die(world.emulator)
    clock.advance(5)
    world = _start(config, clock, engine)
    world.pass_time(5)
    assert {world.task(arn)["lastStatus"] for arn in arns} == {"RUNNING"}
    assert world.ecs.describe_clusters()["clusters"][0]["registeredContainerInstancesCount"] == 2
    world.emulator.close()


def test_running_tasks_are_adopted_not_restarted(config: Config, clock: VirtualClock, engine: SimulatedEngine) -> None:
    world = _start(config, clock, engine)
    world.cluster()
    world.image()
    world.define(container())
    arn = world.run()
    world.settle()
    before = {s.id: s.started_at for s in engine.list_containers({})}
    _die(world.emulator)
    clock.advance(100)
    world = _start(config, clock, engine)
    world.settle()
    assert {s.id: s.started_at for s in engine.list_containers({})} == before
    assert world.task(arn)["lastStatus"] == "RUNNING"
    world.emulator.close()


def test_what_ended_meanwhile_is_seen(config: Config, clock: VirtualClock, engine: SimulatedEngine) -> None:
    world = _start(config, clock, engine)
    world.cluster()
    world.image("app", Behaviour(runs_for_s=50, exit_code=9))
    world.define(container())
    arn = world.run()
    world.settle()
    _die(world.emulator)
    clock.advance(100)
    world = _start(config, clock, engine)
    world.settle()
    assert world.stopped(arn)[0] == "EssentialContainerExited"
    assert world.task(arn)["containers"][0]["exitCode"] == 9
    assert world.containers() == []
    world.emulator.close()


def test_output_written_meanwhile_is_not_lost(config: Config, clock: VirtualClock, engine: SimulatedEngine) -> None:
    world = _start(config, clock, engine)
    world.cluster()
    turns = tuple(Output(float(second), f"line {second}\n".encode()) for second in range(1, 20))
    world.image("app", Behaviour(output=turns))
    world.define(container(logConfiguration=awslogs(**{"awslogs-create-group": "true"})))
    arn = world.run()
    world.pass_time(5)
    _die(world.emulator)
    clock.advance(5)
    world = _start(config, clock, engine)
    world.pass_time(10)
    world.emulator.log_events.flush()
    stream = f"ecs/app/{arn.rpartition('/')[2]}"
    events = world.aws("logs").get_log_events(logGroupName="/ecs/web", logStreamName=stream, startFromHead=True)
    assert [e["message"] for e in events["events"]] == [f"line {second}" for second in range(1, 20)]
    world.emulator.close()


@pytest.mark.parametrize("when", ["before", "after"])
def test_death_at_every_engine_call(tmp_path: Path, when: str) -> None:
    """Up, then down again; the process dies once, at the n-th engine call."""
    for moment in range(1, 200):
        clock = VirtualClock()
        engine = SimulatedEngine(clock)
        config = Config(data_dir=tmp_path / f"{when}{moment}", engine="simulated", seed=moment, registry_port=None)
        if not _one_life(config, clock, engine, when, moment):
            assert moment > 10, "a task's life took fewer engine calls than expected"
            return


def _one_life(config: Config, clock: VirtualClock, engine: SimulatedEngine, when: str, moment: int) -> bool:
    """Whether the death came about."""
    calls = 0

    def kill(now: str, name: str, arguments: object) -> None:
        nonlocal calls
        calls += now == when
        if calls == moment and now == when:
            engine.on_call = None
            raise Death

    engine.add_image("app:1")
    world = _start(config, clock, engine)
    world.cluster()
    started = [{"containerName": "app", "condition": "START"}]
    world.define(container(restartPolicy={"enabled": True}), container("sidecar", dependsOn=started))
    arn = world.run()
    engine.on_call = kill
    died = not _settle_or_die(world)
    if died:
        world = _again(world, config, clock, engine)

    assert world.task(arn)["lastStatus"] == "RUNNING"
    assert world.containers() == ["app", "sidecar", "~internal~ecs~pause"]
    world.ecs.stop_task(task=arn)
    if not died and not _settle_or_die(world):
        died = True
        world = _again(world, config, clock, engine)
    engine.on_call = None
    world.settle()
    assert world.stopped(arn)[0] == "UserInitiated"
    assert world.containers() == []
    world.emulator.close()
    return died


@pytest.mark.parametrize("when", ["before", "after"])
def test_death_at_every_engine_call_of_a_restart(tmp_path: Path, when: str) -> None:
    """A container ends and its restart policy starts it again; the process dies once meanwhile: once is enough."""
    for moment in range(1, 100):
        clock = VirtualClock()
        engine = SimulatedEngine(clock)
        config = Config(data_dir=tmp_path / f"{when}{moment}", engine="simulated", seed=moment, registry_port=None)
        if not _one_restart(config, clock, engine, when, moment):
            return


def _one_restart(config: Config, clock: VirtualClock, engine: SimulatedEngine, when: str, moment: int) -> bool:
    """Whether the death came about."""
    calls = 0

    def kill(now: str, name: str, arguments: object) -> None:
        nonlocal calls
        calls += now == when
        if calls == moment and now == when:
            engine.on_call = None
            raise Death

    engine.add_image("app:1", Behaviour(runs_for_s=100, exit_code=1))
    world = _start(config, clock, engine)
    world.cluster()
    world.define(container(restartPolicy={"enabled": True, "restartAttemptPeriod": 60}))
    arn = world.run()
    world.settle()
    identity = world.task(arn)["containers"][0]["runtimeId"]
    clock.advance(110)
    engine.settle()
    engine.on_call = kill
    died = not _settle_or_die(world)
    if died:
        world = _again(world, config, clock, engine)
    engine.on_call = None
    assert world.task(arn)["lastStatus"] == "RUNNING"
    assert world.task(arn)["containers"][0]["runtimeId"] == identity
    with world.emulator.database.read() as reader:
        assert reader.find(TASKS)[0].containers[0].restart_count == 1
    world.ecs.stop_task(task=arn)
    world.settle()
    assert world.containers() == []
    world.emulator.close()
    return died


def _again(world: World, config: Config, clock: VirtualClock, engine: SimulatedEngine) -> World:
    _die(world.emulator)
    world = _start(replace(config, seed=(config.seed or 0) + 1000), clock, engine)
    world.settle()
    return world
