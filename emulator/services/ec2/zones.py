"""Availability Zones, regions and what the account may do."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from emulator.domain.networks.ec2_errors import InvalidParameterValue
from emulator.domain.networks.network import ZONES
from emulator.domain.networks.vpc import zone_id
from emulator.domain.resource_filter import UnknownFilter, matching
from emulator.services.ec2 import finding
from emulator.store.faults_table import lost_zones
from emulator.wire.call import Call

_REGIONS = (
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
    "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1",
    "us-east-1", "us-east-2", "us-west-1", "us-west-2",
)  # fmt: skip
"""Those that an account has without asking (AWS general reference)."""

_ZONE_FILTERS = {
    "zone-name": lambda zone: [zone["ZoneName"]],
    "zone-id": lambda zone: [zone["ZoneId"]],
    "zone-type": lambda zone: [zone["ZoneType"]],
    "region-name": lambda zone: [zone["RegionName"]],
    "state": lambda zone: [zone["State"]],
    "group-name": lambda zone: [zone["GroupName"]],
    "opt-in-status": lambda zone: [zone["OptInStatus"]],
}
_REGION_FILTERS = {
    "region-name": lambda region: [region["RegionName"]],
    "endpoint": lambda region: [region["Endpoint"]],
    "opt-in-status": lambda region: [region["OptInStatus"]],
}


def describe_availability_zones(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    lost = lost_zones(call.reader)
    zones = [_zone(call.region, f"{call.region}{letter}", lost) for letter in ZONES]
    for member, key in (("ZoneNames", "ZoneName"), ("ZoneIds", "ZoneId")):
        asked = request.get(member, ())
        for wanted in asked:
            if wanted not in [zone[key] for zone in zones]:
                raise InvalidParameterValue(f"Invalid availability zone: [{wanted[:64]}]")
        zones = [zone for zone in zones if not asked or zone[key] in asked]
    return {"AvailabilityZones": _filtered(zones, request, _ZONE_FILTERS)}


def _zone(region: str, name: str, lost: Collection[str]) -> dict[str, Any]:
    return {
        "ZoneName": name,
        "ZoneId": zone_id(name),
        "ZoneType": "availability-zone",
        "RegionName": region,
        "GroupName": f"{region}-zg-1",
        "NetworkBorderGroup": region,
        "State": "unavailable" if name in lost else "available",
        "OptInStatus": "opt-in-not-required",
        "Messages": [],
    }


def describe_regions(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Every region is this emulator; the one that is called is always among them."""
    names = sorted({*_REGIONS, call.region})
    for wanted in request.get("RegionNames", ()):
        if wanted not in names:
            raise InvalidParameterValue(f"Invalid region provided: [{wanted[:64]}]")
    regions = [
        {"RegionName": name, "Endpoint": f"ec2.{name}.amazonaws.com", "OptInStatus": "opt-in-not-required"}
        for name in names
        if name in request.get("RegionNames", names)
    ]
    return {"Regions": _filtered(regions, request, _REGION_FILTERS)}


def describe_account_attributes(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    default = next((vpc.id for vpc in finding.vpcs(call) if vpc.is_default), "none")
    attributes = {"supported-platforms": "VPC", "default-vpc": default, "vpc-max-security-groups-per-interface": "5"}
    asked = request.get("AttributeNames") or list(attributes)
    for name in asked:
        if name not in attributes:
            raise InvalidParameterValue(f"The account attribute '{name[:64]}' is not supported")
    return {
        "AccountAttributes": [
            {"AttributeName": name, "AttributeValues": [{"AttributeValue": attributes[name]}]} for name in asked
        ]
    }


def _filtered(
    items: list[dict[str, Any]], request: Mapping[str, Any], known: Mapping[str, Any]
) -> list[dict[str, Any]]:
    try:
        return matching(items, request.get("Filters", ()), known, lambda _: {})
    except UnknownFilter as error:
        raise InvalidParameterValue(str(error)) from error
