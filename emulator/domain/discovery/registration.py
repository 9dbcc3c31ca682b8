"""Amazon ECS service discovery: what a service registry may say, and which instance of Cloud Map a task is. Pure.

Sources: ECS API model (ServiceRegistry); Amazon ECS developer guide, "Use service discovery to connect Amazon ECS
services with DNS names". Messages are observed unless marked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from emulator.domain.discovery.instance import IPV4, PORT
from emulator.domain.discovery.registry import Registry
from emulator.domain.discovery.service import DiscoveryService
from emulator.domain.errors import InvalidParameterException
from emulator.domain.networks.host_ports import EVERYWHERE
from emulator.domain.tasks.task import Task

Members = Mapping[str, Any]

LOOPBACK: Final = "127.0.0.1"


def check_registry(given: Members, definition: Members, service: DiscoveryService | None) -> None:
    """One of serviceRegistries[]; `service` is the Cloud Map service of its ARN. InvalidParameterException."""
    arn = given.get("registryArn")
    if not arn or service is None:  # unconfirmed
        raise InvalidParameterException(f"The service registry {arn or ''} does not exist.")
    types = service.dns.types if service.dns else frozenset[str]()
    if types & {"AAAA", "CNAME"}:  # unconfirmed; the developer guide: A and SRV records only
        raise InvalidParameterException(
            f"Service discovery supports DNS records of type A and SRV only. Registry: {arn}"
        )
    named = given.get("containerName") is not None or given.get("containerPort") is not None
    if given.get("port") is not None and named:
        raise InvalidParameterException(
            "Specify a value for either 'port' or the 'containerName' and 'containerPort' combination, but not both. "
            "Remove one and retry."
        )
    if definition.get("networkMode") != "awsvpc":
        if given.get("containerName") is None or given.get("containerPort") is None:
            raise InvalidParameterException(
                "When specifying 'host' or 'bridge' for networkMode, values for 'containerName' and 'containerPort' "
                f"must be specified from the task definition. Registry: {arn}"
            )
    else:
        _check_interface(given, types, str(arn))
    if named:
        _check_container(given, definition)


def _check_interface(given: Members, types: frozenset[str], arn: str) -> None:
    """A port is told in SRV records, and by the API."""
    if "SRV" in types:
        if given.get("port") is None and given.get("containerPort") is None:  # unconfirmed
            raise InvalidParameterException(
                "When specifying 'awsvpc' for networkMode, a value for 'port' or values for 'containerName' and "
                f"'containerPort' must be specified for DNS records of type SRV. Registry: {arn}"
            )
        return
    for member in ("containerPort", "containerName", "port") if types else ():
        if given.get(member) is not None:
            raise InvalidParameterException(
                f"The values specified for serviceRegistries do not require a value for '{member}'. Remove the value "
                f"and retry. Registry: {arn}"
            )


def _check_container(given: Members, definition: Members) -> None:
    name, port = given.get("containerName"), given.get("containerPort")
    container = next((c for c in definition.get("containerDefinitions", ()) if c["name"] == name), None)
    if container is None:
        raise InvalidParameterException(f"The container {name} does not exist in the task definition.")
    if not any(m.get("containerPort") == port for m in container.get("portMappings") or ()):
        raise InvalidParameterException(f"The container {name} did not have a container port {port} defined.")


@dataclass(frozen=True, slots=True)
class Registration:
    """An instance as Cloud Map should have it; `healthy` is None for a service without a custom health check."""

    attributes: dict[str, str]
    healthy: bool | None


def registration(task: Task, service: DiscoveryService, ec2_instance: str | None) -> Registration | None:
    """The task's instance in its registry; None when it is not to be there: it does not run, or is to stop.

    A task with a health check is UNHEALTHY until the check has passed.
    """
    registry = task.registry
    if registry is None or task.last_status != "RUNNING" or task.desired_status != "RUNNING":
        return None
    address, port = _place(task, registry)
    if address is None:
        return None
    attributes = {
        IPV4: address,
        PORT: None if port is None else str(port),
        "AVAILABILITY_ZONE": task.availability_zone,
        "REGION": task.region,
        "ECS_CLUSTER_NAME": task.cluster,
        "ECS_SERVICE_NAME": task.service,
        "ECS_TASK_DEFINITION_FAMILY": task.family,
        "EC2_INSTANCE_ID": ec2_instance,
        "ECS_TASK_SET_EXTERNAL_ID": registry.external_id,
    }
    told = {name: value for name, value in attributes.items() if value}
    return Registration(told, _healthy(task) if service.custom_health else None)


def _place(task: Task, registry: Registry) -> tuple[str | None, int | None]:
    """Where the task is reached. Without an interface of its own it is on a port of the host: a dynamic one may not be
    known yet, and then nothing is told."""
    if task.eni is not None:
        return task.eni.private_ip, registry.port or registry.container_port
    if task.network_mode == "host":
        return LOOPBACK, registry.container_port
    bindings = [b for c in task.containers if c.name == registry.container for b in c.network_bindings]
    for binding in bindings:
        for inside, outside in binding.ports:
            if inside == registry.container_port:
                return (LOOPBACK if binding.bind_ip == EVERYWHERE else binding.bind_ip), outside
    return None, None


def _healthy(task: Task) -> bool:
    checked = [c for c in task.containers if c.essential and c.has_health_check]
    return all(c.health_status == "HEALTHY" for c in checked)
