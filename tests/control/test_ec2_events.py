"""What EventBridge would be told of instances and Auto Scaling groups."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.app import Emulator
from emulator.clock import VirtualClock
from emulator.domain.event_words import event_words, resource_of
from emulator.events.eventbridge import Wanted, newest
from tests.conftest import Aws
from tests.control.world import World
from tests.services.capacity_scene import group, make_group, make_template, user_data


@pytest.fixture
def world(emulator: Emulator, clock: VirtualClock, aws: Aws) -> World:
    aws("ecs").create_cluster(clusterName="c")
    make_template(aws, UserData=user_data("c"))
    return World(emulator, clock, aws)


def events(world: World, source: str, of: str = "") -> list[dict[str, Any]]:
    with world.emulator.database.read() as reader:
        return [e.whole for e in newest(reader, Wanted(of), 1000) if e.whole["source"] == source]


def test_a_group_that_replaces_a_host_tells_of_it(world: World) -> None:
    make_group(world.aws, DesiredCapacity=1)
    world.pass_time(10)
    [instance] = group(world.aws)["Instances"]
    world.aws("ec2").terminate_instances(InstanceIds=[instance["InstanceId"]])
    world.pass_time(10)
    states = [e["detail"]["state"] for e in events(world, "aws.ec2", instance["InstanceId"])]
    assert states == ["pending", "running", "shutting-down", "terminated"]
    told = events(world, "aws.autoscaling")
    assert [e["detail-type"] for e in told] == [
        "EC2 Instance Launch Successful", "EC2 Instance Terminate Successful", "EC2 Instance Launch Successful",
    ]  # fmt: skip
    first = told[0]
    assert first["resources"] == [
        group(world.aws)["AutoScalingGroupARN"],
        f"arn:aws:ec2:us-east-1:123456789012:instance/{instance['InstanceId']}",
    ]
    detail = first["detail"]
    assert (detail["EC2InstanceId"], detail["Origin"], detail["Destination"]) == (
        instance["InstanceId"], "EC2", "AutoScalingGroup",
    )  # fmt: skip
    assert detail["Details"]["Availability Zone"] == instance["AvailabilityZone"]
    assert event_words(first).startswith(f"{instance['InstanceId']}: At ")
    assert resource_of(first).startswith("autoScalingGroup:")
    everything = [*events(world, "aws.ec2"), *told]
    assert len({e["id"] for e in everything}) == len(everything)


def test_a_launch_that_fails_is_told(world: World) -> None:
    ec2 = world.aws("ec2")
    make_group(world.aws, DesiredCapacity=0)
    ec2.delete_launch_template(LaunchTemplateName="hosts")
    world.aws("autoscaling").set_desired_capacity(AutoScalingGroupName="hosts", DesiredCapacity=1)
    world.pass_time(1)
    [told] = events(world, "aws.autoscaling")
    assert told["detail-type"] == "EC2 Instance Launch Unsuccessful" and len(told["resources"]) == 1
    assert "does not exist" in event_words(told)


def test_spot_warns_before_it_takes_a_host(world: World) -> None:
    run = world.aws("ec2").run_instances(
        ImageId="ami-ecs", InstanceType="t3.micro", MinCount=1, MaxCount=1,
        UserData="#!/bin/bash\necho ECS_CLUSTER=c >> /etc/ecs/ecs.config",
    )  # fmt: skip
    instance = run["Instances"][0]["InstanceId"]
    world.pass_time(10)
    world.emulator.plane.faults.add(
        {"kind": "spot-interruption", "instance": instance}, account="123456789012", region="us-east-1"
    )
    world.pass_time(130)
    told = events(world, "aws.ec2", instance)
    assert [e["detail"].get("state") or e["detail"]["instance-action"] for e in told] == [
        "pending", "running", "terminate", "shutting-down", "terminated",
    ]  # fmt: skip
    assert told[2]["detail-type"] == "EC2 Spot Instance Interruption Warning"
    assert event_words(told[2]) == f"instance-id {instance}, instance-action terminate"
