"""VPCs, subnets, route tables and internet gateways: the records, and those that every account has. Pure.

The default VPC needs no row until somebody changes it: its parts are functions of account and region, and a stored
record of the same id takes their place; a `deleted` one hides it.
Source: Amazon VPC user guide, "Default VPCs", "Subnet sizing", "Route tables".
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from emulator.domain.networks.network import default_subnets as default_subnet_places
from emulator.domain.networks.network import default_vpc_id, network_id

DEFAULT_CIDR: Final = "172.31.0.0/16"
ANYWHERE: Final = "0.0.0.0/0"
_VPC_PREFIXES: Final = range(16, 29)


@dataclass(frozen=True, slots=True)
class Vpc:
    """`cidr` is its one IPv4 range, /16 to /28."""

    account: str
    region: str
    id: str
    cidr: str
    is_default: bool = False
    dns_support: bool = True
    dns_hostnames: bool = False
    address_metrics: bool = False
    tenancy: str = "default"
    tags: dict[str, str] = field(default_factory=dict)
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Subnet:
    """A slice of its VPC's range, in one Availability Zone."""

    account: str
    region: str
    id: str
    vpc_id: str
    cidr: str
    availability_zone: str
    is_default: bool = False
    map_public_ip: bool = False
    dns64: bool = False
    hostname_type: str = "ip-name"
    resource_name_a_record: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """`kind` names the member of the target: GatewayId, NatGatewayId, NetworkInterfaceId, ..."""

    destination: str
    kind: str
    target: str
    origin: str = "CreateRoute"
    state: str = "active"


@dataclass(frozen=True, slots=True)
class Association:
    """What a route table serves: a subnet, or (main) every subnet of its VPC that has none of its own."""

    id: str
    subnet_id: str | None = None
    main: bool = False


@dataclass(frozen=True, slots=True)
class RouteTable:
    account: str
    region: str
    id: str
    vpc_id: str
    routes: list[Route] = field(default_factory=list)
    associations: list[Association] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    deleted: bool = False

    @property
    def is_main(self) -> bool:
        return any(association.main for association in self.associations)


@dataclass(frozen=True, slots=True)
class InternetGateway:
    """`vpc_id` None: attached to no VPC."""

    account: str
    region: str
    id: str
    vpc_id: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    deleted: bool = False


def default_vpc(account: str, region: str) -> Vpc:
    return Vpc(account, region, default_vpc_id(account, region), DEFAULT_CIDR, is_default=True, dns_hostnames=True)


def default_subnets(account: str, region: str) -> tuple[Subnet, ...]:
    """One /20 in each zone, which gives public addresses."""
    slices = ipaddress.ip_network(DEFAULT_CIDR).subnets(new_prefix=20)
    return tuple(
        Subnet(
            account,
            region,
            place.id,
            place.vpc_id,
            str(cidr),
            place.availability_zone,
            is_default=True,
            map_public_ip=True,
        )
        for place, cidr in zip(default_subnet_places(account, region), slices, strict=False)
    )


def dhcp_options_id(account: str, region: str) -> str:
    """The one set of DHCP options that every VPC of the region has."""
    return network_id("dopt", account, region)


def default_internet_gateway(account: str, region: str) -> InternetGateway:
    return InternetGateway(account, region, network_id("igw", account, region), vpc_id=default_vpc_id(account, region))


def default_route_table(account: str, region: str) -> RouteTable:
    """The default VPC's main route table: its own range, and everything else through the internet gateway."""
    vpc = default_vpc(account, region)
    table = main_route_table(vpc, network_id("rtb", account, region), network_id("rtbassoc", account, region))
    way_out = Route(ANYWHERE, "GatewayId", default_internet_gateway(account, region).id)
    return RouteTable(account, region, table.id, vpc.id, [*table.routes, way_out], table.associations)


def main_route_table(vpc: Vpc, table_id: str, association_id: str) -> RouteTable:
    """What AWS makes with every VPC: the range of the VPC is local."""
    return RouteTable(
        vpc.account, vpc.region, table_id, vpc.id, [local_route(vpc.cidr)], [Association(association_id, main=True)]
    )


def local_route(cidr: str) -> Route:
    return Route(cidr, "GatewayId", "local", origin="CreateRouteTable")


def zone_id(zone: str) -> str:
    """`use1-az1` for us-east-1a: how AWS shortens a region's name (unconfirmed for young regions)."""
    area, direction, number = zone[:-1].rsplit("-", 2) if zone.count("-") > 1 else (zone, "", "")
    words = {"north": "n", "south": "s", "east": "e", "west": "w", "central": "c"}
    short, rest = "", direction
    while rest:
        word = next((w for w in words if rest.startswith(w)), rest)
        short, rest = short + words.get(word, word), rest[len(word) :]
    return f"{area.replace('-', '')}{short}{number}-az{ord(zone[-1]) - ord('a') + 1}"


# -- ranges


class WrongRange(ValueError):
    """Not a range that a VPC or subnet can have; the text is AWS's."""


def check_vpc_range(cidr: str) -> str:
    """The range in its own form; host bits are cleared, as AWS does. WrongRange otherwise."""
    network = _network(cidr)
    if network.prefixlen not in _VPC_PREFIXES:
        raise WrongRange(f"The CIDR '{cidr}' is invalid.")
    return str(network)


def check_subnet_range(cidr: str, vpc_cidr: str, others: Collection[str]) -> str:
    """As for a VPC, and it must lie within the VPC and touch no other subnet (`overlap` in the text)."""
    network, vpc = _network(cidr), ipaddress.IPv4Network(vpc_cidr)
    if network.prefixlen not in _VPC_PREFIXES or not network.subnet_of(vpc):
        raise WrongRange(f"The CIDR '{cidr}' is invalid.")
    if any(network.overlaps(ipaddress.IPv4Network(other)) for other in others):
        raise RangeConflict(f"The CIDR '{cidr}' conflicts with another subnet")
    return str(network)


class RangeConflict(WrongRange):
    """Two subnets of a VPC overlap."""


def check_destination(cidr: str) -> str:
    """A route's destination."""
    try:
        return str(ipaddress.IPv4Network(cidr, strict=False))
    except ValueError as error:
        raise WrongRange(f"Value ({cidr[:64]}) for parameter destinationCidrBlock is invalid.") from error


def free_addresses(cidr: str, taken: int) -> int:
    """AWS keeps five addresses of every subnet."""
    return max(ipaddress.IPv4Network(cidr).num_addresses - 5 - taken, 0)


def route_table_of(tables: Sequence[RouteTable], subnet: Subnet) -> RouteTable | None:
    """The one associated with the subnet, else the main one of its VPC."""
    own = (t for t in tables if any(a.subnet_id == subnet.id for a in t.associations))
    main = (t for t in tables if t.vpc_id == subnet.vpc_id and t.is_main)
    return next(own, None) or next(main, None)


def leads_out(tables: Sequence[RouteTable], gateways: Sequence[InternetGateway], subnet: Subnet) -> bool:
    """Whether a public address in the subnet answers: its routes lead everywhere through the VPC's internet gateway."""
    table = route_table_of(tables, subnet)
    attached = {gateway.id for gateway in gateways if gateway.vpc_id == subnet.vpc_id}
    return table is not None and any(r.destination == ANYWHERE and r.target in attached for r in table.routes)


def _network(cidr: str) -> ipaddress.IPv4Network:
    try:
        if "/" not in cidr:
            raise ValueError(cidr)
        return ipaddress.IPv4Network(cidr, strict=False)
    except ValueError as error:
        raise WrongRange(
            f"Value ({cidr[:64]}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
        ) from error
