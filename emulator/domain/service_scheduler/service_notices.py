"""A service's news in the shape EventBridge gives them: "ECS Service Action", "ECS Deployment State Change", "ECS Hook
State Change". Pure.

Source: AWS developer guide "Amazon ECS service action events", "Amazon ECS service deployment state change events",
"Pause hooks for Amazon ECS service deployments" (which names the event; the members of its detail are unconfirmed).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from emulator.domain.service_scheduler.service import Service
from emulator.domain.service_scheduler.service_events import Notice, Said

DEPLOYMENT_STATE_CHANGE: Final = "ECS Deployment State Change"
SERVICE_ACTION: Final = "ECS Service Action"
HOOK_STATE_CHANGE: Final = "ECS Hook State Change"


def desired_count_updated(desired: int) -> Said:
    return Said("", "SERVICE_DESIRED_COUNT_UPDATED", reason=str(desired))


def envelope(service: Service, notice: Notice) -> dict[str, Any]:
    """The whole event, as a target of a rule would get it."""
    said, when = notice.said, _iso(notice.at)
    kind, resources = SERVICE_ACTION, [service.arn]
    detail: dict[str, Any] = {"eventType": said.level, "eventName": said.name}
    if said.hook is not None:
        kind, resources = HOOK_STATE_CHANGE, [service.arn, said.service_deployment]
        detail |= {
            "serviceDeploymentArn": said.service_deployment,
            "hookId": said.hook.id,
            "targetType": "PAUSE",
            "lifecycleStage": said.hook.stage,
            "status": said.hook.status,
            "expiresAt": _iso(said.hook.expires_at),
            "timeoutAction": said.hook.timeout_action,
            "updatedAt": when,
        }
    elif said.deployment_id:
        kind = DEPLOYMENT_STATE_CHANGE
        detail |= {"deploymentId": said.deployment_id, "updatedAt": when, "reason": said.reason}
    else:
        detail |= {"clusterArn": service.cluster_arn, "createdAt": when}
        if said.name == "SERVICE_DESIRED_COUNT_UPDATED":
            detail["desiredCount"] = int(said.reason)
        elif said.reason:
            detail["reason"] = said.reason
    return {
        "version": "0",
        "id": notice.id,
        "detail-type": kind,
        "source": "aws.ecs",
        "account": service.account,
        "time": when[:-5] + "Z",
        "region": service.region,
        "resources": resources,
        "detail": detail,
    }


def _iso(at: float) -> str:
    """2026-11-25T14:35:38.123Z, as AWS writes times in details."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
