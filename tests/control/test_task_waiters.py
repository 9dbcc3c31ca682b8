"""botocore's own waiters, on tasks that run, end, and were never there."""

from __future__ import annotations

import pytest
from botocore.exceptions import WaiterError

from emulator.engine.simulated.behaviour import Behaviour
from tests.control.world import World, container

ONCE = {"Delay": 0, "MaxAttempts": 1}


def _running(world: World, behaviour: Behaviour | None = None) -> str:
    world.image("app", behaviour)
    world.define(container())
    arn = world.run()
    world.settle()
    return arn


def test_tasks_running_is_true_once_they_run(world: World) -> None:
    world.image()
    world.define(container())
    arn, waiter = world.run(), world.ecs.get_waiter("tasks_running")
    with pytest.raises(WaiterError, match="Max attempts exceeded"):
        waiter.wait(tasks=[arn], WaiterConfig=ONCE)
    world.settle()
    waiter.wait(tasks=[arn], WaiterConfig=ONCE)


def test_tasks_running_gives_up_on_what_stopped_or_never_was(world: World) -> None:
    arn, waiter = _running(world, Behaviour(runs_for_s=1)), world.ecs.get_waiter("tasks_running")
    world.pass_time(5)
    for lost in (arn, "0" * 32):
        with pytest.raises(WaiterError, match="terminal failure"):
            waiter.wait(tasks=[lost], WaiterConfig=ONCE)


def test_tasks_stopped_is_true_once_they_have_stopped(world: World) -> None:
    arn, waiter = _running(world), world.ecs.get_waiter("tasks_stopped")
    world.ecs.stop_task(task=arn)
    with pytest.raises(WaiterError, match="Max attempts exceeded"):
        waiter.wait(tasks=[arn], WaiterConfig=ONCE)
    world.settle()
    waiter.wait(tasks=[arn], WaiterConfig=ONCE)
