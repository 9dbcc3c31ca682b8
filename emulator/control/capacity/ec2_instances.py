"""The controller of EC2 instances, which are virtual hosts: they boot, their agent registers, they are shut down.

Who wants how many is the groups' (auto_scaling_groups.py). An agent joins the cluster that its user data names; without
user data that says so, a cluster whose capacity provider has its Auto Scaling group, or, of no group, `default`. One
that ECS launched for a provider of managed instances joins that provider's cluster.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from emulator.clock import Clock
from emulator.control.capacity.instances import default_cluster, trunking
from emulator.domain.capacity.capacity_provider import CapacityProvider
from emulator.domain.capacity.cluster import Cluster
from emulator.domain.capacity.container_instance import ContainerInstance, deregistered
from emulator.domain.capacity.ec2_instance import BOOT_S, COUNTED, TERMINATED_KEPT_S, Ec2Instance, Lifecycle
from emulator.domain.capacity.launch_template import cluster_in
from emulator.domain.capacity.lifecycle_hook import LAUNCHING
from emulator.domain.capacity.managed_provider import propagated_tags
from emulator.domain.capacity.virtual_host import instance_type, virtual_host
from emulator.domain.tasks.task import Task
from emulator.domain.tasks.task_progress import stop
from emulator.events import journal
from emulator.events.ec2_changes import tell_activity, write_ec2_instance
from emulator.events.instance_changes import add_instance, write_instance
from emulator.events.task_changes import write_task
from emulator.ids import Ids
from emulator.store.autoscaling_tables import GROUPS
from emulator.store.database import Database, Reader, Transaction
from emulator.store.ec2_tables import INSTANCES
from emulator.store.ecs_tables import CAPACITY_PROVIDERS, CLUSTERS, TASKS
from emulator.store.faults_table import as_connected
from emulator.store.instance_capacity import instance_named, wake_services
from emulator.store.lifecycle_hooks import hooks_of
from emulator.store.scaling_activities import finish_activity

AGENT_TRIES_EVERY_S: Final = 30.0
LOOK_WHILE_STOPPING_S: Final = 1.0


class Ec2InstanceController:
    """Key: `<account>/<region>/<instance id>`. `docker_version` is asked when an agent registers."""

    def __init__(
        self, clock: Clock, database: Database, ids: Ids, docker_version: Callable[[], str], privileged: bool
    ) -> None:
        self._clock = clock
        self._database = database
        self._ids = ids
        self._docker_version = docker_version
        self._privileged = privileged

    def reconcile(self, key: str) -> float | None:
        now = self._clock.now()
        with self._database.read() as reader:
            instance = reader.get(INSTANCES, *key.split("/"))
        if instance is None:
            return None
        match instance.state:
            case "pending" if now < instance.launched_at + BOOT_S:
                return instance.launched_at + BOOT_S
            case "running" if instance.container_instance is not None:
                return None
            case "terminated" if now < (instance.terminated_at or now) + TERMINATED_KEPT_S:
                return (instance.terminated_at or now) + TERMINATED_KEPT_S
        version = self._docker_version() if instance.state in ("pending", "running") else ""
        with self._database.write() as tx:
            current = tx.get(INSTANCES, *key.split("/"))
            return None if current is None else self._step(tx, current, version, now)

    def _step(self, tx: Transaction, instance: Ec2Instance, docker_version: str, now: float) -> float | None:
        match instance.state:
            case "pending" | "running":
                return self._run(tx, instance, docker_version, now)
            case "shutting-down":
                return _shut_down(tx, instance, now)
        tx.delete(INSTANCES, instance.account, instance.region, instance.id)
        return None

    def _run(self, tx: Transaction, instance: Ec2Instance, docker_version: str, now: float) -> float | None:
        after = replace(instance, state="running")
        if after.lifecycle == "Pending":
            # Where hooks are to be waited for, its group begins that, and says when it is in service.
            waits = self._is_hooked(tx, instance)
            after = replace(after, lifecycle="Pending:Wait" if waits else "InService")
        if instance.state == "pending" and after.lifecycle != "Pending:Wait":
            _finish(tx, instance, now)
        if after.container_instance is None:
            host = self._join(tx, after, docker_version, now)
            after = replace(after, container_instance=host.arn if host else None)
        if after != instance:
            write_ec2_instance(tx, instance, after, now)
        return None if after.container_instance else now + AGENT_TRIES_EVERY_S

    def _is_hooked(self, tx: Transaction, instance: Ec2Instance) -> bool:
        group = tx.get(GROUPS, instance.account, instance.region, instance.scaling_group or "")
        if group is None or group.status is not None:
            return False
        return any(hook.transition == LAUNCHING for hook in hooks_of(tx, group))

    def _join(
        self, tx: Transaction, instance: Ec2Instance, docker_version: str, now: float
    ) -> ContainerInstance | None:
        cluster, provider = home_of(tx, instance)
        alone = instance.scaling_group is None and instance.managed_by is None
        if cluster is None and alone and cluster_in(instance.user_data) is None:
            cluster = default_cluster(tx, instance.account, instance.region, now)
        if cluster is None:
            return None
        root = f"arn:aws:iam::{instance.account}:root"
        host = virtual_host(
            cluster,
            instance_type(instance.kind),
            instance.zone,
            now=now,
            ids=self._ids,
            docker_version=f"DockerVersion: {docker_version}" if docker_version else "",
            privileged=self._privileged,
            trunking=trunking(tx, instance.account, instance.region, root),
            capacity_provider=provider.name if provider else None,
            ec2_instance_id=instance.id,
            image_id=instance.image_id,
            subnet_id=instance.subnet_id,
            vpc_id=instance.vpc_id,
            tags=propagated_tags(provider) if instance.managed_by else (),
        )
        host = replace(host, managed=instance.managed_by is not None)
        host = as_connected(tx, host)
        add_instance(tx, host, now)
        wake_services(tx, host)
        journal.append(
            tx,
            at=now,
            account=host.account,
            region=host.region,
            kind="container_instance.registered",
            subject=host.arn,
            detail={"ec2InstanceId": instance.id, "type": instance.kind, "zone": instance.zone},
        )
        return host


def home_of(reader: Reader, instance: Ec2Instance) -> tuple[Cluster | None, CapacityProvider | None]:
    """The cluster that its agent joins, if it is there, and the provider by which that cluster has its group."""
    here = (instance.account, instance.region)
    provider = None
    if instance.managed_by:
        provider = reader.get(CAPACITY_PROVIDERS, *here, instance.managed_by)
        cluster = reader.get(CLUSTERS, *here, provider.cluster) if provider and provider.active else None
        return (cluster, provider) if cluster is not None and cluster.status == "ACTIVE" else (None, None)
    if instance.scaling_group:
        found = reader.find(CAPACITY_PROVIDERS, account=here[0], region=here[1], scaling_group=instance.scaling_group)
        provider = found[0] if found else None
    named = cluster_in(instance.user_data)
    if named is not None:
        cluster = reader.get(CLUSTERS, *here, named)
    else:
        clusters = reader.find(CLUSTERS, account=here[0], region=here[1])
        cluster = next((c for c in clusters if provider and provider.name in c.capacity_providers), None)
    if cluster is None or cluster.status != "ACTIVE":
        return None, None
    return cluster, provider if provider and provider.name in cluster.capacity_providers else None


def tasks_on(reader: Reader, host: ContainerInstance) -> list[Task]:
    """Those that have not stopped."""
    here: dict[str, Any] = {"account": host.account, "region": host.region, "cluster": host.cluster}
    return [t for t in reader.find(TASKS, **here, container_instance_arn=host.arn) if not t.stopped]


def _finish(tx: Transaction, instance: Ec2Instance, now: float) -> None:
    for activity in finish_activity(tx, instance, now):
        tell_activity(tx, activity, now)


def _shut_down(tx: Transaction, instance: Ec2Instance, now: float) -> float | None:
    """Its tasks stop; its container instance is deregistered; then it is terminated. Its group notes the loss first."""
    where = (instance.account, instance.region)
    group = tx.get(GROUPS, *where, instance.scaling_group or "")
    if group is not None and instance.lifecycle in COUNTED:
        return now + LOOK_WHILE_STOPPING_S
    host = instance_named(tx, instance.container_instance) if instance.container_instance else None
    tasks = tasks_on(tx, host) if host else []
    for task in tasks:
        if task.desired_status == "RUNNING":
            reason = f"Host EC2 (instance {instance.id}) terminated."
            write_task(tx, task, stop(task, "InfrastructureHealth", reason, now), now)
    if host is not None and host.status != "INACTIVE":
        write_instance(tx, deregistered(host, now), now)
        wake_services(tx, host)
        journal.append(
            tx,
            at=now,
            account=host.account,
            region=host.region,
            kind="container_instance.deregistered",
            subject=host.arn,
            detail={"tasks": len(tasks), "because": "its EC2 instance is terminated"},
        )
    if tasks:
        return now + LOOK_WHILE_STOPPING_S
    lifecycle: Lifecycle | None = "Terminated" if instance.scaling_group else None
    _finish(tx, instance, now)
    after = replace(instance, state="terminated", lifecycle=lifecycle, terminated_at=now)
    write_ec2_instance(tx, instance, after, now)
    return now + TERMINATED_KEPT_S
