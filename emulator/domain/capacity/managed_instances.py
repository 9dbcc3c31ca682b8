"""Amazon ECS Managed Instances: which hosts a provider launches for tasks that wait, and which of its hosts go. Pure.

Hosts are launched only for tasks that no host takes: each of them is launched for tasks that are named, so that it
stands for these until it has registered. Tasks of a service are spread over Availability Zones, others are packed;
within a zone the instance type is taken of which the tasks use most for its weight (Homeport has no prices). A host
without tasks goes after scaleInAfter. Sources: ECS API model (InfrastructureOptimization), Amazon ECS developer guide
"Amazon ECS Managed Instances auto scaling and task placement" (spread over zones before packing) and "Amazon ECS
Managed Instances infrastructure optimization" (idle ones become DEREGISTERING); which type AWS takes is not known.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from emulator.domain.capacity.container_instance import ContainerInstance, InstancePort
from emulator.domain.capacity.instance_requirements import burstable, generation_of, manufacturer
from emulator.domain.capacity.instance_type import UNITS_PER_VCPU, InstanceType
from emulator.domain.capacity.placement import Candidate, Demand, refused_by

SCALE_IN_AFTER_S: Final = 300.0
"""Without a word of the user (AWS's own default behaviour is not told: unconfirmed)."""
NEVER: Final = -1
LIFETIME_S: Final = 14 * 86_400.0
"""How old a host becomes before it is drained and replaced (Amazon ECS developer guide, "Patching in Amazon ECS Managed
Instances": 14 days; unconfirmed)."""
_MIB_PER_CPU_UNIT: Final = 8
_GPU_UNITS: Final = 16 * UNITS_PER_VCPU
_MAKERS: Final = {"intel": 1.0, "amd": 0.9, "amazon-web-services": 0.8}


@dataclass(frozen=True, slots=True)
class Want:
    """Tasks that are alike and wait, by ARN, oldest first; `demand` is what each asks."""

    demand: Demand
    tasks: tuple[str, ...]

    @property
    def of_service(self) -> bool:
        return self.demand.group.startswith("service:")


@dataclass(frozen=True, slots=True)
class Offer:
    """A host that could be launched: `host` is what would register, with nothing taken of it."""

    kind: InstanceType
    host: ContainerInstance

    @property
    def zone(self) -> str:
        return self.host.zone


@dataclass(frozen=True, slots=True)
class Booting:
    """A host that has not registered: `host` is what will, `tasks` those it was launched for."""

    host: ContainerInstance
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewHost:
    """To be launched for these tasks."""

    offer: Offer
    tasks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Launches:
    """`helpless`: the tasks that no host on offer would take, however many there were."""

    new: tuple[NewHost, ...] = ()
    helpless: tuple[str, ...] = ()


@dataclass(slots=True)
class _Room:
    """What is left of a host while tasks are packed."""

    host: ContainerInstance
    cpu: int
    memory_mib: int
    enis: int | None
    gpus: int
    ports: set[InstancePort]
    groups: set[str] = field(default_factory=set)

    def takes(self, demand: Demand) -> bool:
        return (
            self.cpu >= demand.cpu
            and self.memory_mib >= demand.memory_mib
            and not (demand.eni and self.enis is not None and self.enis < 1)
            and self.gpus >= demand.gpus_of(self.host)
            and self.ports.isdisjoint(demand.ports)
            and not (demand.distinct_instance and demand.group in self.groups)
        )

    def take(self, demand: Demand) -> None:
        self.cpu -= demand.cpu
        self.memory_mib -= demand.memory_mib
        self.gpus -= demand.gpus_of(self.host)
        self.ports.update(demand.ports)
        self.groups.add(demand.group)
        if demand.eni and self.enis is not None:
            self.enis -= 1

    def fill(self, demand: Demand, count: int) -> int:
        """Takes up to `count` of them; how many it took."""
        taken = 0
        while taken < count and self.takes(demand):
            self.take(demand)
            taken += 1
        return taken


def _room(host: ContainerInstance) -> _Room:
    ports = {InstancePort("tcp", port) for port in host.ports} | {InstancePort("udp", port) for port in host.ports_udp}
    return _Room(host, host.cpu, host.memory_mib, host.enis, len(host.gpus), ports)


def weight(kind: InstanceType) -> float:
    """What stands in for a price: cpu, memory and GPUs in CPU units, less for AMD's and Graviton processors."""
    units = kind.cpu + kind.mib / _MIB_PER_CPU_UNIT + kind.gpus * _GPU_UNITS
    return units * _MAKERS[manufacturer(kind)] * (0.9 if burstable(kind) else 1.0)


def launches(
    wants: Sequence[Want],
    offers: Sequence[Offer],
    booting: Sequence[Booting] = (),
    hosts: Mapping[str, int] | None = None,
    standing: Mapping[str, Mapping[str, int]] | None = None,
) -> Launches:
    """The hosts to launch now. `hosts`: how many there are by zone; `standing`: tasks by task group and zone."""
    wants = _largest_first(wants)
    left = [[*want.tasks] for want in wants]
    tasks_of = {want.demand.group: Counter((standing or {}).get(want.demand.group, {})) for want in wants}
    for each in booting:
        _on_booting(each, wants, left, tasks_of)
    fits = [_fitting(want, offers) if tasks else frozenset() for want, tasks in zip(wants, left, strict=True)]
    by_zone = _zones(wants, left, offers, fits, Counter(hosts or {}), tasks_of)
    found: list[NewHost] = []
    for zone in sorted(by_zone):
        here = [number for number, offer in enumerate(offers) if offer.zone == zone]
        found += _pack(wants, by_zone[zone], offers, here, fits)
    none = [task for tasks, fit in zip(left, fits, strict=True) if not fit for task in tasks]
    return Launches(tuple(found), tuple(none))


def _largest_first(wants: Sequence[Want]) -> list[Want]:
    return sorted(wants, key=lambda w: (w.demand.cpu, w.demand.memory_mib, w.demand.group), reverse=True)


def _on_booting(
    booting: Booting, wants: Sequence[Want], left: list[list[str]], tasks_of: Mapping[str, Counter[str]]
) -> None:
    """Tasks that the host will take: those it was launched for, then others that have room beside them."""
    room = _room(booting.host)
    for own in (True, False):
        for want, tasks in zip(wants, left, strict=True):
            chosen = [task for task in tasks if (task in booting.tasks) == own]
            if not chosen or refused_by(Candidate(booting.host), want.demand) is not None:
                continue
            taken = {*chosen[: room.fill(want.demand, len(chosen))]}
            tasks_of[want.demand.group][booting.host.zone] += len(taken)
            tasks[:] = [task for task in tasks if task not in taken]


def _fitting(want: Want, offers: Sequence[Offer]) -> frozenset[int]:
    """The offers, by number, that take one of its tasks. Who says nothing of the processor gets x86_64 where there is
    such a type."""
    x86 = any(offer.kind.architecture == "x86_64" for offer in offers)
    return frozenset(
        number
        for number, offer in enumerate(offers)
        if offer.kind.cpu >= want.demand.cpu
        and offer.kind.memory_mib >= want.demand.memory_mib
        and (want.demand.architecture is not None or not x86 or offer.kind.architecture == "x86_64")
        and refused_by(Candidate(offer.host), want.demand) is None
    )


def _zones(
    wants: Sequence[Want],
    left: Sequence[Sequence[str]],
    offers: Sequence[Offer],
    fits: Sequence[frozenset[int]],
    hosts: Counter[str],
    tasks_of: Mapping[str, Counter[str]],
) -> dict[str, list[list[str]]]:
    """Which tasks of each want get their host in which zone."""
    found: dict[str, list[list[str]]] = defaultdict(lambda: [[] for _ in wants])
    for number, want in enumerate(wants):
        zones = sorted({offers[offer].zone for offer in fits[number]})
        group = want.demand.group
        for task in left[number] if zones else ():
            if want.of_service:
                zone = min(zones, key=lambda name: (tasks_of[group][name], name not in found, hosts[name], name))
            else:
                zone = min(zones, key=lambda name: (name not in found, hosts[name], name))
            tasks_of[group][zone] += 1
            found[zone][number].append(task)
    return found


def _pack(
    wants: Sequence[Want],
    tasks: list[list[str]],
    offers: Sequence[Offer],
    here: Sequence[int],
    fits: Sequence[frozenset[int]],
) -> list[NewHost]:
    """Hosts of one zone until no task is left: each of the type that its tasks use best, the largest among them."""
    found: list[NewHost] = []
    while any(tasks):
        first = next(number for number, waiting in enumerate(tasks) if waiting)
        best: tuple[float, float, float, int, str] | None = None
        chosen: tuple[int, list[int]] = (-1, [])
        for number in here:
            if number not in fits[first]:
                continue
            counts, used = _filled(offers[number], wants, tasks, fits, number)
            kind = offers[number].kind
            rank = (round(used / weight(kind), 6), used, -weight(kind), generation_of(kind), kind.name)
            if best is None or rank > best:
                best, chosen = rank, (number, counts)
        number, counts = chosen
        if not sum(counts):  # what an empty host takes is always taken
            tasks[first].clear()
            continue
        names: list[str] = []
        for waiting, count in zip(tasks, counts, strict=True):
            names += waiting[:count]
            del waiting[:count]
        found.append(NewHost(offers[number], tuple(names)))
    return found


def _filled(
    offer: Offer, wants: Sequence[Want], tasks: Sequence[Sequence[str]], fits: Sequence[frozenset[int]], number: int
) -> tuple[list[int], float]:
    """How many tasks of each want a host would take, and what they use of it in CPU units."""
    room = _room(offer.host)
    counts, used = [], 0.0
    for want, waiting, fit in zip(wants, tasks, fits, strict=True):
        count = room.fill(want.demand, len(waiting)) if waiting and number in fit else 0
        demand = want.demand
        # A task without a size weighs something, too: more of them on a host are better.
        each = demand.cpu + demand.memory_mib / _MIB_PER_CPU_UNIT + demand.gpus_of(offer.host) * _GPU_UNITS + 1
        used += count * each
        counts.append(count)
    return counts, used


# -- hosts that go


@dataclass(frozen=True, slots=True)
class ManagedHost:
    """A host that has registered. `busy`: has tasks other than daemons'; `idle_since` None: it was busy at the last
    look. `draining`: takes no more tasks; `gone`: somebody deregistered it; `impaired`: its agent is not connected."""

    id: str
    launched_at: float
    busy: bool
    draining: bool = False
    gone: bool = False
    impaired: bool = False
    idle_since: float | None = None


@dataclass(frozen=True, slots=True)
class Endings:
    """`ending`: by id, why each is deregistered and terminated; `draining`: why each is drained. `idle_since` of all
    hosts that are idle; `next_look`: when the next of them goes or is too old."""

    ending: dict[str, str]
    draining: dict[str, str]
    idle_since: dict[str, float]
    next_look: float | None


def endings(hosts: Sequence[ManagedHost], scale_in_after: float, now: float, *, repairs: bool = False) -> Endings:
    """`scale_in_after` in seconds, NEVER: idle hosts stay. `repairs`: impaired hosts are replaced."""
    ending: dict[str, str] = {}
    draining: dict[str, str] = {}
    idle: dict[str, float] = {}
    due: list[float] = []
    for host in hosts:
        if host.gone:
            ending[host.id] = "it was deregistered"
        elif host.impaired and repairs:
            ending[host.id] = "it is impaired: its agent is not connected"
        elif host.draining and not host.busy:
            ending[host.id] = "it is drained"
        elif not host.draining and now >= host.launched_at + LIFETIME_S:
            draining[host.id] = "it is 14 days old"
        elif not host.busy:
            idle[host.id] = since = now if host.idle_since is None else host.idle_since
            if scale_in_after != NEVER and now >= since + scale_in_after:
                ending[host.id] = f"it was idle for {scale_in_after:.0f} s"
            elif scale_in_after != NEVER:
                due.append(since + scale_in_after)
        if host.id not in ending and not host.draining and host.id not in draining:
            due.append(host.launched_at + LIFETIME_S)
    return Endings(ending, draining, idle, min(due, default=None))
