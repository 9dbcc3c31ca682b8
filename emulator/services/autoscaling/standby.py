"""Instances that come into a group and leave it alive: attached, detached, put to standby, taken back, said to be ill.

Rows only; who is missing then is replaced by control. Messages are unconfirmed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from emulator.domain.capacity.auto_scaling_group import AutoScalingGroup
from emulator.domain.capacity.autoscaling_errors import ValidationError
from emulator.domain.capacity.ec2_instance import Ec2Instance, Lifecycle
from emulator.events.ec2_changes import tell_activity
from emulator.services.autoscaling import finding
from emulator.services.autoscaling.shown import activity_shape
from emulator.store.ec2_tables import INSTANCES
from emulator.store.ecs_tables import CONTAINER_INSTANCES
from emulator.store.instance_capacity import instance_named
from emulator.store.lifecycle_hooks import forget_actions
from emulator.store.scaling_activities import finish_activity, new_activity
from emulator.wire.call import Call

Request = Mapping[str, Any]

GROUP_TAG = "aws:autoscaling:groupName"


def attach_instances(call: Call, request: Request) -> None:
    """Running ones that no group has; the desired capacity grows by them."""
    group = finding.changeable(call, request["AutoScalingGroupName"])
    found = []
    for instance_id in dict.fromkeys(request.get("InstanceIds", ())):
        instance = call.tx.get(INSTANCES, call.account, call.region, instance_id)
        if instance is None or instance.state != "running" or instance.managed_by is not None:
            raise ValidationError(f"Invalid Instance ID(s): [{instance_id[:64]}] specified")
        if instance.scaling_group is not None:
            raise ValidationError(f"Instance {instance_id} is already part of Auto Scaling group.")
        if instance.zone not in group.zones:
            raise ValidationError(f"The availability zone of instance {instance_id} is none of the group's.")
        found.append(instance)
    desired = group.desired + len(found)
    if desired > group.maximum:
        raise ValidationError(
            f"AutoScalingGroup {group.name} has max-size={group.maximum} and desired-size={group.desired}. To attach "
            f"{len(found)} more instance{'s' if len(found) != 1 else ''}, please update the AutoScalingGroup sizes "
            "appropriately."
        )
    cause = f"an instance was attached in response to a user request, growing the capacity from {group.desired}"
    for instance in found:
        tags = {**instance.tags, GROUP_TAG: group.name}
        inside = replace(instance, scaling_group=group.name, lifecycle="InService", tags=tags, made_from={})
        call.tx.put(INSTANCES, inside)
        _done(call, group, inside, "Attaching an existing EC2 instance", f"{cause} to {desired}")
    finding.changed(call, replace(group, desired=desired, cause=""))


def detach_instances(call: Call, request: Request) -> dict[str, Any]:
    """They go on living without the group, and are no more the capacity provider's."""
    group, found = _chosen(call, request, ("InService", "Standby"))
    counted = sum(instance.lifecycle == "InService" for instance in found)
    group = _smaller(call, group, counted, request, "detached")
    activities = []
    for instance in found:
        activities.append(_done(call, group, instance, "Detaching EC2 instance", _cause("detached", request, counted)))
        forget_actions(call.tx, instance)
        tags = {name: value for name, value in instance.tags.items() if name != GROUP_TAG}
        alone = replace(instance, scaling_group=None, lifecycle=None, protected=False, tags=tags, made_from={})
        call.tx.put(INSTANCES, alone)
        host = instance_named(call.tx, instance.container_instance) if instance.container_instance else None
        if host is not None and host.capacity_provider is not None:
            call.tx.put(CONTAINER_INSTANCES, replace(host, capacity_provider=None))
    return {"Activities": activities}


def enter_standby(call: Call, request: Request) -> dict[str, Any]:
    """They stay in the group, which does not count them and does not scale them in."""
    group, found = _chosen(call, request, ("InService",))
    group = _smaller(call, group, len(found), request, "moved to standby")
    return {"Activities": [_moved(call, group, i, "Standby", "Moving EC2 instance to Standby", request) for i in found]}


def exit_standby(call: Call, request: Request) -> dict[str, Any]:
    """They are in service again, once the group's launch hooks have been waited for; the desired capacity grows."""
    group, found = _chosen(call, request, ("Standby",))
    desired = group.desired + len(found)
    if desired > group.maximum:
        raise ValidationError(
            f"AutoScalingGroup {group.name} cannot take {len(found)} instances out of standby: its max-size is "
            f"{group.maximum}."
        )
    finding.changed(call, replace(group, desired=desired, cause=""))
    activities = []
    for instance in found:
        cause = f"instance {instance.id} was moved out of standby in response to a user request"
        activity = new_activity(
            call.tx, group, f"Moving EC2 instance out of Standby: {instance.id}", cause, call.now, call.ids.uuid(),
            instance,
        )  # fmt: skip
        call.tx.put(INSTANCES, replace(instance, lifecycle="Pending:Wait", hooked=None))
        activities.append(activity_shape(activity))
    return {"Activities": activities}


def set_instance_health(call: Call, request: Request) -> None:
    """One that is Unhealthy is replaced, unless ReplaceUnhealthy is suspended."""
    status = request["HealthStatus"]
    if status not in ("Healthy", "Unhealthy"):
        raise ValidationError("HealthStatus must be Healthy or Unhealthy.")
    instance = finding.instance(call, request["InstanceId"])
    group = finding.changeable(call, str(instance.scaling_group))
    if status == "Healthy" or instance.lifecycle != "InService":
        return
    if "ReplaceUnhealthy" in group.processes_suspended:
        call.warn("ReplaceUnhealthy is suspended: the instance stays, and its health is not kept")
        return
    cause = "an instance was taken out of service in response to a user health-check."
    new_activity(call.tx, group, f"Terminating EC2 instance: {instance.id}", cause, call.now, call.ids.uuid(), instance)
    call.tx.put(INSTANCES, replace(instance, lifecycle="Terminating:Wait"))


def _chosen(call: Call, request: Request, states: Sequence[Lifecycle]) -> tuple[AutoScalingGroup, list[Ec2Instance]]:
    """All of the instances named or, when one is none of the group's or in another state, ValidationError."""
    group = finding.changeable(call, request["AutoScalingGroupName"])
    there = {instance.id: instance for instance in finding.instances_of(call, group.name)}
    asked = list(dict.fromkeys(request.get("InstanceIds", ())))
    for instance_id in asked:
        if instance_id not in there:
            raise ValidationError(f"The instance {instance_id[:64]} is not part of Auto Scaling group {group.name}.")
        if there[instance_id].lifecycle not in states:
            raise ValidationError(f"The instance {instance_id} is not in {' or '.join(states)}.")
    return group, [there[instance_id] for instance_id in asked]


def _smaller(call: Call, group: AutoScalingGroup, count: int, request: Request, how: str) -> AutoScalingGroup:
    """With ShouldDecrementDesiredCapacity the group wants as many less; else it replaces them."""
    if not request["ShouldDecrementDesiredCapacity"]:
        finding.changed(call, replace(group, cause=""))
        return group
    desired = group.desired - count
    if desired < group.minimum:
        raise ValidationError(
            f"AutoScalingGroup {group.name} has min-size={group.minimum}, max-size={group.maximum}, and "
            f"desired-size={group.desired}. To have {count} instances {how}, please update the AutoScalingGroup sizes "
            "appropriately."
        )
    changed = replace(group, desired=desired, cause="")
    finding.changed(call, changed)
    return changed


def _cause(how: str, request: Request, count: int) -> str:
    shrinks = f", shrinking the capacity by {count}" if request["ShouldDecrementDesiredCapacity"] else ""
    return f"an instance was {how} in response to a user request{shrinks}."


def _moved(
    call: Call, group: AutoScalingGroup, instance: Ec2Instance, state: Lifecycle, what: str, request: Request
) -> dict[str, Any]:
    shown = _done(call, group, instance, what, _cause("moved to standby", request, 1))
    call.tx.put(INSTANCES, replace(instance, lifecycle=state))
    return shown


def _done(call: Call, group: AutoScalingGroup, instance: Ec2Instance, what: str, cause: str) -> dict[str, Any]:
    """An activity that is over as soon as it begins."""
    activity = new_activity(call.tx, group, f"{what}: {instance.id}", cause, call.now, call.ids.uuid(), instance)
    for ended in finish_activity(call.tx, instance, call.now):
        tell_activity(call.tx, ended, call.now)
    return {**activity_shape(activity), "StatusCode": "Successful", "Progress": 100, "EndTime": call.now}
