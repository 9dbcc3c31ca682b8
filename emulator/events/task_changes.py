"""Every write of a task: what AWS reports of it has a version, and each change is an "ECS Task State Change".

It knows what of a record AWS reports; who changes it, and why, it need not know. Source: Amazon ECS developer guide,
"Amazon ECS task state change events": the version grows by one with every event.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from emulator.domain.records import replace
from emulator.domain.tasks.task import Task
from emulator.domain.tasks.task_event import reported, task_event
from emulator.events import journal
from emulator.events.journal import Entry
from emulator.store.database import Reader, Transaction
from emulator.store.ecs_tables import TASKS, namespace_key

STATE_CHANGE: Final = "ECS Task State Change"
"""The journal's kind of these entries, and EventBridge's detail-type."""


Shape: TypeAlias = Mapping[str, Any]
"""What AWS reports of a task, its version aside."""


def write_task(tx: Transaction, before: Task | None, after: Task, at: float) -> Task:
    """Writes the record; `before` is None for a new task. Gives it with the version that it now has.

    A change that AWS does not report (which action is in hand, an engine's own id) is written without an event.
    """
    if before is not None:
        after, _ = tell_change(tx, before, after, at)
        tx.put(TASKS, after)
        return after
    _wake_registration(tx, None, after)
    tx.insert(TASKS, after)
    _append(tx, after, at, reported(after))
    return after


def tell_change(
    tx: Transaction, before: Task, after: Task, at: float, shape: Shape | None = None
) -> tuple[Task, Shape]:
    """As write_task, for who writes the record himself, once for several changes: what came of it, and what AWS reports
    of that. `shape` is what AWS reports of `before`, by who has it."""
    _wake_registration(tx, before, after)
    now_reported = reported(after)
    if (reported(before) if shape is None else shape) == now_reported:
        return replace(after, version=before.version), now_reported
    after = replace(after, version=before.version + 1)
    _append(tx, after, at, now_reported)
    return after, now_reported


def _append(tx: Transaction, task: Task, at: float, shape: Shape) -> None:
    detail = task_event(task, at, shape)
    journal.append(
        tx, at=at, account=task.account, region=task.region, kind=STATE_CHANGE, subject=task.arn, detail=detail
    )


def _wake_registration(tx: Transaction, before: Task | None, after: Task) -> None:
    """Cloud Map hears first, before the task itself is looked at: a task leaves it before it stops."""
    if after.registry is not None and (before is None or _discovered(before) != _discovered(after)):
        tx.wake("registration", after.arn)
    if after.connect is not None and (before is None or _reached(before) != _reached(after)):
        tx.wake(*namespace_key(after.account, after.region, after.connect.namespace))


def _discovered(task: Task) -> tuple[object, ...]:
    """What decides whether Cloud Map has it, and how."""
    health = [container.health_status for container in task.containers]
    return task.last_status, task.desired_status, health, task.eni and task.eni.private_ip


def _reached(task: Task) -> tuple[object, ...]:
    """What decides whether others reach it by Service Connect, and whether its own proxy can be told of them."""
    address = task.eni.private_ip if task.eni else None
    return task.last_status, task.desired_status, task.health_status, address, task.pause_id


def state_changes(reader: Reader, arn: str) -> list[Mapping[str, Any]]:
    """The details of a task's events, oldest first."""
    return [entry.detail for entry in journal.entries(reader, subject=arn) if is_state_change(entry)]


def is_state_change(entry: Entry) -> bool:
    return entry.kind == STATE_CHANGE
