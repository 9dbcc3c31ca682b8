"""Instances of a service: register, deregister, show, list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.discovery.errors import ResourceLimitExceeded
from emulator.domain.discovery.instance import (
    INITIAL_HEALTH,
    MOST_IN_NAMESPACE,
    MOST_IN_SERVICE,
    check_attributes,
)
from emulator.domain.discovery.namespace import Namespace
from emulator.domain.discovery.service import DiscoveryService
from emulator.services.servicediscovery import finding
from emulator.store import discovery as store
from emulator.store.discovery_tables import INSTANCES
from emulator.wire.call import Call

Request = Mapping[str, Any]


def register_instance(call: Call, request: Request) -> dict[str, Any]:
    """A registered id is registered anew with what is given now."""
    service = finding.service(call, request["ServiceId"])
    namespace = store.namespace_of(call.tx, service)
    given = request["Attributes"]
    check_attributes(given, service, namespace)
    instance_id = request["InstanceId"]
    if call.tx.get(INSTANCES, service.account, service.region, service.id, instance_id) is None:
        _check_room(call, service, namespace)
    attributes = {key: value for key, value in given.items() if key != INITIAL_HEALTH}
    change = {
        "attributes": attributes,
        "healthy": given.get(INITIAL_HEALTH, "HEALTHY") == "HEALTHY" if service.custom_health else None,
        "creator_request_id": request.get("CreatorRequestId"),
    }
    return finding.submit(call, "REGISTER_INSTANCE", _targets(service, instance_id), change)


def _check_room(call: Call, service: DiscoveryService, namespace: Namespace) -> None:
    """AWS Cloud Map quotas."""
    if store.instance_count(call.tx, service) >= MOST_IN_SERVICE:
        raise ResourceLimitExceeded(f"The limit of {MOST_IN_SERVICE} instances in a service has been reached")
    count = sum(store.instance_count(call.tx, other) for other in store.services_of(call.tx, namespace))
    if count >= MOST_IN_NAMESPACE:
        raise ResourceLimitExceeded(f"The limit of {MOST_IN_NAMESPACE} instances in a namespace has been reached")


def _targets(service: DiscoveryService, instance_id: str) -> dict[str, str]:
    return {"INSTANCE": instance_id, "SERVICE": service.id, "NAMESPACE": service.namespace_id}


def deregister_instance(call: Call, request: Request) -> dict[str, Any]:
    service = finding.service(call, request["ServiceId"])
    instance = finding.instance(call, service, request["InstanceId"])
    return finding.submit(call, "DEREGISTER_INSTANCE", _targets(service, instance.id), {})


def get_instance(call: Call, request: Request) -> dict[str, Any]:
    service = finding.service(call, request["ServiceId"])
    found = finding.instance(call, service, request["InstanceId"])
    shape = {"Id": found.id, "Attributes": dict(found.attributes), "CreatedByAccount": found.account}
    if found.creator_request_id:
        shape["CreatorRequestId"] = found.creator_request_id
    return {"ResourceOwner": service.account, "Instance": shape}


def list_instances(call: Call, request: Request) -> dict[str, Any]:
    service = finding.service(call, request["ServiceId"])
    page = call.page(request, store.instances_of(call.reader, service), key=lambda i: i.id)
    return {
        "ResourceOwner": service.account,
        "Instances": [
            {"Id": i.id, "Attributes": dict(i.attributes), "CreatedByAccount": i.account} for i in page.items
        ],
        "NextToken": page.next_token,
    }
