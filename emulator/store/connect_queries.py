"""Service Connect as the tables have it: the services of a namespace, who answers there, and what a task knows."""

from __future__ import annotations

from emulator.domain.service_connect.answering import Behind, behind, offered
from emulator.domain.service_connect.endpoint import Connected, Endpoint
from emulator.domain.service_scheduler.service import Service
from emulator.domain.tasks.task import Task
from emulator.store.database import Reader
from emulator.store.ecs_tables import SERVICES, TASKS


def services_in(reader: Reader, account: str, region: str, namespace: str) -> list[Service]:
    """The ACTIVE ones of all clusters, by the namespace's ARN."""
    return reader.find(SERVICES, account=account, region=region, namespace=namespace, status="ACTIVE")


def offers_in(reader: Reader, account: str, region: str, namespace: str) -> dict[tuple[str, str], list[Endpoint]]:
    """What they offer, by cluster and name."""
    return {(s.cluster, s.name): offered(s) for s in services_in(reader, account, region, namespace)}


def tasks_in(reader: Reader, service: Service) -> list[Task]:
    """Those that have not stopped."""
    found = reader.find(
        TASKS,
        account=service.account,
        region=service.region,
        cluster=service.cluster,
        service=service.name,
        released=False,
    )
    return [task for task in found if not task.stopped]


def behind_in(reader: Reader, account: str, region: str, namespace: str) -> dict[tuple[str, str, str], Behind]:
    """Who answers now, by cluster, service and discovery name."""
    return {
        (service.cluster, service.name, each.endpoint.discovery_name): each
        for service in services_in(reader, account, region, namespace)
        for each in behind(service, tasks_in(reader, service))
    }


def connected_of(reader: Reader, task: Task) -> Connected | None:
    """What its deployment has of Service Connect; None without, or when its deployment is gone."""
    if task.connect is None or task.service is None:
        return None
    service = reader.get(SERVICES, task.account, task.region, task.cluster, task.service)
    deployments = service.deployments if service is not None else []
    return next((d.connect for d in deployments if d.id == task.deployment_id), None)
