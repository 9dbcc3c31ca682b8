"""Spots for a service's next tasks on container instances, from what the records hold at the moment of asking.

Which instance takes which task is decided in domain/capacity/placement.py, and when a task is wanted by the scheduler.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from emulator.domain.capacity.capacity_strategy import launch_type_in
from emulator.domain.capacity.placement import Candidate, Demand, Placed, Strategy, place, with_tasks
from emulator.domain.capacity.placement_rules import SERVICE_DEFAULT, demand_of, strategies_of
from emulator.domain.fault_words import CAPACITY
from emulator.domain.service_scheduler.service import Deployment, Service
from emulator.domain.service_scheduler.service_placement import (
    NO_HOSTS,
    Placer,
    Spot,
    Spots,
    Unplaced,
    no_instances,
    on_fargate,
    too_many_waiting,
    unplaced,
)
from emulator.domain.tasks.task_launch import Launch, outside, zones_of
from emulator.store.database import Reader
from emulator.store.ecs_tables import CAPACITY_PROVIDERS
from emulator.store.faults_table import lost_zones
from emulator.store.instance_capacity import MAX_WAITING, candidates, waiting_count

SERVICE_STRATEGIES: Final[tuple[Mapping[str, Any], ...]] = tuple(
    {"type": strategy.kind, "field": strategy.field} for strategy in SERVICE_DEFAULT
)
"""SERVICE_DEFAULT as a request would say it."""

NO_FARGATE: Final = "RESOURCE:FARGATE"


def placer(
    reader: Reader, service: Service, launch_of: Callable[[Deployment], Launch], pick: Callable[[int], int]
) -> Placer:
    """`launch_of`: what all tasks of a deployment share; `pick`: a random number below another.

    One look may ask for several deployments, of which nothing is written before it ends: what it was promised before
    counts as taken.
    """
    promised: Promised = defaultdict(list)

    def spots(deployment: Deployment, providers: Sequence[str | None]) -> Spots:
        if launch_type_in(deployment.spec) == "FARGATE":
            zones = lost_zones(reader)
            if zones and outside(launch_of(deployment), zones) is None:
                return Spots((), Unplaced(f"Reason: {CAPACITY}.", NO_FARGATE))
            return on_fargate(deployment, providers)
        launch = launch_of(deployment)
        if deployment.spec.get("capacityProviderStrategy"):
            return _on_providers(reader, service, launch, [name or "" for name in providers], pick, promised)
        where = (service.account, service.region, service.cluster)
        found = candidates(reader, *where, external=launch.launch_type == "EXTERNAL")
        if not found:
            return Spots((), no_instances())
        placed = _place(service, launch, found, len(providers), pick, promised)
        chosen = zip(providers, placed.instances, strict=False)
        taken = tuple(Spot(provider or instance.capacity_provider, instance.arn) for provider, instance in chosen)
        return Spots(taken, unplaced(placed.refusals) if placed.refusals else None)

    return spots


Promised = defaultdict[str, list[Demand]]
"""What one look was given already, by the ARN of the instance."""


def _place(
    service: Service,
    launch: Launch,
    found: Sequence[Candidate],
    count: int,
    pick: Callable[[int], int],
    promised: Promised,
) -> Placed:
    demand = demand_for(service, launch)
    left = [with_tasks(candidate, promised[candidate.instance.arn]) for candidate in found] if promised else found
    placed = place(demand, left, count, strategies=_strategies(service), pick=pick)
    for instance in placed.instances:
        promised[instance.arn].append(demand)
    return placed


def _strategies(service: Service) -> Sequence[Strategy]:
    return strategies_of(service.spec.get("placementStrategy") or ()) or SERVICE_DEFAULT


def _on_providers(
    reader: Reader,
    service: Service,
    launch: Launch,
    providers: Sequence[str],
    pick: Callable[[int], int],
    promised: Promised,
) -> Spots:
    """Where managed scaling is on, tasks wait for their host; elsewhere they need room on the provider's own now."""
    where = (service.account, service.region, service.cluster)
    found: list[Spot] = []
    lack: Unplaced | None = None
    room = MAX_WAITING - waiting_count(reader, *where)
    for name, count in Counter(providers).items():
        provider = reader.get(CAPACITY_PROVIDERS, service.account, service.region, name)
        if provider is not None and provider.brings_hosts:
            taken = min(count, max(0, room))
            room -= taken
            found += [Spot(name)] * taken
            lack = too_many_waiting() if taken < count else lack
            continue
        hosts = candidates(reader, *where, capacity_provider=name)
        if not hosts:
            lack = no_instances(NO_HOSTS)
            continue
        placed = _place(service, launch, hosts, count, pick, promised)
        found += [Spot(name, instance.arn) for instance in placed.instances]
        lack = unplaced(placed.refusals) if placed.refusals else lack
    return Spots(tuple(found), lack)


def demand_for(service: Service, launch: Launch) -> Demand:
    """What each task asks of an instance, with the service's own constraints."""
    return demand_of(
        launch.effective.definition,
        group=f"service:{service.name}",
        constraints=service.spec.get("placementConstraints") or (),
        zones=zones_of(launch),
    )
