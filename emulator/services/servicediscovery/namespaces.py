"""Namespaces: create, show, list, change, delete. Wordings are unconfirmed where the API reference has none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from emulator.domain.discovery.errors import (
    InvalidInput,
    NamespaceAlreadyExists,
    ResourceInUse,
    ResourceLimitExceeded,
)
from emulator.domain.discovery.namespace import (
    DNS_PRIVATE,
    HTTP,
    MOST_NAMESPACES,
    SOA_TTL,
    Namespace,
    is_domain_name,
)
from emulator.services.servicediscovery import finding, shown
from emulator.store import discovery as store
from emulator.store import vpc_queries
from emulator.wire.call import Call

Request = Mapping[str, Any]

_VALUES: Final = {
    "TYPE": lambda n: n.type,
    "NAME": lambda n: n.name,
    "HTTP_NAME": lambda n: n.http_name,
    "RESOURCE_OWNER": lambda n: "SELF",
}
_CONDITIONS: Final = dict.fromkeys(("TYPE", "NAME", "HTTP_NAME"), ("BEGINS_WITH",))


def create_http_namespace(call: Call, request: Request) -> dict[str, Any]:
    name = request["Name"]
    for other in store.namespaces_of(call.tx, call.account, call.region):
        if other.type == HTTP and other.name == name:
            raise NamespaceAlreadyExists("Namespace already exists", _of(other))
    return _create(call, request, {"type": HTTP})


def create_private_dns_namespace(call: Call, request: Request) -> dict[str, Any]:
    """Whether a private hosted zone of that name can be in the VPC shows when it is made: the operation fails."""
    name = request["Name"]
    if not is_domain_name(name):
        raise InvalidInput(f"Namespace name is not a valid domain name: {name}")
    given = request.get("CreatorRequestId")
    for other in store.namespaces_of(call.tx, call.account, call.region):
        if given and (other.type, other.name, other.creator_request_id) == (DNS_PRIVATE, name, given):
            raise NamespaceAlreadyExists("Namespace already exists", _of(other))
    soa = request.get("Properties", {}).get("DnsProperties", {}).get("SOA", {}).get("TTL", SOA_TTL)
    return _create(call, request, {"type": DNS_PRIVATE, "soa_ttl": soa, **_vpc(call, request["Vpc"])})


def _vpc(call: Call, vpc_id: str) -> dict[str, Any]:
    """A VPC that nobody made is taken for the default one, as its subnets are."""
    vpcs = vpc_queries.vpcs(call.tx, call.account, call.region)
    if any(vpc.id == vpc_id for vpc in vpcs):
        return {"vpc_id": vpc_id}
    default = next((vpc for vpc in vpcs if vpc.is_default), None)
    if call.facts.strict or default is None:
        return {"vpc_id": vpc_id, "no_such_vpc": True}
    call.warn(f"VPC {vpc_id} does not exist; the default VPC, {default.id}, is taken for it")
    return {"vpc_id": default.id}


def _create(call: Call, request: Request, change: Mapping[str, Any]) -> dict[str, Any]:
    name = request["Name"]
    known = store.namespaces_of(call.tx, call.account, call.region)
    for other in finding.under_way(call):
        if other.type == "CREATE_NAMESPACE" and all(
            other.change.get(key) == value for key, value in {"name": name, **change}.items()
        ):
            raise finding.duplicate(other)
    if len(known) >= MOST_NAMESPACES:
        raise ResourceLimitExceeded(f"The limit of {MOST_NAMESPACES} namespaces has been reached")
    namespace_id = store.new_id(call.ids, "ns")
    tags = finding.checked_tags(call.arn(f"namespace/{namespace_id}"), {}, request.get("Tags"))
    whole = {
        **change,
        "name": name,
        "partition": call.partition,
        "description": request.get("Description"),
        "creator_request_id": request.get("CreatorRequestId"),
        "tags": tags,
    }
    return finding.submit(call, "CREATE_NAMESPACE", {"NAMESPACE": namespace_id}, whole)


def _of(other: Namespace) -> dict[str, str]:
    members = {"NamespaceId": other.id}
    return {**members, "CreatorRequestId": other.creator_request_id} if other.creator_request_id else members


def get_namespace(call: Call, request: Request) -> dict[str, Any]:
    found = finding.namespace(call, request["Id"])
    shape = shown.namespace(call.reader, found)
    if found.creator_request_id:
        shape["CreatorRequestId"] = found.creator_request_id
    return {"Namespace": shape}


def list_namespaces(call: Call, request: Request) -> dict[str, Any]:
    """Those of other accounts are none: nothing is shared."""
    namespaces = store.namespaces_of(call.reader, call.account, call.region)
    found = finding.filtered(namespaces, request.get("Filters"), _VALUES, _CONDITIONS)
    page = call.page(request, sorted(found, key=lambda n: n.id), key=lambda n: n.id)
    return {"Namespaces": [shown.namespace(call.reader, n) for n in page.items], "NextToken": page.next_token}


def update_http_namespace(call: Call, request: Request) -> dict[str, Any]:
    return _update(call, request, HTTP)


def update_private_dns_namespace(call: Call, request: Request) -> dict[str, Any]:
    return _update(call, request, DNS_PRIVATE)


def _update(call: Call, request: Request, kind: str) -> dict[str, Any]:
    found = finding.namespace(call, request["Id"])
    if found.type != kind:
        raise InvalidInput(f"Namespace {found.id} is of type {found.type}")
    given = request["Namespace"]
    change = {key: given[member] for key, member in (("description", "Description"),) if member in given}
    if "Properties" in given:
        change["soa_ttl"] = given["Properties"]["DnsProperties"]["SOA"]["TTL"]
    if not change:
        raise InvalidInput("No change was specified")
    return finding.submit(call, "UPDATE_NAMESPACE", {"NAMESPACE": found.id}, change)


def delete_namespace(call: Call, request: Request) -> dict[str, Any]:
    found = finding.namespace(call, request["Id"])
    if store.service_count(call.tx, found):
        raise ResourceInUse("Namespace has associated services")
    return finding.submit(call, "DELETE_NAMESPACE", {"NAMESPACE": found.id}, {})
