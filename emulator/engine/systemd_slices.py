"""Slices of tasks, for an engine whose control groups are systemd's: asked for by `systemctl`, which owns the files.

systemd is the only writer of what it manages: limits written behind its back are undone at its next reload. Source:
systemd.resource-control(5), systemd.slice(5), systemctl(1).
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from emulator.domain.tasks.task_limits import CPU_UNITS, TaskLimits
from emulator.engine.base import EngineError
from emulator.engine.control_groups import GroupName
from emulator.engine.group_files import weight_of

Run = Callable[[Sequence[str]], None]

DEADLINE_S: Final = 20


def slice_name(name: GroupName) -> str:
    """`ecs-<owner>-<task>.slice`: dashes are its place below `ecs.slice`."""
    return f"ecs-{name.owner}-{name.task}.slice"


def slice_path(name: GroupName) -> str:
    """Where systemd keeps that slice's control group."""
    return f"{owner_path(name.owner)}/{slice_name(name)}"


def owner_path(owner: str) -> str:
    return f"/ecs.slice/ecs-{owner}.slice"


def task_of_slice(owner: str, unit: str) -> str:
    """The task of a unit below the owner's slice; empty for any other."""
    start, end = f"ecs-{owner}-", ".slice"
    return unit[len(start) : -len(end)] if unit.startswith(start) and unit.endswith(end) else ""


def properties(limits: TaskLimits, *, unified: bool) -> list[str]:
    """In systemd's words."""
    found = []
    if limits.cpu_units is not None:
        found.append(f"CPUQuota={limits.cpu_units * 100 / CPU_UNITS:.2f}".rstrip("0").rstrip(".") + "%")
    elif limits.cpu_shares is not None:
        found.append(f"CPUWeight={weight_of(limits.cpu_shares)}")
    if limits.memory_bytes is not None:
        found.append(f"MemoryMax={limits.memory_bytes}")
        if unified:
            found.append(f"MemorySwapMax={limits.swap_bytes}")
    return found


def run_systemctl(arguments: Sequence[str]) -> None:
    """EngineError with systemd's text."""
    try:
        done = subprocess.run(
            ["systemctl", *arguments], capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(f"systemctl {arguments[0]}: {error}") from error
    if done.returncode != 0:
        raise EngineError(f"systemctl {arguments[0]}: {done.stderr.strip() or f'exit code {done.returncode}'}")


@dataclass(frozen=True, slots=True)
class SystemdSlices:
    """`run` is systemctl."""

    run: Run = run_systemctl

    def make(self, name: GroupName, limits: TaskLimits, *, unified: bool) -> None:
        """A slice without processes exists once it is started; its limits live until the next boot at most."""
        unit = slice_name(name)
        wanted = properties(limits, unified=unified)
        if wanted:
            self.run(["set-property", "--runtime", unit, *wanted])
        self.run(["start", unit])

    def remove(self, name: GroupName) -> None:
        """Stopping a slice ends what is in it: the caller has seen that nothing is."""
        unit = slice_name(name)
        self.run(["stop", unit])
        self.run(["revert", unit])
