"""Addresses of awsvpc tasks: of their subnet, and public ones on this host's loopback interface."""

from __future__ import annotations

from typing import Any

from emulator.domain.networks.reach import addresses, sentences
from emulator.domain.tasks.task import Task
from emulator.engine.base import ContainerStartFailed
from emulator.store.ecs_tables import TASKS
from tests.control.world import World, container
from tests.services.ecs_scene import refuses

WEB = {"portMappings": [{"containerPort": 80}]}


def public(world: World, **members: Any) -> str:
    network = {"awsvpcConfiguration": {"subnets": ["subnet-aaaa"], "assignPublicIp": "ENABLED"}}
    answer = world.ecs.run_task(taskDefinition="web", launchType="FARGATE", networkConfiguration=network, **members)
    assert answer["failures"] == []
    world.settle()
    return str(answer["tasks"][0]["taskArn"])


def record(world: World, arn: str) -> Task:
    with world.emulator.database.read() as reader:
        return next(task for task in reader.find(TASKS) if task.arn == arn)


def reach(world: World, arn: str) -> list[str]:
    task = record(world, arn)
    assert len(sentences(task)) == 2
    return addresses(task)


def test_every_task_has_a_public_address_of_its_own(world: World) -> None:
    world.image()
    world.define(container(**WEB))
    arns = [public(world) for _ in range(2)]
    shown = world.aws("ec2").describe_network_interfaces()["NetworkInterfaces"]
    addresses = sorted(eni["Association"]["PublicIp"] for eni in shown)
    assert len(set(addresses)) == 2
    assert sorted(reach(world, arn)[0] for arn in arns) == [f"{address}:80" for address in addresses]
    found = world.aws("ec2").describe_network_interfaces(
        Filters=[{"Name": "association.public-ip", "Values": addresses[:1]}]
    )
    assert len(found["NetworkInterfaces"]) == 1


def test_a_port_that_a_stranger_has_is_looked_for_on_another_address(world: World) -> None:
    world.image()
    world.define(container(**WEB))
    seen: list[str] = []

    def refuse(when: str, call: str, arguments: tuple[Any, ...]) -> None:
        if (when, call) != ("before", "start_container") or seen:
            return
        [port] = world.engine.spec(arguments[0]).ports
        seen.append(port.host_ip)
        raise ContainerStartFailed(f"Bind for {port.host_ip}:80 failed: port is already allocated", 500)

    world.engine.on_call = refuse
    arn = public(world)
    assert world.task(arn)["lastStatus"] == "RUNNING"
    assert reach(world, arn)[0] not in (f"{seen[0]}:80", "")


def test_a_port_that_no_address_has_free_is_another_one_outside(world: World) -> None:
    """As when Homeport itself serves port 80 of every address: the task runs, and where it answers is told."""
    world.image()
    world.define(container(portMappings=[{"containerPort": 80}, {"containerPort": 81}, {"containerPort": 443}]))

    def refuse(when: str, call: str, arguments: tuple[Any, ...]) -> None:
        if (when, call) == ("before", "start_container"):
            for port in world.engine.spec(arguments[0]).ports:
                if port.host_port in (80, 443):
                    said = f"listen tcp4 {port.host_ip}:{port.host_port}: bind: address already in use"
                    raise ContainerStartFailed(f"Error starting userland proxy: {said}", 500)

    world.engine.on_call = refuse
    task = record(world, public(world))
    assert task.last_status == "RUNNING"
    eni = task.eni
    assert eni is not None and eni.public_ip is not None and eni.public_ip.startswith("127.")
    outside = {binding.container_port: binding.host_port for binding in eni.public_ports}
    assert outside.keys() == {80, 81, 443} and outside[81] == 81
    assert outside[80] not in (0, 80) and outside[443] not in (0, 443)
    assert addresses(task)[0] == f"{eni.public_ip}:{outside[80]}"
    assert any(text.startswith("port 80, 443 is in use on every address of this host") for text in task.warnings)


def test_what_the_engine_says_of_an_interface_is_told(world: World) -> None:
    world.image()
    world.define(container(**WEB))

    def refuse(when: str, call: str, arguments: tuple[Any, ...]) -> None:
        if (when, call) == ("before", "start_container") and world.engine.spec(arguments[0]).ports:
            host = world.engine.spec(arguments[0]).ports[0].host_ip
            raise ContainerStartFailed(f"no good: {host}", 500)

    world.engine.on_call = refuse
    arn = public(world)
    world.pass_time(1)
    assert world.stopped(arn)[1].startswith(
        "ResourceInitializationError: the task's network interface could not be attached: no good: 127."
    )


def test_a_host_with_one_loopback_address_maps_the_ports(world: World) -> None:
    world.image()
    world.define(container(**WEB))

    def refuse(when: str, call: str, arguments: tuple[Any, ...]) -> None:
        if (when, call) == ("before", "start_container"):
            for port in world.engine.spec(arguments[0]).ports:
                if port.host_ip != "127.0.0.1":
                    raise ContainerStartFailed("listen tcp4: bind: cannot assign requested address", 500)

    world.engine.on_call = refuse
    arns = [public(world) for _ in range(2)]
    assert [reach(world, arn)[0] for arn in arns] == ["127.0.0.1:32768", "127.0.0.1:32769"]
    interfaces = world.aws("ec2").describe_network_interfaces()["NetworkInterfaces"]
    assert {eni["Association"]["PublicIp"] for eni in interfaces} == {"127.0.0.1"}


def test_a_public_address_without_ports_is_said_to_answer_on_none(world: World) -> None:
    world.image()
    world.define(container())
    arn = public(world)
    assert record(world, arn).warnings[-1].endswith("the task definition has none, so on no port")


def vpc_of(world: World, cidr: str, subnet: str) -> tuple[str, str]:
    ec2 = world.aws("ec2")
    vpc = ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
    return vpc, ec2.create_subnet(VpcId=vpc, CidrBlock=subnet)["Subnet"]["SubnetId"]


def run_in(world: World, subnets: list[str], **members: Any) -> Any:
    network = {"awsvpcConfiguration": {"subnets": subnets, **members}}
    answer = world.ecs.run_task(taskDefinition="web", launchType="FARGATE", networkConfiguration=network)
    world.settle()
    return world.task(answer["tasks"][0]["taskArn"])


def private_address(task: dict[str, Any]) -> str:
    return str(task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"])


def test_two_vpcs_of_one_range_have_a_bridge_each_and_the_second_elsewhere(world: World) -> None:
    world.image()
    world.define(container())
    first, second = vpc_of(world, "10.4.0.0/16", "10.4.9.0/24"), vpc_of(world, "10.4.0.0/16", "10.4.9.0/24")
    tasks = [run_in(world, [subnet]) for _, subnet in (first, second)]
    assert [private_address(task) for task in tasks] == ["10.4.9.4", "10.215.9.4"]
    ec2 = world.aws("ec2")
    for (vpc, subnet), task in zip((first, second), tasks, strict=True):
        with refuses("DependencyViolation", part=True, message="has dependencies"):
            ec2.delete_subnet(SubnetId=subnet)
        world.ecs.stop_task(task=task["taskArn"])
        world.pass_time(1)
        ec2.delete_subnet(SubnetId=subnet)
        ec2.delete_vpc(VpcId=vpc)
    world.settle()
    assert world.engine.list_networks({}) == []
    third = run_in(world, [vpc_of(world, "10.4.0.0/16", "10.4.9.0/24")[1]])
    assert private_address(third).startswith("10.4.9.")


def test_a_new_subnet_takes_the_place_of_a_deleted_one(world: World) -> None:
    world.image()
    world.define(container())
    vpc, subnet = vpc_of(world, "10.4.0.0/16", "10.4.0.0/20")
    task = run_in(world, [subnet])
    world.ecs.stop_task(task=task["taskArn"])
    world.pass_time(1)
    ec2 = world.aws("ec2")
    ec2.delete_subnet(SubnetId=subnet)
    again = ec2.create_subnet(VpcId=vpc, CidrBlock="10.4.8.0/24")["Subnet"]["SubnetId"]
    assert private_address(run_in(world, [again])).startswith("10.4.8.")


def test_subnets_and_groups_of_a_task_are_of_one_vpc(world: World) -> None:
    world.image()
    world.define(container())
    vpc, subnet = vpc_of(world, "10.4.0.0/16", "10.4.0.0/20")
    default = world.aws("ec2").describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    with refuses("InvalidParameterException", "The specified subnets must belong to the same VPC."):
        run_in(world, [subnet, default[0]["SubnetId"]])
    group = world.aws("ec2").create_security_group(GroupName="g", Description="d")["GroupId"]
    with refuses("InvalidParameterException", part=True, message="belong to different networks"):
        run_in(world, [subnet], securityGroups=[group])
    eni = run_in(world, [subnet])["attachments"][0]
    [shown] = world.aws("ec2").describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [vpc]}])[
        "NetworkInterfaces"
    ]
    assert shown["Description"].endswith(eni["id"])
    assert shown["Groups"][0]["GroupName"] == "default"


def test_a_public_address_answers_where_routes_lead_out(world: World) -> None:
    world.image()
    world.define(container(**WEB))
    vpc, subnet = vpc_of(world, "10.4.0.0/16", "10.4.0.0/20")
    inside = run_in(world, [subnet], assignPublicIp="ENABLED")["taskArn"]
    assert record(world, inside).warnings[-1].endswith("so its public address answers nobody, as on AWS")
    ec2 = world.aws("ec2")
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    [table] = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    outside = run_in(world, [subnet], assignPublicIp="ENABLED")["taskArn"]
    assert reach(world, outside)[0].endswith(":80")
    with refuses("DependencyViolation", part=True, message="has some mapped public address(es)"):
        ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    for arn in (inside, outside):
        world.ecs.stop_task(task=arn)
    world.pass_time(1)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
