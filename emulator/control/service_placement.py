"""Spots for a service's next tasks on container instances, from what the records hold at the moment of asking.

Which instance takes which task is decided in domain/placement.py, and when a task is wanted by the scheduler.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from emulator.domain.fault_words import CAPACITY
from emulator.domain.placement import Demand, place
from emulator.domain.placement_rules import SERVICE_DEFAULT, demand_of, strategies_of
from emulator.domain.service import Deployment, Service
from emulator.domain.service_placement import Placer, Spot, Spots, Unplaced, no_instances, on_fargate, unplaced
from emulator.domain.task_launch import Launch, outside, zones_of
from emulator.store.database import Reader
from emulator.store.faults_table import lost_zones
from emulator.store.instance_capacity import candidates

NO_FARGATE: Final = "RESOURCE:FARGATE"


def placer(
    reader: Reader, service: Service, launch_of: Callable[[Deployment], Launch], pick: Callable[[int], int]
) -> Placer:
    """`launch_of`: what all tasks of a deployment share; `pick`: a random number below another."""

    def spots(deployment: Deployment, providers: Sequence[str | None]) -> Spots:
        if deployment.spec.get("launchType") in (None, "FARGATE"):
            zones = lost_zones(reader)
            if zones and outside(launch_of(deployment), zones) is None:
                return Spots((), Unplaced(f"Reason: {CAPACITY}.", NO_FARGATE))
            return on_fargate(deployment, providers)
        launch = launch_of(deployment)
        where = (service.account, service.region, service.cluster)
        found = candidates(reader, *where, external=launch.launch_type == "EXTERNAL")
        if not found:
            return Spots((), no_instances())
        strategies = strategies_of(service.spec.get("placementStrategy") or ()) or SERVICE_DEFAULT
        placed = place(demand_for(service, launch), found, len(providers), strategies=strategies, pick=pick)
        chosen = zip(providers, placed.instances, strict=False)
        taken = tuple(Spot(provider or instance.capacity_provider, instance.arn) for provider, instance in chosen)
        return Spots(taken, unplaced(placed.refusals) if placed.refusals else None)

    return spots


def demand_for(service: Service, launch: Launch) -> Demand:
    """What each task asks of an instance, with the service's own constraints."""
    return demand_of(
        launch.effective.definition,
        group=f"service:{service.name}",
        constraints=service.spec.get("placementConstraints") or (),
        zones=zones_of(launch),
    )
