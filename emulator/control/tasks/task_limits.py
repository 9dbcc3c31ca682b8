"""Has tasks limited: by a control group of the task's own where the engine's host allows it, else each container.

What is chosen is decided by domain.task_limits, and believed once a container was seen to stand in such a group.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from emulator.domain.tasks.task import Task
from emulator.domain.tasks.task_limits import LimitsChoice, TaskLimits, limits_choice, task_limits
from emulator.domain.tasks.task_overrides import EffectiveTask
from emulator.engine.base import Engine, EngineError, EngineNotResponding, EngineUnavailable
from emulator.engine.control_groups import GroupName
from emulator.store.database import Reader
from emulator.store.ecs_tables import TASKS

_log = logging.getLogger("homeport.control")

PROBE = "probe"
OF_TASK = "its containers share its cpu and memory"
OF_CONTAINERS = "each of its containers has its cpu and memory for itself, and together they can pass them"


@dataclass(frozen=True, slots=True)
class Provided:
    """`cgroup_parent` None: the containers are limited one by one. `words` say which, and why."""

    cgroup_parent: str | None
    words: str


@dataclass(slots=True)
class TaskLimiter:
    """`owned` are the labels of what this emulator makes."""

    engine: Engine
    instance: str
    owned: Mapping[str, str]
    _choice: LimitsChoice | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def choice(self) -> LimitsChoice:
        """The same for all tasks while we live. Raises EngineUnavailable or EngineNotResponding without an engine."""
        with self._lock:
            if self._choice is None:
                self._choice = self._choose()
                _log.info("limits are enforced for each %s: %s", self._choice.level, self._choice.because)
            return self._choice

    def prospect(self) -> LimitsChoice:
        """What was chosen, or will be unless the proof fails."""
        return self._choice or limits_choice(self.engine.groups.facts())

    def provide(self, task: Task, effective: EffectiveTask) -> Provided:
        """The task's control group, made or found. Raises as `choice` does."""
        choice = self.choice()
        because = choice.because
        if choice.level == "task":
            try:
                parent = self.engine.groups.ensure(self._name(task.id), _limits(effective))
                return Provided(parent, f"{OF_TASK}: control group {parent}")
            except EngineError as error:
                _log.warning("%s: %s", task.arn, error)
                because = str(error)
        return Provided(None, f"{OF_CONTAINERS}: {because}")

    def renew(self, task: Task, effective: EffectiveTask) -> None:
        """Before a container starts again: a restart of the host takes groups away, and the engine would make them
        anew, without limits."""
        if task.cgroup_parent is not None:
            self.engine.groups.ensure(self._name(task.id), _limits(effective))

    def remove(self, task: Task) -> None:
        """EngineError while a process is left in it."""
        self.engine.groups.remove(self._name(task.id))

    def remove_gone(self, reader: Reader) -> None:
        """Groups of tasks that have stopped or are unknown: what a crash left."""
        alive = {task.id for task in reader.find(TASKS) if not task.stopped}
        with self._lock:
            self._remove_but(alive, self.instance)

    def remove_abandoned(self) -> None:
        """Empty groups of emulators that are gone."""
        with self._lock:
            if limits_choice(self.engine.groups.facts()).level != "task":
                return
            for owner in self.engine.groups.remove_abandoned(self.instance):
                _log.info("removed the control groups of %s, which no emulator has any more", owner)

    def remove_all(self, instance: str = "") -> None:
        """Every group of this emulator, or of another one that is dead."""
        with self._lock:
            self._remove_but(set(), instance or self.instance)

    def _remove_but(self, alive: set[str], instance: str) -> None:
        if limits_choice(self.engine.groups.facts()).level != "task":
            return
        for task in self.engine.groups.tasks(instance):
            if task not in alive:
                _log.info("removing the control group of %s", task)
                try:
                    self.engine.groups.remove(GroupName(instance, task))
                except EngineError as error:  # somebody else's process is in it
                    _log.warning("%s", error)

    def _choose(self) -> LimitsChoice:
        found = limits_choice(self.engine.groups.facts())
        if found.level == "container":
            return found
        try:
            if self.engine.groups.holds(GroupName(self.instance, PROBE), self.owned):
                return found
            because = f"{found.because}; but a container that was put into one did not stand in it"
        except (EngineUnavailable, EngineNotResponding):
            raise
        except EngineError as error:
            because = str(error)
        return LimitsChoice("container", because)

    def _name(self, task_id: str) -> GroupName:
        return GroupName(self.instance, task_id)


def _limits(effective: EffectiveTask) -> TaskLimits:
    return task_limits(effective.cpu, effective.memory, effective.containers)
