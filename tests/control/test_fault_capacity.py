"""Faults of the hosts of a capacity provider: its Auto Scaling group brings another."""

from __future__ import annotations

from tests.control.test_capacity_providers import hosts, run, scene, tasks
from tests.control.test_capacity_providers import world as world
from tests.control.test_faults import add
from tests.control.world import World
from tests.services.capacity_scene import group


def test_a_group_replaces_a_host_that_spot_took(world: World) -> None:
    scene(world)
    [arn] = run(world)
    world.pass_time(10)
    [host] = hosts(world)
    add(world, "spot-interruption", instance=host["ec2InstanceId"])
    world.pass_time(110)
    assert tasks(world, [arn])[0]["lastStatus"] == "RUNNING"
    [waiting] = run(world)
    world.pass_time(30)
    [ended] = tasks(world, [arn])
    assert ended["stoppedReason"] == f"Host EC2 (instance {host['ec2InstanceId']}) terminated."
    [machine] = world.aws("ec2").describe_instances(InstanceIds=[host["ec2InstanceId"]])["Reservations"][0]["Instances"]
    assert machine["State"]["Name"] == "terminated"
    # One for the group's desired capacity, one that managed scaling brought for the task that waits.
    others = {other["ec2InstanceId"]: other["containerInstanceArn"] for other in hosts(world)}
    assert len(others) == 2
    assert host["ec2InstanceId"] not in others
    assert tasks(world, [waiting])[0]["containerInstanceArn"] in others.values()
    assert {i["InstanceId"] for i in group(world.aws)["Instances"]} == {*others}


def test_a_host_that_boots_in_a_lost_zone_has_no_agent(world: World) -> None:
    for zone in "abc":
        add(world, "zone-loss", zone=zone)
    scene(world)
    [arn] = run(world)
    world.pass_time(10)
    assert {host["agentConnected"] for host in hosts(world)} == {False}
    assert tasks(world, [arn])[0]["lastStatus"] == "PROVISIONING"
