"""Network interfaces that users make, and addresses that they get, through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emulator.clock import VirtualClock
from tests.conftest import Aws
from tests.services.ecs_scene import refuses
from tests.services.test_ec2_ways_out import by, subnet_of


@pytest.fixture
def ec2(aws: Aws) -> Any:
    return aws("ec2")


def make(ec2: Any, subnet: str, **members: Any) -> dict[str, Any]:
    made: dict[str, Any] = ec2.create_network_interface(SubnetId=subnet, **members)["NetworkInterface"]
    return made


def test_an_interface_of_ones_own(ec2: Any) -> None:
    vpc, subnet = subnet_of(ec2)
    web = ec2.create_security_group(GroupName="web", Description="w", VpcId=vpc)["GroupId"]
    tags = [{"ResourceType": "network-interface", "Tags": [{"Key": "Name", "Value": "mine"}]}]
    own = make(ec2, subnet, Description="d", Groups=[web], PrivateIpAddress="10.3.1.77", TagSpecifications=tags)
    assert (own["Status"], own["PrivateIpAddress"], own["RequesterManaged"], own["VpcId"]) == (
        "available", "10.3.1.77", False, vpc,
    )  # fmt: skip
    assert own["PrivateDnsName"] == "ip-10-3-1-77.ec2.internal" and own["MacAddress"].startswith("02:")
    interface = own["NetworkInterfaceId"]
    for filters in (by("status", "available"), by("tag:Name", "mine"), by("group-id", web), by("description", "d")):
        [shown] = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
        assert shown == own
    other = make(ec2, subnet)
    assert [g["GroupName"] for g in other["Groups"]] == ["default"] and other["PrivateIpAddress"] == "10.3.1.254"
    assert ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"] == 249
    with refuses("InvalidIPAddress.InUse", "Address 10.3.1.77 is in use."):
        make(ec2, subnet, PrivateIpAddress="10.3.1.77")
    for dependent in (
        lambda: ec2.delete_subnet(SubnetId=subnet),
        lambda: ec2.delete_security_group(GroupId=web),
    ):
        with refuses("DependencyViolation"):
            dependent()
    for change in (
        {"Description": {"Value": "e"}},
        {"Groups": [group["GroupId"] for group in other["Groups"]]},
        {"SourceDestCheck": {"Value": False}},
    ):
        ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, **change)
    [changed] = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"]
    assert (changed["Description"], changed["SourceDestCheck"], changed["Groups"]) == ("e", False, other["Groups"])
    ec2.create_tags(Resources=[interface], Tags=[{"Key": "a", "Value": "b"}])
    assert len(ec2.describe_tags(Filters=by("resource-type", "network-interface"))["Tags"]) == 2
    for mine in (interface, other["NetworkInterfaceId"]):
        ec2.delete_network_interface(NetworkInterfaceId=mine)
    ec2.delete_security_group(GroupId=web)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)


def test_a_repeated_request_makes_one(ec2: Any) -> None:
    _, subnet = subnet_of(ec2)
    first, again = (ec2.create_network_interface(SubnetId=subnet, ClientToken="t") for _ in range(2))
    assert first["NetworkInterface"] == again["NetworkInterface"] and again["ClientToken"] == "t"


def test_an_elastic_address_moves(ec2: Any) -> None:
    _, subnet = subnet_of(ec2)
    one, two = (make(ec2, subnet)["NetworkInterfaceId"] for _ in range(2))
    allocation = ec2.allocate_address(Domain="vpc")
    address = {"AllocationId": allocation["AllocationId"]}
    first = ec2.associate_address(NetworkInterfaceId=one, **address)["AssociationId"]
    assert ec2.associate_address(NetworkInterfaceId=one, **address)["AssociationId"] == first
    [shown] = ec2.describe_network_interfaces(Filters=by("association.public-ip", allocation["PublicIp"]))[
        "NetworkInterfaces"
    ]
    association = shown["Association"]
    assert (shown["NetworkInterfaceId"], association["AssociationId"], association["IpOwnerId"]) == (
        one, first, "123456789012",
    )  # fmt: skip
    with refuses("Resource.AlreadyAssociated", part=True, message=first):
        ec2.associate_address(NetworkInterfaceId=two, **address)
    with refuses("InvalidIPAddress.InUse"):
        ec2.release_address(**address)
    second = ec2.associate_address(NetworkInterfaceId=two, PublicIp=allocation["PublicIp"], AllowReassociation=True)[
        "AssociationId"
    ]
    assert ec2.describe_addresses(AllocationIds=[address["AllocationId"]])["Addresses"][0]["NetworkInterfaceId"] == two
    ec2.disassociate_address(AssociationId=second)
    assert "AssociationId" not in ec2.describe_addresses()["Addresses"][0]
    with refuses("InvalidAssociationID.NotFound"):
        ec2.disassociate_address(AssociationId=second)
    ec2.associate_address(NetworkInterfaceId=one, **address)
    ec2.disassociate_address(PublicIp=allocation["PublicIp"])
    ec2.associate_address(NetworkInterfaceId=one, **address)
    ec2.delete_network_interface(NetworkInterfaceId=one)
    ec2.release_address(**address)
    assert ec2.describe_addresses()["Addresses"] == []


def test_what_others_run_is_theirs(ec2: Any, clock: VirtualClock) -> None:
    _, subnet = subnet_of(ec2)
    allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ec2.create_nat_gateway(SubnetId=subnet, AllocationId=allocation)
    [theirs] = ec2.describe_network_interfaces(Filters=by("requester-managed", "true"))["NetworkInterfaces"]
    interface = theirs["NetworkInterfaceId"]
    with refuses("InvalidNetworkInterface.InUse", f"Network interface '{interface}' is currently in use."):
        ec2.delete_network_interface(NetworkInterfaceId=interface)
    with refuses("OperationNotPermitted", part=True, message="amazon-aws"):
        ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Description={"Value": "mine"})
    with refuses("Resource.AlreadyAssociated", part=True, message="is already associated"):
        ec2.associate_address(
            NetworkInterfaceId=make(ec2, subnet)["NetworkInterfaceId"], AllocationId=allocation, AllowReassociation=True
        )


Act = Callable[[Any, str], object]


@pytest.mark.parametrize(
    ("act", "code", "message"),
    [
        (lambda ec2, subnet: make(ec2, "subnet-0"), "InvalidSubnetID.NotFound", "'subnet-0'"),
        (lambda ec2, subnet: make(ec2, subnet, PrivateIpAddress="10.9.0.9"), "InvalidParameterValue", "fall within"),
        (lambda ec2, subnet: make(ec2, subnet, PrivateIpAddress="10.3.1.1"), "InvalidParameterValue", "reserved"),
        (lambda ec2, subnet: make(ec2, subnet, PrivateIpAddress="x"), "InvalidParameterValue", "Invalid IPv4"),
        (lambda ec2, subnet: make(ec2, subnet, Groups=["sg-0"]), "InvalidGroup.NotFound", "'sg-0'"),
        (
            lambda ec2, subnet: make(ec2, subnet, Groups=[default_group(ec2)]),
            "InvalidParameterValue",
            "different networks",
        ),
        (
            lambda ec2, subnet: make(ec2, subnet, Groups=[f"sg-{i}" for i in range(6)]),
            "SecurityGroupsPerInterfaceLimitExceeded",
            "(5)",
        ),
        (lambda ec2, subnet: make(ec2, subnet, Ipv6AddressCount=1), "NotEmulatedYet", "Ipv6AddressCount"),
        (lambda ec2, subnet: make(ec2, subnet, InterfaceType="trunk"), "NotEmulatedYet", "InterfaceType"),
        (
            lambda ec2, subnet: make(
                ec2,
                subnet,
                PrivateIpAddresses=[{"PrivateIpAddress": f"10.3.1.{n}", "Primary": n == 9} for n in (9, 10)],
            ),
            "NotEmulatedYet",
            "secondary addresses",
        ),
        (
            lambda ec2, subnet: ec2.delete_network_interface(NetworkInterfaceId="eni-0"),
            "InvalidNetworkInterfaceID.NotFound",
            "'eni-0'",
        ),
        (
            lambda ec2, subnet: ec2.modify_network_interface_attribute(NetworkInterfaceId="eni-0"),
            "InvalidNetworkInterfaceID.NotFound",
            "'eni-0'",
        ),
        (
            lambda ec2, subnet: ec2.modify_network_interface_attribute(
                NetworkInterfaceId=make(ec2, subnet)["NetworkInterfaceId"]
            ),
            "InvalidParameterCombination",
            "exactly one attribute",
        ),
        (
            lambda ec2, subnet: ec2.associate_address(NetworkInterfaceId=make(ec2, subnet)["NetworkInterfaceId"]),
            "MissingParameter",
            "allocation id must be specified",
        ),
        (lambda ec2, subnet: ec2.associate_address(AllocationId="eipalloc-0"), "MissingParameter", "interface id"),
        (lambda ec2, subnet: ec2.associate_address(InstanceId="i-0"), "NotEmulatedYet", "addresses of instances"),
        (
            lambda ec2, subnet: ec2.associate_address(
                PublicIp="1.2.3.4", NetworkInterfaceId=make(ec2, subnet)["NetworkInterfaceId"]
            ),
            "InvalidAddress.NotFound",
            "'1.2.3.4'",
        ),
        (
            lambda ec2, subnet: ec2.create_nat_gateway(SubnetId=subnet, PrivateIpAddress="x"),
            "InvalidParameterValue",
            "Invalid IPv4 address: x",
        ),
    ],
)
def test_refusals(ec2: Any, act: Act, code: str, message: str) -> None:
    _, subnet = subnet_of(ec2)
    with refuses(code, message, part=True):
        act(ec2, subnet)


def default_group(ec2: Any) -> str:
    vpc = ec2.describe_vpcs(Filters=by("is-default", "true"))["Vpcs"][0]["VpcId"]
    [group] = ec2.describe_security_groups(Filters=[*by("vpc-id", vpc), *by("group-name", "default")])["SecurityGroups"]
    return str(group["GroupId"])


@pytest.mark.parametrize(
    ("call", "members", "prefix", "code"),
    [
        ("describe_vpcs", "VpcIds", "vpc", "InvalidVpcID.Malformed"),
        ("describe_subnets", "SubnetIds", "subnet", "InvalidSubnetID.Malformed"),
        ("describe_route_tables", "RouteTableIds", "rtb", "InvalidRouteTableId.Malformed"),
        ("describe_internet_gateways", "InternetGatewayIds", "igw", "InvalidInternetGatewayId.Malformed"),
        ("describe_security_groups", "GroupIds", "sg", "InvalidGroupId.Malformed"),
        ("describe_security_group_rules", "SecurityGroupRuleIds", "sgr", "InvalidSecurityGroupRuleId.Malformed"),
        ("describe_network_acls", "NetworkAclIds", "acl", "InvalidNetworkAclId.Malformed"),
        ("describe_network_interfaces", "NetworkInterfaceIds", "eni", "InvalidNetworkInterfaceId.Malformed"),
        ("describe_instances", "InstanceIds", "i", "InvalidInstanceID.Malformed"),
        ("terminate_instances", "InstanceIds", "i", "InvalidInstanceID.Malformed"),
        ("describe_launch_templates", "LaunchTemplateIds", "lt", "InvalidLaunchTemplateId.Malformed"),
        ("describe_vpc_endpoints", "VpcEndpointIds", "vpce", "InvalidVpcEndpointId.Malformed"),
        ("describe_nat_gateways", "NatGatewayIds", "nat", "NatGatewayMalformed"),
        ("describe_dhcp_options", "DhcpOptionsIds", "dopt", "InvalidDhcpOptionsId.Malformed"),
        ("describe_managed_prefix_lists", "PrefixListIds", "pl", "InvalidPrefixListId.Malformed"),
    ],
)
def test_what_is_no_id_is_malformed(ec2: Any, call: str, members: str, prefix: str, code: str) -> None:
    with refuses(code, f'Invalid id: "web" (expecting "{prefix}-...")'):
        getattr(ec2, call)(**{members: ["web"]})
    with refuses(code, f'Invalid id: "{prefix}-web"'):
        getattr(ec2, call)(**{members: [f"{prefix}-web"]})


def test_a_dry_run_changes_nothing(ec2: Any) -> None:
    _, subnet = subnet_of(ec2)
    with refuses("DryRunOperation", "Request would have succeeded, but DryRun flag is set."):
        make(ec2, subnet, DryRun=True)
    with refuses("InvalidGroup.NotFound"):
        make(ec2, subnet, DryRun=True, Groups=["sg-0"])
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []
