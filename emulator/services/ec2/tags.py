"""Tags of everything in a VPC, of launch templates and instances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from emulator.domain.capacity.ec2_instance import Ec2Instance
from emulator.domain.capacity.launch_template import LaunchTemplate
from emulator.domain.errors import NotEmulatedYet
from emulator.domain.key_value_tags import TAG_LIMIT
from emulator.domain.networks.ec2_errors import InvalidId, InvalidParameterValue
from emulator.domain.resource_filter import UnknownFilter, matching
from emulator.services.ec2 import finding
from emulator.store.ec2_tables import (
    ADDRESSES,
    INSTANCES,
    INTERNET_GATEWAYS,
    LAUNCH_TEMPLATES,
    NAT_GATEWAYS,
    NETWORK_ACLS,
    NETWORK_INTERFACES,
    ROUTE_TABLES,
    SECURITY_GROUPS,
    SUBNETS,
    VPC_ENDPOINTS,
    VPCS,
)
from emulator.wire.call import Call


def _launch_templates(call: Call) -> list[LaunchTemplate]:
    return call.reader.find(LAUNCH_TEMPLATES, account=call.account, region=call.region)


def _instances(call: Call) -> list[Ec2Instance]:
    return call.reader.find(INSTANCES, account=call.account, region=call.region)


_KINDS: dict[str, tuple[Any, Any, str]] = {
    "vpc": (VPCS, finding.vpcs, "vpc"),
    "subnet": (SUBNETS, finding.subnets, "subnet"),
    "rtb": (ROUTE_TABLES, finding.route_tables, "route-table"),
    "igw": (INTERNET_GATEWAYS, finding.internet_gateways, "internet-gateway"),
    "acl": (NETWORK_ACLS, finding.network_acls, "network-acl"),
    "eipalloc": (ADDRESSES, finding.elastic_addresses, "elastic-ip"),
    "nat": (NAT_GATEWAYS, finding.nat_gateways, "natgateway"),
    "vpce": (VPC_ENDPOINTS, finding.vpc_endpoints, "vpc-endpoint"),
    "sg": (SECURITY_GROUPS, finding.security_groups, "security-group"),
    "lt": (LAUNCH_TEMPLATES, _launch_templates, "launch-template"),
    "i": (INSTANCES, _instances, "instance"),
    "eni": (NETWORK_INTERFACES, finding.own_interfaces, "network-interface"),
}
_UNTAGGED = ("dopt",)
_FILTERS = {
    "key": lambda tag: [tag.key],
    "value": lambda tag: [tag.value],
    "resource-id": lambda tag: [tag.resource_id],
    "resource-type": lambda tag: [tag.resource_type],
}


@dataclass(frozen=True, slots=True)
class Tagged:
    """One tag of one resource."""

    resource_id: str
    resource_type: str
    key: str
    value: str


def create_tags(call: Call, request: Mapping[str, Any]) -> None:
    given = finding.checked_tags(request["Tags"])
    for resource in request["Resources"]:
        _change(call, resource, lambda tags: _within_limit({**tags, **given}))


def delete_tags(call: Call, request: Mapping[str, Any]) -> None:
    """A tag given with a value goes only if it has that value; without Tags all of them go."""
    asked: Sequence[Mapping[str, Any]] | None = request.get("Tags")
    for resource in request["Resources"]:
        _change(call, resource, lambda tags: {} if asked is None else _rest(tags, asked))


def _rest(tags: Mapping[str, str], asked: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    gone = {tag["Key"]: tag.get("Value") for tag in asked if "Key" in tag}
    return {key: value for key, value in tags.items() if not (key in gone and gone[key] in (None, value))}


def _within_limit(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > TAG_LIMIT:
        raise finding.TagLimitExceeded(f"The maximum number of Tags ({TAG_LIMIT}) has been reached")
    return tags


def _change(call: Call, resource: str, change: Any) -> None:
    prefix = resource.partition("-")[0]
    if prefix == "sgr":
        return _change_rule(call, resource, change)
    if prefix in _UNTAGGED:
        raise NotEmulatedYet(f"Homeport does not emulate tags of {resource[:128]} yet.")
    if prefix not in _KINDS:
        raise InvalidId(f"The ID '{resource[:128]}' is not valid")
    table, records, _ = _KINDS[prefix]
    for record in records(call):
        if record.id == resource:
            call.tx.put(table, replace(record, tags=change(record.tags)))
            return None
    raise InvalidId(f"The ID '{resource[:128]}' does not exist")


def _change_rule(call: Call, rule_id: str, change: Any) -> None:
    for group in finding.security_groups(call):
        for rule in group.rules:
            if rule.id == rule_id:
                changed = replace(rule, tags=change(rule.tags))
                rules = [changed if r.id == rule_id else r for r in group.rules]
                call.tx.put(SECURITY_GROUPS, replace(group, rules=rules))
                return
    raise InvalidId(f"The ID '{rule_id[:128]}' does not exist")


def describe_tags(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    try:
        found = matching(_all(call), request.get("Filters", ()), _FILTERS, lambda tag: {tag.key: tag.value})
    except UnknownFilter as error:
        raise InvalidParameterValue(str(error)) from error
    page = call.page(request, sorted(found, key=_position), key=_position)
    tags = [
        {"ResourceId": tag.resource_id, "ResourceType": tag.resource_type, "Key": tag.key, "Value": tag.value}
        for tag in page.items
    ]
    return finding.paged("Tags", tags, page.next_token)


def _all(call: Call) -> list[Tagged]:
    tags = [
        Tagged(record.id, kind, key, value)
        for _, records, kind in _KINDS.values()
        for record in records(call)
        for key, value in record.tags.items()
    ]
    rules = [rule for group in finding.security_groups(call) for rule in group.rules]
    return tags + [Tagged(r.id, "security-group-rule", key, value) for r in rules for key, value in r.tags.items()]


def _position(tag: Tagged) -> str:
    return f"{tag.resource_id}\n{tag.key}"
