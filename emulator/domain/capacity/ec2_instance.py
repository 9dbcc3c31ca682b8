"""An EC2 instance: here a virtual host, whose only life is to be a container instance. Pure; times are epoch seconds.

Source: Amazon EC2 user guide, "Instance lifecycle"; Amazon EC2 Auto Scaling user guide, "Instance lifecycle".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

InstanceState = Literal["pending", "running", "shutting-down", "terminated"]
Lifecycle = Literal[
    "Pending",
    "Pending:Wait",
    "InService",
    "Standby",
    "Terminating:Wait",
    "Terminating:Proceed",
    "Terminating",
    "Terminated",
]
COUNTED: Final = ("Pending", "Pending:Wait", "InService")
"""Of these a group has as many as it desires."""

BOOT_S: Final = 2.0
"""How long a host is `pending` before its agent registers. At AWS it is minutes; nothing boots here."""
TERMINATED_KEPT_S: Final = 3600.0
"""How long a terminated instance is still described."""
STATE_CODES: Final = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48}


@dataclass(frozen=True, slots=True)
class Ec2Instance:
    """`scaling_group` and what follows it are of its Auto Scaling group; None for one that was run or added by hand.
    `container_instance` is an ARN once its agent has registered. `managed_by`: the capacity provider for which ECS
    launched it (Managed Instances), for the tasks `expects` (ARNs); `idle_since` when that found it without tasks."""

    account: str
    region: str
    id: str
    kind: str  # t3.medium
    image_id: str
    zone: str
    subnet_id: str
    vpc_id: str
    state: InstanceState
    launched_at: float
    user_data: str | None = None
    security_groups: list[str] = field(default_factory=list)
    key_name: str | None = None
    profile: str | None = None
    spot: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    reservation_id: str = ""
    scaling_group: str | None = None
    lifecycle: Lifecycle | None = None
    protected: bool = False
    made_from: dict[str, str] = field(default_factory=dict)  # LaunchTemplate's members, or LaunchConfigurationName
    container_instance: str | None = None
    hooked: str | None = None  # the transition whose lifecycle actions were begun
    terminated_at: float | None = None
    client_token: str | None = None
    managed_by: str | None = None
    expects: list[str] = field(default_factory=list)
    idle_since: float | None = None
    detailed_monitoring: bool = False
    state_reason: str | None = None  # Client.UserInitiatedShutdown: User initiated shutdown

    @property
    def up(self) -> bool:
        """Whether it boots or runs."""
        return self.state in ("pending", "running")

    @property
    def live(self) -> bool:
        """Whether its group, or the provider that ECS has it for, counts it: it boots or is in service, and is not on
        its way out."""
        return self.up and (self.managed_by is not None or self.lifecycle in COUNTED)
