"""NAT gateways. One is available once it is made, and deleted once that is asked; it is shown for an hour more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.errors import NotEmulatedYet
from emulator.domain.networks.address_translation import NatGateway
from emulator.domain.networks.ec2_errors import (
    InvalidParameterValue,
    MissingParameter,
    ResourceAlreadyAssociated,
)
from emulator.domain.networks.network import network_id
from emulator.domain.networks.network_interface import WrongAddress, checked_address
from emulator.services.ec2 import finding
from emulator.store.ec2_tables import ADDRESSES, NAT_GATEWAYS, ROUTE_TABLES
from emulator.wire.call import Call

_KEPT = "a NAT gateway is kept and shown; tasks reach what this host reaches, with or without one"
_UNLIKE = (
    "SecondaryAllocationIds",
    "SecondaryPrivateIpAddresses",
    "SecondaryPrivateIpAddressCount",
    "AvailabilityMode",
)
_FILTERS = {
    "nat-gateway-id": lambda gateway: [gateway.id],
    "state": lambda gateway: [_state(gateway)],
    "subnet-id": lambda gateway: [gateway.subnet_id],
    "vpc-id": lambda gateway: [gateway.vpc_id],
}


def create_nat_gateway(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    if any(request.get(member) for member in _UNLIKE):
        raise NotEmulatedYet("Homeport does not emulate secondary addresses and regional NAT gateways yet.")
    if "SubnetId" not in request:
        raise MissingParameter("The request must contain the parameter subnetId")
    subnet = finding.subnet(call, request["SubnetId"])
    connectivity = request.get("ConnectivityType", "public")
    tags = finding.new_tags(request, "natgateway")
    gateway_id = finding.new_id(call, "nat")
    interface = network_id("eni", gateway_id)
    own = request.get("PrivateIpAddress") or finding.free_address(call, subnet)
    try:
        own = checked_address(own, subnet.cidr)
    except WrongAddress as error:
        raise InvalidParameterValue(str(error)) from error
    made = NatGateway(
        call.account,
        call.region,
        gateway_id,
        subnet.vpc_id,
        subnet.id,
        connectivity,
        call.now,
        interface,
        own,
        tags=tags,
    )
    if connectivity == "public":
        made = _with_address(call, made, request)
    elif request.get("AllocationId"):
        raise InvalidParameterValue("AllocationId cannot be specified with ConnectivityType private.")
    call.tx.insert(NAT_GATEWAYS, made)
    call.warn(_KEPT)
    return {"NatGateway": _shown(made)}


def _with_address(call: Call, made: NatGateway, request: Mapping[str, Any]) -> NatGateway:
    if not request.get("AllocationId"):
        raise MissingParameter(
            "The request must include the AllocationId parameter. Add the required parameter and retry."
        )
    address = finding.elastic_address(call, request["AllocationId"])
    if address.association_id is not None:
        raise ResourceAlreadyAssociated(
            f"Elastic IP address [{address.id}] is already associated with a network interface"
        )
    association = finding.new_id(call, "eipassoc")
    used = replace(address, association_id=association, interface_id=made.interface_id, private_ip=made.private_ip)
    call.tx.put(ADDRESSES, used)
    return replace(made, allocation_id=address.id, association_id=association, public_ip=address.public_ip)


def describe_nat_gateways(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    found, token = finding.chosen(
        call,
        {**request, "Filters": request.get("Filter", ())},
        [gateway for gateway in finding.nat_gateways(call) if gateway.shown(call.now)],
        ids="NatGatewayIds",
        find=finding.nat_gateway,
        filters=_FILTERS,
        record_id=lambda gateway: gateway.id,
        tags=lambda gateway: gateway.tags,
    )
    return finding.paged("NatGateways", [_shown(gateway) for gateway in found], token)


def delete_nat_gateway(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Its address is free again; routes to it lead nowhere."""
    gateway = finding.nat_gateway(call, request["NatGatewayId"])
    if gateway.deleted_at is None:
        call.tx.put(NAT_GATEWAYS, replace(gateway, deleted_at=call.now))
        for address in finding.elastic_addresses(call):
            if address.id == gateway.allocation_id:
                free = replace(address, association_id=None, interface_id=None, private_ip=None)
                call.tx.put(ADDRESSES, free)
        for table in finding.route_tables(call):
            routes = [replace(r, state="blackhole") if r.target == gateway.id else r for r in table.routes]
            if routes != table.routes:
                call.tx.put(ROUTE_TABLES, replace(table, routes=routes))
    return {"NatGatewayId": gateway.id}


def _state(gateway: NatGateway) -> str:
    return "available" if gateway.deleted_at is None else "deleted"


def _shown(gateway: NatGateway) -> dict[str, Any]:
    address = {
        "AllocationId": gateway.allocation_id,
        "AssociationId": gateway.association_id,
        "NetworkInterfaceId": gateway.interface_id,
        "PrivateIp": gateway.private_ip,
        "PublicIp": gateway.public_ip,
        "IsPrimary": True,
        "Status": "succeeded",
    }
    shown = {
        "NatGatewayId": gateway.id,
        "VpcId": gateway.vpc_id,
        "SubnetId": gateway.subnet_id,
        "ConnectivityType": gateway.connectivity,
        "State": _state(gateway),
        "CreateTime": gateway.created_at,
        "DeleteTime": gateway.deleted_at,
        "NatGatewayAddresses": [{name: value for name, value in address.items() if value is not None}],
        "Tags": finding.shown_tags(gateway.tags),
    }
    return {name: value for name, value in shown.items() if value is not None}
