"""One image per deployment: the first task of a deployment that resolves a tag pins its digest for all others.

It keeps what was pinned, in the deployment and in its service revision; who looks for images asks it. A container
whose versionConsistency is disabled pins nothing.
Source: AWS developer guide "Container image resolution for Amazon ECS services".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.service_scheduler.service import Deployment, Service
from emulator.domain.tasks.task import Task
from emulator.store.database import Database, Reader
from emulator.store.ecs_tables import SERVICE_REVISIONS, SERVICES


def pins(definition: Mapping[str, Any]) -> bool:
    """Whether a container of this definition runs the same image throughout a deployment."""
    return definition.get("versionConsistency") != "disabled"


class ImagePins:
    def __init__(self, database: Database) -> None:
        self._database = database

    def pinned(self, task: Task, container: str) -> str | None:
        """The digest that the task's deployment has pinned for a container."""
        with self._database.read() as reader:
            _, deployment = _deployment(reader, task)
        return None if deployment is None else deployment.image_digests.get(container)

    def pin(self, task: Task, container: str, digest: str) -> str:
        """The digest that the deployment runs from now on: this one, or the one that another task pinned before."""
        with self._database.write() as tx:
            service, deployment = _deployment(tx, task)
            if service is None or deployment is None:
                return digest
            known = deployment.image_digests.get(container)
            if known is not None:
                return known
            pinned = replace(deployment, image_digests={**deployment.image_digests, container: digest})
            others = [pinned if d.id == pinned.id else d for d in service.deployments]
            tx.put(SERVICES, replace(service, deployments=others))
            key = (service.account, service.region, service.cluster, service.name, deployment.number)
            revision = tx.get(SERVICE_REVISIONS, *key)
            if revision is not None:
                tx.put(SERVICE_REVISIONS, replace(revision, digests=pinned.image_digests))
        return digest


def _deployment(reader: Reader, task: Task) -> tuple[Service | None, Deployment | None]:
    if task.service is None:
        return None, None
    service = reader.get(SERVICES, task.account, task.region, task.cluster, task.service)
    if service is None:
        return None, None
    return service, next((d for d in service.deployments if d.id == task.deployment_id), None)
