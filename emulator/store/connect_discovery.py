"""The endpoints of Service Connect in AWS Cloud Map: a service for each discovery name, an instance for each task that
answers. ECS makes them, and takes them away with the service."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from emulator.domain.discovery.namespace import ECS_TAG, Namespace
from emulator.domain.discovery.service import DiscoveryService
from emulator.domain.service_connect.answering import Answer, behind, kept_names
from emulator.domain.service_connect.endpoint import Connected, Endpoint
from emulator.domain.service_scheduler.service import Service
from emulator.ids import Ids
from emulator.store.connect_queries import services_in, tasks_in
from emulator.store.database import Reader, Transaction
from emulator.store.discovery import (
    deregister,
    ensure_service,
    find_namespace,
    find_service,
    instances_of,
    register,
    remove_service,
    services_of,
)


@dataclass(frozen=True, slots=True)
class Registration:
    """What Cloud Map is to say of an instance, by the task's id; `attributes` None: nothing more. Without an instance
    the service itself goes."""

    service: DiscoveryService
    instance: str | None = None
    attributes: dict[str, str] | None = None


def make_endpoints(
    tx: Transaction, ids: Ids, namespace: Namespace, endpoints: Iterable[Endpoint], now: float, partition: str
) -> None:
    """A service in Cloud Map for each endpoint that has none."""
    for endpoint in endpoints:
        ensure_service(tx, ids, namespace, endpoint.discovery_name, now, partition=partition)


def drop_endpoints(tx: Transaction, service: Service) -> None:
    """What ECS made in Cloud Map for a service that is deleted."""
    connected = next((d.connect for d in service.deployments if d.connect is not None), None)
    namespace = _namespace_of(tx, service, connected)
    for name in sorted(kept_names(service)) if namespace is not None else ():
        found = find_service(tx, namespace, name) if namespace is not None else None
        if found is not None and is_of_ecs(found):
            remove_service(tx, found)


def resources_of(reader: Reader, service: Service, connected: Connected) -> list[dict[str, str]]:
    """serviceConnectResources of a deployment."""
    namespace = _namespace_of(reader, service, connected)
    if namespace is None:
        return []
    found = [(e.discovery_name, find_service(reader, namespace, e.discovery_name)) for e in connected.endpoints]
    return [{"discoveryName": name, "discoveryArn": made.arn} for name, made in found if made is not None]


def registrations(reader: Reader, namespace: Namespace) -> list[Registration]:
    """What Cloud Map does not say yet of the tasks that answer in the namespace, and what it says too much."""
    made = {service.name: service for service in services_of(reader, namespace) if is_of_ecs(service)}
    kept: set[str] = set()
    changes: list[Registration] = []
    for service in services_in(reader, namespace.account, namespace.region, namespace.arn):
        kept |= kept_names(service)
        for each in behind(service, tasks_in(reader, service)):
            discovery = made.get(each.endpoint.discovery_name)
            if discovery is not None:
                changes += _of_endpoint(reader, service, discovery, each.answers)
    return [*changes, *(Registration(discovery) for name, discovery in made.items() if name not in kept)]


def carry_out(tx: Transaction, changes: Iterable[Registration], now: float) -> None:
    for change in changes:
        if change.instance is None:
            remove_service(tx, change.service)
        elif change.attributes is None:
            deregister(tx, change.service, change.instance)
        else:
            register(tx, change.service, change.instance, change.attributes, now)


def is_of_ecs(service: DiscoveryService) -> bool:
    return ECS_TAG.items() <= service.tags.items()


def _of_endpoint(
    reader: Reader, service: Service, discovery: DiscoveryService, answers: Iterable[Answer]
) -> list[Registration]:
    known = {instance.id: instance.attributes for instance in instances_of(reader, discovery)}
    wanted = {answer.task.id: _attributes(service, answer) for answer in answers}
    return [
        *(Registration(discovery, id_, said) for id_, said in wanted.items() if known.get(id_) != said),
        *(Registration(discovery, id_) for id_ in known if id_ not in wanted),
    ]


def _attributes(service: Service, answer: Answer) -> dict[str, str]:
    attributes = {
        "AWS_INSTANCE_IPV4": answer.address,
        "AWS_INSTANCE_PORT": str(answer.port),
        "AVAILABILITY_ZONE": answer.task.availability_zone or "",
        "REGION": service.region,
        "ECS_CLUSTER_NAME": service.cluster,
        "ECS_SERVICE_NAME": service.name,
        "ECS_TASK_DEFINITION_FAMILY": answer.task.family,
    }
    return {name: value for name, value in attributes.items() if value}


def _namespace_of(reader: Reader, service: Service, connected: Connected | None) -> Namespace | None:
    if connected is None:
        return None
    return find_namespace(reader, service.account, service.region, connected.namespace)
