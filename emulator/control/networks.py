"""The bridges and addresses that tasks stand on: chosen in the database, made in the engine.

What must be unique (a VPC's range, a subnet's slice, a task's address) is a row; the engine's networks are made to
fit the rows, and a range that the host already uses is given up for the next.
"""

from __future__ import annotations

import logging
import threading

from emulator.domain.address_plan import (
    RangeExhausted,
    SubnetSlice,
    VpcRange,
    gateway_of,
    next_address,
    next_slice,
    ranges_to_try,
)
from emulator.domain.task import AddressAllocation, Eni, Task
from emulator.engine import labels
from emulator.engine.base import Engine, NetworkConflict, NetworkSpec
from emulator.store.database import Database, Transaction
from emulator.store.ecs_tables import ADDRESSES, SUBNET_SLICES, VPC_RANGES

_log = logging.getLogger("homeport.control")


class Networks:
    """`owned` are the labels of what this emulator makes; `preferred` is the range the user asked for."""

    def __init__(
        self, database: Database, engine: Engine, instance: str, owned: dict[str, str], preferred: str | None
    ) -> None:
        self._database = database
        self._engine = engine
        self._instance = instance
        self._owned = owned
        self._preferred = preferred
        self._made: set[str] = set()
        self._lock = threading.Lock()
        self._last: dict[str, str] = {}

    def name_of(self, task: Task) -> str:
        """The Docker network of the task's VPC: one per account and region until VPCs can be created."""
        return f"homeport-{self._instance[:8]}-{task.account}-{task.region}"

    def provide(self, task: Task, eni: Eni) -> tuple[str, str]:
        """The network's name and the task's address on it; the same ones when asked again."""
        network = self.name_of(task)
        with self._lock:
            if network not in self._made:
                self._make(network, task, eni)
                self._made.add(network)
        with self._database.write() as tx:
            return network, self._allocate(tx, network, task, eni)

    def skip_address(self, task: Task) -> None:
        """The engine found the task's address in use by a stranger: give it up and never hand it out again."""
        with self._database.write() as tx:
            for taken in tx.find(ADDRESSES, task_arn=task.arn):
                tx.put(ADDRESSES, AddressAllocation(taken.network, taken.address, "stranger"))

    def forget_made(self) -> None:
        """The engine was restarted or cleaned: look again whether the networks are there."""
        with self._lock:
            self._made.clear()

    def remove_all(self) -> None:
        """Removes this emulator's bridges that nothing uses, one at a time."""
        self.forget_made()
        for name in self._engine.list_networks({labels.INSTANCE: self._instance}):
            self._engine.remove_network(name)

    def _make(self, network: str, task: Task, eni: Eni) -> None:
        """Makes the bridge in the first range that is free on the host and in our own rows."""
        with self._database.read() as reader:
            kept = reader.get(VPC_RANGES, network)
            others = {r.cidr for r in reader.find(VPC_RANGES) if r.network != network}
            in_use = reader.count(ADDRESSES, network=network) > 0
        candidates = [kept.cidr] if kept else []
        if not (kept and in_use):
            candidates += [c for c in ranges_to_try(self._preferred) if c not in others and c not in candidates]
        refusal: NetworkConflict | None = None
        for cidr in candidates:
            try:
                self._engine.ensure_network(NetworkSpec(network, cidr, gateway_of(cidr), self._network_labels(eni)))
            except NetworkConflict as error:
                _log.info("range %s is taken on this host: %s", cidr, error)
                refusal = error
                continue
            if kept is None or kept.cidr != cidr:
                self._keep(VpcRange(network, task.account, task.region, eni.vpc_id, cidr))
            return
        raise refusal or NetworkConflict("no range is left for another VPC")

    def _network_labels(self, eni: Eni) -> dict[str, str]:
        return {**self._owned, labels.KIND: "network", labels.VPC: eni.vpc_id}

    def _keep(self, chosen: VpcRange) -> None:
        with self._database.write() as tx:
            for old in tx.find(SUBNET_SLICES, network=chosen.network):
                tx.delete(SUBNET_SLICES, old.network, old.subnet_id)
            tx.put(VPC_RANGES, chosen)

    def _allocate(self, tx: Transaction, network: str, task: Task, eni: Eni) -> str:
        mine = tx.find(ADDRESSES, task_arn=task.arn)
        if mine:
            return mine[0].address
        slice_ = self._slice(tx, network, eni.subnet_id)
        address = next_address(slice_, lambda one: tx.get(ADDRESSES, network, one) is not None, self._last.get(slice_))
        self._last[slice_] = address
        tx.insert(ADDRESSES, AddressAllocation(network, address, task.arn))
        return address

    def _slice(self, tx: Transaction, network: str, subnet_id: str) -> str:
        known = tx.get(SUBNET_SLICES, network, subnet_id)
        if known is not None:
            return known.cidr
        vpc = tx.get(VPC_RANGES, network)
        if vpc is None:
            raise RangeExhausted(f"{network} has no range")
        cidr = next_slice(vpc.cidr, set(tx.column(SUBNET_SLICES, "cidr", network=network)))
        tx.insert(SUBNET_SLICES, SubnetSlice(network, subnet_id, cidr))
        return cidr


def release(tx: Transaction, task: Task) -> None:
    """The task's address is free again."""
    for allocation in tx.find(ADDRESSES, task_arn=task.arn):
        tx.delete(ADDRESSES, allocation.network, allocation.address)
