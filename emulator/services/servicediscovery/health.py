"""Whether instances are healthy, as far as somebody has said so: custom health checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.discovery.errors import CustomHealthNotFound
from emulator.domain.discovery.instance import say_health
from emulator.services.servicediscovery import finding
from emulator.store import discovery as store
from emulator.store.discovery_tables import INSTANCES
from emulator.wire.call import Call

Request = Mapping[str, Any]


def get_instances_health_status(call: Call, request: Request) -> dict[str, Any]:
    service = finding.service(call, request["ServiceId"])
    if "Instances" in request:
        found = [finding.instance(call, service, each) for each in sorted(set(request["Instances"]))]
    else:
        found = store.instances_of(call.reader, service)
    page = call.page(request, found, key=lambda i: i.id)
    return {"Status": {i.id: i.health_at(call.now) for i in page.items}, "NextToken": page.next_token}


def update_instance_custom_health_status(call: Call, request: Request) -> None:
    """It counts 30 seconds later."""
    service = finding.service(call, request["ServiceId"])
    found = finding.instance(call, service, request["InstanceId"])
    if not service.custom_health:
        raise CustomHealthNotFound(f"Service {service.id} has no custom health check")
    call.tx.put(INSTANCES, say_health(found, request["Status"] == "HEALTHY", call.now))
