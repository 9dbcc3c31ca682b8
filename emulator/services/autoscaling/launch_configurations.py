"""Launch configurations, the older form of launch templates: without versions, never changed.

Messages are unconfirmed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from emulator.domain.capacity.auto_scaling_group import LaunchConfiguration
from emulator.domain.capacity.autoscaling_errors import AlreadyExists, ResourceInUse, ValidationError
from emulator.domain.capacity.launch_template import is_base64
from emulator.domain.errors import NotEmulatedYet
from emulator.services.autoscaling import finding
from emulator.store.autoscaling_tables import GROUPS, LAUNCH_CONFIGURATIONS
from emulator.store.launch_queries import fault_of, instance_profile
from emulator.wire.call import Call

Request = Mapping[str, Any]

_MEMBERS: Final = (
    "AssociatePublicIpAddress", "BlockDeviceMappings", "EbsOptimized", "IamInstanceProfile", "ImageId",
    "InstanceMonitoring", "InstanceType", "KernelId", "KeyName", "MetadataOptions", "PlacementTenancy", "RamdiskId",
    "SecurityGroups", "SpotPrice", "UserData",
)  # fmt: skip


def create_launch_configuration(call: Call, request: Request) -> None:
    name = request["LaunchConfigurationName"]
    if request.get("InstanceId"):
        raise NotEmulatedYet("Homeport does not emulate launch configurations made from an instance yet.")
    if call.tx.get(LAUNCH_CONFIGURATIONS, call.account, call.region, name) is not None:
        raise AlreadyExists(
            f"Launch Configuration by this name already exists - A launch configuration already exists with the name "
            f"{name}"
        )
    if not request.get("ImageId") or not request.get("InstanceType"):
        raise ValidationError(
            "Valid requests must contain either the InstanceID parameter or both the ImageId and InstanceType "
            "parameters."
        )
    if request.get("UserData") and not is_base64(request["UserData"]):
        raise ValidationError("Invalid base64 encoding of user data")
    _check_launchable(call, request)
    made = LaunchConfiguration(
        account=call.account,
        region=call.region,
        name=name,
        arn=call.arn(f"launchConfiguration:{call.ids.uuid()}:launchConfigurationName/{name}"),
        created_at=call.now,
        members={member: request[member] for member in _MEMBERS if member in request},
    )
    call.tx.insert(LAUNCH_CONFIGURATIONS, made)


def _check_launchable(call: Call, request: Request) -> None:
    """What would launch nothing is refused."""
    profile = request.get("IamInstanceProfile")
    if profile and instance_profile(call.reader, call.account, profile) is None:  # observed
        raise ValidationError(f"Invalid IamInstanceProfile: {profile[:256]}")
    kind = request["InstanceType"]
    fault = fault_of(call.reader, call.account, call.region, request, kind, strict=call.facts.strict)
    if fault is not None:
        raise ValidationError(fault)


def describe_launch_configurations(call: Call, request: Request) -> dict[str, Any]:
    asked = request.get("LaunchConfigurationNames")
    found = call.reader.find(LAUNCH_CONFIGURATIONS, account=call.account, region=call.region)
    page = call.page(request, [c for c in found if not asked or c.name in asked], key=lambda c: c.name)
    return finding.paged("LaunchConfigurations", [_shown(made) for made in page.items], page.next_token)


def delete_launch_configuration(call: Call, request: Request) -> None:
    name = request["LaunchConfigurationName"]
    if call.tx.get(LAUNCH_CONFIGURATIONS, call.account, call.region, name) is None:
        raise ValidationError(f"Launch configuration name not found - Launch configuration {name[:255]} not found")
    groups = call.tx.find(GROUPS, account=call.account, region=call.region)
    if any(group.launch_configuration == name for group in groups):
        raise ResourceInUse(f"Cannot delete launch configuration {name} because it is attached to AutoScalingGroup")
    call.tx.delete(LAUNCH_CONFIGURATIONS, call.account, call.region, name)


def _shown(made: LaunchConfiguration) -> dict[str, Any]:
    return {
        "KeyName": "",
        "UserData": "",
        "KernelId": "",
        "RamdiskId": "",
        "SecurityGroups": [],
        "BlockDeviceMappings": [],
        "EbsOptimized": False,
        "InstanceMonitoring": {"Enabled": True},
        **made.members,
        "LaunchConfigurationName": made.name,
        "LaunchConfigurationARN": made.arn,
        "CreatedTime": made.created_at,
    }
