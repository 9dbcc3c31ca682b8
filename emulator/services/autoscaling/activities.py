"""Scaling activities of groups: what was launched and terminated, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.capacity.auto_scaling_group import ScalingActivity
from emulator.services.autoscaling import finding
from emulator.services.autoscaling.shown import activity_shape
from emulator.store.autoscaling_tables import ACTIVITIES
from emulator.wire.call import Call


def describe_scaling_activities(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Newest first, of one group or of all."""
    here: dict[str, Any] = {"account": call.account, "region": call.region}
    if "AutoScalingGroupName" in request:
        here["scaling_group"] = finding.group(call, request["AutoScalingGroupName"]).name
    asked = request.get("ActivityIds")
    found = [a for a in call.reader.find(ACTIVITIES, **here) if not asked or a.id in asked]
    page = call.page(request, sorted(found, key=_position), key=_position)
    return finding.paged("Activities", [activity_shape(activity) for activity in page.items], page.next_token)


def _position(activity: ScalingActivity) -> str:
    """Sorts newest first."""
    return f"{(1 << 40) - int(activity.started_at):013d} {activity.scaling_group} {(1 << 40) - activity.number:013d}"
