"""The controller of services: has the scheduler decide, writes what it decided, starts and stops tasks as records.

Everything happens in one transaction: the plan, its events, the tasks it starts. It never touches the engine; the
tasks' own controller does what their records want.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from emulator.clock import Clock
from emulator.control.service_scheduler.service_hosts import daemon_hosts, subnet_for, zones_for
from emulator.control.service_scheduler.service_placement import SERVICE_STRATEGIES, demand_for, placer
from emulator.control.turn import Look, Turn
from emulator.domain.capacity.capacity_strategy import launch_type_in
from emulator.domain.discovery.registry import registry_of
from emulator.domain.service_scheduler.rollout import alarm_names
from emulator.domain.service_scheduler.scheduler import Plan, Surroundings, reconcile
from emulator.domain.service_scheduler.service import Deployment, Service
from emulator.domain.service_scheduler.service_notices import envelope
from emulator.domain.service_scheduler.service_tasks import NO_TARGETS, Targets
from emulator.domain.tasks.actions import NoteEnds, ServiceAction, StartTasks, StopTask, noted
from emulator.domain.tasks.launch_settings import check_network
from emulator.domain.tasks.launch_settings import platform_version as resolved_platform_version
from emulator.domain.tasks.task import Task
from emulator.domain.tasks.task_launch import IdSource, Launch, new_task, outside, task_tags
from emulator.domain.tasks.task_overrides import apply_overrides
from emulator.domain.tasks.task_progress import stop
from emulator.events import journal
from emulator.events.instance_changes import resources_changed
from emulator.events.task_changes import write_task
from emulator.ids import Ids
from emulator.store.database import Database, Reader, Transaction
from emulator.store.ecs_tables import (
    ALARM_STATES,
    CLUSTERS,
    SERVICE_DEPLOYMENTS,
    SERVICES,
    TASK_DEFINITIONS,
    TASKS,
)
from emulator.store.faults_table import lost_zones
from emulator.store.instance_capacity import instance_named, leaving_instances, occupy
from emulator.store.task_queries import find_task
from emulator.store.vpc_queries import known_network

TargetHealthSource = Callable[[Reader, Service], Targets]
"""Who knows the health of a service's targets: the load balancers' work. None yet, so that containers alone decide."""


class ServiceController:
    """Key: `<account>/<region>/<cluster>/<service>`."""

    def __init__(
        self, clock: Clock, database: Database, ids: Ids, target_health: TargetHealthSource | None = None
    ) -> None:
        self._clock = clock
        self._database = database
        self._ids = ids
        self._target_health = target_health or (lambda reader, service: NO_TARGETS)

    def look(self, turn: Turn, key: str) -> Look:
        now = self._clock.now()
        with turn.read() as reader:
            plan = self._plan(reader, key, now)
        if plan is None or (plan.service is None and plan.rollout is None and not plan.actions):
            return Look(None if plan is None else plan.next_look)
        seen = turn.writes
        tx = turn.write()
        if seen is None:
            # Planned again on what is there now: an API call may have come between.
            plan = self._plan(tx, key, now)
        if plan is None:
            return Look()
        self._carry_out(tx, key, plan, now)
        return Look(plan.next_look)

    def plan_of(self, reader: Reader, key: str) -> Plan | None:
        """What the next look would do: for `homeport explain` and `homeport plan`."""
        return self._plan(reader, key, self._clock.now())

    def _plan(self, reader: Reader, key: str, now: float) -> Plan | None:
        service = find_service(reader, key)
        if service is None:
            return None
        return reconcile(service, tasks_of(reader, service), now, self._ids, self._around(reader, service))

    def _around(self, reader: Reader, service: Service) -> Surroundings:
        """What the scheduler asks of others. Only a deployment under way is watched."""
        targets = self._target_health(reader, service)
        if service.status != "ACTIVE":
            return Surroundings(targets=targets)
        around = Surroundings(
            place=placer(reader, service, lambda deployment: launch_of(reader, service, deployment), self._ids.pick),
            leaving=frozenset(leaving_instances(reader, service.account, service.region, service.cluster)),
            targets=targets,
        )
        around = self._with_hosts(reader, service, around)
        under_way = [d for d in service.deployments if d.status == "PRIMARY" and d.rollout_state == "IN_PROGRESS"]
        if not under_way or service.has_task_sets:
            return around
        where = (service.account, service.region)
        found = [reader.get(ALARM_STATES, *where, name) for name in alarm_names(service)]
        return replace(
            around,
            alarms={alarm.name: alarm for alarm in found if alarm is not None},
            rollout=reader.get(
                SERVICE_DEPLOYMENTS, *where, service.cluster, service.name, under_way[0].service_deployment_id
            ),
        )

    def _with_hosts(self, reader: Reader, service: Service, around: Surroundings) -> Surroundings:
        """With the instances that a daemon belongs on, or the zones that tasks are evened out in."""
        if service.is_daemon:
            return replace(around, hosts=daemon_hosts(reader, service, launch_of(reader, service, service.primary)))
        if service.has_task_sets or service.desired_count < 2 or service.primary.rollout_state != "COMPLETED":
            return around
        if service.spec.get("availabilityZoneRebalancing") != "ENABLED":
            return around
        launch = launch_of(reader, service, service.primary)
        launch = outside(launch, lost_zones(reader)) or launch
        zones, place_in = zones_for(reader, service, launch, self._ids.pick)
        return replace(around, zones=zones, place_in=place_in)

    def _carry_out(self, tx: Transaction, key: str, plan: Plan, now: float) -> None:
        service = plan.service or find_service(tx, key)
        if service is None:
            return
        if plan.service is not None:
            tx.put(SERVICES, plan.service)
        if plan.rollout is not None:
            tx.put(SERVICE_DEPLOYMENTS, plan.rollout)
        for notice in plan.notices:
            _tell(tx, service, notice.at, "eventbridge", envelope(service, notice))
        for event in plan.events:
            detail = {"id": event.id, "name": event.name, "message": event.message}
            _tell(tx, service, event.at, "service.event", detail)
        for action in plan.actions:
            self._act(tx, service, action, now)

    def _act(self, tx: Transaction, service: Service, action: ServiceAction, now: float) -> None:
        match action:
            case StartTasks():
                start_tasks(tx, service, action, now, self._ids)
            case StopTask(arn, code, reason):
                task = find_task(tx, arn)
                if task is not None and task.desired_status == "RUNNING":
                    stopped = stop(task, code, reason, now)
                    write_task(tx, task, stopped, now)
            case NoteEnds(arns):
                for arn in arns:
                    task = find_task(tx, arn)
                    if task is not None:
                        tx.put(TASKS, noted(task))


def _tell(tx: Transaction, service: Service, at: float, kind: str, detail: Mapping[str, Any]) -> None:
    journal.append(
        tx, at=at, account=service.account, region=service.region, kind=kind, subject=service.arn, detail=detail
    )


def find_service(reader: Reader, key: str) -> Service | None:
    account, region, cluster, name = key.split("/")
    return reader.get(SERVICES, account, region, cluster, name)


def tasks_of(reader: Reader, service: Service) -> list[Task]:
    """The tasks that the scheduler still counts: not those whose end was noted and that have stopped."""
    return reader.find(
        TASKS,
        account=service.account,
        region=service.region,
        cluster=service.cluster,
        service=service.name,
        released=False,
    )


def start_tasks(tx: Transaction, service: Service, action: StartTasks, now: float, ids: Ids) -> None:
    """Inserts the tasks' records; the ids were made with the plan."""
    deployment = next(d for d in service.deployments if d.id == action.deployment_id)
    launch = launch_of(tx, service, deployment)
    launch = outside(launch, lost_zones(tx)) or launch
    registry = registry_of(
        deployment.spec.get("serviceRegistries") or (), deployment.task_set.external_id if deployment.task_set else None
    )
    others = tasks_of(tx, service)
    before = len(others)
    standing = Counter(
        task.availability_zone
        for task in others
        if task.deployment_id == deployment.id and task.desired_status == "RUNNING"
    )
    for number, task_id, spot in zip(count(before), action.task_ids, action.spots, strict=False):
        host = instance_named(tx, spot.instance) if spot.instance else None
        number = number if host else subnet_for(launch, spot.zone, standing, number)
        task = new_task(
            launch,
            number=number,
            capacity_provider=spot.capacity_provider,
            now=now,
            ids=_WithTaskId(task_id, ids),
            host=host,
        )
        if host is not None:
            task = occupy(tx, task, host, demand_for(service, launch))
        journal.append(
            tx,
            at=now,
            account=task.account,
            region=task.region,
            kind="task.created",
            subject=task.arn,
            detail={"service": service.name, "deployment": deployment.id, "because": action.because},
        )
        standing[task.availability_zone] += 1
        write_task(tx, None, replace(task, because=action.because, registry=registry), now)
        resources_changed(tx, task.container_instance_arn, now)


def launch_of(reader: Reader, service: Service, deployment: Deployment) -> Launch:
    """What all tasks of the deployment share."""
    _, family, revision = deployment.task_definition.replace("/", ":").rsplit(":", 2)
    definition = reader.get(TASK_DEFINITIONS, service.account, service.region, family, int(revision))
    cluster = reader.get(CLUSTERS, service.account, service.region, service.cluster)
    if definition is None or cluster is None:
        raise LookupError(f"{service.name}: {deployment.task_definition} or its cluster is gone")
    launch_type = launch_type_in(deployment.spec, cluster.managed_providers)
    effective = apply_overrides(definition.body, None, launch_type=launch_type)
    placement = check_network(
        effective.definition,
        deployment.spec.get("networkConfiguration"),
        known_network(reader, service.account, service.region),
        strict=False,
    )
    propagated = {"SERVICE": service.tags, "TASK_DEFINITION": definition.tags}.get(service.propagate_tags, [])
    managed = service.enable_ecs_managed_tags
    return Launch(
        cluster=cluster,
        definition=definition,
        effective=effective,
        placement=placement,
        launch_type=launch_type,
        platform_version=resolved_platform_version(
            deployment.spec.get("platformVersion"), launch_type, effective.definition
        ),
        group=f"service:{service.name}",
        started_by=deployment.id,
        tags=task_tags(
            [],
            propagated=propagated,
            cluster=service.cluster if managed else None,
            service=service.name if managed else None,
        ),
        service=service.name,
        deployment_id=deployment.id,
        image_digests=deployment.image_digests,
        enable_execute_command=service.enable_execute_command,
        constraints=service.spec.get("placementConstraints") or (),
        strategies=service.spec.get("placementStrategy") or SERVICE_STRATEGIES,
        connect=deployment.connect,
    )


class _WithTaskId:
    """Ids whose first 32-digit one is the task's, made beforehand."""

    def __init__(self, task_id: str, ids: IdSource) -> None:
        self._task_id: str | None = task_id
        self._ids = ids

    def hex(self, digits: int = 32) -> str:
        if digits == 32 and self._task_id is not None:
            task_id, self._task_id = self._task_id, None
            return task_id
        return self._ids.hex(digits)

    def uuid(self) -> str:
        return self._ids.uuid()
