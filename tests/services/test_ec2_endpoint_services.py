"""What VPC endpoints lead to, their changes, prefix lists; old and small calls of Terraform's; through boto3."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Aws
from tests.services.ecs_scene import refuses
from tests.services.test_ec2_ways_out import by, subnet_of

S3 = "com.amazonaws.us-east-1.s3"
LOGS = "com.amazonaws.us-east-1.logs"


@pytest.fixture
def ec2(aws: Aws) -> Any:
    return aws("ec2")


def test_services_are_found_before_their_endpoints_are_made(ec2: Any) -> None:
    [gateway] = ec2.describe_vpc_endpoint_services(ServiceNames=[S3], Filters=by("service-type", "Gateway"))[
        "ServiceDetails"
    ]
    assert (gateway["ServiceName"], gateway["Owner"]) == (S3, "amazon")
    answer = ec2.describe_vpc_endpoint_services(Filters=by("service-name", "*.ecr.*"))
    assert answer["ServiceNames"] == ["com.amazonaws.us-east-1.ecr.api", "com.amazonaws.us-east-1.ecr.dkr"]
    assert answer["ServiceDetails"][0]["PrivateDnsName"] == "ecr.api.us-east-1.amazonaws.com"
    page = ec2.describe_vpc_endpoint_services(MaxResults=5)
    assert len(page["ServiceDetails"]) == 5 and page["NextToken"]
    with refuses("InvalidServiceName", "The Vpc Endpoint Service 'x' does not exist"):
        ec2.describe_vpc_endpoint_services(ServiceNames=["x"])
    with refuses("InvalidParameterValue", "The filter 'colour' is invalid"):
        ec2.describe_vpc_endpoint_services(Filters=by("colour", "red"))


def test_an_endpoint_is_changed(ec2: Any) -> None:
    vpc, subnet = subnet_of(ec2)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    gateway = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=S3)["VpcEndpoint"]["VpcEndpointId"]
    changed = ec2.modify_vpc_endpoint(
        VpcEndpointId=gateway, AddRouteTableIds=[table], PolicyDocument='{"Statement":[]}'
    )
    assert changed["Return"] is True
    [shown] = ec2.describe_vpc_endpoints(VpcEndpointIds=[gateway])["VpcEndpoints"]
    assert (shown["RouteTableIds"], shown["PolicyDocument"]) == ([table], '{"Statement":[]}')
    other = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=S3)["VpcEndpoint"]["VpcEndpointId"]
    with refuses("RouteAlreadyExists", table, part=True):
        ec2.modify_vpc_endpoint(VpcEndpointId=other, AddRouteTableIds=[table])
    ec2.modify_vpc_endpoint(VpcEndpointId=gateway, RemoveRouteTableIds=[table], ResetPolicy=True)
    ec2.modify_vpc_endpoint(VpcEndpointId=other, AddRouteTableIds=[table])
    logs = ec2.create_vpc_endpoint(VpcId=vpc, VpcEndpointType="Interface", ServiceName=LOGS)["VpcEndpoint"]
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    ec2.modify_vpc_endpoint(
        VpcEndpointId=logs["VpcEndpointId"],
        AddSubnetIds=[subnet],
        AddSecurityGroupIds=[group],
        RemoveSecurityGroupIds=[logs["Groups"][0]["GroupId"]],
        PrivateDnsEnabled=False,
    )
    [shown] = ec2.describe_vpc_endpoints(VpcEndpointIds=[logs["VpcEndpointId"]])["VpcEndpoints"]
    assert (shown["SubnetIds"], shown["Groups"][0]["GroupId"], shown["PrivateDnsEnabled"]) == ([subnet], group, False)
    assert len(shown["NetworkInterfaceIds"]) == 1
    ec2.modify_vpc_endpoint(VpcEndpointId=logs["VpcEndpointId"], RemoveSubnetIds=[subnet])
    ec2.delete_subnet(SubnetId=subnet)
    for members, code in (
        ({"VpcEndpointId": "vpce-0"}, "InvalidVpcEndpointId.NotFound"),
        ({"VpcEndpointId": gateway, "AddSubnetIds": [subnet]}, "InvalidParameterValue"),
        ({"VpcEndpointId": logs["VpcEndpointId"], "AddRouteTableIds": [table]}, "InvalidParameterValue"),
        ({"VpcEndpointId": gateway, "AddRouteTableIds": ["rtb-0"]}, "InvalidRouteTableID.NotFound"),
        ({"VpcEndpointId": gateway, "IpAddressType": "ipv6"}, "NotEmulatedYet"),
    ):
        with refuses(code):
            ec2.modify_vpc_endpoint(**members)


def test_managed_prefix_lists_are_those_of_services(ec2: Any) -> None:
    [listed] = ec2.describe_managed_prefix_lists(Filters=by("prefix-list-name", S3))["PrefixLists"]
    assert (listed["OwnerId"], listed["State"]) == ("AWS", "create-complete")
    assert (
        listed["PrefixListId"]
        == ec2.describe_prefix_lists(Filters=by("prefix-list-name", S3))["PrefixLists"][0]["PrefixListId"]
    )
    entries = ec2.get_managed_prefix_list_entries(PrefixListId=listed["PrefixListId"])["Entries"]
    assert [entry["Cidr"] for entry in entries] == ["52.216.0.0/15"]
    with refuses("InvalidPrefixListID.NotFound", "The prefix list ID 'pl-0' does not exist"):
        ec2.get_managed_prefix_list_entries(PrefixListId="pl-0")
    with refuses("InvalidPrefixListID.NotFound"):
        ec2.describe_managed_prefix_lists(PrefixListIds=["pl-0"])


def test_a_route_is_led_elsewhere(ec2: Any) -> None:
    vpc, subnet = subnet_of(ec2)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    nat = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    ec2.replace_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    [route] = [
        r
        for r in ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
        if r["DestinationCidrBlock"] == "0.0.0.0/0"
    ]
    assert (route.get("NatGatewayId"), "GatewayId" in route, route["State"]) == (nat, False, "active")
    with refuses("InvalidRoute.NotFound", "10.9.0.0/16", part=True):
        ec2.replace_route(RouteTableId=table, DestinationCidrBlock="10.9.0.0/16", GatewayId=gateway)


def test_a_default_subnet_is_made_again(ec2: Any) -> None:
    [subnet] = ec2.describe_subnets(Filters=by("availability-zone", "us-east-1b"))["Subnets"]
    with refuses("DefaultSubnetAlreadyExistsInAvailabilityZone"):
        ec2.create_default_subnet(AvailabilityZone="us-east-1b")
    ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    ec2.create_subnet(VpcId=subnet["VpcId"], CidrBlock=subnet["CidrBlock"])
    with refuses("InvalidSubnet.Conflict"):
        ec2.create_default_subnet(AvailabilityZone="us-east-1b")
    [other] = ec2.describe_subnets(Filters=[*by("cidr", subnet["CidrBlock"])])["Subnets"]
    ec2.delete_subnet(SubnetId=other["SubnetId"])
    assert ec2.create_default_subnet(AvailabilityZone="us-east-1b")["Subnet"]["SubnetId"] == subnet["SubnetId"]
    with refuses("InvalidParameterValue", "availabilityZone", part=True):
        ec2.create_default_subnet(AvailabilityZone="us-east-1z")


def test_no_vpc_is_linked_to_ec2_classic(ec2: Any) -> None:
    [vpc] = ec2.describe_vpc_classic_link()["Vpcs"]
    assert vpc["ClassicLinkEnabled"] is False
    assert ec2.describe_vpc_classic_link(Filters=by("is-classic-link-enabled", "true"))["Vpcs"] == []
    assert (
        ec2.describe_vpc_classic_link_dns_support(VpcIds=[vpc["VpcId"]])["Vpcs"][0]["ClassicLinkDnsSupported"] is False
    )
    for call in (ec2.describe_vpc_classic_link, ec2.describe_vpc_classic_link_dns_support):
        with refuses("InvalidVpcID.NotFound"):
            call(VpcIds=["vpc-0"])
