"""Control groups around the containers of a Docker Engine on this host."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from emulator.domain.tasks.task_limits import GroupFacts, TaskLimits
from emulator.engine.base import ContainerSpec, Engine, EngineError
from emulator.engine.control_groups import GroupName
from emulator.engine.group_files import GroupFiles
from emulator.engine.systemd_slices import SystemdSlices, owner_path, slice_name, slice_path, task_of_slice

_MAKING_ATTEMPTS: Final = 3
_OWNER: Final = re.compile(r"[0-9a-f]{12}")
"""An emulator's instance. Other names there are not ours: the real ECS agent has its groups in /ecs, too."""
PROBE: Final = TaskLimits(cpu_units=1024, cpu_shares=None, memory_bytes=128 * 1024 * 1024)


class DockerControlGroups:
    """`ask` is the engine's `GET /info`, `local` whether its socket is a file of this host."""

    def __init__(
        self,
        engine: Engine,
        ask: Callable[[], Mapping[str, Any]],
        *,
        local: bool,
        files: GroupFiles | None = None,
        slices: SystemdSlices | None = None,
    ) -> None:
        self._engine = engine
        self._ask = ask
        self._local = local
        self._files = files or GroupFiles()
        self._slices = slices or SystemdSlices()
        self._systemd: bool | None = None
        self._below: bool | None = None

    def facts(self) -> GroupFacts:
        info = self._ask()
        return GroupFacts(
            version=int(str(info.get("CgroupVersion") or "1").lstrip("v")),
            driver=str(info.get("CgroupDriver") or ""),
            on_this_host=self._on_this_host(info),
            as_root=os.geteuid() == 0,
            writable=self._files.writable(),
            confined=_confined(info),
            can_ask_systemd=shutil.which("systemctl") is not None and os.path.isdir("/run/systemd/system"),
        )

    def same_kernel(self) -> bool:
        """Whether the engine's containers run on the kernel below us. Asked once."""
        if self._below is None:
            info = self._ask()
            self._below = self._on_this_host(info) and "Docker Desktop" not in str(info.get("OperatingSystem"))
        return self._below

    def _on_this_host(self, info: Mapping[str, Any]) -> bool:
        return self._local and info.get("KernelVersion") == os.uname().release

    def holds(self, probe: GroupName, labels: Mapping[str, str]) -> bool:
        parent = self.ensure(probe, PROBE)
        spec = ContainerSpec(
            name=f"ecs-probe-{probe.owner}-{probe.task}",
            image=self._engine.ensure_pause_image(),
            labels=labels,
            network_mode="none",
            cgroup_parent=parent,
            capabilities_drop=("ALL",),
            read_only_root=True,
        )
        try:
            container = self._engine.create_container(spec)
            try:
                self._engine.start_container(container)
                return self._files.cpu_used(self._path(probe)) > 0
            finally:
                self._engine.remove_container(container)
        finally:
            self.remove(probe)

    def ensure(self, name: GroupName, limits: TaskLimits) -> str:
        try:
            if self._by_systemd():
                self._slices.make(name, limits, unified=self._files.unified)
            else:
                self._make(name, limits)
            if not self._files.limited(self._path(name), limits):
                raise EngineError(f"the kernel does not show the limits of {self._path(name)}")
        except (OSError, EngineError) as error:
            with suppress(OSError, EngineError):
                self.remove(name)
            raise EngineError(f"no control group for the task: {error}") from error
        return slice_name(name) if self._by_systemd() else self._path(name)

    def _make(self, name: GroupName, limits: TaskLimits) -> None:
        """Until it is held, another emulator that starts may take it for one that nobody has any more."""
        for attempt in range(_MAKING_ATTEMPTS):
            try:
                self._files.make(self._path(name))
                self._files.hold(_owner_group(name.owner))
                self._files.limit(self._path(name), limits)
            except FileNotFoundError:
                if attempt == _MAKING_ATTEMPTS - 1:
                    raise
            else:
                return

    def remove(self, name: GroupName) -> None:
        path = self._path(name)
        if not self._by_systemd():
            self._files.remove(path)
            return
        if self._files.busy(path):
            raise EngineError(f"the control group {path} is in use", 409)
        if name.task in self.tasks(name.owner):
            self._slices.remove(name)
            self._files.remove(path)  # the hierarchies that systemd does not look after

    def remove_abandoned(self, owner: str) -> list[str]:
        if self._by_systemd():
            return []
        removed = []
        for other in self._files.children("/ecs"):
            group = _owner_group(other)
            if (
                other != owner
                and _OWNER.fullmatch(other)
                and self._files.held_by_none(group)
                and not self._files.busy(group)
            ):
                with suppress(EngineError):  # somebody has begun to use it
                    self._files.remove(group)
                    removed.append(other)
        return removed

    def tasks(self, owner: str) -> list[str]:
        if not self._by_systemd():
            return self._files.children(_owner_group(owner))
        units = self._files.children(owner_path(owner))
        return [task for unit in units if (task := task_of_slice(owner, unit))]

    def _path(self, name: GroupName) -> str:
        return slice_path(name) if self._by_systemd() else f"{_owner_group(name.owner)}/{name.task}"

    def _by_systemd(self) -> bool:
        """An engine's driver is chosen at its start: asked once."""
        if self._systemd is None:
            self._systemd = self._ask().get("CgroupDriver") == "systemd"
        return self._systemd


def _owner_group(owner: str) -> str:
    return f"/ecs/{owner}"


def _confined(info: Mapping[str, Any]) -> str:
    system = str(info.get("OperatingSystem") or "")
    if "Docker Desktop" in system:
        return "Docker Desktop"
    if any("rootless" in str(option) for option in info.get("SecurityOptions") or ()):
        return "a rootless engine"
    return ""
