"""Amazon ECS Managed Instances: launches the hosts that a provider's waiting tasks need, and lets go of idle ones.

Which hosts is decided in domain/capacity/managed_instances.py; how one boots, registers and ends is ec2_instances.py's.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from emulator.control.capacity.instances import trunking
from emulator.control.capacity.provider_hosts import Host, NoIds, hosts_of
from emulator.domain.capacity.capacity_provider import CapacityProvider, deleted
from emulator.domain.capacity.cluster import Cluster
from emulator.domain.capacity.container_instance import ContainerInstance
from emulator.domain.capacity.ec2_instance import Ec2Instance
from emulator.domain.capacity.instance_requirements import permitted_types
from emulator.domain.capacity.instance_type import INSTANCE_TYPES, InstanceType
from emulator.domain.capacity.managed_instances import (
    Booting,
    Endings,
    ManagedHost,
    NewHost,
    Offer,
    Want,
    endings,
    launches,
)
from emulator.domain.capacity.managed_provider import propagated_tags, repairs, scale_in_after
from emulator.domain.capacity.placement import Demand
from emulator.domain.capacity.virtual_host import virtual_host
from emulator.domain.networks.network import Subnet, network_id
from emulator.domain.tasks.task import Task
from emulator.events import journal
from emulator.events.ec2_changes import add_ec2_instance, write_ec2_instance
from emulator.events.instance_changes import write_instance
from emulator.ids import Ids
from emulator.store.database import Reader, Transaction
from emulator.store.ec2_tables import INSTANCES
from emulator.store.ecs_tables import CAPACITY_PROVIDERS, CLUSTERS, TASKS
from emulator.store.faults_table import lost_zones
from emulator.store.instance_capacity import instance_named, wake_services
from emulator.store.vpc_queries import known_network

_IMAGINED_AT_MOST: Final = 5000
RETRY_S: Final = 60.0
"""How long no other host is launched for a task that the one launched for it did not take."""
_REASON: Final = "Server.ECS: terminated by Amazon ECS Managed Instances"


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A task that waits, and what it asks of a host."""

    task: Task
    demand: Demand


@dataclass(frozen=True, slots=True)
class ManagedPlan:
    """`hosts` are those there are; `helpless` the tasks, by ARN, that wait and that no permitted type takes."""

    hosts: tuple[Host, ...]
    new: tuple[NewHost, ...]
    endings: Endings
    helpless: tuple[str, ...]
    next_look: float | None


class ManagedInstances:
    """Of all providers; it is asked by the controller of capacity providers."""

    def __init__(self, ids: Ids, *, privileged: bool) -> None:
        self._ids = ids
        self._privileged = privileged
        self._imagined: dict[tuple[Any, ...], ContainerInstance] = {}

    def look(
        self, tx: Transaction, provider: CapacityProvider, cluster: Cluster, unplaced: Sequence[Unplaced], now: float
    ) -> float | None:
        plan = self.plan(tx, provider, cluster, unplaced, now)
        subnets = _subnets(tx, provider)
        for new in plan.new:
            self._launch(tx, provider, new, subnets[new.offer.zone], now)
        for host in plan.hosts:
            self._settle(tx, provider, host, plan.endings, now)
        return plan.next_look

    def plan(
        self, reader: Reader, provider: CapacityProvider, cluster: Cluster, unplaced: Sequence[Unplaced], now: float
    ) -> ManagedPlan:
        """What there is to do now."""
        hosts = _hosts(reader, provider)
        settings = provider.managed or {}
        registered = [_managed_host(each.host, each) for each in hosts if each.host is not None]
        going = endings(registered, scale_in_after(settings), now, repairs=repairs(settings))
        unplaced, retry_at = _to_be_helped(unplaced, hosts, now)
        due = min((at for at in (going.next_look, retry_at) if at is not None), default=None)
        if not unplaced:
            return ManagedPlan(tuple(hosts), (), going, (), due)
        offers = [*self._offers(reader, provider, cluster)]
        booting = [
            Booting(self._host(reader, cluster, kind, each.instance.zone, each.instance.subnet_id),
                    tuple(each.instance.expects))
            for each in hosts
            if each.host is None and (kind := INSTANCE_TYPES.get(each.instance.kind)) is not None
        ]  # fmt: skip
        wants = _wants(unplaced)
        zones = Counter(each.instance.zone for each in hosts)
        found = launches(wants, offers, booting, zones, _standing(reader, cluster, wants))
        return ManagedPlan(tuple(hosts), found.new, going, found.helpless, due)

    def deprovision(
        self, tx: Transaction, provider: CapacityProvider, cluster: Cluster | None, now: float
    ) -> float | None:
        """Its hosts end; then it is INACTIVE, and its cluster's no more."""
        left = [i for i in managed_hosts(tx, provider) if i.state != "terminated"]
        for instance in left:
            if instance.up:
                _end(tx, provider, instance, "the capacity provider is deleted", now)
        if left:
            return None  # each wakes the provider when it is terminated
        tx.put(CAPACITY_PROVIDERS, replace(deleted(provider, now), cluster=provider.cluster))
        if cluster is not None:
            kept = [item for item in cluster.default_strategy if item["capacityProvider"] != provider.name]
            changed = replace(
                cluster,
                capacity_providers=[name for name in cluster.capacity_providers if name != provider.name],
                managed_providers=[name for name in cluster.managed_providers if name != provider.name],
                default_strategy=kept,
            )
            tx.put(CLUSTERS, changed)
        return None

    def _offers(self, reader: Reader, provider: CapacityProvider, cluster: Cluster) -> Iterator[Offer]:
        requirements = ((provider.managed or {}).get("instanceLaunchTemplate") or {}).get("instanceRequirements")
        lost = lost_zones(reader)
        for subnet in _subnets(reader, provider).values():
            if subnet.availability_zone in lost:
                continue
            for kind in permitted_types(requirements):
                yield Offer(kind, self._host(reader, cluster, kind, subnet.availability_zone, subnet.id))

    def _host(
        self, reader: Reader, cluster: Cluster, kind: InstanceType, zone: str, subnet_id: str
    ) -> ContainerInstance:
        """What will register. GPUs are none: the hosts of a provider have those of no engine."""
        trunked = trunking(reader, cluster.account, cluster.region, f"arn:aws:iam::{cluster.account}:root")
        key = (cluster.arn, kind.name, zone, subnet_id, trunked)
        if key not in self._imagined:
            if len(self._imagined) >= _IMAGINED_AT_MOST:
                self._imagined.clear()
            self._imagined[key] = virtual_host(
                cluster,
                kind,
                zone,
                now=0.0,
                ids=NoIds(),
                privileged=self._privileged,
                trunking=trunked,
                subnet_id=subnet_id,
            )
        return self._imagined[key]

    def _launch(self, tx: Transaction, provider: CapacityProvider, new: NewHost, subnet: Subnet, now: float) -> None:
        template: Mapping[str, Any] = (provider.managed or {})["instanceLaunchTemplate"]
        kind = new.offer.kind
        instance = Ec2Instance(
            account=provider.account,
            region=provider.region,
            id=f"i-{self._ids.hex(17)}",
            kind=kind.name,
            image_id=network_id("ami", provider.region, kind.architecture),
            zone=subnet.availability_zone,
            subnet_id=subnet.id,
            vpc_id=subnet.vpc_id,
            state="pending",
            launched_at=now,
            security_groups=list(template["networkConfiguration"].get("securityGroups") or ()),
            profile=template["ec2InstanceProfileArn"],
            spot=template.get("capacityOptionType") == "SPOT",
            tags={tag["key"]: tag.get("value", "") for tag in propagated_tags(provider)},
            reservation_id=f"r-{self._ids.hex(17)}",
            managed_by=provider.name,
            expects=list(new.tasks),
            detailed_monitoring=template.get("monitoring") == "DETAILED",
        )
        add_ec2_instance(tx, instance, now)
        detail = {"instance": instance.id, "type": kind.name, "zone": instance.zone, "tasks": len(new.tasks)}
        _note(tx, provider, "capacity_provider.host_launched", detail, now)

    def _settle(self, tx: Transaction, provider: CapacityProvider, host: Host, going: Endings, now: float) -> None:
        """What was decided about a host that is there."""
        instance = host.instance
        if instance.id in going.ending:
            _end(tx, provider, instance, going.ending[instance.id], now)
            return
        if instance.id in going.draining and host.host is not None:
            wake_services(tx, write_instance(tx, replace(host.host, status="DRAINING"), now))
            detail = {"instance": instance.id, "because": going.draining[instance.id]}
            _note(tx, provider, "capacity_provider.host_drained", detail, now)
        since = going.idle_since.get(instance.id)
        if since != instance.idle_since:
            tx.put(INSTANCES, replace(instance, idle_since=since))


def managed_hosts(reader: Reader, provider: CapacityProvider) -> list[Ec2Instance]:
    """All that ECS launched for it, terminated ones among them for a while."""
    return reader.find(INSTANCES, account=provider.account, region=provider.region, managed_by=provider.name)


def _hosts(reader: Reader, provider: CapacityProvider) -> list[Host]:
    known = [
        (instance, instance_named(reader, instance.container_instance) if instance.container_instance else None)
        for instance in managed_hosts(reader, provider)
    ]
    return hosts_of(reader, known)


def _managed_host(registered: ContainerInstance, host: Host) -> ManagedHost:
    return ManagedHost(
        id=host.instance.id,
        launched_at=host.instance.launched_at,
        busy=host.busy,
        draining=registered.status == "DRAINING",
        gone=registered.status == "INACTIVE",
        impaired=not registered.agent_connected,
        idle_since=host.instance.idle_since,
    )


def _subnets(reader: Reader, provider: CapacityProvider) -> dict[str, Subnet]:
    """The first of its subnets in each zone, by zone."""
    known = known_network(reader, provider.account, provider.region)
    template = (provider.managed or {}).get("instanceLaunchTemplate") or {}
    found: dict[str, Subnet] = {}
    for name in (template.get("networkConfiguration") or {}).get("subnets") or ():
        subnet = known.subnet(name)
        found.setdefault(subnet.availability_zone, subnet)
    return found


def _to_be_helped(
    unplaced: Sequence[Unplaced], hosts: Sequence[Host], now: float
) -> tuple[list[Unplaced], float | None]:
    """Those for which a host may be launched now, and when for the first of the others. A host that has come and has
    not taken the task that it was launched for (its agent is cut off) would be followed by others without end."""
    tried: dict[str, float] = {}
    for host in hosts:
        if host.host is not None and now < host.instance.launched_at + RETRY_S:
            tried.update(dict.fromkeys(host.instance.expects, host.instance.launched_at + RETRY_S))
    later = [tried[each.task.arn] for each in unplaced if each.task.arn in tried]
    return [each for each in unplaced if each.task.arn not in tried], min(later, default=None)


def _wants(unplaced: Sequence[Unplaced]) -> list[Want]:
    """Tasks that are alike share their demand."""
    alike: dict[Demand, list[str]] = defaultdict(list)
    for each in unplaced:
        alike[each.demand].append(each.task.arn)
    return [Want(demand, tuple(tasks)) for demand, tasks in alike.items()]


def _standing(reader: Reader, cluster: Cluster, wants: Sequence[Want]) -> dict[str, Counter[str]]:
    """How many tasks of the services that wait stand in which zone."""
    here: dict[str, Any] = {"account": cluster.account, "region": cluster.region, "cluster": cluster.name}
    found: dict[str, Counter[str]] = {}
    for want in wants:
        if want.of_service and want.demand.group not in found:
            tasks = reader.find(TASKS, **here, service=want.demand.group.partition(":")[2])
            placed = (t for t in tasks if t.container_instance_arn and t.desired_status == "RUNNING")
            found[want.demand.group] = Counter(task.availability_zone or "" for task in placed)
    return found


def _end(tx: Transaction, provider: CapacityProvider, instance: Ec2Instance, because: str, now: float) -> None:
    """The container instance is DEREGISTERING until the instance has shut down."""
    host = instance_named(tx, instance.container_instance) if instance.container_instance else None
    if host is not None and host.status != "INACTIVE":
        wake_services(tx, write_instance(tx, replace(host, status="DEREGISTERING"), now))
    after = replace(instance, state="shutting-down", state_reason=_REASON, idle_since=None)
    write_ec2_instance(tx, instance, after, now)
    _note(tx, provider, "capacity_provider.host_ended", {"instance": instance.id, "because": because}, now)


def _note(tx: Transaction, provider: CapacityProvider, kind: str, detail: dict[str, Any], now: float) -> None:
    here = (provider.account, provider.region)
    journal.append(tx, at=now, account=here[0], region=here[1], kind=kind, subject=provider.arn, detail=detail)
