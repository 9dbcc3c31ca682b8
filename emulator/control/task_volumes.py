"""Makes and removes the volumes of tasks, and says where a container mounts them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.domain.task import Task
from emulator.domain.volume_plan import TaskVolume, VolumeMount, is_allowed, mounts, task_volumes, volumes_from
from emulator.engine import labels
from emulator.engine.base import Engine, EngineError, EngineNotResponding, EngineUnavailable, Mount
from emulator.engine.volumes import VolumeSpec


class CannotCreateVolume(Exception):
    """`CannotCreateVolumeError: ...`, as the ECS agent words it."""

    def __init__(self, text: str) -> None:
        super().__init__(f"CannotCreateVolumeError: {text}")


@dataclass(frozen=True, slots=True)
class VolumeMaker:
    """`owned` are the labels of what this emulator makes; `allowed` the host directories that tasks may see."""

    engine: Engine
    instance: str
    owned: Mapping[str, str]
    allowed: tuple[str, ...] = ()

    def create(self, task: Task, definition: Mapping[str, Any]) -> None:
        """Every volume that the task's containers mount. CannotCreateVolume with the engine's text."""
        for volume in task_volumes(definition, task, self.instance).values():
            if volume.host:
                self._check_path(volume.source)
            elif volume.created:
                self._create(task, volume)
            elif volume.source not in self.engine.list_volumes({}):
                raise CannotCreateVolume(f"get {volume.source}: no such volume")

    def remove(self, task: Task) -> None:
        """Those that go with the task."""
        for name in self.engine.list_volumes({labels.INSTANCE: self.instance, labels.TASK: task.arn}):
            self.engine.remove_volume(name)

    def mounts(self, task: Task, definition: Mapping[str, Any], container: Mapping[str, Any]) -> tuple[Mount, ...]:
        return tuple(_mount(mount) for mount in mounts(container, task_volumes(definition, task, self.instance)))

    def from_others(self, task: Task, container: Mapping[str, Any]) -> tuple[str, ...]:
        """The containers whose mounts it has, too; they were started before (container_order)."""
        found = []
        for name, read_only in volumes_from(container):
            identity = task.container(name).runtime_id
            found.append(f"{identity}{':ro' if read_only else ''}")
        return tuple(found)

    def _create(self, task: Task, volume: TaskVolume) -> None:
        of_task = {labels.TASK: task.arn} if volume.of_task else {}
        spec = VolumeSpec(
            volume.source,
            {**volume.labels, **self.owned, labels.KIND: "volume", **of_task},
            volume.driver,
            volume.options,
        )
        try:
            self.engine.ensure_volume(spec)
        except (EngineUnavailable, EngineNotResponding):
            raise
        except EngineError as error:
            raise CannotCreateVolume(str(error)) from error

    def _check_path(self, path: str) -> None:
        """Links are followed before it is judged: nothing outside what was allowed."""
        if not is_allowed(os.path.realpath(path), [os.path.realpath(root) for root in self.allowed]):
            raise CannotCreateVolume(f"the host's {path} is in no directory of --allow-host-path")


def _mount(mount: VolumeMount) -> Mount:
    kind = "bind" if mount.volume.host else "volume"
    return Mount(kind, mount.path, mount.volume.source, mount.read_only)  # type: ignore[arg-type]
