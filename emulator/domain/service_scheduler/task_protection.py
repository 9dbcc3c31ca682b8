"""Scale-in protection of a service's task: for how long, and what is said of it. Pure.

The scheduler honours it (service_tasks.member). Source: ECS API model (UpdateTaskProtection, ProtectedTask).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from emulator.domain.errors import InvalidParameterException
from emulator.domain.service_scheduler.service import Service
from emulator.domain.service_scheduler.service_tasks import muster, of
from emulator.domain.tasks.task import Task

DEFAULT_MINUTES: Final = 120
MOST_MINUTES: Final = 2880


def check_minutes(minutes: int | None, *, enabled: bool) -> int | None:
    """1 to 2880 minutes, 120 by default; None when protection is taken off (the wording is unconfirmed)."""
    if not enabled:
        return None
    asked = DEFAULT_MINUTES if minutes is None else minutes
    if not 1 <= asked <= MOST_MINUTES:
        raise InvalidParameterException(
            f"expiresInMinutes must be a positive integer value with a maximum of {MOST_MINUTES} minutes (48 hours)."
        )
    return asked


def why_not(task: Task) -> str | None:
    """The failure's reason for a task that cannot be protected: it runs for no service, or runs no more."""
    if task.service is None or task.desired_status == "STOPPED" or task.stopped:
        return "TASK_NOT_VALID"
    return None


def is_deployment_blocked(service: Service, tasks: Iterable[Task], now: float) -> bool:
    """Whether nothing but protected tasks of older deployments keeps a deployment from its end: then no task of the
    service is protected anew, and no protection extended (failure DEPLOYMENT_BLOCKED; when exactly is unconfirmed)."""
    if service.status != "ACTIVE":
        return False
    fleet = muster(service, tasks, now)
    moving = fleet.leaving or of(fleet.primary, "starting", "waiting")
    return bool(fleet.old) and all(member.protected for member in fleet.old) and not moving


def protected(task: Task, minutes: int | None, now: float) -> Task:
    """The task's record with protection for so many minutes from now; without, when there are none."""
    return replace(
        task,
        protection_enabled=minutes is not None,
        protection_expires_at=None if minutes is None else now + minutes * 60.0,
    )


def is_protected(task: Task, now: float) -> bool:
    """Expired protection is none."""
    expires = task.protection_expires_at
    return task.protection_enabled and (expires is None or now < expires)
