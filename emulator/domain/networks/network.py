"""The default VPC that every account and region has, and in which zone a subnet stands. Pure.

Ids are functions of account and region, so that they are the same in every run and need no table. Subnets that
nobody made (`subnet-aaaa` of a document) are adopted into the default VPC, each in a zone of its own choosing that
never changes. Source: Amazon VPC user guide, "Default VPCs": one /20 subnet in each Availability Zone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

ZONES: Final = ("a", "b", "c")


@dataclass(frozen=True, slots=True)
class Subnet:
    """One subnet of a VPC."""

    id: str
    vpc_id: str
    availability_zone: str


@dataclass(frozen=True, slots=True)
class KnownNetwork:
    """What stands in an account's region, as far as tasks need it.

    `groups` are security groups by id with the VPC of each, `default_groups` the group `default` of each VPC.
    """

    account: str
    region: str
    subnets: Mapping[str, Subnet] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    default_groups: Mapping[str, str] = field(default_factory=dict)

    def subnet(self, subnet_id: str) -> Subnet:
        """The subnet, or what a placeholder that nobody made is taken for: one of the default VPC's."""
        known = self.subnets.get(subnet_id)
        if known is not None:
            return known
        zone = availability_zone_of(subnet_id, self.region, self.account)
        return Subnet(subnet_id, default_vpc_id(self.account, self.region), zone)

    def default_group(self, vpc_id: str) -> str:
        """What an interface gets when no group is asked for."""
        return self.default_groups.get(vpc_id) or default_security_group_id(self.account, self.region)


def default_vpc_id(account: str, region: str) -> str:
    """The default VPC's id, e.g. `vpc-0123456789abcdef0`."""
    return f"vpc-{_digits('vpc', account, region)}"


def default_security_group_id(account: str, region: str) -> str:
    """The default security group of the default VPC, which an ENI gets when no group is asked for."""
    return f"sg-{_digits('sg', account, region)}"


def default_subnets(account: str, region: str) -> tuple[Subnet, ...]:
    """The default VPC's subnets, one in each of the region's zones a, b and c."""
    vpc = default_vpc_id(account, region)
    return tuple(Subnet(f"subnet-{_digits('subnet', account, region, zone)}", vpc, f"{region}{zone}") for zone in ZONES)


def network_id(kind: str, *parts: str) -> str:
    """The id of another part of the default VPC, e.g. `igw-0123456789abcdef0`."""
    return f"{kind}-{_digits(kind, *parts)}"


def availability_zone_of(subnet_id: str, region: str, account: str = "") -> str:
    """The zone of a subnet: its own for a default one, else one that its id decides for ever."""
    for subnet in default_subnets(account, region) if account else ():
        if subnet.id == subnet_id:
            return subnet.availability_zone
    return f"{region}{ZONES[int(_digits('zone', subnet_id), 16) % len(ZONES)]}"


def _digits(*parts: str) -> str:
    """17 hexadecimal digits, as AWS's resource ids have."""
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:17]
