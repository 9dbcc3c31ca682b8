"""Every write of a container instance that AWS tells of: the record with its new version, and an "ECS Container
Instance State Change" with what EventBridge would be told.

It was registered or deregistered, its status, its agent or the agent's connection changed, a task took of its
resources or gave them back. Attributes, tags and capacity providers that change are no such event, and no new version.
Source: Amazon ECS developer guide, "Amazon ECS container instance state change events".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from emulator.domain.capacity.container_instance import ContainerInstance
from emulator.domain.capacity.container_instance_shape import container_instance_event
from emulator.events import journal
from emulator.store.database import Transaction
from emulator.store.ecs_tables import CONTAINER_INSTANCES
from emulator.store.instance_capacity import instance_named, load_of

STATE_CHANGE: Final = "ECS Container Instance State Change"
"""The journal's kind of these entries, and EventBridge's detail-type."""


def add_instance(tx: Transaction, new: ContainerInstance, at: float) -> None:
    """It has registered for the first time."""
    tx.insert(CONTAINER_INSTANCES, new)
    _tell(tx, new, at)


def write_instance(tx: Transaction, changed: ContainerInstance, at: float) -> ContainerInstance:
    """Gives the record with the version that it now has."""
    changed = replace(changed, version=changed.version + 1)
    tx.put(CONTAINER_INSTANCES, changed)
    _tell(tx, changed, at)
    return changed


def resources_changed(tx: Transaction, arn: str | None, at: float) -> None:
    """A task, whose record is written, has taken of the instance or has given back; None for a task on none. Of an
    instance that is gone nothing is told any more."""
    instance = instance_named(tx, arn) if arn is not None else None
    if instance is not None and instance.status != "INACTIVE":
        write_instance(tx, instance, at)


def _tell(tx: Transaction, instance: ContainerInstance, at: float) -> None:
    journal.append(
        tx,
        at=at,
        account=instance.account,
        region=instance.region,
        kind=STATE_CHANGE,
        subject=instance.arn,
        detail=container_instance_event(instance, load_of(tx, instance), at),
    )
