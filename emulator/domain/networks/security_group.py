"""Security groups and their rules: what they are, when two rules are the same, what a rule may say. Pure.

Source: Amazon EC2 API model (IpPermission, SecurityGroupRule); Amazon VPC user guide, "Security group rules".
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from emulator.domain.networks.network import default_security_group_id, default_vpc_id, network_id

ALL: Final = "-1"
_NUMBERS: Final = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "-1": ALL}
_WITH_PORTS: Final = ("tcp", "udp")
_MAX_PORT: Final = 65535


@dataclass(frozen=True, slots=True)
class Rule:
    """One peer of one permission. Exactly one of cidr_ipv4, cidr_ipv6, prefix_list_id, group_id is set."""

    id: str
    egress: bool
    protocol: str  # tcp, udp, icmp, icmpv6, a number, -1 for all
    from_port: int = -1
    to_port: int = -1
    cidr_ipv4: str | None = None
    cidr_ipv6: str | None = None
    prefix_list_id: str | None = None
    group_id: str | None = None
    group_account: str | None = None
    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[object, ...]:
        """What makes two rules of a group the same."""
        peer = (self.cidr_ipv4, self.cidr_ipv6, self.prefix_list_id, self.group_id)
        return (self.egress, self.protocol, self.from_port, self.to_port, *peer)


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    account: str
    region: str
    id: str
    name: str
    vpc_id: str
    description: str
    rules: list[Rule] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    deleted: bool = False


class WrongRule(ValueError):
    """What a rule may not say; the text is AWS's."""


def default_security_group(account: str, region: str) -> SecurityGroup:
    """The default VPC's group `default`."""
    group_id = default_security_group_id(account, region)
    return group_named_default(
        account,
        region,
        group_id,
        default_vpc_id(account, region),
        (network_id("sgr", group_id, "ingress"), network_id("sgr", group_id, "egress")),
    )


def group_named_default(
    account: str, region: str, group_id: str, vpc_id: str, rule_ids: tuple[str, str]
) -> SecurityGroup:
    """What every VPC has: in from its own members, out to everywhere."""
    from_itself = Rule(rule_ids[0], False, ALL, group_id=group_id, group_account=account)
    rules = [from_itself, open_egress(rule_ids[1])]
    return SecurityGroup(account, region, group_id, "default", vpc_id, "default VPC security group", rules)


def open_egress(rule_id: str) -> Rule:
    """Every new group lets everything out."""
    return Rule(rule_id, True, ALL, cidr_ipv4="0.0.0.0/0")


@dataclass(frozen=True, slots=True)
class GroupMember:
    """The private address of a task's interface that stands in a security group, kept while groups are enforced."""

    account: str
    region: str
    group_id: str
    task_arn: str
    address: str


@dataclass(frozen=True, slots=True)
class Ports:
    """The protocol and ports of a permission."""

    protocol: str
    from_port: int
    to_port: int


def ports_of(permission: Mapping[str, Any]) -> Ports:
    """Checked as AWS checks them; WrongRule otherwise."""
    protocol = str(permission.get("IpProtocol", "")).lower()
    protocol = _NUMBERS.get(protocol, protocol)
    known = protocol in _NUMBERS.values() or (protocol.isdigit() and int(protocol) < 256)
    if not known:
        raise WrongRule(f"Invalid value '{protocol[:64]}' for IP protocol. Unknown protocol.")
    first, last = permission.get("FromPort"), permission.get("ToPort")
    if protocol == ALL or (protocol not in _WITH_PORTS and not protocol.startswith("icmp")):
        return Ports(protocol, -1, -1)
    if protocol in _WITH_PORTS:
        return Ports(protocol, *_port_range(first, last))
    return Ports(protocol, -1 if first is None else int(first), -1 if last is None else int(last))


def _port_range(first: int | None, last: int | None) -> tuple[int, int]:
    if first is None or last is None:
        raise WrongRule(f"Invalid value '{first}' for portRange. Must specify both from and to ports with TCP/UDP.")
    if first == -1 and last == -1:
        return 0, _MAX_PORT
    if not 0 <= first <= _MAX_PORT or not 0 <= last <= _MAX_PORT or first > last:
        raise WrongRule(f"Invalid TCP/UDP port range ({first}:{last})")
    return first, last


def checked_ipv4(cidr: str) -> str:
    """A rule's range, host bits cleared as AWS does."""
    try:
        return str(ipaddress.IPv4Network(cidr if "/" in cidr else "x", strict=False))
    except ValueError as error:
        raise WrongRule(f"CIDR block {cidr[:64]} is malformed") from error


def checked_ipv6(cidr: str) -> str:
    try:
        return str(ipaddress.IPv6Network(cidr if "/" in cidr else "x", strict=False))
    except ValueError as error:
        raise WrongRule(f"CIDR block {cidr[:64]} is malformed") from error


def said(rule: Rule) -> str:
    """`peer: 10.0.0.0/8, TCP, from port: 80, to port: 80, ALLOW`: how AWS names a rule in an error."""
    peer = rule.cidr_ipv4 or rule.cidr_ipv6 or rule.prefix_list_id or rule.group_id
    protocol = "ALL" if rule.protocol == ALL else rule.protocol.upper()
    ports = "" if rule.protocol not in _WITH_PORTS else f", from port: {rule.from_port}, to port: {rule.to_port}"
    return f"peer: {peer}, {protocol}{ports}, ALLOW"


def permissions(rules: Sequence[Rule], *, egress: bool) -> list[dict[str, Any]]:
    """The rules as DescribeSecurityGroups shows them: one IpPermission for each protocol and port range."""
    shown: dict[tuple[str, int, int], dict[str, Any]] = {}
    for rule in rules:
        if rule.egress is not egress:
            continue
        permission = shown.setdefault((rule.protocol, rule.from_port, rule.to_port), _permission(rule))
        member, peer = _peer(rule)
        if rule.description is not None:
            peer["Description"] = rule.description
        permission[member].append(peer)
    return list(shown.values())


def _permission(rule: Rule) -> dict[str, Any]:
    lists: dict[str, Any] = {"IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": [], "UserIdGroupPairs": []}
    if rule.protocol == ALL:
        return {"IpProtocol": rule.protocol, **lists}
    return {"IpProtocol": rule.protocol, "FromPort": rule.from_port, "ToPort": rule.to_port, **lists}


def _peer(rule: Rule) -> tuple[str, dict[str, Any]]:
    if rule.cidr_ipv4 is not None:
        return "IpRanges", {"CidrIp": rule.cidr_ipv4}
    if rule.cidr_ipv6 is not None:
        return "Ipv6Ranges", {"CidrIpv6": rule.cidr_ipv6}
    if rule.prefix_list_id is not None:
        return "PrefixListIds", {"PrefixListId": rule.prefix_list_id}
    return "UserIdGroupPairs", {"GroupId": rule.group_id, "UserId": rule.group_account}
