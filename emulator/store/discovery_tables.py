"""Tables of AWS Cloud Map."""

from __future__ import annotations

from emulator.domain.discovery.instance import Instance
from emulator.domain.discovery.namespace import Namespace
from emulator.domain.discovery.operation import Operation
from emulator.domain.discovery.service import DiscoveryService
from emulator.store.tables import Table

NAMESPACES: Table[Namespace] = Table(
    "discovery_namespaces", Namespace, key=("account", "region", "id"), indexes=(("vpc_id",),)
)
DISCOVERY_SERVICES: Table[DiscoveryService] = Table(
    "discovery_services",
    DiscoveryService,
    key=("account", "region", "id"),
    indexes=(("account", "region", "namespace_id"),),
)
INSTANCES: Table[Instance] = Table("discovery_instances", Instance, key=("account", "region", "service_id", "id"))
OPERATIONS: Table[Operation] = Table(
    "discovery_operations",
    Operation,
    key=("account", "region", "id"),
    indexes=(("status",),),
    wakes=lambda operation: [] if operation.ended else [("discovery_operation", operation.key)],
)

TABLES = (NAMESPACES, DISCOVERY_SERVICES, INSTANCES, OPERATIONS)
