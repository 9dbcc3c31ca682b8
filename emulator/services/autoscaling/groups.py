"""Auto Scaling groups: made, changed, described, sized, deleted. Rows only; control makes their instances.

Messages are unconfirmed unless marked as observed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from emulator.domain.capacity.auto_scaling_group import AutoScalingGroup
from emulator.domain.capacity.autoscaling_errors import AlreadyExists, ResourceInUse, ValidationError
from emulator.domain.capacity.ec2_instance import Ec2Instance
from emulator.domain.networks.vpc import zone_id
from emulator.domain.resource_filter import UnknownFilter, matching
from emulator.events import journal
from emulator.services.autoscaling import finding
from emulator.services.autoscaling.group_request import with_request
from emulator.services.autoscaling.lifecycle_hook_request import put_hook
from emulator.services.autoscaling.shown import group_tags, shown_tags
from emulator.store.autoscaling_tables import ACTIVITIES, GROUPS
from emulator.store.lifecycle_hooks import forget_settings
from emulator.wire.call import Call

Request = Mapping[str, Any]

_NAME: Final = re.compile(r"[^\x00-\x1f\x7f:]{1,255}")
_FILTERS: Final[Mapping[str, Any]] = {}


def create_auto_scaling_group(call: Call, request: Request) -> None:
    name = request["AutoScalingGroupName"]
    if not _NAME.fullmatch(name):
        raise ValidationError("The name of an Auto Scaling group cannot contain colons or control characters.")
    if call.tx.get(GROUPS, call.account, call.region, name) is not None:
        raise AlreadyExists(
            f"AutoScalingGroup by this name already exists - A group with the name {name} already exists"
        )
    linked = "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    group = AutoScalingGroup(
        account=call.account,
        region=call.region,
        name=name,
        arn=call.arn(f"autoScalingGroup:{call.ids.uuid()}:autoScalingGroupName/{name}"),
        minimum=0,
        maximum=0,
        desired=request["MinSize"],
        created_at=call.now,
        zones=[],
        echoed={"ServiceLinkedRoleARN": f"arn:{call.partition}:iam::{call.account}:role/{linked}"},
    )
    group = with_request(call, group, request)
    cause = f"a user request created an AutoScalingGroup changing the desired capacity from 0 to {group.desired}"
    group = replace(group, tags=group_tags(request.get("Tags", ()), name), cause=cause)
    call.tx.insert(GROUPS, group)
    for hook in request.get("LifecycleHookSpecificationList", ()):
        put_hook(call, group, hook)
    _note(call, "auto_scaling_group.created", group)


def update_auto_scaling_group(call: Call, request: Request) -> None:
    """Instances stay as they were made; new ones are as the group says now."""
    before = finding.changeable(call, request["AutoScalingGroupName"])
    after = with_request(call, before, request)
    if after.desired != before.desired:
        cause = (
            "a user request update of AutoScalingGroup constraints to "
            f"min: {after.minimum}, max: {after.maximum}, desired: {after.desired} changing the desired capacity from "
            f"{before.desired} to {after.desired}"
        )
        after = replace(after, cause=cause)
    finding.changed(call, replace(after, retry_at=None))
    _note(call, "auto_scaling_group.updated", after)


def set_desired_capacity(call: Call, request: Request) -> None:
    group = finding.changeable(call, request["AutoScalingGroupName"])
    asked = request["DesiredCapacity"]
    if asked > group.maximum:  # observed
        raise ValidationError(
            f"New SetDesiredCapacity value {asked} is above max value {group.maximum} for the AutoScalingGroup."
        )
    if asked < group.minimum:
        raise ValidationError(
            f"New SetDesiredCapacity value {asked} is below min value {group.minimum} for the AutoScalingGroup."
        )
    cause = f"a user request explicitly set group desired capacity changing the desired capacity from {group.desired}"
    changed = replace(group, desired=asked, cause=f"{cause} to {asked}", retry_at=None)
    finding.changed(call, changed)
    _note(call, "auto_scaling_group.updated", changed)


def delete_auto_scaling_group(call: Call, request: Request) -> None:
    """By force with its instances, which control terminates; else only when it has none."""
    group = finding.group(call, request["AutoScalingGroupName"])
    instances = finding.instances_of(call, group.name)
    if instances and not request.get("ForceDelete"):  # observed
        raise ResourceInUse(
            "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still "
            "in the group."
        )
    _note(call, "auto_scaling_group.deleted", group)
    if instances:
        cause = "a user request force-deleted the AutoScalingGroup"
        changed = replace(group, status="Delete in progress", minimum=0, maximum=0, desired=0, cause=cause)
        call.tx.put(GROUPS, changed)
        return
    call.tx.delete(GROUPS, group.account, group.region, group.name)
    forget_settings(call.tx, group)
    for activity in call.tx.find(ACTIVITIES, account=call.account, region=call.region, scaling_group=group.name):
        call.tx.delete(ACTIVITIES, call.account, call.region, group.name, activity.number)


def describe_auto_scaling_groups(call: Call, request: Request) -> dict[str, Any]:
    """A name that nobody has is left out, without an error."""
    asked = request.get("AutoScalingGroupNames")
    groups = call.reader.find(GROUPS, account=call.account, region=call.region)
    groups = [group for group in groups if not asked or group.name in asked]
    try:
        groups = matching(groups, request.get("Filters", ()), _FILTERS, _tags)
    except UnknownFilter as error:
        raise ValidationError(str(error)) from error
    page = call.page(request, groups, key=lambda group: group.name)
    shown = [_shown(call, group) for group in page.items]
    return finding.paged("AutoScalingGroups", shown, page.next_token)


def _tags(group: AutoScalingGroup) -> dict[str, str]:
    return {tag.key: tag.value for tag in group.tags}


def _shown(call: Call, group: AutoScalingGroup) -> dict[str, Any]:
    instances = finding.instances_of(call, group.name)
    shown: dict[str, Any] = {
        **group.echoed,
        "AutoScalingGroupName": group.name,
        "AutoScalingGroupARN": group.arn,
        "MinSize": group.minimum,
        "MaxSize": group.maximum,
        "DesiredCapacity": group.desired,
        "AvailabilityZones": group.zones,
        "AvailabilityZoneIds": [zone_id(zone) for zone in group.zones],
        "VPCZoneIdentifier": ",".join(group.subnets),
        "LoadBalancerNames": [],
        "TargetGroupARNs": [],
        "TrafficSources": [],
        "Instances": [_instance(instance) for instance in sorted(instances, key=lambda i: (i.launched_at, i.id))],
        "CreatedTime": group.created_at,
        "SuspendedProcesses": [
            {"ProcessName": name, "SuspensionReason": f"User suspended at {_time(at)}"}
            for name, at in sorted(group.processes_suspended.items())
        ],
        "EnabledMetrics": [],
        "Tags": shown_tags(group),
        "NewInstancesProtectedFromScaleIn": group.protects_new,
    }
    optional = {
        "LaunchConfigurationName": group.launch_configuration,
        "LaunchTemplate": group.template,
        "MixedInstancesPolicy": group.mixed,
        "Status": group.status,
    }
    return {**shown, **{name: value for name, value in optional.items() if value is not None}}


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _instance(instance: Ec2Instance) -> dict[str, Any]:
    return {
        "InstanceId": instance.id,
        "InstanceType": instance.kind,
        "ImageId": instance.image_id,
        "AvailabilityZone": instance.zone,
        "AvailabilityZoneId": zone_id(instance.zone),
        "LifecycleState": instance.lifecycle,
        "HealthStatus": "Healthy" if instance.state in ("pending", "running") else "Unhealthy",
        "ProtectedFromScaleIn": instance.protected,
        **finding.made_from(instance),
    }


def _note(call: Call, kind: str, group: AutoScalingGroup) -> None:
    journal.append(
        call.tx,
        at=call.now,
        account=call.account,
        region=call.region,
        kind=kind,
        subject=group.arn,
        detail={"minimum": group.minimum, "maximum": group.maximum, "desired": group.desired, "by": call.caller.arn},
    )
