"""A task set as ECS answers it. Counts are taken from the tasks at the moment of asking.

Source: ECS API model (TaskSet) and AWS CLI samples.
"""

from __future__ import annotations

from typing import Any, cast

from api_models._generated import ecs as m
from emulator.domain.service_scheduler.service import Deployment, Service
from emulator.domain.service_scheduler.task_sets import computed_desired
from emulator.store.service_queries import Counts


def task_set_shape(service: Service, deployment: Deployment, counts: Counts, *, tags: bool) -> m.TaskSet:
    """`deployment` must be a task set's. `tags` says whether they were asked for; without, the member is absent."""
    task_set = deployment.task_set
    assert task_set is not None
    shape: dict[str, Any] = {
        "id": deployment.id,
        "taskSetArn": task_set.arn,
        "serviceArn": service.arn,
        "clusterArn": service.cluster_arn,
        "status": deployment.status,
        "taskDefinition": deployment.task_definition,
        "computedDesiredCount": computed_desired(service, deployment),
        "pendingCount": counts.pending,
        "runningCount": counts.running,
        "createdAt": deployment.created_at,
        "updatedAt": deployment.updated_at,
        "loadBalancers": [],
        "serviceRegistries": [],
        "scale": {"value": task_set.scale, "unit": "PERCENT"},
        "stabilityStatus": task_set.stability,
        "stabilityStatusAt": task_set.stability_at,
        **{name: value for name, value in deployment.spec.items() if name != "monitoring"},
    }
    for member, value in (("startedBy", task_set.started_by), ("externalId", task_set.external_id)):
        if value is not None:
            shape[member] = value
    if tags:
        shape["tags"] = [{"key": tag["key"], "value": tag["value"]} for tag in task_set.tags]
    return cast(m.TaskSet, shape)
