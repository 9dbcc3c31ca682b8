"""Tables of EC2 Auto Scaling. A group's instances are EC2's rows, which name it."""

from __future__ import annotations

from emulator.domain.capacity.auto_scaling_group import AutoScalingGroup, LaunchConfiguration, ScalingActivity
from emulator.domain.capacity.instance_refresh import InstanceRefresh
from emulator.domain.capacity.lifecycle_hook import LifecycleAction, LifecycleHook
from emulator.domain.capacity.scaling_policy import ScalingPolicy
from emulator.store.tables import Table

GROUPS: Table[AutoScalingGroup] = Table(
    "autoscaling_groups",
    AutoScalingGroup,
    key=("account", "region", "name"),
    wakes=lambda group: [("auto_scaling_group", f"{group.account}/{group.region}/{group.name}")],
)
LAUNCH_CONFIGURATIONS: Table[LaunchConfiguration] = Table(
    "autoscaling_launch_configurations", LaunchConfiguration, key=("account", "region", "name")
)
ACTIVITIES: Table[ScalingActivity] = Table(
    "autoscaling_activities",
    ScalingActivity,
    key=("account", "region", "scaling_group", "number"),
    indexes=(("instance_id",), ("started_at",)),
)
LIFECYCLE_HOOKS: Table[LifecycleHook] = Table(
    "autoscaling_lifecycle_hooks", LifecycleHook, key=("account", "region", "scaling_group", "name")
)
LIFECYCLE_ACTIONS: Table[LifecycleAction] = Table(
    "autoscaling_lifecycle_actions",
    LifecycleAction,
    key=("account", "region", "scaling_group", "instance_id", "hook"),
    wakes=lambda action: [("auto_scaling_group", f"{action.account}/{action.region}/{action.scaling_group}")],
)
SCALING_POLICIES: Table[ScalingPolicy] = Table(
    "autoscaling_scaling_policies", ScalingPolicy, key=("account", "region", "scaling_group", "name")
)
INSTANCE_REFRESHES: Table[InstanceRefresh] = Table(
    "autoscaling_instance_refreshes",
    InstanceRefresh,
    key=("account", "region", "scaling_group", "id"),
    wakes=lambda refresh: [("auto_scaling_group", f"{refresh.account}/{refresh.region}/{refresh.scaling_group}")],
)

TABLES = (
    GROUPS,
    LAUNCH_CONFIGURATIONS,
    ACTIVITIES,
    LIFECYCLE_HOOKS,
    LIFECYCLE_ACTIONS,
    SCALING_POLICIES,
    INSTANCE_REFRESHES,
)
