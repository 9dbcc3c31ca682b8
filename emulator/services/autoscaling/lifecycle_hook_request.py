"""What asks for a lifecycle hook, PutLifecycleHook or a new group, once every rule has been applied; it is written.

Messages are unconfirmed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.capacity.auto_scaling_group import AutoScalingGroup
from emulator.domain.capacity.autoscaling_errors import LimitExceeded, ValidationError
from emulator.domain.capacity.lifecycle_hook import (
    DEFAULT_HEARTBEAT_S,
    DRAINING_HOOK,
    HEARTBEAT_S,
    MAX_HOOKS,
    RESULTS,
    TRANSITIONS,
    LifecycleHook,
)
from emulator.domain.errors import NotEmulatedYet
from emulator.store.autoscaling_tables import LIFECYCLE_HOOKS
from emulator.store.lifecycle_hooks import hooks_of
from emulator.wire.call import Call

Request = Mapping[str, Any]


def put_hook(call: Call, group: AutoScalingGroup, request: Request) -> None:
    name = request["LifecycleHookName"]
    if name == DRAINING_HOOK:
        raise ValidationError(f"The lifecycle hook {DRAINING_HOOK} is managed by Amazon ECS.")
    if request.get("NotificationTargetARN") or request.get("RoleARN"):
        raise NotEmulatedYet(
            "Homeport does not emulate NotificationTargetARN and RoleARN of lifecycle hooks (Amazon SNS and SQS) yet; "
            "`homeport events` has what EventBridge is told."
        )
    before = call.tx.get(LIFECYCLE_HOOKS, group.account, group.region, group.name, name)
    transition = request.get("LifecycleTransition") or (before.transition if before else None)
    if transition not in TRANSITIONS:
        raise ValidationError(f"LifecycleTransition must be one of {', '.join(TRANSITIONS)}.")
    own = before or LifecycleHook(group.account, group.region, group.name, name, transition)
    heartbeat = request.get("HeartbeatTimeout", own.heartbeat_s if before else DEFAULT_HEARTBEAT_S)
    if not HEARTBEAT_S[0] <= heartbeat <= HEARTBEAT_S[1]:
        raise ValidationError(f"HeartbeatTimeout must be between {HEARTBEAT_S[0]} and {HEARTBEAT_S[1]} seconds.")
    result = request.get("DefaultResult") or own.default_result
    if result not in RESULTS:
        raise ValidationError(f"DefaultResult must be one of {', '.join(RESULTS)}.")
    if before is None and len(hooks_of(call.tx, group)) >= MAX_HOOKS:
        raise LimitExceeded(f"The maximum number of lifecycle hooks ({MAX_HOOKS}) of {group.name} has been reached.")
    metadata = request.get("NotificationMetadata", own.metadata)
    hook = replace(own, transition=transition, heartbeat_s=heartbeat, default_result=result, metadata=metadata or None)
    call.tx.put(LIFECYCLE_HOOKS, hook)
