"""How a task is found by its ARN."""

from __future__ import annotations

from emulator.domain.tasks.task import Task
from emulator.store.database import Reader
from emulator.store.ecs_tables import TASKS


def find_task(reader: Reader, arn: str) -> Task | None:
    return reader.get(TASKS, *task_place(arn))


def task_place(arn: str) -> tuple[str, str, str, str]:
    """The key of a task by its ARN `arn:aws:ecs:<region>:<account>:task/<cluster>/<id>`."""
    parts = arn.split(":", 5)
    _, cluster, task_id = parts[5].split("/")
    return parts[4], parts[3], cluster, task_id
