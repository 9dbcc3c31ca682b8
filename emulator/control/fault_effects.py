"""What a fault does to records when it begins and when it ends: tasks interrupted or lost, agents cut off, hosts gone.

Which tasks and instances it hits, domain/faults.py says; what becomes of a task,
domain/capacity/interruption.py. Runs in the transaction that writes the fault itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from emulator.domain.capacity.container_instance import ContainerInstance, deregistered
from emulator.domain.capacity.interruption import interrupt, lose_host
from emulator.domain.fault_request import BadFault
from emulator.domain.fault_words import HOST, SPOT_INTERRUPTED, SPOT_TERMINATION, ZONE_LOST, told
from emulator.domain.faults import SPOT, Fault, cuts_off, hits_instance, hits_task, interruptible, struck
from emulator.domain.tasks.task import LADDER, Task
from emulator.events import journal
from emulator.events.ec2_changes import tell_interruption, write_ec2_instance
from emulator.events.instance_changes import write_instance
from emulator.events.task_changes import write_task
from emulator.store.database import Reader, Transaction
from emulator.store.ec2_tables import INSTANCES
from emulator.store.ecs_tables import CLUSTERS, CONTAINER_INSTANCES, TASKS
from emulator.store.instance_capacity import wake_services


def begin(tx: Transaction, fault: Fault, now: float) -> Fault:
    """The fault after its first strikes. Raises BadFault when there is nothing that it could be about."""
    match fault.kind:
        case "spot-interruption" if fault.instance:
            return _notify_host(tx, fault, now)
        case "spot-interruption":
            return _interrupt(tx, fault, now)
        case "agent-disconnect":
            instance = _instance(tx, fault)
            return _disconnect(tx, replace(fault, instance=instance.arn), [instance], now)
        case "zone-loss":
            return _lose_zone(tx, fault, now)
    return fault


def finish(tx: Transaction, fault: Fault, others: Sequence[Fault], now: float, *, called_off: bool) -> None:
    """The fault is over; `others` still act. `called_off`: somebody cleared it before its time."""
    if fault.kind in ("agent-disconnect", "zone-loss"):
        for instance in _hit(tx, fault):
            if not instance.agent_connected and cuts_off(others, instance) is None:
                write_instance(tx, replace(instance, agent_connected=True), now)
                _wake(tx, instance)
    if fault.kind == "zone-loss":
        for cluster in tx.find(CLUSTERS):
            tx.wake("capacity", f"{cluster.account}/{cluster.region}/{cluster.name}")
    if fault.kind == "spot-interruption" and fault.instance:
        for instance in _hit(tx, fault):
            if not called_off:
                _terminate(tx, fault, instance, now)
            elif fault.drained:
                write_instance(tx, replace(instance, status="ACTIVE"), now)
                wake_services(tx, instance)


# -- Spot


def _interrupt(tx: Transaction, fault: Fault, now: float) -> Fault:
    named = [task for task in _alive(tx) if task.desired_status == "RUNNING" and hits_task(fault, task)]
    hit = [task for task in named if interruptible(fault, task)]
    if not hit:
        if named:
            runs_on = named[0].capacity_provider or named[0].launch_type
            raise BadFault(f"task {named[0].id} runs on {runs_on}; only tasks on {SPOT} are interrupted")
        raise BadFault("no task that is meant to run is meant by this")
    for task in hit:
        write_task(tx, task, interrupt(task, SPOT_INTERRUPTED, told(fault), now), now)
        _note(tx, task, fault, now)
    changed = struck(fault, now, [task.arn for task in hit])
    return replace(changed, ended_at=now, ended_because="the notice was given")


def _notify_host(tx: Transaction, fault: Fault, now: float) -> Fault:
    """The notice of a Spot instance has its agent drain it (ECS_ENABLE_SPOT_INSTANCE_DRAINING)."""
    instance = _instance(tx, fault)
    if instance.external:
        raise BadFault(f"{instance.id} is outside EC2, and no Spot Instance")
    machine = tx.get(INSTANCES, instance.account, instance.region, instance.ec2_instance_id or "")
    if machine is not None:
        tell_interruption(tx, machine, now)
    drained = instance.status == "ACTIVE"
    if drained:
        write_instance(tx, replace(instance, status="DRAINING"), now)
        wake_services(tx, instance)
    return struck(replace(fault, instance=instance.arn, drained=drained), now, [instance.arn])


def _terminate(tx: Transaction, fault: Fault, instance: ContainerInstance, now: float) -> None:
    _lose_tasks(tx, fault, instance, "terminated", now)
    gone = write_instance(tx, deregistered(instance, now), now)
    wake_services(tx, gone)
    machine = tx.get(INSTANCES, instance.account, instance.region, instance.ec2_instance_id or "")
    if machine is not None and machine.state in ("pending", "running"):
        after = replace(machine, state="shutting-down", state_reason=SPOT_TERMINATION)
        write_ec2_instance(tx, machine, after, now)


# -- agents and zones


def _disconnect(tx: Transaction, fault: Fault, instances: Iterable[ContainerInstance], now: float) -> Fault:
    hit = [*instances]
    for instance in hit:
        if instance.agent_connected:
            write_instance(tx, replace(instance, agent_connected=False), now)
            _wake(tx, instance)
    return struck(fault, now, [instance.arn for instance in hit])


def _lose_zone(tx: Transaction, fault: Fault, now: float) -> Fault:
    instances = _hit(tx, fault)
    fault = _disconnect(tx, fault, instances, now)
    lost: list[str] = []
    for instance in instances:
        lost += _lose_tasks(tx, fault, instance, "stopped", now)
    for task in _alive(tx):
        if task.container_instance_arn is None and task.availability_zone == fault.zone:
            lost.append(_lose(tx, fault, task, ZONE_LOST.format(zone=fault.zone), now))
    return struck(fault, now, lost)


def _lose_tasks(tx: Transaction, fault: Fault, instance: ContainerInstance, how: str, now: float) -> list[str]:
    reason = HOST.format(instance=instance.ec2_instance_id or instance.id, how=how)
    return [_lose(tx, fault, task, reason, now) for task in _tasks_on(tx, instance)]


def _lose(tx: Transaction, fault: Fault, task: Task, reason: str, now: float) -> str:
    write_task(tx, task, lose_host(task, reason, told(fault), now), now)
    _note(tx, task, fault, now)
    return task.arn


# -- reading


def _instance(tx: Transaction, fault: Fault) -> ContainerInstance:
    found = _hit(tx, fault)
    if not found:
        raise BadFault(f"there is no container instance {fault.instance}")
    return found[0]


def _hit(reader: Reader, fault: Fault) -> list[ContainerInstance]:
    there = [i for status in ("ACTIVE", "DRAINING") for i in reader.find(CONTAINER_INSTANCES, status=status)]
    return [instance for instance in there if hits_instance(fault, instance)]


def _alive(reader: Reader) -> list[Task]:
    """Every task that has not stopped."""
    return [task for status in LADDER if status != "STOPPED" for task in reader.find(TASKS, last_status=status)]


def _tasks_on(reader: Reader, instance: ContainerInstance) -> list[Task]:
    here: dict[str, Any] = {"account": instance.account, "region": instance.region, "cluster": instance.cluster}
    return [t for t in reader.find(TASKS, **here, container_instance_arn=instance.arn) if not t.stopped]


def _wake(tx: Transaction, instance: ContainerInstance) -> None:
    """Whether its agent is connected has changed: for services that place, and for the tasks on it."""
    wake_services(tx, instance)
    for task in _tasks_on(tx, instance):
        tx.wake("task", task.arn)


def _note(tx: Transaction, task: Task, fault: Fault, now: float) -> None:
    journal.append(
        tx,
        at=now,
        account=task.account,
        region=task.region,
        kind="task.struck",
        subject=task.arn,
        detail={"fault": told(fault)},
    )
