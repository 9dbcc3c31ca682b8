"""Network interfaces: each task's own, as its pause container has it. Nobody else makes any yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.ec2_errors import InvalidNetworkInterfaceIdNotFound
from emulator.domain.resource_filter import flag
from emulator.domain.task import Eni, Task
from emulator.services.ec2 import finding
from emulator.store import vpc_queries
from emulator.wire.call import Call

_OWNER = "amazon-ecs"
Pair = tuple[Task, Eni]
_FILTERS = {
    "network-interface-id": lambda pair: [pair[1].id],
    "subnet-id": lambda pair: [pair[1].subnet_id],
    "vpc-id": lambda pair: [pair[1].vpc_id],
    "availability-zone": lambda pair: [pair[0].availability_zone or ""],
    "group-id": lambda pair: pair[1].security_groups,
    "description": lambda pair: [_description(pair[0], pair[1])],
    "private-ip-address": lambda pair: [pair[1].private_ip or ""],
    "addresses.private-ip-address": lambda pair: [pair[1].private_ip or ""],
    "association.public-ip": lambda pair: [pair[1].public_ip or ""],
    "addresses.association.public-ip": lambda pair: [pair[1].public_ip or ""],
    "association.ip-owner-id": lambda pair: ["amazon"] if pair[1].public_ip else [],
    "private-dns-name": lambda pair: [pair[1].private_dns_name or ""],
    "mac-address": lambda pair: [pair[1].mac_address or ""],
    "status": lambda _: ["in-use"],
    "owner-id": lambda pair: [pair[0].account],
    "requester-managed": lambda _: flag(True),
    "interface-type": lambda _: ["interface"],
    "attachment.instance-owner-id": lambda _: [_OWNER],
    "attachment.status": lambda _: ["attached"],
    "attachment.attachment-id": lambda pair: [_attachment_id(pair[1])],
    "attachment.delete-on-termination": lambda _: flag(True),
    "attachment.instance-id": lambda _: [],
    "requester-id": lambda _: [_OWNER],
}


def describe_network_interfaces(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    names = {group.id: group.name for group in finding.security_groups(call)}
    found, token = finding.chosen(
        call,
        request,
        _pairs(call),
        ids="NetworkInterfaceIds",
        find=_find,
        filters=_FILTERS,
        record_id=lambda pair: pair[1].id,
        tags=lambda _: {},
    )
    return finding.paged("NetworkInterfaces", [_shown(task, eni, names) for task, eni in found], token)


def _pairs(call: Call) -> list[Pair]:
    tasks = vpc_queries.tasks_with_interface(call.reader, call.account, call.region)
    return [(task, task.eni) for task in tasks if task.eni is not None]


def _find(call: Call, wanted: str) -> Pair:
    for pair in _pairs(call):
        if pair[1].id == wanted:
            return pair
    raise InvalidNetworkInterfaceIdNotFound(f"The networkInterface ID '{wanted[:128]}' does not exist")


def _description(task: Task, eni: Eni) -> str:
    """What ECS writes there: the attachment's ARN (observed on AWS)."""
    return f"arn:aws:ecs:{task.region}:{task.account}:attachment/{eni.attachment_id}"


def _attachment_id(eni: Eni) -> str:
    return f"eni-attach-{eni.id.removeprefix('eni-')}"


def _shown(task: Task, eni: Eni, group_names: Mapping[str, str]) -> dict[str, Any]:
    address: dict[str, Any] = {"Primary": True, "PrivateIpAddress": eni.private_ip}
    association = _association(eni)
    if association is not None:
        address["Association"] = association
    if eni.private_dns_name is not None:
        address["PrivateDnsName"] = eni.private_dns_name
    shown: dict[str, Any] = {
        "NetworkInterfaceId": eni.id,
        "Description": _description(task, eni),
        "InterfaceType": "interface",
        "Status": "in-use",
        "OwnerId": task.account,
        "RequesterId": _OWNER,
        "RequesterManaged": True,
        "SourceDestCheck": True,
        "VpcId": eni.vpc_id,
        "SubnetId": eni.subnet_id,
        "AvailabilityZone": task.availability_zone,
        "Groups": [_group(group, group_names) for group in eni.security_groups],
        "PrivateIpAddresses": [address],
        "Ipv6Addresses": [],
        "TagSet": [],
        "Attachment": {
            "AttachmentId": _attachment_id(eni),
            "DeleteOnTermination": True,
            "DeviceIndex": 1,
            "InstanceOwnerId": _OWNER,
            "Status": "attached",
        },
        "PrivateIpAddress": eni.private_ip,
        "MacAddress": eni.mac_address,
        "PrivateDnsName": eni.private_dns_name,
        "Association": association,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _association(eni: Eni) -> dict[str, str] | None:
    """The public address: one of this host's own, so it has no public name."""
    return {"IpOwnerId": "amazon", "PublicDnsName": "", "PublicIp": eni.public_ip} if eni.public_ip else None


def _group(group_id: str, names: Mapping[str, str]) -> dict[str, str]:
    """A group that nobody made has no name."""
    return {"GroupId": group_id, **({"GroupName": names[group_id]} if group_id in names else {})}
