"""A task definition as ECS answers it: what registration echoed, and what became of the revision since."""

from __future__ import annotations

from typing import Any, cast

from api_models._generated import ecs as m
from emulator.domain.task_definitions.revision import TaskDefinition


def task_definition_shape(definition: TaskDefinition) -> m.TaskDefinition:
    """Without tags, which ECS answers beside the definition."""
    shape: dict[str, Any] = {
        "taskDefinitionArn": definition.arn,
        **definition.body,
        "revision": definition.revision,
        "status": definition.status,
        "registeredAt": definition.registered_at,
        "registeredBy": definition.registered_by,
    }
    if definition.deregistered_at is not None:
        shape["deregisteredAt"] = definition.deregistered_at
    if definition.delete_requested_at is not None:
        shape["deleteRequestedAt"] = definition.delete_requested_at
    return cast(m.TaskDefinition, shape)
