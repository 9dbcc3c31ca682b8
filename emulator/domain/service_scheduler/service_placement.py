"""Where a service's next tasks go, as its scheduler asks: a spot for each, or why there is none. Pure.

Which instance is best is placement.py's; this puts it in the words of services. Source of the texts: AWS developer
guide "Amazon ECS service event messages"; the one of a placement constraint was observed on AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from emulator.domain.capacity import placement
from emulator.domain.capacity.capacity_strategy import launch_type_in
from emulator.domain.capacity.placement import NO_INSTANCES, Refusal, closest
from emulator.domain.service_scheduler.service import Deployment

_LACKS: Final = {
    placement.CPU: "has insufficient CPU units available.",
    placement.MEMORY: "has insufficient memory available.",
    placement.PORTS: "is already using a port required by your task.",
    placement.ATTRIBUTE: "is missing an attribute required by your task.",
}
NO_HOSTS: Final = "No Container Instances were found in your capacity provider."
_NO_INSTANCE: Final = "RESOURCE:CONTAINER_INSTANCE"


@dataclass(frozen=True, slots=True)
class Spot:
    """For one task. `instance` is a container instance's ARN; None on Fargate, and for a task that waits for a host."""

    capacity_provider: str | None = None
    instance: str | None = None
    zone: str | None = None  # on Fargate, when it matters


@dataclass(frozen=True, slots=True)
class Unplaced:
    """Why a task could not be placed: `text` is the end of the service event, `reason` EventBridge's, `cause` what an
    instance lacks in the words of `failures`, empty where there is none."""

    text: str
    reason: str
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Spots:
    """`found`: for as many of the tasks as can be placed. `unplaced`: why not for all."""

    found: tuple[Spot, ...]
    unplaced: Unplaced | None = None


NO_SPOTS: Final = Spots(())


@dataclass(frozen=True, slots=True)
class DaemonHost:
    """A container instance as a DAEMON service sees it. `eligible`: it satisfies the placement constraints. `lack`: why
    a task does not fit on it now. `others`: how many tasks are on a draining one that are not of DAEMON services."""

    arn: str
    eligible: bool = True
    lack: Unplaced | None = None
    draining: bool = False
    others: int = 0


ZonePlacer = Callable[[Deployment, str], Spot | None]
"""A spot for one more task in an Availability Zone, None when there is none."""


def nowhere(deployment: Deployment, zone: str) -> Spot | None:
    return None


Placer = Callable[[Deployment, Sequence[str | None]], Spots]
"""Asked with the capacity providers of the tasks that a deployment wants next, None for each with a launch type."""


def on_fargate(deployment: Deployment, providers: Sequence[str | None]) -> Spots:
    """Fargate has room for every task; without instances nothing else has."""
    if launch_type_in(deployment.spec) == "FARGATE":
        return Spots(tuple(Spot(provider) for provider in providers))
    return Spots((), no_instances())


def no_instances(text: str = NO_INSTANCES) -> Unplaced:
    return Unplaced(f"Reason: {text}", _NO_INSTANCE)


def too_many_waiting() -> Unplaced:
    """Wording unconfirmed."""
    return Unplaced("Reason: Too many tasks of the cluster are PROVISIONING already.", _NO_INSTANCE)


def unplaced(refusals: Sequence[Refusal]) -> Unplaced:
    """In the words of the instance that came closest."""
    nearest = closest(refusals)
    lack = _LACKS.get(nearest.reason, f'encountered error "{nearest.reason}".')
    reason = nearest.reason if nearest.reason in (placement.CPU, placement.MEMORY) else _NO_INSTANCE
    text = f"The closest matching (container-instance {nearest.instance.id}) {lack}"
    return Unplaced(text, reason, nearest.reason)
