"""Control groups of the simulated engine: names and limits, around containers that need none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager

from emulator.domain.tasks.task_limits import GroupFacts, TaskLimits
from emulator.engine.base import EngineError
from emulator.engine.control_groups import GroupName
from emulator.engine.simulated.container import SimulatedContainer


class SimulatedControlGroups:
    """`given` are the facts a test arranges; `limits` what was asked for, by path. `call` is the engine's own."""

    def __init__(
        self,
        call: Callable[..., AbstractContextManager[None]],
        containers: Callable[[], Iterable[SimulatedContainer]],
    ) -> None:
        self.given = GroupFacts(2, "cgroupfs", on_this_host=True, as_root=True, writable=True)
        self.limits: dict[str, TaskLimits] = {}
        self.really = True
        self._call = call
        self._containers = containers

    def facts(self) -> GroupFacts:
        with self._call("control_group_facts"):
            return self.given

    def holds(self, probe: GroupName, labels: Mapping[str, str]) -> bool:
        return self.really

    def ensure(self, name: GroupName, limits: TaskLimits) -> str:
        with self._call("ensure_control_group", name):
            self.limits[_path(name)] = limits
            return _path(name)

    def remove(self, name: GroupName) -> None:
        with self._call("remove_control_group", name):
            path = _path(name)
            if any(c.spec.cgroup_parent == path and c.status == "running" for c in self._containers()):
                raise EngineError(f"the control group {path} is in use: Device or resource busy", 409)
            self.limits.pop(path, None)

    def remove_abandoned(self, owner: str) -> list[str]:
        """Nobody else makes groups here."""
        return []

    def tasks(self, owner: str) -> list[str]:
        with self._call("list_control_groups", owner):
            start = f"/ecs/{owner}/"
            return sorted(path.removeprefix(start) for path in self.limits if path.startswith(start))


def _path(name: GroupName) -> str:
    return f"/ecs/{name.owner}/{name.task}"
