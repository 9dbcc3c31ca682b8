"""What a service's scheduler sees of the places where its tasks can stand: container instances, for one task on each;
Availability Zones, for tasks evenly in all.

It reads the records; what follows is decided in domain/service_scheduler/, by daemon.py and zone_balance.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from emulator.control.service_scheduler.service_placement import demand_for
from emulator.domain.capacity import placement
from emulator.domain.capacity.container_instance import Load
from emulator.domain.capacity.placement import Candidate, Refusal, place, refused_by
from emulator.domain.capacity.placement_rules import SERVICE_DEFAULT, strategies_of
from emulator.domain.service_scheduler.service import Deployment, Service
from emulator.domain.service_scheduler.service_placement import DaemonHost, Spot, ZonePlacer, unplaced
from emulator.domain.tasks.task_launch import Launch
from emulator.store.database import Reader
from emulator.store.ecs_tables import CONTAINER_INSTANCES, SERVICES
from emulator.store.instance_capacity import candidates, loads

_UNFIT: Final = (placement.LOCATION, placement.ATTRIBUTE, placement.MEMBER_OF)
"""Why an instance is none of a daemon's; for any other reason it is one, and lacks something now."""


def daemon_hosts(reader: Reader, service: Service, launch: Launch) -> tuple[DaemonHost, ...]:
    """Every instance of the cluster that is ACTIVE or DRAINING."""
    demand = demand_for(service, launch)
    hosts = []
    for candidate in _candidates(reader, service, launch):
        refused = refused_by(candidate, demand)
        lack = None if refused is None else unplaced([Refusal(candidate.instance, refused)])
        hosts.append(DaemonHost(candidate.instance.arn, eligible=refused not in _UNFIT, lack=lack))
    return (*hosts, *_draining(reader, service))


def _candidates(reader: Reader, service: Service, launch: Launch) -> list[Candidate]:
    """The ACTIVE instances of the cluster, or with a strategy those of its capacity providers."""
    where = (service.account, service.region, service.cluster)
    found = candidates(
        reader,
        *where,
        external=launch.launch_type == "EXTERNAL",
        managed=launch.launch_type == "MANAGED_INSTANCES",
    )
    names = {item["capacityProvider"] for item in service.capacity_provider_strategy}
    return [c for c in found if not names or c.instance.capacity_provider in names]


def _draining(reader: Reader, service: Service) -> list[DaemonHost]:
    here: dict[str, Any] = {"account": service.account, "region": service.region, "cluster": service.cluster}
    instances = reader.find(CONTAINER_INSTANCES, **here, status="DRAINING")
    if not instances:
        return []
    daemons = {f"service:{s.name}" for s in reader.find(SERVICES, **here) if s.is_daemon}
    taken = loads(reader, instances[0])
    return [
        DaemonHost(
            instance.arn,
            draining=True,
            others=sum(n for group, n in taken.get(instance.arn, Load()).groups.items() if group not in daemons),
        )
        for instance in instances
    ]


def zones_for(
    reader: Reader, service: Service, launch: Launch, pick: Callable[[int], int]
) -> tuple[tuple[str, ...], ZonePlacer]:
    """Where the service's tasks can stand, and who finds a spot in one of these zones."""
    if launch.launch_type == "FARGATE":
        zones = {subnet.availability_zone for subnet in (launch.placement.subnets if launch.placement else ())}
        return tuple(sorted(zones)), _in_subnet
    demand = demand_for(service, launch)
    fit = [c for c in _candidates(reader, service, launch) if refused_by(c, demand) not in (*_UNFIT, placement.AGENT)]

    def on_instance(deployment: Deployment, zone: str) -> Spot | None:
        strategies = strategies_of(service.spec.get("placementStrategy") or ()) or SERVICE_DEFAULT
        placed = place(demand, [c for c in fit if c.instance.zone == zone], 1, strategies=strategies, pick=pick)
        return next((Spot(i.capacity_provider, i.arn) for i in placed.instances), None)

    return tuple(sorted({c.instance.zone for c in fit if c.instance.zone})), on_instance


def _in_subnet(deployment: Deployment, zone: str) -> Spot | None:
    strategy = deployment.spec.get("capacityProviderStrategy")
    return Spot(strategy[0]["capacityProvider"] if strategy else None, zone=zone)


def subnet_for(launch: Launch, zone: str | None, standing: Counter[str | None], number: int) -> int:
    """Which of its subnets, by number, the next task stands in: one of that zone, or of the zone that has the fewest of
    those `standing`; among equals they take turns."""
    subnets = launch.placement.subnets if launch.placement else ()

    def order(index: int) -> tuple[bool, int, int]:
        here = subnets[index].availability_zone
        return zone not in (None, here), standing[here], (index - number) % len(subnets)

    return min(range(len(subnets)), key=order, default=number)
