"""How tasks are reached on the real engine: public addresses, and VPCs of one's own with their subnets' addresses."""

from __future__ import annotations

import urllib.request
from typing import Any

import pytest

from tests.docker.homeport import Homeport, container, engine, eventually

pytestmark = pytest.mark.docker

PUBLIC = {"awsvpcConfiguration": {"subnets": ["subnet-aaaa"], "assignPublicIp": "ENABLED"}}
WEB = {"portMappings": [{"containerPort": 80}]}


def page(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}/", timeout=5) as answer:
        return str(answer.read().decode())


def answers(address: str) -> str:
    """What it serves, once it does."""

    def look() -> str:
        try:
            return page(address)
        except OSError:
            return ""

    return str(eventually(look))


def interface(homeport: Homeport, arn: str) -> dict[str, Any]:
    details = {d["name"]: d["value"] for d in homeport.task(arn)["attachments"][0]["details"]}
    shown = homeport.client("ec2").describe_network_interfaces(NetworkInterfaceIds=[details["networkInterfaceId"]])
    found: dict[str, Any] = shown["NetworkInterfaces"][0]
    assert found["PrivateIpAddress"] == details["privateIPv4Address"]
    return found


def published_by(homeport: Homeport) -> set[str]:
    """Addresses of this host on which its containers are reached."""
    listed = engine().containers(filters={"label": [f"homeport.instance={homeport.instance}"]})
    return {port["IP"] for each in listed for port in each["Ports"] if "IP" in port}


def launch(homeport: Homeport, family: str, network: dict[str, Any]) -> str:
    ecs = homeport.client("ecs")
    started = ecs.run_task(taskDefinition=family, launchType="FARGATE", networkConfiguration=network)
    assert started["failures"] == []
    arn = str(started["tasks"][0]["taskArn"])
    homeport.running(arn)
    return arn


def test_two_tasks_on_one_port_each_have_a_public_address(homeport: Homeport) -> None:
    homeport.define("public", container(**WEB))
    arns = [launch(homeport, "public", PUBLIC) for _ in range(2)]
    url = f"http://{interface(homeport, arns[1])['PrivateDnsName']}/"
    inside = engine().exec_create(
        homeport.containers(arns[0])["app"]["Id"], ["sh", "-c", f"until wget -q -O - {url}; do sleep 0.2; done"]
    )
    assert b"Hello" in engine().exec_start(inside["Id"])  # tasks of a VPC know each other's names
    addresses = [interface(homeport, arn)["Association"]["PublicIp"] for arn in arns]
    assert len(set(addresses)) == 2
    assert all(address.startswith("127.") and address != "127.0.0.1" for address in addresses)
    for arn, address in zip(arns, addresses, strict=True):
        assert answers(address)
        status = next(t for t in homeport.admin("status")["tasks"] if t["id"] == arn.rpartition("/")[2])
        assert status["reach"][0] == f"{address}:80"
        assert page(status["reach"][1])  # the private address
        assert address in published_by(homeport)
    for arn in arns:
        homeport.stop_task(arn)
        homeport.stopped(arn)
    assert addresses[0] not in published_by(homeport)


def test_a_task_in_a_vpc_of_ones_own_has_an_address_of_its_subnet(homeport: Homeport) -> None:
    ec2 = homeport.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.77.3.0/24", AvailabilityZone="us-east-1b")["Subnet"]["SubnetId"]
    homeport.define("own-vpc", container(portMappings=[{"containerPort": 80}, {"containerPort": 8080}]))
    network = {"awsvpcConfiguration": {"subnets": [subnet]}}
    arn = launch(homeport, "own-vpc", network)
    shown = interface(homeport, arn)
    assert (shown["PrivateIpAddress"], shown["VpcId"], shown["AvailabilityZone"]) == ("10.77.3.4", vpc, "us-east-1b")
    assert answers("10.77.3.4")
    status = next(task for task in homeport.admin("status")["tasks"] if task["id"] == arn.rpartition("/")[2])
    unheard = [text for text in status["warnings"] if "listens" in text]
    assert unheard == ["nothing listens on port 8080/tcp of container app; what listens in the task is on 80"]
    assert homeport.task(arn)["availabilityZone"] == "us-east-1b"
    homeport.stop_task(arn)
    homeport.stopped(arn)
    ec2.delete_subnet(SubnetId=subnet)
    bridge = {"label": [f"homeport.vpc={vpc}"]}
    assert engine().networks(filters=bridge)
    ec2.delete_vpc(VpcId=vpc)
    eventually(lambda: not engine().networks(filters=bridge))
