"""What stands in an account's region: the rows, and of the default VPC what has none (domain/networks/vpc.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from emulator.domain.networks import network
from emulator.domain.networks.network import KnownNetwork
from emulator.domain.networks.security_group import SecurityGroup, default_security_group
from emulator.domain.networks.vpc import (
    InternetGateway,
    RouteTable,
    Subnet,
    Vpc,
    default_internet_gateway,
    default_route_table,
    default_subnets,
    default_vpc,
)
from emulator.domain.tasks.task import Task
from emulator.store.database import Reader, Transaction
from emulator.store.ec2_tables import INTERNET_GATEWAYS, ROUTE_TABLES, SECURITY_GROUPS, SUBNETS, VPCS
from emulator.store.ecs_tables import TASKS
from emulator.store.tables import Table

T = TypeVar("T", Vpc, Subnet, RouteTable, InternetGateway, SecurityGroup)


def vpcs(reader: Reader, account: str, region: str) -> list[Vpc]:
    return _with_defaults(reader, VPCS, account, region, lambda: [default_vpc(account, region)])


def subnets(reader: Reader, account: str, region: str) -> list[Subnet]:
    return _with_defaults(reader, SUBNETS, account, region, lambda: default_subnets(account, region))


def route_tables(reader: Reader, account: str, region: str) -> list[RouteTable]:
    return _with_defaults(reader, ROUTE_TABLES, account, region, lambda: [default_route_table(account, region)])


def internet_gateways(reader: Reader, account: str, region: str) -> list[InternetGateway]:
    return _with_defaults(
        reader, INTERNET_GATEWAYS, account, region, lambda: [default_internet_gateway(account, region)]
    )


def security_groups(reader: Reader, account: str, region: str) -> list[SecurityGroup]:
    return _with_defaults(reader, SECURITY_GROUPS, account, region, lambda: [default_security_group(account, region)])


def known_network(reader: Reader, account: str, region: str) -> KnownNetwork:
    """What tasks may stand in and be guarded by."""
    groups = security_groups(reader, account, region)
    return KnownNetwork(
        account,
        region,
        {s.id: network.Subnet(s.id, s.vpc_id, s.availability_zone) for s in subnets(reader, account, region)},
        {group.id: group.vpc_id for group in groups},
        {group.vpc_id: group.id for group in groups if group.name == "default"},
    )


def tasks_with_interface(reader: Reader, account: str, region: str) -> list[Task]:
    """Tasks whose network interface is there: attached, and not yet deleted."""
    found: list[Task] = reader.find(TASKS, account=account, region=region)
    return [t for t in found if t.eni is not None and t.eni.private_ip and not t.stopped]


def remove(tx: Transaction, table: Table[T], record: T) -> None:
    """Deletes the row; what exists without a row is hidden by one."""
    account: str = record.account
    region: str = record.region
    hidden = {
        default_vpc(account, region).id,
        *(subnet.id for subnet in default_subnets(account, region)),
        default_route_table(account, region).id,
        default_internet_gateway(account, region).id,
        default_security_group(account, region).id,
    }
    if record.id in hidden:
        tx.put(table, replace(record, deleted=True))
    else:
        tx.delete(table, account, region, record.id)


def _with_defaults(
    reader: Reader, table: Table[T], account: str, region: str, defaults: Callable[[], Sequence[Any]]
) -> list[T]:
    """In order of id."""
    by_id: dict[str, T] = {record.id: record for record in defaults()}
    by_id.update((record.id, record) for record in reader.find(table, account=account, region=region))
    return [by_id[key] for key in sorted(by_id) if not by_id[key].deleted]
