"""Services of a namespace: create, show, list, change, delete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from emulator.domain.discovery.errors import InvalidInput, ResourceInUse, ServiceAlreadyExists
from emulator.domain.discovery.namespace import HTTP
from emulator.domain.discovery.service import (
    DiscoveryService,
    check_health,
    check_name,
    dns_config,
    updated_dns,
)
from emulator.services.servicediscovery import finding, shown
from emulator.store import discovery as store
from emulator.store.discovery_tables import DISCOVERY_SERVICES
from emulator.wire.call import Call

Request = Mapping[str, Any]

_VALUES: Final = {"NAMESPACE_ID": lambda s: s.namespace_id, "RESOURCE_OWNER": lambda s: "SELF"}


def create_service(call: Call, request: Request) -> dict[str, Any]:
    """The namespace may stand in DnsConfig, where it stood in older days. Said twice with one CreatorRequestId it is
    the same service."""
    given = request.get("DnsConfig")
    reference = request.get("NamespaceId") or (given or {}).get("NamespaceId")
    if not reference:
        raise InvalidInput("NamespaceId must be specified")
    namespace = finding.namespace(call, reference)
    dns = dns_config(given, namespace, request.get("Type"))
    check_name(request["Name"], dns)
    made = replace(
        store.make_service(call.ids, namespace, request["Name"], call.now, partition=call.partition, dns=dns),
        custom_health=check_health(request),
        description=request.get("Description"),
        creator_request_id=request.get("CreatorRequestId"),
    )
    other = store.find_service(call.tx, namespace, made.name)
    if other is not None:
        if (
            made.creator_request_id
            and made.creator_request_id == other.creator_request_id
            and made.asked == other.asked
        ):
            return {"Service": shown.whole_service(call.tx, other)}
        raise ServiceAlreadyExists("Service already exists.", _of(other))
    made = replace(made, tags=finding.checked_tags(made.arn, {}, request.get("Tags")))
    call.tx.insert(DISCOVERY_SERVICES, made)
    return {"Service": shown.whole_service(call.tx, made)}


def _of(other: DiscoveryService) -> dict[str, str]:
    members = {"ServiceId": other.id, "ServiceArn": other.arn}
    return {**members, "CreatorRequestId": other.creator_request_id} if other.creator_request_id else members


def get_service(call: Call, request: Request) -> dict[str, Any]:
    return {"Service": shown.whole_service(call.reader, finding.service(call, request["Id"]))}


def list_services(call: Call, request: Request) -> dict[str, Any]:
    filters = [
        {**f, "Values": [store.id_in(v, "namespace", call.account, call.region) for v in f["Values"]]}
        if f["Name"] == "NAMESPACE_ID"
        else f
        for f in request.get("Filters", ())
    ]
    services = call.reader.find(DISCOVERY_SERVICES, account=call.account, region=call.region)
    found = finding.filtered(services, filters, _VALUES, {})
    page = call.page(request, found, key=lambda s: s.id)
    return {"Services": [shown.service(call.reader, s) for s in page.items], "NextToken": page.next_token}


def update_service(call: Call, request: Request) -> dict[str, Any]:
    """Changes TTLs and the description. What is left out of DnsConfig would be deleted with its records; record types
    cannot be changed, so that is refused."""
    found = finding.service(call, request["Id"])
    namespace = store.namespace_of(call.tx, found)
    if namespace.type == HTTP:
        raise InvalidInput("Services in HTTP namespaces cannot be updated")
    given = request["Service"]
    check_health(given)
    change: dict[str, Any] = {"description": given["Description"]} if "Description" in given else {}
    if "DnsConfig" in given:
        dns = updated_dns(found.dns, given["DnsConfig"]["DnsRecords"])
        change["ttls"] = {record.type: record.ttl for record in dns.records}
    elif found.dns is not None:
        raise InvalidInput("DnsConfig is required: the DNS records of a service cannot be deleted")
    return finding.submit(call, "UPDATE_SERVICE", {"SERVICE": found.id}, change)


def delete_service(call: Call, request: Request) -> None:
    found = finding.service(call, request["Id"])
    if store.instance_count(call.tx, found):
        raise ResourceInUse("Service contains registered instances; delete the instances before deleting the service")
    call.tx.delete(DISCOVERY_SERVICES, found.account, found.region, found.id)
