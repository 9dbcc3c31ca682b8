"""At start-up: takes back what runs, sweeps what nobody owns any more.

Owned by this emulator is what bears its instance label; nothing else is ever touched, except what a dead
`--ephemeral` run left behind, whose lock nobody holds (D14).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from emulator.control.tasks.container_launch import ContainerLauncher
from emulator.control.tasks.definitions import DefinitionMissing, Definitions
from emulator.control.tasks.task_limits import TaskLimiter
from emulator.domain.engines import LOCAL
from emulator.domain.tasks.task import Task
from emulator.engine import labels
from emulator.engine.base import ContainerState, Engine
from emulator.events import journal
from emulator.events.task_changes import write_task
from emulator.store.autoscaling_tables import GROUPS
from emulator.store.database import Database, Reader
from emulator.store.discovery_tables import OPERATIONS
from emulator.store.ec2_tables import INSTANCES
from emulator.store.ecs_tables import CAPACITY_PROVIDERS, SERVICES, TASKS, VPC_RANGES, service_key
from emulator.store.task_queries import find_task

_log = logging.getLogger("homeport.control")


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was found at start-up."""

    adopted: int
    swept: int


def recover(
    database: Database,
    engine: Engine,
    launcher: ContainerLauncher,
    definitions: Definitions,
    limits: TaskLimiter,
    instance: str,
    boot: str,
    now: float,
    name: str = LOCAL,
) -> Recovered:
    """Gives each container of ours on an engine of that name back to its task, or removes it. Raises EngineError when
    the engine does not answer.

    An engine that answers again is recovered while tasks start: what this very `boot` makes for a task that wants to
    run is in somebody's hands, on record or about to be.
    """
    states = engine.list_containers({labels.INSTANCE: instance})
    adopted: list[tuple[Task, ContainerState]] = []
    leftovers: list[ContainerState] = []
    for state in states:
        with database.read() as reader:
            task = _owner(reader, state, name)
            if task is None and state.labels.get(labels.BOOT) == boot and _wanted(reader, state, name):
                continue
        if task is None:
            leftovers.append(state)
            continue
        task = _take_back(database, task, state, now)
        adopted.append((task, state))
    _remove(engine, leftovers)
    _remove_volumes(database, engine, instance)
    with database.read() as reader:
        limits.remove_gone(reader)
    limits.remove_abandoned()
    for task, state in adopted:
        _resume(database, launcher, definitions, task, state)
    if states:
        _log.info("recovered: %d containers adopted, %d removed", len(adopted), len(leftovers))
    return Recovered(len(adopted), len(leftovers))


def wake_everything(database: Database, wake: Callable[[list[tuple[str, str]]], None]) -> None:
    """Every task and service, and every host and who scales them, wants a look after a start."""
    with database.read() as reader:
        keys = [("task", str(arn)) for arn in reader.column(TASKS, "arn")]
        keys += [key for service in reader.find(SERVICES) for key in service_key(service)]
        keys += [("vpc", f"{r.account}/{r.region}/{r.vpc_id}") for r in reader.find(VPC_RANGES)]
        keys += [("security_groups", f"{t.account}/{t.region}") for t in reader.find(TASKS) if t.eni and not t.stopped]
        keys += [("ec2_instance", f"{i.account}/{i.region}/{i.id}") for i in reader.find(INSTANCES)]
        keys += [("auto_scaling_group", f"{g.account}/{g.region}/{g.name}") for g in reader.find(GROUPS)]
        keys += [("capacity_provider", f"{p.account}/{p.region}/{p.name}") for p in reader.find(CAPACITY_PROVIDERS)]
        keys += [("registration", t.arn) for t in reader.find(TASKS) if t.registry]
        for status in ("SUBMITTED", "PENDING"):
            keys += [("discovery_operation", operation.key) for operation in reader.find(OPERATIONS, status=status)]
    wake(keys)


def sweep_dead_ephemeral(engine: Engine, limits: TaskLimiter, own_instance: str, is_dead: Callable[[str], bool]) -> int:
    """Removes what dead `--ephemeral` runs left in the engine; how many containers. `is_dead` judges by their lock."""
    found = [
        state
        for state in engine.list_containers({labels.EPHEMERAL: "true"})
        if state.labels.get(labels.INSTANCE, own_instance) != own_instance
        and is_dead(state.labels.get(labels.LOCK, ""))
    ]
    _remove(engine, found)
    for instance in {state.labels[labels.INSTANCE] for state in found}:
        for volume in engine.list_volumes({labels.INSTANCE: instance}):
            engine.remove_volume(volume)
        limits.remove_all(instance)
        remove_networks(engine, instance)
    return len(found)


def remove_everything(engine: Engine, limits: TaskLimiter, instance: str) -> None:
    """All of this emulator in the engine and on its host but networks, which other engines may use: for
    `homeport reset`, and at the end of an ephemeral run."""
    _remove(engine, engine.list_containers({labels.INSTANCE: instance}))
    for name in engine.list_volumes({labels.INSTANCE: instance}):
        engine.remove_volume(name)
    limits.remove_all()


def remove_networks(engine: Engine, instance: str) -> None:
    """Those of an emulator that the engine can remove, one at a time."""
    for name in engine.list_networks({labels.INSTANCE: instance}):
        engine.remove_network(name)


def _owner(reader: Reader, state: ContainerState, engine: str) -> Task | None:
    """The task that the container belongs to, if it still wants it. One that never started is made anew instead."""
    arn = state.labels.get(labels.TASK)
    if arn is None or state.labels.get(labels.SCHEMA) != labels.SCHEMA_VERSION or state.status == "created":
        return None
    task = find_task(reader, arn)
    if task is None or task.stopped or task.engine != engine:
        return None
    known = {c.runtime_id for c in task.containers} | set(task.pauses)
    if state.id in known:
        return task
    if state.labels.get(labels.KIND) == "pause":
        return None  # nothing has joined it yet, and what it was made with is not on record
    return task if task.desired_status == "RUNNING" else None


def _wanted(reader: Reader, state: ContainerState, engine: str) -> bool:
    arn = state.labels.get(labels.TASK)
    task = find_task(reader, arn) if arn is not None else None
    return task is not None and task.engine == engine and task.desired_status == "RUNNING"


def _take_back(database: Database, task: Task, state: ContainerState, now: float) -> Task:
    """Writes the container's id into its task when the emulator died between the engine's act and the record."""
    with database.write() as tx:
        task = find_task(tx, task.arn) or task
        changed = _with_id(task, state)
        if changed != task:
            changed = write_task(tx, task, changed, now)
            journal.append(
                tx,
                at=now,
                account=task.account,
                region=task.region,
                kind="task.container_adopted",
                subject=task.arn,
                detail={"container": state.labels.get(labels.CONTAINER), "runtimeId": state.id},
            )
    return changed


def _with_id(task: Task, state: ContainerState) -> Task:
    name = state.labels.get(labels.CONTAINER, "")
    if any(c.name == name and c.runtime_id is None for c in task.containers):
        return task.with_container(replace(task.container(name), runtime_id=state.id))
    return task


def _resume(
    database: Database, launcher: ContainerLauncher, definitions: Definitions, task: Task, state: ContainerState
) -> None:
    if state.labels.get(labels.KIND) != "app":
        return
    try:
        with database.read() as reader:
            effective = definitions.of(reader, task)
            current = find_task(reader, task.arn) or task
    except DefinitionMissing:
        return
    launcher.resume_output(current, effective, current.container(state.labels[labels.CONTAINER]))


def _remove_volumes(database: Database, engine: Engine, instance: str) -> None:
    """Those of tasks that are gone, or have stopped."""
    for name, marks in engine.list_volumes({labels.INSTANCE: instance}).items():
        arn = marks.get(labels.TASK)
        if arn is None:
            continue
        with database.read() as reader:
            task = find_task(reader, arn)
        if task is None or task.stopped:
            _log.info("removing the volume %s", name)
            engine.remove_volume(name)


def _remove(engine: Engine, states: list[ContainerState]) -> None:
    """Application containers first, then those that own a network endpoint; one at a time, gently."""
    for state in sorted(states, key=lambda s: s.labels.get(labels.KIND) == "pause"):
        _log.info("removing %s", state.name)
        engine.remove_container(state.id)
