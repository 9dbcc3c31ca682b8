"""EC2 instances: the virtual hosts of Auto Scaling groups and of `homeport add-instance`. They are described and
terminated; RunInstances is not emulated, since an instance here can only be a host of containers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from emulator.domain.ec2_errors import InvalidInstanceIdNotFound, InvalidInstanceType, InvalidParameterValue
from emulator.domain.ec2_ids import malformed
from emulator.domain.ec2_instance import STATE_CODES, Ec2Instance
from emulator.domain.instance_type import INSTANCE_TYPES, UNITS_PER_VCPU, InstanceType
from emulator.domain.resource_filter import UnknownFilter, flag, matching
from emulator.domain.vpc import zone_id
from emulator.events import journal
from emulator.services.ec2 import finding
from emulator.store.ec2_tables import INSTANCES
from emulator.store.launch_queries import instance_profile
from emulator.wire.call import Call

Request = Mapping[str, Any]

USER_SHUTDOWN: Final = "Client.UserInitiatedShutdown: User initiated shutdown"
_FILTERS: Final = {
    "instance-id": lambda i: [i.id],
    "instance-state-name": lambda i: [i.state],
    "instance-state-code": lambda i: [str(STATE_CODES[i.state])],
    "instance-type": lambda i: [i.kind],
    "instance-lifecycle": lambda i: ["spot"] if i.spot else [],
    "image-id": lambda i: [i.image_id],
    "availability-zone": lambda i: [i.zone],
    "subnet-id": lambda i: [i.subnet_id],
    "vpc-id": lambda i: [i.vpc_id],
    "architecture": lambda i: [_architecture(i)],
    "key-name": lambda i: [i.key_name] if i.key_name else [],
    "owner-id": lambda i: [i.account],
    "reservation-id": lambda i: [i.reservation_id],
}
_TYPE_FILTERS: Final = {
    "instance-type": lambda kind: [kind.name],
    "processor-info.supported-architecture": lambda kind: [kind.architecture],
    "vcpu-info.default-vcpus": lambda kind: [str(kind.cpu // UNITS_PER_VCPU)],
    "memory-info.size-in-mib": lambda kind: [str(kind.mib)],
    "burstable-performance-supported": lambda kind: flag(_burstable(kind)),
    "current-generation": lambda _: flag(True),
}


def describe_instances(call: Call, request: Request) -> dict[str, Any]:
    """Terminated ones for an hour."""
    found, token = finding.chosen(
        call,
        request,
        call.reader.find(INSTANCES, account=call.account, region=call.region),
        ids="InstanceIds",
        find=_existing,
        filters=_FILTERS,
        record_id=lambda instance: instance.id,
        tags=_tags,
    )
    reservations = [
        {"ReservationId": i.reservation_id, "OwnerId": i.account, "Groups": [], "Instances": [_shown(call, i)]}
        for i in found
    ]
    return finding.paged("Reservations", reservations, token)


def terminate_instances(call: Call, request: Request) -> dict[str, Any]:
    """All of them or, when one does not exist, none. Its container instance and tasks go with it; a group replaces
    it. One that is terminated stays so."""
    found = [_existing(call, instance_id) for instance_id in request["InstanceIds"]]
    changes = []
    for instance in found:
        after = instance
        if instance.state in ("pending", "running"):
            after = replace(instance, state="shutting-down", state_reason=USER_SHUTDOWN)
            call.tx.put(INSTANCES, after)
            journal.append(
                call.tx,
                at=call.now,
                account=call.account,
                region=call.region,
                kind="ec2_instance.terminated",
                subject=instance.id,
                detail={"by": call.caller.arn},
            )
        changes.append({"InstanceId": instance.id, "CurrentState": _state(after), "PreviousState": _state(instance)})
    return {"TerminatingInstances": changes}


def describe_instance_types(call: Call, request: Request) -> dict[str, Any]:
    """The types that Homeport has, with what it knows of each."""
    asked = request.get("InstanceTypes", ())
    unknown = [name for name in asked if name not in INSTANCE_TYPES]
    if unknown:
        raise InvalidInstanceType(f"The following supplied instance types do not exist: [{', '.join(unknown)[:512]}]")
    kinds = [kind for kind in INSTANCE_TYPES.values() if not asked or kind.name in asked]
    try:
        kinds = matching(kinds, request.get("Filters", ()), _TYPE_FILTERS, lambda _: {})
    except UnknownFilter as error:
        raise InvalidParameterValue(str(error)) from error
    page = call.page(request, sorted(kinds, key=lambda kind: kind.name), key=lambda kind: kind.name)
    return finding.paged("InstanceTypes", [_type_shown(kind) for kind in page.items], page.next_token)


def _existing(call: Call, instance_id: str) -> Ec2Instance:
    found = call.reader.get(INSTANCES, call.account, call.region, instance_id)
    if found is None:
        lost = InvalidInstanceIdNotFound(f"The instance ID '{instance_id[:128]}' does not exist")
        raise malformed("i", instance_id) or lost
    return found


def _tags(instance: Ec2Instance) -> Mapping[str, str]:
    return instance.tags


def _state(instance: Ec2Instance) -> dict[str, Any]:
    return {"Code": STATE_CODES[instance.state], "Name": instance.state}


def _architecture(instance: Ec2Instance) -> str:
    kind = INSTANCE_TYPES.get(instance.kind)
    return kind.architecture if kind else "x86_64"


def _profile(call: Call, instance: Ec2Instance) -> dict[str, str] | None:
    """It is shown, without its id, when it has been deleted since."""
    if instance.profile is None:
        return None
    found = instance_profile(call.reader, call.account, instance.profile)
    return {"Arn": instance.profile, **({"Id": found.id} if found else {})}


def _shown(call: Call, instance: Ec2Instance) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "InstanceId": instance.id,
        "ImageId": instance.image_id,
        "InstanceType": instance.kind,
        "State": _state(instance),
        "LaunchTime": instance.launched_at,
        "Placement": {"AvailabilityZone": instance.zone, "AvailabilityZoneId": zone_id(instance.zone)},
        "SubnetId": instance.subnet_id,
        "VpcId": instance.vpc_id,
        "Architecture": _architecture(instance),
        "SecurityGroups": [{"GroupId": group} for group in instance.security_groups],
        "Tags": finding.shown_tags(instance.tags),
        "StateTransitionReason": "",
        "AmiLaunchIndex": 0,
    }
    optional = {
        "KeyName": instance.key_name,
        "IamInstanceProfile": _profile(call, instance),
        "InstanceLifecycle": "spot" if instance.spot else None,
    }
    if instance.state_reason:
        code, _, _ = instance.state_reason.partition(":")
        optional["StateReason"] = {"Code": code, "Message": instance.state_reason}
    return {**shown, **{name: value for name, value in optional.items() if value is not None}}


def _burstable(kind: InstanceType) -> bool:
    return kind.name.startswith(("t2", "t3", "t4g"))


def _type_shown(kind: InstanceType) -> dict[str, Any]:
    vcpus = kind.cpu // UNITS_PER_VCPU
    return {
        "InstanceType": kind.name,
        "CurrentGeneration": True,
        "SupportedUsageClasses": ["on-demand", "spot"],
        "BareMetal": False,
        "ProcessorInfo": {"SupportedArchitectures": [kind.architecture]},
        "VCpuInfo": {"DefaultVCpus": vcpus},
        "MemoryInfo": {"SizeInMiB": kind.mib},
        "NetworkInfo": {"MaximumNetworkInterfaces": kind.interfaces},
        "BurstablePerformanceSupported": _burstable(kind),
    }
