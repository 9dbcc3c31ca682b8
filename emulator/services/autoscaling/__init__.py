"""Amazon EC2 Auto Scaling, as far as the capacity providers of ECS use it: groups of virtual hosts.

Handlers write how many instances there should be; control launches and terminates them.
"""

from emulator.services.autoscaling import (
    activities,
    groups,
    instance_refreshes,
    instances,
    launch_configurations,
    lifecycle_hooks,
    policies,
    processes,
    standby,
    tags,
)
from emulator.services.autoscaling.authorization import AUTHORIZATION

MODULES = (
    groups,
    instance_refreshes,
    instances,
    activities,
    launch_configurations,
    lifecycle_hooks,
    policies,
    processes,
    standby,
    tags,
)

__all__ = ["AUTHORIZATION", "MODULES"]
