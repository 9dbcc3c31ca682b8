"""Network interfaces as EC2 shows them: each task's own, as its pause container has it, those of NAT gateways and VPC
endpoints, and those that users made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.domain.networks.address_translation import ElasticAddress, NatGateway, VpcEndpoint
from emulator.domain.networks.ec2_errors import (
    InvalidNetworkInterfaceIdNotFound,
    InvalidNetworkInterfaceInUse,
    OperationNotPermitted,
)
from emulator.domain.networks.network_interface import NetworkInterface
from emulator.domain.tasks.task import Eni, Task
from emulator.services.ec2 import finding
from emulator.store import vpc_queries
from emulator.store.ec2_tables import NETWORK_INTERFACES
from emulator.wire.call import Call


@dataclass(frozen=True, slots=True)
class Interface:
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
    association_id: str | None = None
    attached: bool = True
    checked: bool = True  # source and destination
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def attachment_id(self) -> str:
        return f"eni-attach-{self.id.removeprefix('eni-')}"


def own_interface(call: Call, interface_id: str) -> NetworkInterface:
    """One that may be changed: what another service runs may not."""
    found = call.reader.get(NETWORK_INTERFACES, call.account, call.region, interface_id)
    if found is not None:
        return found
    other = described(call, interface_id)
    if call.operation == "DeleteNetworkInterface":
        raise InvalidNetworkInterfaceInUse(f"Network interface '{other.id}' is currently in use.")
    raise OperationNotPermitted(f"The network interface {other.id} is run by {other.requester}.")


def shown_interface(call: Call, interface_id: str) -> dict[str, Any]:
    """As it is described."""
    names = {group.id: group.name for group in finding.security_groups(call)}
    return shown(described(call, interface_id), names)


def all_interfaces(call: Call) -> list[Interface]:
    zones = {subnet.id: subnet.availability_zone for subnet in finding.subnets(call)}
    tasks = vpc_queries.tasks_with_interface(call.reader, call.account, call.region)
    addresses = {address.interface_id: address for address in finding.elastic_addresses(call)}
    return [
        *(_of_task(task, task.eni) for task in tasks if task.eni is not None),
        *(_of_gateway(g, zones) for g in finding.nat_gateways(call) if g.deleted_at is None),
        *(_of_endpoint(e, subnet, zones) for e in finding.vpc_endpoints(call) for subnet in e.interfaces),
        *(_of_user(own, addresses.get(own.id), zones) for own in finding.own_interfaces(call)),
    ]


def _of_task(task: Task, eni: Eni) -> Interface:
    """The description is the attachment's ARN (observed on AWS)."""
    return Interface(
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


def _of_gateway(gateway: NatGateway, zones: Mapping[str, str]) -> Interface:
    return Interface(
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


def _of_endpoint(endpoint: VpcEndpoint, subnet: str, zones: Mapping[str, str]) -> Interface:
    interface_id, address = endpoint.interfaces[subnet]
    return Interface(
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


def _of_user(own: NetworkInterface, address: ElasticAddress | None, zones: Mapping[str, str]) -> Interface:
    return Interface(
        own.id,
        own.account,
        own.description,
        "interface",
        "",
        own.vpc_id,
        own.subnet_id,
        zones.get(own.subnet_id, ""),
        own.private_ip,
        tuple(own.groups),
        own.mac_address,
        _private_name(own),
        public_ip=address.public_ip if address else None,
        allocation_id=address.id if address else None,
        association_id=address.association_id if address else None,
        attached=False,
        checked=own.source_dest_check,
        tags=own.tags,
    )


def _private_name(own: NetworkInterface) -> str:
    domain = "ec2" if own.region == "us-east-1" else f"{own.region}.compute"
    return f"ip-{own.private_ip.replace('.', '-')}.{domain}.internal"


def described(call: Call, wanted: str) -> Interface:
    lost = InvalidNetworkInterfaceIdNotFound(f"The networkInterface ID '{wanted[:128]}' does not exist")
    return finding.one(all_interfaces(call), wanted, "eni", lost)


def shown(eni: Interface, group_names: Mapping[str, str]) -> dict[str, Any]:
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
        "Status": "in-use" if eni.attached else "available",
        "OwnerId": eni.owner,
        "RequesterId": eni.requester or None,
        "RequesterManaged": eni.attached,
        "SourceDestCheck": eni.checked and eni.kind != "nat_gateway",
        "VpcId": eni.vpc_id,
        "SubnetId": eni.subnet_id,
        "AvailabilityZone": eni.zone,
        "Groups": [_group(group, group_names) for group in eni.groups],
        "PrivateIpAddresses": [_present(address)],
        "Ipv6Addresses": [],
        "TagSet": finding.shown_tags(eni.tags),
        "Attachment": _attachment(eni),
        "PrivateIpAddress": eni.private_ip,
        "MacAddress": eni.mac_address,
        "PrivateDnsName": eni.private_dns_name,
        "Association": association,
    }
    return _present(shown)


def _attachment(eni: Interface) -> dict[str, Any] | None:
    if not eni.attached:
        return None
    return {
        "AttachmentId": eni.attachment_id,
        "DeleteOnTermination": True,
        "DeviceIndex": 1,
        "InstanceOwnerId": eni.requester,
        "Status": "attached",
    }


def ip_owner(eni: Interface) -> str:
    """An elastic address is its account's."""
    return eni.owner if eni.association_id else "amazon"


def _association(eni: Interface) -> dict[str, str] | None:
    """A public address. A task's is one of this host's own, so it has no public name."""
    if not eni.public_ip:
        return None
    elastic = {"AllocationId": eni.allocation_id} if eni.allocation_id else {}
    if eni.association_id:
        elastic["AssociationId"] = eni.association_id
    return {"IpOwnerId": ip_owner(eni), "PublicDnsName": "", "PublicIp": eni.public_ip, **elastic}


def _group(group_id: str, names: Mapping[str, str]) -> dict[str, str]:
    """A group that nobody made has no name."""
    return {"GroupId": group_id, **({"GroupName": names[group_id]} if group_id in names else {})}


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
