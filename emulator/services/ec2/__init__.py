"""Amazon EC2, as far as containers need it: VPCs and what stands in them, launch templates, instances as virtual hosts.

Security groups filter what tasks send and get, with --enforce-security-groups. Routes decide whether a public address
answers; NAT gateways and endpoints are kept and shown.
"""

from emulator.services.ec2 import (
    elastic_addresses,
    endpoint_services,
    images,
    instance_attributes,
    instances,
    internet_gateways,
    launch_templates,
    nat_gateways,
    network_acls,
    network_interfaces,
    route_tables,
    routes,
    run_instances,
    security_group_rules,
    security_groups,
    subnets,
    tags,
    vpc_endpoints,
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
    elastic_addresses,
    endpoint_services,
    nat_gateways,
    vpc_endpoints,
    launch_templates,
    images,
    instance_attributes,
    instances,
    run_instances,
    tags,
)

__all__ = ["AUTHORIZATION", "MODULES"]
