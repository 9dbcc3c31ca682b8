"""Elastic addresses, NAT gateways and VPC endpoints, through boto3, as Terraform's VPC modules use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emulator.clock import VirtualClock
from tests.conftest import Aws
from tests.services.ecs_scene import refuses

Act = Callable[[Any], object]


@pytest.fixture
def ec2(aws: Aws) -> Any:
    return aws("ec2")


def by(name: str, *values: str) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": list(values)}]


def subnet_of(ec2: Any) -> tuple[str, str]:
    vpc = ec2.create_vpc(CidrBlock="10.3.0.0/16")["Vpc"]["VpcId"]
    return vpc, ec2.create_subnet(VpcId=vpc, CidrBlock="10.3.1.0/24")["Subnet"]["SubnetId"]


def test_a_nat_gateway_has_an_elastic_address_while_it_lives(ec2: Any, clock: VirtualClock) -> None:
    vpc, subnet = subnet_of(ec2)
    tags = [{"ResourceType": "elastic-ip", "Tags": [{"Key": "Name", "Value": "nat"}]}]
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=tags)
    assert address["PublicIp"].startswith("203.0.113.")
    made = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address["AllocationId"])["NatGateway"]
    assert (made["State"], made["VpcId"], made["ConnectivityType"]) == ("available", vpc, "public")
    [inside] = made["NatGatewayAddresses"]
    assert (inside["PublicIp"], inside["PrivateIp"]) == (address["PublicIp"], "10.3.1.254")
    gateway = made["NatGatewayId"]
    shown = ec2.describe_addresses(Filters=by("tag:Name", "nat"))["Addresses"][0]
    assert shown["NetworkInterfaceId"] == inside["NetworkInterfaceId"]
    assert ec2.describe_nat_gateways(Filter=by("vpc-id", vpc))["NatGateways"] == [made]
    eni = ec2.describe_network_interfaces(Filters=by("interface-type", "nat_gateway"))["NetworkInterfaces"][0]
    assert eni["Association"]["AllocationId"] == address["AllocationId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway)
    with refuses("InvalidIPAddress.InUse", f"Address {address['PublicIp']} is in use."):
        ec2.release_address(AllocationId=address["AllocationId"])
    with refuses("OperationNotPermitted", part=True, message="belongs to a NAT gateway"):
        ec2.disassociate_address(AssociationId=inside["AssociationId"])
    with refuses("Resource.AlreadyAssociated", part=True, message="is already associated"):
        ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address["AllocationId"])
    with refuses("DependencyViolation", f"The subnet '{subnet}' has dependencies and cannot be deleted."):
        ec2.delete_subnet(SubnetId=subnet)
    assert ec2.delete_nat_gateway(NatGatewayId=gateway)["NatGatewayId"] == gateway
    assert ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"][0]["State"] == "deleted"
    routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    assert [r["State"] for r in routes if r.get("NatGatewayId") == gateway] == ["blackhole"]
    ec2.release_address(AllocationId=address["AllocationId"])
    assert ec2.describe_addresses()["Addresses"] == []
    ec2.delete_subnet(SubnetId=subnet)
    clock.advance(3601)
    assert ec2.describe_nat_gateways()["NatGateways"] == []
    with refuses("NatGatewayNotFound", f"NAT gateway {gateway} was not found"):
        ec2.describe_nat_gateways(NatGatewayIds=[gateway])


def test_addresses_differ_between_accounts(aws: Aws, ec2: Any) -> None:
    first = ec2.allocate_address()["PublicIp"]
    other = aws("ec2", access_key="222222222222").allocate_address()["PublicIp"]
    assert first != other
    assert len(ec2.describe_addresses(PublicIps=[first])["Addresses"]) == 1
    assert len(ec2.describe_addresses_attribute(Attribute="domain-name")["Addresses"]) == 1


def test_a_private_nat_gateway_has_no_public_address(ec2: Any) -> None:
    _, subnet = subnet_of(ec2)
    made = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private", PrivateIpAddress="10.3.1.9")[
        "NatGateway"
    ]
    assert made["NatGatewayAddresses"][0]["PrivateIp"] == "10.3.1.9"
    assert "PublicIp" not in made["NatGatewayAddresses"][0]


def test_endpoints_stand_in_a_vpc(ec2: Any) -> None:
    vpc, subnet = subnet_of(ec2)
    table = ec2.describe_route_tables(Filters=by("vpc-id", vpc))["RouteTables"][0]["RouteTableId"]
    s3 = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[table])
    gateway = s3["VpcEndpoint"]
    assert (gateway["VpcEndpointType"], gateway["State"], gateway["RouteTableIds"]) == ("Gateway", "available", [table])
    with refuses("RouteAlreadyExists", part=True, message=table):
        ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[table])
    ecr = ec2.create_vpc_endpoint(
        VpcId=vpc, VpcEndpointType="Interface", ServiceName="com.amazonaws.us-east-1.ecr.api", SubnetIds=[subnet]
    )["VpcEndpoint"]
    assert ecr["Groups"][0]["GroupName"] == "default"
    eni = ec2.describe_network_interfaces(NetworkInterfaceIds=ecr["NetworkInterfaceIds"])["NetworkInterfaces"][0]
    assert (eni["InterfaceType"], eni["SubnetId"], eni["PrivateIpAddress"]) == ("vpc_endpoint", subnet, "10.3.1.254")
    assert ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"] == 250
    found = ec2.describe_vpc_endpoints(Filters=by("service-name", "*.ecr.api"))["VpcEndpoints"]
    assert [endpoint["VpcEndpointId"] for endpoint in found] == [ecr["VpcEndpointId"]]
    ec2.create_tags(Resources=[ecr["VpcEndpointId"]], Tags=[{"Key": "a", "Value": "b"}])
    assert (
        ec2.describe_tags(Filters=by("resource-type", "vpc-endpoint"))["Tags"][0]["ResourceId"] == ecr["VpcEndpointId"]
    )
    with refuses("DependencyViolation", part=True, message="has dependencies"):
        ec2.delete_subnet(SubnetId=subnet)
    lost = ec2.delete_vpc_endpoints(VpcEndpointIds=[gateway["VpcEndpointId"], ecr["VpcEndpointId"], "vpce-1"])
    assert [item["Error"]["Code"] for item in lost["Unsuccessful"]] == ["InvalidVpcEndpoint.NotFound"]
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)


def test_prefix_lists_of_services(ec2: Any) -> None:
    [s3] = ec2.describe_prefix_lists(Filters=by("prefix-list-name", "com.amazonaws.us-east-1.s3"))["PrefixLists"]
    assert ec2.describe_prefix_lists(PrefixListIds=[s3["PrefixListId"]])["PrefixLists"] == [s3]


@pytest.mark.parametrize(
    ("act", "code", "message"),
    [
        (lambda ec2: ec2.release_address(AllocationId="eipalloc-1"), "InvalidAllocationID.NotFound", "'eipalloc-1'"),
        (lambda ec2: ec2.release_address(), "MissingParameter", "allocation id must be specified"),
        (lambda ec2: ec2.release_address(PublicIp="1.2.3.4"), "InvalidParameterCombination", "allocation id"),
        (lambda ec2: ec2.describe_addresses(PublicIps=["1.2.3.4"]), "InvalidAddress.NotFound", "'1.2.3.4' not found"),
        (lambda ec2: ec2.describe_addresses(Filters=by("x", "y")), "InvalidParameterValue", "The filter 'x'"),
        (
            lambda ec2: ec2.describe_addresses_attribute(AllocationIds=["eipalloc-1"], Attribute="domain-name"),
            "InvalidAllocationID.NotFound",
            "'eipalloc-1'",
        ),
        (
            lambda ec2: ec2.disassociate_address(AssociationId="eipassoc-1"),
            "InvalidAssociationID.NotFound",
            "'eipassoc-1'",
        ),
        (lambda ec2: ec2.disassociate_address(), "MissingParameter", "association id"),
        (lambda ec2: ec2.allocate_address(Domain="standard"), "InvalidParameterValue", "outside a VPC"),
        (lambda ec2: ec2.create_nat_gateway(), "MissingParameter", "subnetId"),
        (lambda ec2: ec2.create_nat_gateway(SubnetId="subnet-1"), "InvalidSubnetID.NotFound", "'subnet-1'"),
        (
            lambda ec2: ec2.create_nat_gateway(SubnetId=subnet_of(ec2)[1]),
            "MissingParameter",
            "must include the AllocationId",
        ),
        (
            lambda ec2: ec2.create_nat_gateway(SubnetId=subnet_of(ec2)[1], PrivateIpAddress="10.9.0.1"),
            "InvalidParameterValue",
            "does not fall within",
        ),
        (lambda ec2: ec2.delete_nat_gateway(NatGatewayId="nat-1"), "NatGatewayNotFound", "nat-1"),
        (
            lambda ec2: ec2.create_vpc_endpoint(VpcId="vpc-1", ServiceName="com.amazonaws.us-east-1.s3"),
            "InvalidVpcID.NotFound",
            "'vpc-1'",
        ),
        (
            lambda ec2: ec2.create_vpc_endpoint(VpcId=subnet_of(ec2)[0], ServiceName="com.amazonaws.us-east-1.nope"),
            "InvalidServiceName",
            "does not exist",
        ),
        (
            lambda ec2: ec2.create_vpc_endpoint(VpcId=subnet_of(ec2)[0], ServiceName="x", VpcEndpointType="Resource"),
            "NotEmulatedYet",
            "type Resource",
        ),
        (
            lambda ec2: ec2.describe_vpc_endpoints(VpcEndpointIds=["vpce-1"]),
            "InvalidVpcEndpointId.NotFound",
            "'vpce-1'",
        ),
        (lambda ec2: ec2.delete_vpc_endpoints(), "MissingParameter", "vpcEndpointIds"),
        (lambda ec2: ec2.describe_prefix_lists(PrefixListIds=["pl-1"]), "InvalidPrefixListID.NotFound", "'pl-1'"),
    ],
)
def test_refusals(ec2: Any, act: Act, code: str, message: str) -> None:
    with refuses(code, message, part=True):
        act(ec2)
