"""What a CreateService or UpdateService request asks of Service Connect, held against the namespace that is there.

It reads clusters, services and Cloud Map. What the members mean, and which are refused, is
domain/service_connect/configuration.py's. Wordings are unconfirmed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.domain.capacity.capacity_strategy import launch_type_in
from emulator.domain.capacity.cluster import Cluster
from emulator.domain.discovery.namespace import Namespace
from emulator.domain.ecs_errors import NamespaceNotFoundException
from emulator.domain.errors import InvalidParameterException
from emulator.domain.service_connect.answering import offered
from emulator.domain.service_connect.configuration import check_network_mode, check_unchanged, endpoints_of, is_on
from emulator.domain.service_connect.endpoint import Connected, Endpoint, client_aliases, taken_alias
from emulator.domain.service_scheduler.service import Service
from emulator.store.connect_discovery import make_endpoints
from emulator.store.connect_queries import offers_in
from emulator.store.discovery import find_namespace, find_service
from emulator.store.ecs_tables import namespace_key
from emulator.wire.call import Call


def connection(
    call: Call,
    cluster: Cluster,
    name: str,
    settings: Mapping[str, Any],
    definition: Mapping[str, Any],
    *,
    before: Service | None = None,
    anew: bool = True,
) -> Connected | None:
    """What a deployment with these settings has; None without Service Connect. `before`: the service as it was;
    `anew`: whether the request itself says what its configuration is."""
    if not is_on(settings):
        return None
    check_network_mode(definition)
    configuration = settings["serviceConnectConfiguration"]
    namespace = _namespace(call, cluster, configuration, None if anew else before)
    on_fargate = launch_type_in(settings) == "FARGATE"
    endpoints = endpoints_of(configuration, definition, namespace.name, on_fargate=on_fargate)
    if before is not None:
        check_unchanged(offered(before), endpoints)
    own = (cluster.name, name)
    offers = offers_in(call.reader, call.account, call.region, namespace.arn)
    mine = offers.pop(own, [])
    _check_free(call, namespace, endpoints, offers, {endpoint.discovery_name for endpoint in mine})
    for endpoint in endpoints:
        if endpoint.alias is None:
            call.warn(f"{endpoint.discovery_name} has no client alias, so that no task can name it")
    aliases = client_aliases({**offers, own: endpoints})
    return Connected(namespace.arn, endpoints, aliases, configuration.get("logConfiguration"))


def make_connection(call: Call, service: Service, before: Service | None = None) -> None:
    """The services in Cloud Map that the PRIMARY deployment's endpoints are registered with. What it had before in
    another namespace goes."""
    connected = service.primary.connect
    if before is not None and before.namespace not in (None, service.namespace):
        call.tx.wake(*namespace_key(before.account, before.region, str(before.namespace)))
    if connected is None:
        return
    namespace = find_namespace(call.reader, call.account, call.region, connected.namespace)
    if namespace is not None:
        partition = service.arn.split(":")[1]
        make_endpoints(call.tx, call.ids, namespace, connected.endpoints, call.now, partition)


def find_connected_namespace(call: Call, reference: str) -> Namespace:
    """By name or ARN; NamespaceNotFoundException."""
    namespace = find_namespace(call.reader, call.account, call.region, reference)
    if namespace is None:
        raise NamespaceNotFoundException("The specified namespace was not found.")
    return namespace


def _namespace(call: Call, cluster: Cluster, configuration: Mapping[str, Any], kept: Service | None) -> Namespace:
    """The one that is named; else the one that the service is in; else the cluster's default."""
    reference = configuration.get("namespace") or (kept.namespace if kept is not None else None)
    reference = reference or (cluster.service_connect_defaults or {}).get("namespace")
    if not reference:
        raise InvalidParameterException(
            "A namespace is required for Service Connect when the cluster has no default namespace."
        )
    return find_connected_namespace(call, reference)


def _check_free(
    call: Call,
    namespace: Namespace,
    endpoints: list[Endpoint],
    offers: Mapping[tuple[str, str], list[Endpoint]],
    mine: set[str],
) -> None:
    """Discovery names, and names with their ports, are unique in a namespace."""
    for endpoint in endpoints:
        name = endpoint.discovery_name
        others = any(other.discovery_name == name for each in offers.values() for other in each)
        if others or (name not in mine and find_service(call.reader, namespace, name) is not None):
            raise InvalidParameterException(
                f"The discoveryName {name} is already in use in the namespace {namespace.name}."
            )
    taken = taken_alias(endpoints, client_aliases(offers))
    if taken is not None:
        raise InvalidParameterException(
            f"The client alias {taken.name}:{taken.port} is already in use in the namespace {namespace.name}, by "
            f"service {taken.service}."
        )
