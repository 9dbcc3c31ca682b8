"""Subnets of a VPC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.errors import NotEmulatedYet
from emulator.domain.networks.address_plan import overlap
from emulator.domain.networks.ec2_errors import (
    DefaultSubnetAlreadyExistsInAvailabilityZone,
    DefaultVpcDoesNotExist,
    DependencyViolation,
    InvalidParameterCombination,
    InvalidParameterValue,
    InvalidSubnetConflict,
    InvalidSubnetRange,
    MissingParameter,
)
from emulator.domain.networks.network import ZONES
from emulator.domain.networks.vpc import (
    Association,
    RangeConflict,
    Subnet,
    WrongRange,
    check_subnet_range,
    default_subnets,
    free_addresses,
    zone_id,
)
from emulator.domain.resource_filter import flag
from emulator.services.ec2 import finding
from emulator.store import vpc_queries
from emulator.store.ec2_tables import ROUTE_TABLES, SUBNETS
from emulator.wire.call import Call

_FILTERS = {
    "subnet-id": lambda subnet: [subnet.id],
    "vpc-id": lambda subnet: [subnet.vpc_id],
    "cidr": lambda subnet: [subnet.cidr],
    "cidr-block": lambda subnet: [subnet.cidr],
    "cidrBlock": lambda subnet: [subnet.cidr],
    "availability-zone": lambda subnet: [subnet.availability_zone],
    "availabilityZone": lambda subnet: [subnet.availability_zone],
    "availability-zone-id": lambda subnet: [zone_id(subnet.availability_zone)],
    "default-for-az": lambda subnet: flag(subnet.is_default),
    "defaultForAz": lambda subnet: flag(subnet.is_default),
    "map-public-ip-on-launch": lambda subnet: flag(subnet.map_public_ip),
    "owner-id": lambda subnet: [subnet.account],
    "state": lambda _: ["available"],
    "subnet-arn": lambda subnet: [_arn(subnet)],
    "ipv6-native": lambda _: flag(False),
}
_ELSEWHERE = ("Ipv6CidrBlock", "Ipv6Native", "OutpostArn", "Ipv4IpamPoolId", "Ipv6IpamPoolId")


def create_subnet(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    if any(request.get(member) for member in _ELSEWHERE):
        raise NotEmulatedYet("Homeport does not emulate subnets with IPv6, of Outposts or of IPAM pools yet.")
    vpc = finding.vpc(call, request["VpcId"])
    if "CidrBlock" not in request:
        raise MissingParameter("Either 'cidrBlock' or 'ipv6CidrBlock' should be provided.")
    subnet = Subnet(
        call.account,
        call.region,
        finding.new_id(call, "subnet"),
        vpc.id,
        _checked_range(call, request["CidrBlock"], vpc.id, vpc.cidr),
        _zone(call, request),
        tags=finding.new_tags(request, "subnet"),
    )
    call.tx.insert(SUBNETS, subnet)
    return {"Subnet": _shown(call, subnet)}


def create_default_subnet(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """The default subnet of a zone again after it was deleted, with the id it had."""
    if request.get("Ipv6Native"):
        raise NotEmulatedYet("Homeport does not emulate subnets with IPv6 yet.")
    zone = _zone(call, request)
    if not any(vpc.is_default for vpc in finding.vpcs(call)):
        raise DefaultVpcDoesNotExist("There is no default VPC in this region.")
    if any(subnet.is_default and subnet.availability_zone == zone for subnet in finding.subnets(call)):
        raise DefaultSubnetAlreadyExistsInAvailabilityZone(f"There is already a default subnet in {zone}.")
    subnet = next(s for s in default_subnets(call.account, call.region) if s.availability_zone == zone)
    others = [other.cidr for other in finding.subnets(call) if other.vpc_id == subnet.vpc_id]
    if any(overlap(subnet.cidr, other) for other in others):
        raise InvalidSubnetConflict(f"The CIDR '{subnet.cidr}' conflicts with another subnet")
    call.tx.delete(SUBNETS, call.account, call.region, subnet.id)
    return {"Subnet": _shown(call, subnet)}


def _checked_range(call: Call, cidr: str, vpc_id: str, vpc_cidr: str) -> str:
    others = [subnet.cidr for subnet in finding.subnets(call) if subnet.vpc_id == vpc_id]
    try:
        return check_subnet_range(cidr, vpc_cidr, others)
    except RangeConflict as error:
        raise InvalidSubnetConflict(str(error)) from error
    except WrongRange as error:
        kind = InvalidParameterValue if "parameter" in str(error) else InvalidSubnetRange
        raise kind(str(error)) from error


def _zone(call: Call, request: Mapping[str, Any]) -> str:
    """The zone that is asked for, by name or id; else one that AWS, and so we, may choose: the first."""
    zones = [f"{call.region}{letter}" for letter in ZONES]
    asked = request.get("AvailabilityZone")
    if asked is None and "AvailabilityZoneId" in request:
        wanted = request["AvailabilityZoneId"]
        asked = next((zone for zone in zones if zone_id(zone) == wanted), wanted)
    if asked is not None and asked not in zones:
        raise InvalidParameterValue(
            f"Value ({asked[:64]}) for parameter availabilityZone is invalid. Subnets can currently only be created "
            f"in the following availability zones: {', '.join(zones)}."
        )
    return asked or zones[0]


def describe_subnets(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    found, token = finding.chosen(
        call,
        request,
        finding.subnets(call),
        ids="SubnetIds",
        find=finding.subnet,
        filters=_FILTERS,
        record_id=lambda subnet: subnet.id,
        tags=lambda subnet: subnet.tags,
    )
    return finding.paged("Subnets", [_shown(call, subnet) for subnet in found], token)


def modify_subnet_attribute(call: Call, request: Mapping[str, Any]) -> None:
    subnet = finding.subnet(call, request["SubnetId"])
    flags = {
        "MapPublicIpOnLaunch": "map_public_ip",
        "EnableDns64": "dns64",
        "EnableResourceNameDnsARecordOnLaunch": "resource_name_a_record",
    }
    changes: dict[str, Any] = {
        flags[member]: bool(request[member].get("Value")) for member in flags if member in request
    }
    if "PrivateDnsHostnameTypeOnLaunch" in request:
        changes["hostname_type"] = request["PrivateDnsHostnameTypeOnLaunch"]
    if len(changes) != 1:
        raise InvalidParameterCombination("Specify exactly one attribute of the subnet.")
    call.warn("subnet attributes are kept and shown; a task's own assignPublicIp is what counts")
    call.tx.put(SUBNETS, replace(subnet, **changes))


def delete_subnet(call: Call, request: Mapping[str, Any]) -> None:
    subnet = finding.subnet(call, request["SubnetId"])
    if _interfaces(call, subnet):
        raise DependencyViolation(f"The subnet '{subnet.id}' has dependencies and cannot be deleted.")
    for table in finding.route_tables(call):
        rest: list[Association] = [a for a in table.associations if a.subnet_id != subnet.id]
        if len(rest) < len(table.associations):
            call.tx.put(ROUTE_TABLES, replace(table, associations=rest))
    vpc_queries.remove(call.tx, SUBNETS, subnet)


def _interfaces(call: Call, subnet: Subnet) -> int:
    tasks = vpc_queries.tasks_with_interface(call.reader, call.account, call.region)
    of_tasks = sum(1 for task in tasks if task.eni and task.eni.subnet_id == subnet.id)
    return of_tasks + len(finding.reserved_addresses(call, subnet.id))


def _arn(subnet: Subnet) -> str:
    return f"arn:aws:ec2:{subnet.region}:{subnet.account}:subnet/{subnet.id}"


def _shown(call: Call, subnet: Subnet) -> dict[str, Any]:
    return {
        "SubnetId": subnet.id,
        "SubnetArn": _arn(subnet),
        "VpcId": subnet.vpc_id,
        "OwnerId": subnet.account,
        "CidrBlock": subnet.cidr,
        "AvailabilityZone": subnet.availability_zone,
        "AvailabilityZoneId": zone_id(subnet.availability_zone),
        "AvailableIpAddressCount": free_addresses(subnet.cidr, _interfaces(call, subnet)),
        "DefaultForAz": subnet.is_default,
        "MapPublicIpOnLaunch": subnet.map_public_ip,
        "MapCustomerOwnedIpOnLaunch": False,
        "AssignIpv6AddressOnCreation": False,
        "Ipv6CidrBlockAssociationSet": [],
        "Ipv6Native": False,
        "EnableDns64": subnet.dns64,
        "PrivateDnsNameOptionsOnLaunch": {
            "HostnameType": subnet.hostname_type,
            "EnableResourceNameDnsARecord": subnet.resource_name_a_record,
            "EnableResourceNameDnsAAAARecord": False,
        },
        "State": "available",
        "Tags": finding.shown_tags(subnet.tags),
    }
