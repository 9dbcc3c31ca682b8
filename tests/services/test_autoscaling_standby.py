"""Instances that come into a group and leave it alive, through boto3: attach, detach, standby, health."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.app import Emulator
from tests.conftest import Aws
from tests.services.capacity_scene import group, make_group, make_provider, make_template, use_provider
from tests.services.ecs_scene import refuses

GROUP = {"AutoScalingGroupName": "hosts"}


@pytest.fixture
def autoscaling(aws: Aws) -> Any:
    make_template(aws)
    make_group(aws, MinSize=1, MaxSize=3, DesiredCapacity=2)
    return aws("autoscaling")


def wait(emulator: Emulator, seconds: float = 10) -> None:
    emulator.plane.advance(seconds, emulator.clock.advance)  # type: ignore[attr-defined]


def states(aws: Aws) -> dict[str, str]:
    return {instance["InstanceId"]: instance["LifecycleState"] for instance in group(aws)["Instances"]}


def test_an_instance_is_detached_and_attached_again(emulator: Emulator, aws: Aws, autoscaling: Any) -> None:
    make_provider(aws, group(aws)["AutoScalingGroupARN"])
    use_provider(aws, "ec2")
    wait(emulator)
    first, second = states(aws)
    [activity] = autoscaling.detach_instances(**GROUP, InstanceIds=[first], ShouldDecrementDesiredCapacity=True)[
        "Activities"
    ]
    assert (activity["StatusCode"], activity["Description"]) == ("Successful", f"Detaching EC2 instance: {first}")
    wait(emulator)
    assert states(aws) == {second: "InService"} and group(aws)["DesiredCapacity"] == 1
    [reservation] = aws("ec2").describe_instances(InstanceIds=[first])["Reservations"]
    assert reservation["Instances"][0]["State"]["Name"] == "running"
    ecs = aws("ecs")
    arns = ecs.list_container_instances(cluster="c")["containerInstanceArns"]
    hosts = ecs.describe_container_instances(cluster="c", containerInstances=arns)["containerInstances"]
    assert {h["ec2InstanceId"]: h.get("capacityProviderName") for h in hosts} == {first: None, second: "ec2"}
    with refuses("ValidationError", "is not part of Auto Scaling group hosts", part=True):
        autoscaling.detach_instances(**GROUP, InstanceIds=[first], ShouldDecrementDesiredCapacity=True)
    with refuses("ValidationError", "min-size=1", part=True):
        autoscaling.detach_instances(**GROUP, InstanceIds=[second], ShouldDecrementDesiredCapacity=True)
    autoscaling.attach_instances(**GROUP, InstanceIds=[first])
    wait(emulator)
    assert states(aws) == {first: "InService", second: "InService"} and group(aws)["DesiredCapacity"] == 2
    with refuses("ValidationError", "already part of", part=True):
        autoscaling.attach_instances(**GROUP, InstanceIds=[first])
    with refuses("ValidationError", "Invalid Instance ID", part=True):
        autoscaling.attach_instances(**GROUP, InstanceIds=["i-nope"])
    # Without a smaller capacity it is replaced.
    autoscaling.detach_instances(**GROUP, InstanceIds=[first], ShouldDecrementDesiredCapacity=False)
    wait(emulator)
    assert len(states(aws)) == 2 and first not in states(aws)
    autoscaling.update_auto_scaling_group(**GROUP, MaxSize=2)
    with refuses("ValidationError", "max-size=2", part=True):
        autoscaling.attach_instances(**GROUP, InstanceIds=[first])


def test_an_instance_in_standby_is_not_counted(emulator: Emulator, aws: Aws, autoscaling: Any) -> None:
    wait(emulator)
    first, second = states(aws)
    autoscaling.enter_standby(**GROUP, InstanceIds=[first], ShouldDecrementDesiredCapacity=True)
    wait(emulator)
    assert states(aws) == {first: "Standby", second: "InService"} and group(aws)["DesiredCapacity"] == 1
    with refuses("ValidationError", "is not in InService", part=True):
        autoscaling.enter_standby(**GROUP, InstanceIds=[first], ShouldDecrementDesiredCapacity=True)
    with refuses("ValidationError", "is not in Standby", part=True):
        autoscaling.exit_standby(**GROUP, InstanceIds=[second])
    [activity] = autoscaling.exit_standby(**GROUP, InstanceIds=[first])["Activities"]
    assert activity["Description"] == f"Moving EC2 instance out of Standby: {first}"
    wait(emulator)
    assert states(aws) == {first: "InService", second: "InService"} and group(aws)["DesiredCapacity"] == 2
    autoscaling.enter_standby(**GROUP, InstanceIds=[first], ShouldDecrementDesiredCapacity=False)
    wait(emulator)
    assert sorted(states(aws).values()) == ["InService", "InService", "Standby"]
    autoscaling.set_desired_capacity(**GROUP, DesiredCapacity=3)
    wait(emulator)
    with refuses("ValidationError", "max-size is 3", part=True):
        autoscaling.exit_standby(**GROUP, InstanceIds=[first])
    autoscaling.delete_auto_scaling_group(**GROUP, ForceDelete=True)
    wait(emulator)
    assert autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"] == []


def test_an_unhealthy_instance_is_replaced(emulator: Emulator, aws: Aws, autoscaling: Any) -> None:
    wait(emulator)
    first, second = states(aws)
    autoscaling.set_instance_health(InstanceId=first, HealthStatus="Healthy")
    autoscaling.suspend_processes(**GROUP, ScalingProcesses=["ReplaceUnhealthy"])
    autoscaling.set_instance_health(InstanceId=first, HealthStatus="Unhealthy")
    wait(emulator)
    assert set(states(aws)) == {first, second}
    autoscaling.resume_processes(**GROUP)
    autoscaling.set_instance_health(InstanceId=first, HealthStatus="Unhealthy")
    wait(emulator)
    assert len(states(aws)) == 2 and first not in states(aws)
    with refuses("ValidationError", "HealthStatus", part=True):
        autoscaling.set_instance_health(InstanceId=second, HealthStatus="Ill")
    with refuses("ValidationError", "No managed instance found", part=True):
        autoscaling.set_instance_health(InstanceId="i-nope", HealthStatus="Unhealthy")
