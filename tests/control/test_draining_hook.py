"""The lifecycle hook of managed draining: a host waits until its tasks have stopped, or somebody says go on."""

from __future__ import annotations

import pytest

from emulator.app import Emulator
from emulator.clock import VirtualClock
from tests.conftest import Aws
from tests.control.test_capacity_providers import hosts, run, scene, tasks
from tests.control.world import World
from tests.services.capacity_scene import group, make_template
from tests.services.instance_scene import provide_image


@pytest.fixture
def world(emulator: Emulator, clock: VirtualClock, aws: Aws) -> World:
    provide_image(emulator)
    make_template(aws)
    return World(emulator, clock, aws)


def test_managed_draining_is_a_lifecycle_hook_that_one_can_complete(world: World) -> None:
    scene(world)
    [arn] = run(world)
    world.pass_time(10)
    [instance] = group(world.aws)["Instances"]
    autoscaling = world.aws("autoscaling")
    autoscaling.set_desired_capacity(AutoScalingGroupName="hosts", DesiredCapacity=0)
    autoscaling.suspend_processes(AutoScalingGroupName="hosts", ScalingProcesses=["AlarmNotification"])
    world.pass_time(200)
    assert [i["LifecycleState"] for i in group(world.aws)["Instances"]] == ["Terminating:Wait"]
    [host] = hosts(world, "DRAINING")
    assert tasks(world, [arn])[0]["lastStatus"] == "RUNNING"  # it is of no service, and nobody stops it
    hook = {"AutoScalingGroupName": "hosts", "LifecycleHookName": "ecs-managed-draining-termination-hook"}
    autoscaling.complete_lifecycle_action(**hook, InstanceId=instance["InstanceId"], LifecycleActionResult="CONTINUE")
    world.pass_time(60)
    assert group(world.aws)["Instances"] == []
    [stopped] = tasks(world, [arn])
    assert (stopped["lastStatus"], host["ec2InstanceId"]) == ("STOPPED", instance["InstanceId"])
