"""Which tasks of a service answer behind its endpoints now, and so what the proxies of others know. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from emulator.domain.service_connect.endpoint import Connected, Endpoint
from emulator.domain.service_connect.proxy import ProxiedAlias
from emulator.domain.service_scheduler.service import Service
from emulator.domain.service_scheduler.service_tasks import runs_well
from emulator.domain.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Answer:
    """A task that answers behind an endpoint, and where."""

    task: Task
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Behind:
    """An endpoint as it is now, and who answers there."""

    endpoint: Endpoint
    answers: tuple[Answer, ...]


BehindAll = Mapping[tuple[str, str, str], Behind]
"""By cluster, service and discovery name."""


def offered(service: Service) -> list[Endpoint]:
    """The endpoints of its PRIMARY deployment."""
    if service.status != "ACTIVE":
        return []
    primary = next((d for d in service.deployments if d.status == "PRIMARY"), None)
    return list(primary.connect.endpoints) if primary is not None and primary.connect is not None else []


def kept_names(service: Service) -> set[str]:
    """Discovery names of all its deployments, and of the one that a rollback would go back to."""
    deployments = [*service.deployments, *([service.completed] if service.completed else [])]
    return {endpoint.discovery_name for d in deployments if d.connect for endpoint in d.connect.endpoints}


def behind(service: Service, tasks: Iterable[Task]) -> list[Behind]:
    """Each endpoint with the tasks that are RUNNING, wanted so, and that no health check speaks against; while a
    blue/green deployment is under way, those of the side that has the production traffic. A task listens where its own
    deployment says. In the order of the tasks' ids."""
    ready = sorted((task for task in tasks if _is_ready(service, task)), key=lambda task: task.id)
    ports = {
        (d.id, endpoint.discovery_name): endpoint.container_port
        for d in service.deployments
        if d.connect is not None
        for endpoint in d.connect.endpoints
    }
    return [
        Behind(
            endpoint,
            tuple(
                Answer(task, task.eni.private_ip, port)
                for task in ready
                if task.eni is not None
                and task.eni.private_ip
                and (port := ports.get((task.deployment_id or "", endpoint.discovery_name)))
            ),
        )
        for endpoint in offered(service)
    ]


def proxied(connected: Connected, there: BehindAll) -> tuple[ProxiedAlias, ...]:
    """What the proxy of a task knows. An alias whose endpoint is gone stays, with nobody behind it: its name still
    resolves."""
    found = []
    for alias in connected.aliases:
        known = there.get((*alias.owner, alias.discovery_name))
        found.append(
            ProxiedAlias(
                alias.name,
                alias.address,
                alias.port,
                known.endpoint.protocol if known else "tcp",
                known.endpoint.idle_s if known else 0,
                tuple((answer.address, answer.port) for answer in known.answers) if known else (),
            )
        )
    return tuple(found)


def _is_ready(service: Service, task: Task) -> bool:
    wanted = task.desired_status == "RUNNING" and service.serving in (None, task.deployment_id)
    return wanted and runs_well(task)
