"""Task definitions as control reads them: after a task's overrides, and remembered, since revisions never change."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from emulator.domain.tasks.task import Task
from emulator.domain.tasks.task_overrides import EffectiveTask, apply_overrides
from emulator.store.database import Reader
from emulator.store.ecs_tables import TASK_DEFINITIONS

_REMEMBERED = 512


class DefinitionMissing(Exception):
    """The revision is gone from the store; a task that names it cannot go on."""


class Definitions:
    """A small memory of what tasks effectively run."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], EffectiveTask] = OrderedDict()
        self._lock = threading.Lock()

    def known(self, task: Task) -> EffectiveTask | None:
        """What the task runs, if that is remembered."""
        key = _key(task)
        with self._lock:
            found = self._known.get(key)
            if found is not None:
                self._known.move_to_end(key)
            return found

    def of(self, reader: Reader, task: Task) -> EffectiveTask:
        """What the task runs: its definition with its overrides."""
        known = self.known(task)
        if known is not None:
            return known
        revision = int(task.definition_arn.rpartition(":")[2])
        definition = reader.get(TASK_DEFINITIONS, task.account, task.region, task.family, revision)
        if definition is None:
            raise DefinitionMissing(f"{task.definition_arn} is not there any more")
        effective = apply_overrides(definition.body, task.overrides or None, launch_type=task.launch_type)
        with self._lock:
            self._known[_key(task)] = effective
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return effective

    def clear(self) -> None:
        with self._lock:
            self._known.clear()


def _key(task: Task) -> tuple[str, str]:
    return task.definition_arn, json.dumps(task.overrides, sort_keys=True) if task.overrides else ""


def container_definition(effective: EffectiveTask, name: str) -> Mapping[str, Any]:
    """The container's part of it."""
    return next(c for c in effective.containers if c["name"] == name)
