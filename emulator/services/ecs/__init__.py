"""Amazon ECS: what its API does. Handlers write what is desired; control makes it so."""

from emulator.services.ecs import (
    account_settings,
    agent_reports,
    capacity_providers,
    clusters,
    container_instances,
    exec_command,
    instance_attributes,
    service_deployments,
    services,
    tags,
    task_definitions,
    task_protection,
    task_sets,
    tasks,
)
from emulator.services.ecs.authorization import AUTHORIZATION

MODULES = (
    account_settings,
    agent_reports,
    capacity_providers,
    clusters,
    container_instances,
    exec_command,
    instance_attributes,
    service_deployments,
    services,
    tags,
    task_definitions,
    task_protection,
    task_sets,
    tasks,
)

__all__ = ["AUTHORIZATION", "MODULES"]
