"""The services that VPC endpoints lead to, and the prefix lists of those with gateway endpoints: AWS's own, as they are
named. Kept and shown: tasks reach Homeport's APIs without endpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from emulator.domain.networks.ec2_errors import InvalidParameterValue, InvalidPrefixListIdNotFound, InvalidServiceName
from emulator.domain.networks.ec2_ids import malformed
from emulator.domain.networks.network import ZONES, network_id
from emulator.domain.resource_filter import UnknownFilter, matching
from emulator.services.ec2 import finding
from emulator.wire.call import Call

Request = Mapping[str, Any]

GATEWAY_SERVICES: Final = {"s3": ("52.216.0.0/15",), "dynamodb": ("52.94.0.0/22",)}
"""Services with gateway endpoints, and an address range of each that AWS publishes (ip-ranges.json, us-east-1)."""
_INTERFACE_SERVICES: Final = (
    "autoscaling", "dynamodb", "ec2", "ec2messages", "ecr.api", "ecr.dkr", "ecs", "ecs-agent", "ecs-telemetry",
    "elasticfilesystem", "elasticloadbalancing", "events", "kms", "logs", "monitoring", "s3", "secretsmanager",
    "servicediscovery", "sns", "sqs", "ssm", "ssmmessages", "sts",
)  # fmt: skip
_SERVICE_FILTERS: Final = {
    "owner": lambda _: ["amazon"],
    "service-name": lambda service: [service.name],
    "service-region": lambda service: [service.region],
    "service-type": lambda service: [service.kind],
    "supported-ip-address-types": lambda _: ["ipv4"],
}


@dataclass(frozen=True, slots=True)
class _Service:
    """`short` is what follows `com.amazonaws.<region>.`; `kind`: Gateway or Interface."""

    short: str
    region: str
    kind: str

    @property
    def id(self) -> str:
        return network_id("vpce-svc", self.region, self.kind, self.short)

    @property
    def name(self) -> str:
        return f"com.amazonaws.{self.region}.{self.short}"


@dataclass(frozen=True, slots=True)
class _PrefixList:
    id: str
    name: str
    cidrs: tuple[str, ...]


_PREFIX_FILTERS: Final = {
    "prefix-list-id": lambda listed: [listed.id],
    "prefix-list-name": lambda listed: [listed.name],
}
_MANAGED_FILTERS: Final = {**_PREFIX_FILTERS, "owner-id": lambda _: ["AWS"]}


def describe_vpc_endpoint_services(call: Call, request: Request) -> dict[str, Any]:
    """Those that containers need. The others of AWS are taken by CreateVpcEndpoint too, but not listed."""
    services = [
        *(_Service(short, call.region, "Gateway") for short in GATEWAY_SERVICES),
        *(_Service(short, call.region, "Interface") for short in _INTERFACE_SERVICES),
    ]
    known, asked = {service.name for service in services}, request.get("ServiceNames", ())
    for name in asked:
        if name not in known:
            raise InvalidServiceName(f"The Vpc Endpoint Service '{name[:128]}' does not exist")
    services = [service for service in services if not asked or service.name in asked]
    try:
        services = matching(services, request.get("Filters", ()), _SERVICE_FILTERS, lambda _: {})
    except UnknownFilter as error:
        raise InvalidParameterValue(str(error)) from error
    page = call.page(request, sorted(services, key=_position), key=_position)
    names = list(dict.fromkeys(service.name for service in page.items))
    return {"ServiceNames": names, **finding.paged("ServiceDetails", [_shown(s) for s in page.items], page.next_token)}


def describe_prefix_lists(call: Call, request: Request) -> dict[str, Any]:
    found, token = _chosen(call, request, _PREFIX_FILTERS)
    shown = [{"PrefixListId": one.id, "PrefixListName": one.name, "Cidrs": list(one.cidrs)} for one in found]
    return finding.paged("PrefixLists", shown, token)


def describe_managed_prefix_lists(call: Call, request: Request) -> dict[str, Any]:
    """AWS's own; users make none."""
    found, token = _chosen(call, request, _MANAGED_FILTERS)
    shown = [
        {
            "PrefixListId": one.id,
            "PrefixListName": one.name,
            "PrefixListArn": f"arn:{call.partition}:ec2:{call.region}:aws:prefix-list/{one.id}",
            "AddressFamily": "IPv4",
            "OwnerId": "AWS",
            "State": "create-complete",
            "Tags": [],
        }
        for one in found
    ]
    return finding.paged("PrefixLists", shown, token)


def get_managed_prefix_list_entries(call: Call, request: Request) -> dict[str, Any]:
    listed = _existing(call, request["PrefixListId"])
    page = call.page(request, [{"Cidr": cidr} for cidr in listed.cidrs], key=lambda entry: entry["Cidr"])
    return finding.paged("Entries", page.items, page.next_token)


def _chosen(
    call: Call, request: Request, filters: Mapping[str, Callable[[_PrefixList], list[str]]]
) -> tuple[list[_PrefixList], str | None]:
    return finding.chosen(
        call,
        request,
        _prefix_lists(call),
        ids="PrefixListIds",
        find=_existing,
        filters=filters,
        record_id=lambda one: one.id,
        tags=lambda _: {},
    )


def _prefix_lists(call: Call) -> list[_PrefixList]:
    return [
        _PrefixList(network_id("pl", call.region, short), f"com.amazonaws.{call.region}.{short}", cidrs)
        for short, cidrs in GATEWAY_SERVICES.items()
    ]


def _existing(call: Call, wanted: str) -> _PrefixList:
    for one in _prefix_lists(call):
        if one.id == wanted:
            return one
    lost = InvalidPrefixListIdNotFound(f"The prefix list ID '{wanted[:128]}' does not exist")
    raise malformed("pl", wanted) or lost


def _position(service: _Service) -> str:
    return f"{service.name}\n{service.kind}"


def _shown(service: _Service) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "ServiceName": service.name,
        "ServiceId": service.id,
        "ServiceRegion": service.region,
        "ServiceType": [{"ServiceType": service.kind}],
        "AvailabilityZones": [f"{service.region}{letter}" for letter in ZONES],
        "Owner": "amazon",
        "BaseEndpointDnsNames": [f"{service.short}.{service.region}.vpce.amazonaws.com"],
        "VpcEndpointPolicySupported": True,
        "AcceptanceRequired": False,
        "ManagesVpcEndpoints": False,
        "SupportedIpAddressTypes": ["ipv4"],
        "Tags": [],
    }
    if service.kind == "Interface":
        name = f"{service.short}.{service.region}.amazonaws.com"
        shown["PrivateDnsName"], shown["PrivateDnsNames"] = name, [{"PrivateDnsName": name}]
        shown["PrivateDnsNameVerificationState"] = "verified"
    return shown
