"""What the service scheduler has done: one small value per action, each with its cause.

An action says what is wanted, never how; carrying one out twice is the same as once. What is done to the engine for
one task is in task_actions.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from emulator.domain.service_scheduler.service_placement import Spot
from emulator.domain.tasks.task import Task


@dataclass(frozen=True, slots=True)
class StartTasks:
    """Add tasks to a deployment. The ids are made beforehand, since the event that names them is part of the plan.

    `spots` stands beside `task_ids`: where each goes.
    """

    deployment_id: str
    task_ids: tuple[str, ...]
    spots: tuple[Spot, ...]
    because: str

    @property
    def count(self) -> int:
        return len(self.task_ids)

    def __str__(self) -> str:
        return f"start {self.count} of {self.deployment_id}: {self.because}"


@dataclass(frozen=True, slots=True)
class StopTask:
    """Want a task stopped. `stop_code` and `reason` are what DescribeTasks will say."""

    task_arn: str
    stop_code: str
    reason: str
    because: str

    def __str__(self) -> str:
        return f"stop {self.task_arn.rpartition('/')[2]}: {self.because}"


@dataclass(frozen=True, slots=True)
class NoteEnds:
    """Remember in these tasks that their end was counted (`noted`), so that it is counted once."""

    task_arns: tuple[str, ...]
    because: str

    def __str__(self) -> str:
        return f"note how {len(self.task_arns)} tasks ended: {self.because}"


ServiceAction = StartTasks | StopTask | NoteEnds


def noted(task: Task) -> Task:
    """The task after NoteEnds; one that is STOPPED by then is released from its service's sight."""
    return replace(task, end_noted=True, released=task.stopped)
