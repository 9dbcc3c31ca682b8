"""EC2 instances: the virtual hosts of Auto Scaling groups, of RunInstances (run_instances.py) and of `homeport
add-instance`. They are described and terminated; one that stops and starts again is not emulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from emulator.domain.capacity.ec2_instance import STATE_CODES, Ec2Instance
from emulator.domain.capacity.instance_type import INSTANCE_TYPES, UNITS_PER_VCPU, InstanceType
from emulator.domain.networks.ec2_errors import (
    InvalidInstanceIdNotFound,
    InvalidInstanceType,
    InvalidParameterValue,
    OperationNotPermitted,
)
from emulator.domain.networks.ec2_ids import malformed
from emulator.domain.networks.vpc import zone_id
from emulator.domain.resource_filter import UnknownFilter, flag, matching
from emulator.events import journal
from emulator.events.ec2_changes import write_ec2_instance
from emulator.services.ec2 import finding
from emulator.services.ec2.instance_shape import OPERATOR, architecture_of, instance_shape, state_shape
from emulator.store.ec2_tables import INSTANCES
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
    "architecture": lambda i: [architecture_of(i)],
    "key-name": lambda i: [i.key_name] if i.key_name else [],
    "owner-id": lambda i: [i.account],
    "reservation-id": lambda i: [i.reservation_id],
}
_STATUS_FILTERS: Final = {
    "availability-zone": lambda i: [i.zone],
    "instance-state-name": lambda i: [i.state],
    "instance-state-code": lambda i: [str(STATE_CODES[i.state])],
    "instance-status.status": lambda i: [_health(i)],
    "system-status.status": lambda i: [_health(i)],
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
    reservations: dict[str, dict[str, Any]] = {}
    for instance in found:
        of_one_call = {"ReservationId": instance.reservation_id, "OwnerId": call.account, "Groups": [], "Instances": []}
        listed = reservations.setdefault(instance.reservation_id, of_one_call)["Instances"]
        listed.append(instance_shape(call, instance, len(listed)))
    return finding.paged("Reservations", list(reservations.values()), token)


def describe_instance_status(call: Call, request: Request) -> dict[str, Any]:
    """Of running ones, or with IncludeAllInstances of all. A host is well as soon as it runs."""
    found, token = finding.chosen(
        call,
        request,
        [
            instance
            for instance in call.reader.find(INSTANCES, account=call.account, region=call.region)
            if instance.state == "running" or request.get("IncludeAllInstances")
        ],
        ids="InstanceIds",
        find=_existing,
        filters=_STATUS_FILTERS,
        record_id=lambda instance: instance.id,
        tags=_tags,
    )
    return finding.paged("InstanceStatuses", [_status(instance) for instance in found], token)


def _status(instance: Ec2Instance) -> dict[str, Any]:
    runs = instance.state == "running"
    summary: dict[str, Any] = {"Status": _health(instance)}
    if runs:
        summary["Details"] = [{"Name": "reachability", "Status": "passed"}]
    return {
        "InstanceId": instance.id,
        "AvailabilityZone": instance.zone,
        "AvailabilityZoneId": zone_id(instance.zone),
        "InstanceState": state_shape(instance),
        "InstanceStatus": summary,
        "SystemStatus": summary,
        "Events": [],
    }


def _health(instance: Ec2Instance) -> str:
    return "ok" if instance.state == "running" else "not-applicable"


def terminate_instances(call: Call, request: Request) -> dict[str, Any]:
    """All of them or, when one does not exist or is managed by ECS, none. Its container instance and tasks go with it;
    a group replaces it. One that is terminated stays so."""
    found = [_existing(call, instance_id) for instance_id in request["InstanceIds"]]
    for instance in found:
        if instance.managed_by is not None:  # unconfirmed wording
            raise OperationNotPermitted(
                f"The instance '{instance.id}' is managed by '{OPERATOR}' and cannot be terminated by this operation."
            )
    changes = []
    for instance in found:
        after = instance
        if instance.state in ("pending", "running"):
            after = replace(instance, state="shutting-down", state_reason=USER_SHUTDOWN)
            write_ec2_instance(call.tx, instance, after, call.now)
            journal.append(
                call.tx,
                at=call.now,
                account=call.account,
                region=call.region,
                kind="ec2_instance.terminated",
                subject=instance.id,
                detail={"by": call.caller.arn},
            )
        changes.append(
            {"InstanceId": instance.id, "CurrentState": state_shape(after), "PreviousState": state_shape(instance)}
        )
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
