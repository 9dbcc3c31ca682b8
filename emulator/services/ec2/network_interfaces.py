"""Network interfaces: each task's own, as its pause container has it, and those of NAT gateways and VPC endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.domain.address_translation import NatGateway, VpcEndpoint
from emulator.domain.ec2_errors import InvalidNetworkInterfaceIdNotFound
from emulator.domain.resource_filter import flag
from emulator.domain.task import Eni, Task
from emulator.services.ec2 import finding
from emulator.store import vpc_queries
from emulator.wire.call import Call


@dataclass(frozen=True, slots=True)
class _Interface:
    """What DescribeNetworkInterfaces shows; `kind` is its InterfaceType."""

    id: str
    owner: str
    description: str
    kind: str
    requester: str
    vpc_id: str
    subnet_id: str
    zone: str
    private_ip: str
    groups: tuple[str, ...] = ()
    mac_address: str | None = None
    private_dns_name: str | None = None
    public_ip: str | None = None
    allocation_id: str | None = None

    @property
    def attachment_id(self) -> str:
        return f"eni-attach-{self.id.removeprefix('eni-')}"


_FILTERS = {
    "network-interface-id": lambda eni: [eni.id],
    "subnet-id": lambda eni: [eni.subnet_id],
    "vpc-id": lambda eni: [eni.vpc_id],
    "availability-zone": lambda eni: [eni.zone],
    "group-id": lambda eni: eni.groups,
    "description": lambda eni: [eni.description],
    "private-ip-address": lambda eni: [eni.private_ip],
    "addresses.private-ip-address": lambda eni: [eni.private_ip],
    "association.public-ip": lambda eni: [eni.public_ip or ""],
    "addresses.association.public-ip": lambda eni: [eni.public_ip or ""],
    "association.ip-owner-id": lambda eni: ["amazon"] if eni.public_ip else [],
    "association.allocation-id": lambda eni: [eni.allocation_id] if eni.allocation_id else [],
    "private-dns-name": lambda eni: [eni.private_dns_name or ""],
    "mac-address": lambda eni: [eni.mac_address or ""],
    "status": lambda _: ["in-use"],
    "owner-id": lambda eni: [eni.owner],
    "requester-managed": lambda _: flag(True),
    "interface-type": lambda eni: [eni.kind],
    "attachment.instance-owner-id": lambda eni: [eni.requester],
    "attachment.status": lambda _: ["attached"],
    "attachment.attachment-id": lambda eni: [eni.attachment_id],
    "attachment.delete-on-termination": lambda _: flag(True),
    "attachment.instance-id": lambda _: [],
    "requester-id": lambda eni: [eni.requester],
}


def describe_network_interfaces(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    names = {group.id: group.name for group in finding.security_groups(call)}
    found, token = finding.chosen(
        call,
        request,
        _all(call),
        ids="NetworkInterfaceIds",
        find=_find,
        filters=_FILTERS,
        record_id=lambda eni: eni.id,
        tags=lambda _: {},
    )
    return finding.paged("NetworkInterfaces", [_shown(eni, names) for eni in found], token)


def _all(call: Call) -> list[_Interface]:
    zones = {subnet.id: subnet.availability_zone for subnet in finding.subnets(call)}
    tasks = vpc_queries.tasks_with_interface(call.reader, call.account, call.region)
    return [
        *(_of_task(task, task.eni) for task in tasks if task.eni is not None),
        *(_of_gateway(g, zones) for g in finding.nat_gateways(call) if g.deleted_at is None),
        *(_of_endpoint(e, subnet, zones) for e in finding.vpc_endpoints(call) for subnet in e.interfaces),
    ]


def _of_task(task: Task, eni: Eni) -> _Interface:
    """The description is the attachment's ARN (observed on AWS)."""
    return _Interface(
        eni.id,
        task.account,
        f"arn:aws:ecs:{task.region}:{task.account}:attachment/{eni.attachment_id}",
        "interface",
        "amazon-ecs",
        eni.vpc_id,
        eni.subnet_id,
        task.availability_zone or "",
        eni.private_ip or "",
        tuple(eni.security_groups),
        eni.mac_address,
        eni.private_dns_name,
        eni.public_ip,
    )


def _of_gateway(gateway: NatGateway, zones: Mapping[str, str]) -> _Interface:
    return _Interface(
        gateway.interface_id,
        gateway.account,
        f"Interface for NAT Gateway {gateway.id}",
        "nat_gateway",
        "amazon-aws",
        gateway.vpc_id,
        gateway.subnet_id,
        zones.get(gateway.subnet_id, ""),
        gateway.private_ip,
        public_ip=gateway.public_ip,
        allocation_id=gateway.allocation_id,
    )


def _of_endpoint(endpoint: VpcEndpoint, subnet: str, zones: Mapping[str, str]) -> _Interface:
    interface_id, address = endpoint.interfaces[subnet]
    return _Interface(
        interface_id,
        endpoint.account,
        f"VPC Endpoint Interface {endpoint.id}",
        "vpc_endpoint",
        "amazon-aws",
        endpoint.vpc_id,
        subnet,
        zones.get(subnet, ""),
        address,
        tuple(endpoint.groups),
    )


def _find(call: Call, wanted: str) -> _Interface:
    lost = InvalidNetworkInterfaceIdNotFound(f"The networkInterface ID '{wanted[:128]}' does not exist")
    return finding.one(_all(call), wanted, "eni", lost)


def _shown(eni: _Interface, group_names: Mapping[str, str]) -> dict[str, Any]:
    association = _association(eni)
    address = {
        "Primary": True,
        "PrivateIpAddress": eni.private_ip,
        "PrivateDnsName": eni.private_dns_name,
        "Association": association,
    }
    shown: dict[str, Any] = {
        "NetworkInterfaceId": eni.id,
        "Description": eni.description,
        "InterfaceType": eni.kind,
        "Status": "in-use",
        "OwnerId": eni.owner,
        "RequesterId": eni.requester,
        "RequesterManaged": True,
        "SourceDestCheck": eni.kind != "nat_gateway",
        "VpcId": eni.vpc_id,
        "SubnetId": eni.subnet_id,
        "AvailabilityZone": eni.zone,
        "Groups": [_group(group, group_names) for group in eni.groups],
        "PrivateIpAddresses": [_present(address)],
        "Ipv6Addresses": [],
        "TagSet": [],
        "Attachment": {
            "AttachmentId": eni.attachment_id,
            "DeleteOnTermination": True,
            "DeviceIndex": 1,
            "InstanceOwnerId": eni.requester,
            "Status": "attached",
        },
        "PrivateIpAddress": eni.private_ip,
        "MacAddress": eni.mac_address,
        "PrivateDnsName": eni.private_dns_name,
        "Association": association,
    }
    return _present(shown)


def _association(eni: _Interface) -> dict[str, str] | None:
    """A public address. A task's is one of this host's own, so it has no public name."""
    if not eni.public_ip:
        return None
    elastic = {"AllocationId": eni.allocation_id} if eni.allocation_id else {}
    return {"IpOwnerId": "amazon", "PublicDnsName": "", "PublicIp": eni.public_ip, **elastic}


def _group(group_id: str, names: Mapping[str, str]) -> dict[str, str]:
    """A group that nobody made has no name."""
    return {"GroupId": group_id, **({"GroupName": names[group_id]} if group_id in names else {})}


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
