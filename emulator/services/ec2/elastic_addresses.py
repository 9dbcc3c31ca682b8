"""Elastic IP addresses: allocated, shown, released; associated with NAT gateways and users' network interfaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.errors import NotEmulatedYet
from emulator.domain.networks.address_translation import ElasticAddress, next_elastic_address
from emulator.domain.networks.ec2_errors import (
    InvalidAddressNotFound,
    InvalidAssociationIdNotFound,
    InvalidIpAddressInUse,
    InvalidParameterCombination,
    InvalidParameterValue,
    MissingParameter,
    OperationNotPermitted,
    ResourceAlreadyAssociated,
)
from emulator.domain.resource_filter import UnknownFilter, matching
from emulator.services.ec2 import finding
from emulator.services.ec2.interface_shape import own_interface
from emulator.store.ec2_tables import ADDRESSES
from emulator.wire.call import Call

_FILTERS = {
    "allocation-id": lambda address: [address.id],
    "association-id": lambda address: [address.association_id] if address.association_id else [],
    "domain": lambda _: ["vpc"],
    "network-interface-id": lambda address: [address.interface_id] if address.interface_id else [],
    "network-interface-owner-id": lambda address: [address.account] if address.interface_id else [],
    "private-ip-address": lambda address: [address.private_ip] if address.private_ip else [],
    "public-ip": lambda address: [address.public_ip],
}


def allocate_address(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """No limit but the ranges': AWS's five are a quota that users raise."""
    if request.get("Domain", "vpc") != "vpc":
        raise InvalidParameterValue("Addresses outside a VPC are no more.")
    tags = finding.new_tags(request, "elastic-ip")
    taken = {str(address) for address in call.tx.column(ADDRESSES, "public_ip")}
    address = ElasticAddress(
        call.account, call.region, finding.new_id(call, "eipalloc"), next_elastic_address(taken), tags=tags
    )
    call.tx.insert(ADDRESSES, address)
    call.warn("an elastic address is kept and shown; nobody answers at it")
    return {
        "PublicIp": address.public_ip,
        "AllocationId": address.id,
        "PublicIpv4Pool": "amazon",
        "NetworkBorderGroup": call.region,
        "Domain": "vpc",
    }


def describe_addresses(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    addresses = sorted(finding.elastic_addresses(call), key=lambda address: address.id)
    for wanted in request.get("AllocationIds", ()):
        finding.elastic_address(call, wanted)
    for wanted in request.get("PublicIps", ()):
        if all(address.public_ip != wanted for address in addresses):
            raise InvalidAddressNotFound(f"Address '{wanted[:64]}' not found.")
    asked = {*request.get("AllocationIds", ()), *request.get("PublicIps", ())}
    found = [address for address in addresses if not asked or {address.id, address.public_ip} & asked]
    try:
        found = matching(found, request.get("Filters", ()), _FILTERS, lambda address: address.tags)
    except UnknownFilter as error:
        raise InvalidParameterValue(str(error)) from error
    return {"Addresses": [_shown(address) for address in found]}


def describe_addresses_attribute(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """The one attribute is the name that the address resolves to; none has been given."""
    found, token = finding.chosen(
        call,
        request,
        finding.elastic_addresses(call),
        ids="AllocationIds",
        find=finding.elastic_address,
        filters={},
        record_id=lambda address: address.id,
        tags=lambda address: address.tags,
    )
    shown = [{"PublicIp": address.public_ip, "AllocationId": address.id} for address in found]
    return finding.paged("Addresses", shown, token)


def associate_address(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """With a network interface that a user made; instances here have no address."""
    if request.get("InstanceId"):
        raise NotEmulatedYet("Homeport does not emulate addresses of instances yet.")
    if "NetworkInterfaceId" not in request:
        raise MissingParameter("Either instance ID or network interface id must be specified")
    address = _asked(call, request)
    interface = own_interface(call, request["NetworkInterfaceId"])
    if request.get("PrivateIpAddress") not in (None, interface.private_ip):
        raise InvalidParameterValue(f"{request['PrivateIpAddress'][:64]} is no address of {interface.id}.")
    other = next((a for a in finding.elastic_addresses(call) if a.interface_id == interface.id), None)
    if address.interface_id == interface.id:
        return {"AssociationId": address.association_id}
    if address.association_id is not None and (_of_gateway(call, address) or not request.get("AllowReassociation")):
        raise ResourceAlreadyAssociated(
            f"resource {address.id} is already associated with associate-id {address.association_id}"
        )
    if other is not None:
        finding.free_elastic_address(call, other)
    association = finding.new_id(call, "eipassoc")
    changed = replace(address, association_id=association, interface_id=interface.id, private_ip=interface.private_ip)
    call.tx.put(ADDRESSES, changed)
    return {"AssociationId": association}


def disassociate_address(call: Call, request: Mapping[str, Any]) -> None:
    """A NAT gateway keeps its own until it is deleted."""
    asked = request.get("AssociationId") or request.get("PublicIp")
    if not asked:
        raise MissingParameter("Either public IP or association id must be specified")
    for address in finding.elastic_addresses(call):
        if address.association_id and asked in (address.association_id, address.public_ip):
            if _of_gateway(call, address):
                raise OperationNotPermitted(
                    f"{address.public_ip} belongs to a NAT gateway, which keeps it until it is deleted."
                )
            return finding.free_elastic_address(call, address)
    raise InvalidAssociationIdNotFound(f"The association ID '{asked[:128]}' does not exist")


def _of_gateway(call: Call, address: ElasticAddress) -> bool:
    return all(address.interface_id != own.id for own in finding.own_interfaces(call))


def _asked(call: Call, request: Mapping[str, Any]) -> ElasticAddress:
    if "AllocationId" in request:
        return finding.elastic_address(call, request["AllocationId"])
    if "PublicIp" not in request:
        raise MissingParameter("Either public IP or allocation id must be specified")
    for address in finding.elastic_addresses(call):
        if address.public_ip == request["PublicIp"]:
            return address
    raise InvalidAddressNotFound(f"Address '{request['PublicIp'][:64]}' not found.")


def release_address(call: Call, request: Mapping[str, Any]) -> None:
    if "AllocationId" not in request:
        if "PublicIp" in request:
            raise InvalidParameterCombination(
                "You must specify an allocation id when releasing a VPC elastic IP address"
            )
        raise MissingParameter("Either public IP or allocation id must be specified")
    address = finding.elastic_address(call, request["AllocationId"])
    if address.association_id is not None:
        raise InvalidIpAddressInUse(f"Address {address.public_ip} is in use.")
    call.tx.delete(ADDRESSES, call.account, call.region, address.id)


def _shown(address: ElasticAddress) -> dict[str, Any]:
    shown = {
        "PublicIp": address.public_ip,
        "AllocationId": address.id,
        "AssociationId": address.association_id,
        "Domain": "vpc",
        "NetworkInterfaceId": address.interface_id,
        "NetworkInterfaceOwnerId": address.account if address.interface_id else None,
        "PrivateIpAddress": address.private_ip,
        "PublicIpv4Pool": "amazon",
        "NetworkBorderGroup": address.region,
        "Tags": finding.shown_tags(address.tags),
    }
    return {name: value for name, value in shown.items() if value is not None}
