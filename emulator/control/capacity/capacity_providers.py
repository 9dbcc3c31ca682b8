"""The controller of capacity providers: gives waiting tasks their hosts, and the group the size that they need.

How many hosts are needed is decided in domain/capacity/managed_scaling.py, which host takes which task in
domain/capacity/placement.py.
It writes the group's desired capacity; launching is the group's own controller's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from emulator.clock import Clock
from emulator.control.capacity.group_blueprint import CannotLaunch, blueprint
from emulator.control.capacity.instances import trunking
from emulator.control.capacity.managed_instances import ManagedInstances, ManagedPlan, Unplaced
from emulator.control.capacity.provider_hosts import Host, Known, NoIds, hosts_of
from emulator.control.tasks.definitions import DefinitionMissing, Definitions
from emulator.domain.capacity.auto_scaling_group import AutoScalingGroup
from emulator.domain.capacity.capacity_provider import DELETED_KEPT_S, CapacityProvider, deleted, scaling_policy_id
from emulator.domain.capacity.cluster import Cluster
from emulator.domain.capacity.container_instance import InstancePort
from emulator.domain.capacity.managed_scaling import Fleet, HostSize, Scaling, Verdict, fresh_hosts, scale
from emulator.domain.capacity.placement import Candidate, Demand, closest, place, refused_by
from emulator.domain.capacity.placement_rules import PACKED, SERVICE_DEFAULT, demand_of, strategies_of
from emulator.domain.capacity.virtual_host import virtual_host
from emulator.domain.tasks.task import Task
from emulator.domain.tasks.task_launch import placed_on
from emulator.events import journal
from emulator.events.instance_changes import resources_changed
from emulator.events.task_changes import write_task
from emulator.ids import Ids
from emulator.store.autoscaling_tables import GROUPS
from emulator.store.database import Database, Reader, Transaction
from emulator.store.ec2_tables import INSTANCES
from emulator.store.ecs_tables import CAPACITY_PROVIDERS, CLUSTERS, CONTAINER_INSTANCES
from emulator.store.instance_capacity import candidates, instance_named, occupy, waiting_tasks

NO_HOSTS = "EMPTY CAPACITY PROVIDER"
NONE_ACTIVE = "NO ACTIVE INSTANCES"


class CapacityProviderController:
    """Key: `<account>/<region>/<capacity provider>`."""

    def __init__(
        self, clock: Clock, database: Database, ids: Ids, definitions: Definitions, privileged: bool = False
    ) -> None:
        self._clock = clock
        self._database = database
        self._ids = ids
        self._definitions = definitions
        self._managed = ManagedInstances(ids, privileged=privileged)

    def reconcile(self, key: str) -> float | None:
        now = self._clock.now()
        account, region, name = key.split("/")
        with self._database.write() as tx:
            clusters = tx.find(CLUSTERS, account=account, region=region)
            for cluster in clusters:
                if cluster.attachments_status == "UPDATE_IN_PROGRESS":
                    tx.put(CLUSTERS, replace(cluster, attachments_status="UPDATE_COMPLETE"))
            provider = _settled(tx, tx.get(CAPACITY_PROVIDERS, account, region, name), now)
            if provider is None:
                return None
            if provider.managed is not None and provider.status != "INACTIVE":
                return self._look_managed(tx, provider, now)
            if not provider.active:
                return (provider.deleted_at or now) + DELETED_KEPT_S
            return self._look(tx, provider, [c for c in clusters if name in c.capacity_providers], now)

    def _look(
        self, tx: Transaction, provider: CapacityProvider, clusters: Sequence[Cluster], now: float
    ) -> float | None:
        group = tx.get(GROUPS, provider.account, provider.region, provider.scaling_group)
        known = _known(tx, provider, clusters)
        unplaced = [left.demand for cluster in clusters for left in self._place(tx, provider, cluster, now)]
        hosts = hosts_of(tx, known)
        if provider.termination_protection and provider.scales:
            hosts = [_protected(tx, host) for host in hosts]
        if group is None or group.status is not None or not provider.scales or not clusters:
            return None
        fleet = self._fleet(tx, group, clusters[0], hosts, unplaced)
        verdict = scale(_scaling(provider), fleet, provider.low_since, now)
        remembered = replace(provider, low_since=verdict.low_since, reservation=verdict.reservation)
        if remembered != provider:
            tx.put(CAPACITY_PROVIDERS, remembered)
        _resize(tx, provider, group, fleet, verdict, now)
        return verdict.next_look

    def _look_managed(self, tx: Transaction, provider: CapacityProvider, now: float) -> float | None:
        cluster = tx.get(CLUSTERS, provider.account, provider.region, provider.cluster)
        if provider.update_status == "DELETE_IN_PROGRESS" or cluster is None:
            return self._managed.deprovision(tx, provider, cluster, now)
        return self._managed.look(tx, provider, cluster, self._place(tx, provider, cluster, now), now)

    def managed_plan(self, reader: Reader, provider: CapacityProvider) -> ManagedPlan | None:
        """What the next look at a provider of managed instances would decide, for `homeport explain`."""
        cluster = reader.get(CLUSTERS, provider.account, provider.region, provider.cluster)
        if cluster is None or not provider.active:
            return None
        waiting = waiting_tasks(reader, provider.account, provider.region, cluster.name, provider.name)
        unplaced = [Unplaced(task, demand) for task in waiting if (demand := self._demand(reader, task)) is not None]
        return self._managed.plan(reader, provider, cluster, unplaced, self._clock.now())

    def verdict(self, reader: Reader, provider: CapacityProvider) -> tuple[Fleet, Verdict] | None:
        """What the next look would find and decide, for `homeport explain`; None where nothing is scaled."""
        here = (provider.account, provider.region)
        group = reader.get(GROUPS, *here, provider.scaling_group)
        clusters = [
            c for c in reader.find(CLUSTERS, account=here[0], region=here[1]) if provider.name in c.capacity_providers
        ]
        if group is None or group.status is not None or not provider.scales or not clusters:
            return None
        instances = reader.find(INSTANCES, account=here[0], region=here[1], scaling_group=group.name)
        known = [(i, instance_named(reader, i.container_instance) if i.container_instance else None) for i in instances]
        waiting = [t for c in clusters for t in waiting_tasks(reader, *here, c.name, provider.name)]
        unplaced = [demand for task in waiting if (demand := self._demand(reader, task)) is not None]
        fleet = self._fleet(reader, group, clusters[0], hosts_of(reader, known), unplaced)
        return fleet, scale(_scaling(provider), fleet, provider.low_since, self._clock.now())

    # -- tasks that wait

    def _place(self, tx: Transaction, provider: CapacityProvider, cluster: Cluster, now: float) -> list[Unplaced]:
        """Places what can be placed, oldest first; the others, and what they ask for."""
        where = (cluster.account, cluster.region, cluster.name)
        alike: dict[str, list[Task]] = {}
        for task in waiting_tasks(tx, *where, provider.name):
            same = json.dumps([task.definition_arn, task.group, task.overrides, task.placement_request], sort_keys=True)
            alike.setdefault(same, []).append(task)
        left: list[Unplaced] = []
        for tasks in alike.values():
            demand = self._demand(tx, tasks[0])
            if demand is not None:
                left += self._place_alike(tx, provider, tasks, demand, now)
        return left

    def _place_alike(
        self, tx: Transaction, provider: CapacityProvider, tasks: Sequence[Task], demand: Demand, now: float
    ) -> list[Unplaced]:
        """Tasks of one kind."""
        where = (tasks[0].account, tasks[0].region, tasks[0].cluster)
        found = candidates(tx, *where, capacity_provider=provider.name)
        strategies = strategies_of((tasks[0].placement_request or {}).get("strategies") or ())
        if not strategies and provider.managed is not None:
            strategies = SERVICE_DEFAULT if tasks[0].service else PACKED
        placed = place(demand, found, len(tasks), strategies=strategies, pick=self._ids.pick)
        for task, host in zip(tasks, placed.instances, strict=False):
            after = occupy(tx, placed_on(task, host), host, demand)
            write_task(tx, task, after, now)
            resources_changed(tx, host.arn, now)
        rest = tasks[len(placed.instances) :]
        if placed.refusals:
            reason = closest(placed.refusals).reason.rstrip(".")
        else:
            reason = NONE_ACTIVE if _has_inactive(tx, provider, where) else NO_HOSTS
        for task in rest:
            if task.unplaced_reason != reason:
                write_task(tx, task, replace(task, unplaced_reason=reason), now)
        return [Unplaced(task, demand) for task in rest]

    def _demand(self, reader: Reader, task: Task) -> Demand | None:
        """None for a task whose definition is gone: its own controller ends it."""
        try:
            effective = self._definitions.of(reader, task)
        except DefinitionMissing:
            return None
        asked = task.placement_request or {}
        return demand_of(
            effective.definition, group=task.group, constraints=asked.get("constraints") or (), zones=asked.get("zones")
        )

    # -- how many hosts

    def _fleet(
        self,
        reader: Reader,
        group: AutoScalingGroup,
        cluster: Cluster,
        hosts: Sequence[Host],
        unplaced: Sequence[Demand],
    ) -> Fleet:
        helped, size = self._helped(reader, group, cluster, unplaced)
        return Fleet(
            hosts=len(hosts),
            busy=sum(host.busy for host in hosts),
            minimum=group.minimum,
            maximum=group.maximum,
            booting=sum(host.host is None for host in hosts),
            waiting=len(helped),
            fresh=fresh_hosts(helped, size) if size else 0,
            newest=max((host.instance.launched_at for host in hosts), default=None),
        )

    def _helped(
        self, reader: Reader, group: AutoScalingGroup, cluster: Cluster, unplaced: Sequence[Demand]
    ) -> tuple[list[Demand], HostSize | None]:
        """The waiting tasks that a fresh host of the group would take in one of its zones, and what one has."""
        if not unplaced:
            return [], None
        try:
            kind = blueprint(reader, group).kind
        except CannotLaunch:
            return [], None
        root = f"arn:aws:iam::{group.account}:root"
        trunked = trunking(reader, group.account, group.region, root)
        fresh = [virtual_host(cluster, kind, zone, now=0.0, ids=NoIds(), trunking=trunked) for zone in group.zones]
        helped = [d for d in unplaced if any(refused_by(Candidate(host), d) is None for host in fresh)]
        first = fresh[0]
        ports = frozenset(
            [*(InstancePort("tcp", port) for port in first.ports), *(InstancePort("udp", p) for p in first.ports_udp)]
        )
        return helped, HostSize(first.cpu, first.memory_mib, first.enis, ports)


def _settled(tx: Transaction, provider: CapacityProvider | None, now: float) -> CapacityProvider | None:
    """An update is done; a deletion too. None when there is nothing any more."""
    if provider is None:
        return None
    if not provider.active and now >= (provider.deleted_at or now) + DELETED_KEPT_S:
        tx.delete(CAPACITY_PROVIDERS, provider.account, provider.region, provider.name)
        return None
    if provider.update_status == "DELETE_IN_PROGRESS" and provider.managed is None:
        provider = deleted(provider, now)
        tx.put(CAPACITY_PROVIDERS, provider)
    if provider.update_status == "UPDATE_IN_PROGRESS":
        provider = replace(provider, update_status="UPDATE_COMPLETE")
        tx.put(CAPACITY_PROVIDERS, provider)
    if provider.update_status == "CREATE_IN_PROGRESS":
        provider = replace(provider, status="ACTIVE", update_status="CREATE_COMPLETE")
        tx.put(CAPACITY_PROVIDERS, provider)
    return provider


def _known(tx: Transaction, provider: CapacityProvider, clusters: Sequence[Cluster]) -> list[Known]:
    """The group's instances. Those that registered before their cluster had the provider are its own from now on."""
    names = {cluster.name for cluster in clusters}
    found: list[Known] = []
    for instance in tx.find(
        INSTANCES, account=provider.account, region=provider.region, scaling_group=provider.scaling_group
    ):
        host = instance_named(tx, instance.container_instance) if instance.container_instance else None
        if names and instance.state == "running" and instance.container_instance is None:
            tx.wake("ec2_instance", f"{instance.account}/{instance.region}/{instance.id}")
        if host is not None and host.status != "INACTIVE":
            wanted = provider.name if host.cluster in names else None
            if host.capacity_provider != wanted:
                tx.put(CONTAINER_INSTANCES, replace(host, capacity_provider=wanted))
        found.append((instance, host))
    return found


def _has_inactive(reader: Reader, provider: CapacityProvider, where: tuple[str, str, str]) -> bool:
    account, region, cluster = where
    found = reader.find(CONTAINER_INSTANCES, account=account, region=region, cluster=cluster, status="DRAINING")
    return any(host.capacity_provider == provider.name for host in found)


def _protected(tx: Transaction, host: Host) -> Host:
    """A host with tasks is protected from scale-in, one without is not."""
    if host.host is None or host.instance.protected == host.busy:
        return host
    changed = replace(host.instance, protected=host.busy)
    tx.put(INSTANCES, changed)
    return replace(host, instance=changed)


def _scaling(provider: CapacityProvider) -> Scaling:
    settings = provider.managed_scaling
    return Scaling(
        target=settings["targetCapacity"],
        minimum_step=settings["minimumScalingStepSize"],
        maximum_step=settings["maximumScalingStepSize"],
        warmup_s=float(settings["instanceWarmupPeriod"]),
    )


def _resize(
    tx: Transaction, provider: CapacityProvider, group: AutoScalingGroup, fleet: Fleet, verdict: Verdict, now: float
) -> None:
    """Up: never below what is desired already. Down: to what is needed. Else what a user has set stays, and while the
    group's AlarmNotification is suspended."""
    if "AlarmNotification" in group.processes_suspended:
        return
    if verdict.desired > fleet.hosts:
        desired = max(group.desired, verdict.desired)
    elif verdict.desired < fleet.hosts:
        desired = min(group.desired, verdict.desired)
    else:
        return
    if desired == group.desired:
        return
    state = f"ECSManagedAutoScalingPolicy-{scaling_policy_id(provider)}"
    cause = (
        f"a monitor alarm in state ALARM triggered policy {state} changing the desired capacity from {group.desired} "
        f"to {desired}"
    )
    tx.put(GROUPS, replace(group, desired=desired, cause=cause))
    journal.append(
        tx,
        at=now,
        account=provider.account,
        region=provider.region,
        kind="capacity_provider.scaled",
        subject=provider.arn,
        detail={"from": group.desired, "to": desired, "because": verdict.because},
    )
