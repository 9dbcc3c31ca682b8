"""A container instance that changed by itself: the record with its new version, and an "ECS Container Instance State
Change" with what EventBridge would be told.

Source: Amazon ECS developer guide, "Amazon ECS container instance state change events".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from emulator.domain.container_instance import ContainerInstance
from emulator.domain.container_instance_shape import container_instance_event
from emulator.events import journal
from emulator.store.database import Transaction
from emulator.store.ecs_tables import CONTAINER_INSTANCES
from emulator.store.instance_capacity import load_of

STATE_CHANGE: Final = "ECS Container Instance State Change"
"""The journal's kind of these entries, and EventBridge's detail-type."""


def write_instance(tx: Transaction, changed: ContainerInstance, at: float) -> ContainerInstance:
    """Gives the record with the version that it now has."""
    changed = replace(changed, version=changed.version + 1)
    tx.put(CONTAINER_INSTANCES, changed)
    journal.append(
        tx,
        at=at,
        account=changed.account,
        region=changed.region,
        kind=STATE_CHANGE,
        subject=changed.arn,
        detail=container_instance_event(changed, load_of(tx, changed), at),
    )
    return changed
