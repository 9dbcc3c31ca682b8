"""All engines of one control plane: whose a task is, and what is done for each of them by itself.

A container is named by its engine and its id (D4): a task's record says the engine, so all about the task goes to what
belongs to that engine. An engine that is down stops nobody else: it has a watch, threads and work of its own.
Nothing is decided here about a task.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from emulator.control.discovery.proxy_logs import ProxyLogs
from emulator.control.observe import ContainerWatch
from emulator.control.tasks.container_launch import ContainerLauncher
from emulator.control.tasks.statistics import Statistics
from emulator.control.tasks.task_executor import TaskExecutor
from emulator.control.tasks.task_limits import TaskLimiter
from emulator.control.work import Lane, Work
from emulator.domain.tasks.task import Task
from emulator.domain.tasks.task_actions import TaskAction
from emulator.domain.tasks.task_outcomes import Failed, Outcome
from emulator.domain.tasks.task_overrides import EffectiveTask
from emulator.domain.tasks.task_progress import Sight
from emulator.engine.base import ContainerState, Engine
from emulator.events import journal
from emulator.events.instance_changes import write_instance
from emulator.store.database import Database
from emulator.store.ecs_tables import CONTAINER_INSTANCES
from emulator.store.faults_table import as_connected
from emulator.store.instance_capacity import wake_services

_log = logging.getLogger("homeport.control")


@dataclass(frozen=True, slots=True)
class EngineControl:
    """What belongs to one engine."""

    name: str
    engine: Engine
    watch: ContainerWatch
    statistics: Statistics
    work: Work
    limits: TaskLimiter
    launcher: ContainerLauncher
    executor: TaskExecutor
    proxy_logs: ProxyLogs


class Engines:
    """`local` is Homeport's own engine; `others` are those that the user named. None is added later."""

    def __init__(self, local: EngineControl, others: Iterable[EngineControl]) -> None:
        self.local = local
        self.all = (local, *others)
        self._by_name = {one.name: one for one in self.all}

    def named(self, name: str) -> EngineControl | None:
        return self._by_name.get(name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._by_name)

    # ---- what a task's controller needs

    def sight(self, task: Task) -> Sight:
        """What is known of the task's containers; nothing is concluded while its engine is not there."""
        ids = [c.runtime_id for c in task.containers if c.runtime_id]
        one = self._by_name.get(task.engine)
        return Sight({}, False) if one is None else one.watch.sight([*ids, *task.pauses])

    def perform(self, task: Task, effective: EffectiveTask, action: TaskAction) -> Outcome:
        one = self._by_name.get(task.engine)
        if one is None:
            return Failed(
                f"ResourceInitializationError: no container engine answers: the task is of engine {task.engine}, which "
                "is not among those that Homeport was started with (--engine-endpoint)"
            )
        return one.executor.perform(task, effective, action)

    def submit(self, task: Task, lane: Lane, job: Callable[[], None], *, ahead: bool) -> None:
        (self._by_name.get(task.engine) or self.local).work.submit(lane, job, ahead=ahead)

    # ---- what is asked by a container's id alone

    def states(self) -> list[ContainerState]:
        """All containers that are known, as of each engine's last look."""
        return list(chain.from_iterable(one.watch.states() for one in self.all))

    def latest_statistics(self, container_id: str) -> Mapping[str, Any] | None:
        """As Statistics.latest, of whichever engine reads it."""
        found = (one.statistics.latest(container_id) for one in self.all)
        return next((document for document in found if document is not None), None)

    def storage_mib(self, containers: Iterable[tuple[str, str]]) -> int | None:
        """As Statistics.storage_mib, of the engine that has the containers."""
        wanted = list(containers)
        mine = [one for one in self.all if any(one.watch.state(cid) is not None for cid, _ in wanted)]
        return (mine[0] if mine else self.local).statistics.storage_mib(wanted)


def tell_instances(database: Database, engine: str, connected: bool, now: float) -> None:
    """An engine came or went: the agents of its instances are connected or not, and services look again."""
    with database.write() as tx:
        for instance in tx.find(CONTAINER_INSTANCES):
            if instance.engine != engine or instance.status == "INACTIVE" or instance.agent_connected is connected:
                continue
            changed = replace(instance, agent_connected=connected)
            if connected and not as_connected(tx, changed).agent_connected:
                continue  # a fault on demand keeps it so
            write_instance(tx, changed, now)
            journal.append(
                tx,
                at=now,
                account=instance.account,
                region=instance.region,
                kind="container_instance.agent_connection_changed",
                subject=instance.arn,
                detail={"agentConnected": connected, "engine": engine},
            )
            wake_services(tx, changed)


def disconnect_strangers(database: Database, known: Iterable[str], now: float) -> None:
    """At a start: instances of engines that the user did not name this time have no agent."""
    with database.read() as reader:
        strangers = {i.engine for i in reader.find(CONTAINER_INSTANCES)} - set(known)
    for engine in sorted(strangers):
        _log.warning("there are container instances of engine %s, which --engine-endpoint does not name", engine)
        tell_instances(database, engine, False, now)
