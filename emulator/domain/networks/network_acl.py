"""Network ACLs: numbered rules of a VPC's subnets. Kept and shown; packets are filtered by security groups alone. Pure.

Every VPC has a default one, a function of its id, until somebody changes it. A subnet is associated with exactly one:
that which names it, else the default one of its VPC.
Source: Amazon VPC user guide, "Network ACL basics"; Amazon EC2 API model (NetworkAclEntry).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from emulator.domain.networks.network import network_id
from emulator.domain.networks.vpc import ANYWHERE, Vpc, WrongRange

LAST_RULE: Final = 32767
"""What no rule lets through is denied: the rule that every ACL ends with and nobody changes."""
_NUMBERS: Final = {"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58", "all": "-1"}


@dataclass(frozen=True, slots=True)
class Entry:
    """Protocols are numbers as text; ports None where the protocol has none. For icmp they are type and code."""

    number: int
    egress: bool
    protocol: str
    action: str  # allow, deny
    cidr: str
    from_port: int | None = None
    to_port: int | None = None
    icmp: tuple[int, int] | None = None

    @property
    def key(self) -> tuple[bool, int]:
        return self.egress, self.number


@dataclass(frozen=True, slots=True)
class NetworkAcl:
    """`subnets` are those that name it; of a default one only those that were given back to it."""

    account: str
    region: str
    id: str
    vpc_id: str
    is_default: bool = False
    entries: list[Entry] = field(default_factory=list)
    subnets: dict[str, str] = field(default_factory=dict)  # subnet id -> association id
    tags: dict[str, str] = field(default_factory=dict)
    deleted: bool = False


def default_acl(vpc: Vpc) -> NetworkAcl:
    """Lets everything through, both ways."""
    entries = [
        entry
        for egress in (True, False)
        for entry in (Entry(100, egress, "-1", "allow", ANYWHERE), Entry(LAST_RULE, egress, "-1", "deny", ANYWHERE))
    ]
    return NetworkAcl(vpc.account, vpc.region, network_id("acl", vpc.id), vpc.id, is_default=True, entries=entries)


def last_entries() -> list[Entry]:
    """What a new ACL has: nothing passes."""
    return [Entry(LAST_RULE, egress, "-1", "deny", ANYWHERE) for egress in (True, False)]


def entry_of(request: Mapping[str, Any]) -> Entry:
    """The rule that a request says; WrongRange, in AWS's words where they are known, for one that cannot be."""
    number, protocol = int(request["RuleNumber"]), str(request["Protocol"]).lower()
    protocol = _NUMBERS.get(protocol, protocol)
    if not 1 <= number < LAST_RULE:
        raise WrongRange(f"The ruleNumber {number} is not in the range 1 to {LAST_RULE - 1}")
    if protocol != "-1" and not (protocol.isdigit() and int(protocol) < 256):
        raise WrongRange(f"Invalid value '{protocol[:64]}' for protocol.")
    ports, icmp = request.get("PortRange") or {}, request.get("IcmpTypeCode")
    first, last = ports.get("From"), ports.get("To")
    if protocol in ("6", "17") and (first is None or last is None or not 0 <= first <= last <= 65535):
        raise WrongRange(f"Invalid TCP/UDP port range ({first}:{last})")
    try:
        cidr = str(ipaddress.IPv4Network(str(request.get("CidrBlock", "")), strict=False))
    except ValueError as error:
        raise WrongRange(f"CIDR block {str(request.get('CidrBlock'))[:64]} is malformed") from error
    code = (int(icmp.get("Type", -1)), int(icmp.get("Code", -1))) if icmp and protocol in ("1", "58") else None
    return Entry(number, bool(request["Egress"]), protocol, str(request["RuleAction"]), cidr, first, last, code)
