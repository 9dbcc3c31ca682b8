"""EC2 instances as they are described."""

from __future__ import annotations

from typing import Any, Final

from emulator.domain.capacity.ec2_instance import STATE_CODES, Ec2Instance
from emulator.domain.capacity.instance_type import INSTANCE_TYPES
from emulator.domain.networks.vpc import zone_id
from emulator.services.ec2 import finding
from emulator.store.launch_queries import instance_profile
from emulator.wire.call import Call

OPERATOR: Final = "ecs.amazonaws.com"
"""Who manages the hosts of managed instances (EC2 API model, OperatorResponse; the principal is unconfirmed)."""


def instance_shape(call: Call, instance: Ec2Instance, index: int = 0) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "InstanceId": instance.id,
        "ImageId": instance.image_id,
        "InstanceType": instance.kind,
        "State": state_shape(instance),
        "LaunchTime": instance.launched_at,
        "Placement": {"AvailabilityZone": instance.zone, "AvailabilityZoneId": zone_id(instance.zone)},
        "SubnetId": instance.subnet_id,
        "VpcId": instance.vpc_id,
        "Architecture": architecture_of(instance),
        "SecurityGroups": [{"GroupId": group} for group in instance.security_groups],
        "Tags": finding.shown_tags(instance.tags),
        "SourceDestCheck": True,
        "EbsOptimized": False,
        "EnaSupport": True,
        "Hypervisor": "xen",
        "VirtualizationType": "hvm",
        "Monitoring": {"State": "enabled" if instance.detailed_monitoring else "disabled"},
        "BlockDeviceMappings": [],
        "NetworkInterfaces": [],
        "ClientToken": instance.client_token or "",
        "StateTransitionReason": "",
        "AmiLaunchIndex": index,
    }
    optional = {
        "KeyName": instance.key_name,
        "IamInstanceProfile": _profile(call, instance),
        "InstanceLifecycle": "spot" if instance.spot else None,
        "Operator": {"Managed": True, "Principal": OPERATOR} if instance.managed_by else None,
    }
    if instance.state_reason:
        code, _, _ = instance.state_reason.partition(":")
        optional["StateReason"] = {"Code": code, "Message": instance.state_reason}
    return {**shown, **{name: value for name, value in optional.items() if value is not None}}


def state_shape(instance: Ec2Instance) -> dict[str, Any]:
    return {"Code": STATE_CODES[instance.state], "Name": instance.state}


def architecture_of(instance: Ec2Instance) -> str:
    kind = INSTANCE_TYPES.get(instance.kind)
    return kind.architecture if kind else "x86_64"


def _profile(call: Call, instance: Ec2Instance) -> dict[str, str] | None:
    """It is shown, without its id, when it has been deleted since."""
    if instance.profile is None:
        return None
    found = instance_profile(call.reader, call.account, instance.profile)
    return {"Arn": instance.profile, **({"Id": found.id} if found else {})}
