"""Discovery through the API: the instances of a service by the names of namespace and service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.discovery.errors import NamespaceNotFound, ServiceNotFound
from emulator.domain.discovery.instance import Instance, discovered
from emulator.domain.discovery.namespace import Namespace
from emulator.domain.discovery.service import DiscoveryService
from emulator.store import discovery as store
from emulator.wire.call import Call

Request = Mapping[str, Any]

MOST_ANSWERED = 100
"""Where the request says nothing else."""


def discover_instances(call: Call, request: Request) -> dict[str, Any]:
    """In an order of chance, so that callers who take the first spread over all."""
    namespace, service = _service(call, request)
    found = discovered(store.instances_of(call.reader, service), request, call.now)
    shuffled = [found.pop(call.ids.pick(len(found))) for _ in range(len(found))]
    return {
        "Instances": [
            _summary(namespace, service, i, call.now) for i in shuffled[: request.get("MaxResults") or MOST_ANSWERED]
        ],
        "InstancesRevision": service.revision,
    }


def _summary(namespace: Namespace, service: DiscoveryService, instance: Instance, now: float) -> dict[str, Any]:
    return {
        "InstanceId": instance.id,
        "NamespaceName": namespace.http_name,
        "ServiceName": service.name,
        "HealthStatus": instance.health_at(now),
        "Attributes": dict(instance.attributes),
    }


def discover_instances_revision(call: Call, request: Request) -> dict[str, Any]:
    return {"InstancesRevision": _service(call, request)[1].revision}


def _service(call: Call, request: Request) -> tuple[Namespace, DiscoveryService]:
    """Of another account there is none: nothing is shared."""
    name = request["NamespaceName"]
    own = request.get("OwnerAccount") in (None, call.account)
    namespaces = store.namespaces_of(call.reader, call.account, call.region) if own else []
    namespace = next((n for n in namespaces if n.http_name == name), None)
    if namespace is None:
        raise NamespaceNotFound(name)
    service = store.find_service(call.reader, namespace, request["ServiceName"])
    if service is None:
        raise ServiceNotFound(request["ServiceName"])
    return namespace, service
