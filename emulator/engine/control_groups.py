"""Control groups of tasks: what the engine's host keeps around containers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from emulator.domain.tasks.task_limits import GroupFacts, TaskLimits


@dataclass(frozen=True, slots=True)
class GroupName:
    """`owner` is an emulator's instance, `task` an id: both hexadecimal, and no other emulator's."""

    owner: str
    task: str


class ControlGroups(Protocol):
    """A part of every Engine. Where `facts` do not allow groups, nothing else is called."""

    def facts(self) -> GroupFacts:
        """Raises EngineUnavailable when nothing answers."""
        ...

    def holds(self, probe: GroupName, labels: Mapping[str, str]) -> bool:
        """Whether a container of the engine really stands in a group made here: one is run, and the kernel asked.

        Costs one short container, which bears `labels`. EngineError when it could not be run.
        """
        ...

    def ensure(self, name: GroupName, limits: TaskLimits) -> str:
        """Makes the group, or finds it, with these limits; gives the `cgroup_parent` of its containers.

        EngineError when the kernel or systemd would not; then nothing of it is left.
        """
        ...

    def remove(self, name: GroupName) -> None:
        """No error when it is not there; EngineError while a process is in it."""
        ...

    def remove_abandoned(self, owner: str) -> list[str]:
        """Removes the groups of every other owner that no emulator alive holds, and no process is in; gives the owners.

        A killed emulator leaves them, and nobody may ever start it again. Groups made by systemd are systemd's."""
        ...

    def tasks(self, owner: str) -> list[str]:
        """The tasks whose groups of this owner are there."""
        ...
