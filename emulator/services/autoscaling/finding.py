"""Finding groups and their instances: what the operations of Auto Scaling share. Messages are unconfirmed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.capacity.auto_scaling_group import AutoScalingGroup
from emulator.domain.capacity.autoscaling_errors import ScalingActivityInProgress, ValidationError
from emulator.domain.capacity.ec2_instance import Ec2Instance
from emulator.store.autoscaling_tables import GROUPS
from emulator.store.ec2_tables import INSTANCES
from emulator.store.ecs_tables import CAPACITY_PROVIDERS
from emulator.wire.call import Call


def group(call: Call, name: str) -> AutoScalingGroup:
    """ValidationError when there is none."""
    found = call.reader.get(GROUPS, call.account, call.region, name)
    if found is None:
        raise ValidationError(f"AutoScalingGroup name not found - AutoScalingGroup '{name[:255]}' not found")
    return found


def changeable(call: Call, name: str) -> AutoScalingGroup:
    """A group that is not being deleted."""
    found = group(call, name)
    if found.status is not None:
        raise ScalingActivityInProgress(f"AutoScalingGroup '{name}' is being deleted.")
    return found


def changed(call: Call, group: AutoScalingGroup) -> None:
    """Written; a capacity provider that scales it looks at it anew: it may be able to do now what it could not."""
    call.tx.put(GROUPS, group)
    here: dict[str, Any] = {"account": group.account, "region": group.region, "scaling_group": group.name}
    for provider in call.tx.find(CAPACITY_PROVIDERS, **here):
        call.tx.wake("capacity_provider", f"{group.account}/{group.region}/{provider.name}")


def instances_of(call: Call, name: str) -> list[Ec2Instance]:
    """Those that the group still has: all but the terminated ones."""
    found = call.reader.find(INSTANCES, account=call.account, region=call.region, scaling_group=name)
    return [instance for instance in found if instance.lifecycle != "Terminated"]


def instance(call: Call, instance_id: str) -> Ec2Instance:
    """One of any group. ValidationError for one that no group has."""
    found = call.reader.get(INSTANCES, call.account, call.region, instance_id)
    if found is None or found.scaling_group is None or found.lifecycle == "Terminated":
        raise ValidationError(f"Instance Id not found - No managed instance found for instance ID: {instance_id[:64]}")
    return found


def made_from(found: Ec2Instance) -> dict[str, Any]:
    """LaunchTemplate or LaunchConfigurationName, as an instance's description has it."""
    if "LaunchConfigurationName" in found.made_from:
        return {"LaunchConfigurationName": found.made_from["LaunchConfigurationName"]}
    return {"LaunchTemplate": dict(found.made_from)} if found.made_from else {}


def paged(member: str, items: list[Any], token: str | None) -> dict[str, Any]:
    return {member: items, "NextToken": token} if token is not None else {member: items}


def template_members(given: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(given[name]) for name in ("LaunchTemplateId", "LaunchTemplateName", "Version") if name in given}
