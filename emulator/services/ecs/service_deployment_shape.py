"""Service deployments and revisions as ECS answers them. Counts are taken from the tasks at the moment of asking.

Source: ECS API model (ServiceDeployment, ServiceDeploymentBrief, ServiceRevision) and AWS CLI samples.
"""

from __future__ import annotations

from typing import Any, Final, cast

from api_models._generated import ecs as m
from emulator.domain.service_scheduler.lifecycle_stages import Hook
from emulator.domain.service_scheduler.service import Service
from emulator.domain.service_scheduler.service_deployment import ServiceDeployment, ServiceRevision, arn_of
from emulator.store.database import Reader
from emulator.store.ecs_tables import SERVICES
from emulator.store.service_queries import Counts, deployment_counts

_NONE: Final = Counts()


def brief_shape(deployment: ServiceDeployment) -> m.ServiceDeploymentBrief:
    shape: dict[str, Any] = {
        "serviceDeploymentArn": deployment.arn,
        "serviceArn": deployment.service_arn,
        "clusterArn": deployment.cluster_arn,
        "startedAt": deployment.started_at,
        "createdAt": deployment.created_at,
        "finishedAt": deployment.finished_at,
        "targetServiceRevisionArn": arn_of(deployment.service_arn, "service-revision", deployment.target),
        "status": deployment.status,
        "statusReason": deployment.status_reason or None,
    }
    return cast(m.ServiceDeploymentBrief, _given(shape))


def service_deployment_shape(reader: Reader, deployment: ServiceDeployment) -> m.ServiceDeployment:
    key = (deployment.account, deployment.region, deployment.cluster, deployment.service)
    service = reader.get(SERVICES, *key)
    counts = deployment_counts(reader, service) if service is not None else {}
    summary = _Summaries(deployment, service, counts)
    shape: dict[str, Any] = {
        "serviceDeploymentArn": deployment.arn,
        "serviceArn": deployment.service_arn,
        "clusterArn": deployment.cluster_arn,
        "createdAt": deployment.created_at,
        "startedAt": deployment.started_at,
        "finishedAt": deployment.finished_at,
        "stoppedAt": deployment.stopped_at,
        "updatedAt": deployment.updated_at,
        "sourceServiceRevisions": [summary.of(number) for number in deployment.sources],
        "targetServiceRevision": summary.of(deployment.target),
        "status": deployment.status,
        "statusReason": deployment.status_reason or None,
        "lifecycleStage": deployment.stage or ("BAKE_TIME" if deployment.baking_since is not None else None),
        "lifecycleHookDetails": [_hook(hook) for hook in deployment.hooks] or None,
        "deploymentConfiguration": deployment.configuration,
        "rollback": _rollback(deployment),
        "deploymentCircuitBreaker": {
            "status": deployment.breaker,
            "failureCount": deployment.failure_count,
            "threshold": deployment.threshold,
        },
        "alarms": _alarms(deployment),
    }
    return cast(m.ServiceDeployment, _given(shape))


def revision_shape(revision: ServiceRevision) -> m.ServiceRevision:
    images = [
        _given({"containerName": name, "image": image, "imageDigest": revision.digests.get(name)})
        for name, image in revision.images
    ]
    shape: dict[str, Any] = {
        "serviceRevisionArn": revision.arn,
        "serviceArn": revision.service_arn,
        "clusterArn": revision.cluster_arn,
        "taskDefinition": revision.task_definition,
        "containerImages": images,
        "guardDutyEnabled": False,
        "createdAt": revision.created_at,
        **revision.spec,
    }
    return cast(m.ServiceRevision, shape)


class _Summaries:
    """Service revisions of a deployment, with the counts that their tasks have now."""

    def __init__(self, deployment: ServiceDeployment, service: Service | None, counts: dict[str, Counts]) -> None:
        self._deployment = deployment
        active = service is not None and bool(service.deployments) and not service.has_task_sets
        self._primary = service.primary.number if service is not None and active else None
        self._desired = service.desired_count if service is not None else 0
        self._counts = counts

    def of(self, number: str) -> dict[str, Any]:
        counts = self._counts.get(f"ecs-svc/{number}", _NONE)
        return {
            "arn": arn_of(self._deployment.service_arn, "service-revision", number),
            "requestedTaskCount": self._desired if number == self._primary else counts.wanted,
            "runningTaskCount": counts.running,
            "pendingTaskCount": counts.pending,
            **self._weights(number),
        }

    def _weights(self, number: str) -> dict[str, float]:
        """All of the traffic or none, of a blue/green deployment that has begun."""
        deployment = self._deployment
        if not deployment.is_blue_green or deployment.started_at is None:
            return {}
        return {
            "requestedTestTrafficWeight": 100.0 if number == deployment.test else 0.0,
            "requestedProductionTrafficWeight": 100.0 if number == deployment.production else 0.0,
        }


def _hook(hook: Hook) -> dict[str, Any]:
    return {
        "hookId": hook.id,
        "targetType": "PAUSE",
        "status": hook.status,
        "expiresAt": hook.expires_at,
        "timeoutAction": hook.timeout_action,
    }


def _rollback(deployment: ServiceDeployment) -> dict[str, Any] | None:
    if deployment.rollback_started_at is None:
        return None
    return {
        "reason": deployment.rollback_reason,
        "startedAt": deployment.rollback_started_at,
        "serviceRevisionArn": deployment.rollback_to,
    }


def _alarms(deployment: ServiceDeployment) -> dict[str, Any]:
    names = (deployment.configuration.get("alarms") or {}).get("alarmNames")
    triggered = deployment.triggered_alarms or None
    return _given({"status": deployment.alarms, "alarmNames": names, "triggeredAlarmNames": triggered})


def _given(shape: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shape.items() if value is not None}
