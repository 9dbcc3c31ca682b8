"""VPCs and their attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.errors import NotEmulatedYet
from emulator.domain.networks.ec2_errors import (
    DefaultVpcAlreadyExists,
    DependencyViolation,
    InvalidParameterCombination,
    InvalidParameterValue,
    InvalidVpcRange,
    MissingParameter,
    VpcLimitExceeded,
)
from emulator.domain.networks.security_group import group_named_default
from emulator.domain.networks.vpc import (
    Vpc,
    WrongRange,
    check_vpc_range,
    default_internet_gateway,
    default_vpc,
    dhcp_options_id,
    main_route_table,
)
from emulator.domain.resource_filter import UnknownFilter, flag, matching
from emulator.services.ec2 import finding
from emulator.store import vpc_queries
from emulator.store.ec2_tables import INTERNET_GATEWAYS, NETWORK_ACLS, ROUTE_TABLES, SECURITY_GROUPS, SUBNETS, VPCS
from emulator.wire.call import Call

MAX_VPCS = 5
_FILTERS = {
    "vpc-id": lambda vpc: [vpc.id],
    "cidr": lambda vpc: [vpc.cidr],
    "cidrBlock": lambda vpc: [vpc.cidr],
    "cidr-block-association.cidr-block": lambda vpc: [vpc.cidr],
    "dhcp-options-id": lambda vpc: [dhcp_options_id(vpc.account, vpc.region)],
    "is-default": lambda vpc: flag(vpc.is_default),
    "isDefault": lambda vpc: flag(vpc.is_default),
    "owner-id": lambda vpc: [vpc.account],
    "state": lambda _: ["available"],
}
_IPV6 = ("AmazonProvidedIpv6CidrBlock", "Ipv6CidrBlock", "Ipv6Pool", "Ipv6IpamPoolId", "Ipv4IpamPoolId")


def create_vpc(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    if any(request.get(member) for member in _IPV6):
        raise NotEmulatedYet("Homeport does not emulate IPv6 ranges and IPAM pools of a VPC yet.")
    if "CidrBlock" not in request:
        raise MissingParameter("The request must contain the parameter cidrBlock")
    try:
        cidr = check_vpc_range(request["CidrBlock"])
    except WrongRange as error:
        kind = InvalidParameterValue if "parameter" in str(error) else InvalidVpcRange
        raise kind(str(error)) from error
    if len(finding.vpcs(call)) >= MAX_VPCS:
        raise VpcLimitExceeded("The maximum number of VPCs has been reached.")
    vpc = Vpc(
        call.account,
        call.region,
        finding.new_id(call, "vpc"),
        cidr,
        tenancy=request.get("InstanceTenancy", "default"),
        tags=finding.new_tags(request, "vpc"),
    )
    call.tx.insert(VPCS, vpc)
    _furnish(call, vpc)
    return {"Vpc": _shown(vpc)}


def _furnish(call: Call, vpc: Vpc) -> None:
    """What AWS makes with every VPC: the main route table and the group `default`."""
    table = main_route_table(vpc, finding.new_id(call, "rtb"), finding.new_id(call, "rtbassoc"))
    call.tx.insert(ROUTE_TABLES, table)
    rules = finding.new_id(call, "sgr"), finding.new_id(call, "sgr")
    group = group_named_default(call.account, call.region, finding.new_id(call, "sg"), vpc.id, rules)
    call.tx.insert(SECURITY_GROUPS, group)


def create_default_vpc(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """The default VPC again after it was deleted, whole and with the ids it had."""
    if any(vpc.is_default for vpc in finding.vpcs(call)):
        raise DefaultVpcAlreadyExists("A Default VPC already exists for this account in this region.")
    vpc = default_vpc(call.account, call.region)
    call.tx.delete(VPCS, call.account, call.region, vpc.id)
    for subnet in call.tx.find(SUBNETS, vpc_id=vpc.id):
        call.tx.delete(SUBNETS, subnet.account, subnet.region, subnet.id)
    for table in call.tx.find(ROUTE_TABLES, vpc_id=vpc.id):
        call.tx.delete(ROUTE_TABLES, table.account, table.region, table.id)
    for group in call.tx.find(SECURITY_GROUPS, vpc_id=vpc.id):
        call.tx.delete(SECURITY_GROUPS, group.account, group.region, group.id)
    gateway = default_internet_gateway(call.account, call.region)
    call.tx.delete(INTERNET_GATEWAYS, call.account, call.region, gateway.id)
    return {"Vpc": _shown(vpc)}


def describe_vpcs(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    found, token = finding.chosen(
        call,
        request,
        finding.vpcs(call),
        ids="VpcIds",
        find=finding.vpc,
        filters=_FILTERS,
        record_id=lambda vpc: vpc.id,
        tags=lambda vpc: vpc.tags,
    )
    return finding.paged("Vpcs", [_shown(vpc) for vpc in found], token)


def describe_vpc_classic_link(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """EC2-Classic is gone at AWS: no VPC is linked to it. Old Terraform providers still ask."""
    asked = [finding.vpc(call, wanted) for wanted in request.get("VpcIds", ())] or finding.vpcs(call)
    known = {"is-classic-link-enabled": lambda _: flag(False)}
    try:
        found = matching(asked, request.get("Filters", ()), known, lambda vpc: vpc.tags)
    except UnknownFilter as error:
        raise InvalidParameterValue(str(error)) from error
    return {"Vpcs": [{"VpcId": v.id, "ClassicLinkEnabled": False, "Tags": finding.shown_tags(v.tags)} for v in found]}


def describe_vpc_classic_link_dns_support(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    asked = [finding.vpc(call, wanted) for wanted in request.get("VpcIds", ())] or finding.vpcs(call)
    page = call.page(request, asked, key=lambda vpc: vpc.id)
    return finding.paged(
        "Vpcs", [{"VpcId": vpc.id, "ClassicLinkDnsSupported": False} for vpc in page.items], page.next_token
    )


def describe_vpc_attribute(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    vpc = finding.vpc(call, request["VpcId"])
    match request["Attribute"]:
        case "enableDnsSupport":
            return {"VpcId": vpc.id, "EnableDnsSupport": {"Value": vpc.dns_support}}
        case "enableDnsHostnames":
            return {"VpcId": vpc.id, "EnableDnsHostnames": {"Value": vpc.dns_hostnames}}
        case _:
            return {"VpcId": vpc.id, "EnableNetworkAddressUsageMetrics": {"Value": vpc.address_metrics}}


def modify_vpc_attribute(call: Call, request: Mapping[str, Any]) -> None:
    vpc = finding.vpc(call, request["VpcId"])
    fields: dict[str, Any] = {
        "EnableDnsSupport": "dns_support",
        "EnableDnsHostnames": "dns_hostnames",
        "EnableNetworkAddressUsageMetrics": "address_metrics",
    }
    asked = [member for member in fields if member in request]
    if len(asked) != 1:
        raise InvalidParameterCombination("Specify exactly one attribute of the VPC.")
    call.warn(f"{asked[0]} is kept and shown; names and addresses of tasks do not depend on it")
    changes: dict[str, Any] = {fields[asked[0]]: bool(request[asked[0]].get("Value"))}
    call.tx.put(VPCS, replace(vpc, **changes))


def delete_vpc(call: Call, request: Mapping[str, Any]) -> None:
    vpc = finding.vpc(call, request["VpcId"])
    groups = [g for g in finding.security_groups(call) if g.vpc_id == vpc.id]
    tables = [t for t in finding.route_tables(call) if t.vpc_id == vpc.id]
    in_use = (
        any(subnet.vpc_id == vpc.id for subnet in finding.subnets(call))
        or any(gateway.vpc_id == vpc.id for gateway in finding.internet_gateways(call))
        or any(group.name != "default" for group in groups)
        or any(not table.is_main for table in tables)
        or any(acl.vpc_id == vpc.id and not acl.is_default for acl in finding.network_acls(call))
        or any(endpoint.vpc_id == vpc.id for endpoint in finding.vpc_endpoints(call))
        or any(
            t.eni and t.eni.vpc_id == vpc.id
            for t in vpc_queries.tasks_with_interface(call.reader, call.account, call.region)
        )
    )
    if in_use:
        raise DependencyViolation(f"The vpc '{vpc.id}' has dependencies and cannot be deleted.")
    for table in tables:
        vpc_queries.remove(call.tx, ROUTE_TABLES, table)
    for group in groups:
        vpc_queries.remove(call.tx, SECURITY_GROUPS, group)
    for acl in call.tx.find(NETWORK_ACLS, vpc_id=vpc.id):
        call.tx.delete(NETWORK_ACLS, acl.account, acl.region, acl.id)
    vpc_queries.remove(call.tx, VPCS, vpc)


def _shown(vpc: Vpc) -> dict[str, Any]:
    association = {
        "AssociationId": f"vpc-cidr-assoc-{vpc.id.removeprefix('vpc-')}",
        "CidrBlock": vpc.cidr,
        "CidrBlockState": {"State": "associated"},
    }
    return {
        "VpcId": vpc.id,
        "OwnerId": vpc.account,
        "CidrBlock": vpc.cidr,
        "CidrBlockAssociationSet": [association],
        "Ipv6CidrBlockAssociationSet": [],
        "DhcpOptionsId": dhcp_options_id(vpc.account, vpc.region),
        "InstanceTenancy": vpc.tenancy,
        "IsDefault": vpc.is_default,
        "State": "available",
        "Tags": finding.shown_tags(vpc.tags),
    }
