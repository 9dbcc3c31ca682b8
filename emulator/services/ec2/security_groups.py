"""Security groups. Their rules are in security_group_rules.py."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.domain.networks.ec2_errors import (
    CannotDelete,
    DependencyViolation,
    InvalidGroupDuplicate,
    InvalidParameterValue,
    InvalidVpcIdNotFound,
)
from emulator.domain.networks.security_group import Rule, SecurityGroup, open_egress, permissions
from emulator.services.ec2 import finding
from emulator.store import vpc_queries
from emulator.store.ec2_tables import SECURITY_GROUPS
from emulator.wire.call import Call

_NAME = re.compile(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}")


def _rules(group: SecurityGroup, *, egress: bool) -> list[Rule]:
    return [rule for rule in group.rules if rule.egress is egress]


def _present(values: list[str | None]) -> list[str]:
    return [value for value in values if value is not None]


_FILTERS = {
    "group-id": lambda group: [group.id],
    "group-name": lambda group: [group.name],
    "description": lambda group: [group.description],
    "vpc-id": lambda group: [group.vpc_id],
    "owner-id": lambda group: [group.account],
    "ip-permission.cidr": lambda group: _present([r.cidr_ipv4 for r in _rules(group, egress=False)]),
    "ip-permission.from-port": lambda group: [str(r.from_port) for r in _rules(group, egress=False)],
    "ip-permission.to-port": lambda group: [str(r.to_port) for r in _rules(group, egress=False)],
    "ip-permission.protocol": lambda group: [r.protocol for r in _rules(group, egress=False)],
    "ip-permission.group-id": lambda group: _present([r.group_id for r in _rules(group, egress=False)]),
    "egress.ip-permission.cidr": lambda group: _present([r.cidr_ipv4 for r in _rules(group, egress=True)]),
    "egress.ip-permission.from-port": lambda group: [str(r.from_port) for r in _rules(group, egress=True)],
    "egress.ip-permission.to-port": lambda group: [str(r.to_port) for r in _rules(group, egress=True)],
    "egress.ip-permission.protocol": lambda group: [r.protocol for r in _rules(group, egress=True)],
    "egress.ip-permission.group-id": lambda group: _present([r.group_id for r in _rules(group, egress=True)]),
}


def create_security_group(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    name, description = request["GroupName"], request["Description"]
    if name.lower() == "default":  # observed
        raise InvalidParameterValue(f"Cannot use reserved security group name: {name}")
    if name.lower().startswith("sg-") or not _NAME.fullmatch(name):
        raise InvalidParameterValue(
            "Group names may not be in the format sg-*." if name.lower().startswith("sg-") else
            f"Value ({name[:255]}) for parameter GroupName is invalid."
        )  # fmt: skip
    if not description or not _NAME.fullmatch(description):
        raise InvalidParameterValue(f"Value ({description[:255]}) for parameter GroupDescription is invalid.")
    vpc_id = _vpc_of(call, request)
    if any(group.name == name and group.vpc_id == vpc_id for group in finding.security_groups(call)):
        raise InvalidGroupDuplicate(f"The security group '{name}' already exists for VPC '{vpc_id}'")
    tags = finding.new_tags(request, "security-group")
    group = SecurityGroup(
        call.account,
        call.region,
        finding.new_id(call, "sg"),
        name,
        vpc_id,
        description,
        [open_egress(finding.new_id(call, "sgr"))],
        tags,
    )
    call.tx.insert(SECURITY_GROUPS, group)
    return {"GroupId": group.id, "SecurityGroupArn": _arn(call, group), "Tags": finding.shown_tags(tags)}


def _vpc_of(call: Call, request: Mapping[str, Any]) -> str:
    """The VPC that is named, else the default one."""
    if "VpcId" in request:
        return finding.vpc(call, request["VpcId"]).id
    for vpc in finding.vpcs(call):
        if vpc.is_default:
            return vpc.id
    raise InvalidVpcIdNotFound("No default VPC for this user")


def describe_security_groups(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """`GroupNames` are looked for in the default VPC, as AWS does."""
    groups = finding.security_groups(call)
    for name in request.get("GroupNames", ()):
        finding.group_named(call, name)
    if request.get("GroupNames"):
        groups = [g for g in groups if g.name in request["GroupNames"]]
    found, token = finding.chosen(
        call,
        request,
        groups,
        ids="GroupIds",
        find=finding.security_group,
        filters=_FILTERS,
        record_id=lambda group: group.id,
        tags=lambda group: group.tags,
    )
    return finding.paged("SecurityGroups", [_shown(call, group) for group in found], token)


def delete_security_group(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    group = finding.group_of(call, request)
    if group.name == "default":
        raise CannotDelete("the specified group: " + f'"{group.id}" name: "default" cannot be deleted by a user')
    tasks = vpc_queries.tasks_with_interface(call.reader, call.account, call.region)
    used = any(task.eni and group.id in task.eni.security_groups for task in tasks)
    named = any(
        rule.group_id == group.id
        for other in finding.security_groups(call)
        if other.id != group.id
        for rule in other.rules
    )
    used = used or any(group.id in own.groups for own in finding.own_interfaces(call))
    used = used or any(group.id in endpoint.groups for endpoint in finding.vpc_endpoints(call))
    if used or named:
        raise DependencyViolation(f"resource {group.id} has a dependent object")
    vpc_queries.remove(call.tx, SECURITY_GROUPS, group)
    return {"Return": True, "GroupId": group.id}


def _arn(call: Call, group: SecurityGroup) -> str:
    return call.arn(f"security-group/{group.id}")


def _shown(call: Call, group: SecurityGroup) -> dict[str, Any]:
    return {
        "GroupId": group.id,
        "GroupName": group.name,
        "Description": group.description,
        "OwnerId": group.account,
        "VpcId": group.vpc_id,
        "SecurityGroupArn": _arn(call, group),
        "IpPermissions": permissions(group.rules, egress=False),
        "IpPermissionsEgress": permissions(group.rules, egress=True),
        "Tags": finding.shown_tags(group.tags),
    }
