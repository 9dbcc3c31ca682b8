"""Route tables and which subnets they serve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.errors import NotEmulatedYet
from emulator.domain.networks.ec2_errors import (
    DependencyViolation,
    InvalidAssociationIdNotFound,
    InvalidParameterValue,
    MissingParameter,
    ResourceAlreadyAssociated,
)
from emulator.domain.networks.vpc import Association, Route, RouteTable, local_route
from emulator.domain.resource_filter import flag
from emulator.services.ec2 import finding
from emulator.store import vpc_queries
from emulator.store.ec2_tables import ROUTE_TABLES
from emulator.wire.call import Call

_FILTERS = {
    "route-table-id": lambda table: [table.id],
    "vpc-id": lambda table: [table.vpc_id],
    "owner-id": lambda table: [table.account],
    "association.main": lambda table: [value for a in table.associations for value in flag(a.main)],
    "association.subnet-id": lambda table: [a.subnet_id for a in table.associations if a.subnet_id],
    "association.route-table-association-id": lambda table: [a.id for a in table.associations],
    "association.route-table-id": lambda table: [table.id for _ in table.associations],
    "route.destination-cidr-block": lambda table: [route.destination for route in table.routes],
    "route.gateway-id": lambda table: [route.target for route in table.routes if route.kind == "GatewayId"],
    "route.nat-gateway-id": lambda table: [route.target for route in table.routes if route.kind == "NatGatewayId"],
    "route.origin": lambda table: [route.origin for route in table.routes],
    "route.state": lambda table: [route.state for route in table.routes],
}


def create_route_table(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    vpc = finding.vpc(call, request["VpcId"])
    table = RouteTable(
        call.account,
        call.region,
        finding.new_id(call, "rtb"),
        vpc.id,
        [local_route(vpc.cidr)],
        tags=finding.new_tags(request, "route-table"),
    )
    call.tx.insert(ROUTE_TABLES, table)
    return {"RouteTable": _shown(table)}


def describe_route_tables(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    found, token = finding.chosen(
        call,
        request,
        finding.route_tables(call),
        ids="RouteTableIds",
        find=finding.route_table,
        filters=_FILTERS,
        record_id=lambda table: table.id,
        tags=lambda table: table.tags,
    )
    return finding.paged("RouteTables", [_shown(table) for table in found], token)


def delete_route_table(call: Call, request: Mapping[str, Any]) -> None:
    table = finding.route_table(call, request["RouteTableId"])
    if table.associations:
        raise DependencyViolation(f"The routeTable '{table.id}' has dependencies and cannot be deleted.")
    vpc_queries.remove(call.tx, ROUTE_TABLES, table)


def associate_route_table(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    table = finding.route_table(call, request["RouteTableId"])
    if "GatewayId" in request:
        raise NotEmulatedYet("Homeport does not emulate route tables of gateways yet.")
    if "SubnetId" not in request:
        raise MissingParameter("The request must contain the parameter subnetId")
    subnet = finding.subnet(call, request["SubnetId"])
    if subnet.vpc_id != table.vpc_id:
        raise InvalidParameterValue(f"Route table {table.id} and subnet {subnet.id} belong to different networks")
    known = next((a for a in table.associations if a.subnet_id == subnet.id), None)
    if known is None:
        if any(a.subnet_id == subnet.id for other in finding.route_tables(call) for a in other.associations):
            raise ResourceAlreadyAssociated(
                f"the specified association for route table {table.id} conflicts with an existing association"
            )
        known = Association(finding.new_id(call, "rtbassoc"), subnet.id)
        call.tx.put(ROUTE_TABLES, replace(table, associations=[*table.associations, known]))
    return {"AssociationId": known.id, "AssociationState": {"State": "associated"}}


def disassociate_route_table(call: Call, request: Mapping[str, Any]) -> None:
    table, association = _association(call, request["AssociationId"])
    if association.main:
        raise InvalidParameterValue("cannot disassociate the main route table association")
    rest = [a for a in table.associations if a.id != association.id]
    call.tx.put(ROUTE_TABLES, replace(table, associations=rest))


def replace_route_table_association(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Moves a subnet, or the rank of the main table, to another table of the VPC; the association gets a new id."""
    old, association = _association(call, request["AssociationId"])
    table = finding.route_table(call, request["RouteTableId"])
    if table.vpc_id != old.vpc_id:
        raise InvalidParameterValue(f"Route table {table.id} and association {association.id} are of different VPCs")
    moved = replace(association, id=finding.new_id(call, "rtbassoc"))
    if table.id == old.id:
        old = table = replace(table, associations=[a for a in table.associations if a.id != association.id])
    else:
        call.tx.put(ROUTE_TABLES, replace(old, associations=[a for a in old.associations if a.id != association.id]))
    call.tx.put(ROUTE_TABLES, replace(table, associations=[*table.associations, moved]))
    return {"NewAssociationId": moved.id, "AssociationState": {"State": "associated"}}


def _association(call: Call, wanted: str) -> tuple[RouteTable, Association]:
    for table in finding.route_tables(call):
        for association in table.associations:
            if association.id == wanted:
                return table, association
    raise InvalidAssociationIdNotFound(f"The association ID '{wanted[:128]}' does not exist")


def _shown(table: RouteTable) -> dict[str, Any]:
    return {
        "RouteTableId": table.id,
        "VpcId": table.vpc_id,
        "OwnerId": table.account,
        "Routes": [_route(route) for route in table.routes],
        "Associations": [_shown_association(table, association) for association in table.associations],
        "PropagatingVgws": [],
        "Tags": finding.shown_tags(table.tags),
    }


def _route(route: Route) -> dict[str, Any]:
    destination = "DestinationIpv6CidrBlock" if ":" in route.destination else "DestinationCidrBlock"
    return {destination: route.destination, route.kind: route.target, "Origin": route.origin, "State": route.state}


def _shown_association(table: RouteTable, association: Association) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "RouteTableAssociationId": association.id,
        "RouteTableId": table.id,
        "Main": association.main,
        "AssociationState": {"State": "associated"},
    }
    if association.subnet_id is not None:
        shown["SubnetId"] = association.subnet_id
    return shown
