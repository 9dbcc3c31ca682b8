"""What container instances have left: rows that tasks take at their placement and give back when they have STOPPED.

Placement reads and takes within one transaction, so that two tasks never get the same room; a host port is also
unique by itself (D3). Who is placed where is decided in domain/capacity/placement.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from emulator.domain.capacity.capacity_strategy import ON_HOSTS
from emulator.domain.capacity.container_instance import (
    EXTERNAL,
    ContainerInstance,
    InstanceAllocation,
    InstanceGpuAllocation,
    InstancePort,
    InstancePortAllocation,
    Load,
)
from emulator.domain.capacity.placement import Candidate, Demand
from emulator.domain.service_scheduler.service_tasks import PENDING
from emulator.domain.tasks.task import Task
from emulator.store.database import Reader, Transaction
from emulator.store.ecs_tables import (
    CONTAINER_INSTANCES,
    HOST_PORTS,
    INSTANCE_ALLOCATIONS,
    INSTANCE_GPUS,
    INSTANCE_PORTS,
    TASKS,
)


def candidates(
    reader: Reader,
    account: str,
    region: str,
    cluster: str,
    *,
    external: bool = False,
    capacity_provider: str | None = None,
    managed: bool = False,
) -> list[Candidate]:
    """The ACTIVE instances of a cluster that tasks may be placed on, with what is taken of them.

    `external`: those outside EC2, which take tasks of launch type EXTERNAL alone. With `capacity_provider` only its;
    without, those of managed instances only if they are asked for.
    """
    found = [
        (instance, attributes)
        for instance, attributes in _active_instances(reader, account, region, cluster)
        if (EXTERNAL in attributes) == external
        and (
            instance.capacity_provider == capacity_provider
            if capacity_provider is not None
            else instance.managed == managed
        )
    ]
    if not found:
        return []
    taken, nothing = loads(reader, found[0][0]), Load()
    return [Candidate(instance, taken.get(instance.arn, nothing), attributes) for instance, attributes in found]


MAX_WAITING: Final = 300
"""Tasks that may wait for hosts in one cluster at a time."""


def waiting_tasks(reader: Reader, account: str, region: str, cluster: str, capacity_provider: str) -> list[Task]:
    """Those of a cluster that wait for a host of a provider, oldest first."""
    waiting = [t for t in _provisioning(reader, account, region, cluster) if t.capacity_provider == capacity_provider]
    return sorted(waiting, key=lambda task: (task.created_at, task.id))


def waiting_count(reader: Reader, account: str, region: str, cluster: str) -> int:
    """How many tasks of a cluster wait for hosts."""
    return len(_provisioning(reader, account, region, cluster))


def _provisioning(reader: Reader, account: str, region: str, cluster: str) -> list[Task]:
    here: dict[str, Any] = {"account": account, "region": region, "cluster": cluster}
    found = [t for kind in ON_HOSTS for t in reader.find(TASKS, **here, launch_type=kind, last_status="PROVISIONING")]
    return [task for task in found if task.waits_for_host]


Known = tuple[ContainerInstance, Mapping[str, str | None]]
"""An instance, and its attributes by name."""

_decoded: dict[tuple[str, ...], tuple[str, Known]] = {}
"""The last body that was read of an instance, and what it means: most do not change between two placements."""
_DECODED_AT_MOST: Final = 10_000


def _active_instances(reader: Reader, *where: str) -> list[Known]:
    """In the order of their ids. `where`: account, region, cluster."""
    sql = f"SELECT id, body FROM {CONTAINER_INSTANCES.name} WHERE account = ? AND region = ? AND cluster = ? "
    found = []
    for instance_id, body in reader.execute(f"{sql} AND status = 'ACTIVE' ORDER BY id", where):
        key = (*where, instance_id)
        known = _decoded.get(key)
        if known is None or known[0] != body:
            if len(_decoded) >= _DECODED_AT_MOST:
                _decoded.clear()
            instance = CONTAINER_INSTANCES.decode(body)
            known = _decoded[key] = (body, (instance, instance.by_name))
        found.append(known[1])
    return found


def active_zones(reader: Reader, account: str, region: str, cluster: str) -> tuple[str, ...]:
    """The Availability Zone of each ACTIVE instance, in order."""
    return tuple(sorted(instance.zone or "" for instance, _ in _active_instances(reader, account, region, cluster)))


def has_instances(reader: Reader, account: str, region: str, cluster: str) -> bool:
    """Whether a cluster has any ACTIVE instance."""
    return reader.count(CONTAINER_INSTANCES, account=account, region=region, cluster=cluster, status="ACTIVE") > 0


def instance_named(reader: Reader, arn: str) -> ContainerInstance | None:
    """By its ARN `arn:aws:ecs:<region>:<account>:container-instance/<cluster>/<id>`."""
    parts = arn.split(":", 5)
    _, cluster, instance_id = parts[5].split("/")
    return reader.get(CONTAINER_INSTANCES, parts[4], parts[3], cluster, instance_id)


def leaving_instances(reader: Reader, account: str, region: str, cluster: str) -> list[str]:
    """ARNs of the instances of a cluster that are DRAINING: services move their tasks away."""
    here: dict[str, Any] = {"account": account, "region": region, "cluster": cluster, "status": "DRAINING"}
    return [instance.arn for instance in reader.find(CONTAINER_INSTANCES, **here)]


def loads(reader: Reader, of: ContainerInstance, *, alone: bool = False) -> dict[str, Load]:
    """What tasks take, by instance ARN: of all instances of `of`'s cluster, or of it `alone`."""
    only, value = (
        ("cluster_arn = ? AND instance_arn = ?", (of.cluster_arn, of.arn))
        if alone
        else ("cluster_arn = ?", (of.cluster_arn,))
    )
    sums: dict[str, _Sum] = defaultdict(_Sum)
    rows = reader.execute(
        "SELECT instance_arn, task_group, SUM(cpu), SUM(memory_mib), SUM(eni), COUNT(*) "
        f"FROM {INSTANCE_ALLOCATIONS.name} WHERE {only} GROUP BY instance_arn, task_group",
        value,
    )
    for arn, group, cpu, memory_mib, enis, count in rows:
        sum_ = sums[arn]
        sum_.cpu += cpu
        sum_.memory_mib += memory_mib
        sum_.enis += enis
        sum_.groups[group] = count
    ports = f"SELECT instance_arn, protocol, port FROM {INSTANCE_PORTS.name} WHERE {only}"
    for arn, protocol, port in reader.execute(ports, value):
        sums[arn].ports.add(InstancePort(protocol, port))
    for arn, protocol, port in _published_ports(reader, of, alone=alone):
        sums[arn].ports.add(InstancePort(protocol, port))
    gpus = f"SELECT instance_arn, gpu FROM {INSTANCE_GPUS.name} WHERE {only}"
    for arn, gpu in reader.execute(gpus, value):
        sums[arn].gpus.add(gpu)
    for arn, status, count in _task_counts(reader, of, alone=alone):
        sums[arn].running += count * (status == "RUNNING")
        sums[arn].pending += count * (status in PENDING)
    return {arn: sum_.load() for arn, sum_ in sums.items()}


def _published_ports(reader: Reader, of: ContainerInstance, *, alone: bool) -> Iterable[tuple[str, str, int]]:
    """Instance ARN, protocol and port of what tasks in bridge mode have got, dynamic ports too."""
    whole = f"{of.cluster_arn.replace(':cluster/', ':container-instance/')}/"
    # The character after the slash ends the range of this cluster's instances.
    first, last = (of.arn, f"{of.arn}/") if alone else (whole, f"{whole[:-1]}0")
    sql = f"SELECT host, protocol, port FROM {HOST_PORTS.name} WHERE host >= ? AND host < ?"
    yield from reader.execute(sql, (first, last))


@dataclass(slots=True)
class _Sum:
    cpu: int = 0
    memory_mib: int = 0
    enis: int = 0
    running: int = 0
    pending: int = 0
    ports: set[InstancePort] = field(default_factory=set)
    groups: dict[str, int] = field(default_factory=dict)
    gpus: set[str] = field(default_factory=set)

    def load(self) -> Load:
        return Load(
            self.cpu,
            self.memory_mib,
            self.enis,
            frozenset(self.ports),
            self.groups,
            self.running,
            self.pending,
            frozenset(self.gpus),
        )


def load_of(reader: Reader, instance: ContainerInstance) -> Load:
    """What its tasks take of one instance."""
    return loads(reader, instance, alone=True).get(instance.arn, Load())


def _task_counts(reader: Reader, of: ContainerInstance, *, alone: bool) -> Iterable[tuple[str, str, int]]:
    """Instance ARN, lastStatus, and how many tasks."""
    sql = (
        f"SELECT container_instance_arn, last_status, COUNT(*) FROM {TASKS.name} "
        "WHERE account = ? AND region = ? AND cluster = ? AND container_instance_arn "
        f"{'= ?' if alone else 'IS NOT NULL'} GROUP BY container_instance_arn, last_status"
    )
    here = (of.account, of.region, of.cluster)
    yield from reader.execute(sql, (*here, of.arn) if alone else here)


def occupy(tx: Transaction, task: Task, instance: ContainerInstance, demand: Demand) -> Task:
    """The task's share of the instance is taken; gives the task with the GPUs that its containers have got.
    AlreadyExists when one of its host ports is in use."""
    allocation = InstanceAllocation(
        task_arn=task.arn,
        cluster_arn=instance.cluster_arn,
        instance_arn=instance.arn,
        task_group=demand.group,
        cpu=demand.cpu,
        memory_mib=demand.memory_mib,
        eni=int(demand.eni),
    )
    tx.insert(INSTANCE_ALLOCATIONS, allocation)
    for port in demand.ports:
        tx.insert(
            INSTANCE_PORTS,
            InstancePortAllocation(instance.arn, port.protocol, port.port, task.arn, instance.cluster_arn),
        )
    return _with_gpus(tx, task, instance, demand) if demand.gpus else task


def _with_gpus(tx: Transaction, task: Task, instance: ContainerInstance, demand: Demand) -> Task:
    taken = {row.gpu for row in tx.find(INSTANCE_GPUS, instance_arn=instance.arn)}
    shares = demand.share_gpus([gpu for gpu in instance.gpus if gpu not in taken])
    for gpu in dict.fromkeys(gpu for share in shares.values() for gpu in share):
        tx.insert(INSTANCE_GPUS, InstanceGpuAllocation(instance.arn, gpu, task.arn, instance.cluster_arn))
    return replace(task, containers=[replace(c, gpu_ids=shares.get(c.name, [])) for c in task.containers])


def vacate(tx: Transaction, task: Task) -> str | None:
    """The task has STOPPED: what it took is free again. The ARN of the instance, if it was on one."""
    allocation = tx.get(INSTANCE_ALLOCATIONS, task.arn)
    if allocation is None:
        return None
    tx.delete(INSTANCE_ALLOCATIONS, task.arn)
    for port in tx.find(INSTANCE_PORTS, task_arn=task.arn):
        tx.delete(INSTANCE_PORTS, port.instance_arn, port.protocol, port.port)
    for row in tx.find(INSTANCE_GPUS, task_arn=task.arn):
        tx.delete(INSTANCE_GPUS, row.instance_arn, row.gpu)
    instance = instance_named(tx, allocation.instance_arn)
    if instance is not None:
        wake_services(tx, instance)
    return allocation.instance_arn


def wake_services(tx: Transaction, instance: ContainerInstance) -> None:
    """Where tasks may be placed has changed: services of the cluster look again after the commit."""
    tx.wake("capacity", f"{instance.account}/{instance.region}/{instance.cluster}")
