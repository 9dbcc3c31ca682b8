"""Makes and removes the volumes of tasks, and says where a container mounts them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.domain.tasks.task import Task
from emulator.domain.tasks.volume_plan import TaskVolume, VolumeMount, is_allowed, mounts, task_volumes, volumes_from
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
            for path in volume.host_paths:
                self._real_path(path)
            if volume.host:
                continue
            if volume.subpath:
                self._check_subpaths(volume)
            if volume.created:
                self._create(task, volume)
            elif volume.source not in self.engine.list_volumes({}):
                raise CannotCreateVolume(f"get {volume.source}: no such volume")

    def remove(self, task: Task) -> None:
        """Those that go with the task."""
        for name in self.engine.list_volumes({labels.INSTANCE: self.instance, labels.TASK: task.arn}):
            self.engine.remove_volume(name)

    def mounts(self, task: Task, definition: Mapping[str, Any], container: Mapping[str, Any]) -> tuple[Mount, ...]:
        return tuple(self._mount(mount) for mount in mounts(container, task_volumes(definition, task, self.instance)))

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
            self._options(volume),
        )
        try:
            self.engine.ensure_volume(spec)
        except (EngineUnavailable, EngineNotResponding):
            raise
        except EngineError as error:
            raise CannotCreateVolume(str(error)) from error

    def _options(self, volume: TaskVolume) -> Mapping[str, str]:
        """A directory that a driver binds is named as it really is."""
        device = volume.options.get("device", "")
        return {**volume.options, "device": self._real_path(device)} if device in volume.host_paths else volume.options

    def _check_subpaths(self, volume: TaskVolume) -> None:
        info = self.engine.info()
        if not info.volume_subpaths:
            raise CannotCreateVolume(
                f"rootDirectory /{volume.subpath} of {volume.name}: a directory of a file system can be mounted by "
                f"Docker Engine 26 or newer only, and this is {info.version}"
            )

    def _real_path(self, path: str) -> str:
        """Links are followed before it is judged: nothing outside what was allowed."""
        real = os.path.realpath(path)
        if not is_allowed(real, [os.path.realpath(root) for root in self.allowed]):
            raise CannotCreateVolume(f"the host's {path} is in no directory of --allow-host-path")
        return real

    def _mount(self, mount: VolumeMount) -> Mount:
        """A host path is judged once more: a link may have come since the volumes were looked at."""
        volume = mount.volume
        if volume.host:
            return Mount("bind", mount.path, self._real_path(volume.source), mount.read_only)
        return Mount("volume", mount.path, volume.source, mount.read_only, subpath=volume.subpath)
