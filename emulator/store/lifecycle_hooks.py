"""Lifecycle hooks of a group, those of ECS among them, and the actions that instances wait for."""

from __future__ import annotations

from typing import Any

from emulator.domain.capacity.auto_scaling_group import AutoScalingGroup
from emulator.domain.capacity.ec2_instance import Ec2Instance
from emulator.domain.capacity.lifecycle_hook import LifecycleAction, LifecycleHook, draining_hook
from emulator.store.autoscaling_tables import INSTANCE_REFRESHES, LIFECYCLE_ACTIONS, LIFECYCLE_HOOKS, SCALING_POLICIES
from emulator.store.database import Reader, Transaction
from emulator.store.ecs_tables import CAPACITY_PROVIDERS


def hooks_of(reader: Reader, group: AutoScalingGroup) -> list[LifecycleHook]:
    """In the order of their names."""
    here: dict[str, Any] = {"account": group.account, "region": group.region, "scaling_group": group.name}
    found: list[LifecycleHook] = reader.find(LIFECYCLE_HOOKS, **here)
    providers = reader.find(CAPACITY_PROVIDERS, **here)
    if any(provider.active and provider.managed_draining for provider in providers):
        found = [*found, draining_hook(group.account, group.region, group.name)]
    return sorted(found, key=lambda hook: hook.name)


def actions_of(reader: Reader, instance: Ec2Instance, transition: str) -> list[LifecycleAction]:
    found: list[LifecycleAction] = reader.find(
        LIFECYCLE_ACTIONS,
        account=instance.account,
        region=instance.region,
        scaling_group=instance.scaling_group or "",
        instance_id=instance.id,
    )
    return [action for action in found if action.transition == transition]


def forget_actions(tx: Transaction, instance: Ec2Instance) -> None:
    """The instance waits no more."""
    here: dict[str, Any] = {"account": instance.account, "region": instance.region}
    for action in tx.find(
        LIFECYCLE_ACTIONS, **here, scaling_group=instance.scaling_group or "", instance_id=instance.id
    ):
        tx.delete(LIFECYCLE_ACTIONS, *here.values(), action.scaling_group, instance.id, action.hook)


def forget_settings(tx: Transaction, group: AutoScalingGroup) -> None:
    """The group is gone: its hooks, scaling policies and refreshes are, too."""
    here: dict[str, Any] = {"account": group.account, "region": group.region, "scaling_group": group.name}
    for hook in tx.find(LIFECYCLE_HOOKS, **here):
        tx.delete(LIFECYCLE_HOOKS, *here.values(), hook.name)
    for policy in tx.find(SCALING_POLICIES, **here):
        tx.delete(SCALING_POLICIES, *here.values(), policy.name)
    for refresh in tx.find(INSTANCE_REFRESHES, **here):
        tx.delete(INSTANCE_REFRESHES, *here.values(), refresh.id)
    for action in tx.find(LIFECYCLE_ACTIONS, **here):
        tx.delete(LIFECYCLE_ACTIONS, *here.values(), action.instance_id, action.hook)
