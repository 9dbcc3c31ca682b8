"""A service as ECS answers it. Counts are taken from the tasks at the moment of asking.

Source: ECS API model (Service, Deployment) and AWS CLI samples.
"""

from __future__ import annotations

from typing import Any, Final, cast

from api_models._generated import ecs as m
from emulator.domain.service_scheduler.service import Deployment, Service
from emulator.domain.service_scheduler.task_sets import computed_desired
from emulator.services.ecs.task_set_shape import task_set_shape
from emulator.store.connect_discovery import resources_of
from emulator.store.database import Reader
from emulator.store.service_queries import Counts, deployment_counts, total

_LINKED_ROLE: Final = "aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
_PERCENTAGES: Final = ("maximumPercent", "minimumHealthyPercent")
_OF_THE_REVISION: Final = ("serviceRegistries", "monitoring")
"""Of a deployment's settings: DescribeServiceRevisions tells them, a deployment has no such member."""
_NONE: Final = Counts()


def service_shape(reader: Reader, service: Service, *, tags: bool) -> m.Service:
    """`tags` says whether they were asked for; without, the member is absent."""
    counts = deployment_counts(reader, service)
    whole = _NONE if service.status == "INACTIVE" else total(counts)
    shape: dict[str, Any] = {
        "serviceArn": service.arn,
        "serviceName": service.name,
        "clusterArn": service.cluster_arn,
        "loadBalancers": [],
        "serviceRegistries": [],
        "status": service.status,
        "desiredCount": service.desired_count,
        "runningCount": whole.running,
        "pendingCount": whole.pending,
        **({"taskDefinition": service.task_definition} if service.task_definition else {}),
        **_rolled(reader, service, counts),
        "events": [{"id": e.id, "createdAt": e.at, "message": e.message} for e in service.events],
        "createdAt": service.created_at,
        "createdBy": service.created_by,
        "healthCheckGracePeriodSeconds": service.health_check_grace_period_s,
        "schedulingStrategy": service.scheduling_strategy,
        "enableECSManagedTags": service.enable_ecs_managed_tags,
        "propagateTags": service.propagate_tags,
        "enableExecuteCommand": service.enable_execute_command,
        "resourceManagementType": "CUSTOMER",
        **_where(service),
        **{k: v for k, v in service.spec.items() if k not in ("monitoring", "serviceConnectConfiguration")},
        **_configuration(service),
        **_revisions(service, counts),
    }
    if tags:
        shape["tags"] = [{"key": tag["key"], "value": tag["value"]} for tag in service.tags]
    return cast(m.Service, shape)


def _where(service: Service) -> dict[str, Any]:
    """Launch type or strategy, never both; the network and what Fargate adds."""
    where: dict[str, Any] = {}
    if service.capacity_provider_strategy:
        where["capacityProviderStrategy"] = service.capacity_provider_strategy
    elif service.launch_type is not None:
        where["launchType"] = service.launch_type
    if service.platform_version is not None:
        where.update(platformVersion=service.platform_version, platformFamily="Linux")
    if service.network_configuration is not None:
        partition = service.arn.split(":")[1]
        where["networkConfiguration"] = service.network_configuration
        where["roleArn"] = f"arn:{partition}:iam::{service.account}:role/{_LINKED_ROLE}"
    return where


def _configuration(service: Service) -> dict[str, Any]:
    """Of a service that ECS does not roll only the percentages."""
    if not service.has_task_sets:
        return {}
    configuration = service.spec["deploymentConfiguration"]
    return {"deploymentConfiguration": {name: configuration[name] for name in _PERCENTAGES}}


def _rolled(reader: Reader, service: Service, counts: dict[str, Counts]) -> dict[str, Any]:
    """deployments[]; or taskSets[], when somebody else has rolled them all along."""
    if service.has_task_sets and not service.shows_deployments:
        sets = [task_set_shape(service, d, counts.get(d.id, _NONE), tags=False) for d in service.deployments]
        return {"deployments": [], "taskSets": sets}
    return {"deployments": [_deployment(reader, service, d, counts.get(d.id, _NONE)) for d in service.deployments]}


def _deployment(reader: Reader, service: Service, deployment: Deployment, counts: Counts) -> dict[str, Any]:
    connect = deployment.connect
    status, desired = deployment.status, service.desired_count if deployment.status == "PRIMARY" else counts.wanted
    if deployment.task_set is not None:
        status, desired = "ACTIVE" if status == "DRAINING" else status, computed_desired(service, deployment)
    return {
        "id": deployment.id,
        "status": status,
        "taskDefinition": deployment.task_definition,
        "desiredCount": desired,
        "pendingCount": counts.pending,
        "runningCount": counts.running,
        "failedTasks": deployment.failed_tasks,
        "createdAt": deployment.created_at,
        "updatedAt": deployment.updated_at,
        "rolloutState": deployment.rollout_state,
        "rolloutStateReason": deployment.rollout_state_reason,
        **{name: value for name, value in deployment.spec.items() if name not in _OF_THE_REVISION},
        **({"serviceConnectResources": resources_of(reader, service, connect)} if connect else {}),
    }


def _revisions(service: Service, counts: dict[str, Counts]) -> dict[str, Any]:
    """A service revision has its deployment's number; a service deployment lasts as long as its rollout."""
    if not service.deployments or service.has_task_sets:
        return {}
    prefix = service.arn.replace(":service/", ":service-revision/")
    shape: dict[str, Any] = {
        "currentServiceRevisions": [
            {
                "arn": f"{prefix}/{deployment.number}",
                "requestedTaskCount": service.desired_count if deployment.status == "PRIMARY" else of_one.wanted,
                "runningTaskCount": of_one.running,
                "pendingTaskCount": of_one.pending,
            }
            for deployment in service.deployments
            for of_one in (counts.get(deployment.id, _NONE),)
        ]
    }
    primary = service.primary
    if primary.rollout_state == "IN_PROGRESS":
        deployments = service.arn.replace(":service/", ":service-deployment/")
        shape["currentServiceDeployment"] = f"{deployments}/{primary.service_deployment_id}"
    return shape
