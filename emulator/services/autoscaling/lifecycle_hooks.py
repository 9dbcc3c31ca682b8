"""Lifecycle hooks: put, described, deleted, and the actions of instances that wait completed or prolonged.

Rows only: control has instances wait. Messages are unconfirmed unless marked as observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.capacity.auto_scaling_group import AutoScalingGroup
from emulator.domain.capacity.autoscaling_errors import ValidationError
from emulator.domain.capacity.lifecycle_hook import (
    ABANDON,
    CONTINUE,
    LAUNCHING,
    RESULTS,
    TRANSITIONS,
    LifecycleAction,
    LifecycleHook,
)
from emulator.services.autoscaling import finding
from emulator.services.autoscaling.lifecycle_hook_request import put_hook
from emulator.store.autoscaling_tables import LIFECYCLE_ACTIONS, LIFECYCLE_HOOKS
from emulator.store.lifecycle_hooks import hooks_of
from emulator.wire.call import Call

Request = Mapping[str, Any]


def put_lifecycle_hook(call: Call, request: Request) -> dict[str, Any]:
    """A new one, or a change of one: for instances that have not begun to wait."""
    put_hook(call, finding.changeable(call, request["AutoScalingGroupName"]), request)
    return {}


def describe_lifecycle_hooks(call: Call, request: Request) -> dict[str, Any]:
    """What ECS has put there for managed draining, too; names that nobody has are left out."""
    group = finding.group(call, request["AutoScalingGroupName"])
    asked = request.get("LifecycleHookNames")
    return {"LifecycleHooks": [_shown(h) for h in hooks_of(call.reader, group) if not asked or h.name in asked]}


def describe_lifecycle_hook_types(call: Call, request: Request) -> dict[str, Any]:
    return {"LifecycleHookTypes": list(TRANSITIONS)}


def delete_lifecycle_hook(call: Call, request: Request) -> dict[str, Any]:
    """Instances that wait for it go on: those that are launched are abandoned."""
    group = finding.changeable(call, request["AutoScalingGroupName"])
    name = request["LifecycleHookName"]
    if call.tx.get(LIFECYCLE_HOOKS, group.account, group.region, group.name, name) is None:
        raise ValidationError(f"No lifecycle hook found with name {name[:255]} in Auto Scaling group {group.name}.")
    call.tx.delete(LIFECYCLE_HOOKS, group.account, group.region, group.name, name)
    for action in _actions(call, group, name):
        if action.result is None:
            result = ABANDON if action.transition == LAUNCHING else CONTINUE
            call.tx.put(LIFECYCLE_ACTIONS, replace(action, result=result))
    return {}


def complete_lifecycle_action(call: Call, request: Request) -> dict[str, Any]:
    if request["LifecycleActionResult"] not in RESULTS:
        raise ValidationError(f"LifecycleActionResult must be one of {', '.join(RESULTS)}.")
    action = _waited_for(call, request)
    call.tx.put(LIFECYCLE_ACTIONS, replace(action, result=request["LifecycleActionResult"]))
    return {}


def record_lifecycle_action_heartbeat(call: Call, request: Request) -> dict[str, Any]:
    """It may wait its heartbeat timeout again, from now; not beyond the global timeout."""
    action = _waited_for(call, request)
    call.tx.put(LIFECYCLE_ACTIONS, replace(action, due=max(action.due, call.now + action.heartbeat_s)))
    return {}


def _waited_for(call: Call, request: Request) -> LifecycleAction:
    """The action that an instance waits for, by its token or the instance's id."""
    group = finding.group(call, request["AutoScalingGroupName"])
    token, instance_id = request.get("LifecycleActionToken"), request.get("InstanceId")
    if not token and not instance_id:
        raise ValidationError("Either LifecycleActionToken or InstanceId must be specified.")
    for action in _actions(call, group, request["LifecycleHookName"]):
        if action.result is None and token in (None, action.token) and instance_id in (None, action.instance_id):
            return action
    what = f"instance ID {instance_id[:64]}" if instance_id else f"token {str(token)[:64]}"
    raise ValidationError(f"No active Lifecycle Action found with {what}")  # observed


def _actions(call: Call, group: AutoScalingGroup, hook: str) -> list[LifecycleAction]:
    here: dict[str, Any] = {"account": group.account, "region": group.region, "scaling_group": group.name}
    return [action for action in call.tx.find(LIFECYCLE_ACTIONS, **here) if action.hook == hook]


def _shown(hook: LifecycleHook) -> dict[str, Any]:
    shown = {
        "LifecycleHookName": hook.name,
        "AutoScalingGroupName": hook.scaling_group,
        "LifecycleTransition": hook.transition,
        "HeartbeatTimeout": hook.heartbeat_s,
        "GlobalTimeout": hook.global_timeout_s,
        "DefaultResult": hook.default_result,
    }
    return {**shown, **({"NotificationMetadata": hook.metadata} if hook.metadata else {})}
