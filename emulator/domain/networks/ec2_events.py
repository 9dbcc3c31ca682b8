"""What EventBridge is told of instances and Auto Scaling groups, each event whole. Pure.

Source: Amazon EC2 user guide, "Automate Amazon EC2 using EventBridge" (state changes, Spot interruption notices);
Amazon EC2 Auto Scaling user guide, "Amazon EC2 Auto Scaling event reference".
"""

from __future__ import annotations

import json
import uuid
from typing import Any, Final

from emulator.domain.capacity.auto_scaling_group import AutoScalingGroup, ScalingActivity
from emulator.domain.capacity.ec2_instance import Ec2Instance
from emulator.domain.capacity.lifecycle_hook import LAUNCHING, LifecycleAction, LifecycleHook
from emulator.domain.region import partition_of
from emulator.domain.tasks.task_event import iso

STATE_CHANGE: Final = "EC2 Instance State-change Notification"
SPOT_WARNING: Final = "EC2 Spot Instance Interruption Warning"
_IDS: Final = uuid.UUID("0a4f7f0e-51f4-4d0c-8d50-90a8f3d2a6b7")
"""An event's id follows from what happened to what and when."""


def instance_arn(account: str, region: str, instance_id: str) -> str:
    return f"arn:{partition_of(region)}:ec2:{region}:{account}:instance/{instance_id}"


def state_changed(instance: Ec2Instance, at: float) -> dict[str, Any]:
    return _of_instance(instance, STATE_CHANGE, {"state": instance.state}, at)


def interruption_warning(instance: Ec2Instance, at: float) -> dict[str, Any]:
    """Two minutes before Spot takes the instance."""
    return _of_instance(instance, SPOT_WARNING, {"instance-action": "terminate"}, at)


def activity_ended(activity: ScalingActivity, at: float) -> dict[str, Any]:
    """A launch or a termination of a group, done or failed."""
    launch = activity.description.startswith("Launching")
    ended = "Successful" if activity.status == "Successful" else "Unsuccessful"
    resources = [activity.group_arn]
    if activity.instance_id:
        resources.append(instance_arn(activity.account, activity.region, activity.instance_id))
    detail = {
        "StatusCode": activity.status,
        "StatusMessage": activity.status_message or "",
        "Description": activity.description,
        "Cause": activity.cause,
        "AutoScalingGroupName": activity.scaling_group,
        "ActivityId": activity.id,
        "RequestId": activity.id,
        "EC2InstanceId": activity.instance_id,
        "StartTime": iso(activity.started_at),
        "EndTime": iso(activity.ended_at if activity.ended_at is not None else at),
        "Details": json.loads(activity.details),
        "Origin": "EC2" if launch else "AutoScalingGroup",
        "Destination": "AutoScalingGroup" if launch else "EC2",
    }
    kind = f"EC2 Instance {'Launch' if launch else 'Terminate'} {ended}"
    where = (activity.account, activity.region)
    return _event("aws.autoscaling", kind, resources, detail, where, at, f"{activity.id} {activity.status}")


def lifecycle_action_begun(
    group: AutoScalingGroup, hook: LifecycleHook, action: LifecycleAction, at: float
) -> dict[str, Any]:
    """An instance waits for a hook."""
    launch = action.transition == LAUNCHING
    detail = {
        "LifecycleActionToken": action.token,
        "AutoScalingGroupName": group.name,
        "LifecycleHookName": hook.name,
        "EC2InstanceId": action.instance_id,
        "LifecycleTransition": action.transition,
        **({"NotificationMetadata": hook.metadata} if hook.metadata else {}),
        "Origin": "EC2" if launch else "AutoScalingGroup",
        "Destination": "AutoScalingGroup" if launch else "EC2",
    }
    kind = f"EC2 Instance-{'launch' if launch else 'terminate'} Lifecycle Action"
    return _event("aws.autoscaling", kind, [group.arn], detail, (group.account, group.region), at, action.token)


def _of_instance(instance: Ec2Instance, kind: str, told: dict[str, str], at: float) -> dict[str, Any]:
    where = (instance.account, instance.region)
    said = f"{instance.id} {told} {at}"
    detail = {"instance-id": instance.id, **told}
    return _event("aws.ec2", kind, [instance_arn(*where, instance.id)], detail, where, at, said)


def _event(
    source: str, kind: str, resources: list[str], detail: dict[str, Any], where: tuple[str, str], at: float, said: str
) -> dict[str, Any]:
    return {
        "version": "0",
        "id": str(uuid.uuid5(_IDS, f"{kind} {said}")),
        "detail-type": kind,
        "source": source,
        "account": where[0],
        "time": f"{iso(at)[:-5]}Z",
        "region": where[1],
        "resources": resources,
        "detail": detail,
    }
