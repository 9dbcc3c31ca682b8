"""The networks and addresses that tasks stand on: chosen in the database, made in the engine.

What must be unique (a VPC's range, a subnet's slice, a task's addresses) is a row; the engine's networks are made to
fit the rows, and a range that the host already uses is given up for the next.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

from emulator.domain.networks.address_plan import (
    PUBLIC,
    RangeExhausted,
    SubnetSlice,
    VpcRange,
    engine_range,
    gateway_of,
    moved,
    next_address,
    next_slice,
    overlap,
    public_range,
    ranges_to_try,
)
from emulator.domain.networks.network import default_vpc_id
from emulator.domain.networks.vpc import Subnet, Vpc, default_vpc, leads_out
from emulator.domain.tasks.task import AddressAllocation, Eni, Task
from emulator.engine import labels
from emulator.engine.base import EngineError, NetworkConflict, NetworkSpec
from emulator.store import vpc_queries
from emulator.store.database import Database, Reader, Transaction
from emulator.store.discovery import private_namespaces
from emulator.store.ecs_tables import ADDRESSES, GROUP_MEMBERS, SUBNET_SLICES, VPC_RANGES

_log = logging.getLogger("homeport.control")


_OVERLAY: Final = "-overlay"
ASKED_SINGLY: Final = 8


@dataclass(frozen=True, slots=True)
class Provided:
    """Where a task's interface stands. `note` says when that is not where its VPC's range says it would be."""

    network: str
    address: str
    note: str = ""


class NetworkSource(Protocol):
    """Who makes the networks: an engine, or several in one swarm."""

    def ensure_network(self, spec: NetworkSpec) -> None: ...
    def remove_network(self, name: str) -> None: ...
    def list_networks(self, labels: Mapping[str, str]) -> list[str]: ...


class Networks:
    """`owned` are the labels of what this emulator makes; `preferred` is the range of the default VPC that the user
    asked for; `overlay`: the networks reach over several engines."""

    def __init__(
        self,
        database: Database,
        engine: NetworkSource,
        instance: str,
        owned: dict[str, str],
        preferred: str | None,
        *,
        overlay: bool = False,
    ) -> None:
        self._overlay = overlay
        self._database = database
        self._engine = engine
        self._instance = instance
        self._owned = owned
        self._preferred = preferred
        self._made: set[str] = set()
        self._lock = threading.Lock()
        self._last: dict[str, str] = {}

    def name_of(self, account: str, region: str, vpc_id: str) -> str:
        """The Docker network of a VPC."""
        own = f"homeport-{self._instance[:8]}-{account}-{region}{_OVERLAY if self._overlay else ''}"
        return own if vpc_id in ("", default_vpc_id(account, region)) else f"{own}-{vpc_id}"

    def provide(self, task: Task, eni: Eni) -> Provided:
        """The network's name and the task's address on it; the same ones when asked again."""
        network = self.name_of(task.account, task.region, eni.vpc_id)
        with self._lock:
            if network not in self._made:
                self._make(network, task, eni)
                self._made.add(network)
        with self._database.write() as tx:
            vpc = _vpc(tx, task, eni)
            address = self._allocate(tx, network, task, eni, vpc)
            actual = tx.get(VPC_RANGES, network)
        note = ""
        if actual is not None and actual.cidr != vpc.cidr:
            note = (
                f"{vpc.cidr} of {vpc.id} is in use on this host, so its interfaces have addresses of {actual.cidr} here"
            )
        return Provided(network, address, note)

    def provide_public(self, task: Task) -> str:
        """A loopback address of this host that no other task has; the same one when asked again."""
        with self._database.write() as tx:
            mine = [row for row in tx.find(ADDRESSES, task_arn=task.arn) if row.network == PUBLIC]
            return mine[0].address if mine else self._take(tx, PUBLIC, public_range(self._instance), task)

    def has_private_names(self, task: Task) -> bool:
        """Whether its VPC has namespaces of Cloud Map whose names resolve there."""
        with self._database.read() as reader:
            vpc_id = task.eni.vpc_id if task.eni else ""
            return bool(private_namespaces(reader, task.account, task.region, vpc_id))

    def leads_out(self, task: Task, eni: Eni) -> bool:
        """Whether the interface's public address answers, by its subnet's routes."""
        with self._database.read() as reader:
            where = (reader, task.account, task.region)
            known = [subnet for subnet in vpc_queries.subnets(*where) if subnet.id == eni.subnet_id]
            adopted = Subnet(task.account, task.region, eni.subnet_id, eni.vpc_id, "", "")
            tables, gateways = vpc_queries.route_tables(*where), vpc_queries.internet_gateways(*where)
            return leads_out(tables, gateways, known[0] if known else adopted)

    def skip_address(self, task: Task, *, public: bool = False) -> None:
        """The engine found the task's address in use by a stranger: give it up and never hand it out again."""
        with self._database.write() as tx:
            for taken in tx.find(ADDRESSES, task_arn=task.arn):
                if (taken.network == PUBLIC) is public:
                    tx.put(ADDRESSES, AddressAllocation(taken.network, taken.address, "stranger"))

    def give_up_public(self, task: Task) -> None:
        """The engine's host has no other loopback addresses than 127.0.0.1."""
        with self._database.write() as tx:
            tx.delete(ADDRESSES, PUBLIC, self.provided_public(tx, task))

    @staticmethod
    def provided_public(reader: Reader, task: Task) -> str:
        """The task's public address, empty when it has none."""
        rows = (row for row in reader.find(ADDRESSES, task_arn=task.arn) if row.network == PUBLIC)
        return next((row.address for row in rows), "")

    def forget_made(self) -> None:
        """The engine was restarted or cleaned: look again whether the networks are there."""
        with self._lock:
            self._made.clear()

    def remove_vpc(self, account: str, region: str, vpc_id: str) -> None:
        """The bridge of a VPC that was deleted, unless something stands on it yet."""
        network = self.name_of(account, region, vpc_id)
        with self._database.read() as reader:
            if reader.get(VPC_RANGES, network) is None or reader.count(ADDRESSES, network=network) > 0:
                return
        try:
            with self._lock:
                self._engine.remove_network(network)
                self._made.discard(network)
        except EngineError as error:
            _log.info("the bridge of %s cannot be removed yet: %s", vpc_id, error)
            return
        with self._database.write() as tx:
            for slice_ in tx.find(SUBNET_SLICES, network=network):
                tx.delete(SUBNET_SLICES, network, slice_.subnet_id)
            tx.delete(VPC_RANGES, network)

    def remove_all(self) -> None:
        """Removes this emulator's bridges that nothing uses, one at a time."""
        self.forget_made()
        for name in self._engine.list_networks({labels.INSTANCE: self._instance}):
            self._engine.remove_network(name)

    def _make(self, network: str, task: Task, eni: Eni) -> None:
        """Makes the bridge in the first range that is free on the host and in our own rows."""
        with self._database.read() as reader:
            vpc = _vpc(reader, task, eni)
            kept = reader.get(VPC_RANGES, network)
            others = {r.cidr for r in reader.find(VPC_RANGES) if r.network != network}
            in_use = reader.count(ADDRESSES, network=network) > 0
        candidates = [kept.cidr] if kept else []
        if not (kept and in_use):
            preferred = self._preferred if vpc.is_default else None
            candidates += [c for c in ranges_to_try(vpc.cidr, preferred, others) if c not in candidates]
        refusal: NetworkConflict | None = None
        for cidr in candidates:
            try:
                self._engine.ensure_network(self._spec(network, cidr, eni))
            except NetworkConflict as error:
                _log.info("range %s is taken on this host: %s", cidr, error)
                refusal = error
                continue
            if kept is None or kept.cidr != cidr:
                self._keep(VpcRange(network, task.account, task.region, eni.vpc_id, cidr))
            return
        raise refusal or NetworkConflict("no range is left for another VPC")

    def _spec(self, network: str, cidr: str, eni: Eni) -> NetworkSpec:
        plain = NetworkSpec(network, cidr, gateway_of(cidr), self._network_labels(eni))
        return replace(plain, driver="overlay", engine_cidr=engine_range(cidr)) if self._overlay else plain

    def _network_labels(self, eni: Eni) -> dict[str, str]:
        return {**self._owned, labels.KIND: "network", labels.VPC: eni.vpc_id}

    def _keep(self, chosen: VpcRange) -> None:
        with self._database.write() as tx:
            for old in tx.find(SUBNET_SLICES, network=chosen.network):
                tx.delete(SUBNET_SLICES, old.network, old.subnet_id)
            tx.put(VPC_RANGES, chosen)

    def _allocate(self, tx: Transaction, network: str, task: Task, eni: Eni, vpc: Vpc) -> str:
        mine = [row for row in tx.find(ADDRESSES, task_arn=task.arn) if row.network == network]
        if mine:
            return mine[0].address
        return self._take(tx, network, _slice(tx, network, eni.subnet_id, vpc), task)

    def _take(self, tx: Transaction, network: str, cidr: str, task: Task) -> str:
        address = next_address(cidr, _Taken(tx, network), self._last.get(cidr))
        self._last[cidr] = address
        tx.insert(ADDRESSES, AddressAllocation(network, address, task.arn))
        return address


class _Taken:
    """Whether an address is. The first few are asked for singly; in a slice that is nearly full all are read at once,
    so that a subnet without room keeps nobody from writing for long."""

    def __init__(self, tx: Transaction, network: str) -> None:
        self._tx, self._network = tx, network
        self._left = ASKED_SINGLY
        self._all: set[str] | None = None

    def __call__(self, address: str) -> bool:
        if self._left > 0:
            self._left -= 1
            return self._tx.get(ADDRESSES, self._network, address) is not None
        if self._all is None:
            self._all = set(self._tx.column(ADDRESSES, "address", network=self._network))
        return address in self._all


def is_overlay(network: str) -> bool:
    """Whether the Docker network of that name reaches over several engines."""
    return _OVERLAY in network


def _vpc(reader: Reader, task: Task, eni: Eni) -> Vpc:
    """The interface's VPC; the default one for what was adopted, and after its VPC was deleted."""
    found = (vpc for vpc in vpc_queries.vpcs(reader, task.account, task.region) if vpc.id == eni.vpc_id)
    return next(found, None) or default_vpc(task.account, task.region)


def _slice(tx: Transaction, network: str, subnet_id: str, vpc: Vpc) -> str:
    """A subnet has its own place in the VPC's range; one that nobody made gets a place that no other has."""
    known = tx.get(SUBNET_SLICES, network, subnet_id)
    if known is not None:
        return known.cidr
    actual = tx.get(VPC_RANGES, network)
    if actual is None:
        raise RangeExhausted(f"{network} has no range")
    places = {
        subnet.id: moved(subnet.cidr, vpc.cidr, actual.cidr)
        for subnet in vpc_queries.subnets(tx, vpc.account, vpc.region)
        if subnet.vpc_id == vpc.id
    }
    cidr = places.get(subnet_id)
    rows = tx.find(SUBNET_SLICES, network=network)
    for row in rows:
        if cidr is not None and overlap(cidr, row.cidr):
            if row.subnet_id in places or _in_use(tx, network, row.cidr):
                cidr = None
            else:  # of a subnet that was deleted
                tx.delete(SUBNET_SLICES, network, row.subnet_id)
    if cidr is None:
        cidr = next_slice(actual.cidr, {row.cidr for row in rows} | {place for place in places.values() if place})
    tx.insert(SUBNET_SLICES, SubnetSlice(network, subnet_id, cidr))
    return cidr


def _in_use(tx: Transaction, network: str, cidr: str) -> bool:
    return any(overlap(f"{address}/32", cidr) for address in tx.column(ADDRESSES, "address", network=network))


def release(tx: Transaction, task: Task) -> None:
    """The task's addresses are free again, and in no security group."""
    for allocation in tx.find(ADDRESSES, task_arn=task.arn):
        tx.delete(ADDRESSES, allocation.network, allocation.address)
    for member in tx.find(GROUP_MEMBERS, task_arn=task.arn):
        tx.delete(GROUP_MEMBERS, member.account, member.region, member.group_id, member.task_arn)
