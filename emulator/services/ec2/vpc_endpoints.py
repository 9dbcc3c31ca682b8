"""VPC endpoints and the prefix lists of AWS's services. Kept and shown: tasks find Homeport's APIs without them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.domain.address_translation import VpcEndpoint
from emulator.domain.ec2_errors import (
    InvalidParameterValue,
    InvalidPrefixListIdNotFound,
    InvalidServiceName,
    RouteAlreadyExists,
)
from emulator.domain.ec2_ids import malformed
from emulator.domain.errors import NotEmulatedYet
from emulator.domain.network import network_id
from emulator.services.ec2 import finding
from emulator.store.ec2_tables import VPC_ENDPOINTS
from emulator.wire.call import Call

_KEPT = "a VPC endpoint is kept and shown; tasks reach Homeport's APIs and this host's networks without one"
_GATEWAY_SERVICES = {"s3": ["52.216.0.0/15"], "dynamodb": ["52.94.0.0/22"]}
"""Services with gateway endpoints, and an address range of each that AWS publishes (ip-ranges.json, us-east-1)."""
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
_PREFIX_FILTERS = {"prefix-list-id": lambda pair: [pair[0]], "prefix-list-name": lambda pair: [pair[1]]}


def create_vpc_endpoint(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    kind = request.get("VpcEndpointType", "Gateway")
    if kind not in ("Gateway", "Interface"):
        raise NotEmulatedYet(f"Homeport does not emulate VPC endpoints of type {kind} yet.")
    vpc = finding.vpc(call, request["VpcId"])
    service = str(request.get("ServiceName", ""))
    short = service.removeprefix(f"com.amazonaws.{call.region}.")
    if short == service or (kind == "Gateway" and short not in _GATEWAY_SERVICES):
        raise InvalidServiceName(f"The Vpc Endpoint Service '{service[:128]}' does not exist")
    tables = [finding.route_table(call, table).id for table in request.get("RouteTableIds", ())]
    subnets = [finding.subnet(call, subnet) for subnet in dict.fromkeys(request.get("SubnetIds", ()))]
    groups = [finding.security_group(call, group).id for group in request.get("SecurityGroupIds", ())]
    if kind == "Gateway" and (subnets or groups):
        raise InvalidParameterValue("Subnets and security groups belong to Interface endpoints.")
    for other in finding.vpc_endpoints(call):
        if kind == other.kind == "Gateway" and other.service_name == service and set(tables) & set(other.route_tables):
            shared = sorted(set(tables) & set(other.route_tables))[0]
            raise RouteAlreadyExists(f"route table {shared} already has a route with destination-prefix-list-id")
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


def describe_prefix_lists(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    def find(_: Call, wanted: str) -> object:
        if all(pair[0] != wanted for pair in lists):
            lost = InvalidPrefixListIdNotFound(f"The prefix list ID '{wanted[:128]}' does not exist")
            raise malformed("pl", wanted) or lost
        return wanted

    lists = [
        (network_id("pl", call.region, short), f"com.amazonaws.{call.region}.{short}", cidrs)
        for short, cidrs in _GATEWAY_SERVICES.items()
    ]
    found, token = finding.chosen(
        call,
        request,
        lists,
        ids="PrefixListIds",
        find=find,
        filters=_PREFIX_FILTERS,
        record_id=lambda pair: pair[0],
        tags=lambda _: {},
    )
    shown = [{"PrefixListId": name_id, "PrefixListName": name, "Cidrs": cidrs} for name_id, name, cidrs in found]
    return finding.paged("PrefixLists", shown, token)


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
