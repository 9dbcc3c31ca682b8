"""New tasks on container instances: placed, or started where the caller says; what they take is taken at once.

Which instance takes which task is decided in domain/capacity/placement.py; this reads what there is and writes
what was decided.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from api_models._generated import ecs as m
from emulator.domain.capacity.container_instance import ContainerInstance
from emulator.domain.capacity.placement import NO_INSTANCES, Candidate, Demand, place, refused_by
from emulator.domain.capacity.placement_rules import demand_of, strategies_of
from emulator.domain.errors import ClientException, InvalidParameterException
from emulator.domain.service_scheduler.service_placement import NO_HOSTS
from emulator.domain.tasks.task import Task
from emulator.domain.tasks.task_launch import Launch, new_task, zones_of
from emulator.events import journal
from emulator.events.instance_changes import resources_changed
from emulator.events.task_changes import write_task
from emulator.services.ecs import lookup
from emulator.services.lookup import Failure
from emulator.store.ecs_tables import CAPACITY_PROVIDERS
from emulator.store.instance_capacity import MAX_WAITING, candidates, load_of, occupy, waiting_count
from emulator.wire.call import Call


def run_on_providers(
    call: Call, launch: Launch, request: m.RunTaskRequest, providers: Sequence[str]
) -> tuple[list[Task], list[Failure]]:
    """One task for each of `providers`. With managed scaling it waits, PROVISIONING, until a host takes it; without,
    it needs room on the provider's hosts now. ClientException when too many wait (the wording is unconfirmed)."""
    cluster, tasks, failures = launch.cluster, list[Task](), list[Failure]()
    for name, count in Counter(providers).items():
        provider = call.tx.get(CAPACITY_PROVIDERS, cluster.account, cluster.region, name)
        if provider is None or not provider.brings_hosts:
            placed, refused = run_on_instances(call, launch, request, count, provider=name)
            tasks += placed
            failures += refused
            continue
        waiting = waiting_count(call.tx, cluster.account, cluster.region, cluster.name)
        if waiting + count > MAX_WAITING:
            raise ClientException(
                f"The cluster has reached its limit of {MAX_WAITING} tasks in the PROVISIONING state."
            )
        number = len(tasks)
        waits = [
            new_task(launch, number=number + n, capacity_provider=name, now=call.now, ids=call.ids)
            for n in range(count)
        ]
        for task in waits:
            write_new(call, task)
        tasks += waits
    return tasks, failures


def run_on_instances(
    call: Call, launch: Launch, request: m.RunTaskRequest, count: int, *, provider: str | None = None
) -> tuple[list[Task], list[Failure]]:
    """The tasks that could be placed; when not all could, why each instance took no more (`failures`). With `provider`
    only its instances count."""
    cluster = launch.cluster
    found = candidates(
        call.tx,
        cluster.account,
        cluster.region,
        cluster.name,
        external=launch.launch_type == "EXTERNAL",
        capacity_provider=provider,
    )
    if not found:
        raise InvalidParameterException(NO_HOSTS if provider else NO_INSTANCES)
    demand = _demand(launch, request.get("placementConstraints", ()))
    strategies = strategies_of(request.get("placementStrategy", ()))
    placed = place(demand, found, count, strategies=strategies, pick=call.ids.pick)
    failures: list[Failure] = [{"arn": r.instance.arn, "reason": r.reason} for r in placed.refusals]
    return [_start(call, launch, demand, instance, n) for n, instance in enumerate(placed.instances)], failures


def start_on_instances(call: Call, launch: Launch, references: Iterable[str]) -> tuple[list[Task], list[Failure]]:
    """One task on each instance named; `failures` says which did not take it."""
    demand = _demand(launch, ())
    tasks: list[Task] = []
    failures: list[Failure] = []
    for reference in references:
        instance = lookup.find_instance(call, launch.cluster, reference)
        reason = _why_not(call, instance, demand)
        if instance is None or reason is not None:
            arn = lookup.member_arn(launch.cluster, reference, "container-instance")
            failures.append({"arn": arn, "reason": reason or "MISSING"})
        else:
            here = replace(launch, launch_type=_launch_type(instance))
            tasks.append(_start(call, here, demand, instance, len(tasks)))
    return tasks, failures


def _launch_type(instance: ContainerInstance) -> str:
    if instance.managed:
        return "MANAGED_INSTANCES"
    return "EXTERNAL" if instance.external else "EC2"


def _why_not(call: Call, instance: ContainerInstance | None, demand: Demand) -> str | None:
    """A draining instance takes nothing new (that its reason is INACTIVE, too, is unconfirmed)."""
    if instance is None:
        return "MISSING"
    if instance.status != "ACTIVE":
        return "INACTIVE"
    return refused_by(Candidate(instance, load_of(call.tx, instance)), demand)


def _demand(launch: Launch, constraints: Sequence[m.PlacementConstraint]) -> Demand:
    group = launch.group or f"family:{launch.definition.family}"
    return demand_of(launch.effective.definition, group=group, constraints=constraints, zones=zones_of(launch))


def _start(call: Call, launch: Launch, demand: Demand, instance: ContainerInstance, number: int) -> Task:
    task = new_task(launch, number=number, capacity_provider=None, now=call.now, ids=call.ids, host=instance)
    task = occupy(call.tx, task, instance, demand)
    write_new(call, task)
    resources_changed(call.tx, instance.arn, call.now)
    return task


def write_new(call: Call, task: Task) -> None:
    """A task that was asked for, wherever it is to run."""
    journal.append(
        call.tx,
        at=call.now,
        account=call.account,
        region=call.region,
        kind="task.created",
        subject=task.arn,
        detail={"taskDefinition": task.definition_arn, "group": task.group},
    )
    write_task(call.tx, None, task, call.now)
