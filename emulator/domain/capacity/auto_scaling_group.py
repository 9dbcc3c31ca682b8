"""Auto Scaling groups: what one is, and what it does to have as many instances as it should. Pure.

`next_step` decides; who needs more or fewer instances (a user, a capacity provider) is not known here.
Source: Amazon EC2 Auto Scaling user guide: "Availability Zone distribution" (new instances go where there are fewest),
"Default termination policy" (one of the zone with most instances; the oldest launch template or configuration, then the
oldest instance), "Instance scale-in protection". Texts of activities as the guide's examples have them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from emulator.domain.capacity.ec2_instance import Ec2Instance

PROCESSES: Final = (
    "AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck", "InstanceRefresh", "Launch",
    "ReplaceUnhealthy", "ScheduledActions", "Terminate",
)  # fmt: skip
"""Of every group (user guide, "Suspend and resume Amazon EC2 Auto Scaling processes")."""
ACTING_PROCESSES: Final = ("AlarmNotification", "Launch", "ReplaceUnhealthy", "Terminate")
"""Those that a group here has: AlarmNotification is managed scaling's, ReplaceUnhealthy SetInstanceHealth's."""


@dataclass(frozen=True, slots=True)
class GroupTag:
    key: str
    value: str
    propagate: bool


@dataclass(frozen=True, slots=True)
class AutoScalingGroup:
    """`template`: LaunchTemplate's members; `mixed`: MixedInstancesPolicy as given. One of these and
    `launch_configuration` says what instances are made from. `zones` and `subnets` go together; without subnets of its
    own a group has its zones' default ones. `echoed`: members that are kept and shown."""

    account: str
    region: str
    name: str
    arn: str
    minimum: int
    maximum: int
    desired: int
    created_at: float
    zones: list[str]
    subnets: list[str] = field(default_factory=list)
    launch_configuration: str | None = None
    template: dict[str, str] | None = None
    mixed: dict[str, Any] | None = None
    protects_new: bool = False
    tags: list[GroupTag] = field(default_factory=list)
    echoed: dict[str, Any] = field(default_factory=dict)
    status: str | None = None  # Delete in progress
    processes_suspended: dict[str, float] = field(default_factory=dict)  # since when
    cause: str = ""  # why the desired capacity is what it is, for the activities
    retry_at: float | None = None  # no launch before this: the last could not be done


@dataclass(frozen=True, slots=True)
class LaunchConfiguration:
    """`members`: as given; ImageId and InstanceType among them."""

    account: str
    region: str
    name: str
    arn: str
    created_at: float
    members: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ScalingActivity:
    """One launch, or one termination. `number` counts a group's activities."""

    account: str
    region: str
    scaling_group: str
    group_arn: str
    id: str
    number: int
    description: str
    cause: str
    started_at: float
    status: str  # Successful, InProgress, Failed
    ended_at: float | None = None
    instance_id: str = ""
    status_message: str | None = None
    details: str = "{}"


@dataclass(frozen=True, slots=True)
class Step:
    """What a group does now: a launch for each of `zones`, and whom it lets go. `stuck`: why it cannot shrink."""

    zones: tuple[str, ...] = ()
    leaving: tuple[Ec2Instance, ...] = ()
    stuck: str | None = None
    because: str = ""


PROTECTED_REMAIN = "Could not scale to desired capacity because all remaining instances are protected from scale in."


def next_step(group: AutoScalingGroup, instances: Sequence[Ec2Instance]) -> Step:
    """Asked again before anything changed it answers the same; after its launches and terminations, with nothing."""
    live = [instance for instance in instances if instance.live]
    if group.status is not None:
        standing_by = [instance for instance in instances if instance.lifecycle == "Standby" and instance.up]
        return Step(leaving=(*live, *standing_by), because="the group is being deleted")
    missing = group.desired - len(live)
    if missing > 0 and "Launch" in group.processes_suspended:
        return Step(because="launches are suspended")
    if missing < 0 and "Terminate" in group.processes_suspended:
        return Step(because="terminations are suspended")
    if missing > 0:
        zones = _zones_for(group, live, missing)
        return Step(zones=zones, because=f"{len(live)} of {group.desired} instances are there")
    if missing < 0:
        leaving = _surplus(live, -missing)
        stuck = PROTECTED_REMAIN if len(leaving) < -missing else None
        return Step(leaving=leaving, stuck=stuck, because=f"{len(live)} instances, {group.desired} are desired")
    return Step(because=f"{len(live)} instances, as desired")


def _zones_for(group: AutoScalingGroup, live: Sequence[Ec2Instance], count: int) -> tuple[str, ...]:
    """Each launch goes to the zone with the fewest; among equals the first."""
    have = Counter(dict.fromkeys(group.zones, 0))
    have.update(instance.zone for instance in live if instance.zone in have)
    chosen = []
    for _ in range(count):
        zone = min(group.zones, key=lambda name: have[name])
        have[zone] += 1
        chosen.append(zone)
    return tuple(chosen)


def _surplus(live: Sequence[Ec2Instance], count: int) -> tuple[Ec2Instance, ...]:
    left = list(live)
    chosen: list[Ec2Instance] = []
    for _ in range(count):
        free = [instance for instance in left if not instance.protected]
        if not free:
            break
        have = Counter(instance.zone for instance in left)
        fullest = max(have[instance.zone] for instance in free)
        there = [instance for instance in free if have[instance.zone] == fullest]
        first = min(there, key=lambda instance: (_version(instance), instance.launched_at, instance.id))
        left.remove(first)
        chosen.append(first)
    return tuple(chosen)


def _version(instance: Ec2Instance) -> int:
    number = instance.made_from.get("Version", "")
    return int(number) if number.isdecimal() else 0


def clamped(group: AutoScalingGroup, desired: int) -> int:
    """Within the group's bounds."""
    return max(group.minimum, min(group.maximum, desired))
