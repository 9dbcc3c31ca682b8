"""Activities and tags as Auto Scaling answers them, and the tags of a request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from emulator.domain.capacity.auto_scaling_group import AutoScalingGroup, GroupTag, ScalingActivity
from emulator.domain.capacity.autoscaling_errors import LimitExceeded, ValidationError

MAX_TAGS: Final = 50


def activity_shape(activity: ScalingActivity) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "ActivityId": activity.id,
        "AutoScalingGroupName": activity.scaling_group,
        "AutoScalingGroupARN": activity.group_arn,
        "Description": activity.description,
        "Cause": activity.cause,
        "StartTime": activity.started_at,
        "StatusCode": activity.status,
        "Progress": 50 if activity.status == "InProgress" else 100,
        "Details": activity.details,
    }
    if activity.ended_at is not None:
        shape["EndTime"] = activity.ended_at
    if activity.status_message is not None:
        shape["StatusMessage"] = activity.status_message
    return shape


def group_tags(given: Iterable[Mapping[str, Any]], group: str) -> list[GroupTag]:
    """The tags of a request, checked."""
    tags: list[GroupTag] = []
    for tag in given:
        key = str(tag.get("Key") or "")
        if tag.get("ResourceId") not in (None, "", group):
            raise ValidationError(f"The tag {key[:128]} is for another resource than {group}.")
        if key.lower().startswith("aws:"):
            raise ValidationError("Tag keys starting with 'aws:' are reserved for internal use")
        tags.append(GroupTag(key, str(tag.get("Value") or ""), bool(tag.get("PropagateAtLaunch", False))))
    return merged_tags((), tags)


def shown_tags(group: AutoScalingGroup) -> list[dict[str, Any]]:
    return [
        {
            "ResourceId": group.name,
            "ResourceType": "auto-scaling-group",
            "Key": tag.key,
            "Value": tag.value,
            "PropagateAtLaunch": tag.propagate,
        }
        for tag in sorted(group.tags, key=lambda tag: tag.key)
    ]


def merged_tags(own: Sequence[GroupTag], added: Sequence[GroupTag]) -> list[GroupTag]:
    merged = {tag.key: tag for tag in (*own, *added)}
    if len(merged) > MAX_TAGS:
        raise LimitExceeded(f"The maximum number of tags ({MAX_TAGS}) has been reached.")
    return list(merged.values())
