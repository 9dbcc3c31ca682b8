"""Single attributes of an instance, as Terraform asks for them one by one. Those that a virtual host cannot have are
told as what they are without: nothing protects it, nothing is attached to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from emulator.domain.capacity.ec2_instance import Ec2Instance
from emulator.domain.networks.ec2_errors import InvalidInstanceIdNotFound, InvalidParameterValue
from emulator.domain.networks.ec2_ids import malformed
from emulator.domain.resource_filter import UnknownFilter, matching
from emulator.services.ec2 import finding
from emulator.store.ec2_tables import INSTANCES
from emulator.wire.call import Call

Request = Mapping[str, Any]

_ATTRIBUTES: Final[Mapping[str, tuple[str, Callable[[Ec2Instance], Any]]]] = {
    "disableApiStop": ("DisableApiStop", lambda _: {"Value": False}),
    "disableApiTermination": ("DisableApiTermination", lambda _: {"Value": False}),
    "ebsOptimized": ("EbsOptimized", lambda _: {"Value": False}),
    "enaSupport": ("EnaSupport", lambda _: {"Value": True}),
    "enclaveOptions": ("EnclaveOptions", lambda _: {"Enabled": False}),
    "groupSet": ("Groups", lambda i: [{"GroupId": group} for group in i.security_groups]),
    "instanceInitiatedShutdownBehavior": ("InstanceInitiatedShutdownBehavior", lambda _: {"Value": "stop"}),
    "instanceType": ("InstanceType", lambda i: {"Value": i.kind}),
    "kernel": ("KernelId", lambda _: {}),
    "productCodes": ("ProductCodes", lambda _: []),
    "ramdisk": ("RamdiskId", lambda _: {}),
    "rootDeviceName": ("RootDeviceName", lambda _: {"Value": "/dev/xvda"}),
    "blockDeviceMapping": ("BlockDeviceMappings", lambda _: []),
    "sourceDestCheck": ("SourceDestCheck", lambda _: {"Value": True}),
    "sriovNetSupport": ("SriovNetSupport", lambda _: {"Value": "simple"}),
    "userData": ("UserData", lambda i: {"Value": i.user_data} if i.user_data else {}),
}
_UNLIMITED: Final = ("t3", "t3a", "t4g")
"""Burstable families whose default is unlimited; t2's is standard."""
_CREDIT_FILTERS: Final = {"instance-id": lambda i: [i.id]}


def describe_instance_attribute(call: Call, request: Request) -> dict[str, Any]:
    """`InstanceId` and the one attribute."""
    instance, asked = _existing(call, request["InstanceId"]), request["Attribute"]
    if asked not in _ATTRIBUTES:
        raise InvalidParameterValue(f"Value ({asked[:64]}) for parameter attribute is invalid. Unknown attribute.")
    member, value = _ATTRIBUTES[asked]
    return {"InstanceId": instance.id, member: value(instance)}


def describe_instance_credit_specifications(call: Call, request: Request) -> dict[str, Any]:
    """Of burstable instances: named ones, or all that run."""
    named = [_existing(call, instance_id) for instance_id in request.get("InstanceIds", ())]
    there = named or [
        instance
        for instance in call.reader.find(INSTANCES, account=call.account, region=call.region)
        if instance.state in ("pending", "running")
    ]
    burstable = [instance for instance in there if instance.kind.partition(".")[0] in ("t2", *_UNLIMITED)]
    try:
        found = matching(burstable, request.get("Filters", ()), _CREDIT_FILTERS, lambda i: i.tags)
    except UnknownFilter as error:
        raise InvalidParameterValue(str(error)) from error
    page = call.page(request, sorted(found, key=lambda i: i.id), key=lambda i: i.id)
    shown = [
        {
            "InstanceId": instance.id,
            "CpuCredits": "unlimited" if instance.kind.partition(".")[0] in _UNLIMITED else "standard",
        }
        for instance in page.items
    ]
    return finding.paged("InstanceCreditSpecifications", shown, page.next_token)


def _existing(call: Call, instance_id: str) -> Ec2Instance:
    found = call.reader.get(INSTANCES, call.account, call.region, instance_id)
    if found is None:
        lost = InvalidInstanceIdNotFound(f"The instance ID '{instance_id[:128]}' does not exist")
        raise malformed("i", instance_id) or lost
    return found
