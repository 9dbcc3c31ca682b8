"""Every write of an EC2 instance that may change its state, and what EventBridge is told of it and of its group."""

from __future__ import annotations

from typing import Any

from emulator.domain.capacity.auto_scaling_group import AutoScalingGroup, ScalingActivity
from emulator.domain.capacity.ec2_instance import Ec2Instance
from emulator.domain.capacity.lifecycle_hook import LifecycleAction, LifecycleHook
from emulator.domain.networks.ec2_events import (
    activity_ended,
    interruption_warning,
    lifecycle_action_begun,
    state_changed,
)
from emulator.events import journal
from emulator.store.database import Transaction
from emulator.store.ec2_tables import INSTANCES


def add_ec2_instance(tx: Transaction, new: Ec2Instance, at: float) -> None:
    tx.insert(INSTANCES, new)
    _tell(tx, new.account, new.region, state_changed(new, at), at)


def write_ec2_instance(tx: Transaction, before: Ec2Instance, after: Ec2Instance, at: float) -> None:
    tx.put(INSTANCES, after)
    if after.state != before.state:
        _tell(tx, after.account, after.region, state_changed(after, at), at)


def tell_interruption(tx: Transaction, instance: Ec2Instance, at: float) -> None:
    """Spot takes it in two minutes."""
    _tell(tx, instance.account, instance.region, interruption_warning(instance, at), at)


def tell_activity(tx: Transaction, activity: ScalingActivity, at: float) -> None:
    """A group's activity has ended. EventBridge hears of launches and terminations alone."""
    if not activity.description.startswith(("Launching", "Terminating")):
        return
    _tell(tx, activity.account, activity.region, activity_ended(activity, at), at)


def tell_lifecycle_action(
    tx: Transaction, group: AutoScalingGroup, hook: LifecycleHook, action: LifecycleAction, at: float
) -> None:
    """An instance begins to wait for a hook."""
    _tell(tx, group.account, group.region, lifecycle_action_begun(group, hook, action, at), at)


def _tell(tx: Transaction, account: str, region: str, event: dict[str, Any], at: float) -> None:
    subject = " ".join(event["resources"])
    journal.append(tx, at=at, account=account, region=region, kind="eventbridge", subject=subject, detail=event)
