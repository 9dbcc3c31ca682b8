"""What can be done to the engine for a task: one small value per action, each with its cause.

An action is idempotent and is planned again until the task's record shows that it is done; `key` tells two plans of
the same action apart from different actions, so that nothing runs twice at once.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProvideNetwork:
    """Create and start the pause container that holds the task's network namespace."""

    because: str


@dataclass(frozen=True, slots=True)
class InitializeResources:
    """See that every secret can be had and every log stream exists, before anything is pulled."""

    because: str


@dataclass(frozen=True, slots=True)
class FindImage:
    """Have the engine hold the container's image."""

    container: str
    because: str


@dataclass(frozen=True, slots=True)
class LaunchContainer:
    """Create the container, attach to its output, start it."""

    container: str
    because: str


@dataclass(frozen=True, slots=True)
class RestartContainer:
    """Start the same container again, as its restart policy says."""

    container: str
    because: str


@dataclass(frozen=True, slots=True)
class SignalContainer:
    """The stop signal (SIGTERM, or the image's own)."""

    container: str
    because: str


@dataclass(frozen=True, slots=True)
class KillContainer:
    """SIGKILL, after stopTimeout."""

    container: str
    because: str


@dataclass(frozen=True, slots=True)
class RemoveContainer:
    """Remove it once its output has been read to the end."""

    container: str
    because: str


@dataclass(frozen=True, slots=True)
class RemoveVolumes:
    """Remove the volumes that live as long as the task."""

    because: str


@dataclass(frozen=True, slots=True)
class RemoveControlGroup:
    """Remove the control group that held the task's containers: the engine leaves it."""

    because: str


@dataclass(frozen=True, slots=True)
class RemoveNetwork:
    """Remove the pause container, and with it the namespace and the address."""

    because: str


TaskAction = (
    ProvideNetwork
    | InitializeResources
    | FindImage
    | LaunchContainer
    | RestartContainer
    | SignalContainer
    | KillContainer
    | RemoveContainer
    | RemoveVolumes
    | RemoveControlGroup
    | RemoveNetwork
)


def action_key(action: TaskAction) -> str:
    """`LaunchContainer web`: what makes two plans of an action the same."""
    container = getattr(action, "container", None)
    name = type(action).__name__
    return f"{name} {container}" if container else name
