"""Lifecycle hooks of Auto Scaling groups: instances that are launched or terminated wait until somebody says go on.

Pure; the time is an argument. Sources: EC2 Auto Scaling API model (LifecycleHook, CompleteLifecycleAction); Amazon EC2
Auto Scaling user guide, "How lifecycle hooks work": every hook of a transition gets an action for each instance;
ABANDON ends the other actions, a launch that is abandoned is terminated, a termination goes on either way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

LAUNCHING: Final = "autoscaling:EC2_INSTANCE_LAUNCHING"
TERMINATING: Final = "autoscaling:EC2_INSTANCE_TERMINATING"
TRANSITIONS: Final = (LAUNCHING, TERMINATING)
CONTINUE: Final = "CONTINUE"
ABANDON: Final = "ABANDON"
RESULTS: Final = (CONTINUE, ABANDON)
HEARTBEAT_S: Final = (30, 7200)
"""The shortest and the longest heartbeat timeout."""
DEFAULT_HEARTBEAT_S: Final = 3600
GLOBAL_TIMEOUT_S: Final = 172_800
"""How long an instance waits at most, or 100 heartbeats if that is less."""
MAX_HOOKS: Final = 50
DRAINING_HOOK: Final = "ecs-managed-draining-termination-hook"
"""What ECS gives the group of a capacity provider with managed draining (Amazon ECS developer guide, "Managed instance
draining"; its timeout and default result are unconfirmed)."""


@dataclass(frozen=True, slots=True)
class LifecycleHook:
    account: str
    region: str
    scaling_group: str
    name: str
    transition: str
    heartbeat_s: int = DEFAULT_HEARTBEAT_S
    default_result: str = ABANDON
    metadata: str | None = None

    @property
    def global_timeout_s(self) -> int:
        return min(GLOBAL_TIMEOUT_S, 100 * self.heartbeat_s)


@dataclass(frozen=True, slots=True)
class LifecycleAction:
    """One instance waits for one hook. `due`: the heartbeat times out; `ends`: the wait ends at the latest."""

    account: str
    region: str
    scaling_group: str
    instance_id: str
    hook: str
    transition: str
    token: str
    due: float
    ends: float
    heartbeat_s: int
    default_result: str
    result: str | None = None


def draining_hook(account: str, region: str, group: str) -> LifecycleHook:
    """ECS itself completes its actions, when the last task has stopped."""
    return LifecycleHook(account, region, group, DRAINING_HOOK, TERMINATING, default_result=CONTINUE)


def new_action(hook: LifecycleHook, instance_id: str, token: str, now: float) -> LifecycleAction:
    # ECS sends heartbeats as long as tasks are there.
    first = hook.global_timeout_s if hook.name == DRAINING_HOOK else hook.heartbeat_s
    return LifecycleAction(
        account=hook.account,
        region=hook.region,
        scaling_group=hook.scaling_group,
        instance_id=instance_id,
        hook=hook.name,
        transition=hook.transition,
        token=token,
        due=now + first,
        ends=now + hook.global_timeout_s,
        heartbeat_s=hook.heartbeat_s,
        default_result=hook.default_result,
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """`result` None: the instance waits, at the latest until `next_look`. `because`: how an abandoned action ended."""

    result: str | None
    next_look: float | None = None
    because: str = ""


def outcome(actions: Sequence[LifecycleAction], now: float) -> Outcome:
    """Of all actions of an instance in one transition; without any it goes on."""
    waiting: list[float] = []
    for action in actions:
        due = min(action.due, action.ends)
        result = action.result
        if result is None and now >= due:
            result = action.default_result
        if result == ABANDON:
            how = "Lifecycle Action Completed with ABANDON Result" if action.result else "Heartbeat Timeout"
            return Outcome(ABANDON, None, f"Lifecycle Action with token {action.token} was abandoned: {how}")
        if result is None:
            waiting.append(due)
    return Outcome(None, min(waiting)) if waiting else Outcome(CONTINUE)
