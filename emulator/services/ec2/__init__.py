"""Amazon EC2, as far as containers need it: VPCs and what stands in them. There are no EC2 instances here.

Security groups and routes are kept and shown; between tasks nothing is filtered or routed by them yet.
"""

from emulator.services.ec2 import (
    internet_gateways,
    network_acls,
    network_interfaces,
    route_tables,
    routes,
    security_group_rules,
    security_groups,
    subnets,
    tags,
    vpcs,
    zones,
)
from emulator.services.ec2.authorization import AUTHORIZATION

MODULES = (
    vpcs,
    subnets,
    route_tables,
    routes,
    internet_gateways,
    security_groups,
    security_group_rules,
    network_interfaces,
    network_acls,
    zones,
    tags,
)

__all__ = ["AUTHORIZATION", "MODULES"]
