"""VPC endpoints. Kept and shown: tasks find Homeport's APIs without them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from emulator.domain.errors import NotEmulatedYet
from emulator.domain.networks.address_translation import VpcEndpoint
from emulator.domain.networks.ec2_errors import (
    InvalidParameterValue,
    InvalidServiceName,
    RouteAlreadyExists,
)
from emulator.services.ec2 import finding
from emulator.services.ec2.endpoint_services import GATEWAY_SERVICES
from emulator.store.ec2_tables import VPC_ENDPOINTS
from emulator.wire.call import Call

_KEPT = "a VPC endpoint is kept and shown; tasks reach Homeport's APIs and this host's networks without one"
_OPEN_POLICY = json.dumps(
    {"Statement": [{"Action": "*", "Effect": "Allow", "Principal": "*", "Resource": "*"}], "Version": "2008-10-17"}
)
_FILTERS = {
    "vpc-endpoint-id": lambda endpoint: [endpoint.id],
    "vpc-endpoint-type": lambda endpoint: [endpoint.kind],
    "vpc-endpoint-state": lambda _: ["available"],
    "vpc-id": lambda endpoint: [endpoint.vpc_id],
    "service-name": lambda endpoint: [endpoint.service_name],
}


def create_vpc_endpoint(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    kind = request.get("VpcEndpointType", "Gateway")
    if kind not in ("Gateway", "Interface"):
        raise NotEmulatedYet(f"Homeport does not emulate VPC endpoints of type {kind} yet.")
    vpc = finding.vpc(call, request["VpcId"])
    service = str(request.get("ServiceName", ""))
    short = service.removeprefix(f"com.amazonaws.{call.region}.")
    if short == service or (kind == "Gateway" and short not in GATEWAY_SERVICES):
        raise InvalidServiceName(f"The Vpc Endpoint Service '{service[:128]}' does not exist")
    tables = [finding.route_table(call, table).id for table in request.get("RouteTableIds", ())]
    subnets = [finding.subnet(call, subnet) for subnet in dict.fromkeys(request.get("SubnetIds", ()))]
    groups = [finding.security_group(call, group).id for group in request.get("SecurityGroupIds", ())]
    _check_kind(kind, request)
    _check_routes(call, service, tables)
    made = VpcEndpoint(
        call.account,
        call.region,
        finding.new_id(call, "vpce"),
        vpc.id,
        service,
        kind,
        call.now,
        request.get("PolicyDocument") or _OPEN_POLICY,
        tables,
        {subnet.id: (finding.new_id(call, "eni"), finding.free_address(call, subnet)) for subnet in subnets},
        groups or ([_default_group(call, vpc.id)] if kind == "Interface" else []),
        bool(request.get("PrivateDnsEnabled", kind == "Interface")),
        finding.new_tags(request, "vpc-endpoint"),
    )
    call.tx.insert(VPC_ENDPOINTS, made)
    call.warn(_KEPT)
    return {"VpcEndpoint": _shown(call, made)}


def _default_group(call: Call, vpc_id: str) -> str:
    return next(g.id for g in finding.security_groups(call) if g.vpc_id == vpc_id and g.name == "default")


def describe_vpc_endpoints(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    found, token = finding.chosen(
        call,
        request,
        finding.vpc_endpoints(call),
        ids="VpcEndpointIds",
        find=finding.vpc_endpoint,
        filters=_FILTERS,
        record_id=lambda endpoint: endpoint.id,
        tags=lambda endpoint: endpoint.tags,
    )
    return finding.paged("VpcEndpoints", [_shown(call, endpoint) for endpoint in found], token)


def delete_vpc_endpoints(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are not there are told in the answer; the others go."""
    known = {endpoint.id for endpoint in finding.vpc_endpoints(call)}
    lost = []
    for wanted in request["VpcEndpointIds"]:
        if wanted in known:
            call.tx.delete(VPC_ENDPOINTS, call.account, call.region, wanted)
        else:
            text = f"The Vpc Endpoint Id '{wanted[:128]}' does not exist"
            lost.append({"ResourceId": wanted, "Error": {"Code": "InvalidVpcEndpoint.NotFound", "Message": text}})
    return {"Unsuccessful": lost}


def modify_vpc_endpoint(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Route tables of a Gateway endpoint; subnets and groups of an Interface one; the policy of both."""
    endpoint = finding.vpc_endpoint(call, request["VpcEndpointId"])
    _check_kind(endpoint.kind, request)
    if request.get("IpAddressType", "ipv4") != "ipv4" or request.get("SubnetConfigurations"):
        raise NotEmulatedYet("Homeport does not emulate addresses of a VPC endpoint other than IPv4 of its choice yet.")
    gone = set(request.get("RemoveRouteTableIds", ()))
    tables = [table for table in endpoint.route_tables if table not in gone]
    tables += [finding.route_table(call, table).id for table in request.get("AddRouteTableIds", ())]
    _check_routes(call, endpoint.service_name, tables, but=endpoint.id)
    left = set(request.get("RemoveSubnetIds", ()))
    interfaces = {subnet: found for subnet, found in endpoint.interfaces.items() if subnet not in left}
    for subnet in (finding.subnet(call, wanted) for wanted in request.get("AddSubnetIds", ())):
        if subnet.id not in interfaces:
            interfaces[subnet.id] = (finding.new_id(call, "eni"), finding.free_address(call, subnet))
    dropped = set(request.get("RemoveSecurityGroupIds", ()))
    groups = [group for group in endpoint.groups if group not in dropped]
    groups += [finding.security_group(call, group).id for group in request.get("AddSecurityGroupIds", ())]
    policy = _OPEN_POLICY if request.get("ResetPolicy") else request.get("PolicyDocument") or endpoint.policy
    changed = replace(
        endpoint,
        route_tables=list(dict.fromkeys(tables)),
        interfaces=interfaces,
        groups=list(dict.fromkeys(groups)) or ([_default_group(call, endpoint.vpc_id)] if endpoint.groups else []),
        policy=policy,
        private_dns=bool(request.get("PrivateDnsEnabled", endpoint.private_dns)),
    )
    call.tx.put(VPC_ENDPOINTS, changed)
    call.warn(_KEPT)
    return {"Return": True}


def _check_kind(kind: str, request: Mapping[str, Any]) -> None:
    interface = ("SubnetIds", "SecurityGroupIds", "AddSubnetIds", "RemoveSubnetIds", "AddSecurityGroupIds",
                 "RemoveSecurityGroupIds")  # fmt: skip
    if kind == "Gateway" and any(request.get(member) for member in interface):
        raise InvalidParameterValue("Subnets and security groups belong to Interface endpoints.")
    tables = ("RouteTableIds", "AddRouteTableIds", "RemoveRouteTableIds")
    if kind == "Interface" and any(request.get(member) for member in tables):
        raise InvalidParameterValue("Route tables belong to Gateway endpoints.")


def _check_routes(call: Call, service: str, tables: Sequence[str], but: str = "") -> None:
    """A route table has one route to a service."""
    for other in finding.vpc_endpoints(call):
        if other.id != but and other.kind == "Gateway" and other.service_name == service:
            shared = sorted(set(tables) & set(other.route_tables))
            if shared:
                text = f"route table {shared[0]} already has a route with destination-prefix-list-id"
                raise RouteAlreadyExists(text)


def _shown(call: Call, endpoint: VpcEndpoint) -> dict[str, Any]:
    names = {group.id: group.name for group in finding.security_groups(call)}
    return {
        "VpcEndpointId": endpoint.id,
        "VpcEndpointType": endpoint.kind,
        "VpcId": endpoint.vpc_id,
        "ServiceName": endpoint.service_name,
        "State": "available",
        "PolicyDocument": endpoint.policy,
        "RouteTableIds": endpoint.route_tables,
        "SubnetIds": list(endpoint.interfaces),
        "Groups": [{"GroupId": group, "GroupName": names.get(group, "")} for group in endpoint.groups],
        "PrivateDnsEnabled": endpoint.private_dns,
        "RequesterManaged": False,
        "NetworkInterfaceIds": [interface_id for interface_id, _ in endpoint.interfaces.values()],
        "DnsEntries": [],
        "CreationTimestamp": endpoint.created_at,
        "OwnerId": endpoint.account,
        "Tags": finding.shown_tags(endpoint.tags),
    }
