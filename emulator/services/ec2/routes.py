"""The routes of a route table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.errors import NotEmulatedYet
from emulator.domain.networks.ec2_errors import (
    InvalidParameterValue,
    InvalidRouteNotFound,
    MissingParameter,
    RouteAlreadyExists,
)
from emulator.domain.networks.vpc import Route, RouteTable, WrongRange, check_destination
from emulator.services.ec2 import finding
from emulator.store.ec2_tables import ROUTE_TABLES
from emulator.wire.call import Call

_TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "NetworkInterfaceId",
    "InstanceId",
    "VpcPeeringConnectionId",
    "TransitGatewayId",
    "EgressOnlyInternetGatewayId",
    "VpcEndpointId",
    "CarrierGatewayId",
    "LocalGatewayId",
    "CoreNetworkArn",
    "OdbNetworkArn",
)
_ELSEWHERE = ("DestinationIpv6CidrBlock", "DestinationPrefixListId")


def create_route(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    table, destination = _where(call, request)
    if any(route.destination == destination for route in table.routes):
        raise RouteAlreadyExists(f"The route identified by {destination} already exists.")
    _keep(call, table, [*table.routes, _target(call, request, table, destination)])
    return {"Return": True}


def replace_route(call: Call, request: Mapping[str, Any]) -> None:
    table, destination = _where(call, request)
    _existing(table, destination)
    route = _target(call, request, table, destination)
    _keep(call, table, [route if r.destination == destination else r for r in table.routes])


def delete_route(call: Call, request: Mapping[str, Any]) -> None:
    table, destination = _where(call, request)
    if _existing(table, destination).target == "local":
        raise InvalidParameterValue(f"cannot remove local route {destination} in route table {table.id}")
    _keep(call, table, [route for route in table.routes if route.destination != destination])


def _where(call: Call, request: Mapping[str, Any]) -> tuple[RouteTable, str]:
    if any(request.get(member) for member in _ELSEWHERE):
        raise NotEmulatedYet("Homeport does not emulate routes to IPv6 ranges and prefix lists yet.")
    if "DestinationCidrBlock" not in request:
        raise MissingParameter("The request must contain the parameter destinationCidrBlock")
    try:
        destination = check_destination(request["DestinationCidrBlock"])
    except WrongRange as error:
        raise InvalidParameterValue(str(error)) from error
    return finding.route_table(call, request["RouteTableId"]), destination


def _existing(table: RouteTable, destination: str) -> Route:
    for route in table.routes:
        if route.destination == destination:
            return route
    raise InvalidRouteNotFound(f"no route with destination-cidr-block {destination} in route table {table.id}")


def _target(call: Call, request: Mapping[str, Any], table: RouteTable, destination: str) -> Route:
    """Exactly one target, and it must be there: an internet gateway or a NAT gateway, so far."""
    given = [member for member in _TARGETS if member in request]
    if len(given) != 1:
        raise InvalidParameterValue("The request must contain exactly one of the route's targets.")
    if given == ["NatGatewayId"]:
        nat = finding.nat_gateway(call, request["NatGatewayId"])
        if nat.vpc_id != table.vpc_id:
            raise InvalidParameterValue(f"route table {table.id} and nat gateway {nat.id} belong to different networks")
        return Route(destination, "NatGatewayId", nat.id)
    if given != ["GatewayId"]:
        raise NotEmulatedYet(f"Homeport does not emulate routes to a {given[0]} yet.")
    gateway = finding.internet_gateway(call, request["GatewayId"])
    if gateway.vpc_id != table.vpc_id:
        raise InvalidParameterValue(
            f"route table {table.id} and network gateway {gateway.id} belong to different networks"
        )
    return Route(destination, "GatewayId", gateway.id)


def _keep(call: Call, table: RouteTable, routes: list[Route]) -> None:
    call.tx.put(ROUTE_TABLES, replace(table, routes=routes))
