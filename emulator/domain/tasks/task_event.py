"""The detail of EventBridge's event "ECS Task State Change": the task as the API shows it, in the event's dress. Pure.

Source: Amazon ECS developer guide, "Amazon ECS task state change events": times are ISO 8601 in UTC, an interface is
of the type `eni`, tags are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from emulator.domain.tasks.task import Task
from emulator.domain.tasks.task_shape import task_shape

_TYPES = {"ElasticNetworkInterface": "eni"}


def reported(task: Task) -> dict[str, Any]:
    """What of a task AWS reports in events, its version aside; two records that agree in it need no event."""
    shape = task_shape(task, tags=False)
    del shape["version"], shape["tags"]
    return shape


def task_event(task: Task, at: float, shape: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """`at`: when it changed, in epoch seconds. `shape`: what `reported` gives of it, by who has asked already."""
    detail = {name: _dressed(name, value) for name, value in (shape or reported(task)).items()}
    for attachment in detail["attachments"]:
        attachment["type"] = _TYPES.get(attachment["type"], attachment["type"])
    return {**detail, "updatedAt": iso(at), "version": task.version}


def _dressed(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and name.endswith("At"):
        return iso(value)
    if isinstance(value, dict):
        return {key: _dressed(key, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_dressed("", item) for item in value]
    return value


@lru_cache(maxsize=4096)
def iso(at: float) -> str:
    """`2026-01-23T17:57:58.103Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
