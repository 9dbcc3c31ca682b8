"""Instances of Auto Scaling groups: described, protected from scale-in, terminated. Messages are unconfirmed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.capacity.auto_scaling_group import ScalingActivity
from emulator.domain.capacity.autoscaling_errors import ValidationError
from emulator.domain.capacity.ec2_instance import Ec2Instance
from emulator.domain.networks.vpc import zone_id
from emulator.services.autoscaling import finding
from emulator.services.autoscaling.shown import activity_shape
from emulator.store.autoscaling_tables import GROUPS
from emulator.store.ec2_tables import INSTANCES
from emulator.store.scaling_activities import new_activity
from emulator.wire.call import Call

Request = Mapping[str, Any]


def describe_auto_scaling_instances(call: Call, request: Request) -> dict[str, Any]:
    """Of all groups; an id that no group has is left out, without an error."""
    asked = request.get("InstanceIds")
    found = call.reader.find(INSTANCES, account=call.account, region=call.region)
    of_groups = [i for i in found if i.scaling_group is not None and i.lifecycle != "Terminated"]
    chosen = [instance for instance in of_groups if not asked or instance.id in asked]
    page = call.page(request, sorted(chosen, key=lambda i: i.id), key=lambda i: i.id)
    return finding.paged("AutoScalingInstances", [_shown(instance) for instance in page.items], page.next_token)


def set_instance_protection(call: Call, request: Request) -> dict[str, Any]:
    """All of them or, when one is not in service in the group, none."""
    group = finding.changeable(call, request["AutoScalingGroupName"])
    there = {instance.id: instance for instance in finding.instances_of(call, group.name)}
    for instance_id in request["InstanceIds"]:
        if instance_id not in there:
            raise ValidationError(f"The instance {instance_id[:64]} is not part of Auto Scaling group {group.name}.")
        if there[instance_id].lifecycle != "InService":
            raise ValidationError(f"The instance {instance_id} is not in InService or EnteringStandby or Standby.")
    for instance_id in request["InstanceIds"]:
        call.tx.put(INSTANCES, replace(there[instance_id], protected=bool(request["ProtectedFromScaleIn"])))
    return {}


def terminate_instance_in_auto_scaling_group(call: Call, request: Request) -> dict[str, Any]:
    """Whether it is protected or not. Without a smaller desired capacity the group replaces it."""
    if not request.get("InstanceId"):
        raise ValidationError("Instance ID must be specified.")
    instance = finding.instance(call, request["InstanceId"])
    group = finding.changeable(call, str(instance.scaling_group))
    cause = f"instance {instance.id} was taken out of service in response to a user request"
    if request["ShouldDecrementDesiredCapacity"]:
        if group.desired - 1 < group.minimum:
            raise ValidationError(
                f"Currently, desiredSize equals minSize ({group.minimum}). Terminating instance without replacement "
                f"will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or "
                "lower group's min size."
            )
        cause += f", shrinking the capacity from {group.desired} to {group.desired - 1}"
        call.tx.put(GROUPS, replace(group, desired=group.desired - 1, cause=cause))
    activity: ScalingActivity = new_activity(
        call.tx, group, f"Terminating EC2 instance: {instance.id}", cause, call.now, call.ids.uuid(), instance
    )
    if instance.live:
        leaving = replace(instance, lifecycle="Terminating:Wait")
        call.tx.put(INSTANCES, leaving)
    return {"Activity": activity_shape(activity)}


def _shown(instance: Ec2Instance) -> dict[str, Any]:
    return {
        "InstanceId": instance.id,
        "InstanceType": instance.kind,
        "ImageId": instance.image_id,
        "AutoScalingGroupName": instance.scaling_group,
        "AvailabilityZone": instance.zone,
        "AvailabilityZoneId": zone_id(instance.zone),
        "LifecycleState": instance.lifecycle,
        "HealthStatus": "HEALTHY" if instance.state in ("pending", "running") else "UNHEALTHY",
        "ProtectedFromScaleIn": instance.protected,
        **finding.made_from(instance),
    }
