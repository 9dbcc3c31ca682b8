"""Instance refreshes: started, described, cancelled. Rows only: control replaces the instances.

Messages are unconfirmed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from emulator.domain.capacity.auto_scaling_group import AutoScalingGroup
from emulator.domain.capacity.autoscaling_errors import (
    ActiveInstanceRefreshNotFound,
    InstanceRefreshInProgress,
    ValidationError,
)
from emulator.domain.capacity.instance_refresh import DEFAULTS, InstanceRefresh
from emulator.domain.errors import NotEmulatedYet
from emulator.services.autoscaling import finding
from emulator.services.autoscaling.group_request import checked_template
from emulator.store.autoscaling_tables import INSTANCE_REFRESHES
from emulator.wire.call import Call

Request = Mapping[str, Any]

_LATER: Final = ("CheckpointPercentages", "CheckpointDelay", "AutoRollback", "AlarmSpecification", "BakeTime")
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "ScaleInProtectedInstances": ("Refresh", "Ignore", "Wait"),
    "StandbyInstances": ("Terminate", "Ignore", "Wait"),
}


def start_instance_refresh(call: Call, request: Request) -> dict[str, Any]:
    """One at a time for each group; it begins at the group's next look."""
    group = finding.changeable(call, request["AutoScalingGroupName"])
    if _active(call, group) is not None:
        raise InstanceRefreshInProgress(f"An instance refresh is already in progress for {group.name}.")
    if request.get("Strategy", "Rolling") != "Rolling":
        raise NotEmulatedYet("Homeport does not emulate instance refreshes of another strategy than Rolling yet.")
    preferences = _preferences(request.get("Preferences") or {})
    warmup = preferences.get("InstanceWarmup", group.echoed.get("DefaultInstanceWarmup"))
    refresh = InstanceRefresh(
        account=call.account,
        region=call.region,
        scaling_group=group.name,
        id=call.ids.uuid(),
        started_at=call.now,
        preferences=preferences,
        warmup_s=float(group.echoed.get("HealthCheckGracePeriod", 0) if warmup in (None, -1) else warmup),
        template=_template(call, request.get("DesiredConfiguration") or {}),
    )
    call.tx.insert(INSTANCE_REFRESHES, refresh)
    return {"InstanceRefreshId": refresh.id}


def _preferences(given: Mapping[str, Any]) -> dict[str, Any]:
    for member in _LATER:
        if given.get(member):
            raise NotEmulatedYet(f"Homeport does not emulate {member} of instance refreshes yet.")
    if given.get("MaxHealthyPercentage", 100) != 100:
        raise NotEmulatedYet("Homeport does not emulate a MaxHealthyPercentage other than 100 yet.")
    for member, words in _WORDS.items():
        if given.get(member, words[0]) not in words:
            raise ValidationError(f"{member} must be one of {', '.join(words)}.")
    return {**DEFAULTS, **given}


def _template(call: Call, configuration: Mapping[str, Any]) -> dict[str, str] | None:
    if configuration.get("MixedInstancesPolicy"):
        raise NotEmulatedYet("Homeport does not emulate MixedInstancesPolicy of a DesiredConfiguration yet.")
    if not configuration:
        return None
    if not configuration.get("LaunchTemplate"):
        raise ValidationError("DesiredConfiguration must contain a LaunchTemplate or a MixedInstancesPolicy.")
    return checked_template(call, configuration["LaunchTemplate"])


def cancel_instance_refresh(call: Call, request: Request) -> dict[str, Any]:
    """Instances that it has replaced stay; it ends when none is coming or going, or at once if it is not to wait."""
    group = finding.group(call, request["AutoScalingGroupName"])
    refresh = _active(call, group)
    if refresh is None:
        raise ActiveInstanceRefreshNotFound(f"No in progress or pending Instance Refresh found for {group.name}.")
    if request.get("WaitForTransitioningInstances", True):
        after = replace(refresh, status="Cancelling")
    else:
        after = replace(refresh, status="Cancelled", reason="Cancelled by the user.", ended_at=call.now)
    call.tx.put(INSTANCE_REFRESHES, after)
    return {"InstanceRefreshId": refresh.id}


def describe_instance_refreshes(call: Call, request: Request) -> dict[str, Any]:
    """The newest first."""
    group = finding.group(call, request["AutoScalingGroupName"])
    asked = request.get("InstanceRefreshIds")
    found = [refresh for refresh in _all(call, group) if not asked or refresh.id in asked]
    page = call.page(request, sorted(found, key=_position), key=_position)
    return finding.paged("InstanceRefreshes", [_shown(refresh) for refresh in page.items], page.next_token)


def _all(call: Call, group: AutoScalingGroup) -> list[InstanceRefresh]:
    here: dict[str, Any] = {"account": group.account, "region": group.region, "scaling_group": group.name}
    return call.reader.find(INSTANCE_REFRESHES, **here)


def _active(call: Call, group: AutoScalingGroup) -> InstanceRefresh | None:
    return next((refresh for refresh in _all(call, group) if refresh.active), None)


def _position(refresh: InstanceRefresh) -> str:
    return f"{(1 << 50) - int(refresh.started_at * 1000):016d} {refresh.id}"


def _shown(refresh: InstanceRefresh) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "InstanceRefreshId": refresh.id,
        "AutoScalingGroupName": refresh.scaling_group,
        "Status": refresh.status,
        "StartTime": refresh.started_at,
        "InstancesToUpdate": len(refresh.left),
        "Preferences": refresh.preferences,
        "Strategy": "Rolling",
    }
    if refresh.status == "Successful":
        shown["PercentageComplete"] = 100
    elif refresh.status != "Pending":
        # Whole only when the last one has warmed up.
        done = refresh.total - len(refresh.left)
        shown["PercentageComplete"] = min(99, 100 * done // refresh.total) if refresh.total else 0
    optional = {
        "StatusReason": refresh.reason,
        "EndTime": refresh.ended_at,
        "DesiredConfiguration": {"LaunchTemplate": refresh.template} if refresh.template else None,
    }
    return {**shown, **{name: value for name, value in optional.items() if value is not None}}
