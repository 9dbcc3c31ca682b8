"""What a caller of Cloud Map needs (Service Authorization Reference, AWS Cloud Map).

Creating a namespace, listing, operations and discovery have no resource; the names that discovery asks for are
condition keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.domain.discovery.namespace import Namespace
from emulator.domain.discovery.service import DiscoveryService
from emulator.domain.iam.policy_conditions import Context, resource_tags
from emulator.domain.iam.policy_evaluation import Access
from emulator.services.access import request_tags, tag_keys
from emulator.store import discovery as store
from emulator.store.discovery_tables import DISCOVERY_SERVICES, NAMESPACES
from emulator.wire.authorize import Authorization
from emulator.wire.call import Call

Request = Mapping[str, Any]
_PREFIX = "servicediscovery"


def _anything(call: Call, request: Request) -> Iterable[Access]:
    yield Access(f"{_PREFIX}:{call.operation}", context=_given_tags(request))


def _discover(call: Call, request: Request) -> Iterable[Access]:
    context = {
        f"{_PREFIX}:namespacename": (str(request["NamespaceName"]),),
        f"{_PREFIX}:servicename": (str(request["ServiceName"]),),
    }
    yield Access(f"{_PREFIX}:{call.operation}", context=context)


def _namespace(call: Call, request: Request) -> Iterable[Access]:
    yield _on_namespace(call, request["Id"], request)


def _create_service(call: Call, request: Request) -> Iterable[Access]:
    """On the namespace that the service shall be in."""
    reference = request.get("NamespaceId") or (request.get("DnsConfig") or {}).get("NamespaceId") or "*"
    yield _on_namespace(call, str(reference), request)


def _service(call: Call, request: Request) -> Iterable[Access]:
    reference = str(request.get("ServiceId") or request.get("Id"))
    service_id = store.id_in(reference, "service", call.account, call.region)
    found = call.reader.get(DISCOVERY_SERVICES, call.account, call.region, service_id)
    arn = found.arn if found else call.arn(f"service/{service_id}")
    context: Context = {f"{_PREFIX}:servicearn": (arn,), **_own_tags(found)}
    if found is not None:
        context = {**context, f"{_PREFIX}:namespacearn": (store.namespace_of(call.reader, found).arn,)}
    yield Access(f"{_PREFIX}:{call.operation}", arn, context)


def _by_arn(call: Call, request: Request) -> Iterable[Access]:
    yield Access(f"{_PREFIX}:{call.operation}", request["ResourceARN"], _given_tags(request))


def _on_namespace(call: Call, reference: str, request: Request) -> Access:
    namespace_id = store.id_in(reference, "namespace", call.account, call.region)
    found = call.reader.get(NAMESPACES, call.account, call.region, namespace_id)
    arn = found.arn if found else call.arn(f"namespace/{namespace_id}")
    context = {f"{_PREFIX}:namespacearn": (arn,), **_own_tags(found), **_given_tags(request)}
    return Access(f"{_PREFIX}:{call.operation}", arn, context)


def _own_tags(found: Namespace | DiscoveryService | None) -> Context:
    return resource_tags(_PREFIX, found.tags) if found is not None else {}


def _given_tags(request: Request) -> Context:
    if "TagKeys" in request:
        return tag_keys(request["TagKeys"])
    given = {str(tag["Key"]): str(tag["Value"]) for tag in request.get("Tags") or ()}
    return request_tags(given) if given else {}


AUTHORIZATION: Authorization = {
    **dict.fromkeys(
        (
            "CreateHttpNamespace", "CreatePrivateDnsNamespace", "GetOperation", "ListNamespaces", "ListOperations",
            "ListServices",
        ),
        _anything,
    ),
    **dict.fromkeys(("DiscoverInstances", "DiscoverInstancesRevision"), _discover),
    **dict.fromkeys(
        ("DeleteNamespace", "GetNamespace", "UpdateHttpNamespace", "UpdatePrivateDnsNamespace"), _namespace
    ),
    "CreateService": _create_service,
    **dict.fromkeys(
        (
            "DeleteService", "DeleteServiceAttributes", "DeregisterInstance", "GetInstance",
            "GetInstancesHealthStatus", "GetService", "GetServiceAttributes", "ListInstances", "RegisterInstance",
            "UpdateInstanceCustomHealthStatus", "UpdateService", "UpdateServiceAttributes",
        ),
        _service,
    ),
    **dict.fromkeys(("ListTagsForResource", "TagResource", "UntagResource"), _by_arn),
}  # fmt: skip
