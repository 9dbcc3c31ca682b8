"""The rules of security groups: authorize, revoke, change, describe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from emulator.domain.errors import AwsError, NotEmulatedYet
from emulator.domain.networks.ec2_errors import (
    InvalidGroupNotFound,
    InvalidParameterCombination,
    InvalidParameterValue,
    InvalidPermissionDuplicate,
    InvalidPermissionNotFound,
    InvalidSecurityGroupRuleIdNotFound,
    MissingParameter,
)
from emulator.domain.networks.ec2_ids import malformed
from emulator.domain.networks.security_group import (
    Ports,
    Rule,
    SecurityGroup,
    WrongRule,
    checked_ipv4,
    checked_ipv6,
    ports_of,
    said,
)
from emulator.domain.resource_filter import flag
from emulator.services.ec2 import finding
from emulator.store.ec2_tables import SECURITY_GROUPS
from emulator.wire.call import Call

Pair = tuple[SecurityGroup, Rule]
_FILTERS = {
    "group-id": lambda pair: [pair[0].id],
    "security-group-rule-id": lambda pair: [pair[1].id],
    "is-egress": lambda pair: flag(pair[1].egress),
}


def authorize_security_group_ingress(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return _authorize(call, request, egress=False)


def authorize_security_group_egress(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return _authorize(call, request, egress=True)


def _authorize(call: Call, request: Mapping[str, Any], *, egress: bool) -> dict[str, Any]:
    finding.warn_if_only_kept(call)
    group = finding.group_of(call, request)
    tags = finding.new_tags(request, "security-group-rule")
    known = {rule.key: rule for rule in group.rules}
    added: list[Rule] = []
    for rule in _asked(call, request, group, egress=egress):
        if rule.key in known:
            raise InvalidPermissionDuplicate(f'the specified rule "{said(rule)}" already exists')
        known[rule.key] = rule
        added.append(replace(rule, id=finding.new_id(call, "sgr"), tags=dict(tags)))
    call.tx.put(SECURITY_GROUPS, replace(group, rules=[*group.rules, *added]))
    return {"Return": True, "SecurityGroupRules": [_shown(call, group, rule) for rule in added]}


def revoke_security_group_ingress(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return _revoke(call, request, egress=False)


def revoke_security_group_egress(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return _revoke(call, request, egress=True)


def _revoke(call: Call, request: Mapping[str, Any], *, egress: bool) -> dict[str, Any]:
    finding.warn_if_only_kept(call)
    group = finding.group_of(call, request)
    gone: list[Rule] = []
    if request.get("SecurityGroupRuleIds"):
        by_id = {rule.id: rule for rule in group.rules if rule.egress is egress}
        for wanted in request["SecurityGroupRuleIds"]:
            if wanted not in by_id:
                raise _unknown_rule(wanted)
            gone.append(by_id[wanted])
    else:
        by_key = {rule.key: rule for rule in group.rules}
        for rule in _asked(call, request, group, egress=egress):
            if rule.key not in by_key:
                raise InvalidPermissionNotFound("The specified rule does not exist in this security group.")
            gone.append(by_key[rule.key])
    ids = {rule.id for rule in gone}
    call.tx.put(SECURITY_GROUPS, replace(group, rules=[rule for rule in group.rules if rule.id not in ids]))
    return {"Return": True, "RevokedSecurityGroupRules": [_revoked(group, rule) for rule in gone]}


def _asked(call: Call, request: Mapping[str, Any], group: SecurityGroup, *, egress: bool) -> list[Rule]:
    """The rules that a request means, without ids: its IpPermissions, or its one flat permission."""
    given: Sequence[Mapping[str, Any]] = request.get("IpPermissions") or _flat(request)
    if not given:
        raise MissingParameter("The request must contain the parameter ipPermissions")
    try:
        return [rule for permission in given for rule in _rules(call, permission, group, egress=egress)]
    except WrongRule as error:
        raise InvalidParameterValue(str(error)) from error


def _flat(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    if request.get("SourceSecurityGroupOwnerId"):
        raise NotEmulatedYet("Homeport does not emulate rules for groups of other accounts yet.")
    if "IpProtocol" not in request and "SourceSecurityGroupName" not in request:
        return []
    flat = {name: request[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in request}
    flat.setdefault("IpProtocol", "-1")
    if "CidrIp" in request:
        flat["IpRanges"] = [{"CidrIp": request["CidrIp"]}]
    if "SourceSecurityGroupName" in request:
        flat["UserIdGroupPairs"] = [{"GroupName": request["SourceSecurityGroupName"]}]
    return [flat]


def _rules(call: Call, permission: Mapping[str, Any], group: SecurityGroup, *, egress: bool) -> Iterator[Rule]:
    ports = ports_of(permission)
    count = 0
    for peer in _peers(call, permission, group):
        count += 1
        yield Rule("", egress, ports.protocol, ports.from_port, ports.to_port, **peer)
    if not count:
        raise MissingParameter("Either 'cidrIp', 'cidrIpv6', 'prefixListId' or 'groupId' should be provided.")


def _peers(call: Call, permission: Mapping[str, Any], group: SecurityGroup) -> Iterator[dict[str, Any]]:
    for item in permission.get("IpRanges", ()):
        yield {"cidr_ipv4": checked_ipv4(item.get("CidrIp", "")), "description": item.get("Description")}
    for item in permission.get("Ipv6Ranges", ()):
        yield {"cidr_ipv6": checked_ipv6(item.get("CidrIpv6", "")), "description": item.get("Description")}
    for item in permission.get("PrefixListIds", ()):
        raise NotEmulatedYet(f"Homeport does not emulate prefix lists yet: {item.get('PrefixListId')}.")
    for item in permission.get("UserIdGroupPairs", ()):
        other = _peer_group(call, item)
        if other.vpc_id != group.vpc_id:
            raise InvalidGroupNotFound("You have specified two resources that belong to different networks.")
        yield {"group_id": other.id, "group_account": other.account, "description": item.get("Description")}


def _peer_group(call: Call, item: Mapping[str, Any]) -> SecurityGroup:
    if item.get("UserId", call.account) != call.account:
        raise NotEmulatedYet("Homeport does not emulate rules for groups of other accounts yet.")
    if "GroupId" in item:
        return finding.security_group(call, item["GroupId"])
    return finding.group_named(call, str(item.get("GroupName", "")))


def describe_security_group_rules(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    pairs = [(group, rule) for group in finding.security_groups(call) for rule in group.rules]
    found, token = finding.chosen(
        call,
        request,
        pairs,
        ids="SecurityGroupRuleIds",
        find=_find,
        filters=_FILTERS,
        record_id=lambda pair: pair[1].id,
        tags=lambda pair: pair[1].tags,
    )
    return finding.paged("SecurityGroupRules", [_shown(call, *pair) for pair in found], token)


def modify_security_group_rules(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Each rule is replaced whole, and keeps its id and direction."""
    finding.warn_if_only_kept(call)
    group = finding.security_group(call, request["GroupId"])
    for update in request["SecurityGroupRules"]:
        group = _changed(call, group, update["SecurityGroupRuleId"], update.get("SecurityGroupRule", {}))
    call.tx.put(SECURITY_GROUPS, group)
    return {"Return": True}


def _changed(call: Call, group: SecurityGroup, rule_id: str, asked: Mapping[str, Any]) -> SecurityGroup:
    old = next((rule for rule in group.rules if rule.id == rule_id), None)
    if old is None:
        raise _unknown_rule(rule_id)
    try:
        ports: Ports = ports_of(asked)
        peer = _modified_peer(call, asked)
    except WrongRule as error:
        raise InvalidParameterValue(str(error)) from error
    new = Rule(
        old.id,
        old.egress,
        ports.protocol,
        ports.from_port,
        ports.to_port,
        description=asked.get("Description"),
        tags=old.tags,
        **peer,
    )
    if any(rule.key == new.key for rule in group.rules if rule.id != old.id):
        raise InvalidPermissionDuplicate(f'the specified rule "{said(new)}" already exists')
    return replace(group, rules=[new if rule.id == old.id else rule for rule in group.rules])


def _modified_peer(call: Call, asked: Mapping[str, Any]) -> dict[str, Any]:
    given = [name for name in ("CidrIpv4", "CidrIpv6", "PrefixListId", "ReferencedGroupId") if asked.get(name)]
    if len(given) != 1:
        raise InvalidParameterCombination("Specify exactly one of CidrIpv4, CidrIpv6, PrefixListId, ReferencedGroupId.")
    match given[0]:
        case "CidrIpv4":
            return {"cidr_ipv4": checked_ipv4(asked["CidrIpv4"])}
        case "CidrIpv6":
            return {"cidr_ipv6": checked_ipv6(asked["CidrIpv6"])}
        case "ReferencedGroupId":
            other = finding.security_group(call, asked["ReferencedGroupId"])
            return {"group_id": other.id, "group_account": other.account}
    raise NotEmulatedYet("Homeport does not emulate prefix lists yet.")


def update_security_group_rule_descriptions_ingress(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return _describe_anew(call, request, egress=False)


def update_security_group_rule_descriptions_egress(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return _describe_anew(call, request, egress=True)


def _describe_anew(call: Call, request: Mapping[str, Any], *, egress: bool) -> dict[str, Any]:
    group = finding.group_of(call, request)
    texts: dict[str, str | None] = {}
    if request.get("SecurityGroupRuleDescriptions"):
        for item in request["SecurityGroupRuleDescriptions"]:
            _rule_of(group, str(item.get("SecurityGroupRuleId", "")), egress=egress)
            texts[item["SecurityGroupRuleId"]] = item.get("Description")
    else:
        by_key = {rule.key: rule for rule in group.rules}
        for rule in _asked(call, request, group, egress=egress):
            if rule.key not in by_key:
                raise InvalidPermissionNotFound("The specified rule does not exist in this security group.")
            texts[by_key[rule.key].id] = rule.description
    rules = [replace(rule, description=texts.get(rule.id, rule.description)) for rule in group.rules]
    call.tx.put(SECURITY_GROUPS, replace(group, rules=rules))
    return {"Return": True}


def _rule_of(group: SecurityGroup, rule_id: str, *, egress: bool) -> Rule:
    for rule in group.rules:
        if rule.id == rule_id and rule.egress is egress:
            return rule
    raise _unknown_rule(rule_id)


def _find(call: Call, rule_id: str) -> Pair:
    for group in finding.security_groups(call):
        for rule in group.rules:
            if rule.id == rule_id:
                return group, rule
    raise _unknown_rule(rule_id)


def _unknown_rule(rule_id: str) -> AwsError:
    lost = InvalidSecurityGroupRuleIdNotFound(f"The security group rule ID '{rule_id[:128]}' does not exist")
    return malformed("sgr", rule_id) or lost


def _shown(call: Call, group: SecurityGroup, rule: Rule) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "SecurityGroupRuleId": rule.id,
        "SecurityGroupRuleArn": call.arn(f"security-group-rule/{rule.id}"),
        "GroupId": group.id,
        "GroupOwnerId": group.account,
        "IsEgress": rule.egress,
        "IpProtocol": rule.protocol,
        "FromPort": rule.from_port,
        "ToPort": rule.to_port,
        "Tags": finding.shown_tags(rule.tags),
        **_shown_peer(rule),
    }
    if rule.group_id is not None:
        shown["ReferencedGroupInfo"] = {"GroupId": rule.group_id, "UserId": rule.group_account}
        del shown["ReferencedGroupId"]
    return shown


def _shown_peer(rule: Rule) -> dict[str, Any]:
    peers = {
        "CidrIpv4": rule.cidr_ipv4,
        "CidrIpv6": rule.cidr_ipv6,
        "PrefixListId": rule.prefix_list_id,
        "ReferencedGroupId": rule.group_id,
        "Description": rule.description,
    }
    return {name: value for name, value in peers.items() if value is not None}


def _revoked(group: SecurityGroup, rule: Rule) -> dict[str, Any]:
    return {
        "SecurityGroupRuleId": rule.id,
        "GroupId": group.id,
        "IsEgress": rule.egress,
        "IpProtocol": rule.protocol,
        "FromPort": rule.from_port,
        "ToPort": rule.to_port,
        **_shown_peer(rule),
    }
