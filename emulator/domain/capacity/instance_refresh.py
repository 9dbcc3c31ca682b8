"""Instance refreshes: a group's instances are replaced a few at a time, so that enough of them stay in service. Pure.

Sources: EC2 Auto Scaling API model (RefreshPreferences, InstanceRefresh); Amazon EC2 Auto Scaling user guide, "How an
instance refresh works": what may be missing is the part of the desired capacity above MinHealthyPercentage, at least
one; a new instance counts when it is in service and has warmed up. Wordings of reasons are unconfirmed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from emulator.domain.capacity.auto_scaling_group import AutoScalingGroup
from emulator.domain.capacity.ec2_instance import Ec2Instance

ACTIVE: Final = ("Pending", "InProgress", "Cancelling")
WAITS_AT_MOST_S: Final = 3600.0
"""For protected instances and those in standby, until the refresh fails."""
DEFAULTS: Final = {
    "MinHealthyPercentage": 90,
    "SkipMatching": False,
    "AutoRollback": False,
    "ScaleInProtectedInstances": "Wait",
    "StandbyInstances": "Wait",
}


@dataclass(frozen=True, slots=True)
class InstanceRefresh:
    """`left`: ids of the instances that it has yet to replace, of `total`. `template`: LaunchTemplate's members that
    new instances are made from, and the group's once it has succeeded; None: the group's own."""

    account: str
    region: str
    scaling_group: str
    id: str
    started_at: float
    preferences: dict[str, Any]
    warmup_s: float
    status: str = "Pending"
    reason: str | None = None
    ended_at: float | None = None
    template: dict[str, str] | None = None
    left: list[str] = field(default_factory=list)
    total: int = 0
    blocked_since: float | None = None

    @property
    def active(self) -> bool:
        return self.status in ACTIVE


@dataclass(frozen=True, slots=True)
class RefreshStep:
    """`leaving` are replaced now; `left` to be replaced then. `blocked_since`: since when only protected instances and
    those in standby are left."""

    status: str
    leaving: tuple[Ec2Instance, ...] = ()
    left: tuple[str, ...] = ()
    reason: str | None = None
    blocked_since: float | None = None
    next_look: float | None = None


def refresh_step(
    refresh: InstanceRefresh, group: AutoScalingGroup, instances: Sequence[Ec2Instance], now: float
) -> RefreshStep:
    """What the refresh, InProgress or Cancelling, does now."""
    there = [i for i in instances if i.id in refresh.left and (i.live or (i.lifecycle == "Standby" and i.up))]
    counted = [instance for instance in instances if instance.live]
    steady = len(counted) == group.desired and all(instance.lifecycle == "InService" for instance in counted)
    moving = not steady or any((i.lifecycle or "").startswith("Terminating") for i in instances)
    names = tuple(instance.id for instance in there)
    if refresh.status == "Cancelling":
        return RefreshStep("Cancelling" if moving else "Cancelled", left=names, reason="Cancelled by the user.")
    free = [i for i in there if not _ignored(refresh, i)]
    if not free:
        due = max((_ready_at(refresh, instance) for instance in counted), default=now)
        if moving or now < due:
            return RefreshStep("InProgress", left=(), next_look=due if now < due else None)
        return RefreshStep("Successful")
    names = tuple(instance.id for instance in free)
    open_ = [instance for instance in free if not _waits(refresh, instance)]
    if not open_:
        since = now if refresh.blocked_since is None else refresh.blocked_since
        if now >= since + WAITS_AT_MOST_S:
            text = "Instances are protected from scale in or in standby; the refresh waited an hour for them."
            return RefreshStep("Failed", left=names, reason=text)
        return RefreshStep("InProgress", left=names, blocked_since=since, next_look=since + WAITS_AT_MOST_S)
    if {"InstanceRefresh", "Terminate", "Launch"} & group.processes_suspended.keys():
        return RefreshStep("InProgress", left=names)
    ready = [i for i in counted if i.lifecycle == "InService" and now >= _ready_at(refresh, i)]
    missing = max(0, group.desired - len(ready))
    leaving = tuple(
        sorted(open_, key=lambda i: (i.launched_at, i.id))[: max(0, _may_be_missing(refresh, group) - missing)]
    )
    gone = {instance.id for instance in leaving}
    warming = [at for instance in counted if (at := _ready_at(refresh, instance)) > now]
    return RefreshStep(
        "InProgress",
        leaving,
        tuple(name for name in names if name not in gone),
        next_look=min(warming, default=None),
    )


def _may_be_missing(refresh: InstanceRefresh, group: AutoScalingGroup) -> int:
    kept = -(-group.desired * int(refresh.preferences["MinHealthyPercentage"]) // 100)
    return max(1, group.desired - kept)


def _ready_at(refresh: InstanceRefresh, instance: Ec2Instance) -> float:
    """When it counts: at once, or a new one when it has warmed up."""
    return instance.launched_at + refresh.warmup_s if instance.launched_at >= refresh.started_at else 0.0


def _ignored(refresh: InstanceRefresh, instance: Ec2Instance) -> bool:
    if instance.lifecycle == "Standby":
        return bool(refresh.preferences["StandbyInstances"] == "Ignore")
    return instance.protected and bool(refresh.preferences["ScaleInProtectedInstances"] == "Ignore")


def _waits(refresh: InstanceRefresh, instance: Ec2Instance) -> bool:
    if instance.lifecycle == "Standby":
        return bool(refresh.preferences["StandbyInstances"] == "Wait")
    return instance.protected and bool(refresh.preferences["ScaleInProtectedInstances"] == "Wait")
