"""Which container instances the next tasks go to, and why the others do not take them. Pure: one function, `place`.

An instance must fit (agent, zone, attributes, cpu, memory, ports, interfaces) and satisfy every constraint; the
strategies then choose among those, each deciding where the one before sees no difference (placement_order.py). All
tasks of one call are alike, so the work grows with instances plus tasks, not with their product.
Source: AWS developer guide "Amazon ECS task placement"; reasons as the API answers them in `failures`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from emulator.domain.capacity.container_instance import ARCHITECTURE, ZONE, ContainerInstance, InstancePort, Load
from emulator.domain.capacity.placement_order import Order, order_for
from emulator.domain.capacity.query_language import Query

NO_INSTANCES: Final = "No Container Instances were found in your cluster."
AGENT: Final = "AGENT"
LOCATION: Final = "LOCATION"
ATTRIBUTE: Final = "ATTRIBUTE"
MEMBER_OF: Final = "MemberOf placement constraint unsatisfied."
DISTINCT_INSTANCE: Final = "DistinctInstance placement constraint unsatisfied."
CPU: Final = "RESOURCE:CPU"
MEMORY: Final = "RESOURCE:MEMORY"
PORTS: Final = "RESOURCE:PORTS"
ENI: Final = "RESOURCE:ENI"
GPU: Final = "RESOURCE:GPU"
CHECKED: Final = (AGENT, LOCATION, ATTRIBUTE, MEMBER_OF, DISTINCT_INSTANCE, CPU, MEMORY, PORTS, ENI, GPU)
"""The reasons in the order in which they are looked for; an instance is refused for the first (order unconfirmed)."""


ALL_GPUS: Final = 0


@dataclass(frozen=True, slots=True)
class Strategy:
    """`kind`: spread, binpack or random. `field`: instanceId, `attribute:NAME`, cpu or memory."""

    kind: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Demand:
    """What each of the tasks asks of an instance. `zones` None: any; else those of its subnets.
    `architecture` None: any. `member_of`: expressions that must all select the instance. `gpus`: how many each
    container asks for, by name; ALL_GPUS: all of the instance."""

    group: str
    cpu: int = 0
    memory_mib: int = 0
    ports: tuple[InstancePort, ...] = ()
    eni: bool = False
    attributes: frozenset[str] = frozenset()
    architecture: str | None = None
    zones: frozenset[str] | None = None
    distinct_instance: bool = False
    member_of: tuple[Query, ...] = ()
    gpus: tuple[tuple[str, int], ...] = ()

    def gpus_of(self, instance: ContainerInstance) -> int:
        """How many GPUs of the instance the task takes. Who asks for all has at least one."""
        if any(count == ALL_GPUS for _, count in self.gpus):
            return max(1, len(instance.gpus))
        return sum(count for _, count in self.gpus)

    def share_gpus(self, free: Sequence[str]) -> dict[str, list[str]]:
        """Which of the free GPUs each container gets, by its name; those that ask for all share them."""
        shared, left = list(free), list(free)
        of_all = any(count == ALL_GPUS for _, count in self.gpus)
        found: dict[str, list[str]] = {}
        for container, count in self.gpus:
            found[container] = shared if count == ALL_GPUS else (shared if of_all else left)[:count]
            left = left[count:]
        return found


@dataclass(frozen=True, slots=True)
class Candidate:
    """An ACTIVE instance, and what its tasks take of it already. `attributes`: its own by name, where at hand."""

    instance: ContainerInstance
    load: Load = field(default_factory=Load)
    attributes: Mapping[str, str | None] | None = None


def with_tasks(candidate: Candidate, placed: Sequence[Demand]) -> Candidate:
    """The candidate after tasks that were placed on it and are not written yet."""
    load = candidate.load
    if not placed:
        return candidate
    taken = replace(
        load,
        cpu=load.cpu + sum(demand.cpu for demand in placed),
        memory_mib=load.memory_mib + sum(demand.memory_mib for demand in placed),
        enis=load.enis + sum(demand.eni for demand in placed),
        ports=load.ports.union(*(demand.ports for demand in placed)),
        groups=Counter(load.groups) + Counter(demand.group for demand in placed),
        pending=load.pending + len(placed),
    )
    return replace(candidate, load=taken)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an instance did not take a task: one of CHECKED."""

    instance: ContainerInstance
    reason: str


@dataclass(frozen=True, slots=True)
class Placed:
    """`instances`: one for each task placed, in order. `refusals`: one for each candidate as it is after those tasks,
    when fewer were placed than asked for."""

    instances: tuple[ContainerInstance, ...] = ()
    refusals: tuple[Refusal, ...] = ()


@dataclass(slots=True)
class Host:
    """A candidate while tasks are placed: what is left of it. It answers what an expression asks."""

    candidate: Candidate
    index: int
    attributes: Mapping[str, str | None]
    cpu_left: int
    memory_left: int
    enis_left: int | None
    gpus_left: int
    ports: set[InstancePort]
    groups: dict[str, int]
    of_group: int  # tasks of the demand's group on it
    barred: str | None = None  # a reason that no placement of this call can change
    registered_at: float = field(default=0.0)

    @property
    def instance(self) -> ContainerInstance:
        return self.candidate.instance

    @property
    def agent_connected(self) -> bool:
        return self.instance.agent_connected

    @property
    def agent_version(self) -> str:
        return self.instance.agent_version

    @property
    def ec2_instance_id(self) -> str | None:
        return self.instance.ec2_instance_id

    @property
    def running_tasks(self) -> int:
        return self.candidate.load.running

    def take(self, demand: Demand) -> None:
        self.cpu_left -= demand.cpu
        self.memory_left -= demand.memory_mib
        self.ports.update(demand.ports)
        if demand.eni and self.enis_left is not None:
            self.enis_left -= 1
        self.gpus_left -= demand.gpus_of(self.instance)
        self.groups[demand.group] = self.groups.get(demand.group, 0) + 1
        self.of_group += 1


def place(
    demand: Demand,
    candidates: Sequence[Candidate],
    count: int,
    *,
    strategies: Sequence[Strategy] = (),
    pick: Callable[[int], int],
) -> Placed:
    """Instances for up to `count` tasks.

    `pick(n)` gives a number below n: where the choice is random, which it also is without a strategy (unconfirmed).
    Among equals the first candidate is taken. Spread counts the tasks of the demand's group on all candidates.
    """
    hosts = [host_of(candidate, index, demand) for index, candidate in enumerate(candidates)]
    order: Order[Host] = order_for([(s.kind, s.field) for s in strategies] or [("random", "")], pick)
    for host in hosts:
        (order.weigh if refusal(host, demand) else order.add)(host)
    chosen: list[ContainerInstance] = []
    while len(chosen) < count:
        best = order.first()
        if best is None:
            return Placed(tuple(chosen), tuple(_refusals(hosts, demand)))
        order.remove(best)
        best.take(demand)
        chosen.append(best.instance)
        # Only the instance that took a task can have become unable to take another.
        (order.weigh if refusal(best, demand) else order.add)(best)
    return Placed(tuple(chosen))


def refused_by(candidate: Candidate, demand: Demand) -> str | None:
    """Why an instance named by StartTask does not take the task, or None."""
    return refusal(host_of(candidate, 0, demand), demand)


def closest(refusals: Sequence[Refusal]) -> Refusal:
    """The instance that came nearest to taking the task: refused for what is looked at last."""
    return max(refusals, key=lambda refused: CHECKED.index(refused.reason))


def host_of(candidate: Candidate, index: int, demand: Demand) -> Host:
    instance, load = candidate.instance, candidate.load
    attributes = candidate.attributes if candidate.attributes is not None else instance.by_name
    ports = set(load.ports)
    if demand.ports:
        ports.update(InstancePort("tcp", port) for port in instance.ports)
        ports.update(InstancePort("udp", port) for port in instance.ports_udp)
    host = Host(
        candidate=candidate,
        index=index,
        attributes=attributes,
        cpu_left=instance.cpu - load.cpu,
        memory_left=instance.memory_mib - load.memory_mib,
        enis_left=None if instance.enis is None else instance.enis - load.enis,
        gpus_left=len(instance.gpus) - len(load.gpus),
        ports=ports,
        groups=dict(load.groups),
        of_group=load.groups.get(demand.group, 0),
        registered_at=instance.registered_at,
    )
    host.barred = _barred(host, demand)
    return host


def facts_of(instance: ContainerInstance, load: Load | None = None) -> Host:
    """What an expression may ask of an instance, outside a placement."""
    return host_of(Candidate(instance, load or Load()), 0, Demand(group=""))


def refusal(host: Host, demand: Demand) -> str | None:
    """The first of CHECKED that keeps the host from taking one more task."""
    if host.barred is not None:
        return host.barred
    if any(query.asks_groups and not query.selects(host) for query in demand.member_of):
        return MEMBER_OF
    if demand.distinct_instance and host.of_group:
        return DISTINCT_INSTANCE
    if host.cpu_left < demand.cpu:
        return CPU
    if host.memory_left < demand.memory_mib:
        return MEMORY
    if not host.ports.isdisjoint(demand.ports):
        return PORTS
    if demand.eni and host.enis_left is not None and host.enis_left < 1:
        return ENI
    if demand.gpus and host.gpus_left < demand.gpus_of(host.instance):
        return GPU
    return None


def _barred(host: Host, demand: Demand) -> str | None:
    if not host.agent_connected:
        return AGENT
    if demand.zones is not None and (host.attributes.get(ZONE) or "") not in demand.zones:
        return LOCATION
    if not demand.attributes <= host.attributes.keys():
        return ATTRIBUTE
    if demand.architecture is not None and host.attributes.get(ARCHITECTURE) != demand.architecture:
        return ATTRIBUTE
    if not all(query.selects(host) for query in demand.member_of if not query.asks_groups):
        return MEMBER_OF
    return None


def _refusals(hosts: Sequence[Host], demand: Demand) -> list[Refusal]:
    found = [(host.instance, refusal(host, demand)) for host in hosts]
    return [Refusal(instance, reason) for instance, reason in found if reason is not None]
