"""Internet gateways and the VPCs they are attached to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.networks.ec2_errors import DependencyViolation, GatewayNotAttached, ResourceAlreadyAssociated
from emulator.domain.networks.vpc import InternetGateway
from emulator.services.ec2 import finding
from emulator.store import vpc_queries
from emulator.store.ec2_tables import INTERNET_GATEWAYS, ROUTE_TABLES
from emulator.wire.call import Call

_FILTERS = {
    "internet-gateway-id": lambda gateway: [gateway.id],
    "owner-id": lambda gateway: [gateway.account],
    "attachment.vpc-id": lambda gateway: [gateway.vpc_id] if gateway.vpc_id else [],
    "attachment.state": lambda gateway: ["available"] if gateway.vpc_id else [],
}


def create_internet_gateway(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    tags = finding.new_tags(request, "internet-gateway")
    gateway = InternetGateway(call.account, call.region, finding.new_id(call, "igw"), tags=tags)
    call.tx.insert(INTERNET_GATEWAYS, gateway)
    return {"InternetGateway": _shown(gateway)}


def describe_internet_gateways(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    found, token = finding.chosen(
        call,
        request,
        finding.internet_gateways(call),
        ids="InternetGatewayIds",
        find=finding.internet_gateway,
        filters=_FILTERS,
        record_id=lambda gateway: gateway.id,
        tags=lambda gateway: gateway.tags,
    )
    return finding.paged("InternetGateways", [_shown(gateway) for gateway in found], token)


def attach_internet_gateway(call: Call, request: Mapping[str, Any]) -> None:
    gateway = finding.internet_gateway(call, request["InternetGatewayId"])
    vpc = finding.vpc(call, request["VpcId"])
    for other in finding.internet_gateways(call):
        if other.id == gateway.id and other.vpc_id is not None:
            raise ResourceAlreadyAssociated(f"resource {gateway.id} is already attached to network {other.vpc_id}")
        if other.vpc_id == vpc.id:
            raise ResourceAlreadyAssociated(f"network {vpc.id} already has an internet gateway attached")
    call.tx.put(INTERNET_GATEWAYS, replace(gateway, vpc_id=vpc.id))


def detach_internet_gateway(call: Call, request: Mapping[str, Any]) -> None:
    gateway = finding.internet_gateway(call, request["InternetGatewayId"])
    vpc = finding.vpc(call, request["VpcId"])
    if gateway.vpc_id != vpc.id:
        raise GatewayNotAttached(f"resource {gateway.id} is not attached to network {vpc.id}")
    interfaces = vpc_queries.tasks_with_interface(call.reader, call.account, call.region)
    if any(task.eni and task.eni.vpc_id == vpc.id and task.eni.public_ip for task in interfaces):
        raise DependencyViolation(
            f"Network {vpc.id} has some mapped public address(es). Please unmap those public address(es) before "
            "detaching the gateway."
        )
    call.tx.put(INTERNET_GATEWAYS, replace(gateway, vpc_id=None))
    for table in finding.route_tables(call):
        routes = [replace(r, state="blackhole") if r.target == gateway.id else r for r in table.routes]
        if routes != table.routes:
            call.tx.put(ROUTE_TABLES, replace(table, routes=routes))


def delete_internet_gateway(call: Call, request: Mapping[str, Any]) -> None:
    gateway = finding.internet_gateway(call, request["InternetGatewayId"])
    if gateway.vpc_id is not None:
        raise DependencyViolation(f"The internetGateway '{gateway.id}' has dependencies and cannot be deleted.")
    vpc_queries.remove(call.tx, INTERNET_GATEWAYS, gateway)


def _shown(gateway: InternetGateway) -> dict[str, Any]:
    attached = [{"VpcId": gateway.vpc_id, "State": "available"}] if gateway.vpc_id else []
    return {
        "InternetGatewayId": gateway.id,
        "OwnerId": gateway.account,
        "Attachments": attached,
        "Tags": finding.shown_tags(gateway.tags),
    }
