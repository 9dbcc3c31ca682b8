"""Tasks whose ground is taken away: a Spot interruption's notice, a host that ends. Pure.

How such a task then descends is task_progress.py's. Source: AWS Fargate developer guide, "Fargate Spot termination
notices"; Amazon ECS developer guide, "Stopped task error codes". `fault` is what struck it, in words.
"""

from __future__ import annotations

from dataclasses import replace

from emulator.domain.tasks.task import Task
from emulator.domain.tasks.task_progress import stop


def interrupt(task: Task, reason: str, fault: str, now: float) -> Task:
    """Notice now, stop signals at once, the end within SPOT_NOTICE_S; the last stop code is SpotInterruption."""
    return replace(stop(task, "TerminationNotice", reason, now), faults=[*task.faults, fault])


def lose_host(task: Task, reason: str, fault: str, now: float) -> Task:
    """Its containers end at once. A task that was stopping keeps its first cause."""
    return replace(stop(task, "InfrastructureHealth", reason, now), host_gone=True, faults=[*task.faults, fault])
