"""Network interfaces: described, whoever has them; those of users are made, changed and deleted.

What users make is kept and shown; nobody answers at it, since instances here have no network of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.errors import NotEmulatedYet
from emulator.domain.networks.ec2_errors import (
    InvalidIpAddressInUse,
    InvalidParameterCombination,
    InvalidParameterValue,
    SecurityGroupsPerInterfaceLimitExceeded,
)
from emulator.domain.networks.network_interface import NetworkInterface, WrongAddress, checked_address, mac_address_of
from emulator.domain.networks.vpc import Subnet
from emulator.domain.resource_filter import flag
from emulator.services.ec2 import finding
from emulator.services.ec2.interface_shape import (
    all_interfaces,
    described,
    ip_owner,
    own_interface,
    shown,
    shown_interface,
)
from emulator.store import vpc_queries
from emulator.store.ec2_tables import NETWORK_INTERFACES
from emulator.wire.call import Call

Request = Mapping[str, Any]

MAX_GROUPS = 5
_KEPT = "a network interface is kept and shown; nobody answers at its address"
_UNLIKE = (
    "ConnectionTrackingSpecification", "EnablePrimaryIpv6", "InterfaceType", "Ipv4PrefixCount", "Ipv4Prefixes",
    "Ipv6AddressCount", "Ipv6Addresses", "Ipv6PrefixCount", "Ipv6Prefixes", "Operator",
    "SecondaryPrivateIpAddressCount",
)  # fmt: skip
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
    "association.ip-owner-id": lambda eni: [ip_owner(eni)] if eni.public_ip else [],
    "association.association-id": lambda eni: [eni.association_id] if eni.association_id else [],
    "association.allocation-id": lambda eni: [eni.allocation_id] if eni.allocation_id else [],
    "private-dns-name": lambda eni: [eni.private_dns_name or ""],
    "mac-address": lambda eni: [eni.mac_address or ""],
    "status": lambda eni: ["in-use" if eni.attached else "available"],
    "owner-id": lambda eni: [eni.owner],
    "requester-managed": lambda eni: flag(eni.attached),
    "source-dest-check": lambda eni: flag(eni.checked),
    "addresses.primary": lambda _: flag(True),
    "interface-type": lambda eni: [eni.kind],
    "attachment.instance-owner-id": lambda eni: [eni.requester] if eni.attached else [],
    "attachment.status": lambda eni: ["attached"] if eni.attached else [],
    "attachment.attachment-id": lambda eni: [eni.attachment_id] if eni.attached else [],
    "attachment.delete-on-termination": lambda eni: flag(True) if eni.attached else [],
    "attachment.device-index": lambda eni: ["1"] if eni.attached else [],
    "attachment.instance-id": lambda _: [],
    "requester-id": lambda eni: [eni.requester] if eni.attached else [],
}


def describe_network_interfaces(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    found, token = finding.chosen(
        call,
        request,
        all_interfaces(call),
        ids="NetworkInterfaceIds",
        find=described,
        filters=_FILTERS,
        record_id=lambda eni: eni.id,
        tags=lambda eni: eni.tags,
    )
    names = {group.id: group.name for group in finding.security_groups(call)}
    return finding.paged("NetworkInterfaces", [shown(eni, names) for eni in found], token)


def create_network_interface(call: Call, request: Request) -> dict[str, Any]:
    token = request.get("ClientToken")
    own = call.reader.find(NETWORK_INTERFACES, account=call.account, region=call.region)
    again = next((one for one in own if token and one.client_token == token), None)
    if again is not None:
        return _answer(call, again, token)
    for member in _UNLIKE:
        if request.get(member) and request[member] != "interface":
            raise NotEmulatedYet(f"Homeport does not emulate {member} of a network interface yet.")
    subnet = finding.subnet(call, request["SubnetId"])
    made = NetworkInterface(
        call.account,
        call.region,
        finding.new_id(call, "eni"),
        subnet.vpc_id,
        subnet.id,
        _address(call, subnet, request),
        mac_address_of(call.ids.hex(10)),
        request.get("Description", ""),
        _groups(call, subnet.vpc_id, request.get("Groups") or ()),
        tags=finding.new_tags(request, "network-interface"),
        client_token=token,
    )
    call.tx.insert(NETWORK_INTERFACES, made)
    call.warn(_KEPT)
    return _answer(call, made, token)


def modify_network_interface_attribute(call: Call, request: Request) -> None:
    """One attribute: its description, groups, or the check of source and destination."""
    own = own_interface(call, request["NetworkInterfaceId"])
    given = [m for m in ("Description", "Groups", "SourceDestCheck", "Attachment") if m in request]
    if len(given) != 1:
        raise InvalidParameterCombination("Specify exactly one attribute of the network interface.")
    match given[0]:
        case "Description":
            changed = replace(own, description=str(request["Description"].get("Value", "")))
        case "Groups":
            changed = replace(own, groups=_groups(call, own.vpc_id, request["Groups"]))
        case "SourceDestCheck":
            changed = replace(own, source_dest_check=bool(request["SourceDestCheck"].get("Value")))
        case _:
            raise NotEmulatedYet("Homeport does not emulate attachments of network interfaces yet.")
    call.tx.put(NETWORK_INTERFACES, changed)


def delete_network_interface(call: Call, request: Request) -> None:
    """An elastic address that it has is free again."""
    own = own_interface(call, request["NetworkInterfaceId"])
    for address in finding.elastic_addresses(call):
        if address.interface_id == own.id:
            finding.free_elastic_address(call, address)
    call.tx.delete(NETWORK_INTERFACES, own.account, own.region, own.id)


def _answer(call: Call, own: NetworkInterface, token: str | None) -> dict[str, Any]:
    answer: dict[str, Any] = {"NetworkInterface": shown_interface(call, own.id)}
    return {**answer, "ClientToken": token} if token else answer


def _address(call: Call, subnet: Subnet, request: Request) -> str:
    listed = request.get("PrivateIpAddresses") or ()
    primary = [str(one["PrivateIpAddress"]) for one in listed if one.get("Primary", len(listed) == 1)]
    if len(listed) > len(primary):
        raise NotEmulatedYet("Homeport does not emulate secondary addresses of a network interface yet.")
    given = request.get("PrivateIpAddress") or (primary[0] if primary else None)
    if given is None:
        return finding.free_address(call, subnet)
    try:
        address = checked_address(given, subnet.cidr)
    except WrongAddress as error:
        raise InvalidParameterValue(str(error)) from error
    tasks = vpc_queries.tasks_with_interface(call.reader, call.account, call.region)
    of_tasks = {task.eni.private_ip for task in tasks if task.eni and task.eni.subnet_id == subnet.id}
    if address in of_tasks | finding.reserved_addresses(call, subnet.id):
        raise InvalidIpAddressInUse(f"Address {address} is in use.")
    return address


def _groups(call: Call, vpc_id: str, given: Any) -> list[str]:
    """The VPC's default group where none is given."""
    if not given:
        groups = finding.security_groups(call)
        return [group.id for group in groups if group.vpc_id == vpc_id and group.name == "default"]
    if len(given) > MAX_GROUPS:
        raise SecurityGroupsPerInterfaceLimitExceeded(
            f"The maximum number of security groups per interface ({MAX_GROUPS}) has been reached."
        )
    found = [finding.security_group(call, group_id) for group_id in dict.fromkeys(given)]
    if any(group.vpc_id != vpc_id for group in found):
        raise InvalidParameterValue("You have specified two resources that belong to different networks.")
    return [group.id for group in found]
