"""What EC2 tells of a task's network interface is what its pause container has."""

from __future__ import annotations

from typing import Any

from tests.control.world import World, container
from tests.services.ecs_scene import refuses


def _interfaces(world: World, name: str, value: str) -> list[dict[str, Any]]:
    filters = [{"Name": name, "Values": [value]}]
    found: list[dict[str, Any]] = world.aws("ec2").describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    return found


def test_a_running_task_has_an_interface_and_a_stopped_one_none(world: World) -> None:
    world.image()
    world.define(container())
    arn = world.run()
    world.settle()
    attachment = world.task(arn)["attachments"][0]
    details = {d["name"]: d["value"] for d in attachment["details"]}
    eni = _interfaces(world, "network-interface-id", details["networkInterfaceId"])[0]
    assert eni["Description"] == f"arn:aws:ecs:us-east-1:123456789012:attachment/{attachment['id']}"
    assert (eni["PrivateIpAddress"], eni["MacAddress"]) == (details["privateIPv4Address"], details["macAddress"])
    assert (eni["Status"], eni["RequesterManaged"], eni["SubnetId"]) == ("in-use", True, details["subnetId"])
    assert _interfaces(world, "group-id", eni["Groups"][0]["GroupId"]) == [eni]
    ec2 = world.aws("ec2")
    assert ec2.describe_network_interfaces(NetworkInterfaceIds=[eni["NetworkInterfaceId"]])["NetworkInterfaces"] == [
        eni
    ]
    world.ecs.stop_task(task=arn)
    world.settle()
    assert _interfaces(world, "subnet-id", details["subnetId"]) == []
    with refuses("InvalidNetworkInterfaceID.NotFound", part=True, message="does not exist"):
        ec2.describe_network_interfaces(NetworkInterfaceIds=[eni["NetworkInterfaceId"]])
