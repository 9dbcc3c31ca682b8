"""A service's news in the shape EventBridge gives them: "ECS Service Action", "ECS Deployment State Change". Pure.

Source: AWS developer guide "Amazon ECS service action events", "Amazon ECS service deployment state change events".
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from emulator.domain.service import Service
from emulator.domain.service_events import Notice, Said

DEPLOYMENT_STATE_CHANGE: Final = "ECS Deployment State Change"
SERVICE_ACTION: Final = "ECS Service Action"


def desired_count_updated(desired: int) -> Said:
    return Said("", "SERVICE_DESIRED_COUNT_UPDATED", reason=str(desired))


def envelope(service: Service, notice: Notice) -> dict[str, Any]:
    """The whole event, as a target of a rule would get it."""
    said, when = notice.said, _iso(notice.at)
    of_deployment = bool(said.deployment_id)
    detail: dict[str, Any] = {"eventType": said.level, "eventName": said.name}
    if of_deployment:
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
        "detail-type": DEPLOYMENT_STATE_CHANGE if of_deployment else SERVICE_ACTION,
        "source": "aws.ecs",
        "account": service.account,
        "time": when[:-5] + "Z",
        "region": service.region,
        "resources": [service.arn],
        "detail": detail,
    }


def _iso(at: float) -> str:
    """2026-11-25T14:35:38.123Z, as AWS writes times in details."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
