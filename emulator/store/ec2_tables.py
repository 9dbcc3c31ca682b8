"""Tables of EC2: networking, launch templates, instances. What every account has by default is a row only once it was
changed (domain/networks/vpc.py)."""

from __future__ import annotations

from emulator.domain.capacity.ec2_instance import Ec2Instance
from emulator.domain.capacity.launch_template import LaunchTemplate
from emulator.domain.networks.address_translation import ElasticAddress, NatGateway, VpcEndpoint
from emulator.domain.networks.network_acl import NetworkAcl
from emulator.domain.networks.network_interface import NetworkInterface
from emulator.domain.networks.security_group import SecurityGroup
from emulator.domain.networks.vpc import InternetGateway, RouteTable, Subnet, Vpc
from emulator.store.tables import Table

_KEY = ("account", "region", "id")

VPCS: Table[Vpc] = Table("ec2_vpcs", Vpc, key=_KEY, wakes=lambda vpc: [("vpc", f"{vpc.account}/{vpc.region}/{vpc.id}")])
SUBNETS: Table[Subnet] = Table("ec2_subnets", Subnet, key=_KEY, indexes=(("vpc_id",),))
ROUTE_TABLES: Table[RouteTable] = Table("ec2_route_tables", RouteTable, key=_KEY, indexes=(("vpc_id",),))
INTERNET_GATEWAYS: Table[InternetGateway] = Table("ec2_internet_gateways", InternetGateway, key=_KEY)
SECURITY_GROUPS: Table[SecurityGroup] = Table(
    "ec2_security_groups",
    SecurityGroup,
    key=_KEY,
    indexes=(("vpc_id",),),
    wakes=lambda group: [("security_groups", f"{group.account}/{group.region}")],
)
ADDRESSES: Table[ElasticAddress] = Table("ec2_addresses", ElasticAddress, key=_KEY, unique=(("public_ip",),))
NETWORK_ACLS: Table[NetworkAcl] = Table("ec2_network_acls", NetworkAcl, key=_KEY, indexes=(("vpc_id",),))
NAT_GATEWAYS: Table[NatGateway] = Table("ec2_nat_gateways", NatGateway, key=_KEY)
NETWORK_INTERFACES: Table[NetworkInterface] = Table("ec2_network_interfaces", NetworkInterface, key=_KEY)
VPC_ENDPOINTS: Table[VpcEndpoint] = Table("ec2_vpc_endpoints", VpcEndpoint, key=_KEY)


def _instance_keys(instance: Ec2Instance) -> list[tuple[str, str]]:
    """A changed instance wakes itself, and its Auto Scaling group or the capacity provider that ECS has it for."""
    here = f"{instance.account}/{instance.region}"
    keys = [("ec2_instance", f"{here}/{instance.id}")]
    if instance.managed_by:
        keys.append(("capacity_provider", f"{here}/{instance.managed_by}"))
    return [*keys, ("auto_scaling_group", f"{here}/{instance.scaling_group}")] if instance.scaling_group else keys


LAUNCH_TEMPLATES: Table[LaunchTemplate] = Table(
    "ec2_launch_templates", LaunchTemplate, key=_KEY, unique=(("account", "region", "name"),)
)
INSTANCES: Table[Ec2Instance] = Table(
    "ec2_instances",
    Ec2Instance,
    key=_KEY,
    indexes=(
        ("account", "region", "scaling_group"),
        ("account", "region", "managed_by"),
        ("container_instance",),
        ("client_token",),
    ),
    wakes=_instance_keys,
)

TABLES = (
    VPCS,
    SUBNETS,
    ROUTE_TABLES,
    INTERNET_GATEWAYS,
    SECURITY_GROUPS,
    NETWORK_ACLS,
    ADDRESSES,
    NAT_GATEWAYS,
    NETWORK_INTERFACES,
    VPC_ENDPOINTS,
    LAUNCH_TEMPLATES,
    INSTANCES,
)
