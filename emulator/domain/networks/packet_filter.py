"""What security groups let through to and from one network interface. Pure.

Rules only allow; what none allows is dropped. Answers to what was let through are let through, too (stateful). A rule
that names a group means the private addresses of the interfaces in that group.
Source: Amazon VPC user guide, "Security group rules", "Security group connection tracking".
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from emulator.domain.networks.security_group import ALL, Rule, SecurityGroup

ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True, slots=True)
class Allow:
    """One rule: `cidr`, or the single `addresses` when that is empty. Ports are -1 where the rule names none; for icmp
    they are type and code."""

    egress: bool
    protocol: str  # tcp, udp, icmp, a number, -1
    from_port: int = -1
    to_port: int = -1
    cidr: str = ""
    addresses: tuple[str, ...] = ()


OPEN_EGRESS = Allow(True, ALL, cidr=ANYWHERE)
"""What a group has until somebody changes it; so an interface whose group nobody made has that."""


def allowances(
    groups_of_interface: Sequence[str], groups: Mapping[str, SecurityGroup], members: Mapping[str, Set[str]]
) -> tuple[Allow, ...]:
    """The union of its groups' rules, in a stable order. `members` are the addresses in each group."""
    found: dict[Allow, None] = {}
    for group_id in groups_of_interface:
        group = groups.get(group_id)
        if group is None:
            found[OPEN_EGRESS] = None
            continue
        for rule in group.rules:
            allow = _allow(rule, members)
            if allow is not None:
                found[allow] = None
    return tuple(sorted(found, key=lambda a: (a.egress, a.protocol, a.from_port, a.to_port, a.cidr, a.addresses)))


def lets_in(allows: Iterable[Allow], protocol: str, port: int, address: str) -> bool:
    """Whether any of them lets packets of tcp or udp for a port in from an address."""
    return any(
        not allow.egress
        and allow.protocol in (ALL, protocol)
        and (allow.protocol == ALL or allow.from_port == -1 or allow.from_port <= port <= allow.to_port)
        and (
            address in allow.addresses
            if not allow.cidr
            else ipaddress.ip_address(address) in ipaddress.ip_network(allow.cidr, strict=False)
        )
        for allow in allows
    )


def _allow(rule: Rule, members: Mapping[str, Set[str]]) -> Allow | None:
    """None for a rule that nobody here can match: IPv6, an empty group."""
    what = (rule.egress, rule.protocol, rule.from_port, rule.to_port)
    if rule.cidr_ipv4 is not None:
        return Allow(*what, cidr=rule.cidr_ipv4)
    addresses = tuple(sorted(members.get(rule.group_id or "", ())))
    return Allow(*what, addresses=addresses) if addresses else None
