"""VPCs, subnets, route tables, internet gateways, zones and tags, through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Aws
from tests.services.ecs_scene import refuses

Act = Callable[[Any], object]


@pytest.fixture
def ec2(aws: Aws) -> Any:
    return aws("ec2")


def by(name: str, *values: str) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": list(values)}]


def default_vpc(ec2: Any) -> str:
    return str(ec2.describe_vpcs(Filters=by("is-default", "true"))["Vpcs"][0]["VpcId"])


def test_every_account_has_a_default_vpc(ec2: Any) -> None:
    vpc = ec2.describe_vpcs()["Vpcs"][0]
    assert (vpc["CidrBlock"], vpc["IsDefault"], vpc["State"]) == ("172.31.0.0/16", True, "available")
    assert vpc["CidrBlockAssociationSet"][0]["CidrBlock"] == "172.31.0.0/16"
    subnets = ec2.describe_subnets(Filters=by("vpc-id", vpc["VpcId"]))["Subnets"]
    assert sorted((s["AvailabilityZone"], s["AvailabilityZoneId"], s["CidrBlock"]) for s in subnets) == [
        ("us-east-1a", "use1-az1", "172.31.0.0/20"),
        ("us-east-1b", "use1-az2", "172.31.16.0/20"),
        ("us-east-1c", "use1-az3", "172.31.32.0/20"),
    ]
    assert all(s["DefaultForAz"] and s["MapPublicIpOnLaunch"] and s["AvailableIpAddressCount"] == 4091 for s in subnets)
    main = ec2.describe_route_tables(Filters=by("association.main", "true"))["RouteTables"][0]
    gateway = ec2.describe_internet_gateways(Filters=by("attachment.vpc-id", vpc["VpcId"]))["InternetGateways"][0]
    assert {r["DestinationCidrBlock"]: r["GatewayId"] for r in main["Routes"]} == {
        "172.31.0.0/16": "local",
        "0.0.0.0/0": gateway["InternetGatewayId"],
    }
    for attribute, member in (("enableDnsSupport", "EnableDnsSupport"), ("enableDnsHostnames", "EnableDnsHostnames")):
        shown = ec2.describe_vpc_attribute(VpcId=vpc["VpcId"], Attribute=attribute)
        assert shown[member] == {"Value": True}
    acl = ec2.describe_network_acls(Filters=by("vpc-id", vpc["VpcId"]))["NetworkAcls"][0]
    assert len(acl["Associations"]) == 3
    options = ec2.describe_dhcp_options(DhcpOptionsIds=[vpc["DhcpOptionsId"]])["DhcpOptions"][0]
    assert options["DhcpConfigurations"][0] == {"Key": "domain-name", "Values": [{"Value": "ec2.internal"}]}


def test_the_default_vpc_is_the_same_in_every_look_and_another_elsewhere(aws: Aws, ec2: Any) -> None:
    assert default_vpc(ec2) == default_vpc(ec2)
    assert default_vpc(aws("ec2", region="eu-west-1")) != default_vpc(ec2)


def test_a_vpc_of_ones_own_is_furnished_and_goes_when_empty(ec2: Any) -> None:
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "lab"}]}]
    vpc = ec2.create_vpc(CidrBlock="10.0.0.5/16", TagSpecifications=tags)["Vpc"]
    assert (vpc["CidrBlock"], vpc["IsDefault"], vpc["Tags"]) == ("10.0.0.0/16", False, tags[0]["Tags"])
    mine = by("vpc-id", vpc["VpcId"])
    assert ec2.describe_vpcs(Filters=by("tag:Name", "l?b"))["Vpcs"] == [vpc]
    assert [g["GroupName"] for g in ec2.describe_security_groups(Filters=mine)["SecurityGroups"]] == ["default"]
    assert ec2.describe_route_tables(Filters=mine)["RouteTables"][0]["Associations"][0]["Main"] is True
    ec2.modify_vpc_attribute(VpcId=vpc["VpcId"], EnableDnsHostnames={"Value": True})
    shown = ec2.describe_vpc_attribute(VpcId=vpc["VpcId"], Attribute="enableDnsHostnames")
    assert shown["EnableDnsHostnames"] == {"Value": True}
    subnet = ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.0.1.0/24", AvailabilityZoneId="use1-az2")["Subnet"]
    assert (subnet["AvailabilityZone"], subnet["AvailableIpAddressCount"]) == ("us-east-1b", 251)
    ec2.modify_subnet_attribute(SubnetId=subnet["SubnetId"], MapPublicIpOnLaunch={"Value": True})
    assert ec2.describe_subnets(SubnetIds=[subnet["SubnetId"]])["Subnets"][0]["MapPublicIpOnLaunch"] is True
    with refuses("DependencyViolation", f"The vpc '{vpc['VpcId']}' has dependencies and cannot be deleted."):
        ec2.delete_vpc(VpcId=vpc["VpcId"])
    ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    ec2.delete_vpc(VpcId=vpc["VpcId"])
    with refuses("InvalidVpcID.NotFound", f"The vpc ID '{vpc['VpcId']}' does not exist"):
        ec2.describe_vpcs(VpcIds=[vpc["VpcId"]])
    assert ec2.describe_security_groups(Filters=mine)["SecurityGroups"] == []


def test_a_public_subnet_as_stacks_build_it(ec2: Any) -> None:
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    found = ec2.describe_route_tables(Filters=by("association.subnet-id", subnet))["RouteTables"]
    assert [t["RouteTableId"] for t in found] == [table]
    assert {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway}.items() <= found[0]["Routes"][1].items()
    with refuses("DependencyViolation", part=True, message="has dependencies and cannot be deleted"):
        ec2.delete_internet_gateway(InternetGatewayId=gateway)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"][1]["State"] == "blackhole"
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    with refuses("DependencyViolation", f"The routeTable '{table}' has dependencies and cannot be deleted."):
        ec2.delete_route_table(RouteTableId=table)
    ec2.disassociate_route_table(AssociationId=association)
    ec2.delete_route_table(RouteTableId=table)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)


def test_the_main_route_table_can_be_another(ec2: Any) -> None:
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    main = ec2.describe_route_tables(Filters=[*by("vpc-id", vpc), *by("association.main", "true")])["RouteTables"][0]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    old = main["Associations"][0]["RouteTableAssociationId"]
    new = ec2.replace_route_table_association(AssociationId=old, RouteTableId=table)["NewAssociationId"]
    assert new != old
    now = ec2.describe_route_tables(Filters=[*by("vpc-id", vpc), *by("association.main", "true")])["RouteTables"]
    assert [t["RouteTableId"] for t in now] == [table]
    with refuses("InvalidParameterValue", "cannot disassociate the main route table association"):
        ec2.disassociate_route_table(AssociationId=new)


def test_the_default_vpc_can_be_deleted_and_made_again(ec2: Any) -> None:
    vpc = default_vpc(ec2)
    gateway = ec2.describe_internet_gateways()["InternetGateways"][0]["InternetGatewayId"]
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    ec2.delete_vpc(VpcId=vpc)
    assert ec2.describe_vpcs()["Vpcs"] == ec2.describe_subnets()["Subnets"] == []
    assert ec2.create_default_vpc()["Vpc"]["IsDefault"] is True
    assert len(ec2.describe_subnets()["Subnets"]) == 3
    assert len(ec2.describe_internet_gateways()["InternetGateways"]) == 1
    with refuses("DefaultVpcAlreadyExists", part=True, message="A Default VPC already exists"):
        ec2.create_default_vpc()


VPC, SUBNET = "vpc-00000000000000000", "subnet-00000000000000000"
TAG = [{"Key": "a", "Value": "b"}]


@pytest.mark.parametrize(
    ("act", "code", "message"),
    [
        (lambda ec2: ec2.create_vpc(CidrBlock="10.0.0.0/8"), "InvalidVpc.Range", "The CIDR '10.0.0.0/8' is invalid."),
        (lambda ec2: ec2.create_vpc(CidrBlock="x"), "InvalidParameterValue", "This is not a valid CIDR block."),
        (lambda ec2: ec2.create_vpc(), "MissingParameter", "The request must contain the parameter cidrBlock"),
        (
            lambda ec2: ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True),
            "NotEmulatedYet",
            "IPv6",
        ),
        (lambda ec2: ec2.delete_vpc(VpcId=VPC), "InvalidVpcID.NotFound", f"The vpc ID '{VPC}' does not exist"),
        (lambda ec2: ec2.delete_subnet(SubnetId=SUBNET), "InvalidSubnetID.NotFound", f"'{SUBNET}' does not exist"),
        (
            lambda ec2: ec2.create_subnet(VpcId=default_vpc(ec2), CidrBlock="172.31.0.0/24"),
            "InvalidSubnet.Conflict",
            "The CIDR '172.31.0.0/24' conflicts with another subnet",
        ),
        (
            lambda ec2: ec2.create_subnet(VpcId=default_vpc(ec2), CidrBlock="10.0.0.0/24"),
            "InvalidSubnet.Range",
            "The CIDR '10.0.0.0/24' is invalid.",
        ),
        (
            lambda ec2: ec2.create_subnet(VpcId=default_vpc(ec2), CidrBlock="172.31.64.0/20", AvailabilityZone="mars"),
            "InvalidParameterValue",
            "Value (mars) for parameter availabilityZone is invalid.",
        ),
        (
            lambda ec2: ec2.create_route(
                RouteTableId=ec2.describe_route_tables()["RouteTables"][0]["RouteTableId"],
                DestinationCidrBlock="0.0.0.0/0",
                GatewayId=ec2.describe_internet_gateways()["InternetGateways"][0]["InternetGatewayId"],
            ),
            "RouteAlreadyExists",
            "The route identified by 0.0.0.0/0 already exists.",
        ),
        (
            lambda ec2: ec2.delete_route(
                RouteTableId=ec2.describe_route_tables()["RouteTables"][0]["RouteTableId"],
                DestinationCidrBlock="10.9.0.0/16",
            ),
            "InvalidRoute.NotFound",
            "no route with destination-cidr-block 10.9.0.0/16",
        ),
        (
            lambda ec2: ec2.attach_internet_gateway(
                InternetGatewayId=ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"],
                VpcId=default_vpc(ec2),
            ),
            "Resource.AlreadyAssociated",
            "already has an internet gateway attached",
        ),
        (
            lambda ec2: ec2.detach_internet_gateway(
                InternetGatewayId=ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"],
                VpcId=default_vpc(ec2),
            ),
            "Gateway.NotAttached",
            "is not attached to network",
        ),
        (lambda ec2: ec2.describe_vpcs(Filters=by("nonsense", "x")), "InvalidParameterValue", "The filter 'nonsense'"),
        (lambda ec2: ec2.describe_vpcs(NextToken="x"), "InvalidParameterValue", "Unable to parse pagination token."),
        (lambda ec2: ec2.describe_route_tables(RouteTableIds=["rtb-1"]), "InvalidRouteTableID.NotFound", "'rtb-1'"),
        (lambda ec2: ec2.describe_network_acls(NetworkAclIds=["acl-1"]), "InvalidNetworkAclID.NotFound", "'acl-1'"),
        (lambda ec2: ec2.describe_dhcp_options(DhcpOptionsIds=["dopt-1"]), "InvalidDhcpOptionID.NotFound", "'dopt-1'"),
        (lambda ec2: ec2.describe_regions(RegionNames=["mars-1"]), "InvalidParameterValue", "mars-1"),
        (lambda ec2: ec2.describe_availability_zones(ZoneNames=["x"]), "InvalidParameterValue", "[x]"),
        (
            lambda ec2: ec2.describe_account_attributes(AttributeNames=["max-instances"]),
            "InvalidParameterValue",
            "max-instances",
        ),
        (lambda ec2: ec2.create_tags(Resources=["x-1"], Tags=TAG), "InvalidID", "The ID 'x-1' is not valid"),
        (lambda ec2: ec2.create_tags(Resources=[VPC], Tags=TAG), "InvalidID", f"The ID '{VPC}' does not exist"),
        (
            lambda ec2: ec2.create_tags(Resources=[default_vpc(ec2)], Tags=[{"Key": "aws:x", "Value": ""}]),
            "InvalidParameterValue",
            "reserved for internal use",
        ),
        (
            lambda ec2: ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "subnet"}]),
            "InvalidParameterValue",
            "'subnet' is not a valid taggable resource type",
        ),
        (
            lambda ec2: ec2.associate_route_table(RouteTableId="rtb-1", SubnetId=SUBNET),
            "InvalidRouteTableID.NotFound",
            "'rtb-1'",
        ),
        (
            lambda ec2: ec2.disassociate_route_table(AssociationId="rtbassoc-1"),
            "InvalidAssociationID.NotFound",
            "'rtbassoc-1'",
        ),
        (
            lambda ec2: ec2.replace_route(
                RouteTableId=ec2.describe_route_tables()["RouteTables"][0]["RouteTableId"],
                DestinationCidrBlock="0.0.0.0/0",
                NatGatewayId="nat-1",
            ),
            "NatGatewayNotFound",
            "nat-1",
        ),
        (lambda ec2: ec2.describe_volumes(), "NotEmulatedYet", "ec2:DescribeVolumes"),
        (lambda ec2: ec2.describe_vpcs(DryRun=True), "DryRunOperation", "Request would have succeeded"),
    ],
)
def test_refusals(ec2: Any, act: Act, code: str, message: str) -> None:
    with refuses(code, message, part=True):
        act(ec2)


def test_a_dry_run_keeps_nothing(ec2: Any) -> None:
    with refuses("DryRunOperation", "Request would have succeeded, but DryRun flag is set."):
        ec2.create_vpc(CidrBlock="10.0.0.0/16", DryRun=True)
    assert len(ec2.describe_vpcs()["Vpcs"]) == 1


def test_five_vpcs_are_the_most(ec2: Any) -> None:
    for number in range(4):
        ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")
    with refuses("VpcLimitExceeded", "The maximum number of VPCs has been reached."):
        ec2.create_vpc(CidrBlock="10.9.0.0/16")


def test_tags_of_everything(ec2: Any) -> None:
    vpc = default_vpc(ec2)
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    rule = ec2.describe_security_group_rules()["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    both = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    ec2.create_tags(Resources=[vpc, subnet, group, rule], Tags=both)
    assert ec2.describe_subnets(Filters=by("tag:a", "1"))["Subnets"][0]["Tags"] == both
    kinds = {t["ResourceType"] for t in ec2.describe_tags(Filters=by("key", "a"))["Tags"]}
    assert kinds == {"vpc", "subnet", "security-group", "security-group-rule"}
    ec2.delete_tags(Resources=[vpc, rule], Tags=[{"Key": "a", "Value": "other"}, {"Key": "b"}])
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Tags"] == both[:1]
    ec2.delete_tags(Resources=[subnet])
    assert ec2.describe_tags(Filters=by("resource-id", subnet))["Tags"] == []
    with refuses("InvalidID", "The ID 'vpc-1' does not exist"):
        ec2.delete_tags(Resources=["vpc-1"])
    with refuses("InvalidParameterValue", part=True, message="The filter 'x' is invalid"):
        ec2.describe_tags(Filters=by("x", "y"))


def test_zones_and_regions(ec2: Any) -> None:
    zones = ec2.describe_availability_zones(Filters=by("zone-id", "use1-az3"))["AvailabilityZones"]
    assert [(z["ZoneName"], z["State"]) for z in zones] == [("us-east-1c", "available")]
    regions = [r["RegionName"] for r in ec2.describe_regions()["Regions"]]
    assert "eu-central-1" in regions
    attribute = ec2.describe_account_attributes(AttributeNames=["default-vpc"])["AccountAttributes"][0]
    assert attribute["AttributeValues"] == [{"AttributeValue": default_vpc(ec2)}]


def test_pages(ec2: Any) -> None:
    pages = list(ec2.get_paginator("describe_security_group_rules").paginate(PaginationConfig={"PageSize": 5}))
    assert [len(page["SecurityGroupRules"]) for page in pages] == [2]
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = {ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24")["Subnet"]["SubnetId"] for n in range(12)}
    paginator = ec2.get_paginator("describe_subnets")
    seen = [s["SubnetId"] for p in paginator.paginate(PaginationConfig={"PageSize": 5}) for s in p["Subnets"]]
    assert len(seen) == len(set(seen)) == 15
    assert made < set(seen)
