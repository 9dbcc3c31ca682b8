"""Managed scaling: how many hosts a capacity provider's group should have. Pure; the time is an argument.

CapacityProviderReservation is M/N x 100: M the hosts that the provider's tasks need, N those it has. Above the target
capacity the group grows at once, by at least the minimum and at most the maximum step; below it shrinks once that has
been so for 15 minutes and no host is warming up. The steps bind growth only (ECS API model, ManagedScaling).
Source: AWS developer guide "How Amazon ECS managed scaling works", AWS blog "Deep dive on Amazon ECS cluster auto
scaling"; M for waiting tasks is binpacking onto fresh hosts, which the guide calls an estimate too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from emulator.domain.capacity.container_instance import InstancePort
from emulator.domain.capacity.placement import Demand

SCALE_IN_AFTER_S: Final = 15 * 60.0
"""How long fewer hosts must be needed before some go: the 15 data points of AWS's low alarm."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """managedScaling's settings."""

    target: int = 100
    minimum_step: int = 1
    maximum_step: int = 10_000
    warmup_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Fleet:
    """`hosts`: N, booting ones among them; `booting` those that have not registered. `busy`: hosts with tasks.
    `waiting`: how many tasks wait that a fresh host would take; `fresh`: how many fresh hosts they need. `minimum` and
    `maximum`: the group's. `newest`: when the youngest host was launched."""

    hosts: int
    busy: int
    minimum: int
    maximum: int
    booting: int = 0
    waiting: int = 0
    fresh: int = 0
    newest: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`desired`: the group's desired capacity from now on. `low_since` is to be remembered for the next look."""

    desired: int
    reservation: float
    low_since: float | None = None
    next_look: float | None = None
    because: str = ""


def needed_hosts(fleet: Fleet) -> int:
    """M. While tasks wait, every registered host is needed: it takes what it can already."""
    if fleet.waiting:
        return fleet.hosts - fleet.booting + fleet.fresh
    return fleet.busy


def reservation(needed: int, hosts: int) -> float:
    """CapacityProviderReservation in percent; 100 with nothing needed and nothing there, 200 with nothing there."""
    if hosts == 0:
        return 200.0 if needed else 100.0
    return 100.0 * needed / hosts


def scale(scaling: Scaling, fleet: Fleet, low_since: float | None, now: float) -> Verdict:
    """How many hosts there should be. Never beyond the group's bounds; never fewer than are needed."""
    needed = needed_hosts(fleet)
    value = reservation(needed, fleet.hosts)
    wanted = -(-needed * 100 // scaling.target)  # rounded up: the target leaves room
    bounded = max(fleet.minimum, min(fleet.maximum, wanted))
    words = f"CapacityProviderReservation is {value:.0f} ({needed} hosts needed, {fleet.hosts} there)"
    if bounded > fleet.hosts:
        step = max(scaling.minimum_step, min(scaling.maximum_step, bounded - fleet.hosts))
        desired = min(fleet.maximum, fleet.hosts + step)
        return Verdict(desired, value, None, None, f"{words}, above its target of {scaling.target}")
    if bounded == fleet.hosts:
        return Verdict(fleet.hosts, value, None, None, words)
    if fleet.newest is not None and now < fleet.newest + scaling.warmup_s:
        due = fleet.newest + scaling.warmup_s
        return Verdict(fleet.hosts, value, None, due, f"{words}; a host warms up for {due - now:.0f} s more")
    since = now if low_since is None else low_since
    due = since + SCALE_IN_AFTER_S
    if now < due:
        return Verdict(fleet.hosts, value, since, due, f"{words}; hosts go in {due - now:.0f} s")
    return Verdict(bounded, value, None, None, f"{words}, below its target of {scaling.target} for 15 minutes")


# -- how many fresh hosts waiting tasks need


@dataclass(frozen=True, slots=True)
class HostSize:
    """What a fresh host has. `enis` None: no limit. `ports` are taken from the start."""

    cpu: int
    memory_mib: int
    enis: int | None = None
    ports: frozenset[InstancePort] = frozenset()


@dataclass(slots=True)
class _Bin:
    cpu: int
    memory_mib: int
    enis: int | None
    ports: set[InstancePort]
    groups: set[str] = field(default_factory=set)

    def takes(self, demand: Demand) -> bool:
        return (
            self.cpu >= demand.cpu
            and self.memory_mib >= demand.memory_mib
            and self.ports.isdisjoint(demand.ports)
            and not (demand.eni and self.enis is not None and self.enis < 1)
            and not (demand.distinct_instance and demand.group in self.groups)
        )

    def take(self, demand: Demand) -> None:
        self.cpu -= demand.cpu
        self.memory_mib -= demand.memory_mib
        self.ports.update(demand.ports)
        self.groups.add(demand.group)
        if demand.eni and self.enis is not None:
            self.enis -= 1


def fresh_hosts(waiting: Sequence[Demand], size: HostSize) -> int:
    """How many fresh hosts the waiting tasks fill, the largest placed first. One that no host of the size takes is not
    counted: no number of hosts would help it."""
    bins: list[_Bin] = []
    for demand in sorted(waiting, key=lambda d: (d.cpu, d.memory_mib), reverse=True):
        there = next((found for found in bins if found.takes(demand)), None)
        if there is None:
            there = _Bin(size.cpu, size.memory_mib, size.enis, set(size.ports))
            if not there.takes(demand):
                continue
            bins.append(there)
        there.take(demand)
    return len(bins)
