"""Instances of a group that wait for lifecycle hooks: their actions are begun and told, and how they ended is seen.

What follows from that is auto_scaling_groups.py's; when an action has ended is domain/capacity/lifecycle_hook.py's.
"""

from __future__ import annotations

from dataclasses import replace

from emulator.domain.capacity.auto_scaling_group import AutoScalingGroup
from emulator.domain.capacity.ec2_instance import Ec2Instance
from emulator.domain.capacity.lifecycle_hook import DRAINING_HOOK, Outcome, new_action, outcome
from emulator.events.ec2_changes import tell_lifecycle_action
from emulator.ids import Ids
from emulator.store.autoscaling_tables import LIFECYCLE_ACTIONS
from emulator.store.database import Transaction
from emulator.store.ec2_tables import INSTANCES
from emulator.store.lifecycle_hooks import actions_of, hooks_of


def begun(
    tx: Transaction, group: AutoScalingGroup, instance: Ec2Instance, transition: str, ids: Ids, now: float
) -> Ec2Instance:
    """An action for each hook of the transition, once; the hooks are those of the moment when the wait begins."""
    if instance.hooked == transition:
        return instance
    for hook in hooks_of(tx, group):
        if hook.transition == transition:
            action = new_action(hook, instance.id, ids.uuid(), now)
            tx.put(LIFECYCLE_ACTIONS, action)  # of a hook that was for launches there may be one still
            tell_lifecycle_action(tx, group, hook, action, now)
    waiting = replace(instance, hooked=transition)
    tx.put(INSTANCES, waiting)
    return waiting


def ended(tx: Transaction, instance: Ec2Instance, transition: str, now: float, *, drained: bool = False) -> Outcome:
    """`drained`: ECS completes its own action."""
    actions = actions_of(tx, instance, transition)
    if drained:
        actions = [action for action in actions if action.hook != DRAINING_HOOK]
    return outcome(actions, now)


def drains(tx: Transaction, instance: Ec2Instance, transition: str, now: float) -> bool:
    """Whether ECS waits for the instance's tasks."""
    own = [action for action in actions_of(tx, instance, transition) if action.hook == DRAINING_HOOK]
    return bool(own) and outcome(own, now).result is None
