"""Elastic addresses, NAT gateways and VPC endpoints: the records, and what becomes of them with time. Pure.

They are kept and shown with their dependencies; nothing of a task's traffic goes through them, since tasks reach what
the engine's host reaches. Elastic addresses are of the ranges that RFC 5737 keeps for documents: nobody answers there.
Source: Amazon VPC user guide, "NAT gateways", "Elastic IP addresses", "AWS PrivateLink".
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

DOCUMENTS: Final = ("203.0.113.0/24", "198.51.100.0/24")
MAX_ADDRESSES: Final = 5
DELETED_KEPT_S: Final = 3600.0
"""How long a deleted NAT gateway is still described."""


class NoAddressLeft(Exception):
    """Every address of the ranges is given out."""


@dataclass(frozen=True, slots=True)
class ElasticAddress:
    """`id` is the allocation's. `association_id` and what it is associated with are set while it is."""

    account: str
    region: str
    id: str  # eipalloc-...
    public_ip: str
    association_id: str | None = None
    interface_id: str | None = None
    private_ip: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class NatGateway:
    """`allocation_id` and `public_ip` are those of a public one; `private_ip` is its address in the subnet."""

    account: str
    region: str
    id: str  # nat-...
    vpc_id: str
    subnet_id: str
    connectivity: str  # public, private
    created_at: float
    interface_id: str
    private_ip: str
    allocation_id: str | None = None
    association_id: str | None = None
    public_ip: str | None = None
    deleted_at: float | None = None
    tags: dict[str, str] = field(default_factory=dict)
    deleted: bool = False  # never set: deleted ones are shown until their time has passed

    def shown(self, now: float) -> bool:
        return self.deleted_at is None or now < self.deleted_at + DELETED_KEPT_S


@dataclass(frozen=True, slots=True)
class VpcEndpoint:
    """A way to an AWS service, by route tables (Gateway) or by interfaces in subnets (Interface).

    `interfaces`: by subnet id the interface's id and its private address.
    """

    account: str
    region: str
    id: str  # vpce-...
    vpc_id: str
    service_name: str
    kind: str  # Gateway, Interface
    created_at: float
    policy: str
    route_tables: list[str] = field(default_factory=list)
    interfaces: dict[str, tuple[str, str]] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)
    private_dns: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    deleted: bool = False


def address_from_the_end(cidr: str, taken: Collection[str]) -> str:
    """In a subnet, away from the addresses of tasks, which come from its beginning. NoAddressLeft."""
    network = ipaddress.IPv4Network(cidr)
    for number in range(int(network.broadcast_address) - 1, int(network.network_address) + 3, -1):
        address = str(ipaddress.IPv4Address(number))
        if address not in taken:
            return address
    raise NoAddressLeft(f"no address of {cidr} is left")


def next_elastic_address(taken: Collection[str]) -> str:
    for address in _addresses():
        if address not in taken:
            return address
    raise NoAddressLeft("no elastic address is left")


def _addresses() -> Iterator[str]:
    for cidr in DOCUMENTS:
        yield from map(str, ipaddress.IPv4Network(cidr).hosts())
